"""Does PostgreSQL answer the hot questions without reading finished jobs? Judged by the rows that it really read."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.model import JobQuery, JobState, Waiting
from storage._sql import SqlStore
from storage._tables import jobs as jobs_table
from storage.postgresql import open_store
from tests.storage.making import (
    ANN,
    T0,
    a_conversation,
    a_job,
    a_message,
    a_person,
    accept,
    admit_all,
    an_image,
    finish,
    move,
    park,
)
from tests.storage.server import Server

HISTORY = 6_000
PEOPLE = 100
PLACE = a_conversation("c77", thread="t77").ref

BUDGET = 200
"""Rows, of tables and of indexes together, that one question may read: some dozens of jobs are open."""

STATEMENTS_OF_FIGURES = 5

# A finished job's columns again and again; what differs, differs as it does in a store of a year.
FILL = f"""
CREATE TEMP TABLE done AS SELECT * FROM jobs WHERE id = 'done';
INSERT INTO conversations SELECT 'c' || n, platform, workspace, 'channel' || n % 20, 't' || n, 'p' || n % {PEOPLE},
    starter_name, model, aspect_ratio, {T0} - 3e7 + n FROM conversations, generate_series(2, {HISTORY} / 10) n WHERE id = 'c1';
CREATE TEMP TABLE old AS SELECT done.*, n FROM done, generate_series(1, {HISTORY}) n;
UPDATE old SET seq = 100 + n, id = 'old' || n, source_id = 'test:old' || n, requester_id = 'p' || n % {PEOPLE},
    conversation_id = 'c' || 1 + n % ({HISTORY} / 10 - 1), accepted_at = {T0} - 3e7 + n * 1000,
    touched_at = {T0} - 3e7 + n * 1000, attempt_at = {T0} - 3e7 + n * 1000, answered_at = {T0} - 3e7 + n * 1000 + 9,
    finished_at = {T0} - 3e7 + n * 1000 + 30, ready_at = {T0} - 3e7 + n * 1000 + 29,
    state = CASE WHEN n % 10 = 0 THEN 'failed' WHEN n % 10 = 1 THEN 'cancelled' ELSE 'succeeded' END,
    deleted_at = CASE WHEN n % 7 = 0 THEN {T0} - 3e7 + n * 1000 END, cleaned = n < {HISTORY} - 1000;
ALTER TABLE old DROP COLUMN n;
INSERT INTO jobs SELECT * FROM old;
INSERT INTO turns SELECT id, '{{}}', md5(id), '[]' FROM old;
INSERT INTO requests SELECT 'request-' || id, id FROM old;
INSERT INTO messages SELECT platform, 'general', 'post-' || id, id, 0, 'post' FROM old;
INSERT INTO job_events (job_id, at, state, text) SELECT id, accepted_at, state, 'x' FROM old, generate_series(1, 5);
INSERT INTO blobs SELECT md5(id) || md5(id), 1000, accepted_at FROM old;
INSERT INTO job_blobs SELECT id, md5(id) || md5(id) FROM old;
INSERT INTO notes SELECT id, '{{}}' FROM old;
SELECT setval('jobs_seq_seq', 1000000), setval('job_events_id_seq', 1000000);
"""


@pytest.fixture(scope="module")
def filled(server: Server) -> str:
    """The name of a database with a long history and a few open jobs."""
    name = server.new_database()

    async def fill() -> None:
        store = await open_store(server.address(name), exclusive=True)
        await finish(store, await accept(store, "done", attempt_at=T0 - 4e7), answered_after=2.0)
        server.sql(FILL, database=name)
        for number in range(5):
            job = await accept(store, f"runs{number}", by=a_person(f"p{number}"), request_id=f"r{number}")
            await move(store, job, JobState.RUNNING, now=T0 + 1e6, holds_slot=True)
        for number in range(10):
            await park(store, await accept(store, f"waits{number}", by=a_person(f"p{number}")), Waiting.SLOT)
        for number in range(10):
            job = await accept(store, f"child{number}", parent_id="runs0", conversation=f"c{number + 10}")
            await park(store, job, Waiting.PARENT)
            await accept(store, f"due{number}", by=a_person(f"p{number}"))
        await store.close()

    asyncio.run(fill())
    # What autovacuum would have done long since.
    server.sql("VACUUM ANALYZE", database=name)
    return name


@pytest.fixture
def name(request: pytest.FixtureRequest, server: Server, filled: str) -> Iterator[str]:
    """A copy of it, for plans as PostgreSQL makes them, unless a test says otherwise."""
    copy = f"copy_of_{filled}"
    server.sql(f"CREATE DATABASE {copy} TEMPLATE {filled} STRATEGY file_copy")
    server.sql(f"ALTER DATABASE {copy} SET plan_cache_mode = {getattr(request, 'param', 'auto')}")
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
WHERE reltuples >= {HISTORY} / 20
UNION ALL SELECT indexrelname, idx_tup_read, idx_scan, false FROM pg_stat_user_indexes
"""


