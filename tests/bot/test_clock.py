"""A system clock is set by people and by NTP: what becomes of the jobs that are due, and of those that have a deadline?"""

import asyncio

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot import messages, running
from bot.clock import SLEW, Clock
from bot.emulator import Fault
from bot.errors import FailureKind
from bot.model import JobState
from tests.world import photos
from tests.world.plain import later

HOUR = 3600.0


class Machine:
    """A machine with a system clock that can be set, which can sleep, and a store with a clock of its own."""

    def __init__(self) -> None:
        self.monotonic = 100.0
        self.wall = 1_000_000.0
        self.store = 1_000_000.0
        self.way = 0.0
        self.clock = Clock(lambda: self.wall, lambda: self.monotonic)

    def wait(self, seconds):
        self.monotonic += seconds
        self.wall += seconds
        self.store += seconds

    def sleep(self, seconds):
        self.wall += seconds
        self.store += seconds

    async def ask(self):
        """An answer of the store takes its way there and back."""
        self.wait(self.way / 2)
        told = self.store
        self.wait(self.way / 2)
        return told

    async def follow(self):
        return self.clock.move(await self.clock.gap(self.ask))


@pytest.fixture
def machine():
    return Machine()


# -- the clock -------------------------------------------------------------------------------------------------------


async def test_clock_begins_with_the_stores_time_however_wrong_the_machines_is(machine):
    for wrong in (HOUR, -HOUR):
        machine.wall = machine.store + wrong
        machine.clock = Clock(lambda: machine.wall, lambda: machine.monotonic)
        await machine.follow()
        assert machine.clock() == machine.store


async def test_steps_of_the_system_clock_alone_are_only_noticed(machine):
    await machine.follow()
    for step in (HOUR, -2 * HOUR):
        machine.wall += step
        before = machine.clock()
        machine.wait(1)
        assert machine.clock() == before + 1
        assert machine.clock.stepped.is_set()
        await machine.follow()
        assert machine.clock() == machine.store
        assert not machine.clock.stepped.is_set()


async def test_time_that_a_machine_slept_through_is_taken_over_at_once(machine):
    await machine.follow()
    machine.sleep(8 * HOUR)
    machine.clock()
    assert machine.clock.stepped.is_set(), "it need not wait for its next look at the store's clock"
    assert await machine.follow() == pytest.approx(8 * HOUR)
    assert machine.clock() == machine.store


async def test_store_that_is_set_back_is_followed_slowly_and_told_once(machine):
    await machine.follow()
    machine.store -= HOUR
    assert await machine.follow() == pytest.approx(-HOUR)
    before = machine.clock()
    machine.wait(100)
    assert machine.clock() == pytest.approx(before + 100 * (1 - SLEW))
    assert await machine.follow() == pytest.approx(0.0), "it is known already"
    machine.wait(HOUR / SLEW)
    assert machine.clock() == pytest.approx(machine.store)
    machine.wait(100)
    assert machine.clock() == pytest.approx(machine.store)


async def test_answer_that_was_long_on_its_way_moves_nothing_that_its_way_explains(machine):
    await machine.follow()
    machine.store += 0.4
    machine.way = 1.0
    assert await machine.follow() == 0.0
    machine.way = 0.2
    assert await machine.follow() == pytest.approx(0.4)


@given(
    st.lists(
        st.tuples(st.sampled_from(["wait", "sleep", "set", "set store", "follow"]), st.floats(-1e5, 1e5)), max_size=30
    )
)
async def test_clock_never_goes_back_and_is_late_by_no_more_than_it_slows(steps):
    machine = Machine()
    await machine.follow()
    shown = machine.clock()
    for what, seconds in steps:
        began = machine.clock()
        match what:
            case "wait":
                machine.wait(abs(seconds))
                assert machine.clock() >= began + abs(seconds) * (1 - SLEW) - 1e-3
            case "sleep":
                machine.sleep(abs(seconds))
            case "set":
                machine.wall += seconds
            case "set store":
                machine.store += seconds
            case "follow":
                await machine.follow()
                assert machine.clock() >= machine.store - 1e-3
        assert machine.clock() >= shown - 1e-6
        shown = machine.clock()


# -- the bot ---------------------------------------------------------------------------------------------------------


@pytest.fixture
async def world(make_world):
    return await make_world("plain")


@pytest.fixture
def ann(world):
    return world.user("ann")


async def set_clock(world, seconds):
    """Somebody sets the machine's clock, and the bot notices."""
    world.clock_error += seconds
    await running.keep_time(world.app)


async def let_pass(world, seconds):
    """Real time, in which the bot works."""
    end = world.now + seconds
    while world.now < end:
        await world.step()
        world.advance(1)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 400 * 24 * HOUR, -400 * 24 * HOUR])
