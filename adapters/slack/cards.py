"""How do status cards get posted once, and kept up to date when there is nothing better to do?"""

from __future__ import annotations

import asyncio
from contextlib import suppress

import structlog

from adapters.slack import rendering
from adapters.slack.api import Api
from adapters.slack.faults import ABSENT, NOT_DONE, Limited, OwnerMustAct, Refused
from adapters.slack.inbound import PLATFORM, is_direct, message_ref
from adapters.slack.lookups import Lookups, metadata
from adapters.slack.pacing import Paced, Priority
from adapters.slack.rendering import Preview
from adapters.slack.timing import Timing
from bot import messages
from bot.errors import GiveUp, RetryLater
from bot.model import OPEN, Card, ConversationRef, Job, Json, MessageRef
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

CARD = "darkroom_card"
"""The kind of metadata that marks a status card."""

GAP_SECONDS = 3.0
"""Between two updates of one card."""

_MOST_PAUSE = 30.0
_REMEMBERED = 3 * 86_400.0  # seconds; longer than any job stays open
_ATTEMPTS = 20  # of the same update; waiting for answers that go first is none


class Cards:
    """Cards of jobs. What was begun is remembered until the card shows its job's end: a card is looked for only where one may
    stand, and a bot that was killed at the wrong moment puts its cards right when it is back.
    """

    def __init__(self, api: Api, lookups: Lookups, service: Service, views: Views, timing: Timing) -> None:
        self._api = api
        self._lookups = lookups
        self._memory = service.memory(f"{PLATFORM}.cards")  # by job: when its card was first tried to be posted
        self._posts = service.memory(PLATFORM)
        self._views = views
        self._timing = timing
        self._wanted: set[tuple[str, str]] = set()
        self._keeping: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._hurry = asyncio.Event()
        self._log = structlog.get_logger("slack")

    # -- posting ------------------------------------------------------------------------------------------------

    async def want(self, job_id: str) -> bool:
        """Nobody's message can bear a reaction for this job, so it gets a card. False: it was wanted before."""
        if await self.wanted(job_id):
            return False
        await self._memory.remember(job_id, {"tried_at": None}, for_seconds=_REMEMBERED)
        return True

    async def wanted(self, job_id: str) -> bool:
        return await self._memory.recall(job_id) is not None

    async def post(self, card: Card) -> MessageRef:
        """The card's message: the one that stands there, else a new one. Raises RetryLater, GiveUp."""
        channel, thread = card.conversation.channel, thread_of(card.conversation)
        # looked for inside of the turn, so that nobody else of this process is about to post it
        with self._api.pacer.turn("chat.postMessage", channel, key=f"card-{card.job_id}"):
            known = await self._memory.recall(card.job_id) or {}
            found = None
            if known.get("tried_at") is not None:
                since, begun_at = known["tried_at"], known["begun_at"]
                found = await self._lookups.by_key(
                    channel, thread, kind=CARD, key=card.job_id, since=since, begun_at=begun_at
                )
            return message_ref(channel, found or await self._posted(card, channel, thread, known))

    async def post_within(self, card: Card, seconds: float) -> MessageRef:
        """The same; waits for Slack's pace where that is no longer than this."""
        waited = 0.0
        while True:
            try:
                return await self.post(card)
            except Limited:
                raise
            except RetryLater as error:
                if error.after is None or waited + error.after > seconds:
                    raise
                waited += error.after
                await self._timing.sleep(error.after)

    async def _posted(self, card: Card, channel: str, thread: str | None, known: Json) -> str:
        tried = {"tried_at": known.get("tried_at") or self._api.slack_time(), "begun_at": self._timing.now()}
        await self._memory.remember(card.job_id, tried, for_seconds=_REMEMBERED)
        try:
            posted = await self._api.send(
                "chat.postMessage", channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False,
                metadata=metadata(CARD, card.job_id), **rendering.card(card),
            )  # fmt: skip
        except (*NOT_DONE, Refused) as error:  # certainly not posted now: nothing new to look for
            await self._memory.remember(card.job_id, known or {"tried_at": None}, for_seconds=_REMEMBERED)
            if isinstance(error, Refused) and error.code in ABSENT and await self.join(channel):
                raise RetryLater("has just joined the channel", after=0.0) from error
            raise
        return str(posted["ts"])

    async def join(self, channel: str) -> bool:
        """Whether the bot could join by itself; only public channels let it."""
        if is_direct(channel):
            return False
        try:
            await self._api.call("conversations.join", channel=channel)
        except (GiveUp, OwnerMustAct):
            return False
        return True

    # -- keeping up ---------------------------------------------------------------------------------------------

    def show(self, channel: str, ts: str) -> None:
        """The card is out of date. It will show its job as it is when its turn comes; what a newer state overtakes is not sent."""
        card = (channel, ts)
        self._wanted.add(card)
        if card not in self._keeping:
            self._keeping[card] = asyncio.create_task(self._keep_up(card), name=f"aside-card-{ts}")

    async def owe(self, job_id: str) -> None:
        """The card of a job that has ended is about to change once more: if we die before, the next process changes it."""
        with suppress(StoreBusy):
            await self.want(job_id)

    async def resume(self) -> None:
        """At the start: cards that an earlier process has left in the middle of something. Raises StoreBusy."""
        for job_id, _ in await self._memory.recall_all():
            job = await self._views.job(job_id)
            if job is None or (job.state not in OPEN and job.card is None):
                await self._memory.remember(job_id, None)
            elif job.state not in OPEN and job.card is not None:  # an open one is shown by its next step
                self.show(job.card.channel, job.card.id)

    async def settled(self) -> None:
        """Until every card shows what was asked for."""
        while self._keeping:
            await asyncio.gather(*self._keeping.values())

    async def close(self, within: float) -> None:
        """Last updates go out at once, so that no card claims for ever that somebody is at work on it."""
        self._hurry.set()
        if self._keeping:
            _, late = await asyncio.wait(self._keeping.values(), timeout=within)
            for task in late:
                task.cancel()
            await asyncio.gather(*late, return_exceptions=True)

    async def _keep_up(self, card: tuple[str, str]) -> None:
        failures = 0
        try:
            while card in self._wanted and failures < _ATTEMPTS:
                self._wanted.discard(card)
                pause = GAP_SECONDS
                try:
                    await self._update(*card)
                except (RetryLater, StoreBusy) as error:
                    self._wanted.add(card)
                    if isinstance(error, Paced):
                        pause = min(_MOST_PAUSE, max(pause, error.after or 0.0))
                    else:
                        failures += 1
                        self._log.debug("card_later", reason=str(error))
                    if self._hurry.is_set():
                        break
                await self._timing.happens(self._hurry, within=pause, resting=True)
        finally:
            self._wanted.discard(card)
            self._keeping.pop(card, None)

    async def _update(self, channel: str, ts: str) -> None:
        """Returns when the card is right, or never will be. Raises RetryLater, StoreBusy.

        An older state that another process shows may land last, so whoever has shown one looks again afterwards: what is no
        longer so is shown anew.
        """
        if await self._job(channel, ts) is None:  # what is no card takes nobody's turn
            return
        shown = None
        try:
            with self._api.pacer.turn("chat.update", channel, priority=Priority.CARD):
                shown = await self._now(channel, ts)
                if shown is None:
                    return
                await self._api.send("chat.update", channel=channel, ts=ts, **shown[1])
            now = await self._now(channel, ts)
            if now is None or now[1] != shown[1]:
                self._wanted.add((channel, ts))
        except (RetryLater, StoreBusy):
            raise
        except GiveUp as error:
            self._log.debug("card_not_shown", reason=error.reason)
        except Exception:  # noqa: BLE001 - logged as the bug it is
            self._log.exception("bug_in_card")
        if shown is not None and shown[0].state not in OPEN:
            await self._memory.remember(shown[0].id, None)

    async def _now(self, channel: str, ts: str) -> tuple[Job, Json] | None:
        """The job of this card, and what the card has to show; None for what is no card any more."""
        job = await self._job(channel, ts)
        conversation = await self._views.conversation(job.conversation_id) if job else None
        if job is None or conversation is None:
            return None
        ref = conversation.ref
        preview = await self._newest(ref) if ref.thread == ts and job.state not in OPEN else None
        return job, rendering.card(messages.card(job, ref), preview=preview)

    async def _job(self, channel: str, ts: str) -> Job | None:
        job = await self._views.job_of(message_ref(channel, ts))
        return job if job and job.card and job.card.id == ts else None

    async def _newest(self, ref: ConversationRef) -> Preview | None:
        thread = await self._views.thread_at(ref)
        head = next((version.job for version in thread.versions if version.is_head), None) if thread else None
        if head is None or not head.posts:
            return None
        kept = await self._posts.recall(f"post:{head.posts[0].channel}-{head.posts[0].id}")
        return Preview(file=str(kept["files"][0]), prompt=head.prompt) if kept and kept["files"] else None


def thread_of(ref: ConversationRef) -> str | None:
    """The `thread_ts` of what is posted there: none in a direct message, which is one conversation as a whole."""
    return None if ref.thread in (None, ref.channel) else ref.thread
