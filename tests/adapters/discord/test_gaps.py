"""Does nothing that was missed stay missed, whatever is said, posted or goes wrong before it is found?"""

import asyncio

import pytest

from adapters.discord import catching_up, gateway
from tests.adapters.discord.conftest import PAINTING
from tests.emulators.discord import Permission

HISTORY = "GET /channels/{channel_id}/messages"
ARCHIVED = "GET /channels/{channel_id}/threads/archived/public"
THREAD = "POST /channels/{channel_id}/messages/{message_id}/threads"


@pytest.fixture
def rounds(monkeypatch):
    """What one round leaves is read in the next, without a pause."""
    monkeypatch.setattr(gateway, "PAUSE_SECONDS", 0.01)


def read(emulator, since):
    """Channels whose history was asked for."""
    return [int(exchange.path.split("/")[2]) for exchange in emulator.recorder.of(HISTORY)[since:]]


# -- what hides a gap ------------------------------------------------------------------------------------------------


async def test_talk_that_is_heard_before_all_servers_are_there_hides_nothing(
    world, place, emulator, ann, bob, fox, account, results
):
    await world.stop()
    account(ann).writes(fox, "make it blue")
    await world.start()
    place.platform.gateway.guild_seconds = 0.5
    await emulator.shards.ready()
    account(bob).writes(fox, "nice")
    await place.listening()
    await world.settle()
    assert len(results(fox)) == 2


async def test_picture_that_is_posted_before_the_bot_listens_hides_nothing(
    world, place, emulator, ann, fox, account, writes, results
):
    world.emulator.behave(latency=PAINTING)
    await writes(ann, fox, "make it blue")
    await world.step()
    await world.stop()
    account(ann).writes(fox, "make it red")
    hold = emulator.faults.hold("GET /gateway/bot")
    await world.start()
    await hold.arrived()
    await world.settle()
    assert len(results(fox)) == 2
    hold.release()
    await place.listening()
    await world.settle()
    assert [post.pictures[0].description for post in results(fox)] == ["a fox", "make it blue", "make it red"]


async def test_history_that_cannot_be_read_hides_nothing(
    world, place, emulator, ann, bob, fox, account, writes, results
):
    await world.stop()
    account(ann).writes(fox, "make it blue")
    place.channel.deny(emulator.bot, Permission.READ_MESSAGE_HISTORY)
    before = len(emulator.recorder.of(HISTORY))
    await world.start()
    await place.listening()
    assert read(emulator, before) == [], "what would be refused is not asked for"
    await writes(bob, fox, "nice")
    place.channel.allow(emulator.bot, Permission.READ_MESSAGE_HISTORY)
    await world.restart()
    await place.listening()
    await world.settle()
    assert len(results(fox)) == 2


async def test_failed_look_is_repeated_and_what_is_said_meanwhile_hides_nothing(
    world, place, emulator, ann, bob, fox, account, writes, results
):
    await world.stop()
    account(ann).writes(fox, "make it blue")
    emulator.faults.lay(HISTORY, status=503, times=1)
    await world.start()
    await place.listening()
    await writes(bob, fox, "nice")
    assert len(results(fox)) == 1
    await world.restart()
    await place.listening()
    await world.settle()
    assert len(results(fox)) == 2


async def test_failed_look_is_repeated_by_itself(world, place, emulator, ann, fox, account, results, rounds):
    await world.stop()
    said = account(ann).writes(fox, "make it blue")
    emulator.faults.lay(HISTORY, status=503, times=2)
    await world.start()
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")
    await world.settle()
    assert len(results(fox)) == 2


async def test_thread_that_a_killed_bot_had_made_and_not_noted_is_read(
    world, place, emulator, ann, asks, account, results, monkeypatch
):
    monkeypatch.setattr(gateway, "STORED_SECONDS", 1.0)
    hold = emulator.faults.hold(THREAD, after_effect=True)
    card = (await asks(ann, place.channel)).message
    step = asyncio.create_task(world.step())
    await hold.arrived()
    await world.die()
    hold.release()
    await asyncio.gather(step, return_exceptions=True)
    said = account(ann).writes(card.thread, "make it blue")
    await world.start()
    await place.listening()
    world.advance(60)
    await world.settle()
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")
    await world.settle()
    assert len(results(card.thread)) == 2


