"""How much memory hf_xet may use: by default it takes several gigabytes for one download."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_MEGABYTE = 1_000_000
# Measured with a file of 1 GiB: a buffer of 16 MB is as fast as one of 64 MB.
_LEAST, _MOST = 8 * _MEGABYTE, 16 * _MEGABYTE
_SHARE = 512


def bounds(
    *, known: Iterable[str], environ: Mapping[str, str], total: int | None = None
) -> dict[str, object]:
    """Return what to set in hf_xet's configuration, by its dotted names.

    Args:
        known: The names that the installed version has; it refuses any other.
        environ: A name that is set here, such as HF_XET_RECONSTRUCTION_DOWNLOAD_BUFFER_SIZE, is
            the user's and stays as it is.
        total: Bytes of memory of the machine; found out by default.
    """
    size = max(_LEAST, min(_MOST, (total or _total_memory()) // _SHARE))
    wanted: dict[str, object] = {
        "reconstruction.download_buffer_size": size,
        "reconstruction.download_buffer_perfile_size": size,
        "reconstruction.download_buffer_limit": 2 * size,
        "reconstruction.min_reconstruction_fetch_size": size,
        "reconstruction.max_reconstruction_fetch_size": 2 * size,
        "reconstruction.min_prefetch_buffer": size,
        "client.ac_max_upload_concurrency": 1,
        "client.ac_initial_upload_concurrency": 1,
        "client.ac_max_download_concurrency": 2,
        "client.ac_initial_download_concurrency": 1,
        # It reports transfers in the background, which keeps the store open beyond its closing.
        "telemetry.enabled": False,
    }
    names = set(known)
    return {
        name: value
        for name, value in wanted.items()
        if name in names and _variable(name) not in environ
    }


def _variable(name: str) -> str:
    return "HF_XET_" + name.replace(".", "_").upper()


def _total_memory() -> int:
    try:
        return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    except (ValueError, OSError):  # not every system tells
        return _LEAST * _SHARE
