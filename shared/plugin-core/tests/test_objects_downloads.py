"""Objects on their way out: verified, repeated from where they broke, in place at the end."""

from __future__ import annotations

import _thread
import errno
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from object_service import FakeService, ServiceError, Stored
from objects import MIB, content, store_of, workers_alive

from mlflow_plugin_core import local_files
from mlflow_plugin_core.blob_store import Blob, Download

if TYPE_CHECKING:
    from mlflow_plugin_core.objects.store import ObjectStore

SMALL, LARGE = 100_000, 23 * MIB + 5
BOTH = pytest.mark.parametrize("size", [SMALL, LARGE])


def holding(size: int, part_bytes: int | None = None) -> FakeService:
    service = FakeService()
    part = part_bytes or (5 * MIB if size == LARGE else None)
    service.objects["root/a"] = Stored(content(size), part)
    return service


def listed(store: ObjectStore, path: str = "a") -> Blob:
    return next(blob for blob in store.list_all("") if blob.path == path)


def left_in(folder: Path) -> list[str]:
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def chunks_once(fault: Callable[[bytes], bytes]) -> Callable[[str, int, bytes], bytes]:
    """Let a fault happen to one chunk in the middle."""
    left = iter([True])

    def change(_key: str, offset: int, chunk: bytes) -> bytes:
        if offset >= 65_536 and next(left, False):
            return fault(chunk)
        return chunk

    return change


def cut(_chunk: bytes) -> bytes:
    raise ConnectionResetError


