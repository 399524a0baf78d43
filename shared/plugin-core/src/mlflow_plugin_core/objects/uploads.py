"""Local files on their way in: one request for a small one, parts in parallel for a large one.

A large file becomes visible when its upload is completed, and not before. After a kill the next
attempt goes on: see `notes.py`. Each part that the service says it has is compared with the file
before it counts.
"""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING

from mlflow_plugin_core.objects import bodies, notes, plan
from mlflow_plugin_core.objects.crew import Job
from mlflow_plugin_core.objects.parts import PartsUpload

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from mlflow_plugin_core.objects.calls import Calls
    from mlflow_plugin_core.objects.client import ObjectInfo, Part
    from mlflow_plugin_core.objects.crew import Crew
    from mlflow_plugin_core.objects.plan import Piece
    from mlflow_plugin_core.objects.settings import TransferSettings


def state_of(source: Path) -> os.stat_result:
    """Return size and times of a local file.

    Raises:
        MlflowException: It cannot be looked at.
    """
    try:
        return source.stat()
    except OSError as error:
        raise bodies.unreadable(source, error) from error


def put_small(calls: Calls, source: Path, key: str, path: str, *, most: int) -> None:
    """Store what a small file holds at this moment, by one request.

    Args:
        calls: Makes the request.
        source: The file.
        key: Its key.
        path: Its artifact path.
        most: Bytes that may be held; one that has grown beyond is read while it is sent.

    Raises:
        MlflowException: The file cannot be read, or has become too large for one request.
    """
    try:
        with open(source, "rb", buffering=0) as stream:  # noqa: PTH123  # runs once for each file
            size = os.fstat(stream.fileno()).st_size
            data = stream.readall() if size <= most else None
    except OSError as error:
        raise bodies.unreadable(source, error) from error
    if data is not None:
        put_whole(calls, bodies.HeldBody(data), key, path)
        return
    if size > calls.client.limits.max_part_bytes:
        raise bodies.changed(source)
    with bodies.streamed(source, plan.Piece(1, 0, size)) as body:
        put_whole(calls, body, key, path)


def put_whole(
    calls: Calls, body: bodies.HeldBody | bodies.FileBody, key: str, path: str
) -> ObjectInfo:
    """Store an object by one request."""
    return calls.request(
        lambda: bodies.sending(body, lambda: calls.client.put(key, body)), f"Cannot store {path!r}"
    )


class FileUpload:
    """One local file that is not small."""

    def __init__(
        self, crew: Crew, settings: TransferSettings, source: Path, key: str, path: str
    ) -> None:
        """Plan the upload; nothing is sent yet.

        Raises:
            MlflowException: The file cannot be looked at, or the service takes none of its size.
        """
        self._crew = crew
        self._calls = crew.calls
        self._source = source
        self._key = key
        self._path = path
        self._before = state_of(source)
        self._size = self._before.st_size
        limits = crew.calls.client.limits
        self._part_bytes = plan.part_bytes(self._size, settings.part_size, limits)
        self._is_whole = plan.is_whole(self._size, settings.part_size, limits)
        self._is_held = min(self._part_bytes, self._size) <= settings.memory
        self._known: dict[int, Part] = {}
        self._parts: PartsUpload | None = None
        self._left = 0
        self._lock = threading.Lock()

    def job(self) -> Job:
        """Return the job that everything else follows from."""
        if self._is_whole:
            return Job(self._path, self._put_whole, cost=self._cost(self._size), files=1)
        # It costs what its first part will: no upload is begun whose parts would have to wait.
        return Job(self._path, self._begin, cost=self._cost(self._part_bytes))

    def _cost(self, length: int) -> int:
        return length if self._is_held else plan.STREAMED_BYTES

    def _body(self, piece: Piece) -> bodies.HeldBody | bodies.FileBody:
        if self._is_held:
            return bodies.held(self._source, piece)
        return bodies.streamed(self._source, piece)

    def _put_whole(self) -> None:
        if self._is_held:
            # The job may have waited: of another file that is there by now, the planned number of
            # bytes would be its beginning alone.
            put_small(self._calls, self._source, self._key, self._path, most=self._size)
            return
        with self._body(plan.Piece(1, 0, self._size)) as body:
            put_whole(self._calls, body, self._key, self._path)
        self._check_unchanged()

    def _begin(self) -> Iterator[Job]:
        state = self._before
        note = notes.claim(
            self._calls.location, self._key, state.st_size, state.st_mtime_ns, self._part_bytes
        )
        pieces = list(plan.cut(self._size, self._part_bytes))
        self._parts = PartsUpload(self._calls, self._key, self._path, note)
        self._crew.on_failure(self._parts.abandon)
        self._known = self._parts.resume_or_begin(pieces)
        self._left = len(pieces)
        return (
            Job(self._path, lambda piece=piece: self._send(piece), cost=self._cost(piece.length))  # type: ignore[misc]
            for piece in pieces
        )

    def _send(self, piece: Piece) -> Iterable[Job] | None:
        assert self._parts is not None  # noqa: S101  # set by the job that made this one
        with self._body(piece) as body:
            self._parts.send(piece.number, body, self._known.get(piece.number))
        with self._lock:
            self._left -= 1
            is_last = not self._left
        return [Job(self._path, self._complete, files=1)] if is_last else None

    def _complete(self) -> None:
        assert self._parts is not None  # noqa: S101
        self._check_unchanged()
        self._parts.complete(self._source)

    def _check_unchanged(self) -> None:
        now, before = state_of(self._source), self._before
        if (now.st_size, now.st_mtime_ns) != (before.st_size, before.st_mtime_ns):
            raise bodies.changed(self._source)
