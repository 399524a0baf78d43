"""Reads a `xet+file:` location: which folder holds the store, and which artifact path follows it.

MLflow appends to the path of a location, so the path holds both:

    xet+file:///srv/mlflow/artifacts.xet/1/4f0c…/artifacts
               ^^^^^^^^^^^^^^^^^^^^^^^^^ ^^^^^^^^^^^^^^^^^^

Three rules, the first that fits decides where the store ends:

1. the outermost folder whose name ends in `.xet`;
2. the nearest folder in which there is a store already;
3. the location without what MLflow appends for a run, a model or a trace.

They ask nothing but the location and the disk: a tracking server that had a rule of its own would
look for what its clients stored in another place.

MLflow writes `xet+file:///d` as `xet+file:/d` when it appends; both are the same absolute path.
"""

from __future__ import annotations

import re
import urllib.parse
from typing import TYPE_CHECKING, NamedTuple

from mlflow_plugin_core import artifact_paths, errors, uris

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

SCHEME = "xet+file"
# A store is where its index is.
INDEX_NAME = "xet-index.db"
_STORE_SUFFIX = ".xet"
# What MLflow appends to the artifact location of an experiment.
_APPENDED = re.compile(
    r"/(?:[0-9a-f]{32}|models/m-[0-9a-f]{32}|traces/tr-[0-9a-f]{32})/artifacts(?:/.*)?$"
)


class FileLocation(NamedTuple):
    """One location, taken apart.

    Attributes:
        folder: Absolute path of the store's folder.
        root: Artifact root in the store: "" or "1/4f0c…/artifacts".
        query: The options behind the question mark.
        uri: As given.
    """

    folder: str
    root: str
    query: Mapping[str, str]
    uri: str


def parse(uri: str, *, is_store: Callable[[str], bool]) -> FileLocation:
    """Take a location apart.

    Args:
        uri: The location.
        is_store: Tells whether a folder holds a store already.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE with what is wrong and how to write it.
    """
    path = absolute_path(uri)
    folder = _store_folder(path, is_store)
    root = path[len(folder) :].strip("/")
    try:
        root = artifact_paths.normalize(root)
    except Exception as error:
        message = errors.explain(
            "Invalid artifact location",
            location=uri,
            why=f"what follows the store's folder is not an artifact path: {root!r}",
        )
        raise errors.invalid_parameter(message, cause=error) from error
    return FileLocation(folder, root, dict(uris.parse(uri).query), uri)


def absolute_path(uri: str) -> str:
    """Return the path of a location, decoded, without empty parts.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for a host, a relative path, `..` or a fragment.
    """
    if "#" in uri:
        raise _refuse(uri, "it has a fragment ('#')", "percent-encode the character as %23")
    parts = uris.parse(uri)
    if parts.host or parts.username:
        raise _refuse(uri, "it names a host", f"write {SCHEME}:///absolute/folder.xet")
    if not parts.path.startswith("/"):
        raise _refuse(uri, "its path is not absolute", f"write {SCHEME}:///absolute/folder.xet")
    segments = [part for part in urllib.parse.unquote(parts.path).split("/") if part]
    if ".." in segments or "." in segments:
        raise _refuse(uri, "its path holds '.' or '..'", "write the path without it")
    if not segments:
        raise _refuse(uri, "it names no folder", f"write {SCHEME}:///absolute/folder.xet")
    path = "/" + "/".join(segments)
    if "\0" in path:
        raise _refuse(uri, "its path holds a NUL character", "")
    return path


def _store_folder(path: str, is_store: Callable[[str], bool]) -> str:
    ends = [match.start() for match in re.finditer("/", path)][1:]
    folders = [*(path[:end] for end in ends), path]
    for folder in folders:
        if folder.lower().endswith(_STORE_SUFFIX):
            return folder
    for folder in reversed(folders):
        if is_store(folder):
            return folder
    return _APPENDED.sub("", path) or path


def _refuse(uri: str, why: str, remedy: str) -> Exception:
    message = errors.explain("Invalid artifact location", location=uri, why=why, remedy=remedy)
    return errors.invalid_parameter(message)
