"""How does the bot speak on Discord? The port's calls; each raises RetryLater or GiveUp and nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable
from typing import Any, Protocol

import discord

from adapters.discord import inbound
from adapters.discord.cards import Cards
from adapters.discord.catching_up import Cursors
from adapters.discord.delivering import Delivery
from adapters.discord.faults import Refused
from adapters.discord.inbound import PLATFORM
from adapters.discord.opening import Opening
from adapters.discord.pacing import Priority
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Rest
from adapters.discord.settings import Settings
from bot.errors import FailureKind, GiveUp
from bot.model import (
    Attachment,
    Card,
    Conversation,
    ConversationRef,
    Job,
    MessageRef,
    Mood,
    Opened,
    Reply,
)
from bot.ports import Note
from bot.service import Service
from bot.views import Views

REACTIONS = {
    Mood.WORKING: "\N{HOURGLASS WITH FLOWING SAND}",
    Mood.DONE: "\N{WHITE HEAVY CHECK MARK}",
    Mood.FAILED: "\N{CROSS MARK}",
}
DEFAULT_FILE_BYTES = 10 * 1024 * 1024
"""What a file may have where no boost raises it (docs)."""

_FEATURES = {"MAX_FILE_SIZE_50_MB": 50 * 1024 * 1024, "MAX_FILE_SIZE_100_MB": 100 * 1024 * 1024}
_REMEMBERED = 1_000  # moods; one that is forgotten is put once more
_CLOSE_SECONDS = 2.0


class Connection(Protocol):
    """The half that listens."""

    async def run(self) -> None: ...

    def trouble(self) -> str | None: ...

    def guild(self, id: int) -> discord.Guild | None: ...


class Discord:
    """The platform `discord`. gateway: set by `connect`, because the listening half needs this one to answer."""

    name = PLATFORM

    def __init__(
        self, settings: Settings, service: Service, views: Views, *, gateway: Callable[[Discord], Connection]
    ) -> None:
        self._views = views
        self.rest = Rest()
        self.refusals = Refusals(service.memory(f"{PLATFORM}.refused"))
        self.cursors = Cursors(service.memory(f"{PLATFORM}.cursors"))
        self._opening = Opening(self.rest, self.refusals, archive_minutes=settings.discord_thread_archive_minutes)
        self.cards = Cards(self.rest, self.refusals, views, service.memory(f"{PLATFORM}.cards"))
        self._moods: OrderedDict[str, Mood] = OrderedDict()
        self.gateway = gateway(self)

    async def run(self) -> None:
        await self.gateway.run()

    def trouble(self) -> str | None:
        return self.gateway.trouble()

    async def close(self) -> None:
        """The last cards are brought up to date, then the connections end."""
        await self.cards.close(_CLOSE_SECONDS)
        await self.rest.close()

    # -- cards and threads --------------------------------------------------------------------------------------

    async def open(self, conversation: Conversation, card: Card) -> Opened:
        job = await self._views.job(card.job_id)
        if job is None:
            raise GiveUp("the job is no longer known", kind=FailureKind.BUG)
        opened = await self._opening.open(conversation, card, job)
        await self.cursors.watch(
            opened.ref,
            own=_is_own(opened, job),
            since=max((int(m.id) for m in (opened.card, job.asked_in) if m), default=0),
        )
        return opened

    async def show(self, card: Card) -> None:
        await self.cards.show(card)

    # -- reactions ----------------------------------------------------------------------------------------------

    async def react(self, message: MessageRef, mood: Mood) -> None:
        """The new mood first, then the old one goes, so that the message never stands there without any."""
        name = _named(message)
        before = self._moods.get(name)
        if mood is Mood.WORKING and before in (Mood.DONE, Mood.FAILED):
            return  # the answer was quicker than the sign that somebody is at work
        if await self.refusals.stands("react", message.channel):
            return
        self._moods[name] = mood
        self._moods.move_to_end(name)
        while len(self._moods) > _REMEMBERED:
            self._moods.popitem(last=False)
        try:
            async with self.rest.turn(Priority.REACTION) as client:
                await client.http.add_reaction(int(message.channel), int(message.id), REACTIONS[mood])
        except Refused as refused:
            if refused.status == 403:
                await self.refusals.add("react", message.channel, refused.reason)
            raise
        overtaken = self._moods.get(name, mood) is not mood
        if mood is not Mood.WORKING or overtaken:
            # an earlier process may have put the working sign there, so it is taken away unseen
            await self._take_reaction(message, mood if overtaken else Mood.WORKING)

    async def _take_reaction(self, message: MessageRef, mood: Mood) -> None:
        try:
            async with self.rest.turn(Priority.REACTION) as client:
                await client.http.remove_own_reaction(int(message.channel), int(message.id), REACTIONS[mood])
        except Refused as refused:
            if refused.status != 404:
                raise

    # -- results ------------------------------------------------------------------------------------------------

    async def delete(self, message: MessageRef) -> None:
        try:
            async with self.rest.turn(Priority.OPENING) as client:
                await client.http.delete_message(int(message.channel), int(message.id))
        except Refused as refused:
            if refused.status != 404:
                raise

    async def deliver(self, to: ConversationRef, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        delivery = Delivery(self.rest, self.refusals, self.size_limit, to=to, reply=reply, key=key, note=note)
        posts = await delivery.post()
        for post in posts:
            self.cursors.saw(post.channel, int(post.id))
        return posts

    def size_limit(self, workspace: str) -> int:
        """Bytes that one file may have. Newer servers say so by a feature, which the library doesn't know."""
        guild = self.gateway.guild(int(workspace)) if workspace.isdigit() else None
        if guild is None:
            return DEFAULT_FILE_BYTES
        named = [size for feature, size in _FEATURES.items() if feature in guild.features]
        return max(DEFAULT_FILE_BYTES, guild.filesize_limit, *named)

    # -- files of members ---------------------------------------------------------------------------------------

    async def fetch(self, attachment: Attachment) -> bytes:
        """By its link; where that has expired, by the fresh one that its message gives."""
        source = inbound.source(attachment.address)
        try:
            return await self.rest.download(source.url)
        except Refused as refused:
            fresh = await self._fresh_link(source) if refused.status in (403, 404) else None
            if fresh is None:
                reason = f"{attachment.name} is no longer there ({refused.reason})"
                raise GiveUp(reason, kind=FailureKind.REFERENCE) from refused
        return await self.rest.download(fresh)

    async def _fresh_link(self, source: inbound.Source) -> str | None:
        if source.channel is None or source.message is None:
            return None
        async with self.rest.turn(Priority.READING) as client:
            message: Any = await client.http.get_message(source.channel, source.message)
        files = [*message.get("attachments", ())]
        for snapshot in message.get("message_snapshots", ()):
            files += snapshot["message"].get("attachments", ())
        return next((str(file["url"]) for file in files if str(file["id"]) == source.id), None)


def _is_own(opened: Opened, job: Job) -> bool:
    """Whether the bot made the thread: then it has the id of the message that began it (docs)."""
    return opened.ref.thread in {message.id for message in (opened.card, job.asked_in) if message}


def _named(message: MessageRef) -> str:
    return f"{message.channel}/{message.id}"
