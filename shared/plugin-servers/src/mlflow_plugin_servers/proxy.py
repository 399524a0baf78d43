"""A TCP proxy that behaves as badly as a network can, on command."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import struct
import threading
from typing import TYPE_CHECKING, Any, TypeVar

from mlflow_plugin_servers.ports import LOOPBACK

if TYPE_CHECKING:
    from collections.abc import Callable, Coroutine

__all__ = ["Proxy"]

_T = TypeVar("_T")
_BLOCK = 65_536
_IN_FLIGHT = 256
_RESET = struct.pack("ii", 1, 0)


class Proxy:
    """Passes connections on to a server, well or badly.

    Each fault stays until it is taken back; it concerns open connections and new ones alike.

    Attributes:
        delay: Seconds that each byte travels, each way; throughput stays as it is.
        rate: Bytes per second that each connection carries each way; 0 for as many as it can.
        connections: How many connections were taken so far.
        round_trips: How often the answering side's turn came: what a protocol pays for distance.
        sent: Bytes passed on towards the server.
        received: Bytes passed on towards the client.
        cuts: How often connections were cut.
    """

    def __init__(self, port: int, host: str = LOOPBACK, listen: int = 0) -> None:
        """Start to listen on loopback.

        Args:
            port: Port of the server.
            host: Its machine.
            listen: Port to listen on; 0 for a free one.

        Raises:
            OSError: Somebody else listens on that port.
        """
        self.delay = 0.0
        self.rate = 0
        self.connections = self.round_trips = self.sent = self.received = self.cuts = 0
        # First of all, for it may fail, and nothing else would then be there to close.
        self._listener = socket.create_server((LOOPBACK, listen))
        self._listener.setblocking(False)
        self.port = int(self._listener.getsockname()[1])
        self._target = (host, port)
        self._refusing = False
        self._cut_at: dict[bool, int] = {}
        self._corrupt_at: dict[bool, int] = {}
        self._open: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[Any]] = set()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(
            target=self._loop.run_forever, name="tcp-proxy", daemon=True
        )
        self._thread.start()
        self._flowing = self._do(self._new_event())
        self._call(lambda: self._loop.add_reader(self._listener, self._accept))

    def __enter__(self) -> Proxy:
        """Return the proxy itself."""
        return self

    def __exit__(self, *_: object) -> None:
        """Close it."""
        self.close()

    def cut(self) -> None:
        """Reset all open connections now, as a machine that reboots does; new ones are taken."""
        self._call(self._cut)

    def cut_after(self, count: int, *, answers: bool = False) -> None:
        """Reset all connections once, when exactly so many more bytes were passed on.

        A reset overtakes what the operating systems still hold, so the other side may have read fewer.

        Args:
            count: Bytes, over all connections together.
            answers: Whether the bytes towards the client are counted, rather than those towards the server.
        """
        self._call(
            lambda: self._cut_at.update(
                {answers: (self.received if answers else self.sent) + count}
            )
        )

    def corrupt_after(self, count: int, *, answers: bool = False) -> None:
        """Change one byte, once.

        Args:
            count: How many bytes pass unharmed before it.
            answers: Whether it is one towards the client, rather than one towards the server.
        """
        self._call(
            lambda: self._corrupt_at.update(
                {answers: (self.received if answers else self.sent) + count}
            )
        )

    def refuse(self) -> None:
        """Reset open connections, and each new one as soon as it is made: the service is down."""

        def down() -> None:
            self._refusing = True
            self._cut()

        self._call(down)

    def stall(self) -> None:
        """Pass nothing on, without closing anything: the machine hangs or the cable is out."""
        self._call(self._flowing.clear)

    def heal(self) -> None:
        """Take every fault back; connections that were stalled go on."""

        def well() -> None:
            self.delay, self.rate, self._refusing = 0.0, 0, False
            self._cut_at.clear()
            self._corrupt_at.clear()
            self._flowing.set()

        self._call(well)

    def close(self) -> None:
        """Stop listening and drop all connections."""
        if self._loop.is_closed() or not self._thread.is_alive():
            return
        self._do(self._finish())
        self._loop.call_soon_threadsafe(self._loop.stop)
        self._thread.join()
        self._loop.close()

    async def _finish(self) -> None:
        self._loop.remove_reader(self._listener)
        self._listener.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        self._cut()

    def _accept(self) -> None:
        """Take a connection at once; asyncio's own ways lose track of one that was taken a moment before the end."""
        try:
            client, _ = self._listener.accept()
        except OSError:
            return  # It was reset while it waited.
        client.setblocking(False)
        self.connections += 1
        self._track(self._carry(client)).add_done_callback(lambda _: client.close())

    def _track(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self._loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _carry(self, client: socket.socket) -> None:
        client_reader, client_writer = await asyncio.open_connection(sock=client)
        self._open.add(client_writer)
        if self._refusing:
            self._reset(client_writer)
            return
        try:
            server_reader, server_writer = await asyncio.open_connection(*self._target)
        except OSError:
            # What the client would have seen without a proxy is a refusal; a reset is the nearest to it.
            self._reset(client_writer)
            return
        self._open.add(server_writer)
        for writer in (client_writer, server_writer):
            # Nothing waits in this process, where a cut would lose it: what is counted has left.
            writer.transport.set_write_buffer_limits(high=0)
        turn = _Turn()
        await asyncio.gather(
            self._pump(client_reader, server_writer, turn, answers=False),
            self._pump(server_reader, client_writer, turn, answers=True),
        )
        for writer in (client_writer, server_writer):
            self._open.discard(writer)
            writer.close()

    async def _pump(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        turn: _Turn,
        *,
        answers: bool,
    ) -> None:
        """Carry one direction to its end; two halves, so that a delay adds up to latency and not to a lower rate."""
        road: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(_IN_FLIGHT)

        async def depart() -> None:
            data = b"more"
            while data:
                try:
                    data = await reader.read(_BLOCK)
                except OSError:
                    data = b""
                if data and turn.changes(answers=answers):
                    self.round_trips += 1
                await road.put((self._loop.time() + self.delay, data))

        async def arrive() -> None:
            while True:
                due, data = await road.get()
                await asyncio.sleep(max(0.0, due - self._loop.time()))
                await self._flowing.wait()
                if not data:
                    if writer.can_write_eof() and not writer.is_closing():
                        writer.write_eof()
                    return
                await self._pass_on(data, writer, answers=answers)

        leaving = asyncio.ensure_future(depart())
        try:
            with contextlib.suppress(OSError):
                await arrive()
        finally:
            leaving.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await leaving

    async def _pass_on(self, data: bytes, writer: asyncio.StreamWriter, *, answers: bool) -> None:
        while data:
            rate = self.rate
            piece = data[: max(1, min(_BLOCK, rate // 20))] if rate else data
            if rate:
                await asyncio.sleep(len(piece) / rate)
            if writer.is_closing():
                # Cut while this waited: it counts for nothing.
                raise ConnectionResetError
            passed = self.received if answers else self.sent
            limit = self._cut_at.get(answers)
            if limit is not None:
                piece = piece[: limit - passed]
            # Counted before anything is waited for, as other connections count along.
            if answers:
                self.received += len(piece)
            else:
                self.sent += len(piece)
            writer.write(self._harm(piece, passed, answers=answers))
            await writer.drain()
            if limit is not None and passed + len(piece) >= limit:
                self._cut_at.pop(answers, None)
                self._cut()
                return
            data = data[len(piece) :]

    def _harm(self, piece: bytes, passed: int, *, answers: bool) -> bytes:
        place = self._corrupt_at.get(answers)
        if place is None or not passed <= place < passed + len(piece):
            return piece
        del self._corrupt_at[answers]
        harmed = bytearray(piece)
        harmed[place - passed] ^= 0xFF
        return bytes(harmed)

    def _cut(self) -> None:
        self.cuts += 1
        for writer in list(self._open):
            self._reset(writer)

    def _reset(self, writer: asyncio.StreamWriter) -> None:
        self._open.discard(writer)
        with contextlib.suppress(OSError):
            # Closed without lingering a connection ends in a reset and not in order.
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        writer.transport.abort()

    @staticmethod
    async def _new_event() -> asyncio.Event:
        event = asyncio.Event()
        event.set()
        return event

    def _do(self, work: Coroutine[Any, Any, _T]) -> _T:
        return asyncio.run_coroutine_threadsafe(work, self._loop).result()

    def _call(self, work: Callable[[], object]) -> None:
        """Run something in the loop's thread and wait until it is done."""

        async def once() -> None:
            work()

        self._do(once())


class _Turn:
    """Whose turn it is on one connection."""

    def __init__(self) -> None:
        self._asked = False

    def changes(self, *, answers: bool) -> bool:
        """Take note of data and tell whether it is the first of an answer."""
        first = answers and self._asked
        self._asked = not answers
        return first
