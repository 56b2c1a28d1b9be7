"""What lies between the bot and a server? A wire of this machine, which can be cut, and can be down for a while."""

from __future__ import annotations

import asyncio
from contextlib import suppress

HERE = "127.0.0.1"
PIECE = 65_536  # bytes that are passed on at once


class Relay:
    """A port of this machine that leads to another one. The port stays the same, whatever becomes of the connections."""

    def __init__(self) -> None:
        self.port = 0
        self._target = 0
        self._server: asyncio.Server | None = None
        self._carrying: set[asyncio.Task[None]] = set()
        self._ends: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Takes a port; `leads_to` says where to."""
        await self.up()

    def leads_to(self, port: int) -> None:
        self._target = port

    async def up(self) -> None:
        """Takes connections, if it does not."""
        if self._server is None:
            self._server = await asyncio.start_server(self._take, HERE, self.port)
            self.port = self._server.sockets[0].getsockname()[1]

    async def down(self) -> None:
        """As if the server behind it were being restarted: nobody comes in, and who is in is thrown out."""
        server, self._server = self._server, None
        if server is not None:
            server.close()
        self.cut()

    def cut(self) -> None:
        """Breaks every connection, wherever an exchange stands."""
        for end in self._ends:
            end.transport.abort()

    async def close(self) -> None:
        await self.down()
        carrying = list(self._carrying)
        for task in carrying:
            task.cancel()
        await asyncio.gather(*carrying, return_exceptions=True)

    def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(self._carry(reader, writer), name="relay")
        self._carrying.add(task)
        task.add_done_callback(self._carrying.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        ends = {writer}
        self._ends.add(writer)
        try:
            far_reader, far_writer = await asyncio.open_connection(HERE, self._target)
            ends.add(far_writer)
            self._ends.add(far_writer)
            await asyncio.gather(_pass_on(reader, far_writer), _pass_on(far_reader, writer))
        except OSError:
            pass  # one side is gone, and so is the other below
        finally:
            self._ends -= ends
            for end in ends:
                end.transport.abort()


async def _pass_on(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(PIECE):
        writer.write(data)
        await writer.drain()
    with suppress(OSError):
        writer.write_eof()
