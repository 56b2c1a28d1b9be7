"""Whatever the gateway sends, the next who speaks is heard: mutated events through the real library, over the wire."""

import copy
import json
import logging
from random import Random

import discord
import pytest
from hypothesis import settings

from tests.emulators.discord import Upload
from tests.emulators.discord.choices import find_command
from tests.emulators.discord.interactions import InteractionKind
from tests.mutations import mutated
from tests.world import photos

EVENTS = 2 * settings().max_examples
AT_ONCE = EVENTS // 10  # how often a client answers is limited


@pytest.fixture
async def told(world, place, emulator, account, ann, bob, asks, writes, clicks, results):
    """One event of each kind that reaches the bot, as it came: everything is said and done once."""
    card = (await asks(ann, place.channel)).message
    await world.settle()
    thread = card.thread
    answer = results(thread)[0]
    hat = photos.png("hat.png")
    upload = Upload(name=hat.name, data=hat.data, media_type=hat.said_type)
    words = f"<@{account(bob).id}> <@{emulator.bot.id}> make it night <:fox:123>"
    said = await writes(ann, thread, words, reply_to=answer, files=[upload])
    modal = (await clicks(ann, answer, "Edit")).modal
    await account(ann).submits(modal, {"words": "wear this", "pictures": [upload]}).answer
    await account(bob).uses("Edit this image", said).answer
    account(ann).deletes(said)
    await world.settle()
    events = {}
    for session in emulator.shards.sessions:
        for _, name, data in session.kept:
            kind = data.get("type") if name == "INTERACTION_CREATE" else None
            command = data["data"].get("type") if kind == 2 else None
            if name not in {"READY", "GUILD_CREATE"}:  # of a server that is told otherwise, otherwise is believed
                events[name, kind, command] = name, data
    return list(events.values())


def renewed(event, id):
    """The same as if it had just been said: what was heard once is not looked into again."""
    name, data = copy.deepcopy(event)
    if name in {"INTERACTION_CREATE", "MESSAGE_CREATE"}:
        data["id"] = id
    return name, data


def readable(sent):
    """Not every reader of JSON takes halves of characters, and numbers of any length."""
    try:
        discord.utils._from_json(json.dumps(sent))
    except ValueError:
        return False
    return True


async def test_mutated_events_end_nothing(world, place, emulator, account, told, caplog):
    caplog.set_level(logging.ERROR)
    random = Random(5)
    identifies = emulator.shards.identifies
    for number in range(EVENTS):
        name, data = renewed(random.choice(told), str(emulator.state.ids.next()))
        sent = mutated(data, random)
        if readable(sent):
            emulator.shards.send_raw(name, sent)
        if number % AT_ONCE == 0:
            await place.quiet()
    await place.quiet()
    said = account(world.user("cleo")).writes(place.channel, f"{emulator.bot.mention} a fox")
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")
    assert emulator.shards.identifies == identifies, "the connection was not even interrupted"
    assert "malformed_event" in caplog.text
    assert "bug_beside_gateway" not in caplog.text


@pytest.mark.parametrize("frame", ['{"op": 0, "d": "\\ud800"}', '{"op": 0, "t": "READY", "d": {}, "s": 1}'])
async def test_frame_that_the_library_cannot_read_costs_no_more_than_a_connection(place, emulator, ann, account, frame):
    await place.listening()
    identifies = emulator.shards.identifies
    for line in emulator.shards._lines:
        line.frames.put_nowait(frame)
    await emulator.until(lambda: emulator.shards.identifies > identifies, "a new client")
    await place.listening()
    said = account(ann).writes(place.channel, f"{emulator.bot.mention} a fox")
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")


@pytest.mark.parametrize(
    "options", [[{"name": "prompt"}], [7], {"prompt": "a fox"}, [{"name": "prompt", "type": 3, "value": {}}]]
)
async def test_command_that_cannot_be_read_is_answered(world, place, emulator, ann, account, options):
    await place.listening()
    command = find_command(emulator.state, place.channel, "imagine", kind=1)
    data = {"id": command["id"], "name": "imagine", "type": 1, "options": options}
    interaction = emulator.state.acts.interact(account(ann), place.channel, InteractionKind.COMMAND, data)
    answer = await interaction.answer
    assert answer.message.ephemeral
    assert answer.message.content
    assert await world.jobs() == []


@pytest.mark.parametrize("broken", [{"components": [7]}, {"components": [{"component": 7}]}, {"resolved": []}])
async def test_window_that_cannot_be_read_is_answered(world, place, emulator, ann, account, broken):
    await place.listening()
    data = {"custom_id": "darkroom:change:0123456789abcdef:0", "components": [], **broken}
    opener = account(ann).slash(place.channel, "imagine-help")  # every window was opened by something
    await opener.answer
    interaction = emulator.state.acts.interact(
        account(ann), place.channel, InteractionKind.MODAL, data, asked_by=opener
    )
    answer = await interaction.answer
    assert answer.message.ephemeral
    assert answer.message.content