# -- what it costs ---------------------------------------------------------------------------------------------------


@pytest.fixture
async def threads(world, place, ann, asks):
    cards = []
    for n in range(4):
        cards.append((await asks(ann, place.channel, f"fox {n}")).message)
        await world.settle()
    return [card.thread for card in cards]


async def test_archived_threads_cost_one_request_for_all_of_a_channel(
    world, place, emulator, ann, threads, account, results
):
    await world.stop()
    account(ann).writes(threads[1], "make it blue")
    for thread in threads:
        thread.archive()
    before = len(emulator.recorder.of(HISTORY)), len(emulator.recorder.of(ARCHIVED))
    await world.start()
    await place.listening()
    assert read(emulator, before[0]) == [threads[1].id]
    assert len(emulator.recorder.of(ARCHIVED)) == before[1] + 1
    await world.settle()
    assert len(results(threads[1])) == 2


async def test_archived_threads_are_listed_page_by_page(
    world, place, emulator, ann, threads, account, results, monkeypatch
):
    await world.stop()
    account(ann).writes(threads[1], "make it blue")
    for thread in (threads[1], threads[0], threads[2], threads[3]):
        thread.archive()
    monkeypatch.setattr(catching_up, "_PAGE", 2)
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(threads[1])) == 2


async def test_thread_that_is_opened_again_at_the_last_moment_is_read(
    world, place, emulator, ann, bob, fox, account, results, rounds
):
    """It was archived when the gateway told of its threads, and is on no list when that is asked for."""
    await world.stop()
    said = account(ann).writes(fox, "make it blue")
    fox.archive()
    hold = emulator.faults.hold(ARCHIVED)
    await world.start()
    await hold.arrived()
    account(bob).writes(fox, "nice")
    await emulator.shards.heard()
    hold.release()
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")
    await world.settle()
    assert len(results(fox)) == 2


async def test_what_certainly_has_news_is_read_before_the_rest_is_asked_for(
    world, place, emulator, ann, threads, account, results, monkeypatch
):
    await world.stop()
    account(ann).writes(threads[0], "make it blue")
    for thread in threads[1:]:
        thread.archive()
    monkeypatch.setattr(catching_up, "REQUESTS", 1)
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(threads[0])) == 2


async def test_what_the_budget_leaves_is_read_later(
    world, place, emulator, ann, threads, account, results, monkeypatch, rounds
):
    await world.stop()
    said = [account(ann).writes(thread, "make it blue") for thread in threads[:3]]
    monkeypatch.setattr(catching_up, "REQUESTS", 1)
    await world.start()
    await emulator.until(lambda: all(m.moods_of(emulator.bot) for m in said), "the bot's reactions")
    await world.settle()
    assert [len(results(thread)) for thread in threads] == [2, 2, 2, 1]


async def test_busy_place_is_read_in_parts(
    world, place, emulator, ann, bob, fox, account, results, monkeypatch, rounds
):
    await world.stop()
    for n in range(5):
        account(bob).writes(fox, f"talk {n}")
    said = account(ann).writes(fox, "make it blue")
    monkeypatch.setattr(catching_up, "_PAGE", 2)
    monkeypatch.setattr(catching_up, "_PAGES", 1)
    await world.start()
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")
    await world.settle()
    assert len(results(fox)) == 2


async def test_talk_where_the_bot_is_a_guest_is_not_read_again(world, place, emulator, ann, bob, account, asks, writes):
    where = account(ann).opens_thread(place.channel, "our own")
    await asks(ann, where)
    await world.settle()
    for n in range(5):
        await writes(bob, where, f"talk {n}")
    before = len(emulator.recorder.of(HISTORY))
    await world.restart()
    await place.listening()
    assert read(emulator, before) == []


async def test_missed_mention_in_a_channel_that_was_once_answered_in_place_begins_something_new(
    world, place, emulator, ann, asks, account, results
):
    place.channel.deny(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    await asks(ann, place.channel)
    await world.settle()
    place.channel.allow(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    await world.stop()
    account(ann).writes(place.channel, "just talking")
    said = account(ann).writes(place.channel, f"{emulator.bot.mention} a hen")
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(said.thread)) == 1
    assert len(await world.jobs()) == 2
