"""What do pages and commands show? Read models of threads, jobs and the bot's own health; nothing here changes anything."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass

from bot import messages
from bot.changes import Changes, Listener
from bot.errors import GiveUp, RetryLater
from bot.figures import Figures
from bot.health import Health
from bot.metrics import Metrics
from bot.model import Conversation, ConversationRef, Event, Glance, Job, JobQuery, JobState, MessageRef, Turn
from bot.ports import Platform, Store, StoreBusy
from bot.records import ModelInfo

__all__ = ["JobPage", "Listener", "Readiness", "Thread", "Version", "Views"]

QUEUE_SEEN_SECONDS = 60.0
PROBE_SECONDS = 2.0
"""A queue that was seen this recently needs no probe before the bot calls itself ready."""

HOUR = 3_600.0
PRICE_SECONDS = HOUR
NO_PRICE_SECONDS = 60.0
"""What was told of a price is asked for again after an hour; where nothing was told, after a minute."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Version:
    """One job as a version of its thread's picture.

    number: from 1, in accept order, of those that became pictures, deleted ones included; None: it is none (yet).
    built_on: the parent's number.
    """

    job: Job
    number: int | None
    built_on: int | None
    text: str  # the state, or the failure, in the bot's words
    is_head: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class Thread:
    """A conversation with all of its versions, oldest first."""

    conversation: Conversation
    versions: tuple[Version, ...]

    @property
    def title(self) -> str:
        """The words that began it."""
        return self.versions[0].job.prompt if self.versions else ""


