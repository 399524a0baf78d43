"""Passes connections from one network on to another, as a process of its own.

It runs as a script, by its path, with the standard library alone:
`forward.py LISTEN_NETWORK LISTEN_HOST LISTEN_PORT TARGET_NETWORK TARGET_HOST TARGET_PORT`, where a network is the
number of an open file of a network namespace, or `-` for the one that it is started in. A socket stays in the network
that it was made in, so that one process can hold both ends.
"""

from __future__ import annotations

import asyncio
import contextlib
import ctypes
import os
import socket
import sys

CLONE_NEWNET = 0x40000000
LIBC = ctypes.CDLL(None, use_errno=True)


def enter(network: int) -> None:
    """Make all sockets in another network from now on."""
    if LIBC.setns(network, CLONE_NEWNET) != 0:
        number = ctypes.get_errno()
        raise OSError(number, f"setns: {os.strerror(number)}")


async def pump(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """Carry one direction to its end."""
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()
        writer.write_eof()


async def carry(
    reader: asyncio.StreamReader, writer: asyncio.StreamWriter, host: str, port: int
) -> None:
    """Carry one connection to its end; a target that refuses ends it at once."""
    try:
        there, back = await asyncio.open_connection(host, port)
    except OSError:
        writer.transport.abort()
        return
    await asyncio.gather(pump(reader, back), pump(there, writer))
    for each in (back, writer):
        each.close()


async def main() -> None:
    """Listen in one network, connect in another."""
    listen_network, host, port, target_network, target_host, target_port = sys.argv[1:]
    here = os.open("/proc/self/ns/net", os.O_RDONLY)
    networks = [here if word == "-" else int(word) for word in (listen_network, target_network)]
    enter(networks[0])
    listener = socket.create_server((host, int(port)), backlog=128)
    enter(networks[1])
    server = await asyncio.start_server(
        lambda reader, writer: carry(reader, writer, target_host, int(target_port)), sock=listener
    )
    await server.serve_forever()


if __name__ == "__main__":
    asyncio.run(main())
