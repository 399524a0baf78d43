"""From local files to the operations of a commit: text into Git, everything else by Xet."""

from __future__ import annotations

import base64
from functools import partial
from typing import TYPE_CHECKING, Any

from mlflow_plugin_core import errors
from mlflow_xet_artifacts import client_hub_xet, hub_calls, hub_errors
from mlflow_xet_artifacts.client_hub import PREUPLOAD_FILES, Candidate, RevisionNotFoundError

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from mlflow_plugin_core.blob_store import Upload
    from mlflow_xet_artifacts.client_hub import HubClient

# The Hub keeps text of up to 10 MB in Git (Hub documentation, "Repository limitations"). It goes
# along in the request of the commit, a third larger there.
REGULAR_BYTES = 16 << 20
_SAMPLE = 512


def prepare(
    client: HubClient, uploads: Sequence[Upload], modes: Mapping[str, str]
) -> list[dict[str, Any]]:
    """Upload the content of files, and return what a commit has to say about each.

    Args:
        client: The repository.
        uploads: Files whose paths are below the root of the repository.
        modes: As `ask_modes` returns them.

    Raises:
        MlflowException: What the Hub refuses, or a local file that is not there.
    """
    large = [upload for upload in uploads if upload.size and modes[upload.path] == "lfs"]
    what = f"Cannot upload {len(large)} files"
    sources = [upload.source for upload in large]
    try:
        contents = client_hub_xet.upload(client, sources) if large else []
    except Exception as error:
        raise hub_errors.translate(error, what, client) from error
    found = {
        upload.path: {
            "key": "lfsFile",
            "value": {
                "path": upload.path,
                "algo": "sha256",
                "oid": content.sha256,
                "size": content.size,
            },
        }
        for upload, content in zip(large, contents, strict=True)
    }
    for upload in uploads:
        if upload.path not in found:
            content = base64.b64encode(_content(upload.source, upload.path)).decode()
            value = {"content": content, "path": upload.path, "encoding": "base64"}
            found[upload.path] = {"key": "file", "value": value}
    return list(found.values())


def ask_modes(client: HubClient, uploads: Sequence[Upload]) -> dict[str, str]:
    """Ask the Hub which files go into Git and which beside it; makes a branch that is not there.

    Returns:
        `regular` or `lfs` by path.

    Raises:
        MlflowException: What the Hub refuses, or a local file that is not there.
    """
    candidates = [
        Candidate(upload.path, upload.size, _sample(upload.source, upload.path))
        for upload in uploads
    ]
    found: dict[str, str] = {}
    for start in range(0, len(candidates), PREUPLOAD_FILES):
        part = candidates[start : start + PREUPLOAD_FILES]
        found |= hub_calls.request(client, partial(_ask, client, part), "Cannot begin an upload")
    return found


def _ask(client: HubClient, part: Sequence[Candidate]) -> dict[str, str]:
    try:
        return client.modes(part)
    except RevisionNotFoundError:
        client.make_branch()
    except Exception as error:
        if not (client.settings.create_repo and type(error).__name__ in hub_errors.NO_REPO):
            raise
        client.make_repo()
        if client.place.branch != "main":
            client.make_branch()
    return client.modes(part)


def _sample(source: Path, path: str) -> bytes:
    try:
        with source.open("rb") as stream:
            return stream.read(_SAMPLE)
    except OSError as error:
        raise _unreadable(path, error) from error


def _content(source: Path, path: str) -> bytes:
    try:
        return source.read_bytes()
    except OSError as error:
        raise _unreadable(path, error) from error


def _unreadable(path: str, error: OSError) -> Exception:
    message = errors.explain(f"Cannot read the local file for {path!r}", why=error.strerror)
    return errors.invalid_parameter(message, cause=error)