@asynccontextmanager
async def reading(server: Server, name: str) -> AsyncIterator[Read]:
    """What is read meanwhile; known when the block has ended."""

    def figures() -> dict[tuple[str, bool], tuple[int, int]]:
        lines = [line.split("|") for line in server.sql(FIGURES, database=name).splitlines()]
        return {(of, is_table == "t"): (int(rows), int(times)) for of, rows, times, is_table in lines}

    before = figures()
    read = Read(0, set(), set())
    yield read
    for (of, is_table), (rows, times) in figures().items():
        rows_before, times_before = before[of, is_table]
        read.rows += rows - rows_before
        if is_table and rows > rows_before:
            read.walked.add(of)
        if times > times_before:
            read.indexes.add(of)


async def save(store: SqlStore) -> None:
    running = await store.get("runs1")
    saved = await store.save(replace(running, request_id="r77"), now=T0, event="x", payload={"prompt": "a"})
    known = await store.save(replace(saved, state=JobState.DELIVERING), now=T0, next_turn_contents=[])
    await store.save(replace(known, state=JobState.SUCCEEDED, images=(an_image(),)), now=T0)


async def renewed(store: SqlStore, job_id: str) -> None:
    job = await store.get(job_id)
    assert await store.renew(job, until=T0 + 15)


async def put_off(store: SqlStore, job_id: str) -> None:
    await store.put_off([await store.get(job_id)], T0)


async def noted(store: SqlStore) -> None:
    await store.save_note("old77", {"begun": True})
    assert await store.load_note("old77")


async def remembered(store: SqlStore) -> None:
    await store.remember("a", "b", {})
    assert await store.recall("a", "b", T0) == {}


