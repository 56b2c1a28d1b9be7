"""What was said while nobody listened? Replies in the threads of the last day are looked for, within a small budget of requests."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress

import structlog

from adapters.slack.cards import thread_of
from adapters.slack.hearing import Hearing
from adapters.slack.inbound import PLATFORM, is_direct, mentions, message_ref
from adapters.slack.lookups import Lookups
from adapters.slack.timing import Timing
from adapters.slack.workspace import Workspace
from bot.errors import GiveUp
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Thread, Views

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
        timing: Timing,
    ) -> None:
        self._lookups = lookups
        self._hearing = hearing
        self._workspace = workspace
        self._views = views
        self._memory = service.memory(PLATFORM)
        self._timing = timing
        self._behind = True  # since the cursor, something may not have been heard
        self._read: set[str] = set()  # conversations that were looked at since somebody listens again
        self._log = structlog.get_logger("slack")

    async def keep_cursor(self, listens: Callable[[], bool]) -> None:
        """Until cancelled."""
        while True:
            await self._timing.rest(CURSOR_SECONDS)
            if listens():
                with suppress(StoreBusy):
                    await self.mark()

    async def mark(self) -> None:
        """Somebody listens at this moment, and everything before it was heard; else the cursor stays where it is."""
        if not self._behind:
            await self._memory.remember("listened", {"until": self._lookups.slack_time()})

    def missed(self) -> None:
        """Until just now nobody listened."""
        self._behind = True
        self._read = set()

    async def catch_up(self) -> int:
        """Hears what was missed; how many messages that were new. Nothing at the first start of all.

        Raises RetryLater and StoreBusy; the next call goes on where this one ended.
        """
        read, heard = self._read, 0
        known = await self._memory.recall("listened")
        if known is not None:
            since = max(known["until"] - _SLACK_SECONDS, self._lookups.slack_time() - DAY)
            recent = await self._recent()
            for thread in recent[:MOST_REQUESTS]:
                if thread.conversation.id not in read:
                    heard += await self._replies(thread, since)
                    read.add(thread.conversation.id)
            if len(recent) > MOST_REQUESTS:
                self._log.warning("not_all_caught_up", threads=len(recent), looked_at=MOST_REQUESTS)
            self._log.info("caught_up", threads=min(len(recent), MOST_REQUESTS), messages=heard)
        self._behind = read is not self._read  # there was another gap meanwhile
        await self.mark()
        return heard

    async def _recent(self) -> list[Thread]:
        """Threads in which somebody asked for something in the last day, newest first."""
        me = await self._workspace.identity()
        since = self._timing.now() - DAY
        return [
            thread
            for thread in await self._views.threads(PLATFORM, workspace=me.team, limit=200)
            if thread.conversation.ref.thread and any(v.job.accepted_at > since for v in thread.versions)
        ]

    async def _replies(self, thread: Thread, since: float) -> int:
        me, ref, heard = await self._workspace.identity(), thread.conversation.ref, 0
        asked = _asked_since(thread)
        try:
            missed = [
                message
                async for message in self._lookups.messages(ref.channel, thread_of(ref), since=since, pages=1)
                if message.get("ts") != ref.thread
            ]
        except GiveUp as error:  # the thread is gone, or closed to the bot
            self._log.info("not_caught_up", reason=error.reason)
            return 0
        for message in sorted(missed, key=lambda m: float(m["ts"])):
            author, said_at = str(message.get("user")), float(message["ts"])
            named = mentions(message, me.user)
            if not (named or is_direct(ref.channel)) and asked.get(author, said_at) >= said_at:
                continue  # talk, as it was when it was said: who takes part since has not asked for this
            if named:
                asked.setdefault(author, said_at)
            if await self._views.job_of(message_ref(ref.channel, message["ts"])) is None:
                heard += 1
                await self._hearing.message({**message, "channel": ref.channel})
        return heard


def _asked_since(thread: Thread) -> dict[str, float]:
    """Since when each member takes part in a thread, by Slack's clock wherever a message of Slack shows it."""
    asked = {thread.conversation.starter.id: 0.0}
    for version in thread.versions:
        job = version.job
        shown = job.asked_in or job.card
        asked.setdefault(job.requester.id, float(shown.id) if shown else job.accepted_at)
    return asked
