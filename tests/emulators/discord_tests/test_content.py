"""Whose words may a bot read without the message content intent?"""

import discord
import pytest

from tests.emulators.discord import Intents, Upload
from tests.emulators.discord_tests.bot import Bot, running

FILE = [Upload(name="a.png", data=b"x")]
BLIND = discord.Intents(guilds=True, guild_messages=True, dm_messages=True)


@pytest.fixture
def blind(emulator):
    """The portal's switch is off."""
    emulator.application.enabled = Intents(0)


async def cards(rest, asked, answers, general):
    """A regular message of the bot, and one that answers a command."""
    _, regular = await rest("POST", f"/channels/{general.id}/messages", {"content": "a picture"})
    await answers(asked, 4, {"content": "a card"})
    return general.log[int(regular["id"])], (await asked.answer).message


async def test_words_are_blank_but_for_the_exceptions(emulator, blind, rest, asked, answers, general, ann, ben):
    regular, card = await cards(rest, asked, answers, general)
    said = {
        "plain": ann.writes(general, "hello", files=FILE),
        "reply to a member": ann.writes(general, "hello", files=FILE, reply_to=ben.writes(general, "x")),
        "reply to a card": ann.writes(general, "hello", files=FILE, reply_to=card),
        "silent reply to the bot": ann.writes(general, "hello", files=FILE, reply_to=regular, ping=False),
        "reply to the bot": ann.writes(general, "hello", files=FILE, reply_to=regular),
        "mention": ann.writes(general, f"hello {emulator.bot.mention}", files=FILE),
        "direct": ann.writes(ann.dm, "hello", files=FILE),
    }
    readable = set()
    for name, message in said.items():
        _, shown = await rest("GET", f"/channels/{message.channel.id}/messages/{message.id}")
        if shown["content"]:
            readable.add(name)
        assert bool(shown["content"]) == bool(shown["attachments"])
    assert readable == {"reply to the bot", "mention", "direct"}
    _, own = await rest("GET", f"/channels/{general.id}/messages/{card.id}")
    assert own["content"] == "a card"


async def test_the_gateway_blanks_by_the_session_s_intents(emulator, general, ann):
    async with running(emulator, Bot(BLIND)) as bot:
        ann.writes(general, "hello", files=FILE)
        ann.writes(general, f"{emulator.bot.mention} hello")
        await emulator.until(lambda: len(bot.heard) == 2)
        assert [(message.content, len(message.attachments)) for message in bot.heard] == [
            ("", 0),
            (f"{emulator.bot.mention} hello", 0),
        ]


async def test_an_answered_message_is_judged_for_itself(emulator, blind, rest, general, ann, ben):
    secret = ben.writes(general, "secret")
    shown_to_bot = ann.writes(general, f"{emulator.bot.mention} what is this?", reply_to=secret)
    _, shown = await rest("GET", f"/channels/{general.id}/messages/{shown_to_bot.id}")
    assert (shown["content"] != "", shown["referenced_message"]["content"]) == (True, "")


async def test_without_the_switch_in_the_portal_the_gateway_closes(emulator, blind):
    with pytest.raises(discord.PrivilegedIntentsRequired):
        async with running(emulator):
            pass
    assert emulator.shards.closes == [4014]
