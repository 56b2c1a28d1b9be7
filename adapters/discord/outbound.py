"""How does the bot speak on Discord? The port's calls; each raises RetryLater or GiveUp and nothing else."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Awaitable, Callable, Coroutine
from contextlib import suppress
from functools import wraps
from typing import Any, ParamSpec, Protocol, TypeVar

import discord

from adapters.discord import inbound
from adapters.discord.cards import Cards
from adapters.discord.cursors import Cursors
from adapters.discord.delivering import Delivery
from adapters.discord.faults import LACKS_PERMISSION, Refused
from adapters.discord.inbound import PLATFORM
from adapters.discord.opening import Opening
from adapters.discord.pacing import Priority
from adapters.discord.places import Places, thread_card
from adapters.discord.posting import Posting
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Rest
from adapters.discord.settings import Settings
from adapters.discord.sizes import DEFAULT_FILE_BYTES, FileSizes
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import (
    Attachment,
    Card,
    Conversation,
    ConversationRef,
    Job,
    JobState,
    MessageRef,
    Mood,
    Opened,
    Reply,
)
from bot.ports import Note, StoreBusy
from bot.service import Service
from bot.views import Views

REACTIONS = {
    Mood.WORKING: "\N{HOURGLASS WITH FLOWING SAND}",
    Mood.DONE: "\N{WHITE HEAVY CHECK MARK}",
    Mood.FAILED: "\N{CROSS MARK}",
}
_REMEMBERED = 1_000  # moods; one that is forgotten is put once more
_CLOSE_SECONDS = 2.0


_P = ParamSpec("_P")
_T = TypeVar("_T")


def _promised(call: Callable[_P, Awaitable[_T]]) -> Callable[_P, Coroutine[Any, Any, _T]]:
    """A call of the port: a store that is out of order is waited for, as Discord is."""

    @wraps(call)
    async def promised(*args: _P.args, **kwargs: _P.kwargs) -> _T:
        try:
            return await call(*args, **kwargs)
        except StoreBusy as busy:
            raise RetryLater(str(busy)) from busy

    return promised


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
        self._places = Places(self.rest, self.refusals, views)
        self.direct = self._places.direct
        self.asked_from = service.memory(f"{PLATFORM}.asked_from")
        self._opening = Opening(
            self.rest, self.refusals, self.asked_from, archive_minutes=settings.discord_thread_archive_minutes
        )
        self.cards = Cards(self.rest, self.refusals, views, service.memory(f"{PLATFORM}.cards"))
        self._moods: OrderedDict[str, Mood] = OrderedDict()
        self._posting = Posting(settings.token, self.rest)
        self._listens = True
        self.gateway = gateway(self)
        self.sizes = FileSizes(self.rest, self.gateway.guild)

    async def run(self, *, listens: bool = True) -> None:
        self._listens = listens
        await (self.gateway.run() if listens else self._posting.run())

    def trouble(self) -> str | None:
        return self.gateway.trouble() if self._listens else self._posting.trouble()

    async def close(self) -> None:
        """The last cards are brought up to date, then the connections end."""
        await self.cards.close(_CLOSE_SECONDS)
        await self.rest.close()

    # -- cards and threads --------------------------------------------------------------------------------------

    @_promised
    async def open(self, conversation: Conversation, card: Card) -> Opened:
        job = await self._views.job(card.job_id)
        if job is None:
            raise GiveUp("the job is no longer known", kind=FailureKind.BUG)
        opened = await self._opening.open(conversation, card, job)
        if opened.card is not None:
            await self.cards.begun(opened.card, job.id)
        await self.cursors.watch(
            opened.ref,
            own=await self._made_thread(opened, job),
            since=max((int(m.id) for m in (opened.card, job.asked_in) if m), default=0),
        )
        return opened

    async def _made_thread(self, opened: Opened, job: Job) -> bool:
        """Whether the bot made the thread: then it has the id of the message that began it (docs), of this job or of any other."""
        starter = thread_card(opened.ref)
        if starter is None:
            return False
        if starter in (opened.card, job.asked_in):
            return True
        first = await self._views.job_of(starter)
        return first is not None and starter in (first.card, first.asked_in)

    @_promised
    async def show(self, card: Card) -> None:
        await self.cards.show(card)

    # -- reactions ----------------------------------------------------------------------------------------------

    @_promised
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
            if refused.code in LACKS_PERMISSION:  # who has blocked the bot has done so for themselves alone
                await self.refusals.add("react", message.channel, refused.reason)
            raise
        overtaken = self._moods.get(name, mood) is not mood or (
            mood is Mood.WORKING and await self._is_answered(message)  # by another process
        )
        if mood is not Mood.WORKING or overtaken:
            # an earlier process may have put the working sign there, so it is taken away unseen
            await self._take_reaction(message, mood if overtaken else Mood.WORKING)

    async def _is_answered(self, message: MessageRef) -> bool:
        with suppress(StoreBusy):
            job = await self._views.job_of(message)
            return job is not None and job.asked_in == message and job.state in (JobState.SUCCEEDED, JobState.FAILED)
        return False

    async def _take_reaction(self, message: MessageRef, mood: Mood) -> None:
        try:
            async with self.rest.turn(Priority.REACTION) as client:
                await client.http.remove_own_reaction(int(message.channel), int(message.id), REACTIONS[mood])
        except Refused as refused:
            if refused.status != 404:
                raise

    # -- results ------------------------------------------------------------------------------------------------

    @_promised
    async def delete(self, message: MessageRef) -> None:
        try:
            async with self.rest.turn(Priority.OPENING) as client:
                await client.http.delete_message(int(message.channel), int(message.id))
        except Refused as refused:
            if refused.status != 404:
                raise

    @_promised
    async def deliver(self, to: ConversationRef, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        largest = max((len(picture.data) for picture in reply.images), default=0)
        limit = await self.sizes.limit(to.workspace) if largest > DEFAULT_FILE_BYTES else DEFAULT_FILE_BYTES
        delivery = Delivery(self.rest, self.refusals, self._places, limit, to=to, reply=reply, key=key, note=note)
        return await delivery.post()

    # -- files of members ---------------------------------------------------------------------------------------

    @_promised
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
        try:
            async with self.rest.turn(Priority.READING) as client:
                message: Any = await client.http.get_message(source.channel, source.message)
        except Refused:  # somebody has deleted it since, or it is no longer for the bot to see
            return None
        files = [*message.get("attachments", ())]
        for snapshot in message.get("message_snapshots", ()):
            files += snapshot["message"].get("attachments", ())
        return next((str(file["url"]) for file in files if str(file["id"]) == source.id), None)


def _named(message: MessageRef) -> str:
    return f"{message.channel}/{message.id}"
