"""What is kept, and for how long? Words and pictures go; that there was a job stays, for limits and statistics."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass, field
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, func

from bot.errors import FailureKind
from bot.model import OPEN, JobState
from storage import _memory
from storage._saves import add_event, wake_children
from storage._tables import (
    blobs,
    conversations,
    is_open,
    is_so,
    is_uncleaned,
    job_blobs,
    job_events,
    jobs,
    memory,
    notes,
    state_is,
    turns,
)
from storage._ways import Alone, ways_of

BATCH = 200
"""Rows of one transaction, so that a long clean-up never keeps a member's request waiting."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Removal:
    """What one transaction removed. blobs: sha256 of those whose rows are gone and whose bytes must follow."""

    jobs: int = 0
    blobs: Sequence[str] = field(default=())


def clean_old(connection: Connection, before: float, at: float) -> int:
    """Empties a batch of ended jobs accepted before `before`; returns how many."""
    ways_of(connection).alone(connection, Alone.REMOVE)
    old = connection.execute(
        sa.select(jobs.c.id, jobs.c.conversation_id)
        .where(is_uncleaned, jobs.c.accepted_at < before)
        .order_by(jobs.c.accepted_at)
        .limit(BATCH)
    ).all()
    if old:
        _clean(connection, [row.id for row in old], at)
        _forget_starters(connection, {row.conversation_id for row in old}, before)
    return len(old)


def forget_expired(connection: Connection, at: float) -> None:
    """Cursors that had expired by then."""
    connection.execute(memory.delete().where(memory.c.expires_at <= at))


def take_unneeded(connection: Connection, unused_before: float) -> Removal:
    """A batch of blobs that no job needs and that were last put before `unused_before`."""
    ways_of(connection).alone(connection, Alone.REMOVE)
    unneeded = sa.select(blobs.c.sha256).where(blobs.c.put_at < unused_before, _nobody_needs_it()).limit(BATCH)
    return Removal(blobs=_take(connection, unneeded))


def take_over(connection: Connection, max_bytes: int, at: float) -> Removal:
    """A batch of the pictures of the oldest ended jobs, while all blobs exceed `max_bytes`."""
    ways_of(connection).alone(connection, Alone.REMOVE)
    total = connection.scalar(sa.select(func.coalesce(func.sum(blobs.c.size), 0))) or 0
    if total <= max_bytes:
        return Removal()
    has_blobs = sa.exists().where(job_blobs.c.job_id == jobs.c.id)
    oldest = connection.scalars(
        sa.select(jobs.c.id).where(is_uncleaned, has_blobs).order_by(jobs.c.accepted_at, jobs.c.seq).limit(BATCH)
    ).all()
    emptied = 0
    taken: list[str] = []
    for job_id in oldest:
        held = _drop_pictures(connection, [job_id], at)
        sizes = dict(_sizes(connection, held))
        gone = _take(connection, sa.select(blobs.c.sha256).where(blobs.c.sha256.in_(held), _nobody_needs_it()))
        emptied += 1
        taken += gone
        total -= sum(sizes[sha256] for sha256 in gone)
        if total <= max_bytes:
            break
    return Removal(jobs=emptied, blobs=taken)


def drop_pictures(connection: Connection, job_id: str, at: float) -> Removal:
    """Takes the pictures and references of one ended job."""
    if connection.scalar(sa.select(jobs.c.id).where(jobs.c.id == job_id, sa.not_(is_open))) is None:
        return Removal()
    ways_of(connection).tell(connection, job_id)
    return Removal(jobs=1, blobs=_take_of(connection, _drop_pictures(connection, [job_id], at)))


