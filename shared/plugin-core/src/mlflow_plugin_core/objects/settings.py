"""The settings that every artifact plugin for an object service has, under the same names."""

from __future__ import annotations

from mlflow_plugin_core.settings import PluginSettings, option

_MEBIBYTE = 1 << 20


class TransferSettings(PluginSettings):
    """How much at once, in pieces of which size, and how long to wait; a plugin adds its own."""

    workers: int = option(
        16,
        help="Requests at once for one transfer; the bound of threads and connections.",
        parameter="workers",
        ge=1,
        le=256,
    )
    part_size: int = option(
        16 * _MEBIBYTE,
        help="Bytes in one part of a large file, sent and fetched in parallel and repeated alone; "
        "grows by itself where a file would have more parts than the service allows.",
        parameter="part_size",
        ge=5 * _MEBIBYTE,
        le=1024 * _MEBIBYTE,
    )
    memory: int = option(
        64 * _MEBIBYTE,
        help="Bytes that one transfer may hold in memory, whatever the size of the files.",
        parameter="memory",
        ge=16 * _MEBIBYTE,
        le=4096 * _MEBIBYTE,
    )
    connect_timeout: float = option(
        10.0,
        help="Seconds until a connection attempt is given up.",
        parameter="connect_timeout",
        gt=0,
        le=600,
    )
    read_timeout: float = option(
        60.0,
        help="Seconds without a byte from the service until a request is given up.",
        parameter="read_timeout",
        gt=0,
        le=3_600,
    )
    retry_timeout: float = option(
        60.0,
        help="Seconds that the growing pauses between attempts of one request may take together, where "
        "it fails for a passing reason; 0 repeats nothing.",
        parameter="retry_timeout",
        ge=0,
        le=3_600,
    )
