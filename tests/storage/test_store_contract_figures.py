"""The contract of every engine: what ended in a time adds up to the same figures."""

from bot.errors import FailureKind
from bot.figures import DURATION_EDGES, Ended, Figures, Spread
from bot.model import Failure, JobState
from storage._figures import FINENESS, LAST_STEP
from tests.storage.making import T0, accept, an_image, finish, move

HOUR = 3600.0
SINCE = T0 - T0 % HOUR
UNTIL = SINCE + 3 * HOUR


async def test_nothing_ended_is_no_figure(store):
    await move(store, await accept(store, "runs"), JobState.RUNNING)
    await finish(store, await accept(store, "before"), now=SINCE - 0.001)
    await finish(store, await accept(store, "after"), now=UNTIL)
    assert await store.figures(SINCE, UNTIL) == Figures(since=SINCE, until=UNTIL)


async def test_what_ended_is_counted_by_hour_and_by_model(store):
    failure = Failure(kind=FailureKind.PLACE, reason="gone", text="Nobody can be told.")
    two = (an_image("a" * 64), an_image("b" * 64))
    await finish(store, await accept(store, "first"), now=SINCE)
    await finish(store, await accept(store, "two"), now=SINCE + HOUR - 0.001, images=two)
    await finish(store, await accept(store, "dear", model="dear"), now=SINCE + 0.75 * HOUR)
    for name, at in (("f1", 10), ("f2", HOUR + 10)):
        await move(store, await accept(store, name), JobState.FAILED, failure=failure, finished_at=SINCE + at)
    made = {"failure": failure, "images": two[:1], "finished_at": SINCE + 2 * HOUR}
    await move(store, await accept(store, "untold"), JobState.FAILED, **made)
    await move(store, await accept(store, "c"), JobState.CANCELLED, finished_at=SINCE + 2 * HOUR + 1)
    ended = (await store.figures(SINCE, UNTIL)).ended
    assert ended == (
        Ended(hour=SINCE, model="a-model", completed=2, failed=1, cancelled=0, pictures=3),
        Ended(hour=SINCE, model="dear", completed=1, failed=0, cancelled=0, pictures=1),
        Ended(hour=SINCE + HOUR, model="a-model", completed=0, failed=1, cancelled=0, pictures=0),
        Ended(hour=SINCE + 2 * HOUR, model="a-model", completed=0, failed=1, cancelled=1, pictures=1),
    )


async def test_picture_that_was_removed_was_made_all_the_same(store):
    await finish(store, await accept(store, "gone"), now=SINCE + 5)
    await store.drop_pictures("gone", SINCE + 6)
    assert [each.pictures for each in (await store.figures(SINCE, UNTIL)).ended] == [1]


async def test_durations_and_lateness_are_those_of_completed_jobs(store):
    async def took(name: str, seconds: float, *, late: float | None, at: float) -> None:
        ready_at = None if late is None else at - late
        job = await accept(store, name, at=at - seconds)
        await finish(store, job, now=at, ready_at=ready_at)

    # 21 jobs of one hour, none in order: 1 s to 21 s, late by tenths of that; and others that must change nothing of it.
    for number in range(1, 22):
        place = number * 8 % 21 or 21
        await took(f"j{number}", float(place), late=place / 8, at=SINCE + 60 * number)
    await took("unknown", 1000.0, late=None, at=SINCE + HOUR + 5)
    await took("clocks", 2.0, late=-3.0, at=SINCE + 2 * HOUR + 5)
    failed = await accept(store, "failed", at=SINCE)
    await move(store, failed, JobState.FAILED, finished_at=SINCE + 900, ready_at=SINCE + 1)

    figures = await store.figures(SINCE, UNTIL)
    counted = {edge: number for edge, number in zip((*DURATION_EDGES, None), figures.durations, strict=True) if number}
    # up to an edge, not included: 2.0 s of "clocks" is counted with those of less than 4
    assert counted == {2.0: 1, 4.0: 3, 6.0: 2, 8.0: 2, 10.0: 2, 12.0: 2, 15.0: 3, 20.0: 5, 30.0: 2, None: 1}
    assert figures.duration == Spread(median=11.0, p95=21.0)
    assert figures.lateness == (
        (SINCE, Spread(median=11 / 8, p95=20 / 8)),
        (SINCE + 2 * HOUR, Spread(median=0.0, p95=0.0)),
    )
    assert figures.late == Spread(median=10 / 8, p95=20 / 8)
    alone = await store.figures(SINCE + HOUR, SINCE + 2 * HOUR)
    assert (alone.duration, alone.late, alone.lateness) == (Spread(median=1000.0, p95=1000.0), None, ())


async def test_what_took_very_long_is_told_as_exactly(store):
    for number, seconds in enumerate((1023.99, 1024.0, 5000.5, 90_000.25, 4e9)):
        job = await accept(store, f"j{number}", at=UNTIL - 1 - seconds)
        await finish(store, job, now=UNTIL - 1, ready_at=UNTIL - 1 - seconds)
    figures = await store.figures(SINCE, UNTIL)
    assert figures.durations == (0,) * len(DURATION_EDGES) + (5,)
    assert figures.duration == figures.late == Spread(median=5000.5, p95=4e9)


def test_every_edge_begins_a_step():
    """Or a step would lie on both sides of it."""
    assert all((edge * FINENESS).is_integer() and edge * FINENESS < LAST_STEP for edge in DURATION_EDGES)


async def test_row_that_a_strangers_hand_has_spoilt_hides_no_figure(store):
    """Only what it needs is read of a row, and no JSON is unpacked."""
    await finish(store, await accept(store, "whole"), now=SINCE + 5)
    await finish(store, await accept(store, "spoilt"), now=SINCE + 6)
    await store._engine.write(_spoil)
    assert [each.pictures for each in (await store.figures(SINCE, UNTIL)).ended] == [2]


def _spoil(connection) -> None:
    connection.exec_driver_sql("""UPDATE jobs SET images = '{"sha256": 7}' WHERE id = 'spoilt'""")
