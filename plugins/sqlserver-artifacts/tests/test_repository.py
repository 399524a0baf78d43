"""What MLflow does with a repository, on every database."""

from __future__ import annotations

import asyncio
import hashlib
import io
import os
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException
from sqlalchemy import and_, delete, select, text, update

from mlflow_sqlserver_artifacts.schema import chunks, entries

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository
    from mlflow_sqlserver_artifacts.store import SqlBlobStore

CHUNK = 1 << 20


def names(repository: SqlArtifactRepository, path: str | None = None) -> list[str]:
    return [info.path for info in repository.list_artifacts(path)]


def content_id(store: SqlBlobStore, path: str) -> bytes:
    blob = store.stat(path)
    assert blob is not None
    return blob.handle.content_id  # type: ignore[attr-defined,no-any-return]


def download(repository: SqlArtifactRepository, path: str, tmp_path: Path) -> bytes:
    folder = tmp_path / f"out-{os.urandom(4).hex()}"
    folder.mkdir()
    return Path(repository.download_artifacts(path, str(folder))).read_bytes()


@pytest.mark.parametrize(
    "size", [0, 1, CHUNK - 1, CHUNK, CHUNK + 1, 3 * CHUNK, 40 * CHUNK + 17], ids=str
)
def test_a_file_of_any_size_comes_back_with_the_same_bytes(
    repository: SqlArtifactRepository, tmp_path: Path, write_file: Callable[..., Path], size: int
) -> None:
    content = os.urandom(1 << 16) * (size // (1 << 16) + 1)
    content = content[:size]
    repository.log_artifact(str(write_file("model.bin", content)), "model")

    (info,) = repository.list_artifacts("model")

    assert (info.path, info.file_size, info.is_dir) == ("model/model.bin", size, False)
    assert download(repository, "model/model.bin", tmp_path) == content


def test_a_folder_keeps_its_shape(
    repository: SqlArtifactRepository, tmp_path: Path, write_file: Callable[..., Path]
) -> None:
    contents = {
        "a.txt": b"a",
        "empty": b"",
        "deep/er/b.txt": b"b" * 5000,
        "deep/c.bin": os.urandom(2 * CHUNK + 5),
        "ünï/cödé \N{SNOWMAN}.txt": b"snow",
    }
    for name, content in contents.items():
        write_file(name, content)
    repository.log_artifacts(str(tmp_path / "local"), "kept")

    folder = tmp_path / "out"
    folder.mkdir()
    result = Path(repository.download_artifacts("kept", str(folder)))

    found = {
        path.relative_to(result).as_posix(): path.read_bytes()
        for path in result.rglob("*")
        if path.is_file()
    }
    assert found == contents
    assert names(repository) == ["kept"]
    assert names(repository, "kept") == ["kept/a.txt", "kept/deep", "kept/empty", "kept/ünï"]
    assert names(repository, "kept/deep/er") == ["kept/deep/er/b.txt"]


def test_everything_downloads_for_an_empty_path(
    repository: SqlArtifactRepository, tmp_path: Path, write_file: Callable[..., Path]
) -> None:
    repository.log_artifact(str(write_file("a.txt", b"a")))
    repository.log_artifact(str(write_file("b.txt", b"b")), "folder")

    result = Path(repository.download_artifacts("", str(tmp_path)))

    assert (result / "a.txt").read_bytes() == b"a"
    assert (result / "folder" / "b.txt").read_bytes() == b"b"


def test_a_listed_file_has_nothing_below_it(
    repository: SqlArtifactRepository, write_file: Callable[..., Path]
) -> None:
    repository.log_artifact(str(write_file("a.txt")))

    assert names(repository, "a.txt") == []
    assert names(repository, "never/was") == []


def test_two_runs_in_one_database_do_not_see_each_other(
    location: str,
    open_repository: Callable[[str], SqlArtifactRepository],
    write_file: Callable[..., Path],
) -> None:
    first = open_repository(location)
    second = open_repository(location.replace("artifacts", "artifacts-of-another", 1))
    if "artifacts.db" in location:
        second = open_repository(
            location.replace("/artifacts", "/others").replace("/others.db", "/artifacts.db")
        )
    first.log_artifact(str(write_file("mine.txt")))

    assert names(second) == []
    second.delete_artifacts()
    assert names(first) == ["mine.txt"]


def test_logging_again_replaces_the_file_and_leaves_no_old_chunk(
    repository: SqlArtifactRepository,
    store: SqlBlobStore,
    tmp_path: Path,
    write_file: Callable[..., Path],
) -> None:
    for content in (b"small", os.urandom(3 * CHUNK), b"small again", os.urandom(70 * CHUNK)):
        repository.log_artifact(str(write_file("model.bin", content)))
        assert download(repository, "model.bin", tmp_path) == content
    repository.log_artifact(str(write_file("model.bin", b"last")))

    assert count(store, "mlflow_artifact_chunks") == 1
    assert count(store, "mlflow_artifact_pending") == 0


def test_delete_takes_a_file_a_folder_and_everything(
    repository: SqlArtifactRepository,
    store: SqlBlobStore,
    write_file: Callable[..., Path],
    tmp_path: Path,
) -> None:
    for name in ("a", "f/b", "f/g/c", "f/g/d", "h/e"):
        write_file(name, name.encode())
    write_file("f/large", os.urandom(600 * 1024 + 5 * CHUNK))
    repository.log_artifacts(str(tmp_path / "local"))

    repository.delete_artifacts("f/g/c")
    assert names(repository, "f/g") == ["f/g/d"]
    repository.delete_artifacts("f")
    assert names(repository) == ["a", "h"]
    repository.delete_artifacts("f")
    repository.delete_artifacts("never/was")
    repository.delete_artifacts()

    assert names(repository) == []
    assert count(store, "mlflow_artifact_chunks") == 0
    assert count(store, "mlflow_artifact_pending") == 0


def test_names_differ_by_case_trailing_space_and_unicode_form(
    repository: SqlArtifactRepository, tmp_path: Path
) -> None:
    stored = [
        "model",
        "Model",
        "model ",
        "e\N{COMBINING ACUTE ACCENT}",
        "\N{LATIN SMALL LETTER E WITH ACUTE}",
        "ß",
        "ss",
    ]
    for name in stored:
        repository.log_artifact_from_stream(io.BytesIO(name.encode()), name)

    assert names(repository) == sorted(stored)
    for name in stored:
        assert download(repository, name, tmp_path) == name.encode()


def test_a_path_of_4000_characters_is_stored(repository: SqlArtifactRepository) -> None:
    folder = "/".join(["d" * 99] * 39)
    name = "f" * (4000 - len(folder) - 1)
    repository.log_artifact_from_stream(io.BytesIO(b"far"), name, folder)

    assert names(repository, folder) == [f"{folder}/{name}"]
    assert repository._store.get_range(f"{folder}/{name}", 0, 10) == b"far"
    with pytest.raises(MlflowException, match="Invalid artifact path"):
        repository.log_artifact_from_stream(io.BytesIO(b"far"), name + "x", folder)


def test_both_stream_methods_store_what_the_stream_yields(
    repository: SqlArtifactRepository, tmp_path: Path
) -> None:
    content = os.urandom(2 * CHUNK + 100)

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(content), 70_000):
            await asyncio.sleep(0)
            yield content[start : start + 70_000]

    repository.log_artifact_from_stream(io.BytesIO(content), "sync.bin", "s")
    asyncio.run(repository.log_artifact_from_async_stream(pieces(), "async.bin", "s"))

    assert download(repository, "s/sync.bin", tmp_path) == content
    assert download(repository, "s/async.bin", tmp_path) == content


