"""How much memory hf_xet may use for the Hub: by default several gigabytes, and 64 blocks on their way. Pure."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mlflow_xet_artifacts import file_memory

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

# A block of an upload (Xet protocol specification, "Xorb Formation": at most 64 MiB) is held while
# it is collected and once more, serialized, while it is sent.
_BLOCK = 128 << 20
# Downloads of 1 GiB over loopback were as fast with 16 MB as with any larger buffer.
_SHARE = 16
_MOST_DOWNLOADS = 16


def bounds(memory: int, *, known: Iterable[str], environ: Mapping[str, str]) -> dict[str, object]:
    """Return what to set in hf_xet's configuration, by its dotted names.

    Args:
        memory: Bytes that a transfer may hold.
        known: The names that the installed version has; it refuses any other.
        environ: A name that is set here, such as HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_SIZE, is
            the user's and stays as it is.
    """
    size = memory // _SHARE
    uploads = max(1, memory // _BLOCK - 1)
    downloads = max(2, min(_MOST_DOWNLOADS, memory // (64 << 20)))
    wanted: dict[str, object] = {
        **file_memory.download_buffers(size),
        "client.ac_max_upload_concurrency": uploads,
        "client.ac_initial_upload_concurrency": 1,
        "client.ac_max_download_concurrency": downloads,
        "client.ac_initial_download_concurrency": min(2, downloads),
        # It sends figures about each transfer to the Hub, which nobody asked for.
        "telemetry.enabled": False,
    }
    return file_memory.settable(wanted, known=known, environ=environ)
