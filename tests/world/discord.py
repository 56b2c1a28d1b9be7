"""How do people meet the bot on Discord? Through a local Discord that speaks the wire; the bot's side is real discord.py.

What Discord's own client would not let a member do (an empty prompt, a fourth attachment, a button that is not there) is
done as an old or a foreign client would do it: the bot must stand that, too.
"""

import asyncio
import re
from contextlib import AsyncExitStack
from dataclasses import replace
from pathlib import Path
from typing import Any

from discord.gateway import DiscordWebSocket
from discord.http import Route
from pydantic import SecretStr

from adapters import discord as adapter
from adapters.discord.buttons import presses
from adapters.discord.inbound import PLATFORM
from adapters.discord.outbound import REACTIONS
from adapters.discord.pacing import CARD_SECONDS
from bot.emulator.clock import Clock as TheWorlds
from bot.model import MAX_PROMPT, MessageRef, Mood, Person
from bot.service import Service
from bot.views import Views
from tests.emulators.clock import Clock
from tests.emulators.discord import CallbackKind, Channel, DiscordEmulator, Interaction, Message, Upload
from tests.emulators.discord import Person as Account
from tests.emulators.discord.choices import command_data, find_command
from tests.emulators.discord.interactions import InteractionKind
from tests.world.driver import File, Post, Said, Traits

LABELS = {"cancel": "Cancel", "delete": "Delete", "again": "Try again"}
SLOTS = 3  # attachment options of the command

_WORKING = ("discord.py: ", "CommandTree", "discord-ui", "discord-aside")


class WorldClock(Clock):
    """Discord's clock: the world's, by which the bot reckons too, and whatever it is ahead of that. Its limits of rates go by
    the machine's, since discord.py waits for them by that one.
    """

    def __init__(self) -> None:
        super().__init__()
        self._world: TheWorlds | None = None

    def follow(self, world: TheWorlds) -> None:
        self._world = world
        self._behind = 0.0

    def keep_up(self) -> None:
        """What has fallen due since the world's time was moved happens now."""
        self.advance(0)

    def _running_now(self) -> float:
        if self._world is None:
            return super()._running_now()
        return self._world.now().wall + self._behind + self._skipped


