"""What a stream yields as a local file: room for it is needed in the folder of temporary files."""

from __future__ import annotations

import os
import tempfile
import time
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO

from mlflow_plugin_core import errors

if TYPE_CHECKING:
    from collections.abc import Iterator

    from mlflow_xet_artifacts.hub_location import HubLocation

_PREFIX = "mlflow-xet-"
_BLOCK = 1 << 20
_DAY = 86_400.0


@contextmanager
def as_file(stream: BinaryIO, path: str, place: HubLocation) -> Iterator[Path]:
    """Keep the content of a stream in a temporary file for a while.

    Args:
        stream: Read to its end; its own errors are raised as they are.
        path: Artifact path, for messages.
        place: Where the artifact goes, for messages.

    Raises:
        MlflowException: INTERNAL_ERROR where the folder of temporary files has no room.
    """
    folder = Path(tempfile.gettempdir())
    _remove_leftovers(folder)
    try:
        handle, name = tempfile.mkstemp(prefix=_PREFIX, dir=folder)
    except OSError as error:
        raise _no_room(error, folder, path, place) from error
    try:
        # Unbuffered: nothing is left to be written, and to fail, when it is closed.
        with os.fdopen(handle, "wb", buffering=0) as target:
            while block := stream.read(_BLOCK):
                _write(target, block, folder, path, place)
        yield Path(name)
    finally:
        Path(name).unlink(missing_ok=True)


def _write(target: BinaryIO, block: bytes, folder: Path, path: str, place: HubLocation) -> None:
    rest = memoryview(block)
    try:
        while rest:
            rest = rest[target.write(rest) :]
    except OSError as error:
        raise _no_room(error, folder, path, place) from error


def _no_room(error: OSError, folder: Path, path: str, place: HubLocation) -> Exception:
    message = errors.explain(
        f"Cannot store {path!r}",
        location=place,
        why=f"the upload cannot be kept in {folder} on its way to the Hub: {error.strerror}",
        remedy="free room there, or set TMPDIR to a folder with room for the largest file that is "
        "uploaded, as often as uploads come at once",
    )
    return errors.internal(message, cause=error)


def _remove_leftovers(folder: Path) -> None:
    """Remove what processes left that were killed a day ago or earlier."""
    oldest = time.time() - _DAY
    # Another user's files, or one that somebody else has just removed.
    with suppress(OSError):
        for entry in os.scandir(folder):
            with suppress(OSError):
                if (
                    entry.name.startswith(_PREFIX)
                    and entry.is_file(follow_symlinks=False)
                    and entry.stat(follow_symlinks=False).st_mtime < oldest
                ):
                    Path(entry.path).unlink()
