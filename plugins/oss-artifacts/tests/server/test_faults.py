"""Faults in the middle of transfers: what passes is repeated, what does not leaves nothing half."""

from __future__ import annotations

import errno
import os
import threading
import warnings
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING, Any

import pytest
from mlflow.exceptions import MlflowException
from mlflow.store.artifact.artifact_repository_registry import get_artifact_repository

if TYPE_CHECKING:
    from collections.abc import Callable

    from mlflow_plugin_servers.oss_server import Bucket, OssServer
    from mlflow_plugin_servers.proxy import Proxy

    Own = tuple[OssServer, Bucket, str]

pytestmark = [pytest.mark.server, pytest.mark.enable_socket]

_MIB = 1 << 20
_PARTS = "?part_size=5242880&memory=16777216&workers=3"
_SIZE = 22 * _MIB + 17


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A file of five parts."""
    path = tmp_path / "model.bin"
    path.write_bytes(os.urandom(_SIZE))
    return path


def _statuses(server: OssServer, method: str, name: str = "") -> Counter[int]:
    return Counter(
        each["status"]
        for each in server.requests()
        if each["method"] == method and (not name or name in dict(each["query"]))
    )


def _fetched(repository: Any, name: str, folder: Path) -> bytes:
    folder.mkdir(exist_ok=True)
    return Path(repository.download_artifacts(name, str(folder))).read_bytes()


def test_a_storm_of_503_is_waited_for_as_it_asks(own: Own, sdk: str, tmp_path: Path) -> None:
    server, _, location = own
    folder = tmp_path / "many"
    folder.mkdir()
    for index in range(30):
        (folder / str(index)).write_text(str(index))
    repository = get_artifact_repository(location)
    server.fail(503, times=40, retry_after=1)

    repository.log_artifacts(str(folder))

    assert len(repository.list_artifacts()) == 30
    assert _statuses(server, "PUT")[503] == 40
    assert sdk


def test_a_limit_of_requests_is_not_an_error_of_the_user(own: Own, sdk: str) -> None:
    server, _, location = own
    server.fail(429, code="QpsLimitExceeded", times=3)

    assert get_artifact_repository(location).list_artifacts() == []
    assert sdk


def test_a_part_that_fails_is_sent_again_alone(own: Own, sdk: str, model: Path) -> None:
    server, _, location = own
    repository = get_artifact_repository(location + _PARTS)
    server.fail(500, times=3, method="PUT", query="partNumber")

    repository.log_artifact(str(model))

    assert _statuses(server, "PUT", "partNumber") == {500: 3, 200: 5}
    assert _fetched(repository, "model.bin", model.parent / "out") == model.read_bytes()
    assert sdk


def test_a_part_that_fails_each_time_leaves_the_old_file_and_no_upload(
    own: Own, sdk: str, model: Path
) -> None:
    server, bucket, location = own
    repository = get_artifact_repository(f"{location}{_PARTS}&retry_timeout=20")
    old = model.parent / "old" / model.name
    old.parent.mkdir()
    old.write_bytes(b"old")
    repository.log_artifact(str(old))
    server.fail(500, times=1000, method="PUT", query="partNumber")

    with pytest.raises(MlflowException, match="part .* in 5 attempts") as caught:
        repository.log_artifact(str(model))

    assert caught.value.error_code == "TEMPORARILY_UNAVAILABLE"
    assert "request id" in caught.value.message
    assert _fetched(repository, "model.bin", model.parent / "out") == b"old"
    assert _pending(bucket) == 0
    assert sdk


def test_a_part_that_arrives_damaged_is_sent_again(
    own: Own,
    sdk: str,
    model: Path,
    tcp_proxy: Callable[[int], Proxy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, bucket, location = own
    proxy = tcp_proxy(int(bucket.endpoint.rpartition(":")[2]))
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    repository = get_artifact_repository(location + _PARTS)
    proxy.corrupt_after(3 * _MIB)

    repository.log_artifact(str(model))

    assert _statuses(server, "PUT", "partNumber") == {200: 6}
    assert _fetched(repository, "model.bin", model.parent / "out") == model.read_bytes()
    assert sdk


def test_a_small_file_that_arrives_damaged_never_replaces_the_old_one(
    own: Own,
    sdk: str,
    tmp_path: Path,
    tcp_proxy: Callable[[int], Proxy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    server, bucket, location = own
    proxy = tcp_proxy(int(bucket.endpoint.rpartition(":")[2]))
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    repository = get_artifact_repository(location)
    (tmp_path / "file").write_bytes(os.urandom(200_000))
    proxy.corrupt_after(100_000)

    repository.log_artifact(str(tmp_path / "file"))

    # OSS compares the MD5 before it stores anything.
    assert _statuses(server, "PUT") == {400: 1, 200: 1}
    assert _fetched(repository, "file", tmp_path / "out") == (tmp_path / "file").read_bytes()
    assert sdk


@pytest.mark.parametrize("size", [200_000, _SIZE], ids=["small", "large"])
def test_a_download_that_arrives_damaged_leaves_no_file(
    own: Own, sdk: str, tmp_path: Path, size: int
) -> None:
    server, _, location = own
    repository = get_artifact_repository(location + _PARTS)
    (tmp_path / "file").write_bytes(os.urandom(size))
    repository.log_artifact(str(tmp_path / "file"))
    server.corrupt(method="GET", times=1000)
    server.corrupt(method="HEAD", times=1000)

    with pytest.raises(MlflowException, match="CRC-64"):
        _fetched(repository, "file", tmp_path / "out")

    assert list((tmp_path / "out").iterdir()) == []
    assert sdk


def test_a_wrong_checksum_of_the_whole_upload_is_an_error(own: Own, sdk: str, model: Path) -> None:
    server, _, location = own
    repository = get_artifact_repository(f"{location}{_PARTS}&retry_timeout=0")
    server.corrupt(method="POST", times=1000)

    with pytest.raises(MlflowException, match="CRC-64"):
        repository.log_artifact(str(model))
    assert sdk


@pytest.mark.parametrize("answers", [False, True], ids=["up", "down"])
def test_a_connection_that_is_cut_half_way_goes_on(
    own: Own,
    sdk: str,
    model: Path,
    answers: bool,
    tcp_proxy: Callable[[int], Proxy],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    _, bucket, location = own
    proxy = tcp_proxy(int(bucket.endpoint.rpartition(":")[2]))
    monkeypatch.setenv("MLFLOW_OSS_ENDPOINT_URL", f"http://127.0.0.1:{proxy.port}")
    repository = get_artifact_repository(location + _PARTS)
    if answers:
        repository.log_artifact(str(model))
    proxy.cut_after(_SIZE // 2, answers=answers)

    if not answers:
        repository.log_artifact(str(model))

    assert _fetched(repository, "model.bin", model.parent / "out") == model.read_bytes()
    assert proxy.cuts
    assert sdk


def test_a_completion_whose_answer_was_lost_is_recognised(own: Own, sdk: str, model: Path) -> None:
    server, _, location = own
    repository = get_artifact_repository(location + _PARTS)
    server.fail(500, method="POST", query="uploadId", after=True)

    repository.log_artifact(str(model))

    assert _fetched(repository, "model.bin", model.parent / "out") == model.read_bytes()
    assert sdk


@pytest.mark.parametrize("size", [200_000, _SIZE], ids=["small", "large"])
@pytest.mark.parametrize("path", ["file", ""], ids=["alone", "folder"])
def test_a_file_that_is_replaced_meanwhile_is_fetched_as_it_is_then(
    own: Own, sdk: str, tmp_path: Path, size: int, path: str
) -> None:
    server, _, location = own
    repository = get_artifact_repository(location + _PARTS)
    (tmp_path / "file").write_bytes(b"o" * size)
    repository.log_artifact(str(tmp_path / "file"))
    (tmp_path / "file").write_bytes(b"n" * size)
    server.delay(0.3, method="GET", times=20)
    writer = threading.Timer(0.4, lambda: repository.log_artifact(str(tmp_path / "file")))
    writer.start()
    (tmp_path / "out").mkdir()

    repository.download_artifacts(path, str(tmp_path / "out"))

    writer.join()
    found = (tmp_path / "out" / "file").read_bytes()
    assert found in {b"o" * size, b"n" * size}
    assert repository._store.stat("file").size == size
    assert sdk


def test_a_full_disk_is_told_and_leaves_nothing(
    own: Own, sdk: str, model: Path, tmp_path: Path
) -> None:
    resource = pytest.importorskip("resource")
    _, _, location = own
    repository = get_artifact_repository(location + _PARTS)
    repository.log_artifact(str(model))
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    # A file may not grow beyond this, as on a disk that is full there.
    resource.setrlimit(resource.RLIMIT_FSIZE, (_MIB, before[1]))
    try:
        with pytest.raises(MlflowException, match="Cannot write") as caught:
            _fetched(repository, "model.bin", tmp_path / "out")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)

    assert os.strerror(errno.EFBIG) in caught.value.message
    assert list((tmp_path / "out").iterdir()) == []
    assert sdk


def test_ten_thousand_and_one_entries_are_listed_and_deleted(
    own: Own, raw: Callable[[Bucket], Any]
) -> None:
    server, bucket, location = own
    from concurrent.futures import ThreadPoolExecutor

    prefix = location.partition(bucket.name)[2].strip("/")
    bare = raw(bucket)
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda i: bare.put_object(f"{prefix}/f/{i}", b"1"), range(10_001)))
    repository = get_artifact_repository(location)
    server.requests()

    assert len(repository.list_artifacts("f")) == 10_001
    assert len(server.requests()) == 11
    repository.delete_artifacts("f")
    assert repository.list_artifacts() == []


def test_what_is_deleted_while_it_is_listed_is_no_error(own: Own, sdk: str, tmp_path: Path) -> None:
    server, _, location = own
    folder = tmp_path / "many"
    folder.mkdir()
    for index in range(50):
        (folder / str(index)).write_text("x")
    repository = get_artifact_repository(location)
    repository.log_artifacts(str(folder))
    server.delay(0.3, method="GET", times=1)
    other = threading.Timer(0.1, repository.delete_artifacts)
    other.start()

    found = repository.list_artifacts()

    other.join()
    assert len(found) in {0, 50}
    assert repository.list_artifacts() == []
    assert sdk


@pytest.mark.parametrize("key", ["a b/ü+&?", "中文 %41", "emoji-😀", "-._~", "x" * 980, "a'b\"<c>"])
def test_odd_names_come_back(own: Own, sdk: str, key: str, raw: Callable[[Bucket], Any]) -> None:
    _, bucket, location = own
    prefix = location.partition(bucket.name)[2].strip("/")
    raw(bucket).put_object(f"{prefix}/{key}", b"content")
    repository = get_artifact_repository(location)

    assert repository._store.stat(key).size == 7
    assert repository._store.get_range(key, 0, 7) == b"content"
    repository.delete_artifacts()
    assert repository.list_artifacts() == []
    assert sdk


def test_a_key_that_is_too_long_is_refused_before_anything_is_sent(
    own: Own, tmp_path: Path
) -> None:
    server, _, location = own
    (tmp_path / "file").write_text("x")
    repository = get_artifact_repository(location)
    server.requests()

    with pytest.raises(MlflowException, match="1,023"):
        repository.log_artifact(str(tmp_path / "file"), "x" * 500 + "/" + "y" * 500)

    assert server.requests() == []


def test_markers_of_consoles_and_names_that_are_prefixes_are_listed_once(
    own: Own, sdk: str, raw: Callable[[Bucket], Any]
) -> None:
    _, bucket, location = own
    prefix = location.partition(bucket.name)[2].strip("/")
    for key in ("", "empty/", "a", "a/b", "odd//name"):
        raw(bucket).put_object(f"{prefix}/{key}", b"")
    repository = get_artifact_repository(location)

    found = [(each.path, each.is_dir) for each in repository.list_artifacts()]

    assert ("empty", True) in found
    assert ("a", False) in found
    assert ("a", True) in found
    assert [each.path for each in repository.list_artifacts("a")] == ["a/b"]
    assert repository.list_artifacts("empty") == []
    repository.delete_artifacts()
    assert raw(bucket).list_objects_v2(prefix=prefix).object_list == []
    assert sdk


def _pending(bucket: Bucket) -> int:
    return len(_raw(bucket).list_multipart_uploads().upload_list)


def _raw(bucket: Bucket) -> Any:
    with warnings.catch_warnings():
        # Its source has escapes that Python 3.12 warns of while compiling.
        warnings.simplefilter("ignore")
        import oss2

    auth = oss2.make_auth(bucket.key_id, bucket.key_secret, "v4")
    return oss2.Bucket(auth, bucket.endpoint, bucket.name, region=bucket.region)


@pytest.fixture
def raw() -> Callable[[Bucket], Any]:
    """The bucket by the bare SDK."""
    return _raw
