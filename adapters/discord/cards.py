"""How does a status card keep up with its job, and a thread's card with the thread, without holding up any picture?"""

from __future__ import annotations

from collections import OrderedDict
from contextlib import suppress
from dataclasses import dataclass, field, replace
from io import BytesIO
from typing import Any

import discord

from adapters.discord import rendering, wording
from adapters.discord.faults import MISSING_ACCESS, Refused
from adapters.discord.inbound import PLATFORM
from adapters.discord.pacing import Paced, Priority
from adapters.discord.places import thread_card
from adapters.discord.refusals import Doing, Refusals
from adapters.discord.rest import Rest
from bot import messages, pictures
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import OPEN, Card, ConversationRef, Job, MessageRef
from bot.ports import StoreBusy
from bot.service import Memory
from bot.views import Views

_PREVIEW_SIDE = 512  # pixels
_REMEMBERED = 1_000  # previews; one that is forgotten is put once more
_UNFINISHED_SECONDS = 2 * 86_400.0
_RESUMED = 200  # cards that one session puts right, the newest first; the others have their turn in the next


@dataclass(frozen=True, kw_only=True, slots=True)
class _Facts:
    """What a card tells: of its own job; for a thread's card, of the job whose state and of the one whose picture it shows."""

    own: Job
    shown: Job
    head: Job | None

    @property
    def gist(self) -> tuple[object, ...]:
        """Of two cards that tell the same it is the same; what a job waits for changes too often to count."""
        head = self.head.id if self.head else None
        return self.own.state, self.own.deleted_at is None, self.shown.id, self.shown.state, head

    def card(self, conversation: ConversationRef) -> Card:
        """While something is made in the thread, all of it is about that, Cancel too; else about what began the thread."""
        if self.shown.state in OPEN:
            return messages.card(self.shown, conversation)
        own = messages.card(self.own, conversation)
        return replace(own, text=messages.state(self.shown), state=self.shown.state)


@dataclass(kw_only=True, slots=True)
class _Drawing:
    """One edit. facts: None for a message that is no card (any more). names: of the files that the card has then."""

    message: MessageRef
    ref: ConversationRef
    has_preview: bool
    facts: _Facts | None = None
    options: dict[str, Any] = field(default_factory=dict)
    names: list[str] = field(default_factory=list)

    @property
    def of_thread(self) -> bool:
        return self.message == thread_card(self.ref)

    @property
    def is_right(self) -> bool:
        """Whether the card has the preview that it should have."""
        if not self.has_preview or self.facts is None or "attachments" in self.options:
            return True
        return self.names == _preview_names(self.facts.head)


