"""Streams of unknown length on their way in.

A small stream is one request. A longer one becomes parts while it is read; nothing is visible
before its end, and nothing is left where it raises. Parts are alike until nine tenths of those that
the service allows are sent (140 GiB in parts of 16 MiB); then they grow with what was sent, up to
terabytes, and those that are too large for memory wait in a temporary file.
"""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlflow_plugin_core import errors
from mlflow_plugin_core.objects import bodies, plan, uploads
from mlflow_plugin_core.objects.crew import Crew, Job
from mlflow_plugin_core.objects.parts import PartsUpload

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_plugin_core.objects.calls import Calls
    from mlflow_plugin_core.objects.client import Limits
    from mlflow_plugin_core.objects.settings import TransferSettings

_COPIED_BYTES = 1 << 20
_Body = bodies.HeldBody | bodies.FileBody


def put_stream(
    calls: Calls, settings: TransferSettings, stream: BinaryIO, key: str, path: str
) -> None:
    """Store what a stream yields until its end.

    Raises:
        MlflowException: What the service says; the key keeps what it had.
        Exception: What reading the stream raises.
    """
    limits = calls.client.limits
    first = plan.first_stream_part(settings.part_size, settings.memory, limits)
    found = _parts(stream, first, settings.memory, limits)
    body = next(found)
    following = next(found, None)
    if following is None:
        uploads.put_whole(calls, body, key, path)
        return
    calls = calls.for_transfer()
    parts = PartsUpload(calls, key, path)
    # While the others are sent one part is being read, piece by piece, and then joined.
    memory = max(settings.memory - 2 * first, first)
    with Crew(calls, workers=settings.workers, memory=memory) as crew:
        crew.on_failure(parts.abandon)
        parts.begin()
        crew.add(_job(parts, 1, body, settings.memory, path))
        number = 2
        while following is not None:
            try:
                _check_number(number, limits, path)
                crew.add(_job(parts, number, following, settings.memory, path))
            except BaseException:
                following.close()  # its job was not begun
                raise
            following = next(found, None)
            number += 1
        crew.wait()
        parts.complete()


def _parts(stream: BinaryIO, first: int, memory: int, limits: Limits) -> Iterator[_Body]:
    """Cut a stream into bodies; the first one may be empty, no other one is."""
    sent = 0
    while True:
        wanted = plan.stream_part_bytes(sent, first, limits)
        body: _Body
        if wanted <= max(first, memory // 4):
            body = bodies.HeldBody(bodies.read_fully(stream, wanted))
        else:
            body = _spooled(stream, wanted)
        if body.size or not sent:
            yield body
        else:
            body.close()
        sent += body.size
        if body.size < wanted:
            return


def _spooled(stream: BinaryIO, wanted: int) -> bodies.FileBody:
    """Copy the next part of a stream into a temporary file that nobody else sees."""
    file = tempfile.TemporaryFile("w+b", buffering=0)  # noqa: SIM115  # its body closes it
    size = 0
    try:
        while size < wanted:
            data = bodies.read_fully(stream, min(_COPIED_BYTES, wanted - size))
            if not data:
                break
            view = memoryview(data)
            while view:
                view = view[file.write(view) :]
            size += len(data)
    except BaseException:
        file.close()
        raise
    return bodies.FileBody(file, Path(str(file.name)), 0, size)


def _job(parts: PartsUpload, number: int, body: _Body, memory: int, path: str) -> Job:
    def send() -> None:
        with body:
            parts.send(number, body)

    # Of parts that wait on the disk two are enough at once.
    cost = body.size if isinstance(body, bodies.HeldBody) else memory // 3
    return Job(path, send, cost=cost)


def _check_number(number: int, limits: Limits, path: str) -> None:
    if number > limits.max_parts:
        message = errors.explain(
            f"Cannot store {path!r}",
            why=f"the stream has more than {limits.max_parts:,} parts, the service's limit",
            remedy="write it to a file first: its size is then known, and its parts are larger; or "
            "set a larger part size, and four times as much memory",
        )
        raise errors.invalid_parameter(message)