def test_a_stream_that_breaks_off_leaves_the_old_file(
    repository: SqlArtifactRepository, store: SqlBlobStore, tmp_path: Path
) -> None:
    async def broken() -> AsyncIterator[bytes]:
        yield os.urandom(40 * CHUNK)
        message = "the client went away"
        raise ConnectionError(message)

    repository.log_artifact_from_stream(io.BytesIO(b"old"), "a")
    with pytest.raises(ConnectionError, match="went away"):
        asyncio.run(repository.log_artifact_from_async_stream(broken(), "a"))

    assert download(repository, "a", tmp_path) == b"old"
    assert count(store, "mlflow_artifact_pending") == 1


def test_a_range_is_read_without_the_rest(repository: SqlArtifactRepository) -> None:
    content = os.urandom(3 * CHUNK + 11)
    repository.log_artifact_from_stream(io.BytesIO(content), "a")
    read = repository._store.get_range

    for start, length in [(0, 5), (CHUNK - 2, 4), (3 * CHUNK, 100), (5, 2 * CHUNK), (9**9, 1)]:
        assert read("a", start, length) == content[start : start + length]


def test_trace_data_and_attachments_go_through_mlflows_own_methods(
    repository: SqlArtifactRepository,
) -> None:
    repository.upload_trace_data('{"spans": []}')

    assert repository.download_trace_data() == {"spans": []}
    if hasattr(repository, "upload_attachment"):
        identifier = "7c9e6679-7425-40de-944b-e07fc1f90ae7"
        repository.upload_attachment(identifier, b"picture")
        assert repository.download_trace_attachment(identifier) == b"picture"


