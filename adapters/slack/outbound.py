"""How does the bot post, react, update, delete and fetch on Slack? The promises of a platform, each by one of its own modules."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from types import MappingProxyType

from adapters.slack import wording
from adapters.slack.api import Api
from adapters.slack.cards import GAP_SECONDS, Cards, thread_of
from adapters.slack.delivering import Deliveries
from adapters.slack.downloading import Downloads
from adapters.slack.faults import ABSENT, Refused
from adapters.slack.inbound import PLATFORM, is_direct, message_ref
from adapters.slack.lookups import Lookups
from adapters.slack.pacing import Pacer
from adapters.slack.settings import Settings
from adapters.slack.shares import Shares
from adapters.slack.telling import direct_channel
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import Attachment, Card, Conversation, ConversationRef, JobState, Json, MessageRef, Mood, Opened, Reply
from bot.ports import Note
from bot.service import Service
from bot.views import Views

MOODS = MappingProxyType({Mood.WORKING: "hourglass_flowing_sand", Mood.DONE: "white_check_mark", Mood.FAILED: "x"})
PATIENCE_SECONDS = 12.0
"""How long one attempt waits for Slack to share a picture."""

_POST_KEPT = 400 * 86_400.0  # seconds that the files of a post are known: for previews, and to delete them
_GONE = frozenset({"message_not_found", "channel_not_found", "cant_delete_message"})


class Outbound:
    """The half of the platform that acts. gap: between two updates of one card; patience: see PATIENCE_SECONDS."""

    def __init__(
        self,
        settings: Settings,
        service: Service,
        views: Views,
        *,
        clock: Callable[[], float] = time.time,
        gap: float = GAP_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        self.api = Api(settings, Pacer(clock))
        self.shares = Shares(self.api, patience=patience)
        self.lookups = Lookups(self.api)
        self.downloads = Downloads(self.api)
        self.cards = Cards(self.api, self.lookups, service, views, gap=gap)
        self._deliveries = Deliveries(self.api, self.shares, self.lookups, clock)
        self._memory = service.memory(PLATFORM)

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
            self.cards.show(channel, card.message.id)
        if thread and card.state is JobState.SUCCEEDED and (card.message is None or card.message.id != thread):
            self.cards.show(channel, thread)

    async def react(self, message: MessageRef, mood: Mood) -> None:
        if mood is not Mood.WORKING:
            with suppress(GiveUp, RetryLater):  # no_reaction: it never came to that
                await self.api.call(
                    "reactions.remove", channel=message.channel, timestamp=message.id, name=MOODS[Mood.WORKING]
                )
        with suppress(GiveUp):  # already_reacted; message_not_found
            await self.api.call("reactions.add", channel=message.channel, timestamp=message.id, name=MOODS[mood])

    async def delete(self, message: MessageRef) -> None:
        """The message with its files."""
        kept = await self._memory.recall(_post_key(message.channel, message.id))
        if kept:
            await self.shares.remove(list(kept["files"]))
        try:
            await self.api.call("chat.delete", key=message.id, channel=message.channel, ts=message.id)
        except Refused as error:
            if error.code not in _GONE:
                raise
        if kept and kept.get("thread"):
            self.cards.show(message.channel, str(kept["thread"]))

    async def deliver(self, to: ConversationRef, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        """Into its thread; where that is closed to the bot, to the member directly."""
        memo = await note.load() or {}
        if "post" in memo:
            return (message_ref(*memo["post"]),)
        try:
            if memo.get("elsewhere"):
                raise GiveUp("closed before", kind=FailureKind.PLACE)
            if to.thread is None:
                raise GiveUp("its thread was never begun", kind=FailureKind.PLACE)
            return await self._deliver(to.channel, thread_of(to), reply, key=key, note=note)
        except GiveUp as error:
            if error.kind is not FailureKind.PLACE or is_direct(to.channel):
                raise
            if isinstance(error, Refused) and error.code in ABSENT and await self.cards.join(to.channel):
                raise RetryLater("joined the channel", after=0.5) from error
        return await self._deliver_directly(to.channel, reply, key=key, note=note)

    async def _deliver_directly(self, asked_in: str, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        memo = await note.load() or {}
        if not memo.get("elsewhere"):
            memo = {"elsewhere": await direct_channel(self.api, reply.requester.id)}
            await note.save(memo)
        elsewhere = wording.posted_elsewhere(asked_in, "")
        return await self._deliver(str(memo["elsewhere"]), None, reply, key=key, note=note, elsewhere=elsewhere)

    async def _deliver(
        self, channel: str, thread: str | None, reply: Reply, *, key: str, note: Note, elsewhere: str | None = None
    ) -> tuple[MessageRef, ...]:
        files: list[str] = []
        if reply.images:
            ts, files = await self._deliveries.share(channel, thread, reply, key=key, note=note, elsewhere=elsewhere)
        else:
            ts = await self._deliveries.say(channel, thread, reply, key=key, note=note, elsewhere=elsewhere)
        if files:
            known: Json = {"files": files, "thread": thread}
            await self._memory.remember(_post_key(channel, ts), known, for_seconds=_POST_KEPT)
        await note.save({"post": [channel, ts]})
        return (message_ref(channel, ts),)

    async def fetch(self, attachment: Attachment) -> bytes:
        return await self.downloads.fetch(attachment)


def _post_key(channel: str, ts: str) -> str:
    return f"post:{channel}-{ts}"
