"""Does PostgreSQL answer what it is asked in normal work without a look at each finished job, of 100,000? Judged by the rows that it
really read.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace

import pytest
import sqlalchemy as sa

from storage._sql import SqlStore
from storage._tables import jobs as jobs_table
from storage.postgresql import open_store
from tests.storage import adding_up, history
from tests.storage.history import BEGAN, FINISHED, PACE, UNCLEANED
from tests.storage.making import T0
from tests.storage.questions import QUESTIONS
from tests.storage.server import Server

BUDGET = FINISHED // 20
"""Rows, of tables and of indexes together, that one question may read: the longest lists have a thousand jobs."""

STATEMENTS_OF_FIGURES = 5


@pytest.fixture(scope="session")
def filled(server: Server) -> str:
    """The name of a database with a long history and some hundreds of open jobs."""
    name = server.new_database()

    async def begin() -> None:
        store = await open_store(server.address(name), exclusive=True)
        await history.begin(store)
        await store.close()

    asyncio.run(begin())
    # What each row refers to is known to be there. Then what autovacuum would have done long since.
    server.sql("SET session_replication_role = replica", *history.statements("postgresql"), database=name)
    server.sql("VACUUM ANALYZE", database=name)
    return name


# For the values of each question, and for any values: so it goes on with statements that are often repeated.
@pytest.fixture(scope="module", params=["force_custom_plan", "force_generic_plan"])
def name(request: pytest.FixtureRequest, server: Server, filled: str) -> Iterator[str]:
    """A copy of it, for plans that are made in one of two ways."""
    copy = f"copy_of_{filled}"
    server.sql(f"CREATE DATABASE {copy} TEMPLATE {filled} STRATEGY file_copy")
    server.sql(f"ALTER DATABASE {copy} SET plan_cache_mode = {request.param}")
    yield copy
    server.sql(f"DROP DATABASE {copy} WITH (FORCE)")


@pytest.fixture
async def store(server: Server, name: str) -> AsyncIterator[SqlStore]:
    opened = await open_store(server.address(name), exclusive=True)
    engine = opened._engine._engine.sync_engine
    # The server tells what was read some time after a session's transaction, unless it is asked to tell at once.
    sa.event.listen(
        engine, "commit", lambda connection: connection.exec_driver_sql("SELECT pg_stat_force_next_flush()")
    )
    yield opened
    await opened.close()


@dataclass
class Read:
    """rows: read from tables and indexes. walked: tables that were read from end to end. indexes: those that were used."""

    rows: int
    walked: set[str]
    indexes: set[str]


# Small tables are read as a whole, whatever indexes they have.
FIGURES = f"""
SELECT stats.relname, seq_tup_read, 0, true FROM pg_stat_user_tables stats JOIN pg_class ON oid = relid
WHERE reltuples >= {FINISHED} / 20
UNION ALL SELECT indexrelname, idx_tup_read, idx_scan, false FROM pg_stat_user_indexes
"""


@asynccontextmanager
async def reading(store: SqlStore) -> AsyncIterator[Read]:
    """What is read meanwhile; known when the block has ended."""

    async def figures() -> dict[tuple[str, bool], tuple[int, int]]:
        rows = await store._engine.read(lambda connection: connection.exec_driver_sql(FIGURES).all())
        return {(of, is_table): (number, times) for of, number, times, is_table in rows}

    before = await figures()
    read = Read(0, set(), set())
    yield read
    for (of, is_table), (rows, times) in (await figures()).items():
        rows_before, times_before = before[of, is_table]
        read.rows += rows - rows_before
        if is_table and rows > rows_before:
            read.walked.add(of)
        if times > times_before:
            read.indexes.add(of)


async def test_what_is_asked_in_normal_work_reads_no_history(store):
    wrong = {}
    for question, asked in QUESTIONS.items():
        async with reading(store) as read:
            await asked.ask(store)
        if read.walked or read.rows > BUDGET or not asked.indexes <= read.indexes:
            wrong[question] = read
    assert wrong == {}


@pytest.mark.parametrize("days", [1, 7])
async def test_figures_read_what_ended_in_their_time_and_nothing_else(store, days):
    until = T0 - T0 % 3600
    async with reading(store) as read:
        figures = await store.figures(until - days * 86_400, until)
    ended = sum(each.completed + each.failed + each.cancelled for each in figures.ended)
    assert ended == pytest.approx(days * 86_400 / PACE, rel=0.05)
    found = figures.durations, figures.duration, figures.lateness, figures.late
    assert found == await adding_up.spreads(store, figures.since, figures.until)
    assert "ix_jobs_finished" in read.indexes
    assert not read.walked
    assert read.rows <= STATEMENTS_OF_FIGURES * 2 * ended


async def test_retention_finds_what_is_old_by_its_index(store):
    async with reading(store) as read:
        swept = await store.sweep(before=BEGAN + (FINISHED - UNCLEANED + 10) * PACE, unused_before=0, max_bytes=None)
    assert 0 < swept.jobs < 20
    assert "ix_jobs_uncleaned" in read.indexes
    assert "jobs" not in read.walked


async def test_ordinary_step_is_one_claim_and_one_save_of_two_statements(store):
    said: list[str] = []

    def note(_connection, _cursor, statement, _parameters, _context, _many) -> None:
        if "pg_stat" not in statement:
            said.append(statement.split()[0])

    engine = store._engine._engine.sync_engine
    sa.event.listen(engine, "before_cursor_execute", note)
    try:
        [claimed] = await store.claim(T0 + 1, until=T0 + 15, limit=1, in_flight=4)
        assert said == ["SELECT", "WITH"], "the lock, and the claim"
        said.clear()
        await store.save(replace(claimed, looks=1), now=T0)
        assert said == ["SELECT", "UPDATE"]
    finally:
        sa.event.remove(engine, "before_cursor_execute", note)


async def test_rows_that_are_read_are_counted(store):
    """Or the tests above could not fail."""
    async with reading(store) as read:
        await store._engine.read(lambda connection: connection.scalar(sa.select(sa.func.max(jobs_table.c.remark))))
    assert read.walked == {"jobs"}
    assert read.rows > FINISHED
