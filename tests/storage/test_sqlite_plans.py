"""Does SQLite answer what it is asked in normal work without a look at each finished job, of 100,000? Judged by its plans and steps."""

from __future__ import annotations

import asyncio
import re
import shutil
import sqlite3
from collections.abc import AsyncIterator, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from storage._sql import SqlStore
from storage._tables import metadata
from storage.sqlite import SqliteEngine, open_store
from tests.storage import adding_up, history
from tests.storage.history import BEGAN, FINISHED, PACE, UNCLEANED
from tests.storage.making import T0, accept, claim_ids
from tests.storage.questions import QUESTIONS, Question

BUDGET = FINISHED
"""Instructions of SQLite's machine that one question may take: to look at a row takes several."""

STEPS_OF_FIGURES = 400
"""For each job that ended in their time, of five statements together."""

NOTED_EACH = 50
"""Instructions between two looks at how many there were."""


def engine_of(store: SqlStore) -> SqliteEngine:
    return store._engine


@pytest.fixture(scope="session")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file with a long history and some hundreds of open jobs."""
    path = tmp_path_factory.mktemp("history") / "darkroom.db"

    async def begin() -> None:
        store = await open_store(f"sqlite:///{path}", exclusive=True)
        await history.begin(store)
        await store.close()

    asyncio.run(begin())
    with closing(sqlite3.connect(path)) as connection:
        connection.execute("PRAGMA synchronous = OFF")
        with connection:
            for statement in history.statements("sqlite"):
                connection.execute(statement)
    return path


@pytest.fixture
async def crowded(filled: Path, tmp_path: Path) -> AsyncIterator[SqlStore]:
    """A copy of it."""
    shutil.copy(filled, tmp_path / "darkroom.db")
    opened = await open_store(f"sqlite:///{tmp_path}/darkroom.db", exclusive=True)
    yield opened
    await opened.close()


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[SqlStore]:
    opened = await open_store(f"sqlite:///{tmp_path}/darkroom.db", exclusive=True)
    yield opened
    await opened.close()


@dataclass
class Work:
    """What SQLite did: what it was told, and in how many instructions of its machine."""

    said: list[tuple[str, Any]] = field(default_factory=list)
    steps: int = 0


@contextmanager
def work_of(store: SqlStore) -> Iterator[Work]:
    """What is done meanwhile; BEGIN and COMMIT, and what finds out plans, apart."""
    work = Work()

    def note(_connection, _cursor, statement, parameters, _context, _many) -> None:
        if not statement.startswith(("BEGIN", "EXPLAIN")):
            work.said.append((statement, parameters))

    def count() -> None:
        work.steps += NOTED_EACH

    lines = (*engine_of(store)._readers._all, engine_of(store)._must_write())
    for line in lines:
        sa.event.listen(line.connection, "before_cursor_execute", note)
        line._conn.set_progress_handler(count, NOTED_EACH)
    try:
        yield work
    finally:
        for line in lines:
            line._conn.set_progress_handler(None, 0)
            sa.event.remove(line.connection, "before_cursor_execute", note)


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

BY_THEIR_NUMBER = "SCAN jobs"
"""All of the plan's line, where jobs are read in the order of `seq`: a page of the newest ends that soon."""

# What SQLite makes by itself for a constraint bears a number instead of its name.
UNNAMED = {"uq_jobs_id": "sqlite_autoindex_jobs_1", "uq_jobs_source_id": "sqlite_autoindex_jobs_2"}


def reads_history(line: str) -> bool:
    """Whether a line of a plan goes through all rows of a table whose number grows with the history."""
    scanned = re.match(r"SCAN (\w+)", line)
    return bool(
        scanned
        and (scanned[1] == "held" or scanned[1] in metadata.tables.keys() - {"memory"})
        and line != BY_THEIR_NUMBER
        and not any(f"INDEX {index}" in line for index in OF_OPEN_JOBS)
    )


