"""Does SQLite answer the hot questions without reading finished jobs? Judged by its own plans, over a long history."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import pytest
import sqlalchemy as sa

from bot.model import JobQuery, JobState, Waiting
from storage._sql import SqlStore
from storage._tables import jobs as jobs_table
from storage.sqlite import SqliteEngine, open_store
from tests.storage.making import (
    ANN,
    T0,
    a_conversation,
    a_job,
    a_message,
    accept,
    admit_all,
    claim_ids,
    finish,
    move,
    park,
)


def engine_of(store: SqlStore) -> SqliteEngine:
    return store._engine


@pytest.fixture
async def store(tmp_path):
    opened = await open_store(f"sqlite:///{tmp_path}/darkroom.db", exclusive=True)
    yield opened
    await opened.close()


HISTORY = 4000
PLACE = a_conversation(thread="t1").ref


@pytest.fixture
async def crowded(store):
    """A store with a long history and a few open jobs."""

    def fill(connection: sa.Connection) -> None:
        row = connection.execute(sa.select(jobs_table).where(jobs_table.c.id == "done")).one()._asdict()
        states = [JobState.SUCCEEDED, JobState.FAILED, JobState.CANCELLED]
        rows = [
            {
                **row,
                "seq": 1000 + number,
                "id": f"old{number}",
                "source_id": f"test:old{number}",
                "state": states[number % 3].value,
                "deleted_at": T0 if number % 2 else None,
                "accepted_at": T0 - 1e6 + number,
                "finished_at": T0 - 1e6 + number + 20,
            }
            for number in range(HISTORY)
        ]
        connection.execute(jobs_table.insert(), rows)

    await finish(store, await accept(store, "done", attempt_at=T0), answered_after=2.0)
    await engine_of(store).write(fill)
    await move(store, await accept(store, "runs"), JobState.RUNNING, now=T0 + 1e6, holds_slot=True)
    await park(store, await accept(store, "waits"), Waiting.SLOT)
    await park(store, await accept(store, "child", parent_id="runs"), Waiting.PARENT)
    await accept(store, "due")
    return store


@contextmanager
def statements_of(store: SqlStore) -> Iterator[list[tuple[str, Any]]]:
    """What is said to the database meanwhile, BEGIN and COMMIT apart."""
    said: list[tuple[str, Any]] = []

    def note(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if not statement.startswith(("BEGIN", "EXPLAIN")):
            said.append((statement, parameters))

    lines = (*engine_of(store)._readers._all, engine_of(store)._must_write())
    engines = [line.engine for line in lines]
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)


async def plans_of(store: SqlStore, said: list[tuple[str, Any]]) -> list[str]:
    """SQLite's plan of each statement, line by line."""

    def explain(connection: sa.Connection) -> list[str]:
        return [
            row.detail
            for statement, parameters in said
            for row in connection.exec_driver_sql(f"EXPLAIN QUERY PLAN {statement}", parameters)
        ]

    return await engine_of(store).write(explain)


OF_OPEN_JOBS = (
    "ix_jobs_due",
    "ix_jobs_waiting_for_slot",
    "ix_jobs_waiting_for_parent",
    "ix_jobs_slots",
    "ix_jobs_open",
)


TABLES = ("jobs", "held", "turns", "requests", "messages", "job_events", "conversations", "blobs", "job_blobs", "notes")


def reads_history(line: str) -> bool:
    """Whether a line of a plan goes through rows one by one whose number grows with the history."""
    if line.startswith(tuple(f"SCAN {table}" for table in TABLES)):
        return not any(f"INDEX {index}" in line for index in OF_OPEN_JOBS)
    of_all_days = "ix_jobs_of_person" in line and "accepted_at" not in line
    return of_all_days or "ix_jobs_in_conversation" in line


