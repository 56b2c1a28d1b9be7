"""What was said while nobody listened? Replies in the threads of the last day are looked for, within a small budget of requests."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from contextlib import suppress

import structlog

from adapters.slack.cards import thread_of
from adapters.slack.hearing import Hearing
from adapters.slack.inbound import PLATFORM, message_ref
from adapters.slack.lookups import Lookups
from adapters.slack.workspace import Workspace
from bot.errors import GiveUp, RetryLater
from bot.model import Conversation
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

DAY = 86_400.0
MOST_REQUESTS = 15
"""Of the 50 a minute that Slack allows (docs, tier 3): lookups before a post need the rest."""

CURSOR_SECONDS = 30.0
"""How often it is written down that somebody listens."""

_SLACK_SECONDS = 30.0  # what is read again before the gap


class CatchingUp:
    """Remembers until when somebody listened."""

    def __init__(
        self,
        lookups: Lookups,
        hearing: Hearing,
        workspace: Workspace,
        service: Service,
        views: Views,
        clock: Callable[[], float],
    ) -> None:
        self._lookups = lookups
        self._hearing = hearing
        self._workspace = workspace
        self._views = views
        self._memory = service.memory(PLATFORM)
        self._clock = clock
        self._log = structlog.get_logger("slack")

    async def keep_cursor(self, listens: Callable[[], bool]) -> None:
        """Until cancelled."""
        while True:
            await asyncio.sleep(CURSOR_SECONDS)
            if listens():
                with suppress(StoreBusy):
                    await self.mark()

    async def mark(self) -> None:
        """Somebody listens at this moment."""
        await self._memory.remember("listened", {"until": self._lookups.slack_time()})

    async def catch_up(self) -> int:
        """Hears what was missed; how many messages that were new. Nothing at the first start of all."""
        now = self._lookups.slack_time()
        known = await self._memory.recall("listened")
        await self.mark()
        if known is None:
            return 0
        since = max(known["until"] - _SLACK_SECONDS, now - DAY)
        me = await self._workspace.identity()
        found = await self._views.threads(PLATFORM, workspace=me.team, limit=200)
        recent = [
            thread.conversation
            for thread in found
            if thread.conversation.ref.thread and any(v.job.accepted_at > self._clock() - DAY for v in thread.versions)
        ]
        heard = 0
        for conversation in recent[:MOST_REQUESTS]:
            heard += await self._replies(conversation, since)
        if len(recent) > MOST_REQUESTS:
            self._log.warning("not_all_caught_up", threads=len(recent), looked_at=MOST_REQUESTS)
        self._log.info("caught_up", threads=min(len(recent), MOST_REQUESTS), messages=heard)
        return heard

    async def _replies(self, conversation: Conversation, since: float) -> int:
        ref, heard = conversation.ref, 0
        try:
            missed = [
                message
                async for message in self._lookups.messages(ref.channel, thread_of(ref), since=since, pages=1)
                if message.get("ts") != ref.thread
            ]
        except (RetryLater, GiveUp) as error:
            self._log.info("not_caught_up", reason=error.reason)
            return 0
        for message in sorted(missed, key=lambda m: float(m["ts"])):
            if await self._views.job_of(message_ref(ref.channel, message["ts"])) is None:
                heard += 1
                await self._hearing.message({**message, "channel": ref.channel}, ref.workspace)
        return heard
