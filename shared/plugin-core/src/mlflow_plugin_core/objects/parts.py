"""One upload in parts at the service: begun or gone on with, completed once, or given up."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, BinaryIO

from mlflow.exceptions import MlflowException

from mlflow_plugin_core.objects import bodies
from mlflow_plugin_core.objects.calls import StoppedError

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlflow_plugin_core.objects.bodies import FileBody, HeldBody
    from mlflow_plugin_core.objects.calls import Calls
    from mlflow_plugin_core.objects.client import ObjectInfo, Part, Verifier
    from mlflow_plugin_core.objects.notes import Note
    from mlflow_plugin_core.objects.plan import Piece

_logger = logging.getLogger(__name__)

_READ_BYTES = 1 << 20


class PartsUpload:
    """Parts may be sent by several threads at once."""

    def __init__(self, calls: Calls, key: str, path: str, note: Note | None = None) -> None:
        self._calls = calls
        self._client = calls.client
        self._key = key
        self._path = path
        self._note = note
        self._upload_id: str | None = None
        self._sent: dict[int, Part] = {}
        self._is_abandoned = False

    def begin(self) -> None:
        """Begin a new upload, and note it."""
        self._upload_id = self._calls.request(
            lambda: self._client.begin_upload(self._key), f"Cannot begin to store {self._path!r}"
        )
        if self._is_abandoned:  # while this thread waited for the answer
            self._abort()
            raise StoppedError
        if self._note is not None:
            self._note.write(self._upload_id)

    def resume_or_begin(self, pieces: Sequence[Piece]) -> dict[int, Part]:
        """Go on with the noted upload where the service still has it, else begin a new one.

        Returns:
            The parts that the service has, by number; not compared with the file yet.
        """
        noted = self._note.upload_id if self._note is not None else None
        if noted is not None:
            found = self._noted_parts(noted)
            if found is not None:
                # From here on it is this upload's: given up where this one is.
                self._upload_id = noted
                lengths = {piece.number: piece.length for piece in pieces}
                if all(lengths.get(part.number) is not None for part in found):
                    return {
                        part.number: part for part in found if part.size == lengths[part.number]
                    }
                self._abort()
        self.begin()
        return {}

    def _noted_parts(self, noted: str) -> Sequence[Part] | None:
        try:
            return self._calls.request(
                lambda: self._client.list_parts(self._key, noted),
                f"Cannot look up the parts of {self._path!r}",
            )
        except MlflowException as error:
            # Not everybody who may store may also list: then everything is sent again.
            _logger.info("An unfinished upload is not gone on with: %s", error.message)
            return None

    def send(self, number: int, body: HeldBody | FileBody, known: Part | None = None) -> None:
        """Store one part, unless the service has it already with this very content."""
        upload_id = self._upload_id or ""
        if known is not None and bodies.sending(
            body, lambda: self._client.part_matches(known, body)
        ):
            self._sent[number] = known
            return
        self._sent[number] = self._calls.request(
            lambda: bodies.sending(
                body, lambda: self._client.put_part(self._key, upload_id, number, body)
            ),
            f"Cannot store part {number} of {self._path!r}",
        )

    def complete(self, source: Path | None = None) -> ObjectInfo:
        """Make the parts an object.

        Args:
            source: The local file, by which an object is recognised whose completion was answered
                by a connection that broke; None for a stream, whose object is recognised by its
                size and an ETag that was not there before.
        """
        parts = [self._sent[number] for number in sorted(self._sent)]
        upload_id = self._upload_id or ""
        attempts = 0
        before: ObjectInfo | None = None
        if source is None:  # a stream cannot be read again: its object is told by what was there
            before = self._calls.request(
                lambda: self._client.head(self._key), f"Cannot look up {self._path!r}"
            )

        def complete() -> ObjectInfo:
            nonlocal attempts
            attempts += 1
            try:
                return self._client.complete_upload(self._key, upload_id, parts)
            except Exception:
                if attempts == 1 or self._client.list_parts(self._key, upload_id) is not None:
                    raise
                info = self._client.head(self._key)
                if info is None:
                    raise
                if source is not None:
                    is_ours = self._holds(info, source)
                else:
                    is_new = before is None or info.etag != before.etag
                    is_ours = is_new and info.size == sum(part.size for part in parts)
                if not is_ours:
                    raise
                return info

        info = self._calls.request(complete, f"Cannot complete {self._path!r}")
        self._upload_id = None
        note, self._note = self._note, None
        if note is not None:
            note.remove()
        return info

    def _holds(self, info: ObjectInfo, source: Path) -> bool:
        """Tell whether an object has the content of a file, by its digest."""
        verifier = self._client.verifier(info)
        if verifier is None:
            return False
        with source.open("rb", buffering=0) as stream:
            length = feed_file(verifier, stream)
        return length == info.size and verifier.check() is None

    def abandon(self) -> None:
        """Give the upload up, unless it is completed."""
        self._is_abandoned = True
        note, self._note = self._note, None
        try:
            was_begun = self._upload_id is not None
            if was_begun:
                self._abort()
            if note is not None and (was_begun or note.upload_id is None):
                note.remove()
        finally:
            # A note that is still there lets the next attempt go on with its upload.
            if note is not None:
                note.release()

    def _abort(self) -> None:
        upload_id, self._upload_id = self._upload_id or "", None
        self._calls.for_cleaning().request(
            lambda: self._client.abort_upload(self._key, upload_id),
            f"Cannot give up the upload of {self._path!r}; "
            "the service keeps what arrived until `clean` removes it",
        )


def feed_file(verifier: Verifier, stream: BinaryIO) -> int:
    """Feed a local file to what checks an object, range by range; returns its size."""
    offset = 0
    while True:
        wanted = _READ_BYTES
        if verifier.range_bytes:
            wanted = min(wanted, verifier.range_bytes - offset % verifier.range_bytes)
        data = stream.read(wanted)
        if not data:
            return offset
        verifier.feed(offset, data)
        offset += len(data)
