"""Which job is next, and until when is it whose? Claim, renew, the next due time, and the start after a death."""

from __future__ import annotations

from collections.abc import Sequence

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam, func

from bot.model import Job, JobState, Waiting
from storage import _memory
from storage._rows import Row, readable
from storage._tables import is_due_some_time, is_open, is_so, jobs, waits_for
from storage._ways import Alone, ways_of

UNREADABLE_SECONDS = 3_600.0
"""Until a job whose row cannot be understood is looked at again."""

_held = jobs.alias("held")


def _slots_free() -> sa.ColumnElement[int]:
    taken = sa.select(func.count()).select_from(_held).where(is_so(_held.c.holds_slot)).scalar_subquery()
    return bindparam("in_flight", type_=sa.Integer) - taken


def _is_due() -> sa.ColumnElement[bool]:
    """Said twice: PostgreSQL takes a third of all jobs to be due before any time, but knows of how many are due some time."""
    return sa.and_(is_due_some_time, jobs.c.due_at <= bindparam("now"))


def _eligible() -> sa.CTE:
    """The jobs that are due, and those that wait for a slot if one is free; each half has its own index."""
    asked = (jobs.c.id, jobs.c.seq, jobs.c.platform, jobs.c.requester_id, jobs.c.waiting)
    due = sa.select(*asked, jobs.c.due_at.label("since")).where(_is_due())
    # A parked job is touched by its parking and by `_LINE_UP`, so that is since when it waits.
    waits = sa.select(*asked, jobs.c.touched_at.label("since")).where(waits_for(Waiting.SLOT), _slots_free() > 0)
    # Materialized, or SQLite walks the whole history in the order that the rounds below would like to have.
    return due.union_all(waits).cte("eligible").prefix_with("MATERIALIZED")


def _in_turn(eligible: sa.CTE) -> sa.Subquery:
    """The n-th job of each requester has turn n, counted from the slots that they hold already.

    Those that are due and those that wait for a slot each have their own round.
    """
    requester = (_held.c.platform, _held.c.requester_id)
    slots = sa.select(*requester, func.count().label("count")).where(is_so(_held.c.holds_slot)).group_by(*requester)
    held = slots.subquery("slots")
    nth = func.row_number().over(
        partition_by=[eligible.c.platform, eligible.c.requester_id, eligible.c.waiting],
        # For slots in accept order: steps that ran at the same time have parked their jobs in any.
        order_by=[sa.case((eligible.c.waiting.is_(None), eligible.c.since), else_=0.0), eligible.c.seq],
    )
    return (
        sa.select(
            eligible.c.id,
            eligible.c.seq,
            eligible.c.waiting,
            eligible.c.since,
            (nth + func.coalesce(held.c.count, 0)).label("turn"),
        )
        .outerjoin_from(
            eligible,
            held,
            sa.and_(held.c.platform == eligible.c.platform, held.c.requester_id == eligible.c.requester_id),
        )
        .subquery("candidates")
    )


def claim_statement() -> sa.Update:
    """The one statement that leases jobs; PostgreSQL skips rows that others hold, SQLite has one writer and drops that.

    Parameters: now, until, limit, in_flight. Returns every column of the claimed rows.
    """
    candidates = _in_turn(_eligible())
    order = [candidates.c.turn, candidates.c.since, candidates.c.seq]
    placed = sa.select(
        candidates, func.row_number().over(partition_by=candidates.c.waiting, order_by=order).label("place")
    ).subquery("placed")
    # A CTE, which PostgreSQL runs once: a subquery it may run again for each row, and lock more than the limit.
    chosen = (
        sa.select(jobs.c.id)
        .join(placed, placed.c.id == jobs.c.id)
        # Said again of the row itself: PostgreSQL looks once more at a row that another claim let go of.
        .where(sa.or_(_is_due(), sa.and_(waits_for(Waiting.SLOT), placed.c.place <= _slots_free())))
        .order_by(placed.c.turn, placed.c.since, placed.c.seq)
        .limit(bindparam("limit", type_=sa.Integer))
        .with_for_update(skip_locked=True, key_share=True, of=jobs)
        .cte("chosen")
    )
    return (
        jobs.update()
        .where(jobs.c.id.in_(sa.select(chosen.c.id)))
        .values(
            due_at=bindparam("until"),
            waiting=None,
            holds_slot=sa.or_(jobs.c.holds_slot, func.coalesce(waits_for(Waiting.SLOT), sa.false())),
            version=jobs.c.version + 1,
            touched_at=bindparam("now"),
        )
        .returning(*jobs.columns)
    )


_CLAIM = claim_statement()

# Who was served goes to the end of the line with all that still waits. Else, where slots come one by one, whoever has
# waited longest would have each of its jobs served before another's first.
_LINE_UP = (
    jobs.update()
    .where(
        waits_for(Waiting.SLOT),
        # Put together, so that no engine looks through a member's whole history for the few that wait.
        (jobs.c.platform + ":" + jobs.c.requester_id).in_(bindparam("served", expanding=True)),
    )
    .values(touched_at=bindparam("now"))
)

_RENEW = (
    jobs.update()
    .where(jobs.c.id == bindparam("job_id"), jobs.c.version == bindparam("claimed"), is_due_some_time)
    .values(
        due_at=bindparam("until"),
        # A renewed lease keeps its length, so the moment of the renewal is known without being told. One that is handed
        # back ends at once, and so seems touched by its length before that: where it was the last of a bot that stops,
        # the next start moves deadlines by so much more, which cuts nothing short.
        touched_at=jobs.c.touched_at + bindparam("until") - jobs.c.due_at,
    )
)

