"""An upload that was killed goes on where it was, and trusts no note that the service denies."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from mlflow.exceptions import MlflowException
from object_service import FakeService, ServiceError, Stored
from objects import MIB, content, store_of, write

from mlflow_plugin_core.objects import notes

PROGRAM = Path(__file__).with_name("uploader.py")


@contextmanager
def stopped_upload(folder: Path, source: Path, at: int) -> Iterator[subprocess.Popen[str]]:
    """Start an upload and wait until it has stored so many parts; killed at the end."""
    with subprocess.Popen(
        [sys.executable, str(PROGRAM), str(folder), str(source), "a", str(at)],
        stdout=subprocess.PIPE,
        text=True,
    ) as child:
        try:
            assert child.stdout is not None
            assert child.stdout.readline() == "stopped\n"
            yield child
        finally:
            child.kill()
            child.wait(30)


def kill_upload(folder: Path, source: Path, at: int) -> None:
    with stopped_upload(folder, source, at) as child:
        child.kill()
        assert child.wait(30) == -signal.SIGKILL


def upload(folder: Path, source: Path) -> dict[str, int]:
    """Upload in a process of its own; returns how often each verb was called."""
    done = subprocess.run(
        [sys.executable, str(PROGRAM), str(folder), str(source), "a"],
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    found: dict[str, int] = json.loads(done.stdout)
    assert (folder / "objects" / "root" / "a").read_bytes() == source.read_bytes()
    return found


def test_a_killed_upload_goes_on_and_sends_only_what_is_missing(tmp_path: Path) -> None:
    source = write(tmp_path / "a", 33 * MIB)
    kill_upload(tmp_path / "service", source, 4)
    assert len(list(notes.folder().iterdir())) == 1

    calls = upload(tmp_path / "service", source)

    assert calls == {"list_parts": 1, "put_part": 3, "complete_upload": 1}
    assert not list(notes.folder().iterdir())
    assert not list((tmp_path / "service" / "uploads").iterdir())


def test_a_part_with_another_content_is_sent_again(tmp_path: Path) -> None:
    source = write(tmp_path / "a", 33 * MIB)
    before = source.stat()
    kill_upload(tmp_path / "service", source, 4)
    with source.open("r+b") as stream:
        stream.seek(6 * MIB)
        stream.write(b"other bytes at the same time of day")
    os.utime(source, ns=(before.st_atime_ns, before.st_mtime_ns))

    calls = upload(tmp_path / "service", source)

    assert calls["put_part"] == 4


def test_a_changed_file_begins_anew(tmp_path: Path) -> None:
    source = write(tmp_path / "a", 33 * MIB)
    kill_upload(tmp_path / "service", source, 4)
    write(source, 33 * MIB, seed=2)

    calls = upload(tmp_path / "service", source)

    assert calls["begin_upload"] == 1
    assert calls["put_part"] == 7


def test_two_processes_never_share_one_upload(tmp_path: Path) -> None:
    source = write(tmp_path / "a", 33 * MIB)
    with stopped_upload(tmp_path / "service", source, 4):
        calls = upload(tmp_path / "service", source)

    assert calls == {"begin_upload": 1, "put_part": 7, "complete_upload": 1}


def test_two_threads_never_share_one_upload(tmp_path: Path) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 33 * MIB)
    both = threading.Barrier(2)

    def wait(verb: str, _key: str) -> None:
        if verb == "begin_upload":
            both.wait(30)

    service.on_request = wait
    threads = [
        threading.Thread(target=store_of(service).put_file, args=(source, "a")) for _ in range(2)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)

    assert service.calls["begin_upload"] == service.calls["complete_upload"] == 2
    assert service.objects["root/a"].data == source.read_bytes()
    assert not list(notes.folder().iterdir())


def noted(source: Path, upload_id: str, *, key: str = "root/a") -> None:
    state = source.stat()
    note = notes.claim("fake://bucket", key, state.st_size, state.st_mtime_ns, 5 * MIB)
    assert note is not None
    note.write(upload_id)
    note.release()


@pytest.mark.parametrize("fault", [None, ServiceError("AccessDenied")])
def test_an_upload_that_the_service_does_not_show_begins_anew(
    tmp_path: Path, fault: ServiceError | None
) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 23 * MIB)
    noted(source, "upload-that-was-cleaned")
    if fault:
        service.fail("list_parts", fault)

    store_of(service).put_file(source, "a")

    assert service.objects["root/a"].data == source.read_bytes()
    assert service.calls["list_parts"] == service.calls["begin_upload"] == 1
    assert not list(notes.folder().iterdir())


def test_parts_of_another_plan_are_given_up(tmp_path: Path) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 23 * MIB)
    upload_id = service.begin_upload("root/a")
    service.uploads[upload_id].parts = {1: content(5 * MIB), 9: content(5 * MIB)}
    noted(source, upload_id)

    store_of(service).put_file(source, "a")

    assert service.objects["root/a"].data == source.read_bytes()
    assert service.calls["abort_upload"] == 1
    assert not service.uploads


def test_parts_of_a_wrong_size_are_sent_again(tmp_path: Path) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 23 * MIB)
    upload_id = service.begin_upload("root/a")
    data = source.read_bytes()
    service.uploads[upload_id].parts = {1: data[: 5 * MIB], 2: data[5 * MIB : 6 * MIB]}
    noted(source, upload_id)

    store_of(service).put_file(source, "a")

    assert service.objects["root/a"].data == data
    assert service.calls["put_part"] == 4
    assert service.calls["begin_upload"] == 1


def test_an_upload_that_cannot_begin_leaves_no_note(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("begin_upload", ServiceError("AccessDenied"))

    with pytest.raises(MlflowException, match="Cannot begin to store 'a'"):
        store_of(service).put_file(write(tmp_path / "a", 11 * MIB), "a")

    assert not list(notes.folder().iterdir())


def test_an_upload_that_may_not_be_given_up_is_gone_on_with_later(tmp_path: Path) -> None:
    service = FakeService()
    service.fail("put_part", ServiceError("AccessDenied"), number=3)
    service.fail("abort_upload", ServiceError("AccessDenied"))
    source = write(tmp_path / "a", 23 * MIB)
    store = store_of(service, workers=1)
    with pytest.raises(MlflowException, match="part 3"):
        store.put_file(source, "a")
    assert len(list(notes.folder().iterdir())) == 1
    service.calls.clear()

    store.put_file(source, "a")

    assert service.calls["put_part"] == 3
    assert service.calls["begin_upload"] == 0


@pytest.mark.parametrize("text", ["", "{", "[]", '{"upload_id": 5}', '{"other": "x"}', "\0" * 9])
def test_a_note_that_cannot_be_read_is_no_obstacle(tmp_path: Path, text: str) -> None:
    service = FakeService()
    source = write(tmp_path / "a", 11 * MIB)
    noted(source, "x")
    [note] = notes.folder().iterdir()
    note.write_text(text)

    store_of(service).put_file(source, "a")

    assert service.calls["list_parts"] == 0
    assert service.objects["root/a"].data == source.read_bytes()


def test_a_cache_that_cannot_be_written_is_no_obstacle(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "cache").write_text("a file where a folder should be")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    service = FakeService()
    source = write(tmp_path / "a", 11 * MIB)

    store_of(service).put_file(source, "a")

    assert service.objects["root/a"].data == source.read_bytes()


def test_without_a_home_nothing_is_noted(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", "relative/cache")

    assert notes.claim("a") is None


@pytest.mark.skipif(sys.platform == "win32", reason="POSIX modes")
def test_notes_are_for_their_owner_alone_and_hold_no_names(tmp_path: Path) -> None:
    source = write(tmp_path / "secret-name", 11 * MIB)
    noted(source, "some-id", key="root/secret-name")

    assert notes.folder().stat().st_mode & 0o777 == 0o700
    [note] = notes.folder().iterdir()
    assert note.stat().st_mode & 0o777 == 0o600
    assert "secret" not in note.name + note.read_text()


def test_old_notes_are_removed_and_those_in_use_are_not(tmp_path: Path) -> None:
    for name in ("old", "used", "new"):
        note = notes.claim(name)
        assert note is not None
        note.write(name)
        note.release()
    used = notes.claim("used")
    assert used is not None
    assert used.upload_id == "used"
    for path in notes.folder().iterdir():
        if "new" not in path.read_text():
            os.utime(path, (1, 1))

    other = notes.claim("other")
    assert other is not None
    left = sorted(path.read_text() for path in notes.folder().iterdir())
    assert left == ["", '{"upload_id": "new"}', '{"upload_id": "used"}']
    other.remove()
    used.remove()
    used.remove()
    assert len(list(notes.folder().iterdir())) == 1


def test_notes_of_another_place_key_size_or_time_are_others(tmp_path: Path) -> None:
    facts = ("fake://bucket", "root/a", 5, 7, 1)
    first = notes.claim(*facts)
    assert first is not None
    assert notes.claim(*facts) is None
    for position in range(5):
        changed = [*facts]
        changed[position] = f"{changed[position]}0"
        other = notes.claim(*changed)
        assert other is not None
        other.release()
    first.release()
    again = notes.claim(*facts)
    assert again is not None
    again.remove()


def test_a_stored_object_is_replaced_only_when_the_upload_is_whole(tmp_path: Path) -> None:
    service = FakeService()
    service.objects["root/a"] = Stored(b"before")
    service.fail("put_part", ServiceError("AccessDenied"), number=3)
    source = write(tmp_path / "a", 23 * MIB)
    with pytest.raises(Exception, match="part 3"):
        store_of(service).put_file(source, "a")

    assert service.objects["root/a"].data == b"before"
