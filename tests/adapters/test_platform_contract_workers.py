"""What holds on every platform where one process hears its members and others post: each scenario once for every folder."""

import pytest

from bot.config import adapter_names
from bot.model import JobState, Mood
from tests.world import photos, platform_names


@pytest.fixture(params=[name for name in adapter_names() if name in platform_names()])
def platform(request):
    return request.param


@pytest.fixture
async def world(make_world, platform, server):
    """A gateway, which makes nothing, and two workers."""
    made = await make_world(platform, database_url=server.address(server.new_database()), role="gateway")
    async with made.another(role="worker"), made.another(role="worker"):
        yield made


async def shown(world):
    """Until every process has shown on its cards what it wanted to show."""
    await world.settle()
    for app in (world.app, *world.others):
        for platform in app.platforms.values():
            if hasattr(platform, "cards"):
                await platform.cards.settled()


async def test_pictures_and_edits_come_once_from_whichever_worker(world, ann, bob):
    world.emulator.behave(times=None, latency=3)
    said = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    hers = await ann.sees(images=1)
    await bob.says("/imagine a hen")
    assert (await bob.sees(images=1)).images == world.painted("a hen")
    edits = [await ann.says(words) for words in ("make it blue", "make it red", "make it green")]
    for words in ("make it blue", "make it red", "make it green"):
        assert (await ann.sees(images=1)).images == world.painted(words)
    assert hers.images == world.painted("a fox")
    assert world.emulator.paid == 5
    assert [(await world.job(one)).state for one in (said, *edits)] == [JobState.SUCCEEDED] * 4
    if world.traits.moods:
        assert [await ann.mood_of(one) for one in edits] == [Mood.DONE] * 3
    if world.traits.cards:
        await shown(world)
        assert await ann.card_of(said) == "Done"


async def test_failure_is_told_by_a_worker_too(world, ann):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    world.emulator.behave(ending="failed", error="Content violates the safety policy")
    said = await ann.says("make it blue")
    await world.settle()
    await ann.sees(images=0, text=(await world.job(said)).failure.text)


async def test_member_who_cancels_or_deletes_is_told_and_sees_it(world, ann):
    said = await ann.says("/imagine a fox")
    fox = await ann.sees(images=1)
    edit = await ann.says("make it blue")
    assert "Cancelled" in await ann.cancels(edit)
    assert "deleted" in (await ann.deletes(fox)).lower()
    await shown(world)
    assert fox.id not in [post.id for post in await world.place.driver.posts(fox.thread)]
    assert world.emulator.paid == 1
    if world.traits.cards:
        assert await ann.card_of(said) == "Deleted"


async def test_each_process_is_ready(world, ann):
    await ann.says("/imagine a fox")  # the driver waits until the gateway is connected
    await ann.sees(images=1)
    for app in (world.app, *world.others):
        assert (await app.views.readiness()).problems == {}