# The version goes up: a renewal that is still on its way must not make a lease of it again.
_PUT_OFF = (
    jobs.update()
    .where(jobs.c.id == bindparam("job_id"), jobs.c.version == bindparam("claimed"), is_due_some_time)
    .values(
        due_at=bindparam("until"),
        looks=bindparam("looked"),
        touched_at=bindparam("now"),
        version=jobs.c.version + 1,
    )
)

_NEXT_DUE = sa.select(
    sa.select(func.min(jobs.c.due_at)).where(is_due_some_time).scalar_subquery().label("due_at"),
    sa.and_(sa.exists().where(waits_for(Waiting.SLOT)), _slots_free() > 0).label("slot_is_free"),
)


def claim(connection: Connection, now: float, until: float, limit: int, in_flight: int) -> list[Job]:
    """Leases jobs, and returns them in accept order."""
    ways_of(connection).alone(connection, Alone.CLAIM)
    found = connection.execute(_CLAIM, {"now": now, "until": until, "limit": limit, "in_flight": in_flight})
    # Read to the end inside the transaction: SQLite does not commit a statement that is still under way.
    jobs_of_rows = readable(found.all(), lambda row: _set_aside(connection, row, now))
    claimed = sorted(jobs_of_rows, key=lambda job: job.seq)
    # A queued job that holds a slot has just got it, or could not use it yet.
    queued = [job for job in claimed if job.holds_slot and job.state is JobState.QUEUED]
    if queued:
        served = sorted({f"{job.platform}:{job.requester.id}" for job in queued})
        connection.execute(_LINE_UP, {"served": served, "now": now})
    return claimed


def _set_aside(connection: Connection, row: Row, now: float) -> None:
    # a slot that it has only just got would be missing until somebody repairs it
    slot = {"holds_slot": False} if row.state == JobState.QUEUED.value else {}
    connection.execute(jobs.update().where(jobs.c.id == row.id).values(due_at=now + UNREADABLE_SECONDS, **slot))


def renew(connection: Connection, job: Job, until: float) -> bool:
    """Whether the lease was still this claim's."""
    return connection.execute(_RENEW, {"job_id": job.id, "claimed": job.version, "until": until}).rowcount == 1


def put_off(connection: Connection, claimed: Sequence[Job], now: float) -> None:
    """Their leases end, and they are due again at their `due_at`; those that are no longer this claim's stay as they are."""
    rows = [
        {"job_id": job.id, "claimed": job.version, "until": job.due_at, "looked": job.looks, "now": now}
        for job in claimed
    ]
    if rows:
        connection.execute(_PUT_OFF, rows)


def next_due(connection: Connection, in_flight: int) -> float | None:
    """The earliest time at which a claim could return something."""
    row = connection.execute(_NEXT_DUE, {"in_flight": in_flight}).one()
    # A job that could have a slot has been due since it was parked; 0.0 says "past" whatever the clock does meanwhile.
    return 0.0 if row.slot_is_free else row.due_at


def postpone(connection: Connection, seconds: float) -> float:
    """Moves the deadlines of open jobs, and returns by how much: where many work, by no more than nobody did."""
    ways = ways_of(connection)
    ways.alone(connection, Alone.START)
    if ways.is_shared:
        # Each of them sees the same gap when the server's clock is set ahead; one that slept alone was not missed.
        now = ways.now(connection)
        seconds = min(seconds, now - max(_last_touch(connection), _mark(connection, "postponed")))
        _memory.remember(connection, _memory.OURS, "postponed", {"at": now}, None)
    if seconds > 0:
        _move_deadlines(connection, seconds)
    return max(0.0, seconds)


def start(connection: Connection, now: float) -> None:
    """Frees the leases that only the dead can hold, and moves deadlines by the time since anything was touched."""
    ways = ways_of(connection)
    ways.alone(connection, Alone.START)
    if not ways.others_work(connection):
        _make_good(connection, now)
    if not ways.is_shared:
        connection.execute(jobs.update().where(jobs.c.due_at > now).values(due_at=now))
    _memory.remember(connection, _memory.OURS, "started", {"at": now}, None)


def _make_good(connection: Connection, now: float) -> None:
    """For so long nobody worked, or the clock was set back by so much: all that is awaited stays as far away as it was."""
    alive = max(_last_touch(connection), _mark(connection, "started"))
    if not alive:
        return
    _move_deadlines(connection, now - alive)
    if now < alive:
        # What seems to have been touched later would count again at each start, and wait in vain.
        connection.execute(jobs.update().where(jobs.c.touched_at > now).values(touched_at=now))
        connection.execute(jobs.update().where(is_due_some_time).values(due_at=jobs.c.due_at + (now - alive)))


def _move_deadlines(connection: Connection, seconds: float) -> None:
    connection.execute(
        jobs.update().where(is_open, jobs.c.deadline_at.is_not(None)).values(deadline_at=jobs.c.deadline_at + seconds)
    )


def _last_touch(connection: Connection) -> float:
    return connection.scalar(sa.select(func.max(jobs.c.touched_at))) or 0.0


def _mark(connection: Connection, name: str) -> float:
    """A moment that was kept; 0.0 where there is none."""
    mark = _memory.recall(connection, _memory.OURS, name, 0.0)
    return mark["at"] if mark else 0.0