def test_a_file_cannot_be_a_folder_too(
    repository: SqlArtifactRepository, write_file: Callable[..., Path]
) -> None:
    repository.log_artifact(str(write_file("a")))
    repository.log_artifact(str(write_file("b")), "folder")

    with pytest.raises(MlflowException, match="is a file") as below:
        repository.log_artifact(str(write_file("c")), "a")
    with pytest.raises(MlflowException, match="is a folder") as over:
        repository.log_artifact(str(write_file("folder", b"x", folder="elsewhere")))

    assert below.value.error_code == over.value.error_code == "INVALID_PARAMETER_VALUE"
    assert names(repository) == ["a", "folder"]


def test_a_missing_artifact_is_not_found(
    repository: SqlArtifactRepository, tmp_path: Path, write_file: Callable[..., Path]
) -> None:
    for _ in ("before the tables are there", "and after"):
        with pytest.raises(MlflowException, match="No such artifact: 'never/was'") as error:
            repository.download_artifacts("never/was", str(tmp_path))
        assert error.value.error_code == "RESOURCE_DOES_NOT_EXIST"
        repository.log_artifact(str(write_file("a")))


@pytest.mark.parametrize("size", [10, 2 * CHUNK], ids=["one chunk", "several chunks"])
def test_damaged_bytes_are_named_and_never_delivered(
    repository: SqlArtifactRepository, store: SqlBlobStore, tmp_path: Path, size: int
) -> None:
    repository.log_artifact_from_stream(io.BytesIO(os.urandom(size)), "a")
    last = (size - 1) // CHUNK
    with store.database.engine.begin() as connection:
        which = and_(chunks.c.content_id == content_id(store, "a"), chunks.c.number == last)
        data = connection.execute(select(chunks.c.data).where(which)).scalar_one()
        damaged = bytes([data[0] ^ 1]) + data[1:]
        connection.execute(update(chunks).where(which).values(data=damaged))

    with pytest.raises(MlflowException, match=f"'.*a' are damaged.*chunk {last} differs"):
        repository.download_artifacts("a", str(tmp_path))
    assert not (tmp_path / "a").exists()

    with store.database.engine.begin() as connection:
        connection.execute(delete(chunks).where(which))
    with pytest.raises(MlflowException, match="chunks are missing"):
        repository.download_artifacts("a", str(tmp_path))
    assert not (tmp_path / "a").exists()


@pytest.mark.parametrize("size", [10, 2 * CHUNK], ids=["one chunk", "several chunks"])
def test_sound_chunks_in_place_of_others_are_never_delivered(
    repository: SqlArtifactRepository, store: SqlBlobStore, tmp_path: Path, size: int
) -> None:
    content = os.urandom(size)
    repository.log_artifact_from_stream(io.BytesIO(content), "a")
    other = hashlib.sha256(b"other").digest()
    with store.database.engine.begin() as connection:
        which = entries.c.content_id == content_id(store, "a")
        connection.execute(update(entries).where(which).values(sha256=other))

    with pytest.raises(MlflowException, match="'.*a' are damaged.*SHA-256 digest differs"):
        repository.download_artifacts("a", str(tmp_path))

    assert not (tmp_path / "a").exists()


def test_the_stored_digest_is_that_of_the_bytes(
    repository: SqlArtifactRepository, store: SqlBlobStore
) -> None:
    content = os.urandom(CHUNK + 3)
    repository.log_artifact_from_stream(io.BytesIO(content), "a")

    blob = store.stat("a")

    assert blob is not None
    assert blob.handle.sha256 == hashlib.sha256(content).digest()  # type: ignore[attr-defined]


def count(store: SqlBlobStore, table: str) -> int:
    with store.database.engine.connect() as connection:
        return int(connection.execute(text(f"SELECT COUNT(*) FROM {table}")).scalar_one())
