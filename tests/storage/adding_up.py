"""What do figures come to when every job is read and all values are put in order? The slow way, for tests to compare with."""

from __future__ import annotations

from bisect import bisect_right
from collections import defaultdict

import sqlalchemy as sa
from sqlalchemy import Connection

from bot.figures import DURATION_EDGES, Spread
from bot.model import JobState
from storage._sql import SqlStore
from storage._tables import jobs


async def spreads(
    store: SqlStore, since: float, until: float
) -> tuple[tuple[int, ...], Spread | None, tuple[tuple[float, Spread], ...], Spread | None]:
    """The same as `durations`, `duration`, `lateness` and `late` of `Figures`."""

    def read(connection: Connection) -> list[tuple[float, float, float]]:
        columns = (jobs.c.accepted_at, jobs.c.ready_at, jobs.c.finished_at)
        completed = jobs.c.state == JobState.SUCCEEDED.value
        in_time = sa.and_(jobs.c.finished_at >= since, jobs.c.finished_at < until)
        return [tuple(row) for row in connection.execute(sa.select(*columns).where(completed, in_time))]

    took: list[float] = []
    late: list[float] = []
    by_hour: defaultdict[float, list[float]] = defaultdict(list)
    for accepted_at, ready_at, finished_at in await store._engine.read(read):
        took.append(finished_at - accepted_at)
        late.append(finished_at - ready_at)
        by_hour[finished_at // 3600 * 3600].append(finished_at - ready_at)
    places = [bisect_right(DURATION_EDGES, each) for each in took]
    durations = tuple(places.count(place) for place in range(len(DURATION_EDGES) + 1))
    lateness = tuple((hour, found) for hour, values in sorted(by_hour.items()) if (found := spread(values)))
    return durations, spread(took), lateness, spread(late)


def spread(values: list[float]) -> Spread | None:
    """By nearest ranks."""
    if not values:
        return None
    in_order = sorted(values)
    return Spread(median=in_order[-(-len(values) // 2) - 1], p95=in_order[-(-len(values) * 95 // 100) - 1])
