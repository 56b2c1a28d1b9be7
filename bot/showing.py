"""What follows of a change? Cards, reactions and removals: beside the steps, as well as it can be done, and in nobody's way."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any

import structlog

from bot import messages
from bot.errors import GiveUp, RetryLater
from bot.memory import Removals
from bot.model import Job, JobState, Mood
from bot.ports import StoreBusy
from bot.steps.step import World


class Showing:
    """One per process. Nothing here raises: what could not be done is logged."""

    def __init__(self, world: World) -> None:
        self._store = world.store
        self._clock = world.clock
        self._platforms = world.platforms
        self._removals = Removals(world.store, world.clock)
        self._asides: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("poller")

    def follow(self, job: Job, *, was: Job) -> None:
        """After a step: the card shows the new state, the member's message the outcome; never before the delivery."""
        if job.state is was.state or job.state is JobState.CANCELLED:
            return
        self.show(job)
        platform = self._platforms.get(job.platform)
        if platform and job.asked_in and job.state in (JobState.SUCCEEDED, JobState.FAILED):
            mood = Mood.DONE if job.state is JobState.SUCCEEDED else Mood.FAILED
            self._aside(platform.react(job.asked_in, mood))

    def show(self, job: Job) -> None:
        """The card, as the job is now."""
        platform = self._platforms.get(job.platform)
        if platform and (job.opened or job.card):
            self._aside(self._show_card(job))

    async def _show_card(self, job: Job) -> None:
        conversation = await self._store.conversation(job.conversation_id)
        if conversation:
            await self._platforms[job.platform].show(messages.card(job, conversation.ref))

    def remove(self, job: Job) -> None:
        """The posts of a result that was taken back."""
        if job.platform in self._platforms:
            self._aside(self._removed(job))

    async def _removed(self, job: Job) -> None:
        """The card is told first, because nobody comes back to it once the posts are gone."""
        platform = self._platforms[job.platform]
        await self._quietly(self._show_card(job))
        ends = await asyncio.gather(*(platform.delete(post) for post in job.posts), return_exceptions=True)
        for end in ends:
            if isinstance(end, BaseException) and not isinstance(end, GiveUp):
                raise end
        await self._removals.end(job.id)

    def remove_what_is_left(self) -> None:
        """What earlier processes had to take back, and did not."""
        self._aside(self._removed_what_is_left())

    async def _removed_what_is_left(self) -> None:
        for job_id in await self._removals.left():
            job = await self._store.get(job_id)
            if job is not None and job.deleted_at is not None:
                await self._store.drop_pictures(job_id, self._clock())
                self.remove(job)

    async def settled(self) -> None:
        """Nothing of it is under way, nor anything that came of it."""
        while self._asides:
            await asyncio.gather(*self._asides)

    def stop(self) -> None:
        """Lets go of all that is under way."""
        for task in self._asides:
            task.cancel()

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._quietly(work), name="aside")
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)
        task.add_done_callback(lambda _: work.close())  # a drain may have come before its first step

    async def _quietly(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except (RetryLater, GiveUp, StoreBusy) as error:
            self._log.debug("aside_failed", reason=str(error))
        except Exception:  # noqa: BLE001 - logged as the bug it is; nothing waits for a card
            self._log.exception("bug_aside")
