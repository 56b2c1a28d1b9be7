"""What does the operator's monitoring read of the event loop?"""

import asyncio
import re
from collections.abc import Iterable
from contextlib import suppress

from bot import running
from bot.metrics import Metrics


class Loop:
    """Wakes who sleeps late by so much, one after the other, and passes time nowhere else. Then it ends."""

    def __init__(self, late: Iterable[float]) -> None:
        self.now = 100.0
        self._late = iter(late)

    def clock(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        try:
            self.now += max(0.0, seconds) + next(self._late)
        except StopIteration:
            raise asyncio.CancelledError from None


async def lags(*late: float) -> dict[float, int]:
    """Upper bound in seconds -> how many samples of the loop's lag were at most so, but above the bound before."""
    loop, metrics = Loop(late), Metrics()
    with suppress(asyncio.CancelledError):
        await running.watch_loop(metrics, clock=loop.clock, sleep=loop.sleep)
    found = re.findall(r'^darkroom_loop_lag_seconds_bucket{le="(.*)"} (.*)$', metrics.render({}).decode(), re.MULTILINE)
    numbers, before = {}, 0
    for bound, number in found:
        if int(float(number)) > before:
            numbers[float(bound)] = int(float(number)) - before
        before = int(float(number))
    return numbers


async def test_each_sample_of_the_loops_lag_counts():
    assert await lags(0.0, 0.0005, 0.004, 0.004, 0.04) == {0.001: 2, 0.005: 2, 0.05: 1}


async def test_loop_that_stood_still_was_late_for_all_that_became_due_in_that_time():
    """A second is four samples and more, each less late than the one before; one alone would be lost among those that follow."""
    assert await lags(0.0, 1.07, 0.0, 0.0, 0.0, 0.0, 0.0) == {0.001: 2, 2.5: 1, 1.0: 2, 0.5: 1, 0.1: 1}


async def test_night_in_which_the_machine_slept_is_one_minute_of_lag():
    told = await lags(12 * 3600.0, *[0.0] * 300)
    assert told[float("inf")] < 60 / running.LAG_SECONDS
    assert sum(told.values()) == 301
