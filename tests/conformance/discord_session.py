"""What is a session in which the library uses all of Discord that this project does?"""

from __future__ import annotations

import contextlib
import io
from typing import Any

import discord
import pytest

from tests.emulators.discord import Channel, DiscordEmulator, Exchange, Guild, Permission, Person, Upload
from tests.emulators.discord_tests.bot import Bot, buttons, point_at, running
from tests.emulators.discord_tests.pictures import PNG


class Preview(discord.ui.LayoutView):
    """A message of components of version 2."""

    def __init__(self) -> None:
        super().__init__()
        gallery = discord.ui.MediaGallery[Any]()
        gallery.add_item(media="attachment://image.png", description="a fox")
        self.add_item(discord.ui.Container[Any](discord.ui.TextDisplay("a fox"), gallery))


async def play() -> list[Exchange]:
    """Every exchange of the session, refusals among them."""
    emulator = DiscordEmulator()
    guild = emulator.guild()
    ann = guild.member("ann")
    with pytest.MonkeyPatch.context() as patch:
        async with emulator.serve():
            point_at(emulator, patch)
            async with running(emulator) as bot:
                general = guild.text("general")
                await _commands(emulator, general, ann)
                await _messages(emulator, bot, general, ann)
                await _threads(emulator, bot, guild, general, ann)
                await _direct(emulator, bot, ann)
                await _refusals(emulator, bot, guild, general)
                await _servers(bot, guild)
    return emulator.recorder.exchanges


def picture() -> discord.File:
    return discord.File(io.BytesIO(PNG), "image.png", description="a fox")


async def _commands(emulator: DiscordEmulator, general: Channel, ann: Person) -> None:
    """A command with a file, its buttons, its form; a menu command."""
    reference = Upload(name="a.png", data=PNG)
    card = (await ann.slash(general, "imagine", prompt="a fox", reference=reference).answer).message
    thread = await emulator.until(lambda: card.thread, "the thread")
    assert thread is not None
    await emulator.until(lambda: any(message.pictures for message in thread.messages), "the picture")
    modal = (await ann.clicks(card, "Edit").answer).modal
    await ann.submits(modal, {"words": "bluer", "upload": [reference]}).answer
    await ann.clicks(card, "Drop").answer
    await ann.uses("Edit this image", ann.writes(general, "look", files=[reference])).answer


async def _messages(emulator: DiscordEmulator, bot: Bot, general: Channel, ann: Person) -> None:
    """What is said, shown, edited, answered, passed on, reacted to, read and deleted."""
    channel = bot.get_partial_messageable(general.id)
    embed = discord.Embed(title="a fox", description="red", colour=1).set_image(url="attachment://image.png")
    embed.add_field(name="ratio", value="1:1").set_footer(text="done").set_author(name="ann")
    message = await channel.send("hello", embed=embed, file=picture(), view=buttons(), nonce="job-1")
    await message.edit(content="again", attachments=[picture()], embed=embed, view=None)
    await bot.get_partial_messageable(general.id).get_partial_message(message.id).edit(content="once more")
    shown = await channel.send(view=Preview(), file=picture())
    await shown.fetch()
    hers = ann.writes(general, f"{ann.mention} look", files=[Upload(name="a.png", data=PNG)])
    ann.writes(general, forward=hers)
    read = await channel.fetch_message(hers.id)
    await read.add_reaction("🎨")
    ann.reacts(hers, "🎨")
    await read.reply("done", mention_author=False, file=picture())
    await read.remove_reaction("🎨", discord.Object(bot.application_id or 0))
    assert len([one async for one in channel.history(limit=20)]) == len(general.messages)
    await channel.typing()
    await message.delete()
    await emulator.shards.heard()


async def _threads(emulator: DiscordEmulator, bot: Bot, guild: Guild, general: Channel, ann: Person) -> None:
    """Threads of messages and of nothing, forum posts, archives."""
    started = ann.opens_thread(general, "hers", of=ann.writes(general, "x"))
    thread = await bot.fetch_channel(started.id)
    assert isinstance(thread, discord.Thread)
    await thread.join()
    await thread.send("hello")
    await thread.leave()
    ann.deletes(ann.writes(started, "x"))
    own = await bot.fetch_channel(general.id)
    assert isinstance(own, discord.TextChannel)
    mine = await own.create_thread(name="mine", type=discord.ChannelType.public_thread)
    await mine.edit(name="still mine", auto_archive_duration=60)
    await mine.edit(archived=True)
    assert [one.id async for one in own.archived_threads(limit=5)] == [mine.id]
    await own.guild.active_threads()
    forum = await bot.fetch_channel(guild.forum("ideas").id)
    assert isinstance(forum, discord.ForumChannel)
    await forum.create_thread(name="foxes", content="red", file=picture())
    await bot.fetch_channel(guild.voice("lounge").id)


async def _direct(emulator: DiscordEmulator, bot: Bot, ann: Person) -> None:
    dm = await bot.create_dm(discord.Object(ann.id))
    await dm.send("hello", file=picture())
    ann.writes(ann.dm, "thanks")
    assert [message.content async for message in dm.history(limit=1)] == ["thanks"]
    await bot.fetch_user(ann.id)


async def _refusals(emulator: DiscordEmulator, bot: Bot, guild: Guild, general: Channel) -> None:
    """Errors have a form, too: unknown, forbidden, too long, too often."""
    channel = bot.get_partial_messageable(general.id)
    attempts = [
        lambda: channel.fetch_message(1),
        lambda: channel.send("x" * 2001),
        lambda: channel.send(embed=discord.Embed(title="x" * 257)),
        lambda: channel.send(""),
        lambda: bot.fetch_channel(1),
        lambda: bot.fetch_guild(1),
        lambda: bot.get_partial_messageable(guild.forum("other").id).send("x"),
    ]
    for attempt in attempts:
        with contextlib.suppress(discord.HTTPException):
            await attempt()  # type: ignore[no-untyped-call]
    general.deny(emulator.bot, Permission.SEND_MESSAGES)
    with contextlib.suppress(discord.Forbidden):
        await channel.send("x")
    general.allow(emulator.bot, Permission.SEND_MESSAGES)
    emulator.faults.lay("POST /channels/{channel_id}/messages", status=429)
    await channel.send("x")


async def _servers(bot: Bot, guild: Guild) -> None:
    await bot.application_info()
    found = await bot.fetch_guild(guild.id, with_counts=False)
    await found.fetch_channels()
    await found.fetch_roles()
    await found.fetch_member(bot.application_id or 0)
    assert [one.id async for one in bot.fetch_guilds(limit=5)] == [guild.id]
    await bot.tree.fetch_commands()
    await bot.tree.sync(guild=found)
    await found.leave()
