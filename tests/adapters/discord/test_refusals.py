"""Is what Discord refused remembered: for the right place, over restarts, and no longer than it holds?"""

import asyncio

import pytest

from adapters.discord.refusals import Refusals
from bot import messages
from bot.errors import RetryLater
from bot.ports import StoreBusy
from tests.adapters.discord.conftest import PAINTING
from tests.emulators.discord import Permission

CARD = "PATCH /channels/{channel_id}/messages/{message_id}"
THREAD = "POST /channels/{channel_id}/messages/{message_id}/threads"


async def test_channel_without_the_right_to_make_threads_is_asked_once_for_many_mentions(
    world, place, emulator, ann, writes, results
):
    place.channel.deny(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    for number in range(3):
        await writes(ann, place.channel, f"{emulator.bot.mention} fox {number}")
        await world.settle()
    assert len(emulator.recorder.of(THREAD)) == 1
    assert len(results(place.channel)) == 3
    place.channel.allow(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    world.advance(1_000)
    said = await writes(ann, place.channel, f"{emulator.bot.mention} a fox at last")
    await world.settle()
    assert len(results(said.thread)) == 1


async def test_cards_that_may_not_be_edited_any_more_are_left_alone(world, place, emulator, asks, results, account):
    """Three jobs end one after the other in a channel that the bot no longer sees."""
    people = [world.user(name) for name in ("ann", "bob", "cara")]
    for number, member in enumerate(people):
        world.emulator.behave(prompt=f"fox {number}", latency=60 * (number + 1))
        await asks(member, place.channel, f"fox {number}")
    await world.step()
    await place.quiet()
    place.channel.deny(emulator.bot, Permission.VIEW_CHANNEL)
    for member in people:
        world.advance(61)
        while not results(account(member).dm):
            await world.step()
            world.advance(1)
        await place.quiet()
    assert len([edit for edit in emulator.recorder.of(CARD) if edit.status == 403]) == 1


async def test_reactions_go_on_for_everybody_but_who_has_blocked_the_bot(
    world, emulator, ann, bob, account, fox, writes, results
):
    account(ann).blocks_bot = True
    blocked = await writes(ann, fox, "make it blue")
    said = await writes(bob, fox, "make it red", reply_to=results(fox)[0])
    assert blocked.moods_of(emulator.bot) == []
    assert said.moods_of(emulator.bot)
    await world.settle()
    assert len(results(fox)) == 3


async def test_channel_that_may_not_be_reacted_in_is_left_alone(world, place, emulator, ann, fox, writes, results):
    place.channel.deny(emulator.bot, Permission.ADD_REACTIONS)
    before = emulator.gatekeeper.invalid
    for words in ("blue", "red"):
        await writes(ann, fox, words)
        await world.settle()
    assert len(results(fox)) == 3
    assert emulator.gatekeeper.invalid - before == 1


async def test_refusal_is_lifted_by_the_first_command_after_a_restart(world, place, emulator, ann, asks, results, told):
    place.channel.deny(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    world.emulator.behave(latency=PAINTING)
    await asks(ann, place.channel)
    await world.step()
    place.channel.deny(emulator.bot, Permission.SEND_MESSAGES)
    await world.settle()
    assert len(told(ann)) == 1, "the channel is closed, and noted as such"
    await world.restart()
    place.channel.allow(emulator.bot, Permission.SEND_MESSAGES)
    await asks(ann, place.channel, "a hen")
    await world.settle()
    assert len(results(place.channel)) == 1


async def test_refusal_that_comes_while_the_others_are_read_is_not_overlooked():
    class Slow:
        """Tells what it knew when it was asked."""

        def __init__(self):
            self.now, self.known, self.asked, self.answers = 100.0, {}, asyncio.Event(), asyncio.Event()

        async def remember(self, key, value, *, for_seconds):
            self.known[key] = value

        async def recall_all(self):
            known = list(self.known.items())
            self.asked.set()
            await self.answers.wait()
            return known

    memory = Slow()
    refusals = Refusals(memory)
    early = asyncio.create_task(refusals.stands("post", "1"))
    await memory.asked.wait()
    await refusals.add("post", "1", "closed")
    late = asyncio.create_task(refusals.stands("post", "1"))
    memory.answers.set()
    assert await late
    assert await early
    assert await refusals.stands("post", "1")


async def test_member_is_told_when_the_store_can_be_neither_read_nor_written(
    world, ann, fox, writes, told, monkeypatch
):
    async def busy(*_, **__):
        raise StoreBusy("the disk is gone")

    for call in ("find_conversation", "recall", "remember"):
        monkeypatch.setattr(world.app.store, call, busy)
    await writes(ann, fox, "make it blue")
    (sentence,) = told(ann)
    assert "not taken this up" in sentence


async def test_nothing_but_later_or_never_leaves_the_port_when_the_store_is_out_of_order(
    world, place, ann, fox, monkeypatch
):
    """So that whoever calls it need not know what it keeps."""
    (job,) = await world.jobs()
    conversation = await world.app.store.conversation(job.conversation_id)

    async def busy(*_, **__):
        raise StoreBusy("the disk is gone")

    monkeypatch.setattr(world.app.store, "get", busy)
    with pytest.raises(RetryLater):
        await place.platform.open(conversation, messages.card(job, conversation.ref))
