"""Large files on their way in: what is sent again, and who has to wait meanwhile."""

from __future__ import annotations

import hashlib
import io
import os
import threading
import time
from typing import TYPE_CHECKING

import pytest
from mlflow.exceptions import MlflowException

from mlflow_sqlserver_artifacts.chunking import ChunkReader, read_again
from mlflow_sqlserver_artifacts.sending import Sender

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from mlflow_sqlserver_artifacts.repository import SqlArtifactRepository
    from mlflow_sqlserver_artifacts.store import SqlBlobStore

SIZE = 1 << 16


@pytest.fixture
def sender(store: SqlBlobStore, tmp_path: Path) -> Sender:
    """A sender of a local file of five chunks and a bit."""
    source = tmp_path / "source"
    source.write_bytes(os.urandom(5 * SIZE + 7))
    reader = ChunkReader(io.BytesIO(source.read_bytes()), SIZE)
    return Sender(store.database, b"id", reader, source, "Cannot store 'source'")


@pytest.fixture
def sums(sender: Sender) -> list[int]:
    """The checksums of the file's chunks."""
    assert sender.source is not None
    return [chunk.crc32 for chunk in read_again(sender.source, SIZE, 0, 6)]


only_sqlite = pytest.mark.parametrize("database_uri", ["sqlite"], indirect=True)


@only_sqlite
def test_what_a_broken_transaction_took_is_read_again(sender: Sender, sums: list[int]) -> None:
    again = [chunk for group in sender._again(2, sums[2:]) for chunk in group]

    assert [chunk.number for chunk in again] == [2, 3, 4, 5]
    assert [chunk.crc32 for chunk in again] == sums[2:]
    assert len(again[-1].data) == 7


@only_sqlite
@pytest.mark.parametrize("content", [b"", os.urandom(6 * SIZE)], ids=["cut", "overwritten"])
def test_a_file_that_changed_before_it_is_read_again_is_refused(
    sender: Sender, sums: list[int], content: bytes
) -> None:
    assert sender.source is not None
    sender.source.write_bytes(content)

    with pytest.raises(MlflowException, match="changed while it was being read") as error:
        list(sender._again(0, sums))

    assert error.value.error_code == "BAD_REQUEST"


@only_sqlite
def test_a_file_that_is_gone_before_it_is_read_again_is_named(
    sender: Sender, sums: list[int]
) -> None:
    assert sender.source is not None
    sender.source.unlink()

    with pytest.raises(MlflowException, match="source' cannot be read again: No such file"):
        list(sender._again(0, sums))


class _SlowStream(io.RawIOBase):
    """A source that never stalls for long and never hurries."""

    def __init__(self, chunks: int) -> None:
        super().__init__()
        self._left = chunks
        self.ended = False

    def readable(self) -> bool:
        return True

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            self.ended = True
            return b""
        self._left -= 1
        time.sleep(0.02)
        return b"x" * size


def test_a_slow_upload_lets_other_writers_and_readers_in(
    tmp_path: Path, open_repository: Callable[[str], SqlArtifactRepository]
) -> None:
    location = f"sqlite:///{tmp_path / 'artifacts.db'}/1/run/artifacts?chunk_size={SIZE}"
    repository = open_repository(location)
    repository.log_artifact_from_stream(io.BytesIO(b"x"), "first")
    stream = _SlowStream(400)
    upload = threading.Thread(
        target=repository.log_artifact_from_stream, args=(stream, "slow"), daemon=True
    )
    upload.start()

    for index in range(2):
        repository.log_artifact_from_stream(io.BytesIO(b"x"), f"quick-{index}")
        assert len(repository.list_artifacts()) == 2 + index
        assert not stream.ended
    upload.join()

    assert "slow" in [info.path for info in repository.list_artifacts()]


def test_a_stream_that_breaks_leaves_the_old_file_and_says_why(
    repository: SqlArtifactRepository, store: SqlBlobStore
) -> None:
    class Breaking(io.BytesIO):
        def read(self, size: int | None = -1) -> bytes:
            if self.tell() > 9 << 20:
                message = "the client went away"
                raise ConnectionAbortedError(message)
            return super().read(size)

    repository.log_artifact_from_stream(io.BytesIO(b"old"), "model")

    with pytest.raises(ConnectionAbortedError, match="went away"):
        repository.log_artifact_from_stream(Breaking(bytes(12 << 20)), "model")

    blob = store.stat("model")
    assert blob is not None
    assert blob.handle.sha256 == hashlib.sha256(b"old").digest()  # type: ignore[attr-defined]
