"""How is a job accepted, and how is it found again?"""

from __future__ import annotations

import dataclasses
from collections.abc import Callable
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, func

from bot.model import OPEN, Conversation, Duration, Event, Glance, Job, JobQuery, JobState, MessageRef, Turn, Usage
from bot.ports import Accepted
from storage import _conversations
from storage._rows import job_row, readable, to_job
from storage._saves import add_event, link_blobs, remember_message, remember_messages, settled
from storage._tables import (
    IN_VAIN,
    counts_for_limits,
    failed_by,
    is_in_vain,
    is_open,
    job_events,
    jobs,
    messages,
    turns,
)
from storage._ways import Alone, ways_of

_ANSWERS_PER_DURATION = 20  # at most so many are looked through for each that was finished: others run, or failed

_BY_ID = sa.select(jobs).where(jobs.c.id == bindparam("job_id"))
_BY_SOURCE = sa.select(jobs).where(jobs.c.source_id == bindparam("source"))
_BY_MESSAGE = (
    sa.select(jobs, messages.c.position)
    .join(messages, messages.c.job_id == jobs.c.id)
    .where(
        messages.c.platform == bindparam("platform"),
        messages.c.channel == bindparam("channel"),
        messages.c.message_id == bindparam("message"),
    )
)


def _usage_statement() -> sa.Select[int, int, int, int]:
    of_person = sa.and_(jobs.c.platform == bindparam("platform"), jobs.c.requester_id == bindparam("person"))
    in_workspace = sa.and_(jobs.c.platform == bindparam("platform"), jobs.c.workspace == bindparam("workspace"))
    today = sa.and_(jobs.c.accepted_at >= bindparam("day_start"), counts_for_limits)

    def number(*conditions: sa.ColumnElement[bool]) -> sa.ScalarSelect[int]:
        return sa.select(func.count()).select_from(jobs).where(*conditions).scalar_subquery()

    return sa.select(
        number(of_person, is_open).label("open_by_person"),
        number(of_person, today).label("today_by_person"),
        number(in_workspace, today).label("today_by_workspace"),
        number(today).label("today"),
    )


_USAGE = _usage_statement()


def add(
    connection: Connection,
    job: Job,
    conversation: Conversation,
    follow: bool,  # noqa: FBT001  named in the port; `Engine.write` passes what it was given
    admit: Callable[[Usage], None],
    day_start: float,
) -> Accepted:
    """Accepts a job, unless its source is known or `admit` refuses."""
    ways = ways_of(connection)
    ways.alone(connection, Alone.ACCEPT)
    if known := find_source(connection, job.source_id):
        return Accepted(job=known, is_new=False)
    admit(usage(connection, job.platform, job.workspace, job.requester.id, day_start))
    home = _conversations.keep(connection, conversation, job.aspect_ratio)
    parent_id = _conversations.newest(connection, home) if follow else job.parent_id
    new = dataclasses.replace(job, conversation_id=home, parent_id=parent_id)
    new = settled(connection, new, job.accepted_at)
    # Not touched yet: a process that only listens accepts, too, while nobody works.
    row = {**job_row(new), "touched_at": 0.0, "cleaned": False, "drop_contents": False}
    del row["seq"]
    # Not by our own RETURNING: with it, SQLite looks through every table that refers to jobs (its plan shows it).
    inserted: Any = connection.execute(jobs.insert(), row).inserted_primary_key
    new = dataclasses.replace(new, seq=inserted.seq)
    remember_messages(connection, new)
    link_blobs(connection, new)
    add_event(connection, new.id, job.accepted_at, new.state, "accepted")
    ways.tell(connection, new.id)
    return Accepted(job=new, is_new=True)


def place(connection: Connection, job_id: str, card: MessageRef, now: float) -> None:
    """Keeps the card of a job that no step has seen yet, and makes the job due."""
    placed = connection.execute(
        jobs.update()
        .where(jobs.c.id == job_id, jobs.c.version == 0, jobs.c.state == JobState.QUEUED.value)
        .values(card=dataclasses.asdict(card), due_at=now, waiting=None)
    )
    if placed.rowcount:
        remember_message(connection, job_id, card, 0, "card")
        ways_of(connection).tell(connection, job_id)


def get(connection: Connection, job_id: str) -> Job | None:
    """By id."""
    return _one(connection, _BY_ID, {"job_id": job_id})


def find_source(connection: Connection, source_id: str) -> Job | None:
    """By the member's message or interaction."""
    return _one(connection, _BY_SOURCE, {"source": source_id})


def find_message(connection: Connection, message: MessageRef) -> tuple[Job, int] | None:
    """By a card, a post or a member's message."""
    asked = {"platform": message.platform, "channel": message.channel, "message": message.id}
    row = connection.execute(_BY_MESSAGE, asked).one_or_none()
    return row and (to_job(row), row.position)


def glance(connection: Connection, message: MessageRef, or_job: str | None) -> Glance | None:
    """By a message of the job, or by its id."""
    found = find_message(connection, message)
    job = found[0] if found else get(connection, or_job) if or_job else None
    if job is None:
        return None
    thread = job.conversation_id
    newest_open, head = _conversations.newest_open(connection, thread), _conversations.head(connection, thread)
    return Glance(job=job, newest_open=newest_open, head=head)


