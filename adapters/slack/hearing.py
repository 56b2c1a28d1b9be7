"""What happens when somebody says something? Each message once, whatever events tell of it, and however often."""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from dataclasses import dataclass, replace
from weakref import WeakValueDictionary

import structlog

from adapters.slack import inbound, wording
from adapters.slack.asking import HELP, LIMITS
from adapters.slack.inbound import PLATFORM, Spot
from adapters.slack.outbound import Outbound
from adapters.slack.telling import tell
from adapters.slack.timing import Timing
from adapters.slack.workspace import Identity, Workspace
from bot.errors import GiveUp, RetryLater, UserError
from bot.model import OPEN, Json, Mood, Person, Utterance
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

TWIN_SECONDS = 1.5
"""How long a mention waits for the message event of the same post, which tells of its files too."""

_RECENT = 5_000  # messages that are known to be heard, in memory; the store knows those that were accepted or refused
_REFUSALS_KEPT = 2 * 86_400.0


@dataclass(frozen=True, kw_only=True, slots=True)
class _Sentence:
    """What the author of a message is told privately. ours: with markup of our own."""

    text: str
    ours: bool = False


class Hearing:
    """Messages and mentions."""

    def __init__(
        self, outbound: Outbound, workspace: Workspace, service: Service, views: Views, timing: Timing
    ) -> None:
        self._outbound = outbound
        self._workspace = workspace
        self._service = service
        self._views = views
        self._timing = timing
        self._memory = service.memory(PLATFORM)
        self._heard: OrderedDict[str, None] = OrderedDict()
        self._twins: dict[str, asyncio.Event] = {}  # by message: its mention waits for it
        self._turns: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._log = structlog.get_logger("slack")

    async def mention(self, event: Json) -> None:
        """`app_mention`, which comes beside the message of the same post and is not sure to name its files."""
        source = inbound.source_id(event)
        if not event.get("files") and source not in self._heard:
            twin = self._twins.setdefault(source, asyncio.Event())
            await self._timing.happens(twin, within=TWIN_SECONDS)
            self._twins.pop(source, None)
        await self.message(event)

    async def message(self, event: Json) -> None:
        """`message`, from the wire or from the history."""
        me = await self._workspace.identity()
        if event.get("user") == me.user or event.get("bot_id") == me.bot:
            self._outbound.shares.heard(event)
            return
        if not inbound.spoken(event) or inbound.by_bot(event) or not self._may_be_meant(event, me):
            return
        source = inbound.source_id(event)
        if source in self._heard:
            return
        self._remember(source)
        try:
            # in the order in which it was said: what is to be looked up about one message must not let the next one pass it
            async with self._turn(event):
                sentence = await self._hear(event, me)
        except StoreBusy:
            # it stays known: the mention beside it, or its redelivery, must not be taken up after its author was told this
            sentence = _Sentence(text=wording.busy())
        if sentence is not None:  # out of its turn: telling may take minutes when Slack is in trouble
            await tell(self._outbound.api, self._spot(event, me.team), sentence.text, ours=sentence.ours)

    def _turn(self, event: Json) -> asyncio.Lock:
        where = f"{event['channel']}-{'' if inbound.is_private(event) else event.get('thread_ts') or event['ts']}"
        return self._turns.setdefault(where, asyncio.Lock())

    @staticmethod
    def _may_be_meant(event: Json, me: Identity) -> bool:
        """Talk in a channel, outside of threads and without the bot's name, is nobody's business here."""
        in_thread = event.get("thread_ts") is not None
        return in_thread or inbound.is_private(event) or inbound.mentions(event, me.user)

    async def _hear(self, event: Json, me: Identity) -> _Sentence | None:
        """What its author is to be told."""
        meant = await self._outbound.strands.meant(event, me.team)
        utterance = inbound.utterance(
            event, workspace=me.team, me=me.user, plain_talk=await self._began(event, me), meant=meant
        )
        if any(inbound.is_stub(file) for file in event.get("files") or ()):
            utterance = await self._described(utterance, event)
        if (about := await self._asked_how(utterance, me)) is not None:
            return await self._once(event, about)
        await self._outbound.strands.said(event, meant)
        try:
            job = await self._service.reply(utterance)
        except UserError as error:
            return await self._once(event, _Sentence(text=str(error)))
        if job is not None and job.state in OPEN and utterance.message is not None:
            try:
                await self._outbound.react(utterance.message, Mood.WORKING)
            except (RetryLater, GiveUp) as error:
                self._log.debug("reaction_failed", job=job.id, reason=error.reason)
        return None

    async def _asked_how(self, utterance: Utterance, me: Identity) -> _Sentence | None:
        """Its name alone, `help` and `limits` are about the bot, as they are after `/imagine`; nothing is painted of them."""
        said = utterance.text.strip().lower()
        meant = utterance.mentions_bot or (utterance.private and said != "")
        if utterance.attachments or utterance.begins_with_mention or not meant:
            return None
        if said in HELP:
            return _Sentence(text="\n".join(wording.how_to()), ours=True)
        if said in LIMITS:
            return _Sentence(text=await self._service.usage(PLATFORM, me.team, utterance.author))
        return None

    async def _began(self, event: Json, me: Identity) -> bool:
        """Whether the bot's work began this thread: its card, or a message that asked it for a picture, is at its top."""
        thread = event.get("thread_ts")
        if thread is None or event.get("parent_user_id") == me.user:
            return True
        return await self._views.job_of(inbound.message_ref(event["channel"], thread)) is not None

    async def _described(self, utterance: Utterance, event: Json) -> Utterance:
        stubs = {file["id"] for file in event["files"] if inbound.is_stub(file)}
        files = []
        for attachment in utterance.attachments:
            try:
                known = (
                    await self._outbound.downloads.described(attachment) if attachment.address in stubs else attachment
                )
            except (RetryLater, GiveUp):
                known = attachment
            files.append(known)
        return replace(utterance, attachments=tuple(files))

    async def _once(self, event: Json, sentence: _Sentence) -> _Sentence | None:
        """The sentence, unless it was told already: the message may be delivered again, to another process even."""
        key = f"refused:{event['user']}:{event['channel']}-{event['ts']}"
        if await self._memory.recall(key) is not None:
            return None
        await self._memory.remember(key, {}, for_seconds=_REFUSALS_KEPT)
        return sentence

    @staticmethod
    def _spot(event: Json, workspace: str) -> Spot:
        person = Person(id=event["user"], name=event["user"])
        thread = event.get("thread_ts")
        return Spot(
            workspace=workspace, channel=event["channel"], thread=thread, person=person, in_thread=thread is not None
        )

    def _remember(self, source: str) -> None:
        self._heard[source] = None
        if source in self._twins:
            self._twins[source].set()
        while len(self._heard) > _RECENT:
            self._heard.popitem(last=False)
