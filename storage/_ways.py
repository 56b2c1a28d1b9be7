"""What must a unit of work say differently on each engine? The few things that SQL has no common words for."""

from __future__ import annotations

import time
from collections.abc import Callable
from enum import IntEnum
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, func
from sqlalchemy.dialects import postgresql

SPACE = 0x6461726B
"""The first half of the key of every lock that PostgreSQL keeps for us; the other half is an `Alone` or WORKING."""

WORKING = 0
"""Shared by the sessions of all processes that work."""

CHANNEL = "darkroom"
"""Where PostgreSQL passes on what changed: [process, job, conversation]."""


class Alone(IntEnum):
    """What one transaction does at a time, among all processes of a store. Databases that are in use know the numbers."""

    ACCEPT = 1  # usage is counted, and a job stored that was admitted by that count
    CLAIM = 2  # free slots are counted and given away
    REMOVE = 3  # bytes are counted and the oldest removed
    START = 4  # the time that nobody worked is found out, and made good
    MIGRATE = 5


class Ways(Protocol):
    """An engine's own; its SQLAlchemy engine carries them as the execution option `ways`."""

    @property
    def is_shared(self) -> bool:
        """Whether several processes work on one store at the same time."""

    def insert(self, table: sa.Table) -> Any:
        """The dialect's INSERT, which knows ON CONFLICT."""

    def whole(self, number: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        """A number that is not negative, without its fraction."""

    def alone(self, connection: Connection, what: Alone) -> None:
        """Waits until nobody else does this, and keeps others from it until the transaction ends.

        Before the first look at what it guards: what is looked at later is then as the others left it.
        """

    def others_work(self, connection: Connection) -> bool:
        """Whether another process is at work on the store."""

    def now(self, connection: Connection) -> float:
        """What time the database has; the system's time, where it has none of its own."""

    def tell(self, connection: Connection, *job_ids: str) -> None:
        """Other processes hear that these jobs have changed, as soon as the transaction is committed."""


def ways_of(connection: Connection) -> Ways:
    """Those of the engine to which the connection belongs."""
    ways: Ways = connection.get_execution_options()["ways"]
    return ways


class OneWriter:
    """SQLite's: whoever writes is alone, one process works, and nobody else listens."""

    is_shared = False

    def __init__(self, insert: Callable[[sa.Table], Any]) -> None:
        self.insert = insert

    def whole(self, number: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        return sa.cast(number, sa.Integer)  # SQLite has FLOOR only where it was built with it

    def alone(self, connection: Connection, what: Alone) -> None:
        pass

    def others_work(self, connection: Connection) -> bool:
        return False

    def now(self, connection: Connection) -> float:
        return time.time()

    def tell(self, connection: Connection, *job_ids: str) -> None:
        pass


_LOCK = sa.select(func.pg_advisory_xact_lock(SPACE, bindparam("what", type_=sa.Integer)))
_CLOCK = sa.select(sa.cast(sa.extract("epoch", func.clock_timestamp()), sa.Double))
_OTHERS_WORK = sa.text(
    f"""SELECT EXISTS (SELECT FROM pg_locks JOIN pg_database ON pg_database.oid = pg_locks.database
    WHERE locktype = 'advisory' AND granted AND classid = {SPACE} AND objid = {WORKING} AND objsubid = 2
    AND datname = current_database() AND pid <> :own)"""  # noqa: S608  both numbers are ours
).bindparams(bindparam("own", type_=sa.Integer))
# Part of the transaction: nobody hears of what was not committed, nor misses what was.
_TELL = sa.text(
    f"""SELECT pg_notify('{CHANNEL}', json_build_array(CAST(:me AS text), id, conversation_id)::text)
    FROM jobs WHERE id IN :ids"""  # noqa: S608  the channel is ours
).bindparams(bindparam("me", type_=sa.Text), bindparam("ids", expanding=True, type_=sa.Text))


class ManyWriters:
    """PostgreSQL's: transactions run side by side, in many processes."""

    is_shared = True

    def __init__(self, me: str, session: Callable[[], int | None]) -> None:
        """me: how this process signs what it tells. session: the one by which others see it work, while there is one."""
        self._me = me
        self._session = session

    def insert(self, table: sa.Table) -> Any:
        return postgresql.insert(table)

    def whole(self, number: sa.ColumnElement[Any]) -> sa.ColumnElement[int]:
        return sa.cast(func.floor(number), sa.Integer)  # CAST alone would round

    def alone(self, connection: Connection, what: Alone) -> None:
        connection.execute(_LOCK, {"what": what.value})

    def others_work(self, connection: Connection) -> bool:
        return bool(connection.scalar(_OTHERS_WORK, {"own": self._session() or 0}))

    def now(self, connection: Connection) -> float:
        return float(connection.execute(_CLOCK).scalar_one())

    def tell(self, connection: Connection, *job_ids: str) -> None:
        if job_ids:
            connection.execute(_TELL, {"me": self._me, "ids": job_ids})
