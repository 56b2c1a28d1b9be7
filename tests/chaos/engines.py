"""On which databases can chaos be run, by how many processes, and how does a database die?"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from pathlib import Path
from typing import Protocol

from tests.storage.server import Server

Restart = Callable[[float], Awaitable[None]]


class Engine(Protocol):
    """One engine, with the processes that share it. longest_pause: seconds for which one of them may stand still."""

    name: str
    longest_pause: float

    def serve(self, folder: Path) -> AbstractAsyncContextManager[str]:
        """Its database, empty; gives DATABASE_URL."""

    def seats(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        """The processes by name, each with its settings; the one that hears members first."""

    @property
    def restart(self) -> Restart | None:
        """Lets the database's server die, and start again so many seconds later; None where there is no server."""


class Sqlite:
    """One process, one file."""

    name = "sqlite"
    longest_pause = 6.0
    restart = None

    @asynccontextmanager
    async def serve(self, folder: Path) -> AsyncIterator[str]:
        yield f"sqlite:///{folder}/data/darkroom.db"

    def seats(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        return {"bot": dict(settings)}


class Postgresql:
    """One process that listens and any number that work, on a server of their own."""

    name = "postgresql"
    longest_pause = 20.0  # longer than a lease: what a worker is at is taken over by another while it stands still

    def __init__(self, workers: int) -> None:
        self._workers = workers
        self._server: Server | None = None
        self._restarting = asyncio.Lock()

    @asynccontextmanager
    async def serve(self, folder: Path) -> AsyncIterator[str]:
        self._server = server = await asyncio.to_thread(Server)
        try:
            database = await asyncio.to_thread(server.new_database)
            # What was committed stays, although its server is killed; the suite has no need of that.
            await asyncio.to_thread(server.sql, f"ALTER DATABASE {database} SET synchronous_commit = on")
            yield server.address(database)
        finally:
            await asyncio.to_thread(server.close)

    def seats(self, settings: Mapping[str, str]) -> dict[str, dict[str, str]]:
        names = ["gateway", *(f"worker-{number}" for number in range(1, self._workers + 1))]
        return {name: {**settings, "ROLE": name.partition("-")[0]} for name in names}

    async def restart(self, away: float) -> None:
        assert self._server, "it is not served"
        async with self._restarting:
            await asyncio.to_thread(self._server.stop, at_once=True)
            await asyncio.sleep(away)
            await asyncio.to_thread(self._server.start)