def is_used(index: str, plans: list[str]) -> bool:
    return any(
        re.search(rf"\b{UNNAMED.get(index, index)}\b", line)
        or (index == "pk_jobs" and (line == BY_THEIR_NUMBER or "jobs USING INTEGER PRIMARY KEY" in line))
        or (index.startswith("pk_") and f"sqlite_autoindex_{index[3:]}_1" in line)
        for line in plans
    )


async def wrong_with(store: SqlStore, question: Question, *, budget: int = BUDGET) -> str:
    """Why it is not cheap; nothing where it is."""
    with work_of(store) as work:
        await question.ask(store)
    plans = await plans_of(store, work.said)
    missing = [index for index in sorted(question.indexes) if not is_used(index, plans)]
    scans = [line for line in plans if reads_history(line)]
    return f"{work.steps} steps, not by {missing}: {plans}" if scans or missing or work.steps > budget else ""


async def test_what_is_asked_in_normal_work_never_reads_the_history(crowded):
    assert await engine_of(crowded).read(lambda c: c.scalar(sa.text("SELECT count(*) FROM jobs"))) > FINISHED
    found = {name: await wrong_with(crowded, question) for name, question in QUESTIONS.items()}
    assert {name: wrong for name, wrong in found.items() if wrong} == {}


@pytest.mark.parametrize("days", [1, 7])
async def test_figures_read_what_ended_in_their_time_and_nothing_else(crowded, days):
    until = T0 - T0 % 3600
    with work_of(crowded) as work:
        figures = await crowded.figures(until - days * 86_400, until)
    plans = await plans_of(crowded, work.said)
    ended = sum(each.completed + each.failed + each.cancelled for each in figures.ended)
    assert ended == pytest.approx(days * 86_400 / PACE, rel=0.05)
    found = figures.durations, figures.duration, figures.lateness, figures.late
    assert found == await adding_up.spreads(crowded, figures.since, figures.until)
    assert [line for line in plans if reads_history(line)] == []
    assert is_used("ix_jobs_finished", plans)
    assert len(work.said) == 5
    assert work.steps < STEPS_OF_FIGURES * ended


async def test_retention_finds_what_is_old_by_its_index(crowded):
    with work_of(crowded) as work:
        swept = await crowded.sweep(before=BEGAN + (FINISHED - UNCLEANED + 10) * PACE, unused_before=0, max_bytes=None)
    assert 0 < swept.jobs < 20
    assert is_used("ix_jobs_uncleaned", await plans_of(crowded, work.said))
    assert work.steps < BUDGET


async def test_operators_pages_begin_at_the_newest_and_sort_nothing(crowded):
    for name in ("what news may mean", "older", "done", "failed", "broken", "of a platform", "a member's pictures"):
        with work_of(crowded) as work:
            await QUESTIONS[name].ask(crowded)
        plans = await plans_of(crowded, work.said)
        assert [line for line in plans if "TEMP B-TREE" in line] == [], name


@pytest.mark.parametrize(
    ("index", "name"),
    [("ix_jobs_due", "claim"), ("ix_jobs_in_vain", "failed"), ("ix_jobs_of_person", "a new member's pictures")],
)
async def test_missing_index_is_noticed(crowded, index, name):
    """Or the tests above could not fail."""
    await engine_of(crowded).write(lambda connection: connection.exec_driver_sql(f"DROP INDEX {index}"))
    asked = Question(ask=QUESTIONS[name].ask, indexes=frozenset())
    assert await wrong_with(crowded, asked), "a scan, or too many steps"


async def test_ordinary_step_is_one_claim_and_one_save_of_two_statements(store):
    job = await accept(store)
    with work_of(store) as work:
        [claimed] = await store.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    assert len(work.said) == 1
    with work_of(store) as work:
        await store.save(replace(claimed, looks=1), now=T0)
    assert [statement.split()[0] for statement, _ in work.said] == ["SELECT", "UPDATE"]
    assert job.version + 2 == (await store.get("j1")).version


async def test_heavy_parts_are_never_read_by_a_claim(store):
    await store.save(await accept(store), now=T0, payload={"prompt": "x" * 1_000_000})
    with work_of(store) as work:
        await claim_ids(store, T0)
    assert not any("turns" in statement for statement, _ in work.said)
