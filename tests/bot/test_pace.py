"""Requests to the queue keep one pace, also where several processes share it, and looks give way to what makes pictures."""

import asyncio

import pytest

from bot.pace import Pace, Urgency
from bot.ports import StoreBusy

MAKING, LOOKING = Urgency.MAKING, Urgency.LOOKING


class Time:
    """Passes only where somebody waits for it: who wakes first goes first."""

    def __init__(self):
        self.now = 0.0
        self._sleepers = []

    def __call__(self):
        return self.now

    async def sleep(self, seconds):
        until = self.now + seconds
        self._sleepers.append(until)
        await self._everybody()
        while min(self._sleepers) < until:
            await self._everybody()
        self.now = max(self.now, until)
        self._sleepers.remove(until)

    @staticmethod
    async def _everybody():
        """Whoever can go on at this moment does."""
        for _ in range(10):
            await asyncio.sleep(0)


class SharedBucket:
    """As `Store.take` keeps it: one for all."""

    def __init__(self, time):
        self._time, self._left, self._at = time, None, 0.0
        self.takes = 0
        self.is_broken = False

    async def take(self, rate, burst):
        if self.is_broken:
            raise StoreBusy("The server cannot be reached.")
        self.takes += 1
        left = burst if self._left is None else min(burst, self._left + (self._time.now - self._at) * rate)
        self._left, self._at = left - 1.0, self._time.now
        return max(0.0, -self._left / rate)


@pytest.fixture
def time():
    return Time()


def paced(time, per_second):
    return Pace(per_second, clock=time, sleep=time.sleep)


async def sent(time, pace, number, urgency=LOOKING):
    """When each of so many requests that are wanted at once goes."""
    at = []

    async def one():
        await pace.turn(urgency)
        at.append(time.now)

    await asyncio.gather(*(one() for _ in range(number)))
    return at


def most_within(at, seconds):
    """How many went in the busiest span of this length."""
    return max(sum(began <= other < began + seconds for other in at) for began in at)


async def test_a_seconds_requests_go_at_once_and_the_others_evenly(time):
    at = await sent(time, paced(time, 10), 30)
    assert at[:10] == [0.0] * 10
    assert at[10:] == pytest.approx([number / 10 for number in range(1, 21)])


async def test_after_a_rest_no_more_than_a_second_is_saved_up(time):
    pace = paced(time, 10)
    await sent(time, pace, 10)
    time.now = 100.0
    assert (await sent(time, pace, 11))[-2:] == pytest.approx([100.0, 100.1])


async def test_looks_wait_before_a_submission_does(time):
    pace = paced(time, 10)
    await sent(time, pace, 10)
    order = []

    async def one(name, urgency):
        await pace.turn(urgency)
        order.append(name)

    looks = [asyncio.create_task(one(f"look {number}", LOOKING)) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.gather(asyncio.create_task(one("submit", MAKING)), *looks)
    assert order == ["submit", *(f"look {number}" for number in range(5))]


async def test_who_is_cancelled_while_waiting_keeps_nobody_from_going(time):
    pace = paced(time, 10)
    await sent(time, pace, 10)
    impatient = asyncio.create_task(pace.turn(MAKING))
    patient = asyncio.create_task(pace.turn(LOOKING))
    await asyncio.sleep(0)
    impatient.cancel()
    await patient
    assert time.now == pytest.approx(0.1)
    with pytest.raises(asyncio.CancelledError):
        await impatient


async def test_processes_that_share_a_bucket_keep_one_pace_and_seldom_ask_for_it(time):
    bucket = SharedBucket(time)
    paces = [paced(time, 50) for _ in range(3)]
    for pace in paces:
        pace.share(bucket.take)
    at = [moment for group in await asyncio.gather(*(sent(time, pace, 200) for pace in paces)) for moment in group]
    assert len(at) == 600
    rest = 3 * 5  # what each of them may hold of the requests that it has fetched
    for seconds in (1, 2, 5):
        assert most_within(at, seconds) <= 50 + 50 * seconds + rest
    assert max(at) == pytest.approx((600 - 50) / 50, abs=0.2), "nor slower than allowed"
    assert bucket.takes == 600 / 5


async def test_store_that_cannot_be_asked_leaves_each_process_its_own_pace(time):
    bucket = SharedBucket(time)
    bucket.is_broken = True
    pace = paced(time, 10)
    pace.share(bucket.take)
    assert (await sent(time, pace, 12))[-1] == pytest.approx(0.2)
    bucket.is_broken = False
    await sent(time, pace, 1)
    assert bucket.takes == 1, "it is shared again as soon as that is possible"


async def test_bug_in_the_bucket_reaches_who_waits(time):
    async def take(rate, burst):
        raise ZeroDivisionError

    pace = paced(time, 10)
    pace.share(take)
    with pytest.raises(ZeroDivisionError):
        await pace.turn(LOOKING)


async def test_slow_paces_work_too(time):
    bucket = SharedBucket(time)
    pace = paced(time, 0.5)
    pace.share(bucket.take)
    assert await sent(time, pace, 3) == pytest.approx([0.0, 2.0, 4.0])
