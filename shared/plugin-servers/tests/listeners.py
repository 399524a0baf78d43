"""Where a process listens."""

from __future__ import annotations

import contextlib
import ipaddress
from pathlib import Path

__all__ = ["listeners"]

_LISTENS = "0A"


def listeners(pid: int | None) -> set[tuple[str, int]]:
    """Return the addresses and ports of TCP that a process listens on."""
    sockets = set()
    for entry in Path(f"/proc/{pid}/fd").iterdir():
        with contextlib.suppress(OSError):
            sockets.add(str(entry.readlink()))
    found = set()
    for table in ("tcp", "tcp6"):
        for line in Path("/proc/net", table).read_text(encoding="ascii").splitlines()[1:]:
            fields = line.split()
            if fields[3] == _LISTENS and f"socket:[{fields[9]}]" in sockets:
                address, _, port = fields[1].rpartition(":")
                # Words of four bytes, each in the order of this machine.
                words = [
                    bytes.fromhex(address[at : at + 8])[::-1] for at in range(0, len(address), 8)
                ]
                found.add((str(ipaddress.ip_address(b"".join(words))), int(port, 16)))
    return found
