"""Content by hf_xet: many files at once, each chunk sent and fetched once, watched for stalls."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import hf_xet  # type: ignore[import-untyped]

from mlflow_xet_artifacts import file_watch, hub_memory

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from mlflow_xet_artifacts.client_hub import HubClient

_lock = threading.Lock()
_sessions: dict[tuple[int, int], Any] = {}


class Content(NamedTuple):
    """What hf_xet says of a file that it uploaded: its Xet hash, its SHA-256, its bytes."""

    xet: str
    sha256: str
    size: int


class Fetch(NamedTuple):
    """A file to fetch: its Xet hash, its bytes, where to."""

    xet: str
    size: int
    destination: Path


def upload(client: HubClient, files: Sequence[Path]) -> list[Content]:
    """Send the content of files; what the Hub has of it already is not sent.

    Raises:
        MlflowException: TEMPORARILY_UNAVAILABLE when nothing moves for as long as is allowed.
        Exception: hf_xet's own.
    """
    commit = _session(client).new_upload_commit(**_access(client, "write"))
    # Git's pointers to large files name their SHA-256; buckets have no use for it.
    sha256 = hf_xet.SKIP_SHA256 if client.place.is_bucket else hf_xet.COMPUTE_SHA256
    handles = [commit.start_upload_file(str(file), sha256=sha256) for file in files]
    _finish(commit, client.settings.stall_timeout)
    found = []
    for handle in handles:
        info = handle.result().xet_info
        found.append(Content(info.hash, info.sha256 or "", info.file_size))
    return found


def download(client: HubClient, files: Sequence[Fetch]) -> None:
    """Fetch the content of files, without a copy in any cache.

    Raises:
        MlflowException: TEMPORARILY_UNAVAILABLE when nothing moves for as long as is allowed.
        Exception: hf_xet's own.
    """
    group = _session(client).new_file_download_group(**_access(client, "read"))
    for file in files:
        group.start_download_file(hf_xet.XetFileInfo(file.xet, file.size), str(file.destination))
    _finish(group, client.settings.stall_timeout)


def read(client: HubClient, xet: str, size: int, start: int, stop: int) -> bytes:
    """Read a part of a file."""
    group = _session(client).new_download_stream_group(**_access(client, "read"))
    with group:
        return b"".join(group.download_stream(hf_xet.XetFileInfo(xet, size), start=start, end=stop))


def content_hash(file: Path) -> str:
    """Return the Xet hash of a local file."""
    return str(hf_xet.hash_files([str(file)])[0].hash)


def _access(client: HubClient, scope: str) -> dict[str, Any]:
    # The Hub's token goes to the Hub alone, for short-lived ones that the content store takes.
    plain = {name: value for name, value in client.headers.items() if name != "authorization"}
    return {
        "token_refresh_url": client.token_url(scope),
        "token_refresh_headers": client.headers,
        "custom_headers": plain,
    }


def _session(client: HubClient) -> Any:  # noqa: ANN401  # hf_xet has no types
    """Return this process's session: a forked child must not use its parent's threads."""
    memory = client.settings.memory
    key = (os.getpid(), memory)
    with _lock:
        if key not in _sessions:
            # A parent's stays where it is: to end it here would wait for threads that only it has.
            config = hf_xet.XetConfig()
            limits = hub_memory.bounds(memory, known=config.keys(), environ=os.environ)
            config = config.with_config(limits)
            _sessions[key] = hf_xet.XetSession(config)
        return _sessions[key]


def _reset_after_fork() -> None:
    global _lock  # noqa: PLW0603  # another thread of the parent may have held it
    _lock = threading.Lock()


if hasattr(os, "register_at_fork"):  # not on Windows
    os.register_at_fork(after_in_child=_reset_after_fork)


def _finish(group: Any, stall_timeout: float) -> None:  # noqa: ANN401
    """Wait for a transfer as long as anything moves."""
    file_watch.run(
        group.wait_to_finish,
        progress=lambda: _progress(group),
        cancel=group.abort,
        timeout=stall_timeout,
        what="The transfer to or from the Hub stands still",
        remedy="check the network, or raise MLFLOW_XET_STALL_TIMEOUT",
    )


def _progress(group: Any) -> tuple[object, ...]:  # noqa: ANN401
    now = group.progress()
    return (now.total_bytes_completed, now.total_transfer_bytes_completed, str(now.shard))