async def test_step_of_the_clock_delays_nothing_and_ends_nothing(world, ann, seconds):
    """In every state at once: waiting to be tried again, in doubt, running, and not yet posted."""
    square = world.place.driver.square
    bob, cat, dan = (world.user(name) for name in ("bob", "cat", "dan"))
    world.emulator.behave(latency=60, prompt="a hen")
    square.fail("deliver", later(after=40))
    hers = await ann.says("/imagine a fox")
    await world.step()
    world.advance(1)
    await world.step()
    his = await bob.says("/imagine a hen")
    await world.step()
    world.emulator.inject(Fault(route="submit", kind="drop", leaves="record", prompt="a cow"))
    cats = await cat.says("/imagine a cow")
    await world.step()
    square.fail("fetch", later(after=40))
    dans = await dan.says("/imagine a dog", attach=[photos.jpeg()])
    await world.step()
    states = [(await world.job(said)).state for said in (hers, his, cats, dans)]
    assert states == [JobState.DELIVERING, JobState.RUNNING, JobState.SUBMITTING, JobState.QUEUED]
    began = world.now
    await set_clock(world, seconds)
    for member in (ann, bob, cat, dan):
        await member.sees(images=1)
    assert world.now - began < 120, "somebody waited for the clock to come back"
    assert world.emulator.ledger.count("submit") == 4


async def test_deadline_is_as_far_away_after_a_step_as_before(world, ann):
    world.emulator.behave(ending="stuck")
    said = await ann.says("/imagine a fox")
    await world.step()
    began = world.now
    world.advance(300)
    for seconds in (HOUR, -2 * HOUR, 3 * HOUR):
        await set_clock(world, seconds)
    await ann.sees(images=0, text=messages.failure(FailureKind.MODEL, job_id=(await world.job(said)).id))
    assert 600 <= world.now - began < 640


async def test_bot_that_runs_notices_a_step_at_once_and_by_itself(world):
    keeping = asyncio.create_task(running._keep_time(world.app))
    try:
        for step in (HOUR, 2 * HOUR):
            await world.let_everybody_run()
            world.clock_error += step
            while world.app.clock() < world.system_clock() - 1:
                await world.let_everybody_run()
    finally:
        keeping.cancel()


async def test_step_that_is_under_way_while_the_clock_steps_keeps_its_deadline_too(world, ann):
    world.emulator.behave(ending="stuck")
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("get") as hold:
        await world.step()
        world.advance(1)
        async with world.stepping():
            await hold.reached()
            await set_clock(world, HOUR)
            hold.release()
    job = await world.job(said)
    assert job.state is JobState.RUNNING
    assert job.deadline_at - world.app.clock() > 500
    world.emulator.finish()
    await ann.sees(images=1)


@pytest.mark.parametrize("seconds", [HOUR, -HOUR, 400 * 24 * HOUR, -400 * 24 * HOUR])
async def test_clock_that_was_set_while_the_bot_was_down_delays_nothing_and_ends_nothing(world, ann, seconds):
    world.emulator.behave(latency=60, prompt="a hen")
    bob, cat = world.user("bob"), world.user("cat")
    world.place.driver.square.fail("fetch", later(after=40))
    his = await bob.says("/imagine a hen")
    cats = await cat.says("/imagine a dog", attach=[photos.jpeg()])
    await world.step()
    world.emulator.behave(ending="stuck")
    stuck = await ann.says("/imagine a fox")
    await world.step()
    for _ in range(2):  # and once more: what was set right must not be set right twice
        await world.stop()
        world.clock_error += seconds
        await world.start()
        seconds = 0.0
    began = world.now
    await let_pass(world, 70)
    assert [(await world.job(said)).state for said in (his, cats)] == [JobState.SUCCEEDED] * 2
    await bob.sees(images=1)
    await cat.sees(images=1)
    await ann.sees(images=0, text=messages.failure(FailureKind.MODEL, job_id=(await world.job(stuck)).id))
    assert 590 <= world.now - began < 640
    assert (await world.job(stuck)).looks < 600, "it learned from times that the clock has spoilt"


async def test_clock_that_stepped_ahead_makes_no_second_request_of_one_that_was_lost(world, ann):
    """The search looks at times by the queue's clock, which has not stepped."""
    await ann.says("/imagine a first picture")
    await ann.sees(images=1)
    world.advance(1000)
    await world.queue_goes_away()
    await set_clock(world, HOUR)  # nobody tells the queue's time
    await world.queue_comes_back()
    world.emulator.inject(Fault(route="submit", kind="drop", leaves="record"))
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_no_wait_is_longer_than_an_hour_whatever_a_platform_asks_for(world, ann):
    world.place.driver.square.fail("deliver", later(after=7 * 24 * HOUR))
    said = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    job = await world.job(said)
    assert job.finished_at - job.known_at < HOUR + 60
