"""Local files: written whole or not at all, and found below a folder."""

from __future__ import annotations

import os
import secrets
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING, BinaryIO, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

TEMPORARY_PREFIX = ".mlflow-plugin-"


@contextmanager
def atomic_write(destination: str | os.PathLike[str]) -> Iterator[BinaryIO]:
    """Yield a file that becomes `destination` when the block ends without an error.

    Until then it stands beside it under a temporary name, on the same file system, so that moving
    it is one step; after an error nothing is left.
    """
    target = os.fspath(destination)
    temporary = _temporary_beside(target)
    try:
        # "x" makes the file with the user's umask; tempfile would make it private.
        with _create(temporary) as stream:
            yield stream
        os.replace(temporary, target)  # noqa: PTH105
    except BaseException:
        with suppress(OSError):
            os.unlink(temporary)  # noqa: PTH108
        raise


class Replacement:
    """The same for a file that several threads write in place, each a range of its own.

    Attributes:
        path: The temporary file.
    """

    def __init__(self, destination: str | os.PathLike[str]) -> None:
        """Create the temporary file; from here on somebody has to commit or discard it."""
        self._target = os.fspath(destination)
        self.path = _temporary_beside(self._target)
        _create(self.path).close()

    def resize(self, size: int) -> None:
        """Give it its full size, without content."""
        with open(self.path, "r+b") as stream:  # noqa: PTH123  # a string
            stream.truncate(0)
            stream.truncate(size)

    def commit(self) -> None:
        """Move it into place."""
        os.replace(self.path, self._target)  # noqa: PTH105

    def discard(self) -> None:
        """Remove the temporary file; does nothing after `commit`."""
        with suppress(OSError):
            os.unlink(self.path)  # noqa: PTH108


def _temporary_beside(target: str) -> str:
    # Strings: this runs once for each small file.
    folder = os.path.dirname(target)  # noqa: PTH120
    return os.path.join(folder, f"{TEMPORARY_PREFIX}{secrets.token_hex(8)}")  # noqa: PTH118


def _create(path: str) -> BinaryIO:
    try:
        return open(path, "xb")  # noqa: PTH123  # the caller closes it
    except FileNotFoundError:
        Path(path).parent.mkdir(parents=True, exist_ok=True)
        return open(path, "xb")  # noqa: PTH123


class LocalFile(NamedTuple):
    """A file found below a folder: its path, its POSIX path below the folder, its bytes."""

    path: Path
    relative: str
    size: int


def walk_files(root: str | os.PathLike[str]) -> Iterator[LocalFile]:
    """Yield every file below a folder in a fixed order; symlinks are followed, loops are not.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where `root` is not a folder, a symlink leads back
            to a folder above it, or something is neither a file nor a folder.
    """
    base = Path(root)
    if not base.is_dir():
        from mlflow_plugin_core import errors

        message = f"{str(base)!r} is not a folder"
        raise errors.invalid_parameter(message)
    yield from _walk(base, "", (base.resolve(),))


def _walk(folder: Path, prefix: str, above: tuple[Path, ...]) -> Iterator[LocalFile]:
    with os.scandir(folder) as found:
        children = sorted(found, key=lambda entry: entry.name)
    for child in children:
        path, relative = Path(child.path), f"{prefix}{child.name}"
        if child.is_file():
            yield LocalFile(path, relative, child.stat().st_size)
            continue
        if not child.is_dir():
            if path.exists():
                from mlflow_plugin_core import errors

                # Reading a pipe would wait for ever.
                message = f"{str(path)!r} is neither a file nor a folder"
                raise errors.invalid_parameter(message)
            # A dangling link has no size: opening it reports what is wrong with it.
            yield LocalFile(path, relative, 0)
            continue
        real = path.resolve()
        if real in above:
            from mlflow_plugin_core import errors

            message = f"The symlink {str(path)!r} leads back to a folder above it"
            raise errors.invalid_parameter(message)
        yield from _walk(path, f"{relative}/", (*above, real))
