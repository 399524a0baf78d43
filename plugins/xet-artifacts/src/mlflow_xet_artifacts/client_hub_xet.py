"""Content by hf_xet: many files at once, each chunk sent and fetched once, watched for stalls."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Any, NamedTuple

import hf_xet

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

    from mlflow_xet_artifacts.client_hub import HubClient

_LOOK_EVERY = 0.5
_lock = threading.Lock()
_sessions: dict[tuple[int, int], Any] = {}


class StalledError(Exception):
    """No byte moved for the time that the settings allow."""


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
        StalledError: Nothing moved for the time that the settings allow.
        Exception: hf_xet's own.
    """
    commit = _session(client).new_upload_commit(**_access(client, "write"))
    # A bucket does not keep the SHA-256; it is cheap beside the chunking.
    handles = [commit.start_upload_file(str(file), sha256=hf_xet.COMPUTE_SHA256) for file in files]
    _finish(commit, client.settings.stall_timeout)
    found = []
    for handle in handles:
        info = handle.result().xet_info
        found.append(Content(info.hash, info.sha256 or "", info.file_size))
    return found


def download(client: HubClient, files: Sequence[Fetch]) -> None:
    """Fetch the content of files, without a copy in any cache.

    Raises:
        StalledError: Nothing moved for the time that the settings allow.
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
            for old in [each for each in _sessions if each[0] != key[0]]:
                del _sessions[old]
            # By itself it takes 1.5 GB, and 8 GB at most, whatever the machine has.
            config = hf_xet.XetConfig().with_config(
                {
                    "reconstruction.download_buffer_size": str(memory // 2),
                    "reconstruction.download_buffer_perfile_size": str(memory // 8),
                    "reconstruction.download_buffer_limit": str(memory),
                    "reconstruction.min_prefetch_buffer": str(memory // 4),
                    "reconstruction.min_reconstruction_fetch_size": str(memory // 4),
                    "data.max_concurrent_file_ingestion": client.settings.workers,
                    "data.max_concurrent_file_downloads": client.settings.workers,
                }
            )
            _sessions[key] = hf_xet.XetSession(config)
        return _sessions[key]


def _finish(group: Any, stall_timeout: float) -> None:  # noqa: ANN401
    """Wait for a transfer as long as anything moves; hf_xet itself may wait for ever."""
    failure: list[BaseException] = []
    ended = threading.Event()
    finish: Callable[[], object] = group.wait_to_finish

    def run() -> None:
        try:
            finish()
        except BaseException as error:  # noqa: BLE001  # raised again by whoever waits
            failure.append(error)
        finally:
            ended.set()

    threading.Thread(target=run, name="mlflow-xet-transfer", daemon=True).start()
    last, still = None, 0.0
    try:
        while not ended.wait(_LOOK_EVERY if last else 0.01):
            now = _progress(group)
            still = still + _LOOK_EVERY if now == last else 0.0
            last = now
            if still >= stall_timeout:
                message = f"no byte moved for {stall_timeout:.0f} s"
                raise StalledError(message)
    except BaseException:
        # Ctrl-C as well: what runs in Rust goes on until it is told to stop.
        group.abort()
        raise
    if failure:
        raise failure[0]


def _progress(group: Any) -> tuple[object, ...]:  # noqa: ANN401
    now = group.progress()
    return (now.total_bytes_completed, now.total_transfer_bytes_completed, str(now.shard))
