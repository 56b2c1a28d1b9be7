"""How does a job move? Compare-and-set with everything that must be true in the same moment."""

from __future__ import annotations

import dataclasses
import hashlib
import json
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from bot.model import NEXT, OPEN, OUTCOME_UNKNOWN, Job, JobState, Json, MessageRef, Waiting
from storage._rows import SETTLED, Row, job_row, needed_blobs, readable, to_job
from storage._tables import is_open, job_blobs, job_events, jobs, messages, requests, state_is, turns, upsert, waits_for
from storage._ways import ways_of

_STORED = sa.select(jobs).where(jobs.c.id == bindparam("job_id")).with_for_update(key_share=True)
_UPDATE = jobs.update().where(jobs.c.id == bindparam("job_id"))
# Locked, or a child could be parked while the save that ends its waiting is committed unseen, and be parked for ever.
_PARENT_STATE = sa.select(jobs.c.state).where(jobs.c.id == bindparam("parent")).with_for_update(read=True)
_WAKE = (
    jobs.update()
    .where(jobs.c.parent_id == bindparam("parent"), waits_for(Waiting.PARENT))
    .values(due_at=bindparam("now"), waiting=None)
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Saved:
    """What a save came to. refusal: why it is a Conflict; what was learned (a request's id) is kept all the same."""

    job: Job
    refusal: str | None = None


def save(
    connection: Connection,
    job: Job,
    now: float,
    event: str | None,
    payload: Json | None,
    next_turn_contents: list[Any] | None,
) -> Saved:
    """Stores the job if its version is still the stored one. Raises ValueError for what no step may ask."""
    row = connection.execute(_STORED, {"job_id": job.id}).one_or_none()
    if row is None:
        raise ValueError(f"job {job.id} was never accepted")
    stored = to_job(row)
    is_new_request = job.request_id is not None and job.request_id != stored.request_id
    if is_new_request and not _claim_request(connection, job):
        return Saved(job=stored, refusal=f"request {job.request_id} belongs to another job than {job.id}")
    if stored.version != job.version:
        return _merged(connection, job, stored, now, event)
    if job.state is not stored.state and job.state not in NEXT[stored.state]:
        raise ValueError(f"job {job.id} cannot go from {stored.state} to {job.state}")
    new = dataclasses.replace(settled(connection, job, now), version=job.version + 1, seq=stored.seq)
    before, after = _columns(stored), _columns(new)
    # What is written is what changed: an index is written anew for each of its columns that is set, to whatever value.
    changed = {name: value for name, value in after.items() if value != before[name]}
    if not _is_by_member(new, stored):
        changed["touched_at"] = now
    connection.execute(_UPDATE, {"job_id": job.id, **changed})
    if new.state is not stored.state:
        wake_children(connection, new.id, new.state, now)
    remember_messages(connection, new, known=stored)
    link_blobs(connection, new, known=stored)
    if event is not None:
        add_event(connection, new.id, now, new.state, event)
    _keep_turn(connection, row, payload, next_turn_contents)
    if event is not None or new.state is not stored.state or new.deleted_at != stored.deleted_at:
        ways_of(connection).tell(connection, new.id)
    return Saved(job=new)


def settled(connection: Connection, job: Job, now: float) -> Job:
    """The job with the due time, the parking and the slot that its state allows."""
    if job.state not in OPEN:
        return dataclasses.replace(job, due_at=None, waiting=None, holds_slot=False)
    holds_slot = job.holds_slot and job.state in OUTCOME_UNKNOWN
    if job.waiting is None:
        if job.due_at is None:
            raise ValueError(f"job {job.id} is open, so it needs a due_at or something to wait for")
        return dataclasses.replace(job, holds_slot=holds_slot)
    if job.waiting is Waiting.PARENT and not _parent_stands_in_the_way(connection, job):
        return dataclasses.replace(job, due_at=now, waiting=None, holds_slot=holds_slot)
    if job.waiting is Waiting.SLOT and job.state not in OUTCOME_UNKNOWN:
        raise ValueError(f"job {job.id} is {job.state}, so no slot will help it")
    return dataclasses.replace(job, due_at=None, holds_slot=False)


def wake_children(connection: Connection, job_id: str, state: JobState, now: float) -> None:
    """The parent reached this state: those that waited for it are due."""
    if state in OUTCOME_UNKNOWN:
        return
    woken = _WAKE
    if state in OPEN:  # its outcome is known, its delivery is yet to come
        woken = woken.where(jobs.c.state != JobState.DELIVERING.value)
    connection.execute(woken, {"parent": job_id, "now": now})


def remember_messages(connection: Connection, job: Job, known: Job | None = None) -> None:
    """Makes the job's messages findable. Where two jobs name the same message, the later one is found."""
    rows: list[tuple[MessageRef, int, str]] = []
    if job.asked_in and (known is None or job.asked_in != known.asked_in):
        rows.append((job.asked_in, 0, "asked_in"))
    if job.card and (known is None or job.card != known.card):
        rows.append((job.card, 0, "card"))
    if known is None or job.posts != known.posts:
        # Last, so that a card which became a post is found as that post.
        rows.extend((post, position, "post") for position, post in enumerate(job.posts))
    for message, position, role in rows:
        remember_message(connection, job.id, message, position, role)


def remember_message(connection: Connection, job_id: str, message: MessageRef, position: int, role: str) -> None:
    """Makes one message findable."""
    row = {
        "platform": message.platform,
        "channel": message.channel,
        "message_id": message.id,
        "job_id": job_id,
        "position": position,
        "role": role,
    }
    upsert(connection, messages, row, replace=["job_id", "position", "role"])


def link_blobs(connection: Connection, job: Job, known: Job | None = None) -> None:
    """Keeps the list of blobs that the job needs."""
    before = needed_blobs(known) if known else set()
    after = needed_blobs(job)
    if gone := before - after:
        connection.execute(job_blobs.delete().where(job_blobs.c.job_id == job.id, job_blobs.c.sha256.in_(sorted(gone))))
    for sha256 in sorted(after - before):
        upsert(connection, job_blobs, {"job_id": job.id, "sha256": sha256})


def add_event(connection: Connection, job_id: str, at: float, state: JobState, text: str) -> None:
    """Writes a line of the job's history."""
    connection.execute(job_events.insert(), {"job_id": job_id, "at": at, "state": state.value, "text": text})


def same_payload_in_doubt(connection: Connection, job: Job, payload: Json) -> list[Job]:
    """Other jobs in SUBMITTING whose last payload equals this one."""
    found = connection.execute(
        sa.select(jobs)
        .where(
            is_open,  # with the next line in the words of the index of open jobs
            state_is(JobState.SUBMITTING),
            jobs.c.id != job.id,
            sa.exists().where(turns.c.job_id == jobs.c.id, turns.c.payload_sha256 == _fingerprint(payload)),
        )
        .order_by(jobs.c.seq)
    )
    return readable(found)


def known_requests(connection: Connection, request_ids: Iterable[str]) -> set[str]:
    """Those of the ids that ever were a job's."""
    wanted = sorted(set(request_ids))
    found: set[str] = set()
    for start in range(0, len(wanted), 500):  # engines limit the parameters of a statement
        some = wanted[start : start + 500]
        found.update(connection.scalars(sa.select(requests.c.request_id).where(requests.c.request_id.in_(some))))
    return found


def _is_by_member(new: Job, stored: Job) -> bool:
    """Cancelled or deleted, which a process that only listens stores too: it does not show that anybody works."""
    return new.state is JobState.CANCELLED or new.deleted_at != stored.deleted_at


def _merged(connection: Connection, job: Job, stored: Job, now: float, event: str | None) -> Saved:
    """Somebody else moved the job. A request's id is kept all the same: what it names may cost money."""
    if job.request_id is None or stored.request_id is not None:
        return Saved(job=stored, refusal=f"job {job.id} moved on: version {stored.version}, not {job.version}")
    # The version goes up, so that a save which does not know the id cannot take it away again.
    new = dataclasses.replace(stored, request_id=job.request_id, version=stored.version + 1)
    connection.execute(
        _UPDATE, {"job_id": job.id, "request_id": new.request_id, "version": new.version, "touched_at": now}
    )
    if event is not None:
        add_event(connection, new.id, now, new.state, event)
    ways_of(connection).tell(connection, new.id)
    return Saved(job=new)


def _claim_request(connection: Connection, job: Job) -> bool:
    """Whether the queue's id is, or now becomes, this job's."""
    if upsert(connection, requests, {"request_id": job.request_id, "job_id": job.id}):
        return True
    owner = connection.scalar(sa.select(requests.c.job_id).where(requests.c.request_id == job.request_id))
    return owner == job.id


def _parent_stands_in_the_way(connection: Connection, job: Job) -> bool:
    state = job.parent_id and connection.scalar(_PARENT_STATE, {"parent": job.parent_id})
    awaited = OPEN if job.state is JobState.DELIVERING else OUTCOME_UNKNOWN
    return state in awaited


def _keep_turn(connection: Connection, row: Row, payload: Json | None, next_turn_contents: list[Any] | None) -> None:
    given: dict[str, Any] = {}
    if payload is not None:
        given |= {"payload": payload, "payload_sha256": _fingerprint(payload)}
    if next_turn_contents is not None and not row.drop_contents:
        given["next_turn_contents"] = next_turn_contents
    if given:
        upsert(connection, turns, {"job_id": row.id, **given}, replace=list(given))


def _fingerprint(payload: Json) -> str:
    """Equal for equal JSON, whatever the order of keys."""
    return hashlib.sha256(json.dumps(payload, sort_keys=True, separators=(",", ":")).encode()).hexdigest()


def _columns(job: Job) -> dict[str, Any]:
    """All that a save may change, but for what is the store's own."""
    columns = {name: value for name, value in job_row(job).items() if name not in SETTLED}
    left_at = job.accepted_at if job.attempt_at is None else job.attempt_at
    columns["answered_at"] = None if job.answered_after is None else left_at + job.answered_after
    return columns
