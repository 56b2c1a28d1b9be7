"""How do several processes share one store? PostgreSQL: units of work side by side, pictures in a table, news by NOTIFY.

DATABASE_URL is `postgresql://user:password@host:5432/database`, with libpq's options (`?sslmode=require`) where needed.
"""

from __future__ import annotations

import asyncio
import random
import secrets
from collections.abc import AsyncIterator, Callable, Coroutine
from functools import partial
from typing import Any, Concatenate, ParamSpec, TypeVar

import asyncpg
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine
from sqlalchemy.pool import NullPool

from bot.ports import News, Store, StoreBusy
from storage import _memory, _schema, _server
from storage._news import Ear
from storage._retention import Removal
from storage._server import Address, address_of, told
from storage._sql import SqlStore
from storage._tables import blob_bytes, blobs
from storage._ways import Alone, ManyWriters, ways_of

P = ParamSpec("P")
T = TypeVar("T")

SESSIONS = 8
"""Units of work at the same time, of one process; it has one session more, which listens."""

ATTEMPTS = SESSIONS + 4
"""How often a unit of work is begun that the server undid for another one's sake, or whose session was lost: as all may be."""

CLOSE_SECONDS = 1.0
"""How long `close` waits for units of work that nobody waits for any more, and then for the server to see sessions off."""


async def open_store(url: str, *, exclusive: bool, read_only: bool = False) -> Store:  # noqa: ARG001  see below
    """Opens the database, making or migrating its tables first. Raises StoreBusy with a sentence when it cannot.

    exclusive: makes no difference, since any number of processes may work on it side by side.
    read_only: neither makes nor migrates. Every write raises StoreBusy.
    """
    engine = PostgresEngine(address_of(url), read_only=read_only)
    try:
        await engine.prepare()
    except BaseException:
        await engine.close()
        raise
    return SqlStore(engine)


class PostgresEngine:
    """`storage._sql.Engine` on a pool of sessions.

    A unit of work is begun anew where that cannot do it twice: when the server undid it for another one's sake, or when the
    session was lost before COMMIT was sent. A session that is lost *during* COMMIT leaves it open whether it was done. The
    caller is told StoreBusy and may say the same again, or let go, because every write is safe to repeat: a job is added once
    per `source_id`, a save that was done makes its repetition a Conflict, a claim that nobody learned of ends with its lease,
    and what else is written (cards, notes, cursors, bytes, removals) is the same when it is written twice.
    """

    def __init__(self, address: Address, *, read_only: bool) -> None:
        me = secrets.token_hex(8)
        self._address = address
        self._is_read_only = read_only
        self._is_closed = False
        self._ear = Ear(address, me)
        self._ways = ManyWriters(me, lambda: self._ear.session)
        self._running: set[asyncio.Task[Any]] = set()
        self._sessions: set[asyncpg.Connection[Any]] = set()
        self._engine = create_async_engine(
            "postgresql+asyncpg://",  # where and as whom is the address' secret
            async_creator=self._connect,
            pool_size=SESSIONS,
            max_overflow=0,
            pool_timeout=_server.STATEMENT_SECONDS,
            pool_use_lifo=True,
            hide_parameters=True,  # an error's text must not carry members' words into a log
            isolation_level="READ COMMITTED",
            execution_options={"ways": self._ways},
        )
        # One statement may follow another in a reading: all see what was committed before the first.
        self._reading = self._engine.execution_options(isolation_level="REPEATABLE READ", postgresql_readonly=True)

    async def prepare(self) -> None:
        """Checks, or makes and migrates, the tables."""
        if self._is_read_only:
            await self.read(_schema.check, str(self._address))
        elif not await self.read(_schema.is_current, str(self._address)):
            await self._migrate()

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self._whole(self._transact(self._reading, partial(_call, work, args, kwargs)))

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._must_write()
        return await self._whole(self._transact(self._engine, partial(_call, work, args, kwargs)))

    async def put_blob(self, sha256: str, data: bytes, now: float) -> None:
        if not await self.write(_put_again, sha256, now):
            await self.write(_put, sha256, data, now)

    async def get_blob(self, sha256: str) -> bytes | None:
        return await self.read(_bytes_of, sha256)

    async def remove(
        self, work: Callable[Concatenate[Connection, P], Removal], *args: P.args, **kwargs: P.kwargs
    ) -> Removal:
        return await self.write(work, *args, **kwargs)  # the bytes of a blob go with its row

    async def remove_strays(self, before: float) -> None:
        """There are none: a blob and its bytes are stored, and removed, in one transaction."""

    async def now(self) -> float:
        return await self.read(self._ways.now)

    async def work(self) -> None:
        await self._ear.work()

    def news(self) -> AsyncIterator[News]:
        return self._ear.news()

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        if self._running:
            _, late = await asyncio.wait(self._running, timeout=CLOSE_SECONDS)
            for task in late:
                task.cancel()
        await self._ear.close()
        # Side by side, which the pool would do one by one: a server that answers nobody sees by itself that we are gone.
        closing = (session.close(timeout=CLOSE_SECONDS) for session in tuple(self._sessions))
        await asyncio.gather(*closing, return_exceptions=True)
        await self._engine.dispose(close=False)

    async def _connect(self) -> asyncpg.Connection[Any]:
        session = await self._address.connect()
        self._sessions.add(session)
        session.add_termination_listener(self._sessions.discard)
        return session

    async def _migrate(self) -> None:
        """In a session that may wait for another process' migration, and make an index over a long history."""
        engine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=partial(self._address.connect, patient=True),
            poolclass=NullPool,
            hide_parameters=True,
            execution_options=self._engine.get_execution_options(),
        )
        await self._whole(self._transact(engine, partial(_migrate, address=self._address)))

    def _must_write(self) -> None:
        if self._is_read_only:
            raise StoreBusy(f"{self._address} was opened for reading only.")

    async def _whole(self, work: Coroutine[Any, Any, T]) -> T:
        """Does it to its end, also where the caller is cancelled meanwhile."""
        if self._is_closed:
            work.close()
            raise StoreBusy("The store was closed; the bot is stopping.")
        task = asyncio.create_task(work)
        self._running.add(task)
        task.add_done_callback(self._ended)
        return await asyncio.shield(task)

    def _ended(self, task: asyncio.Task[Any]) -> None:
        self._running.discard(task)
        if not task.cancelled():
            task.exception()  # whoever still waits for it is told; nobody else need be

    async def _transact(self, engine: AsyncEngine, work: Callable[[Connection], T]) -> T:
        """Commits what `work` did, or nothing of it."""
        with told(self._address):
            for attempt in range(1, ATTEMPTS):
                transaction = _Transaction(engine)
                try:
                    return await transaction.run(work)
                except Exception as error:
                    if not transaction.is_undone_by(error):
                        raise
                await asyncio.sleep(random.random() * 0.01 * attempt)
            return await _Transaction(engine).run(work)


