"""Paths and keys: an artifact path below a root is a key of the bucket, and the reverse."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from mlflow.exceptions import MlflowException

from mlflow_plugin_core import artifact_paths, errors

if TYPE_CHECKING:
    from collections.abc import Iterator

# What nearly all names look like: the whole check would run once for each entry of a listing.
_PLAIN_NAME = r"[A-Za-z0-9_-][A-Za-z0-9_.=+-]*"
_PLAIN = re.compile(rf"{_PLAIN_NAME}(?:/{_PLAIN_NAME})*/?")


class Keys:
    """The keys of one artifact root.

    Attributes:
        root: The root's key without slashes at its ends, "" for the whole bucket.
    """

    def __init__(self, root: str, max_bytes: int) -> None:
        self.root = root
        self._below = f"{root}/" if root else ""
        self._max_bytes = max_bytes

    def key(self, path: str) -> str:
        """Return the key of a file.

        Raises:
            MlflowException: INVALID_PARAMETER_VALUE where the service allows no key of this length,
                or for the root itself.
        """
        if not path:
            message = "Invalid artifact path: the artifact root itself is not a file."
            raise errors.invalid_parameter(message)
        key = self._below + path
        if 4 * len(key) > self._max_bytes:  # no encoding is longer
            length = len(key.encode())
            if length > self._max_bytes:
                message = errors.explain(
                    f"Invalid artifact path: {path[:200]!r}",
                    why=f"its key has {length:,} bytes of UTF-8 with the {len(self._below):,} "
                    f"of the artifact root; the service allows {self._max_bytes:,}",
                    remedy="use shorter names or fewer folders",
                )
                raise errors.invalid_parameter(message)
        return key

    def prefix(self, path: str) -> str:
        """Return what the keys of everything in a folder begin with."""
        return f"{self._below}{path}/" if path else self._below

    def holds(self, prefix: str) -> bool:
        """Tell whether a key can begin with a prefix; services refuse to list one that is too long."""
        return len(prefix.encode()) <= self._max_bytes

    def path(self, key: str) -> str | None:
        """Return the artifact path of a key, with a slash at its end for a folder's marker.

        None for a key that is no artifact path. Such a key can be stored by other programs:
        `a//b`, `../a`, one with a control character. It must never decide where a file is written.
        """
        path = key[len(self._below) :]
        return path if is_artifact_path(path) else None


def is_artifact_path(path: str) -> bool:
    """Tell whether MLflow can ask for a path; one slash at its end is that of a folder."""
    if len(path) <= artifact_paths.MAX_LENGTH and _PLAIN.fullmatch(path):
        return True
    try:
        return artifact_paths.normalize(path) == path.removesuffix("/") != ""
    except MlflowException:
        return False


def folders_above(path: str) -> Iterator[str]:
    """Yield the folders that a path lies in, the outermost first."""
    at = path.find("/")
    while at > 0:
        yield path[:at]
        at = path.find("/", at + 1)
