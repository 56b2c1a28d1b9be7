"""What does a store hold that has been at work for long? 100,000 finished jobs and some hundreds that are open, written by SQL."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa

from bot.errors import FailureKind
from bot.model import Failure, JobState, Waiting
from bot.ports import Store
from storage._tables import conversations, jobs
from tests.storage.making import T0, accept, finish, move, park

FINISHED = 100_000
PEOPLE = 100
THREAD = 10
"""Jobs in a conversation."""

BEGAN = T0 - 3e7
"""When the first job was accepted: a year before `T0`."""

PACE = 3e7 / FINISHED
"""Seconds between two of them, so that the last one ends as `T0` comes."""

UNCLEANED = 1_000
"""The newest of them; of all others, retention has taken the words."""

OPEN = 400

FIRST = 100
"""The number in `seq` of the first, less one; those of what tests accept before are lower."""

_SHA256 = f"'{'0' * 57}' || (1000000 + n)"

# At first one of twenty failed and one was cancelled; for long now, all were answered with a picture.
_EXAMPLE = "CASE WHEN n > 5000 OR n % 20 > 1 THEN 'done' WHEN n % 20 = 0 THEN 'failed' ELSE 'cancelled' END"

_OPEN_EXAMPLE = "CASE n % 4 WHEN 0 THEN 'runs' WHEN 1 THEN 'waits' WHEN 2 THEN 'child' ELSE 'due' END"

# What differs from job to job, as it does in life; in words that both engines read.
_JOB = {
    "seq": f"{FIRST} + n",
    "id": "'old' || n",
    "conversation_id": f"'c' || (1 + n / {THREAD})",
    "platform": "CASE WHEN n < 20 THEN 'rare' ELSE platform END",
    "source_id": "'test:old' || n",
    "requester_id": f"'p' || (n % {PEOPLE})",
    "requester_name": f"'P' || (n % {PEOPLE})",
    "accepted_at": "at",
    "touched_at": "at + 30",
    "attempt_at": "at",
    "answered_at": "at + 2",
    "running_since": "at + 2",
    "ready_at": "at + 8 + n * 7919 % 10007 / 1000.0",
    "finished_at": "at + 8 + n * 7919 % 10007 / 1000.0 + n * 7717 % 9973 / 5000.0",
    "deleted_at": "CASE WHEN n % 7 = 0 THEN at END",
    "cleaned": f"n < {FINISHED - UNCLEANED}",
}
# As many run, wait for a slot, wait for a parent and are due; eight hold a slot.
_OPEN_JOB = {
    "seq": f"{FIRST + FINISHED} + n",
    "id": "id || n",
    "conversation_id": "'c' || n",
    "source_id": "source_id || n",
    "requester_id": f"'p' || (n % {PEOPLE})",
    "holds_slot": "CASE WHEN holds_slot THEN n <= 32 ELSE holds_slot END",
}
_CONVERSATION = {
    "id": "'c' || (1 + n)",
    "channel": "CASE WHEN n % 1000 = 7 THEN 'quiet' ELSE 'channel' || (n % 20) END",
    "thread": "'t' || (1 + n)",
    "starter_id": f"'p' || (n % {PEOPLE})",
    "created_at": f"at + n * {(THREAD - 1) * PACE}",
}

# Of each tenth job: what belongs to it is never looked for but by its key.
_BESIDE = f"""
INSERT INTO turns SELECT 'old' || n, '{{}}', {_SHA256}, '[]' FROM numbers WHERE n % 10 = 7;
INSERT INTO requests SELECT 'request-' || n, 'old' || n FROM numbers WHERE n % 10 = 7;
INSERT INTO messages SELECT 'test', 'general', 'post-' || n, 'old' || n, 0, 'post' FROM numbers WHERE n % 10 = 7;
INSERT INTO job_events (job_id, at, state, text) SELECT 'old' || n, at, 'queued', 'accepted' FROM numbers WHERE n % 10 = 7;
INSERT INTO blobs SELECT {_SHA256}, 1000, at FROM numbers WHERE n % 10 = 7;
INSERT INTO job_blobs SELECT 'old' || n, {_SHA256} FROM numbers WHERE n % 10 = 7;
INSERT INTO notes SELECT 'old' || n, '{{}}' FROM numbers WHERE n % 10 = 7
"""

_NUMBERS = {
    "sqlite": f"WITH RECURSIVE n(n) AS (SELECT 1 UNION ALL SELECT n + 1 FROM n WHERE n < {FINISHED}) SELECT n FROM n",
    "postgresql": f"SELECT n FROM generate_series(1, {FINISHED}) n",
}


async def begin(store: Store) -> None:
    """Writes the jobs of which all others are copies: one for each end, and one of each kind that is open."""
    then = BEGAN - 1e6
    times = {"at": then, "attempt_at": then, "running_since": then}
    await finish(store, await accept(store, "done", **times), now=then, answered_after=2.0)
    failure = Failure(kind=FailureKind.PLACE, reason="gone", text="Nobody can be told.")
    await move(store, await accept(store, "failed", **times), JobState.FAILED, failure=failure, finished_at=then)
    await move(store, await accept(store, "cancelled", **times), JobState.CANCELLED, finished_at=then)
    await move(store, await accept(store, "runs"), JobState.RUNNING, holds_slot=True)
    await park(store, await accept(store, "waits"), Waiting.SLOT)
    await park(store, await accept(store, "child", parent_id="runs"), Waiting.PARENT)
    await accept(store, "due")


def statements(engine: str) -> Iterator[str]:
    """After `begin`, they make the history, and more open jobs.

    Job n is `old{n}` of conversation `c{1 + n // THREAD}` and member `p{n % PEOPLE}`, accepted at `BEGAN + n * PACE`; the first
    few are of a platform of their own, `rare`. Open ones are `runs4`, `waits1`, `child2`, `due3` and so on, each in a
    conversation of the same number.
    """
    at = f"CAST({BEGAN} + n * {PACE} AS DOUBLE PRECISION)"
    yield f"CREATE TEMP TABLE numbers AS SELECT n, {at} AS at FROM ({_NUMBERS[engine]}) upto"
    yield _copies(conversations, _CONVERSATION, f"id = 'c1' AND n <= {FINISHED // THREAD}")
    yield _copies(jobs, _JOB, f"id = {_EXAMPLE}")
    yield _copies(jobs, _OPEN_JOB, f"id = {_OPEN_EXAMPLE} AND n <= {OPEN}")
    yield from _BESIDE.strip().split(";\n")


def _copies(table: sa.Table, differs: dict[str, str], which: str) -> str:
    names = [column.name for column in table.columns]
    values = ", ".join(differs.get(name, f'"{name}"') for name in names)
    listed = ", ".join(f'"{name}"' for name in names)
    return f"INSERT INTO {table.name} ({listed}) SELECT {values} FROM {table.name}, numbers WHERE {which}"
