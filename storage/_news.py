"""How does a process hear what others changed, and how do others see that it works? One session that listens, kept alive."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

import asyncpg

from bot.ports import News
from storage._server import Address, told
from storage._ways import CHANNEL, SPACE, WORKING

LOOK_SECONDS = 30.0
"""Between two looks whether a session in which nothing is said is still there: a network can lose one without a word."""

FIRST_PAUSE = 0.1
LONGEST_PAUSE = 5.0
"""Seconds until a lost session is sought again; each vain attempt doubles them."""

LEAVE_SECONDS = 1.0
"""How long the end waits for a server that does not answer."""

EVERYTHING = News(job_id=None, conversation_id=None)


class Ear:
    """Begins with the first who wants to hear or to be seen at work, and ends with `close`."""

    def __init__(self, address: Address, me: str) -> None:
        """me: by what to know what this process told itself."""
        self._address = address
        self._me = me
        self._hearers: set[asyncio.Queue[News | None]] = set()
        self._task: asyncio.Task[None] | None = None
        self._connection: asyncpg.Connection[Any] | None = None
        self._connecting = asyncio.Lock()
        self._works = False  # others shall see that
        self._is_seen = False  # they do, by this connection
        self._is_closed = False

    @property
    def session(self) -> int | None:
        """The server's number of the session, while there is one."""
        return self._connection.get_server_pid() if self._connection else None

    async def news(self) -> AsyncIterator[News]:
        """What others changed, until `close`."""
        if self._is_closed:
            return
        hearer: asyncio.Queue[News | None] = asyncio.Queue()
        self._hearers.add(hearer)
        try:
            if self._connection:
                yield EVERYTHING
            self._begin()
            while news := await hearer.get():
                yield news
        finally:
            self._hearers.discard(hearer)

    async def work(self) -> None:
        """From here on others see this process at work, as long as it has a session. Raises StoreBusy."""
        self._works = True
        with told(self._address):
            await self._connected()
        self._begin()

    async def close(self) -> None:
        self._is_closed = True
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
        if self._connection:
            await self._leave(self._connection)
        for hearer in self._hearers:
            hearer.put_nowait(None)

    def _begin(self) -> None:
        if self._task is None:
            self._task = asyncio.create_task(self._keep_listening(), name="store-listens")

    async def _keep_listening(self) -> None:
        pause = FIRST_PAUSE
        while True:
            # Whatever it ends by: the next session may do, and each call of the store says by itself what is wrong.
            with suppress(Exception):
                connection = await self._connected()
                pause = FIRST_PAUSE
                await _until_lost(connection)
            if self._connection:
                self._connection.terminate()
                self._connection, self._is_seen = None, False
            await asyncio.sleep(pause)
            pause = min(2 * pause, LONGEST_PAUSE)

    async def _connected(self) -> asyncpg.Connection[Any]:
        """The session, which listens, and by which others see this process at work if it is."""
        async with self._connecting:
            connection = self._connection or await self._address.connect()
            try:
                if not self._connection:
                    await connection.add_listener(CHANNEL, self._hear)
                    for hearer in self._hearers:
                        hearer.put_nowait(EVERYTHING)  # what was told while nobody listened is unknown
                if self._works and not self._is_seen:
                    await connection.execute("SELECT pg_advisory_lock_shared($1, $2)", SPACE, WORKING)
                    self._is_seen = True
            except BaseException:
                connection.terminate()
                raise
            self._connection = connection
            return connection

    async def _leave(self, connection: asyncpg.Connection[Any]) -> None:
        """The lock is let go of first: the server ends a session some time after its client has left."""
        self._connection = None
        try:
            await connection.execute("SELECT pg_advisory_unlock_all()", timeout=LEAVE_SECONDS)
            await connection.close(timeout=LEAVE_SECONDS)
        except (asyncpg.PostgresError, asyncpg.InterfaceError, OSError):
            connection.terminate()

    def _hear(self, _connection: object, _session: int, _channel: str, payload: object) -> None:
        who, job_id, conversation_id = json.loads(str(payload))
        if who != self._me:
            for hearer in self._hearers:
                hearer.put_nowait(News(job_id=job_id, conversation_id=conversation_id))


async def _until_lost(connection: asyncpg.Connection[Any], look: float = LOOK_SECONDS) -> None:
    lost = asyncio.Event()
    connection.add_termination_listener(lambda _: lost.set())
    while not (lost.is_set() or connection.is_closed()):
        try:
            async with asyncio.timeout(look):
                await lost.wait()
        except TimeoutError:
            await connection.execute("SELECT 1")
