"""Objects on their way out: one request for a small one, ranges in parallel for a large one.

A file appears at its destination when all of it is there, has the right size and the service's
digest, and not before. A range that breaks off goes on from the byte where it broke; a file whose
digest is wrong is fetched once more as a whole.
"""

from __future__ import annotations

import errno
import itertools
import logging
import threading
from dataclasses import dataclass
from typing import TYPE_CHECKING, BinaryIO

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import errors, local_files
from mlflow_plugin_core.objects import plan
from mlflow_plugin_core.objects.attempts import Attempts, verifier_of
from mlflow_plugin_core.objects.calls import BrokenOffError, StoppedError
from mlflow_plugin_core.objects.crew import Job

if TYPE_CHECKING:
    import io
    from collections.abc import Callable, Iterable, Iterator
    from pathlib import Path

    from mlflow_plugin_core.objects.calls import Calls
    from mlflow_plugin_core.objects.client import ObjectInfo, Verifier
    from mlflow_plugin_core.objects.crew import Crew
    from mlflow_plugin_core.objects.plan import Piece
    from mlflow_plugin_core.objects.settings import TransferSettings

_logger = logging.getLogger(__name__)


@dataclass
class _Reading:
    """One range on its way: where it begins and ends, and what comes next."""

    start: int
    end: int
    offset: int


def read_range(
    calls: Calls,
    info: ObjectInfo,
    piece: Piece,
    sink: Callable[[int, bytes], object],
    what: str,
) -> None:
    """Give a range of an object to a sink, chunk by chunk with the offset of each.

    After a broken connection it goes on behind what the sink has had.
    """
    reading = _Reading(piece.start, piece.end, piece.start)
    if reading.offset == reading.end:
        return  # services answer a range of no bytes with an error

    def attempt() -> None:
        left = reading.end - reading.offset
        with calls.client.read(info, reading.offset, left) as chunks:
            for chunk in chunks:
                if len(chunk) > reading.end - reading.offset:
                    message = f"the service sent more than the {left:,} bytes it was asked for"
                    raise BrokenOffError(message)
                sink(reading.offset, chunk)
                reading.offset += len(chunk)
                if calls.stop.is_set():
                    raise StoppedError
        if reading.offset < reading.end:
            message = f"the answer ended {reading.end - reading.offset:,} bytes too early"
            raise BrokenOffError(message)

    calls.request(attempt, what, progress=lambda: reading.offset)


def get_small(calls: Calls, info: ObjectInfo, destination: Path, path: str) -> None:
    """Fetch an object by one request; again where it was replaced meanwhile, or arrived damaged."""
    attempts = Attempts(calls, info, path)
    try:
        with local_files.atomic_write(destination) as stream:
            for attempt in itertools.count():
                info = attempts.info
                verifier = verifier_of(calls, info, path)
                if attempt:
                    stream.seek(0)
                    stream.truncate()
                sink = _sink(stream, destination, verifier)
                piece = plan.Piece(1, 0, info.size)
                try:
                    read_range(calls, info, piece, sink, f"Cannot fetch {path!r}")
                except MlflowException as error:
                    if not attempts.was_replaced():
                        raise
                    _logger.info("%r was replaced and is fetched again: %s", path, error.message)
                    continue
                if attempts.is_right(verifier):
                    return
    except OSError as error:
        raise unwritable(destination, error) from error


def _sink(
    stream: BinaryIO | io.RawIOBase, destination: Path, verifier: Verifier | None
) -> Callable[[int, bytes], None]:
    def write(offset: int, chunk: bytes) -> None:
        try:
            view = memoryview(chunk)
            while view:  # a raw file may take less than it is given
                view = view[stream.write(view) :]
        except OSError as error:
            # An error of this machine's disk must not look like one of the connection.
            raise unwritable(destination, error) from error
        if verifier is not None:
            verifier.feed(offset, chunk)

    return write