class _Transaction:
    """One attempt at a unit of work."""

    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine
        self._has_session = False
        self._is_committing = False

    async def run(self, work: Callable[[Connection], T]) -> T:
        async with self._engine.connect() as connection:
            self._has_session = True
            result = await connection.run_sync(work)
            self._is_committing = True
            await connection.commit()
            return result

    def is_undone_by(self, error: Exception) -> bool:
        """Whether nothing was done, for a reason that need not come again."""
        # A session that cannot be had tells of a server that is gone; one that was lost may have been the last of many
        # that a restart ended while they lay in the pool.
        was_lost = self._has_session and not self._is_committing and _server.is_lost(error)
        return was_lost or _server.met_another(error)


def _call(work: Callable[..., T], args: Any, kwargs: Any, connection: Connection) -> T:
    return work(connection, *args, **kwargs)


def _migrate(connection: Connection, address: Address) -> None:
    if connection.scalar(sa.text("SHOW server_encoding")) != "UTF8":
        raise address.sentence(_server.NOT_UTF8)
    ways_of(connection).alone(connection, Alone.MIGRATE)
    _schema.upgrade(connection, str(address))


def _put_again(connection: Connection, sha256: str, now: float) -> bool:
    """Whether the bytes are here already."""
    return connection.execute(blobs.update().where(blobs.c.sha256 == sha256).values(put_at=now)).rowcount == 1


def _put(connection: Connection, sha256: str, data: bytes, now: float) -> None:
    # Listed first: its row keeps a removal of the same bytes waiting, or waits for it and is new then.
    _memory.keep_blob(connection, sha256, len(data), now)
    ways = ways_of(connection)
    connection.execute(ways.insert(blob_bytes).on_conflict_do_nothing(), {"sha256": sha256, "data": data})


def _bytes_of(connection: Connection, sha256: str) -> bytes | None:
    data: bytes | None = connection.scalar(sa.select(blob_bytes.c.data).where(blob_bytes.c.sha256 == sha256))
    return data
