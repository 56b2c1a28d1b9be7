"""Hosts whose clocks are minutes apart share one store, which has a clock of its own: do they steal from each other, or wait in vain?"""

import asyncio

import pytest

from bot import messages, running
from bot.errors import FailureKind
from bot.model import JobState
from bot.steps.step import AT_QUEUE_SECONDS, LEASE_SECONDS
from tests.world.plain import later

MINUTES = 600.0
TAKEN_OVER_SECONDS = 20.0
SOON = 1.0  # what a machine under load may need for what takes no time


@pytest.fixture
async def world(make_world, server):
    """A gateway whose host's clock is right; people talk to it."""
    return await make_world("plain", database_url=server.address(server.new_database()), role="gateway")


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
async def behind(world):
    """A worker on a host whose clock is ten minutes late."""
    async with world.another(role="worker", clock_error=-MINUTES) as app:
        yield app


@pytest.fixture
async def ahead(world):
    """A worker on a host whose clock is ten minutes fast."""
    async with world.another(role="worker", clock_error=MINUTES) as app:
        yield app


async def all_keep_time(world):
    """As every process does once a minute."""
    for app in (world.app, *world.others):
        await running.keep_time(app)


async def test_what_one_holds_the_other_leaves_alone_and_it_is_posted_once(world, ann, behind, ahead):
    square = world.place.driver.square
    for holder, other, words in ((behind, ahead, "a fox"), (ahead, behind, "a hen")):
        said = await ann.says(f"/imagine {words}")
        assert (await world.job(said)).accepted_at == pytest.approx(world.now, abs=SOON)
        with world.emulator.hold("submit", at="answer", prompt=words) as hold:
            working = asyncio.create_task(holder.poller.work_off())
            await hold.reached()
            held = await world.job(said)
            assert held.due_at == pytest.approx(world.now + LEASE_SECONDS, abs=SOON), "by the store's clock"
            world.advance(LEASE_SECONDS - 2 * SOON)
            await all_keep_time(world)
            await other.poller.work_off()
            assert (await world.job(said)).version == held.version, "nobody else has claimed it"
            assert world.emulator.ledger.count("list") == 0, "nobody thinks that it was lost"
            hold.release()
            await working
        assert (await ann.sees(images=1)).images == world.painted(words)
    assert world.emulator.ledger.count("submit") == world.emulator.paid == 2
    assert square.calls.count("deliver") == 2


async def test_what_is_due_later_is_early_and_late_for_nobody(world, ann, behind, ahead):
    square = world.place.driver.square
    for postponed_by, tried_by, words in ((behind, ahead, "a fox"), (ahead, behind, "a hen")):
        square.calls.clear()
        square.fail("deliver", later(after=40))
        said = await ann.says(f"/imagine {words}")
        await postponed_by.poller.work_off()
        while (await world.job(said)).state is not JobState.DELIVERING:
            world.advance(1)
            await postponed_by.poller.work_off()
        assert square.calls.count("deliver") == 1
        assert (await world.job(said)).due_at == pytest.approx(world.now + 40, abs=SOON)
        world.advance(40 - 2 * SOON)
        await tried_by.poller.work_off()
        assert square.calls.count("deliver") == 1, "early"
        world.advance(2 * SOON)
        await tried_by.poller.work_off()
        assert (await world.job(said)).state is JobState.SUCCEEDED, "late"
        await ann.sees(images=1)


async def test_deadline_passes_for_all_at_its_time_also_when_a_clock_is_set(world, ann, behind, ahead):
    world.emulator.behave(ending="stuck")
    said = await ann.says("/imagine a fox")
    await behind.poller.work_off()
    began = world.now
    deadline = (await world.job(said)).deadline_at
    assert deadline == pytest.approx(began + AT_QUEUE_SECONDS, abs=SOON)
    for set_to in (-MINUTES, MINUTES):
        world.advance(AT_QUEUE_SECONDS / 3)
        world.clock_error = set_to  # and the gateway's host is wrong now, too
        await all_keep_time(world)
        await world.step()
    assert (await world.job(said)).deadline_at == deadline, "nobody slept, so nothing is made good"
    assert (await world.job(said)).state is JobState.RUNNING
    await ann.sees(images=0, text=messages.failure(FailureKind.MODEL, job_id=(await world.job(said)).id))
    assert AT_QUEUE_SECONDS <= world.now - began < AT_QUEUE_SECONDS + 60


@pytest.mark.parametrize("who", ["behind", "ahead"])
async def test_lease_of_the_dead_is_taken_over_in_time_by_the_other(world, ann, behind, ahead, who):
    dies, lives = (behind, ahead) if who == "behind" else (ahead, behind)
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit", at="answer") as hold:
        working = asyncio.create_task(dies.poller.work_off())
        await hold.reached()
        await world.lose(dies)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    died, version = world.now, (await world.job(said)).version
    assert LEASE_SECONDS - SOON < await lives.store.next_due(4) - died <= LEASE_SECONDS
    await lives.poller.work_off()
    assert (await world.job(said)).version == version, "its lease holds"
    while (await world.job(said)).version == version:
        world.advance(0.5)
        await lives.poller.work_off()
    assert world.now - died < TAKEN_OVER_SECONDS
    assert (await ann.sees(images=1)).images == world.painted("a fox")
    assert world.emulator.ledger.count("submit") == 1, "found, and not paid again"
