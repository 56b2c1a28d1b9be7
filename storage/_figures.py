"""What do the jobs that ended in a time add up to? The database counts; values are read around the wanted ranks alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import Connection, func

from bot.figures import DURATION_EDGES, Ended, Figures, Spread
from bot.model import JobState
from storage._tables import jobs, state_is
from storage._ways import ways_of

HOUR = 3600

FINENESS = 16
"""Steps in a second, by which values are counted before any is read. A power of two, so that no value is rounded."""

LAST_STEP = 1024 * FINENESS
"""What is longer is counted here, too."""

STEPS = LAST_STEP + 1

# A picture's place in the text of `images`. Read off the text, because neither engine counts what a stranger's hand has
# spoilt, and both have these words; within a value the quotes would be escaped.
_PICTURE = '"sha256": '

_took = jobs.c.finished_at - jobs.c.accepted_at
_late = jobs.c.finished_at - jobs.c.ready_at
_completed = state_is(JobState.SUCCEEDED)

Steps = Counter[int]
"""How many values lie in each step."""

_Values = defaultdict[int, list[float]]
"""The values of some steps, in order."""


def between(connection: Connection, since: float, until: float) -> Figures:
    """Of what ended from `since` on and before `until`."""
    in_time = sa.and_(jobs.c.finished_at >= since, jobs.c.finished_at < until)
    hour = ways_of(connection).whole(jobs.c.finished_at / HOUR)
    took = _measured(connection, sa.literal_column("0"), _took, in_time)
    late = _measured(connection, hour, _late, sa.and_(in_time, jobs.c.ready_at.is_not(None)))
    return Figures(
        since=since,
        until=until,
        ended=_ended(connection, hour, in_time),
        durations=_durations(took.steps),
        duration=took.whole,
        lateness=tuple((float(number * HOUR), spread) for number, spread in late.by_hour),
        late=late.whole,
    )


def _ended(connection: Connection, hour: sa.ColumnElement[int], in_time: sa.ColumnElement[bool]) -> tuple[Ended, ...]:
    text = sa.cast(jobs.c.images, sa.Text)
    whole, rest = (func.length(each, type_=sa.Integer) for each in (text, func.replace(text, _PICTURE, "")))
    # Materialized, or SQLite looks through each text once more for each mention of what it found there.
    listed = (
        sa.select(hour.label("hour"), jobs.c.model, jobs.c.state, ((whole - rest) // len(_PICTURE)).label("pictures"))
        .where(in_time)
        .cte("listed")
        .prefix_with("MATERIALIZED")
    )
    made = sa.case(
        (sa.and_(listed.c.state == JobState.SUCCEEDED.value, listed.c.pictures < 1), 1), else_=listed.c.pictures
    )
    group = listed.c.hour, listed.c.model, listed.c.state
    found = connection.execute(sa.select(*group, func.count(), func.sum(made)).group_by(*group).order_by(*group))
    ends: dict[tuple[int, str], Counter[str]] = defaultdict(Counter)
    pictures: Counter[tuple[int, str]] = Counter()
    for number, model, state, times, made_of_them in found:
        ends[number, model][state] += times
        pictures[number, model] += made_of_them
    return tuple(
        Ended(
            hour=float(number * HOUR),
            model=model,
            completed=states[JobState.SUCCEEDED.value],
            failed=states[JobState.FAILED.value],
            cancelled=states[JobState.CANCELLED.value],
            pictures=pictures[number, model],
        )
        for (number, model), states in ends.items()
    )


def _durations(steps: Steps) -> tuple[int, ...]:
    """Every edge begins a step, so no step lies on both sides of one."""
    below = [sum(number for step, number in steps.items() if step < edge * FINENESS) for edge in DURATION_EDGES]
    return tuple(upto - before for before, upto in zip((0, *below), (*below, steps.total()), strict=True))


@dataclass(frozen=True, kw_only=True, slots=True)
class _Measured:
    """What values come to, of all hours together and of each."""

    steps: Steps
    whole: Spread | None
    by_hour: tuple[tuple[int, Spread], ...]


def _measured(
    connection: Connection,
    hour: sa.ColumnElement[int],
    seconds: sa.ColumnElement[float],
    which: sa.ColumnElement[bool],
) -> _Measured:
    """Of completed jobs. Counted by hour and step, the values tell in which steps the wanted ranks lie; then the values of
    those steps are read. To have the database sort all values of a busy week costs twice as much.
    """
    # Where the clocks disagree a little, nothing was answered before it was ready.
    value = sa.case((seconds < 0.0, 0.0), else_=seconds)
    whole = ways_of(connection).whole
    step = sa.case((value < LAST_STEP / FINENESS, whole(value * FINENESS)), else_=LAST_STEP)
    key = sa.cast(hour, sa.BigInteger) * STEPS + step
    of_completed = sa.and_(which, _completed)

    steps_of: defaultdict[int, Steps] = defaultdict(Counter)
    counted = sa.select(key.label("key"), func.count()).where(of_completed).group_by("key").order_by("key")
    for found, number in connection.execute(counted):
        steps_of[found // STEPS][found % STEPS] = number
    steps = sum(steps_of.values(), Counter[int]())

    # Written out, so that PostgreSQL looks the keys up in a table of theirs, which it does for constants only.
    wanted = key.in_(sa.bindparam("keys", _wanted(steps_of, steps), expanding=True, literal_execute=True))
    values_of: defaultdict[int, _Values] = defaultdict(lambda: defaultdict(list))
    values: _Values = defaultdict(list)
    for found, each in connection.execute(sa.select(key, value).where(of_completed, wanted).order_by(value)):
        values_of[found // STEPS][found % STEPS].append(each)
        values[found % STEPS].append(each)
    return _Measured(
        steps=steps,
        whole=_spread(steps, values) if steps else None,
        by_hour=tuple((of_hour, _spread(known, values_of[of_hour])) for of_hour, known in steps_of.items()),
    )


def _wanted(steps_of: Mapping[int, Steps], steps: Steps) -> list[int]:
    """The keys of the steps in which a rank of an hour lies, or one of all hours together."""
    of_all = {step for step, _ in _places(steps)} if steps else set()
    return [
        hour * STEPS + step
        for hour, known in steps_of.items()
        for step in known.keys() & (of_all | {step for step, _ in _places(known)})
    ]


def _spread(steps: Steps, values: _Values) -> Spread:
    median, p95 = (values[step][place] for step, place in _places(steps))
    return Spread(median=median, p95=p95)


def _places(steps: Steps) -> tuple[tuple[int, int], ...]:
    """In which step the median and the 95th percentile lie, and at which place there: the nearest ranks, which of n values
    in order are those at n/2 and at n * 95/100, rounded up.
    """
    number = steps.total()
    return tuple(_place(steps, rank) for rank in ((number + 1) // 2, (number * 95 + 99) // 100))


def _place(steps: Steps, rank: int) -> tuple[int, int]:
    before = 0
    for step in sorted(steps):
        if before + steps[step] >= rank:
            return step, rank - before - 1
        before += steps[step]
    raise ValueError(f"there is no value of rank {rank} among {before}")
