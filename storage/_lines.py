"""How does a unit of work reach SQLite's thread in one trip? aiosqlite's connection, asked for a whole transaction at a time.

aiosqlite gives each connection a thread and a queue; statement by statement it makes about four trips for each. Here the
same thread is given SQLAlchemy's engine of that very connection and a function that does all of a transaction.
"""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import ParamSpec, TypeVar

import aiosqlite
import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.dialects import sqlite as dialect
from sqlalchemy.pool import StaticPool

from storage._ways import OneWriter

P = ParamSpec("P")
T = TypeVar("T")


class Line(aiosqlite.Connection):
    """One connection and the thread that it lives in. What runs on it runs in the order of the calls, one after the other.

    connect: opens and prepares the connection, in that thread. begin: the statement that begins a transaction.
    """

    def __init__(self, connect: Callable[[], sqlite3.Connection], *, begin: str) -> None:
        super().__init__(connect, iter_chunk_size=64)
        # A process that is to end must not wait for a line that nobody closed; to SQLite that is like a SIGKILL.
        self._thread.daemon = True
        self.engine = sa.create_engine(
            "sqlite://",
            creator=lambda: self._conn,
            poolclass=StaticPool,
            hide_parameters=True,  # an error's text must not carry members' words into a log
            isolation_level="AUTOCOMMIT",  # transactions are `transact`'s own
            execution_options={"ways": OneWriter(dialect.insert)},
        )
        self._begin = begin
        self.connection: Connection
        """For the line's thread alone."""

    async def run(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs a function in the line's thread. If the caller is cancelled, what it began is done all the same, whole."""
        result: T = await self._execute(task, *args, **kwargs)  # type: ignore[no-untyped-call]  # aiosqlite's own
        return result

    def transact(self, work: Callable[[Connection], T]) -> T:
        """In the line's thread: commits what `work` did, or nothing of it.

        A picture takes some forty transactions, and most have one statement: to let SQLAlchemy begin and end them, and make a
        connection for each, would cost twice what they do.
        """
        self._conn.execute(self._begin)
        try:
            result = work(self.connection)
            self._conn.execute("COMMIT")
        except BaseException:
            if self._conn.in_transaction:  # SQLite has ended it already where the disk is full or broken
                self._conn.execute("ROLLBACK")
            raise
        return result

    async def close(self) -> None:
        """Waits for what was asked before."""
        if self._running:
            await self.run(self._let_go)
        await super().close()

    def prepare(self) -> None:
        """In the line's thread, before anything else."""
        self.connection = self.engine.connect()

    def _let_go(self) -> None:
        self.connection.close()
        self.engine.dispose()


async def opened(connect: Callable[[], sqlite3.Connection], *, begin: str) -> Line:
    """A line that is connected. Raises what `connect` raises."""
    line = Line(connect, begin=begin)
    await line
    await line.run(line.prepare)
    return line


class Lines:
    """A few lines that do the same, for work that may run side by side."""

    def __init__(self, lines: Sequence[Line]) -> None:
        self._all = tuple(lines)
        self._free: asyncio.Queue[Line] = asyncio.Queue()
        for line in lines:
            self._free.put_nowait(line)

    @asynccontextmanager
    async def one(self) -> AsyncIterator[Line]:
        """A line that nobody else uses, as soon as there is one."""
        line = await self._free.get()
        try:
            yield line
        finally:
            self._free.put_nowait(line)

    async def close(self) -> None:
        for line in self._all:
            await line.close()
