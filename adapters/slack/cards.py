"""How do status cards get posted once, and kept up to date when there is nothing better to do?"""

from __future__ import annotations

import asyncio

import structlog

from adapters.slack import rendering
from adapters.slack.api import Api
from adapters.slack.faults import ABSENT, Limited, OwnerMustAct, Refused
from adapters.slack.inbound import PLATFORM, is_direct, message_ref
from adapters.slack.lookups import Lookups, metadata
from bot import messages
from bot.errors import GiveUp, RetryLater
from bot.model import OPEN, Card, ConversationRef, Job, JobState, Json, MessageRef
from bot.service import Service
from bot.views import Views

CARD = "darkroom_card"
"""The kind of metadata that marks a status card."""

GAP_SECONDS = 3.0
"""Between two updates of one card."""

_REMEMBERED = 3 * 86_400.0  # seconds; longer than any job stays open
_ATTEMPTS = 20  # of the same update, GAP_SECONDS apart


class Cards:
    """Cards of jobs. What was begun is remembered, so that a card is looked for only where one may stand."""

    def __init__(self, api: Api, lookups: Lookups, service: Service, views: Views, *, gap: float) -> None:
        self._api = api
        self._lookups = lookups
        self._memory = service.memory(PLATFORM)
        self._views = views
        self._gap = gap
        self._wanted: set[tuple[str, str]] = set()
        self._keeping: dict[tuple[str, str], asyncio.Task[None]] = {}
        self._hurry = asyncio.Event()
        self._log = structlog.get_logger("slack")

    # -- posting ------------------------------------------------------------------------------------------------

    async def want(self, job_id: str) -> bool:
        """Nobody's message can bear a reaction for this job, so it gets a card. False: it was wanted before."""
        if await self._memory.recall(f"card:{job_id}") is not None:
            return False
        await self._memory.remember(f"card:{job_id}", {"tried_at": None}, for_seconds=_REMEMBERED)
        return True

    async def wanted(self, job_id: str) -> bool:
        return await self._memory.recall(f"card:{job_id}") is not None

    async def post(self, card: Card) -> MessageRef:
        """The card's message: the one that stands there, else a new one. Raises RetryLater, GiveUp."""
        channel, thread = card.conversation.channel, thread_of(card.conversation)
        known = await self._memory.recall(f"card:{card.job_id}") or {}
        tried_at = known.get("tried_at")
        if tried_at is not None:
            found = await self._lookups.by_key(channel, thread, kind=CARD, key=card.job_id, since=tried_at)
            if found:
                return message_ref(channel, found)
        self._api.pacer.turn("chat.postMessage", channel, key=f"card-{card.job_id}")
        return message_ref(channel, await self._posted(card, channel, thread, tried_at))

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
                await asyncio.sleep(error.after)

    async def _posted(self, card: Card, channel: str, thread: str | None, tried_at: float | None) -> str:
        key = f"card:{card.job_id}"
        if tried_at is None:
            await self._memory.remember(key, {"tried_at": self._api.slack_time()}, for_seconds=_REMEMBERED)
        try:
            return await self._post(card, channel, thread)
        except (Limited, OwnerMustAct, Refused) as error:
            if tried_at is None:  # certainly not posted: nothing to look for
                await self._memory.remember(key, {"tried_at": None}, for_seconds=_REMEMBERED)
            if isinstance(error, Refused) and error.code in ABSENT and await self.join(channel):
                raise RetryLater("has just joined the channel", after=0.0) from error
            raise

    async def _post(self, card: Card, channel: str, thread: str | None) -> str:
        posted = await self._api.call(
            "chat.postMessage", paced=False, channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False,
            metadata=metadata(CARD, card.job_id), **rendering.card(card),
        )  # fmt: skip
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
            self._keeping[card] = asyncio.create_task(self._keep_up(card), name=f"card-{ts}")

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
        attempts = 0
        try:
            while card in self._wanted and attempts < _ATTEMPTS:
                if self._api.pacer.spare("chat.update", card[0]):
                    self._wanted.discard(card)
                    if not await self._update(*card):
                        self._wanted.add(card)
                        attempts += 1
                else:
                    attempts += 1
                await self._pause()
        finally:
            self._wanted.discard(card)
            self._keeping.pop(card, None)

    async def _update(self, channel: str, ts: str) -> bool:
        """Whether the card need not be tried again."""
        try:
            content = await self._content(channel, ts)
            if content:
                await self._api.call("chat.update", paced=False, channel=channel, ts=ts, **content)
        except RetryLater as error:
            self._log.debug("card_later", reason=error.reason)
            return False
        except GiveUp as error:
            self._log.debug("card_not_shown", reason=error.reason)
        except Exception:  # noqa: BLE001 - logged as the bug it is
            self._log.exception("bug_in_card")
        return True

    async def _content(self, channel: str, ts: str) -> Json | None:
        job = await self._views.job_of(message_ref(channel, ts))
        if job is None or job.card is None or job.card.id != ts:
            return None
        page = await self._views.page(job.id)
        if page is None or page.conversation is None:
            return None
        ref = page.conversation.ref
        preview = await self._newest_file(ref) if ref.thread == ts and job.state not in OPEN else None
        return rendering.card(messages.card(job, ref), preview=preview)

    async def _newest_file(self, ref: ConversationRef) -> str | None:
        thread = await self._views.thread_at(ref)
        head = next((version.job for version in thread.versions if version.is_head), None) if thread else None
        files = await self.files_of(head) if head else []
        return files[0] if files else None

    async def files_of(self, job: Job) -> list[str]:
        """The files of a job's result at Slack."""
        if job.state is not JobState.SUCCEEDED or not job.posts:
            return []
        kept = await self._memory.recall(f"post:{job.posts[0].channel}-{job.posts[0].id}")
        return list(kept["files"]) if kept else []

    async def _pause(self) -> None:
        try:
            async with asyncio.timeout(self._gap):
                await self._hurry.wait()
        except TimeoutError:
            pass


def thread_of(ref: ConversationRef) -> str | None:
    """The `thread_ts` of what is posted there: none in a direct message, which is one conversation as a whole."""
    return None if ref.thread in (None, ref.channel) else ref.thread
