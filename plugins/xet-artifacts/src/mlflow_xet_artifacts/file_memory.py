"""How much memory hf_xet may use: by default it takes several gigabytes for one download."""

from __future__ import annotations

import ctypes
import os
import sys
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

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
        **download_buffers(size),
        "client.ac_max_upload_concurrency": 1,
        "client.ac_initial_upload_concurrency": 1,
        "client.ac_max_download_concurrency": 2,
        "client.ac_initial_download_concurrency": 1,
        # It reports transfers in the background, which keeps the store open beyond its closing.
        "telemetry.enabled": False,
    }
    return settable(wanted, known=known, environ=environ)


def download_buffers(size: int) -> dict[str, object]:
    """Return the settings of what a download holds, for buffers of so many bytes."""
    return {
        "reconstruction.download_buffer_size": size,
        "reconstruction.download_buffer_perfile_size": size,
        "reconstruction.download_buffer_limit": 2 * size,
        "reconstruction.min_reconstruction_fetch_size": size,
        "reconstruction.max_reconstruction_fetch_size": 2 * size,
        "reconstruction.min_prefetch_buffer": size,
    }


def settable(
    wanted: Mapping[str, object], *, known: Iterable[str], environ: Mapping[str, str]
) -> dict[str, object]:
    """Return what of it hf_xet's configuration knows and the user did not set in the environment."""
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


# glibc's malloc.h, and its largest value on 64 bits.
_M_MMAP_THRESHOLD = -3
_LARGEST_THRESHOLD = 32 << 20
_BLOCK_THRESHOLD = 256 << 10
_guard = threading.Lock()
_users = 0


@contextmanager
def giving_back() -> Iterator[None]:
    """Let the C library give large blocks back to the system at once, as long as the block lasts.

    hf_xet grows its buffers by doubling them, in many threads. glibc keeps what they leave behind
    in each thread's pool: measured, that is most of what an upload takes. Afterwards the threshold
    stands where glibc moves it by itself in any program that has freed a large block. Other C
    libraries have no such function, and MALLOC_MMAP_THRESHOLD_ is the user's word.
    """
    global _users  # noqa: PLW0603  # one threshold for the process, whatever runs at once
    mallopt = None if "MALLOC_MMAP_THRESHOLD_" in os.environ else _mallopt()
    if mallopt is None:
        yield
        return
    with _guard:
        _users += 1
        mallopt(_M_MMAP_THRESHOLD, _BLOCK_THRESHOLD)
    try:
        yield
    finally:
        with _guard:
            _users -= 1
            if not _users:
                mallopt(_M_MMAP_THRESHOLD, _LARGEST_THRESHOLD)


def _mallopt() -> Callable[[int, int], int] | None:
    if sys.platform != "linux":
        return None
    return getattr(ctypes.CDLL(None), "mallopt", None)
