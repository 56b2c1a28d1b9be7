"""What stands between a store and its server, and cuts the line at the worst moment?"""

from __future__ import annotations

import asyncio
import shutil
import tempfile
from pathlib import Path
from typing import Literal, Self

SOCKET = ".s.PGSQL.5432"

Moment = Literal["before", "after"]


class Cutter:
    """A socket like the server's. After `cut` the next COMMIT is the last thing said on its line, or not even that."""

    def __init__(self, folder: Path) -> None:
        """folder: of the server's socket."""
        self._server_folder = folder
        self._moment: Moment | None = None
        self._lines: set[asyncio.Task[None]] = set()
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))
        self.cuts = 0

    async def __aenter__(self) -> Self:
        self._listening = await asyncio.start_unix_server(self._line, self.folder / SOCKET)
        return self

    async def __aexit__(self, *_: object) -> None:
        self._listening.close()
        for line in self._lines:
            line.cancel()
        await asyncio.gather(*self._lines, return_exceptions=True)
        shutil.rmtree(self.folder)

    def cut(self, moment: Moment) -> None:
        """before: the server never hears of the next COMMIT. after: it does what it is told, and nobody hears of it."""
        self._moment = moment

    async def _line(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task
        self._lines.add(task)
        there, away = await asyncio.open_unix_connection(self._server_folder / SOCKET)
        back = asyncio.create_task(self._back(there, writer))
        try:
            while data := await reader.read(1 << 16):
                moment = self._moment if b"COMMIT;" in data else None
                if moment:
                    self._moment, self.cuts = None, self.cuts + 1
                    back.cancel()
                    await asyncio.gather(back, return_exceptions=True)
                    if moment == "after":
                        away.write(data)
                        await there.read(1 << 16)  # its answer, which goes nowhere
                    break
                away.write(data)
        except asyncio.CancelledError:
            pass
        finally:
            back.cancel()
            for end in (away, writer):
                end.transport.abort()
            self._lines.discard(task)

    async def _back(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while data := await reader.read(1 << 16):
            writer.write(data)
        writer.transport.abort()
