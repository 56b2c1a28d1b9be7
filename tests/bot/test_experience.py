"""What a model's requests have taken tells when to look at the next; other processes' count, too."""

from bot import messages
from bot.errors import FailureKind
from bot.experience import FRESH_SECONDS, Experience


async def test_looks_are_learned_from_what_the_last_requests_took(make_world):
    """Ten seconds each, time and again: whoever knows that looks when they are over, and hardly before."""
    world = await make_world("plain")
    ann = world.user("ann")
    looks = []
    for number in range(8):
        world.emulator.behave(latency=10)
        said = await ann.says(f"/imagine fox {number}")
        await ann.sees(images=1)
        looks.append((await world.job(said)).looks)
        world.advance(FRESH_SECONDS)
    assert looks[0] > 6
    assert max(looks[-2:]) <= 5


async def test_what_was_learned_outlives_the_process(make_world):
    world = await make_world("plain")
    ann = world.user("ann")
    for number in range(8):
        world.emulator.behave(latency=30)
        await ann.says(f"/imagine fox {number}")
        await ann.sees(images=1)
    await world.restart()
    world.emulator.behave(latency=30)
    said = await ann.says("/imagine a whale")
    await ann.sees(images=1)
    assert (await world.job(said)).looks <= 12


async def test_failed_requests_and_those_that_nobody_waited_for_teach_nothing(make_world):
    world = await make_world("plain")
    ann = world.user("ann")
    world.emulator.behave(latency=1, ending="failed", error="safety")
    await ann.says("/imagine a first one")
    await ann.sees(images=0, text=messages.failure(FailureKind.SAFETY, job_id=""))
    world.emulator.behave(delivery="sync", latency=1)
    await ann.says("/imagine a second one")
    await ann.sees(images=1)
    learned = Experience(world.app.store, world.app.clock)
    known, unknown = await learned.of("gemini-2.5-flash-image"), await learned.of("another-model")
    for age in range(30):
        looks = [each.whole.next_look(running_for=age, looks=0, rng=0.5) for each in (known, unknown)]
        assert looks[0] == looks[1]