def forget(connection: Connection, platform: str, person_id: str, now: float) -> Removal:
    """Removes what a member said and showed, wherever it is kept."""
    theirs = sa.and_(jobs.c.platform == platform, jobs.c.requester_id == person_id)
    there = sa.select(jobs.c.conversation_id).where(theirs)
    ways = ways_of(connection)
    # Nobody begins anything there meanwhile, and every step that is at its save has saved or will meet a Conflict: else it
    # could save, unseen, what repeats the member's words.
    ways.alone(connection, Alone.ACCEPT)
    connection.execute(
        sa.select(jobs.c.id)
        .where(jobs.c.conversation_id.in_(there))
        .order_by(jobs.c.id)
        .with_for_update(key_share=True)
    )
    found = connection.execute(sa.select(jobs.c.id, jobs.c.state, jobs.c.cleaned).where(theirs)).all()
    _cancel_open(connection, [row.id for row in found if row.state in OPEN], now)
    _purge_histories(connection, there)
    fresh = [row.id for row in found if not row.cleaned]
    held: list[str] = []
    for start in range(0, len(fresh), BATCH):
        held += _clean(connection, fresh[start : start + BATCH], now)
    for row in found:
        if not row.cleaned:
            ended = JobState.CANCELLED if row.state in OPEN else JobState(row.state)
            add_event(connection, row.id, now, ended, "words and pictures were removed at the member's wish")
    connection.execute(
        conversations.update()
        .where(conversations.c.platform == platform, conversations.c.starter_id == person_id)
        .values(starter_name="")
    )
    _forget_cursors(connection, platform, person_id)
    for start in range(0, len(fresh), BATCH):
        ways.tell(connection, *fresh[start : start + BATCH])
    return Removal(jobs=len(fresh), blobs=_take_of(connection, held))


def _cancel_open(connection: Connection, ids: Sequence[str], now: float) -> None:
    """Cancels from any open state, DELIVERING too: the step that posts meets a Conflict and lets go."""
    for job_id in ids:
        connection.execute(
            jobs.update()
            .where(jobs.c.id == job_id)
            .values(
                state=JobState.CANCELLED.value,
                due_at=None,
                waiting=None,
                holds_slot=False,
                finished_at=now,
            )
        )
    for job_id in ids:  # only now, so that none of their own is woken and then cancelled
        wake_children(connection, job_id, JobState.CANCELLED, now)


def _purge_histories(connection: Connection, conversation_ids: sa.Select[tuple[str]]) -> None:
    """All histories of these conversations go: each may repeat any member's words. An edit falls back to its picture."""
    here = jobs.c.conversation_id.in_(conversation_ids)
    connection.execute(turns.delete().where(turns.c.job_id.in_(sa.select(jobs.c.id).where(here))))
    # What the queue works on at this moment will come back with those words in its history.
    asked = state_is(JobState.SUBMITTING, JobState.RUNNING)
    connection.execute(jobs.update().where(here, is_open, asked).values(drop_contents=True))
    # A step may be composing from a history that is gone: its save must not bring it back. (Version 0: no step has it.)
    connection.execute(
        jobs.update()
        .where(here, is_open, state_is(JobState.QUEUED), jobs.c.version > 0)
        .values(version=jobs.c.version + 1)
    )


def _clean(connection: Connection, ids: Sequence[str], at: float) -> list[str]:
    """Takes words, names, histories and pictures of ended jobs; returns the blobs that these needed."""
    held = _drop_pictures(connection, ids, at)
    connection.execute(
        jobs.update().where(jobs.c.id.in_(ids)).values(prompt="", requester_name="", remark=None, cleaned=True)
    )
    _blank_failures(connection, ids)
    for table in (turns, job_events):
        connection.execute(table.delete().where(table.c.job_id.in_(ids)))
    connection.execute(notes.delete().where(notes.c.key.in_(ids)))  # a delivery's key is its job's id
    return held


