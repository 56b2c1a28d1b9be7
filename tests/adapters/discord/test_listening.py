"""What is heard, from whom and how often, and what becomes of what is said twice or taken back?"""

import asyncio

import pytest

from adapters.discord import deletions
from bot.model import JobState
from tests.adapters.discord.conftest import PAINTING
from tests.emulators.discord import Permission, Upload
from tests.world import photos

POST = "POST /channels/{channel_id}/messages"
OFTEN = (0.05,) * 200  # so often that a machine that pauses is waited for


@pytest.fixture
async def card(world, place, ann, asks):
    """The card, in the channel, of a picture that is done."""
    answer = await asks(ann, place.channel)
    await world.settle()
    return answer.message


@pytest.fixture
def fox(card):
    """Its thread."""
    return card.thread


# -- whose thread it is ----------------------------------------------------------------------------------------------


@pytest.fixture
async def forgotten(world, place, fox):
    """A week has passed in which nobody said anything in the thread: it is no longer followed."""
    await world.stop()
    await world.start()
    await place.listening()
    memory = place.platform.cursors._memory
    for channel, _ in await memory.recall_all():
        await memory.remember(channel, None)
    await world.die()
    await world.start()
    await place.listening()
    assert place.platform.cursors.at(str(fox.id)) is None


async def test_own_thread_stays_the_bots_whatever_is_asked_there_after_a_week_of_silence(
    world, place, ann, fox, forgotten, clicks, writes, results
):
    await clicks(ann, results(fox)[0], "Try again")
    await world.settle()
    await writes(ann, fox, "make it blue")
    await world.settle()
    assert world.sent("make it blue")


async def test_thread_that_was_taken_for_somebody_elses_is_known_again(world, place, ann, fox, writes):
    """By the thread itself, which names who made it."""
    cursors = place.platform.cursors
    where = cursors.at(str(fox.id))
    cursors.drop(where.channel)
    await cursors.watch(where.ref, own=False, since=where.seen)
    await writes(ann, fox, "make it blue")
    await world.settle()
    assert world.sent("make it blue")
    assert cursors.at(str(fox.id)).own


async def test_own_thread_is_followed_again_as_soon_as_somebody_talks_there(
    world, place, ann, bob, fox, forgotten, writes, account, results
):
    await writes(bob, fox, "nice")
    await world.stop()
    account(ann).writes(fox, "make it blue")
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(fox)) == 2


# -- whom it addresses -----------------------------------------------------------------------------------------------


async def test_mention_of_the_bots_role_is_a_mention_of_the_bot(world, place, ann, writes, results):
    said = await writes(ann, place.channel, f"<@&{place.guild.bot_role.id}> a fox")
    await world.settle()
    assert len(results(said.thread)) == 1
    assert world.sent("a fox")


async def test_missed_mention_of_the_bots_role_is_found(world, place, ann, account, asks, results):
    where = account(ann).opens_thread(place.channel, "our own")
    await asks(ann, where)
    await world.settle()
    await world.stop()
    account(ann).writes(where, f"<@&{place.guild.bot_role.id}> make it blue")
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(where)) == 2


async def test_mention_of_another_role_is_talk(world, place, ann, writes):
    await writes(ann, place.channel, f"<@&{place.guild.role('painters').id}> a fox")
    await world.settle()
    assert await world.jobs() == []


# -- what is heard twice ---------------------------------------------------------------------------------------------


async def test_refusal_of_a_message_that_the_gateway_repeats_is_told_once(
    world, place, emulator, ann, fox, writes, told
):
    said = await writes(ann, fox, "make it blue --ar 1:7")
    said.redeliver()
    await place.quiet()
    emulator.clock.advance(3_600)  # past the nonce
    said.redeliver()
    await place.quiet()
    assert len(told(ann)) == 1


async def test_message_that_was_refused_is_not_accepted_when_it_is_heard_again(
    world, place, ann, fox, account, writes, told, results
):
    world.emulator.behave(times=None, latency=PAINTING)
    for words in ("one", "two", "three"):
        await writes(ann, fox, words)
    said = await writes(ann, fox, "four")
    await world.settle()
    await world.die()
    await world.start()
    await place.listening()
    said.redeliver()
    await place.quiet()
    await world.settle()
    assert len(results(fox)) == 4
    assert len(told(ann)) == 1


async def test_refusal_that_could_not_be_told_is_told_when_the_message_is_heard_again(
    world, place, emulator, ann, fox, writes, told
):
    emulator.faults.lay("POST /users/@me/channels", status=429, via=False, times=1)
    said = await writes(ann, fox, "make it blue --ar 1:7")
    assert told(ann) == []
    said.redeliver()
    await place.quiet()
    (sentence,) = told(ann)
    assert "1:7" in sentence