QUESTIONS: dict[str, tuple[Callable[[Any], Any], set[str]]] = {
    "claim": (
        lambda store: store.claim(T0 + 1, until=T0 + 15, limit=8, in_flight=8),
        {"ix_jobs_due", "ix_jobs_waiting_for_slot", "ix_jobs_slots"},
    ),
    "next_due": (lambda store: store.next_due(4), {"ix_jobs_due"}),
    "head": (lambda store: store.head("c77"), {"ix_jobs_heads"}),
    "newest_open": (lambda store: store.newest_open("c12"), {"ix_jobs_open_in_conversation"}),
    "count": (lambda store: store.count(), set()),
    "usage": (
        lambda store: store.usage("test", "w1", ANN.id, T0),
        {"ix_jobs_open_of_person", "ix_jobs_of_person", "ix_jobs_counted"},
    ),
    "add": (
        lambda store: store.add(a_job("new"), a_conversation(), follow=True, admit=admit_all, day_start=T0),
        {"uq_jobs_source_id"},
    ),
    "save": (save, {"uq_jobs_id"}),
    "get": (lambda store: store.get("old77"), {"uq_jobs_id"}),
    "find_source": (lambda store: store.find_source("test:old7"), {"uq_jobs_source_id"}),
    "known_requests": (lambda store: store.known_requests(["r1", "request-old7"]), {"pk_requests"}),
    "same_payload": (lambda store: store.same_payload_in_doubt(a_job("runs1"), {"prompt": "a"}), set()),
    "attempts": (lambda store: store.attempts_between("a-model", T0, T0 + 1), {"ix_jobs_attempts"}),
    "last_answers": (lambda store: store.last_answers("a-model", 5), {"ix_jobs_answers"}),
    "last_durations": (lambda store: store.last_durations("a-model", 2), {"ix_jobs_answers"}),
    "running": (lambda store: store.jobs(JobQuery(states=frozenset({JobState.RUNNING}), limit=50)), set()),
    "newest": (lambda store: store.jobs(JobQuery(limit=50)), {"pk_jobs"}),
    "start": (lambda store: store.start(T0), {"ix_jobs_touched"}),
    "take": (lambda store: store.take("queue", rate=1.0, burst=1.0, now=T0), {"pk_memory"}),
    "renew": (lambda store: renewed(store, "runs2"), {"uq_jobs_id"}),
    "put_off": (lambda store: put_off(store, "runs2"), {"uq_jobs_id"}),
    "postpone": (lambda store: store.postpone(60.0), {"ix_jobs_touched"}),
    "place": (lambda store: store.place("due1", a_message("card1"), T0), {"uq_jobs_id"}),
    "find_message": (lambda store: store.find_message(a_message("post-old7")), {"pk_messages"}),
    "turn": (lambda store: store.turn("old77"), {"pk_turns"}),
    "events": (lambda store: store.events("old77"), {"ix_job_events_of_job"}),
    "conversation": (lambda store: store.conversation("c77"), {"pk_conversations"}),
    "find_conversation": (lambda store: store.find_conversation(PLACE), {"ux_conversations_place"}),
    "opened": (lambda store: store.opened("c77", replace(PLACE, thread="new")), {"ux_conversations_place"}),
    "has_asked": (lambda store: store.has_asked("c77", "p77"), {"ix_jobs_in_conversation"}),
    "notes": (noted, {"pk_notes"}),
    "memory": (remembered, {"pk_memory"}),
    "put_blob": (lambda store: store.put_blob(b"new", T0), {"pk_blobs"}),
    "get_blob": (lambda store: store.get_blob("0" * 64), set()),
    "drop_pictures": (lambda store: store.drop_pictures("old77", T0), {"uq_jobs_id", "pk_job_blobs"}),
    # pages: of the operator, of a channel's gallery, of one thread
    "older": (lambda store: store.jobs(JobQuery(before_seq=5000, limit=50)), {"pk_jobs"}),
    "of a thread": (lambda store: store.jobs(JobQuery(conversation_id="c77")), {"ix_jobs_in_conversation"}),
    "threads": (lambda store: store.conversations("test", limit=50), {"ix_conversations_newest"}),
}


# For the values of each question, and for any values: so it goes on with statements that are often repeated.
@pytest.mark.parametrize("name", ["force_custom_plan", "force_generic_plan"], indirect=True)
async def test_hot_questions_read_no_finished_jobs(store, server, name):
    wrong = {}
    for question, (ask, indexes) in QUESTIONS.items():
        async with reading(server, name) as read:
            await ask(store)
        if read.walked or read.rows > BUDGET or not indexes <= read.indexes:
            wrong[question] = read
    assert wrong == {}


@pytest.mark.parametrize("name", ["force_custom_plan", "force_generic_plan"], indirect=True)
@pytest.mark.parametrize("days", [1, 7])
async def test_figures_read_what_ended_in_their_time_and_nothing_else(store, server, name, days):
    until = T0 - 2.6e7 - (T0 - 2.6e7) % 3600
    async with reading(server, name) as read:
        figures = await store.figures(until - days * 86_400, until)
    ended = sum(each.completed + each.failed + each.cancelled for each in figures.ended)
    assert 80 * days < ended < 90 * days
    assert "ix_jobs_finished" in read.indexes
    assert not read.walked
    assert read.rows <= STATEMENTS_OF_FIGURES * 2 * ended


async def test_retention_finds_what_is_old_by_its_index(store, server, name):
    async with reading(server, name) as read:
        await store.sweep(before=T0 - 3e7 + (HISTORY - 1000) * 1000, unused_before=0, max_bytes=None)
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


async def test_rows_that_are_read_are_counted(store, server, name):
    """Or the tests above could not fail."""
    async with reading(server, name) as read:
        await store._engine.read(lambda connection: connection.scalar(sa.select(sa.func.max(jobs_table.c.remark))))
    assert read.walked == {"jobs"}
    assert read.rows > HISTORY