def _drop_pictures(connection: Connection, ids: Sequence[str], at: float) -> list[str]:
    """What has no picture cannot be edited, so it counts as deleted. The version goes up: no older copy returns."""
    held = connection.scalars(sa.select(job_blobs.c.sha256).where(job_blobs.c.job_id.in_(ids)).distinct()).all()
    connection.execute(job_blobs.delete().where(job_blobs.c.job_id.in_(ids)))
    is_succeeded = state_is(JobState.SUCCEEDED)
    deleted_at = sa.case((is_succeeded, func.coalesce(jobs.c.deleted_at, at)), else_=jobs.c.deleted_at)
    connection.execute(
        jobs.update()
        .where(jobs.c.id.in_(ids))
        .values(references=[], images=[], deleted_at=deleted_at, version=jobs.c.version + 1)
    )
    return list(held)


def _blank_failures(connection: Connection, ids: Sequence[str]) -> None:
    """A reason may quote the words, a sentence may name a file; the kind stays for statistics."""
    found = connection.execute(
        sa.select(jobs.c.id, jobs.c.failure).where(jobs.c.id.in_(ids), jobs.c.failure.is_not(None))
    ).all()
    kinds = {row.id: _kind_of(row.failure) for row in found}
    for kind in set(kinds.values()):
        of_kind = [job_id for job_id, its_kind in kinds.items() if its_kind == kind]
        blank = {"kind": kind, "reason": "", "text": ""}
        connection.execute(jobs.update().where(jobs.c.id.in_(of_kind)).values(failure=blank))


def _kind_of(failure: Any) -> str:
    """Also of one that a stranger's hand has spoilt: it must not keep the words of all others."""
    try:
        return FailureKind(failure["kind"]).value
    except (ValueError, TypeError, KeyError):
        return FailureKind.UNKNOWN.value


def _forget_starters(connection: Connection, ids: Collection[str], before: float) -> None:
    """The names of those who began conversations of which nothing is left."""
    is_left = sa.exists().where(jobs.c.conversation_id == conversations.c.id, is_so(jobs.c.cleaned, "FALSE"))
    connection.execute(
        conversations.update()
        .where(conversations.c.id.in_(sorted(ids)), conversations.c.created_at < before, sa.not_(is_left))
        .values(starter_name="")
    )


def _forget_cursors(connection: Connection, platform: str, person_id: str) -> None:
    """Cursors about a member: their keys, read as parts between colons, begin with the platform and name them."""
    parts = sa.literal(":") + memory.c.key + sa.literal(":")
    connection.execute(
        memory.delete().where(
            memory.c.space != _memory.OURS,
            memory.c.key.startswith(f"{platform}:", autoescape=True),
            parts.contains(f":{person_id}:", autoescape=True),
        )
    )


def _nobody_needs_it() -> sa.ColumnElement[bool]:
    return sa.not_(sa.exists().where(job_blobs.c.sha256 == blobs.c.sha256))


def _sizes(connection: Connection, ids: Sequence[str]) -> list[tuple[str, int]]:
    found = connection.execute(sa.select(blobs.c.sha256, blobs.c.size).where(blobs.c.sha256.in_(ids)))
    return [(row.sha256, row.size) for row in found]


def _take_of(connection: Connection, held: Sequence[str]) -> list[str]:
    """Those of the blobs that nobody needs any more."""
    taken: list[str] = []
    for start in range(0, len(held), BATCH):
        some = held[start : start + BATCH]
        taken += _take(connection, sa.select(blobs.c.sha256).where(blobs.c.sha256.in_(some), _nobody_needs_it()))
    return taken


def _take(connection: Connection, which: sa.Select[tuple[str]]) -> list[str]:
    """Deletes the rows of these blobs and returns their ids."""
    # Locked, and so judged as it is now: one that is put again at this moment stays.
    gone = which.with_for_update(skip_locked=True, of=blobs).cte("gone")
    rows = blobs.delete().where(blobs.c.sha256.in_(sa.select(gone.c.sha256))).returning(blobs.c.sha256)
    return list(connection.scalars(rows).all())