async def test_hot_questions_never_read_finished_jobs(crowded):
    running = await crowded.get("runs")

    async def everything() -> None:
        await crowded.claim(T0, until=T0 + 15, limit=2, in_flight=4)
        await crowded.renew(running, until=T0)
        await crowded.next_due(4)
        await crowded.count()
        await crowded.head("c1")
        await crowded.newest_open("c1")
        await crowded.find_source("test:old7")
        await crowded.usage("test", "w1", ANN.id, T0)
        await crowded.add(a_job("new"), a_conversation(), follow=True, admit=admit_all, day_start=T0)
        saved = await crowded.save(replace(running, request_id="r1"), now=T0, event="x", payload={"prompt": "a"})
        await crowded.save(replace(saved, state=JobState.DELIVERING), now=T0, next_turn_contents=[])
        await crowded.same_payload_in_doubt(running, {"prompt": "a"})
        await crowded.attempts_between("a-model", T0, T0 + 1)
        await crowded.last_answers("a-model", 5)
        await crowded.last_durations("a-model", 5)
        await crowded.known_requests(["r1"])
        await crowded.get("old7")
        await crowded.place("due", a_message("card"), T0)
        await crowded.find_message(a_message("card"))
        await crowded.turn("old7")
        await crowded.events("old7")
        await crowded.conversation("c1")
        await crowded.opened("c1", PLACE)
        await crowded.find_conversation(PLACE)
        await crowded.save_note("old7", {})
        await crowded.load_note("old7")
        await crowded.remember("a", "b", {})
        await crowded.recall("a", "b", T0)
        await crowded.drop_pictures("old7", T0)
        await crowded.postpone(60.0)
        await crowded.put_off([saved], T0)
        await crowded.jobs(JobQuery(states=frozenset({JobState.RUNNING}), limit=50))
        await crowded.figures(T0 - 86_400, T0)
        await crowded.start(T0)

    with statements_of(crowded) as said:
        await everything()
    plans = await plans_of(crowded, said)
    assert len(said) > 30
    assert [line for line in plans if reads_history(line)] == []


@pytest.mark.parametrize(
    ("ask", "indexes"),
    [
        pytest.param(
            lambda store: store.claim(T0, until=T0, limit=1, in_flight=4),
            {"ix_jobs_due", "ix_jobs_waiting_for_slot", "ix_jobs_slots"},
            id="claim",
        ),
        pytest.param(lambda store: store.next_due(4), {"ix_jobs_due", "ix_jobs_waiting_for_slot"}, id="next_due"),
        pytest.param(lambda store: store.head("c1"), {"ix_jobs_heads"}, id="head"),
        pytest.param(lambda store: store.newest_open("c1"), {"ix_jobs_open_in_conversation"}, id="newest_open"),
        pytest.param(lambda store: store.count(), {"ix_jobs_open"}, id="count"),
        pytest.param(
            lambda store: store.usage("test", "w1", ANN.id, T0),
            {"ix_jobs_open_of_person", "ix_jobs_of_person", "ix_jobs_counted_in_workspace", "ix_jobs_counted"},
            id="usage",
        ),
        pytest.param(lambda store: store.last_answers("a-model", 5), {"ix_jobs_answers"}, id="last_answers"),
        pytest.param(lambda store: store.last_durations("a-model", 5), {"ix_jobs_answers"}, id="last_durations"),
        pytest.param(lambda store: store.attempts_between("a-model", T0, T0), {"ix_jobs_attempts"}, id="attempts"),
        pytest.param(lambda store: store.figures(T0 - 86_400, T0), {"ix_jobs_finished"}, id="figures"),
        pytest.param(lambda store: store.start(T0), {"ix_jobs_touched", "ix_jobs_due"}, id="start"),
        pytest.param(lambda store: store.has_asked("c1", ANN.id), {"ix_jobs_in_conversation"}, id="has_asked"),
        pytest.param(
            lambda store: store.jobs(JobQuery(conversation_id="c1")), {"ix_jobs_in_conversation"}, id="of a thread"
        ),
        pytest.param(
            lambda store: store.sweep(before=T0, unused_before=0, max_bytes=None), {"ix_jobs_uncleaned"}, id="sweep"
        ),
    ],
)
async def test_each_question_has_its_indexes(crowded, ask, indexes):
    with statements_of(crowded) as said:
        await ask(crowded)
    plans = await plans_of(crowded, said)
    used = {word for line in plans for word in line.split() if word.startswith("ix_jobs")}
    assert indexes <= used, plans


async def test_operators_pages_begin_at_the_newest_and_sort_nothing(crowded):
    with statements_of(crowded) as said:
        await crowded.jobs(JobQuery(limit=50))
        await crowded.jobs(JobQuery(before_seq=2000, limit=50))
        await crowded.conversations("test", limit=50)
    plans = await plans_of(crowded, said)
    assert [line for line in plans if "TEMP B-TREE FOR ORDER BY" in line] == []
    assert plans[1].startswith("SEARCH jobs USING INTEGER PRIMARY KEY")
    assert "ix_conversations_newest" in plans[2]


async def test_ordinary_step_is_one_claim_and_one_save_of_two_statements(store):
    job = await accept(store)
    with statements_of(store) as said:
        [claimed] = await store.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    assert len(said) == 1
    with statements_of(store) as said:
        await store.save(replace(claimed, looks=1), now=T0)
    assert [statement.split()[0] for statement, _ in said] == ["SELECT", "UPDATE"]
    assert job.version + 2 == (await store.get("j1")).version


async def test_heavy_parts_are_never_read_by_a_claim(store):
    await store.save(await accept(store), now=T0, payload={"prompt": "x" * 1_000_000})
    with statements_of(store) as said:
        await claim_ids(store, T0)
    assert not any("turns" in statement for statement, _ in said)
