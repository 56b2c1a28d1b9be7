"""How does the bot post, react, update, delete and fetch on Slack? The promises of a platform, each by one of its own modules."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from adapters.slack import wording
from adapters.slack.api import Api
from adapters.slack.cards import Cards, thread_of
from adapters.slack.delivering import Deliveries, Unshown
from adapters.slack.downloading import Downloads
from adapters.slack.faults import ABSENT, Refused
from adapters.slack.inbound import PLATFORM, is_direct, message_ref
from adapters.slack.lookups import Lookups
from adapters.slack.settings import Settings
from adapters.slack.shares import Shares
from adapters.slack.strands import Strands
from adapters.slack.telling import direct_channel
from adapters.slack.timing import Timing
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import (
    OPEN,
    Attachment,
    Card,
    Conversation,
    ConversationRef,
    JobState,
    Json,
    MessageRef,
    Mood,
    Opened,
    Reply,
)
from bot.ports import Note, StoreBusy
from bot.service import Service
from bot.views import Views

MOODS = MappingProxyType({Mood.WORKING: "hourglass_flowing_sand", Mood.DONE: "white_check_mark", Mood.FAILED: "x"})
PATIENCE_SECONDS = 300.0
"""How long a last reaction and a removal wait for Slack. Fifty members at once need 150 s for their reactions (tier 2)."""

_GONE = frozenset({"message_not_found", "channel_not_found", "cant_delete_message"})


class Outbound:
    """The half of the platform that acts."""

    def __init__(self, settings: Settings, service: Service, views: Views, timing: Timing) -> None:
        self._timing = timing
        self.api = Api(settings, timing)
        self.shares = Shares(self.api, timing)
        self.lookups = Lookups(self.api, timing)
        self.downloads = Downloads(self.api)
        self.cards = Cards(self.api, self.lookups, service, views, timing)
        self.strands = Strands(service, views)
        self._deliveries = Deliveries(self.api, self.shares, self.lookups, timing)
        self._memory = service.memory(PLATFORM)
        self._views = views

    async def open(self, conversation: Conversation, card: Card) -> Opened:
        """The root message with the card begins a thread. In a place that is there already a card is posted only for what
        no message of a member asked for; else that message bears the reactions.
        """
        ref = conversation.ref
        posted = card.message
        if posted is None and (ref.thread is None or await self.cards.wanted(card.job_id)):
            posted = await self.cards.post(card)
        if ref.thread is None and posted is not None:
            ref = replace(ref, thread=posted.id)
        return Opened(ref=ref, card=posted)

    async def show(self, card: Card) -> None:
        """Its own card, and the preview on the card that began the thread."""
        channel, thread = card.conversation.channel, thread_of(card.conversation)
        if card.message:
            if card.state not in OPEN:
                await self.cards.owe(card.job_id)
            self.cards.show(channel, card.message.id)
        if thread and card.state is JobState.SUCCEEDED and (card.message is None or card.message.id != thread):
            self.cards.show(channel, thread)

    async def react(self, message: MessageRef, mood: Mood) -> None:
        if mood is Mood.WORKING:
            await self._mark(message, mood)
            if await self._is_answered(message):  # whoever answered took away what was not there yet
                await self._no_longer_working(message)
        else:
            await self._patiently(lambda: self._no_longer_working(message))
            await self._patiently(lambda: self._mark(message, mood))

    async def _mark(self, message: MessageRef, mood: Mood) -> None:
        with suppress(GiveUp):  # already_reacted; message_not_found
            await self.api.call("reactions.add", channel=message.channel, timestamp=message.id, name=MOODS[mood])

    async def _no_longer_working(self, message: MessageRef) -> None:
        with suppress(GiveUp):  # no_reaction: it never came to that
            await self.api.call(
                "reactions.remove", channel=message.channel, timestamp=message.id, name=MOODS[Mood.WORKING]
            )

    async def _patiently(self, work: Callable[[], Awaitable[None]]) -> None:
        """For what nobody asks for again: it waits here until Slack lets it through, though not for ever."""
        until, pause = self._timing.now() + PATIENCE_SECONDS, 1.0
        while True:
            try:
                await work()
            except RetryLater as error:
                pause = error.after if error.after is not None else min(60.0, 2 * pause)
                if self._timing.now() + pause > until:
                    raise
                await self._timing.sleep(pause)
            else:
                return

    async def _is_answered(self, message: MessageRef) -> bool:
        with suppress(StoreBusy):
            job = await self._views.job_of(message)
            return job is not None and job.asked_in == message and job.state in (JobState.SUCCEEDED, JobState.FAILED)
        return False

    async def delete(self, message: MessageRef) -> None:
        """The message with its files."""
        await self._patiently(lambda: self._removed(message))

    async def _removed(self, message: MessageRef) -> None:
        kept = await self._memory.recall(_post_key(message.channel, message.id))
        if kept:
            await self.shares.remove(list(kept["files"]))
        try:
            await self.api.call("chat.delete", key=message.id, channel=message.channel, ts=message.id)
        except Refused as error:
            if error.code not in _GONE:
                raise
        if kept and kept.get("thread"):
            thread = str(kept["thread"])
            begun_by = await self._views.job_of(message_ref(message.channel, thread))
            if begun_by is not None:
                await self.cards.owe(begun_by.id)
            self.cards.show(message.channel, thread)

    async def deliver(self, to: ConversationRef, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        """Into its thread; where that is closed to the bot, to the member directly."""
        memo = await note.load() or {}
        if "posts" in memo:
            return tuple(message_ref(*post) for post in memo["posts"])
        try:
            return await self._deliver_somewhere(to, reply, memo, key=key, note=note)
        except (Refused, Unshown) as error:
            if not reply.images or (isinstance(error, Refused) and error.closes_place):
                raise
            # words are taken where a picture is not, and so the core has the member told
            raise GiveUp(error.reason, kind=FailureKind.CONTENT, text=wording.unshown()) from error

    async def _deliver_somewhere(
        self, to: ConversationRef, reply: Reply, memo: Json, *, key: str, note: Note
    ) -> tuple[MessageRef, ...]:
        try:
            if memo.get("elsewhere"):
                raise GiveUp("closed before", kind=FailureKind.PLACE)
            if to.thread is None:
                raise GiveUp("its thread was never begun", kind=FailureKind.PLACE)
            return await self._deliver_there(to.channel, thread_of(to), reply, memo, key=key, note=note)
        except GiveUp as error:
            if error.kind is not FailureKind.PLACE or is_direct(to.channel):
                raise
            if isinstance(error, Refused) and error.code in ABSENT and await self.cards.join(to.channel):
                raise RetryLater("joined the channel", after=0.5) from error
            if not memo.get("elsewhere"):
                direct = await direct_channel(self.api, reply.requester.id)
                await note.save({"elsewhere": direct, "is_open": isinstance(error, Unshown)})
        return await self._deliver_directly(to.channel, reply, key=key, note=note)

    async def _deliver_directly(self, asked_in: str, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        memo = await note.load() or {}
        direct = str(memo["elsewhere"])
        why = wording.unshown_elsewhere(asked_in) if memo.get("is_open") else wording.posted_elsewhere(asked_in)
        posts = await self._deliver_there(direct, None, reply, memo, key=key, note=note, elsewhere=why)
        if reply.images:
            await self.strands.came(direct, posts[0].id, reply.answers)
        return posts

    async def _deliver_there(
        self,
        channel: str,
        thread: str | None,
        reply: Reply,
        memo: Json,
        *,
        key: str,
        note: Note,
        elsewhere: str | None = None,
    ) -> tuple[MessageRef, ...]:
        """What was asked for in a thread of a direct message is answered in that thread, if it is there still."""
        asked_in = reply.answers if reply.answers and reply.answers.channel == channel else None
        own = None if memo.get("outside") else await self.strands.thread_of(asked_in)
        if own is not None:
            try:
                return await self._deliver(channel, own, reply, key=key, note=note, elsewhere=elsewhere)
            except (Refused, Unshown) as error:
                if isinstance(error, Refused) and not error.closes_place:
                    raise
                kept: Json = {name: memo[name] for name in ("elsewhere", "is_open") if name in memo}
                await note.save({**kept, "outside": True})
        return await self._deliver(channel, thread, reply, key=key, note=note, elsewhere=elsewhere)

    async def _deliver(
        self, channel: str, thread: str | None, reply: Reply, *, key: str, note: Note, elsewhere: str | None = None
    ) -> tuple[MessageRef, ...]:
        if reply.images:
            posts, files = await self._deliveries.share(channel, thread, reply, key=key, note=note, elsewhere=elsewhere)
            known: Json = {"files": files, "thread": thread}
            await self._memory.remember(_post_key(channel, posts[0]), known)  # for ever, as its buttons work
        else:
            posts = [await self._deliveries.say(channel, thread, reply, key=key, note=note, elsewhere=elsewhere)]
        await note.save({"posts": [[channel, ts] for ts in posts]})
        return tuple(message_ref(channel, ts) for ts in posts)

    async def fetch(self, attachment: Attachment) -> bytes:
        return await self.downloads.fetch(attachment)


def _post_key(channel: str, ts: str) -> str:
    return f"post:{channel}-{ts}"