@BOTH
def test_a_range_goes_on_from_where_it_broke(tmp_path: Path, size: int) -> None:
    service = holding(size)
    sent = 0
    broken = chunks_once(cut)

    def count(key: str, offset: int, chunk: bytes) -> bytes:
        nonlocal sent
        chunk = broken(key, offset, chunk)
        sent += len(chunk)
        return chunk

    service.on_chunk = count
    store = store_of(service, workers=1)

    store.get_file(listed(store), tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == service.objects["root/a"].data
    assert sent == size


@BOTH
def test_a_connection_may_break_again_and_again_as_long_as_bytes_come(
    tmp_path: Path, size: int
) -> None:
    service = holding(size)
    seen: set[int] = set()

    def break_each(_key: str, offset: int, chunk: bytes) -> bytes:
        if offset % (1 << 20) == 65_536 and offset not in seen:
            seen.add(offset)
            raise ConnectionResetError
        return chunk

    service.on_chunk = break_each
    store = store_of(service, workers=2, retry_timeout=0.3)

    store.get_file(listed(store), tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == service.objects["root/a"].data
    assert len(seen) == max(1, round(size / MIB))


@BOTH
def test_an_answer_that_ends_too_early_is_noticed(tmp_path: Path, size: int) -> None:
    service = holding(size)
    left = iter([True])

    def shorten(_key: str, offset: int, chunk: bytes) -> bytes:
        end = offset + len(chunk)
        is_last = end in {size, 5 * MIB}
        return chunk[:-9] if is_last and next(left, False) else chunk

    service.on_chunk = shorten
    store = store_of(service)
    store.get_file(listed(store), tmp_path / "a")  # the rest is fetched

    assert next(left, None) is None
    assert (tmp_path / "a").read_bytes() == service.objects["root/a"].data

    service.on_chunk = lambda _key, _offset, _chunk: b""
    with pytest.raises(MlflowException, match="attempts .*bytes too early"):
        store.get_file(listed(store), tmp_path / "b")
    assert left_in(tmp_path) == ["a"]


def test_an_answer_that_is_too_long_is_refused(tmp_path: Path) -> None:
    service = holding(SMALL)
    service.on_chunk = lambda _key, _offset, chunk: chunk + b"more"
    store = store_of(service)

    with pytest.raises(MlflowException, match="more than the"):
        store.get_file(listed(store), tmp_path / "a")
    assert left_in(tmp_path) == []


@BOTH
def test_a_file_that_arrives_damaged_is_fetched_again(tmp_path: Path, size: int) -> None:
    service = holding(size)
    service.on_chunk = chunks_once(lambda chunk: bytes(len(chunk)))
    store = store_of(service)
    blob = store.stat("a")
    assert blob is not None

    store.get_file(blob, tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == service.objects["root/a"].data
    assert service.calls["read"] == (2 if size == SMALL else 10)


@BOTH
def test_a_file_that_stays_damaged_is_not_put_into_place(tmp_path: Path, size: int) -> None:
    service = holding(size)
    service.on_chunk = lambda _key, offset, chunk: bytes(len(chunk)) if offset else chunk
    store = store_of(service)
    blob = store.stat("a")
    assert blob is not None
    (tmp_path / "a").write_bytes(b"before")

    with pytest.raises(MlflowException, match="arrived damaged: the service says MD5") as error:
        store.get_file(blob, tmp_path / "a")

    assert error.value.error_code == "INTERNAL_ERROR"
    assert left_in(tmp_path) == ["a"]
    assert (tmp_path / "a").read_bytes() == b"before"


def test_ranges_begin_where_the_digests_of_parts_begin(tmp_path: Path) -> None:
    service = FakeService()
    service.objects["root/a"] = Stored(content(40 * MIB), 3 * MIB + 17)
    store = store_of(service, part_size=10 * MIB)

    store.get_file(listed(store), tmp_path / "a")  # the verifier asserts the order of bytes

    assert (tmp_path / "a").read_bytes() == service.objects["root/a"].data
    assert service.calls["read"] == 5
    assert service.calls["head"] == 1


def test_content_without_a_digest_is_fetched_all_the_same(tmp_path: Path) -> None:
    service = holding(LARGE)
    service.digests = False
    store = store_of(service)

    store.get_file(listed(store), tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == service.objects["root/a"].data


@BOTH
@pytest.mark.parametrize("new_size", [0, 70_000, 12 * MIB, 31 * MIB])
def test_an_object_that_is_replaced_meanwhile_is_fetched_as_it_is_then(
    tmp_path: Path, size: int, new_size: int
) -> None:
    service = holding(size)

    def replace(_chunk: bytes) -> bytes:
        service.objects["root/a"] = Stored(content(new_size, seed=2))
        raise ConnectionResetError

    service.on_chunk = chunks_once(replace)
    store = store_of(service)

    store.get_file(listed(store), tmp_path / "a")

    assert (tmp_path / "a").read_bytes() == content(new_size, seed=2)
    assert left_in(tmp_path) == ["a"]


@BOTH
def test_an_object_that_is_replaced_all_the_time_is_an_error(tmp_path: Path, size: int) -> None:
    service = holding(size)
    versions = iter(range(1_000))

    def replace(_key: str, _offset: int, _chunk: bytes) -> bytes:
        service.objects["root/a"] = Stored(content(size, seed=next(versions)))
        raise ConnectionResetError

    service.on_chunk = replace
    store = store_of(service)

    with pytest.raises(MlflowException, match="changed while it was read"):
        store.get_file(listed(store), tmp_path / "a")
    assert left_in(tmp_path) == []


@BOTH
def test_an_object_that_goes_after_the_listing_is_missing(tmp_path: Path, size: int) -> None:
    service = holding(size)
    store = store_of(service)
    blob = listed(store)
    service.objects.clear()

    with pytest.raises(MlflowException, match="'a'") as error:
        store.get_file(blob, tmp_path / "a")
    assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
    assert left_in(tmp_path) == []


def test_a_listed_small_file_costs_one_request_and_an_empty_one_none(tmp_path: Path) -> None:
    service = FakeService()
    service.listing_has_digests = True
    service.objects = {
        f"root/{at}": Stored(content(at)) for at in range(50)
    }  # the first one is empty
    store = store_of(service)
    blobs = list(store.list_folder(""))

    store.get_many([Download(blob, tmp_path / blob.path) for blob in blobs], lambda _count: None)

    assert service.calls == {"list": 1, "read": 49}
    assert (tmp_path / "0").read_bytes() == b""
    assert all((tmp_path / str(at)).read_bytes() == content(at) for at in range(50))


def test_ranges_run_side_by_side_within_the_threads(tmp_path: Path) -> None:
    service = FakeService()
    service.latency = 0.02
    service.objects = {f"root/{at}": Stored(content(26 * MIB, at), 5 * MIB) for at in range(3)}
    service.objects |= {f"root/s{at}": Stored(content(99, at)) for at in range(60)}
    store = store_of(service, workers=6)
    blobs = list(store.list_folder(""))
    done: list[int] = []

    store.get_many([Download(blob, tmp_path / blob.path) for blob in blobs], done.append)

    assert sum(done) == 63
    assert 4 <= service.most_at_once <= 6
    for blob in blobs:
        assert (tmp_path / blob.path).read_bytes() == service.objects[f"root/{blob.path}"].data


def test_one_failure_names_its_file_and_leaves_no_temporary_files(tmp_path: Path) -> None:
    service = FakeService()
    service.objects = {f"root/{at}": Stored(content(12 * MIB, at), 5 * MIB) for at in range(4)}
    service.fail("read", ServiceError("AccessDenied"), match="root/2")
    store = store_of(service)

    with pytest.raises(MlflowException, match=r"bytes .* of '2'") as error:
        store.get_many(
            [Download(blob, tmp_path / blob.path) for blob in store.list_folder("")],
            lambda _count: None,
        )

    assert error.value.error_code == "PERMISSION_DENIED"
    assert not [name for name in left_in(tmp_path) if local_files.TEMPORARY_PREFIX in name]


def test_ctrl_c_leaves_no_thread_and_no_temporary_file(tmp_path: Path) -> None:
    service = holding(LARGE)
    once = iter([True])

    def interrupt(_key: str, _offset: int, chunk: bytes) -> bytes:
        if next(once, False):
            _thread.interrupt_main()
        time.sleep(0.01)
        return chunk

    service.on_chunk = interrupt
    store = store_of(service, workers=2)

    with pytest.raises(KeyboardInterrupt):
        store.get_file(listed(store), tmp_path / "a")

    assert not workers_alive()
    assert left_in(tmp_path) == []
    assert service.calls["read"] < 5


def test_an_object_that_is_also_a_folder_is_a_clear_error(tmp_path: Path) -> None:
    service = FakeService()
    service.objects = {"root/a": Stored(b"file"), "root/a/b": Stored(b"below")}
    store = store_of(service)
    (tmp_path / "all" / "a").mkdir(parents=True)  # as the repository makes folders first
    blobs = [blob for blob in store.list_all("") if not blob.is_folder]

    with pytest.raises(MlflowException, match="also the folder of others"):
        store.get_many(
            [Download(blob, tmp_path / "all" / blob.path) for blob in blobs], lambda _count: None
        )
    for path in ("a", "a/b"):
        blob = store.stat(path)
        assert blob is not None
        store.get_file(blob, tmp_path / "alone" / path.replace("/", "_"))
    assert left_in(tmp_path / "alone") == ["a", "a_b"]


def test_a_folder_that_takes_no_files_is_named(tmp_path: Path) -> None:
    service = holding(LARGE)
    store = store_of(service)
    (tmp_path / "file").write_bytes(b"")

    with pytest.raises(MlflowException, match="Cannot write .*file/a"):
        store.get_file(listed(store), tmp_path / "file" / "a")


_FULL_DISK = """
import resource, sys
from pathlib import Path
sys.path.insert(0, sys.argv[1])
from mlflow.exceptions import MlflowException
from object_service import FakeService, Stored
from objects import content, store_of

size, folder = int(sys.argv[2]), Path(sys.argv[3])
service = FakeService()
service.objects["root/a"] = Stored(content(size), 5 << 20 if size > 6 << 20 else None)
store = store_of(service)
# Files of this process cannot grow beyond this: to the code it is a disk that is full.
resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, resource.RLIM_INFINITY))
try:
    store.get_file(store.stat("a"), folder / "a")
except MlflowException as error:
    print(error.error_code, error.message)
print("left:", [path.name for path in folder.iterdir()], "reads:", service.calls["read"])
"""


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no limits of file sizes")
@BOTH
def test_a_full_disk_is_said_and_the_temporary_file_is_gone(tmp_path: Path, size: int) -> None:
    done = subprocess.run(
        [sys.executable, "-c", _FULL_DISK, str(Path(__file__).parent), str(size), str(tmp_path)],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )

    assert "Cannot write" in done.stdout, done.stdout + done.stderr
    assert "make room on that disk" in done.stdout
    assert "left: []" in done.stdout
    assert "reads: 1" in done.stdout or size == LARGE


@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EDQUOT])
def test_every_way_of_being_full_is_known(tmp_path: Path, number: int) -> None:
    from mlflow_plugin_core.objects.downloads import unwritable

    message = unwritable(tmp_path / "a", OSError(number, "no room")).message

    assert "make room" in message
    assert str(tmp_path / "a") in message


def test_ranges_are_read_exactly() -> None:
    service = holding(SMALL)
    store = store_of(service)
    data = service.objects["root/a"].data

    assert store.get_range("a", 0, 10) == data[:10]
    assert store.get_range("a", 70_000, 20_000) == data[70_000:90_000]
    assert store.get_range("a", SMALL - 5, 100) == data[-5:]
    assert store.get_range("a", SMALL, 100) == b""
    assert store.get_range("a", SMALL + 5, 100) == b""
    assert store.get_range("a", 5, 0) == b""
    service.on_chunk = chunks_once(cut)
    assert store.get_range("a", 0, SMALL) == data
    with pytest.raises(MlflowException, match="No such artifact: 'b'"):
        store.get_range("b", 0, 1)