@dataclass(frozen=True, kw_only=True, slots=True)
class JobPage:
    """Everything about one job: its history line by line, what was sent, and the jobs it builds on, nearest first."""

    job: Job
    conversation: Conversation | None
    turn: Turn
    events: tuple[Event, ...]
    parents: tuple[Job, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Readiness:
    """Whether the bot can do its work at this moment; `problems` by dependency, each as one sentence."""

    ready: bool
    problems: dict[str, str]


class Views:
    """The read side of the core; adapters and the command line share it."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        health: Health,
        metrics: Metrics,
        *,
        clock: Callable[[], float],
        probe_queue: Callable[[], Awaitable[None]] | None,
        queue_seen_at: Callable[[], float | None],
        describe: Callable[[str], Awaitable[ModelInfo]] | None = None,
    ) -> None:
        """probe_queue: None in a process that asks the queue nothing, and so is ready without it. describe: asks it about a
        model (GiveUp, RetryLater); None there, too: no price is known then.
        """
        self._store = store
        self._changes = changes
        self._health = health
        self._metrics = metrics
        self._clock = clock
        self._probe_queue = probe_queue
        self._queue_seen_at = queue_seen_at
        self._describe = describe
        self._prices: dict[str, tuple[float, float | None]] = {}  # until when it holds
        self._asking: set[str] = set()
        self._probed_at = float("-inf")
        self._probe: asyncio.Future[None] | None = None
        self._platforms: tuple[Platform, ...] = ()

    def watch(self, platforms: Sequence[Platform]) -> None:
        """The platforms whose connection counts for `readiness`; told once, when they exist."""
        self._platforms = tuple(platforms)

    def listen(self) -> AbstractContextManager[Listener]:
        """Hears of every job that changes while the block lasts."""
        return self._changes.listen()

    # -- threads ------------------------------------------------------------------------------------------------

    async def threads(
        self, platform: str, *, workspace: str | None = None, channel: str | None = None, limit: int = 50
    ) -> list[Thread]:
        """The newest conversations of a channel, newest first."""
        found = await self._store.conversations(platform, workspace=workspace, channel=channel, limit=limit)
        return [await self._thread(conversation) for conversation in found]

    async def channels(self, platform: str, workspace: str, *, among: int = 1000) -> list[str]:
        """The channels in which the newest conversations live, the last used first; `among` says how far to look back."""
        found = await self._store.conversations(platform, workspace=workspace, limit=among)
        return list(dict.fromkeys(conversation.ref.channel for conversation in found))

    async def conversation(self, conversation_id: str) -> Conversation | None:
        """Without its jobs."""
        return await self._store.conversation(conversation_id)

    async def thread(self, conversation_id: str) -> Thread | None:
        conversation = await self._store.conversation(conversation_id)
        return await self._thread(conversation) if conversation else None

    async def thread_at(self, ref: ConversationRef) -> Thread | None:
        conversation = await self._store.find_conversation(ref)
        return await self._thread(conversation) if conversation else None

    async def _thread(self, conversation: Conversation) -> Thread:
        newest_first = await self._store.jobs(JobQuery(conversation_id=conversation.id, limit=1000))
        jobs = newest_first[::-1]
        became = (job for job in jobs if job.state is JobState.SUCCEEDED)
        numbers = {job.id: number for number, job in enumerate(became, start=1)}
        head = next((j for j in newest_first if j.state is JobState.SUCCEEDED and j.deleted_at is None), None)
        return Thread(
            conversation=conversation,
            versions=tuple(
                Version(
                    job=job,
                    number=numbers.get(job.id),
                    built_on=numbers.get(job.parent_id) if job.parent_id else None,
                    text=messages.state(job),
                    is_head=head is not None and job.id == head.id,
                )
                for job in jobs
            ),
        )

    # -- jobs ---------------------------------------------------------------------------------------------------

    async def jobs(self, query: JobQuery) -> list[Job]:
        return await self._store.jobs(query)

    async def job(self, job_id: str) -> Job | None:
        return await self._store.get(job_id)

    async def job_of(self, message: MessageRef) -> Job | None:
        """The job that a card, a result or a member's message belongs to."""
        found = await self._store.find_message(message)
        return found[0] if found else None

    async def glance(self, message: MessageRef, *, or_job: str | None = None) -> Glance | None:
        """The job that a message belongs to, or else this one, with where its thread stands."""
        return await self._store.glance(message, or_job=or_job)

    async def page(self, job_id: str) -> JobPage | None:
        job = await self._store.get(job_id)
        if job is None:
            return None
        parents: list[Job] = []
        at: Job | None = job
        while at and at.parent_id and len(parents) < 100:
            at = await self._store.get(at.parent_id)
            if at:
                parents.append(at)
        return JobPage(
            job=job,
            conversation=await self._store.conversation(job.conversation_id),
            turn=await self._store.turn(job_id),
            events=tuple(await self._store.events(job_id)),
            parents=tuple(parents),
        )

    async def picture(self, sha256: str) -> bytes | None:
        """The bytes of a result or of a reference."""
        return await self._store.get_blob(sha256)

    # -- figures ------------------------------------------------------------------------------------------------

    async def figures(self, hours: int) -> Figures:
        """Of so many hours: the one that runs, and whole ones before it. Raises StoreBusy."""
        until = (self._clock() // HOUR + 1.0) * HOUR
        return await self._store.figures(until - hours * HOUR, until)

    def prices(self, models: Collection[str]) -> Mapping[str, float | None]:
        """Dollars for a picture, as far as they are known without asking. None: nobody tells; absent: `learn_prices` might."""
        if self._describe is None:
            return dict.fromkeys(models)
        now = self._clock()
        known = {model: self._prices[model] for model in models if model in self._prices}
        return {model: price for model, (until, price) in known.items() if now < until}

    async def learn_prices(self, models: Collection[str]) -> None:
        """Asks the queue for those that are not known, each once, however many want to know."""
        if self._describe is None:
            return
        wanted = set(models) - self.prices(models).keys() - self._asking
        self._asking |= wanted
        try:
            for model in sorted(wanted):
                try:
                    told = self._clock() + PRICE_SECONDS, (await self._describe(model)).price
                except (GiveUp, RetryLater):
                    told = self._clock() + NO_PRICE_SECONDS, None
                self._prices[model] = told
        finally:
            self._asking -= wanted

    # -- health -------------------------------------------------------------------------------------------------

    async def readiness(self) -> Readiness:
        """Database writable, queue seen recently (an idle bot asks it once a minute here, and only here), platforms connected."""
        problems: dict[str, str] = {}
        try:
            await self._store.check_writable()
        except StoreBusy as error:
            problems["database"] = str(error)
        if self._probe_queue is not None:
            await self._see_queue(self._probe_queue)
        problems |= {name: trouble.reason for name, trouble in self._health.troubles().items() if name not in problems}
        for platform in self._platforms:
            trouble = platform.trouble()
            if trouble:
                problems[platform.name] = trouble
        return Readiness(ready=not problems, problems=problems)

    async def _see_queue(self, probe: Callable[[], Awaitable[None]]) -> None:
        now = self._clock()
        seen_at = self._queue_seen_at()
        if seen_at is not None and now - seen_at < QUEUE_SEEN_SECONDS:
            return
        if self._probe is None or (self._probe.done() and now - self._probed_at >= QUEUE_SEEN_SECONDS / 6):
            self._probed_at = now
            self._probe = asyncio.ensure_future(probe())
        # a queue that hangs must not make its monitor hang; what the probe learns counts at the next look
        await asyncio.wait([self._probe], timeout=PROBE_SECONDS)
        if not self._probe.done() and "queue" not in self._health.troubles():
            self._health.failed("queue", "the queue does not answer", now=now)

    async def metrics(self) -> bytes:
        """Prometheus' exposition text."""
        return self._metrics.render(await self._store.count())