# -- what is taken back ----------------------------------------------------------------------------------------------


async def test_picture_that_a_moderator_deletes_is_taken_back(world, place, ann, card, fox, writes, results):
    await writes(ann, fox, "make it blue")
    await world.settle()
    blue = card.pictures[0].data
    results(fox)[1].delete()
    await place.quiet()
    await world.settle()
    assert (await world.jobs())[-1].deleted_at is not None
    assert card.pictures[0].data != blue, "the channel sees the picture before it"
    await writes(ann, fox, "add a hat")
    await world.settle()
    assert "make it blue" not in str(world.sent("add a hat").payload)


async def test_last_picture_that_a_moderator_deletes_leaves_the_card_too(world, place, card, fox, results):
    results(fox)[0].delete()
    await place.quiet()
    await world.settle()
    assert card.pictures == []


async def test_purge_takes_back_pictures_and_cancels_what_was_asked(
    world, place, moderator, ann, card, fox, writes, results
):
    world.emulator.behave(latency=PAINTING)
    said = await writes(ann, fox, "make it blue")
    await world.step()
    moderator.purges(fox, [results(fox)[0], said])
    await place.quiet()
    await world.settle()
    first, second = await world.jobs()
    assert first.deleted_at is not None
    assert second.state is JobState.CANCELLED


@pytest.fixture
def moderator(place):
    """With a bot that purges."""
    return place.guild.member("mo", roles=(place.guild.role("moderators", permissions=Permission.MANAGE_MESSAGES),))


@pytest.mark.parametrize("purged", [False, True], ids=["alone", "in a purge"])
async def test_picture_that_is_deleted_before_it_is_stored_where_it_stands_is_taken_back_a_little_later(
    world, place, emulator, ann, card, fox, moderator, writes, results, monkeypatch, purged
):
    """It was delivered, so it is not posted again; and the channel does not go on showing it."""
    monkeypatch.setattr(deletions, "LOOK_AGAIN_SECONDS", OFTEN)
    before = card.pictures[0].data
    asked = await writes(ann, fox, "make it blue")
    hold = emulator.faults.hold(POST, after_effect=True)
    step = asyncio.create_task(world.settle())
    await hold.arrived()
    if purged:
        moderator.purges(fox, [results(fox)[1], asked])
    else:
        moderator.deletes(results(fox)[1])
    await emulator.shards.heard()
    hold.release()
    await step
    await _until(world.jobs, lambda jobs: jobs[-1].deleted_at is not None)
    await world.settle()
    assert len(results(fox)) == 1
    assert [exchange.status for exchange in emulator.recorder.of(POST)] == [200, 200], "once for each of the two"
    assert card.pictures[0].data == before


async def test_words_that_are_deleted_while_they_are_taken_up_are_cancelled_a_little_later(
    world, place, emulator, ann, fox, writes, account, results, monkeypatch
):
    monkeypatch.setattr(deletions, "LOOK_AGAIN_SECONDS", OFTEN)
    add, stored = world.app.store.add, asyncio.Event()

    async def add_later(*args, **kwargs):
        await stored.wait()
        return await add(*args, **kwargs)

    monkeypatch.setattr(world.app.store, "add", add_later)
    said = account(ann).writes(fox, "make it blue")
    account(ann).deletes(said)
    await emulator.shards.heard()
    stored.set()
    await _until(world.jobs, lambda jobs: jobs[-1].state is JobState.CANCELLED)
    await world.settle()
    assert len(results(fox)) == 1
    assert world.emulator.paid == 1


async def _until(ask, is_so):
    async with asyncio.timeout(10):
        while not is_so(await ask()):  # noqa: ASYNC110  the store has no event for it
            await asyncio.sleep(0.01)


async def test_message_of_the_bot_that_carries_no_picture_can_be_deleted(world, place, ann, fox, writes, results):
    world.emulator.behave(ending="failed", error="safety")
    await writes(ann, fox, "make it rude")
    await world.settle()
    results(fox)[1].delete()
    await place.quiet()
    await world.settle()
    assert all(job.deleted_at is None for job in await world.jobs())


async def test_picture_of_a_message_that_was_deleted_is_not_taken_back(world, place, ann, account, fox, writes):
    """It has been said to the bot; deleting the words takes back nothing that came of them."""
    said = await writes(ann, fox, "wear this", files=[_upload(photos.png())])
    await world.settle()
    account(ann).deletes(said)
    await place.quiet()
    assert all(job.deleted_at is None for job in await world.jobs())


def _upload(file):
    return Upload(name=file.name, data=file.data, media_type=file.said_type)