class Cards:
    """Cards are edited later, and once for many changes.

    memory: which cards may show a job as open, from before they do until they show its end. What a bot that was killed, or
    that could not reach Discord, has left undone, the next session does.

    Two processes may edit one card at nearly the same time, and the older state land last. So whoever has shown one looks
    again afterwards, and shows anew what is no longer so; and by the name of a preview Discord's answer tells whether the
    card still has the one that this process has put there.
    """

    def __init__(self, rest: Rest, refusals: Refusals, views: Views, memory: Memory) -> None:
        self._rest = rest
        self._refusals = refusals
        self._views = views
        self._memory = memory
        self._unfinished: dict[str, int] = {}  # card -> how often it was asked to show something
        self._previews: OrderedDict[str, str] = OrderedDict()  # card -> the picture it shows
        self.pace = Paced(self._edit)

    async def begun(self, message: MessageRef, job: str) -> None:
        """This message is the card of an open job: written down before anything else can happen to that."""
        await self._ask(_named(message), job)

    async def show(self, card: Card) -> None:
        """The job's own card, and the one that the channel sees of its thread."""
        if card.message is not None:
            await self._show(_named(card.message), card)
        of_thread = thread_card(card.conversation)
        if of_thread is not None and of_thread != card.message and await self._facts(of_thread, of_thread=True):
            await self._show(_named(of_thread), card)

    async def resume(self) -> None:
        """At a new session: cards that may still show a job as open which has ended."""
        noted = await self._memory.recall_all()
        newest_first = sorted(noted, key=lambda note: int(_of_name(note[0]).id), reverse=True)
        for name, memo in newest_first[:_RESUMED]:
            job = await self._views.job(memo["job"])
            conversation = await self._views.conversation(job.conversation_id) if job else None
            if job is None or conversation is None:
                await self._memory.remember(name, None)
                continue
            self._unfinished.setdefault(name, 0)
            if job.state not in OPEN:  # an open one is shown by its next step
                self.pace.show(name, messages.card(job, conversation.ref))

    async def sheet(self, card: MessageRef, job: Job) -> rendering.Sheet:
        """How a card is at this moment. job: one of its conversation, its own if it has only just been posted."""
        ref, facts = await self._of_card(card, job)
        return rendering.card(facts.card(ref))

    async def pictured(self, card: MessageRef, job: Job) -> Job:
        """The job whose picture a card shows, or will show."""
        _, facts = await self._of_card(card, job)
        return facts.head or facts.own

    async def _of_card(self, card: MessageRef, job: Job) -> tuple[ConversationRef, _Facts]:
        conversation = await self._views.conversation(job.conversation_id)
        if conversation is None:
            raise GiveUp("its conversation is no longer known", kind=FailureKind.BUG)
        facts = await self._facts(card, of_thread=card == thread_card(conversation.ref), or_of=job)
        if facts is None:
            raise GiveUp("its job is no longer known", kind=FailureKind.BUG)
        return conversation.ref, facts

    async def settled(self) -> None:
        """Until every card shows what was asked for."""
        await self.pace.settled()

    async def close(self, within: float) -> None:
        """The last edits go out at once, as far as they do within so many seconds."""
        await self.pace.close(within)

    # -- what is not to be forgotten ----------------------------------------------------------------------------

    async def _show(self, name: str, card: Card) -> None:
        with suppress(StoreBusy):  # then a crash may leave it as it is; it is shown all the same
            await self._ask(name, card.job_id)
        self.pace.show(name, card)

    async def _ask(self, name: str, job: str) -> None:
        is_new = name not in self._unfinished
        self._unfinished[name] = self._unfinished.get(name, 0) + 1
        if is_new:
            await self._memory.remember(name, {"job": job}, for_seconds=_UNFINISHED_SECONDS)

    async def _finish(self, name: str, asked: int) -> None:
        """Nothing is left to be done to this card, unless something was asked since. Another process may have noted it, too."""
        if self._unfinished.get(name, asked) != asked:
            return
        if self._unfinished.pop(name, None) is not None or await self._memory.recall(name) is not None:
            await self._memory.remember(name, None)

    # -- one edit -----------------------------------------------------------------------------------------------

    async def _edit(self, name: str, card: Card) -> None:
        """Makes a card look as its job is now; a thread's card as the thread's newest job is, with the newest picture."""
        await self._rest.budget.calm()  # a preview costs more than an acknowledgement
        drawing, asked = await self._begin(_of_name(name), card.conversation), 0
        if drawing is None:
            return
        try:
            async with self._rest.turn(Priority.CARD) as client:
                # looked up only now, so that it is not late, and that what was asked while it waited needs no other edit
                asked = self._unfinished.get(name, 0)
                self.pace.covers(name)
                await self._draw(client, name, drawing)
        except (RetryLater, GiveUp) as error:
            self._previews.pop(name, None)
            if await self._is_refused(drawing, error):
                self.pace.show(name, card)  # without the preview
            elif isinstance(error, GiveUp):
                await self._finish(name, asked)
            raise
        if not drawing.is_right:
            self._previews.pop(name, None)
        if not drawing.is_right or await self._is_overtaken(drawing):
            self.pace.show(name, card)
        elif drawing.facts is None or drawing.facts.shown.state not in OPEN:
            await self._finish(name, asked)

    async def _begin(self, message: MessageRef, ref: ConversationRef) -> _Drawing | None:
        """None where Discord has refused edits not long ago."""
        if await self._refusals.stands("card", message.channel):
            return None
        of_thread = message == thread_card(ref)
        has_preview = of_thread and not await self._refusals.stands("preview", message.channel)
        return _Drawing(message=message, ref=ref, has_preview=has_preview)

    async def _draw(self, client: discord.Client, name: str, drawing: _Drawing) -> None:
        drawing.facts = facts = await self._facts(drawing.message, of_thread=drawing.of_thread)
        if facts is None:
            return
        drawing.options = await self._preview_options(name, facts.head) if drawing.has_preview else {}
        sheet = rendering.card(facts.card(drawing.ref))
        channel = client.get_partial_messageable(int(drawing.message.channel))
        edited = await channel.get_partial_message(int(drawing.message.id)).edit(
            content=sheet.content, view=sheet.view(), allowed_mentions=sheet.allowed_mentions(), **drawing.options
        )
        drawing.names = [attachment.filename.partition(".")[0] for attachment in edited.attachments]

    async def _is_refused(self, drawing: _Drawing, error: RetryLater | GiveUp) -> bool:
        """Whether it may be the preview that is refused. Words can be edited where files can't be attached."""
        if not isinstance(error, Refused) or error.status != 403:
            return False
        may_be_preview = drawing.options.get("attachments") and error.code != MISSING_ACCESS
        doing: Doing = "preview" if may_be_preview else "card"
        await self._refusals.add(doing, drawing.message.channel, error.reason)
        return doing == "preview"

    # -- what is shown ------------------------------------------------------------------------------------------

    async def _facts(self, card: MessageRef, *, of_thread: bool, or_of: Job | None = None) -> _Facts | None:
        """Those of a card's job; None for a message that is no card, unless it is said of which job it is to be one."""
        try:
            glance = await self._views.glance(card, or_job=or_of.id if or_of else None)
        except StoreBusy as error:
            raise RetryLater(str(error)) from error
        if glance is None:
            return None
        own = glance.job if glance.job.card == card else or_of
        if own is None:
            return None
        if not of_thread:
            return _Facts(own=own, shown=own, head=None)
        head = glance.head if glance.head and glance.head.images else None
        # an edit that failed is the thread's matter: the channel sees what there is
        return _Facts(own=own, shown=glance.newest_open or head or own, head=head)

    async def _is_overtaken(self, drawing: _Drawing) -> bool:
        now = await self._facts(drawing.message, of_thread=drawing.of_thread)
        return now is not None and drawing.facts is not None and now.gist != drawing.facts.gist

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
        return discord.File(
            BytesIO(small.data), filename=f"{_preview_name(sha256)}.{small.extension}", description=description
        )


def _preview_name(sha256: str) -> str:
    return f"preview-{sha256[:16]}"


def _preview_names(head: Job | None) -> list[str]:
    return [_preview_name(head.images[0].sha256)] if head else []


def _named(message: MessageRef) -> str:
    return f"{message.channel}/{message.id}"


def _of_name(name: str) -> MessageRef:
    channel, id = name.split("/")
    return MessageRef(platform=PLATFORM, channel=channel, id=id)
