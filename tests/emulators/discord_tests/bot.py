"""What does the real discord.py make of the emulator? A small bot of nothing but discord.py, pointed at it."""

from __future__ import annotations

import asyncio
import io
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import discord
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route

from tests.emulators.discord import DiscordEmulator

INTENTS = discord.Intents(guilds=True, guild_messages=True, dm_messages=True, message_content=True)


class EditForm(discord.ui.Modal, title="Edit"):
    """Words and pictures."""

    words: discord.ui.Label[Any] = discord.ui.Label(
        text="Words", component=discord.ui.TextInput(custom_id="words", required=False)
    )
    upload: discord.ui.Label[Any] = discord.ui.Label(
        text="Picture", component=discord.ui.FileUpload(custom_id="upload", required=False, max_values=3)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        words, upload = self.words.component, self.upload.component
        assert isinstance(words, discord.ui.TextInput)
        assert isinstance(upload, discord.ui.FileUpload)
        sizes = [len(await file.read()) for file in upload.values]
        await interaction.response.send_message(f"form {words.value} {sizes}", ephemeral=True)


class JobButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=r"(?P<act>edit|again|drop):(?P<job>\d+)"):
    """A button whose state is in its custom_id."""

    def __init__(self, act: str, job: str) -> None:
        super().__init__(discord.ui.Button(label=act.title(), custom_id=f"{act}:{job}"))
        self.act, self.job = act, job

    @classmethod
    async def from_custom_id(cls, _interaction: Any, _item: Any, match: re.Match[str], /) -> JobButton:
        return cls(match["act"], match["job"])

    async def callback(self, interaction: discord.Interaction) -> None:
        if self.act == "edit":
            await interaction.response.send_modal(EditForm(custom_id=f"form:{self.job}"))
        else:
            await interaction.response.send_message(f"{self.act} {self.job}", ephemeral=True)


def buttons() -> discord.ui.View:
    view = discord.ui.View(timeout=None)
    for act in ("edit", "again", "drop"):
        view.add_item(JobButton(act, "7"))
    return view


class Bot(discord.AutoShardedClient):
    """/imagine defers, opens a thread and posts a picture there; a reply in the thread is answered; see `heard`."""

    def __init__(self, intents: discord.Intents = INTENTS) -> None:
        super().__init__(
            intents=intents,
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            guild_ready_timeout=0.05,
        )
        self.tree = app_commands.CommandTree(self)
        self.heard: list[discord.Message] = []
        self.interactions: list[discord.Interaction] = []
        self._register()

    def _register(self) -> None:
        @self.tree.command(description="Make a picture")
        @app_commands.describe(prompt="What to draw", reference="An image to start from")
        @app_commands.choices(ratio=[app_commands.Choice(name=ratio, value=ratio) for ratio in ("1:1", "16:9")])
        async def imagine(
            interaction: discord.Interaction,
            prompt: app_commands.Range[str, 1, 1500],
            ratio: str = "1:1",
            reference: discord.Attachment | None = None,
        ) -> None:
            given = len(await reference.read()) if reference else 0
            await interaction.response.send_message(f"card of {prompt} {ratio} {given}", view=buttons())
            message = await interaction.original_response()
            if not isinstance(interaction.channel, discord.TextChannel):
                return
            thread = await message.create_thread(name=prompt[:100], auto_archive_duration=60)
            await thread.send(
                f"<@{interaction.user.id}> here it is, @everyone",
                file=discord.File(io.BytesIO(b"picture"), "image.png", description=prompt),
                allowed_mentions=discord.AllowedMentions(users=[interaction.user]),
                view=buttons(),
                nonce="job-7",
            )

        @self.tree.context_menu(name="Edit this image")
        async def edit(interaction: discord.Interaction, message: discord.Message) -> None:
            sizes = [len(await attachment.read()) for attachment in message.attachments]
            await interaction.response.send_message(f"{message.content} {sizes}", ephemeral=True)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(JobButton)
        await self.tree.sync()

    async def before_identify_hook(self, shard_id: int | None, *, initial: bool = False) -> None:
        """The library waits five seconds here before it identifies again."""

    async def on_message(self, message: discord.Message) -> None:
        self.heard.append(message)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.interactions.append(interaction)


@asynccontextmanager
async def running(emulator: DiscordEmulator, bot: Bot | None = None) -> AsyncIterator[Bot]:
    """The bot, logged in and ready, until left."""
    bot = bot or Bot()
    task = asyncio.create_task(bot.start(emulator.token))
    try:
        ready = asyncio.create_task(bot.wait_until_ready())
        await asyncio.wait({task, ready}, return_when=asyncio.FIRST_COMPLETED, timeout=10)
        ready.cancel()
        if task.done():
            task.result()
        yield bot
    finally:
        await bot.close()
        await asyncio.gather(task, return_exceptions=True)


class _Hasty:
    """asyncio as a module of the library sees it; only its sleep is a thousand times shorter."""

    def __getattr__(self, name: str) -> Any:
        return getattr(asyncio, name)

    @staticmethod
    async def sleep(seconds: float, result: Any = None) -> Any:
        return await asyncio.sleep(seconds / 1_000, result)


def hurry(monkeypatch: Any) -> None:
    """The library's own pauses: a second and more before it repeats a request, several before it connects or identifies again."""
    for module in (discord.http, discord.shard, discord.client):
        monkeypatch.setattr(module, "asyncio", _Hasty())


def point_at(emulator: DiscordEmulator, monkeypatch: Any) -> None:
    """discord.py's addresses are three attributes of classes, for the whole process."""
    monkeypatch.setattr(Route, "BASE", emulator.url)
    monkeypatch.setattr(DiscordWebSocket, "DEFAULT_GATEWAY", yarl.URL(emulator.gateway))
    monkeypatch.setattr(discord.asset.Asset, "BASE", emulator.cdn)