class Driver:
    """A server with one channel."""

    name = PLATFORM
    traits = Traits(talk=True, moods=True, cards=True)

    def __init__(self, folder: Path) -> None:
        self.clock: TheWorlds
        self._clock = WorldClock()
        self.emulator = DiscordEmulator(clock=self._clock)
        self.guild = self.emulator.guild()
        self.channel = self.guild.text("general")
        self.platform: Any = None
        self._views: Views
        self.settings: dict[str, Any] = {}
        self.paced = False
        """Whether cards wait between edits, by Discord's clock. If so, nothing waits for them to show the last state."""
        self._accounts: dict[str, Account] = {}
        self._told: dict[int, int] = {}  # member -> direct messages read
        self._commands: dict[str, Interaction] = {}
        self._life = AsyncExitStack()
        self._before = (Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY)

    async def start(self) -> None:
        self._clock.follow(self.clock)
        await self._life.enter_async_context(self.emulator.serve())

    async def close(self) -> None:
        await self._life.aclose()
        Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = self._before

    def connect(self, service: Service, views: Views) -> Any:
        usual = {"discord_token": SecretStr(self.emulator.token), "discord_api_url": self.emulator.url}
        settings = adapter.Settings(**{**usual, **self.settings})
        self._views = views
        self.platform = adapter.connect(settings, service, views)
        pace = self.platform.cards.pace
        pace.gap = CARD_SECONDS if self.paced else 0.0
        pace.wait = self._waits if self.paced else _at_once
        self.platform.gateway.guild_seconds = 0.05
        return self.platform

    def person(self, name: str) -> Person:
        """The member of this name; joins when first asked for."""
        account = self.guild.member(name)
        self._accounts[str(account.id)] = account
        return Person(id=str(account.id), name=account.display_name)

    def account(self, who: Person) -> Account:
        return self._accounts[who.id]

    # -- what people do -----------------------------------------------------------------------------------------

    async def imagine(self, who: Person, words: str, files: tuple[File, ...], *, id: str, ratio: str | None) -> Said:
        await self.listening()
        member = self.account(who)
        if id in self._commands:
            self._commands[id].redeliver()
            await self.quiet()
            return self._asked(who, words, self._commands[id])
        if len(files) > SLOTS:
            return await self._wrote(
                who, member.writes(self.channel, f"{self.emulator.bot.mention} {words}", files=_uploads(files))
            )
        options: dict[str, Any] = {"prompt": words or " "}
        options |= {f"image{number}": file for number, file in enumerate(_uploads(files), start=1)}
        if ratio:
            options["aspect_ratio"] = ratio
        interaction = self._slash(member, options)
        await interaction.answer
        await self.quiet()
        self._commands[str(interaction.id)] = interaction
        return self._asked(who, words, interaction)

    def _slash(self, member: Account, options: dict[str, Any]) -> Interaction:
        if len(options["prompt"]) <= MAX_PROMPT:
            return member.slash(self.channel, "imagine", **options)
        state = self.emulator.state
        command = find_command(state, self.channel, "imagine", kind=1)
        free = [{k: v for k, v in option.items() if k != "max_length"} for option in command["options"]]
        data = command_data(state, {**command, "options": free}, options)
        return state.acts.interact(member, self.channel, InteractionKind.COMMAND, data)

    def _asked(self, who: Person, words: str, interaction: Interaction) -> Said:
        message = interaction.original
        id = str(interaction.id)
        assert message is not None, "the application did not respond"
        if message.ephemeral:
            return Said(id=id, who=who, words=words, thread=None, refusal=shown(message.content))
        thread = message.channel.id if message.channel.is_thread else message.id
        return Said(id=id, who=who, words=words, thread=str(thread), heard=True)

    async def say(
        self,
        who: Person,
        words: str,
        files: tuple[File, ...],
        *,
        id: str,
        thread: str,
        to: Post | None,
        image: int,
        private: bool = False,
    ) -> Said:
        await self.listening()
        channel = self.channel_of(thread)
        known = channel.log.get(int(id)) if id.isdigit() else None
        if known is not None:
            known.redeliver()
            return await self._wrote(who, known)
        text = f"{self.emulator.bot.mention} {words}" if private else words
        answered = self._answers(channel)[to.id][image] if to else None
        return await self._wrote(who, self.account(who).writes(channel, text, files=_uploads(files), reply_to=answered))

    async def _wrote(self, who: Person, message: Message) -> Said:
        await self.quiet()
        moods = message.moods_of(self.emulator.bot)
        refusal = self._newly_told(self.account(who))
        thread = message.channel.id if message.channel.is_thread else message.id
        return Said(
            id=str(message.id),
            who=who,
            words=message.content,
            thread=str(thread) if refusal is None else None,
            refusal=refusal,
            heard=bool(moods) and refusal is None,
        )

    def _newly_told(self, member: Account) -> str | None:
        """What the bot has just said to this member alone."""
        said = [m for m in member.dm.messages if m.author is self.emulator.bot]
        new = said[self._told.get(member.id, 0) :]
        self._told[member.id] = len(said)
        assert len(new) <= 1, "told more than once"
        return shown(new[0].content.partition(": ")[2]) if new else None

    async def press(self, who: Person, button: str, of: str, *, id: str) -> Said:
        message = self._pressable(button, of)
        member = self.account(who)
        shows = [press for press in presses(message.components) if press.act == button]
        interaction = member.clicks(message, LABELS[button]) if shows else await self._forged(member, message, button)
        answer = await interaction.answer
        assert answer.in_time, "the application did not respond"
        await self.quiet()
        if answer.kind is CallbackKind.MESSAGE and not answer.message.ephemeral:
            self._commands[str(interaction.id)] = interaction
            return self._asked(who, button, interaction)
        private = [m for m in interaction.messages if m.ephemeral]
        assert len(private) == 1, private
        return Said(id=str(interaction.id), who=who, words=button, thread=None, refusal=shown(private[0].content))

    def _pressable(self, button: str, of: str) -> Message:
        """The message with the button: a card, or the first message of an answer."""
        if of in self._commands:
            card = self._commands[of].original
            assert card is not None
            return card
        for channel in [*self.guild.threads, self.channel]:
            if int(of) in channel.log:
                return channel.log[int(of)]
        raise AssertionError(f"there is no message {of}")

    async def _forged(self, member: Account, message: Message, button: str) -> Interaction:
        """A button that is not there (any more), pressed all the same: by a window that was left open, say."""
        ref = MessageRef(platform=PLATFORM, channel=str(message.channel.id), id=str(message.id))
        job = await self._views.job_of(ref)
        assert job is not None, f"the bot knows nothing of {message}"
        part = {"type": 2, "style": 2, "label": LABELS[button], "custom_id": f"darkroom:{button}:{job.id}:0", "id": 2}
        shown_then = replace(message, components=[{"type": 1, "id": 1, "components": [part]}])
        data = {"component_type": 2, "custom_id": part["custom_id"], "id": 2}
        return self.emulator.state.acts.interact(
            member, message.channel, InteractionKind.COMPONENT, data, message=shown_then
        )

    # -- what people see ----------------------------------------------------------------------------------------

    async def posts(self, thread: str) -> list[Post]:
        await self.quiet()
        channel = self.emulator.state.channels.get(int(thread))  # None: it never came to be
        return [self._post(thread, messages) for messages in self._answers(channel).values()] if channel else []

    def _answers(self, channel: Channel) -> dict[str, list[Message]]:
        """The messages of each answer, by the id of the first; several pictures are several messages."""
        by_job: dict[str, list[Message]] = {}
        for message in channel.messages:
            if message.author is self.emulator.bot:
                for press in presses(message.components):
                    if press.act == "again":
                        by_job.setdefault(press.job_id, []).append(message)
        return {str(messages[0].id): messages for messages in by_job.values()}

    def _post(self, thread: str, messages: list[Message]) -> Post:
        first = messages[0]
        pictures = [picture for message in messages for picture in message.pictures]
        text = " ".join(m.content for m in messages if m.content)
        return Post(
            id=str(first.id),
            thread=thread,
            text=shown(re.sub(r"^<@\d+>\s*", "", text)),
            images=tuple(picture.data for picture in pictures),
            answers=self._said_by(first.replied_to) if first.replied_to else None,
            alt=pictures[0].description if pictures else None,
        )

    def _said_by(self, message: Message) -> str:
        """A card stands for the command that it acknowledges."""
        return next((id for id, command in self._commands.items() if command.original is message), str(message.id))

    async def threads(self) -> list[str]:
        return [str(thread.id) for thread in self.guild.threads]

    async def card(self, said: Said) -> str | None:
        await self.quiet()
        command = self._commands.get(said.id)
        if command is None or command.original is None:
            return None
        head = command.original.content.splitlines()[0]
        return shown(head.partition("**")[2].partition("**")[0])

    async def mood(self, said: Said) -> Mood | None:
        await self.quiet()
        message = next(
            (c.log[int(said.id)] for c in [*self.guild.threads, self.channel] if int(said.id) in c.log), None
        )
        moods = message.moods_of(self.emulator.bot) if message else []
        assert len(moods) <= 1, moods
        return next((mood for mood, emoji in REACTIONS.items() if emoji in moods), None)

    # -- inside -------------------------------------------------------------------------------------------------

    def channel_of(self, thread: str) -> Channel:
        return self.emulator.state.channels[int(thread)]

    async def listening(self) -> None:
        """Until the bot is connected and has caught up."""
        await asyncio.wait_for(self.platform.gateway.ready.wait(), 60)
        await self.emulator.shards.ready()
        await self.quiet()

    async def quiet(self) -> None:
        """Until the bot has heard everything that was said and done, and has done at once what it does at once."""
        self._clock.keep_up()
        if self.emulator.shards.connected:
            await self.emulator.shards.heard()
        while tasks := [task for task in asyncio.all_tasks() if _works(task)]:
            await asyncio.wait(tasks)
        if not self.paced:
            await self.platform.cards.settled()

    async def _waits(self, event: asyncio.Event, seconds: float) -> None:
        """As the bot waits for an event or for some time, but by Discord's clock."""
        clock = self.emulator.clock
        ways = [asyncio.ensure_future(way) for way in (event.wait(), clock.until(clock.now() + seconds))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()


async def _at_once(_event: asyncio.Event, _seconds: float) -> None:
    """Cards are edited whenever there is something to show."""


def _works(task: asyncio.Task[Any]) -> bool:
    return task.get_name().startswith(_WORKING)


def shown(text: str) -> str:
    """What Discord shows of escaped text."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)


def _uploads(files: tuple[File, ...]) -> list[Upload]:
    return [Upload(name=file.name, data=file.data, media_type=file.said_type, size=file.size) for file in files]
