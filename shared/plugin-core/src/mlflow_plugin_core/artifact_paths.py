"""MLflow's rules for artifact paths, once: relative, POSIX, never upwards.

MLflow's own repositories check paths in several places and not alike
(`verify_artifact_path`, `validate_path_is_safe`, `validate_path_within_directory`); what any of
them refuses is refused here, with the words its tests look for: "Invalid artifact path".
"""

from __future__ import annotations

import os
import re
import urllib.parse
from pathlib import Path, PureWindowsPath

MAX_LENGTH = 4_000

# Strings: compiled at their first use, not while MLflow starts.
# Half of a pair, as os.fsdecode makes of a byte that is not UTF-8.
_SURROGATE = r"[\ud800-\udfff]"
_CONTROL = r"[\x00-\x1f\x7f]"
_WINDOWS_INVALID = r'[<>:"|?*\\]'
# Deeper than any proxy chain decodes; a path that still changes then is hostile.
_DECODINGS = 5


def normalize(path: str | os.PathLike[str] | None) -> str:
    """Return an artifact path without a trailing slash, "" for the root.

    Trailing spaces, case and the Unicode form are kept exactly.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE for what is no artifact path.
    """
    if path is None:
        return ""
    text = os.fspath(path)
    if text in {"", "."}:
        return ""
    stripped = text.removesuffix("/")
    if why := _fault(stripped):
        from mlflow_plugin_core import errors

        shown = text if len(text) <= 200 else f"{text[:200]}…"  # noqa: PLR2004  # enough to find it
        message = f"Invalid artifact path: {shown!r} {why}"
        raise errors.invalid_parameter(message)
    return stripped


def _fault(path: str) -> str:
    if len(path) > MAX_LENGTH:
        return f"has {len(path)} characters; {MAX_LENGTH} are allowed"
    if re.search(_CONTROL, path):
        return "holds a control character"
    if re.search(_SURROGATE, path):
        return "cannot be written as UTF-8"
    if "" in path.split("/") or "." in path.split("/"):
        return "is absolute or has an empty or '.' component"
    return _escapes(path) or (_fault_decoded(path) if "%" in path else "")


def _fault_decoded(path: str) -> str:
    decoded = path
    for _ in range(_DECODINGS):
        decoded = urllib.parse.unquote(decoded)
        if why := _escapes(decoded):
            return why
    return "" if decoded == urllib.parse.unquote(decoded) else "is percent-encoded too many times"


def _escapes(path: str) -> str:
    if "\\" in path:
        return "holds a backslash"
    if ".." in path.split("/"):
        return "leads upwards"
    if path.startswith("/") or (path[1:2] == ":" and PureWindowsPath(path).is_absolute()):
        return "is absolute"
    if os.name == "nt" and PureWindowsPath(path).drive:
        return "names a drive"
    return "holds a control character" if "\0" in path else ""


def join(folder: str, name: str) -> str:
    """Return the path of `name` in `folder`; either may be the root."""
    return f"{folder}/{name}" if folder and name else folder or name


def parent(path: str) -> str:
    """Return the folder of a path, "" at the top."""
    return path.rpartition("/")[0]


def name(path: str) -> str:
    """Return the last component of a path."""
    return path.rpartition("/")[2]


def ancestors(path: str) -> list[str]:
    """Return the folders above a path, the outermost first, without the root."""
    parts = path.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


def local_destination(root: str | os.PathLike[str], path: str) -> Path:
    """Return where an artifact lands below a local folder; creates nothing.

    On Windows the characters that its file names cannot hold become "_", as MLflow does it.

    Raises:
        MlflowException: INVALID_PARAMETER_VALUE where a component, or a symlink that is there
            already, leads out of `root`.
    """
    # Strings: pathlib would take longer than fetching a small file.
    base = os.path.abspath(root)  # noqa: PTH100  # resolve() would follow symlinks
    parts = [part for part in path.split("/") if part not in {"", "."}]
    if os.name == "nt":
        parts = [re.sub(_WINDOWS_INVALID, "_", part) for part in parts]
    destination = os.path.join(base, *parts)  # noqa: PTH118
    inside = os.path.realpath(base)
    resolved = os.path.realpath(destination)
    is_inside = resolved == inside or resolved.startswith(inside.rstrip(os.sep) + os.sep)
    if ".." in parts or not is_inside:
        from mlflow_plugin_core import errors

        message = f"Invalid artifact path: {path!r} would be written outside of {base!r}"
        raise errors.invalid_parameter(message)
    return Path(destination)
