"""How does a status card keep up with its job, and a thread's card with the thread, without holding up any picture?"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import replace
from io import BytesIO
from typing import Any

import discord

from adapters.discord import rendering, wording
from adapters.discord.faults import Refused
from adapters.discord.inbound import PLATFORM
from adapters.discord.pacing import Paced, Priority
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Rest
from bot import messages, pictures
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import OPEN, Card, ConversationRef, Job, JobQuery, JobState, MessageRef
from bot.ports import StoreBusy
from bot.service import Memory
from bot.views import Views

_PREVIEW_SIDE = 512  # pixels
_REMEMBERED = 1_000  # previews; one that is forgotten is put once more
_BACK = 50  # pictures in a row that somebody may have deleted
_UNFINISHED_SECONDS = 2 * 86_400.0


class Cards:
    """Cards are edited later, and once for many changes.

    memory: which cards show a job as open, so that a bot that was killed at the wrong moment puts them right when it is back.
    """

    def __init__(self, rest: Rest, refusals: Refusals, views: Views, memory: Memory) -> None:
        self._rest = rest
        self._refusals = refusals
        self._views = views
        self._memory = memory
        self._unfinished: set[str] = set()
        self._previews: OrderedDict[str, str] = OrderedDict()  # card -> the picture it shows
        self.pace = Paced(self._edit)

    async def show(self, card: Card) -> None:
        """The job's own card, and the one that the channel sees of its thread."""
        if card.message is not None:
            self.pace.show(_named(card.message), card)
        of_thread = _thread_card(card.conversation)
        if of_thread is not None and of_thread != card.message and await self._job_of(of_thread):
            self.pace.show(_named(of_thread), card)

    async def resume(self) -> None:
        """At the start: cards that an earlier process has left in the middle of something."""
        for name, noted in await self._memory.recall_all():
            job = await self._views.job(noted["job"])
            thread = await self._views.thread(job.conversation_id) if job else None
            if job is None or thread is None:
                await self._memory.remember(name, None)
            elif job.state not in OPEN:  # an open one is shown by its next step
                self._unfinished.add(name)
                self.pace.show(name, messages.card(job, thread.conversation.ref))

    async def settled(self) -> None:
        """Until every card shows what was asked for."""
        await self.pace.settled()

    async def close(self, within: float) -> None:
        """The last edits go out at once, as far as they do within so many seconds."""
        await self.pace.close(within)

    # -- one edit -----------------------------------------------------------------------------------------------

    async def _edit(self, name: str, asked: Card) -> None:
        """Makes a card look as its job is now; a thread's card as the thread's newest job is, with the newest picture."""
        await self._rest.budget.calm()  # a preview costs more than an acknowledgement
        message = _of_name(name)
        own = await self._job_of(message)
        if own is None or await self._refusals.stands("card", message.channel):
            return
        card, options, shown = messages.card(own, asked.conversation), {}, own
        if message == _thread_card(asked.conversation):
            head = await self._head(own.conversation_id)
            shown = await self._newest(own, head)
            if shown.id != own.id:
                card = replace(card, text=messages.state(shown), state=shown.state)
            options = await self._preview_options(name, head)
        try:
            await self._send(message, rendering.card(card), options)
        except (RetryLater, GiveUp):
            self._previews.pop(name, None)
            raise
        await self._note(name, shown)

    async def _send(self, message: MessageRef, sheet: rendering.Sheet, options: dict[str, Any]) -> None:
        try:
            async with self._rest.turn(Priority.CARD) as client:
                partial = client.get_partial_messageable(int(message.channel)).get_partial_message(int(message.id))
                await partial.edit(
                    content=sheet.content, view=sheet.view(), allowed_mentions=sheet.allowed_mentions(), **options
                )
        except Refused as refused:
            if refused.status == 403:
                await self._refusals.add("card", message.channel, refused.reason)
            raise

    async def _note(self, name: str, shown: Job) -> None:
        if shown.state in OPEN and name not in self._unfinished:
            self._unfinished.add(name)
            await self._memory.remember(name, {"job": shown.id}, for_seconds=_UNFINISHED_SECONDS)
        elif shown.state not in OPEN and name in self._unfinished:
            self._unfinished.discard(name)
            await self._memory.remember(name, None)

    # -- what is shown ------------------------------------------------------------------------------------------

    async def _job_of(self, card: MessageRef) -> Job | None:
        """The job that this message is the card of; None for any other message."""
        try:
            job = await self._views.job_of(card)
        except StoreBusy as error:
            raise RetryLater(str(error)) from error
        return job if job is not None and job.card == card else None

    async def _newest(self, own: Job, head: Job | None) -> Job:
        """Whose state a thread's card shows: an edit that failed is the thread's matter, the channel sees what there is."""
        newest = await self._views.jobs(JobQuery(conversation_id=own.conversation_id, limit=1))
        return newest[0] if newest and newest[0].state in OPEN else head or own

    async def _head(self, conversation_id: str) -> Job | None:
        done = JobQuery(conversation_id=conversation_id, states=frozenset({JobState.SUCCEEDED}), limit=_BACK)
        return next((job for job in await self._views.jobs(done) if job.deleted_at is None and job.images), None)

    async def _preview_options(self, name: str, head: Job | None) -> dict[str, Any]:
        """What puts the newest picture of a thread on its card, or takes it off; nothing where it is right already."""
        wanted = head.images[0].sha256 if head else ""
        if wanted == self._previews.get(name):
            return {}
        files = [await self._preview(wanted, head.prompt)] if head else []
        self._previews[name] = wanted
        while len(self._previews) > _REMEMBERED:
            self._previews.popitem(last=False)
        return {"attachments": files}

    async def _preview(self, sha256: str, alt: str) -> discord.File:
        data = await self._views.picture(sha256)
        if data is None:
            raise GiveUp("its picture is no longer kept", kind=FailureKind.UNKNOWN)
        small = await pictures.preview(data, max_side=_PREVIEW_SIDE)
        description = wording.cut(alt, wording.LONGEST_ALT) or None
        return discord.File(BytesIO(small.data), filename=f"preview.{small.extension}", description=description)


def _thread_card(ref: ConversationRef) -> MessageRef | None:
    """The message from which a thread was made: it stands in the channel and has the thread's id (docs)."""
    if ref.thread is None or ref.thread == ref.channel:
        return None
    return MessageRef(platform=PLATFORM, channel=ref.channel, id=ref.thread)


def _named(message: MessageRef) -> str:
    return f"{message.channel}/{message.id}"


def _of_name(name: str) -> MessageRef:
    channel, id = name.split("/")
    return MessageRef(platform=PLATFORM, channel=channel, id=id)
