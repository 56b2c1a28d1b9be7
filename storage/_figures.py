"""What do the jobs that ended in a time add up to? One statement for each figure, on the index of what ended."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, func

from bot.figures import DURATION_EDGES, Ended, Figures, Spread
from bot.model import JobState
from storage._tables import jobs, state_is
from storage._ways import ways_of

HOUR = 3600
_BEYOND = len(DURATION_EDGES)

# A picture's place in the text of `images`. Read off the text, because neither engine counts what a stranger's hand has
# spoilt, and both have these words; within a value the quotes would be escaped.
_PICTURE = '"sha256": '

_took = jobs.c.finished_at - jobs.c.accepted_at
_late = jobs.c.finished_at - jobs.c.ready_at
_completed = state_is(JobState.SUCCEEDED)


def between(connection: Connection, since: float, until: float) -> Figures:
    """Of what ended from `since` on and before `until`."""
    in_time = sa.and_(jobs.c.finished_at >= since, jobs.c.finished_at < until)
    hour = ways_of(connection).whole(jobs.c.finished_at / HOUR)
    taken = sa.select(_at_least_none(_took).label("value")).where(in_time, _completed).subquery()
    known = sa.select(hour.label("hour"), _at_least_none(_late).label("value"))
    late = known.where(in_time, _completed, jobs.c.ready_at.is_not(None)).subquery()
    return Figures(
        since=since,
        until=until,
        ended=_ended(connection, hour, in_time),
        durations=_durations(connection, taken),
        duration=_spread(connection, taken),
        lateness=_spread_by_hour(connection, late),
        late=_spread(connection, late),
    )


def _ended(connection: Connection, hour: sa.ColumnElement[int], in_time: sa.ColumnElement[bool]) -> tuple[Ended, ...]:
    text = sa.cast(jobs.c.images, sa.Text)
    listed = (func.length(text) - func.length(func.replace(text, _PICTURE, ""))) // len(_PICTURE)
    made = sa.case((sa.and_(_completed, listed < 1), 1), else_=listed)
    found = connection.execute(
        sa.select(
            hour.label("hour"),
            jobs.c.model,
            _number(_completed).label("completed"),
            _number(state_is(JobState.FAILED)).label("failed"),
            _number(state_is(JobState.CANCELLED)).label("cancelled"),
            func.sum(made).label("pictures"),
        )
        .where(in_time)
        .group_by("hour", jobs.c.model)
        .order_by("hour", jobs.c.model)
    )
    return tuple(Ended(**{**row._asdict(), "hour": float(row.hour * HOUR)}) for row in found)


def _durations(connection: Connection, taken: sa.Subquery) -> tuple[int, ...]:
    less = sa.case(*((taken.c.value < edge, number) for number, edge in enumerate(DURATION_EDGES)), else_=_BEYOND)
    counted = sa.select(less.label("place"), func.count()).group_by("place")
    found = {place: number for place, number in connection.execute(counted)}  # noqa: C416  a row is no pair to `dict`
    return tuple(found.get(number, 0) for number in range(_BEYOND + 1))


def _spread(connection: Connection, rows: sa.Subquery) -> Spread | None:
    place, of = func.row_number().over(order_by=rows.c.value), func.count().over()
    placed = sa.select(rows.c.value, place.label("place"), of.label("number")).subquery()
    median, p95 = connection.execute(sa.select(*_values(placed))).one()
    return None if median is None else Spread(median=median, p95=p95)


def _spread_by_hour(connection: Connection, rows: sa.Subquery) -> tuple[tuple[float, Spread], ...]:
    place = func.row_number().over(partition_by=rows.c.hour, order_by=rows.c.value)
    of = func.count().over(partition_by=rows.c.hour)
    placed = sa.select(rows.c.hour, rows.c.value, place.label("place"), of.label("number")).subquery()
    found = connection.execute(
        sa.select(placed.c.hour, *_values(placed)).group_by(placed.c.hour).order_by(placed.c.hour)
    )
    return tuple((float(hour * HOUR), Spread(median=median, p95=p95)) for hour, median, p95 in found)


def _values(placed: sa.Subquery) -> tuple[sa.ColumnElement[Any], sa.ColumnElement[Any]]:
    """The nearest ranks: of n values in order, those at n/2 and at n * 95/100, rounded up."""
    return (
        func.max(sa.case((placed.c.place == (placed.c.number + 1) // 2, placed.c.value))),
        func.max(sa.case((placed.c.place == (placed.c.number * 95 + 99) // 100, placed.c.value))),
    )


def _number(condition: sa.ColumnElement[bool]) -> sa.ColumnElement[int]:
    return func.sum(sa.case((condition, 1), else_=0))


def _at_least_none(seconds: sa.ColumnElement[float]) -> sa.ColumnElement[float]:
    """Where the clocks disagree a little, nothing was answered before it was ready."""
    return sa.case((seconds < 0.0, 0.0), else_=seconds)