def turn(connection: Connection, job_id: str) -> Turn:
    """The heavy part."""
    row = connection.execute(
        sa.select(turns.c.payload, turns.c.next_turn_contents).where(turns.c.job_id == job_id)
    ).one_or_none()
    return Turn(payload=row.payload, next_turn_contents=row.next_turn_contents) if row else Turn()


def events(connection: Connection, job_id: str) -> list[Event]:
    """The job's history, oldest first."""
    found = connection.execute(sa.select(job_events).where(job_events.c.job_id == job_id).order_by(job_events.c.id))
    return [Event(at=row.at, state=JobState(row.state), text=row.text) for row in found]


def find(connection: Connection, query: JobQuery) -> list[Job]:
    """What an operator wants to see, newest first.

    States and platforms, of which there are few, are written out: PostgreSQL would go on with a plan for any of them, and so
    look for what is rare among all jobs.
    """
    of_member = query.platform is not None and query.person is not None
    # A member's in the order of their index, where that of `seq` would have all of them read and sorted.
    newest_first = (jobs.c.accepted_at.desc(), jobs.c.seq.desc()) if of_member else (jobs.c.seq.desc(),)
    wanted = sa.select(jobs).order_by(*newest_first).limit(query.limit)
    if query.states is not None:
        wanted = wanted.where(_stands_in(query.states))
        if query.states <= OPEN:
            wanted = wanted.where(is_open)  # the same again, in the words of the index of open jobs
        elif query.states <= IN_VAIN and query.person is None and query.conversation_id is None:
            wanted = wanted.where(is_in_vain)  # and of the index of those, which are few
    if query.failures is not None:
        wanted = wanted.where(sa.or_(sa.false(), *(failed_by(kind) for kind in sorted(query.failures))))
    if query.platform is not None:
        is_name = query.platform.isidentifier()  # of an adapter; whatever else somebody asks for stays a parameter
        named = bindparam("platform", query.platform, type_=jobs.c.platform.type, literal_execute=is_name)
        wanted = wanted.where(jobs.c.platform == named)
    if query.person is not None:
        wanted = wanted.where(jobs.c.requester_id == query.person)
    if query.conversation_id is not None:
        wanted = wanted.where(jobs.c.conversation_id == query.conversation_id)
    if query.text is not None:
        wanted = wanted.where(jobs.c.prompt.icontains(query.text, autoescape=True))
    if query.before_seq is not None:
        wanted = wanted.where(jobs.c.seq < query.before_seq)
    return sorted(readable(connection.execute(wanted)), key=lambda job: job.seq, reverse=True)


def _stands_in(states: frozenset[JobState]) -> sa.ColumnElement[bool]:
    """With `=` where it can be said so: an index of states holds the jobs of one in order, but not those of several."""
    literals: list[sa.ColumnElement[str]] = [sa.literal_column(f"'{state.value}'") for state in sorted(states)]
    return jobs.c.state == literals[0] if len(literals) == 1 else jobs.c.state.in_(literals)


def count(connection: Connection) -> dict[JobState, int]:
    """How many jobs stand in each open state."""
    found = connection.execute(sa.select(jobs.c.state, func.count()).where(is_open).group_by(jobs.c.state))
    return {JobState(state): number for state, number in found}


def usage(connection: Connection, platform: str, workspace: str, person_id: str, day_start: float) -> Usage:
    """What counts against the limits."""
    asked = {"platform": platform, "workspace": workspace, "person": person_id, "day_start": day_start}
    return Usage(**connection.execute(_USAGE, asked).one()._asdict())


def attempts_between(connection: Connection, model: str, since: float, until: float) -> list[str]:
    """Ids of the jobs whose last POST left in that time, both ends included."""
    return list(
        connection.scalars(
            sa.select(jobs.c.id)
            .where(jobs.c.model == model, jobs.c.attempt_at >= since, jobs.c.attempt_at <= until)
            .order_by(jobs.c.attempt_at)
        )
    )


def last_answers(connection: Connection, model: str, limit: int) -> list[Job]:
    """The jobs whose POST was answered last."""
    found = connection.execute(
        sa.select(jobs)
        .where(jobs.c.model == model, jobs.c.answered_at.is_not(None))
        .order_by(jobs.c.answered_at.desc())
        .limit(limit)
    )
    return readable(found)


def last_durations(connection: Connection, model: str, limit: int) -> list[Duration]:
    """Only what it needs is read: a row that a stranger's hand has spoilt must not end the work on others."""
    answered = (
        sa.select(
            jobs.c.answered_at, jobs.c.answered_terminal, jobs.c.ready_at, jobs.c.running_since, jobs.c.working_since
        )
        .where(jobs.c.model == model, jobs.c.answered_at.is_not(None))
        .order_by(jobs.c.answered_at.desc())
        .limit(limit * _ANSWERS_PER_DURATION)
        .subquery()
    )
    whole = answered.c.ready_at - answered.c.running_since
    found = connection.execute(
        sa.select(whole, answered.c.ready_at - answered.c.working_since)
        .where(sa.not_(answered.c.answered_terminal), whole.is_not(None))
        .order_by(answered.c.answered_at.desc())
        .limit(limit)
    )
    return [Duration(whole=took, work=work) for took, work in found]


def _one(connection: Connection, statement: sa.Select[Any], asked: dict[str, Any]) -> Job | None:
    row = connection.execute(statement, asked).one_or_none()
    return None if row is None else to_job(row)
