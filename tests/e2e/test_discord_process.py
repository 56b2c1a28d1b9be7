"""The real program beside a local Discord: fifty members at once, and a kill in the middle of twenty jobs."""

from contextlib import suppress

import pytest

from tests.e2e.conftest import painted
from tests.e2e.program import KEY, darkroom, running
from tests.emulators.discord import CallbackKind

POST = "POST /channels/{channel_id}/messages"


@pytest.fixture
def settings(queue, discord):
    return {
        "PLATFORMS": "discord",
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.url,
        "GMI_BASE_URL": queue.base_url,
        "GMI_API_KEY": KEY,
        "GMI_IN_FLIGHT": "8",
    }


def posted(discord, thread):
    """The bot's messages with a picture in a thread."""
    return [m for m in thread.messages if m.author is discord.bot and m.pictures] if thread else []


async def all_ask(discord, guild, channel, count):
    """So many members at the same moment; every one is answered with a card of their own."""
    await discord.synced("imagine")
    members = [guild.member(f"member{n}") for n in range(count)]
    asked = [member.slash(channel, "imagine", prompt=f"fox {n}") for n, member in enumerate(members)]
    answers = [await interaction.answer for interaction in asked]
    assert [answer.kind for answer in answers] == [CallbackKind.MESSAGE] * count
    return [answer.message for answer in answers]


async def eventually(discord, look, what):
    """As long as a slow machine takes."""
    for _ in range(5):
        with suppress(AssertionError):
            return await discord.until(look, what)
    return await discord.until(look, what)


def check_each_once(discord, queue, cards):
    for n, card in enumerate(cards):
        (post,) = posted(discord, card.thread)
        assert post.pictures[0].data == painted(queue, f"fox {n}")
        assert [person.id for person in post.pinged] == [card.by.person.id]


async def test_fifty_members_at_once_each_get_their_picture(tmp_path, queue, discord, settings):
    guild = discord.guild()
    channel = guild.text("general")
    async with running(tmp_path, "run", **settings) as bot:
        await bot.logs("connected")
        cards = await all_ask(discord, guild, channel, 50)
        await bot.logs("moved", state="succeeded", times=50)
        assert await bot.ends() == 0
    check_each_once(discord, queue, cards)
    assert discord.gatekeeper.refused == []


async def test_killed_in_the_middle_of_twenty_jobs_the_bot_posts_twenty_pictures_once(
    tmp_path, queue, discord, settings
):
    guild = discord.guild()
    channel = guild.text("general")
    queue.behave(times=6, latency=3_600)  # some are still being painted
    async with running(tmp_path, "run", **settings) as bot:
        await bot.logs("connected")
        # of the answers to posts, some are never heard: the message is there, and the bot does not know it
        hold = discord.faults.hold(POST, after_effect=True)
        cards = await all_ask(discord, guild, channel, 20)
        await discord.until(lambda: sum(len(posted(discord, card.thread)) for card in cards) >= 2, "the first posts")
        await bot.kill()
    hold.release()
    discord.clock.advance(3_600)  # Discord has forgotten the nonces
    queue.finish()
    async with running(tmp_path, "run", **settings) as bot:
        await bot.logs("connected")
        await eventually(discord, lambda: all(posted(discord, card.thread) for card in cards), "every picture")
        await eventually(discord, lambda: all("Done" in card.content for card in cards), "the last state of every card")
        assert await bot.ends() == 0
    check_each_once(discord, queue, cards)
    mine = {message.id for message in channel.messages if message.author is discord.bot}
    assert mine == {card.id for card in cards}, "no second card either"
    assert all("Done" in card.content for card in cards), "no card claims for ever that somebody is at work on it"


async def test_check_reads_discord_too(tmp_path, discord, settings):
    ended = await darkroom(tmp_path, "check", **settings)
    assert "accepts the token of darkroom" in ended.out + ended.err
    assert "https://discord.com/oauth2/authorize" in ended.out + ended.err
    assert discord.token not in ended.out + ended.err
