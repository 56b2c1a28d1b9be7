"""The poller's process dies between any two things that it does to the world outside. Is every request answered once?

How that is done is told in `crashing`; what holds then, in its `audit`. Where the vendor's API leaves a window that cannot be
closed (it has no idempotency key), the tests at the end say what happens in it.
"""

import pytest

from bot import messages
from bot.emulator import Fault
from bot.errors import FailureKind
from bot.model import JobState
from tests.e2e.crashing import at_every_crossing, audit, mortal_on
from tests.world import photos
from tests.world.boundary import Boundary


@pytest.fixture(params=["web", "plain"])
async def mortal(request, make_world, in_memory, engine):
    """In the playground, and on the square, where a second post would be seen."""
    return await mortal_on(make_world, request.param, in_memory, **engine)


async def test_first_picture_with_a_reference(mortal):
    async def scenario(mortal, words):
        said = await mortal.says(f"/imagine {words}", attach=[photos.jpeg()])
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert len(job.references) == 1

    assert await at_every_crossing(mortal, scenario) >= 10


async def test_edit(mortal):
    async def scenario(mortal, words):
        said = await mortal.says(words)
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert job.parent_id is not None
        assert mortal.world.sent(words).payload["contents"]

    assert await at_every_crossing(mortal, scenario) >= 8


async def test_failure(mortal):
    async def scenario(mortal, words):
        mortal.world.emulator.behave(prompt=words, times=None, ending="failed", error="safety")
        said = await mortal.says(f"/imagine {words}")
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.FAILED, paid=1)
        assert job.failure.kind is FailureKind.SAFETY

    assert await at_every_crossing(mortal, scenario) >= 8


async def test_cancel(mortal):
    """Whatever she is told last is what holds."""

    async def scenario(mortal, words):
        mortal.world.emulator.behave(prompt=words, latency=5)
        said = await mortal.says(f"/imagine {words}")
        await mortal.surely(mortal.world.step)
        told = await mortal.surely(lambda: mortal.member.cancels(said))
        await mortal.settle()
        paid = len([record for record in mortal.world.emulator.records if record.words == words])
        assert paid <= 1
        if told == messages.too_late_to_cancel():
            await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        else:
            assert told in (messages.cancelled(may_cost=True), messages.cancelled(may_cost=False))
            await audit(mortal, said, words, state=JobState.CANCELLED, paid=paid)
            assert paid == 0 or told == messages.cancelled(may_cost=True), "she was not told that it may cost"

    assert await at_every_crossing(mortal, scenario) >= 6


async def test_delete(mortal):
    """It stands nowhere any more, and its bytes are gone."""

    async def ready(mortal, words):
        said = await mortal.says(f"/imagine {words}")
        await mortal.settle()
        return said, await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)

    async def scenario(mortal, words, given):
        said, job = given
        assert await mortal.surely(lambda: mortal.member.deletes(said)) == messages.deleted()
        await mortal.settle()
        world = mortal.world
        assert (await world.job(said)).deleted_at is not None
        assert await world.app.store.get_blob(job.images[0].sha256) is None
        assert await world.place.driver.posts(await mortal.thread_of(said, job)) == []

    assert await at_every_crossing(mortal, scenario, ready) >= 3


@pytest.mark.parametrize("mortal", ["plain"], indirect=True)
async def test_two_that_ask_the_same_at_the_same_time(mortal):
    """Two jobs, one death, and nothing but their payload to tell their requests by."""
    bob = mortal.world.user("bob")

    async def scenario(mortal, words):
        hers = await mortal.says(f"/imagine {words}")
        his = await mortal.says(f"/imagine {words}", by=bob)
        await mortal.settle()
        requests = [record for record in mortal.world.emulator.records if record.words == words]
        assert len(requests) == 2
        jobs = [await mortal.world.job(said) for said in (hers, his)]
        assert {job.request_id for job in jobs} == {record.request_id for record in requests}
        assert [job.state for job in jobs] == [JobState.SUCCEEDED] * 2
        for said in (hers, his):
            (post,) = await mortal.world.place.unseen(said.thread)
            mortal.world.place.seen.add(post.id)

    assert await at_every_crossing(mortal, scenario) >= 10


# -- windows that cannot be closed -----------------------------------------------------------------------------------


async def test_death_before_the_very_first_post_of_a_model_is_told_and_nothing_is_paid(make_world):
    """Nothing is known of the model: it may answer only when its work is done, and a lost POST may still be at work."""
    boundary = Boundary()
    world = await make_world(wrap=boundary)
    ann = world.user("ann")
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit", at="arrival") as hold:
        async with world.interrupted():
            await hold.reached()
            world.emulator.inject(Fault(route="submit", kind="drop"))
            await world.crash()
    await ann.sees(images=0, text=messages.failure(FailureKind.LOST, job_id=""))
    assert world.emulator.paid == 0
    assert (await world.job(said)).submissions == 1


async def test_post_that_was_taken_and_is_listed_only_after_we_stopped_looking_is_paid_in_vain(make_world):
    world = await make_world()
    ann = world.user("ann")
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="lag", seconds=3600, times=None)
    )
    await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.LOST, job_id=""))
    assert world.emulator.paid == 1


async def test_list_that_lags_by_more_than_half_a_minute_makes_a_quick_model_be_paid_twice_and_answer_once(make_world):
    world = await make_world()
    ann = world.user("ann")
    await ann.says("/imagine a first picture")
    await ann.sees(images=1)
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="lag", seconds=60, times=None)
    )
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.sees_nothing_new()
    assert len(world.emulator.records_of("a fox")) == 2