class FileDownload:
    """One object that is not small."""

    def __init__(
        self,
        crew: Crew,
        settings: TransferSettings,
        info: ObjectInfo,
        destination: Path,
        path: str,
    ) -> None:
        self._crew = crew
        self._calls = crew.calls
        self._settings = settings
        self._attempts = Attempts(crew.calls, info, path)
        self._destination = destination
        self._path = path
        self._verifier: Verifier | None = None
        self._is_stale = False
        self._left = 0
        self._lock = threading.Lock()

    def job(self) -> Job:
        """Return the job that everything else follows from."""
        return Job(self._path, self._begin)

    def _begin(self) -> Iterator[Job]:
        if not self._attempts.info.digests:
            # Listings seldom have digests; for a large file one more request is little.
            self._attempts.look_up()
        try:
            replacement = local_files.Replacement(self._destination)
        except OSError as error:
            raise unwritable(self._destination, error) from error
        self._crew.on_failure(replacement.discard)
        return self._jobs(replacement)

    def _jobs(self, replacement: local_files.Replacement) -> Iterator[Job]:
        """Return the ranges of one attempt; the last one of them to end brings the end."""
        info = self._attempts.info
        try:
            replacement.resize(info.size)
        except OSError as error:
            raise unwritable(self._destination, error) from error
        self._is_stale = False
        self._verifier = verifier_of(self._calls, info, self._path)
        multiple = None if self._verifier is None else self._verifier.range_bytes
        length = plan.range_bytes(self._settings.part_size, multiple)
        pieces = list(plan.cut(info.size, length))
        self._left = len(pieces)
        if not pieces:  # it has become empty since it was listed
            return iter([Job(self._path, lambda: self._finish(replacement))])
        return (
            Job(
                self._path,
                lambda piece=piece: self._fetch(info, piece, replacement),  # type: ignore[misc]
                cost=plan.STREAMED_BYTES,
            )
            for piece in pieces
        )

    def _fetch(
        self, info: ObjectInfo, piece: Piece, replacement: local_files.Replacement
    ) -> Iterable[Job] | None:
        what = f"Cannot fetch bytes {piece.start} to {piece.end - 1} of {self._path!r}"
        try:
            if not self._is_stale:
                with open(replacement.path, "r+b", buffering=0) as stream:  # noqa: PTH123  # a string
                    stream.seek(piece.start)
                    sink = _sink(stream, self._destination, self._verifier)
                    read_range(self._calls, info, piece, sink, what)
        except OSError as error:
            raise unwritable(self._destination, error) from error
        except MlflowException as error:
            with self._lock:  # of all ranges that fail by it, one looks
                if not self._is_stale and not self._attempts.was_replaced():
                    raise
                self._is_stale = True
            _logger.info("%r was replaced and is fetched again: %s", self._path, error.message)
        with self._lock:
            self._left -= 1
            is_last = not self._left
        return [Job(self._path, lambda: self._finish(replacement))] if is_last else None

    def _finish(self, replacement: local_files.Replacement) -> Iterable[Job] | None:
        if self._is_stale or not self._attempts.is_right(self._verifier):
            return self._jobs(replacement)
        try:
            replacement.commit()
        except OSError as error:
            raise unwritable(self._destination, error) from error
        self._crew.report(1)
        return None


def unwritable(destination: Path, error: OSError) -> MlflowException:
    """Return the error for a local file that cannot be written; nothing of it is left."""
    why: object = error.strerror or error
    remedy = ""
    if error.errno in {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}:
        remedy = "make room on that disk, or choose another destination"
    elif isinstance(error, (IsADirectoryError, NotADirectoryError, FileExistsError)):
        remedy = (
            "an object that is also the folder of others (`a` and `a/b`) can be no file and folder "
            "here at once: download them one by one, or remove what is in the way"
        )
    message = errors.explain(f"Cannot write {str(destination)!r}", why=why, remedy=remedy)
    if isinstance(error, PermissionError):
        return errors.permission_denied(message, cause=error)
    return (
        errors.bad_request(message, cause=error)
        if remedy
        else errors.internal(message, cause=error)
    )
