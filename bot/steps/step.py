"""What does every step share? The claimed job in its last saved form, the ways to save it, and the world it may touch."""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any

import structlog

from bot import schedule
from bot.changes import Changes
from bot.errors import OWNER_KINDS, FailureKind, RetryLater
from bot.health import Health
from bot.image_queue import ImageQueue
from bot.metrics import Metrics
from bot.model import Conversation, Job, JobState, Json
from bot.ports import Platform, Store
from bot.room import Room
from bot.rounds import Rounds

LEASE_SECONDS = 15.0
"""A claimed job is nobody else's for this long; a running step renews it, so leases stay short although a POST may take minutes."""

BEFORE_QUEUE_SECONDS = 3_600.0
AT_QUEUE_SECONDS = 600.0
DELIVERY_SECONDS = 86_400.0
"""Deadlines: until the queue takes the job; from then until its outcome is known; from then until it is posted."""


SWITCHED_OFF_SECONDS = 300.0


@dataclass(frozen=True, kw_only=True, slots=True)
class World:
    """What a step may touch; made once by the composition root."""

    store: Store
    queue: ImageQueue
    platforms: Mapping[str, Platform]
    changes: Changes
    health: Health
    metrics: Metrics
    clock: Callable[[], float]
    rng: random.Random
    rounds: Rounds
    downloads: Room
    uploads: Room


class Step:
    """One claimed job. `job` is always its last saved form, so that whatever happens next starts from the truth."""

    def __init__(self, world: World, job: Job) -> None:
        self.world = world
        self.job = job
        self.has_let_go = False
        """Whether the lease has been ended by a save, so that another step of the job may begin at any time."""
        self.log = structlog.get_logger("poller").bind(
            job=job.id, conversation=job.conversation_id, platform=job.platform, state=job.state.value
        )

    @property
    def now(self) -> float:
        return self.world.clock()

    @property
    def platform(self) -> Platform:
        """Raises RetryLater for a platform that is switched off just now: its jobs wait, within their deadlines."""
        platform = self.world.platforms.get(self.job.platform)
        if platform is None:
            raise RetryLater(f"the platform {self.job.platform} is not running", after=SWITCHED_OFF_SECONDS)
        return platform

    @property
    def past_deadline(self) -> bool:
        return self.job.deadline_at is not None and self.now >= self.job.deadline_at

    async def save(
        self,
        event: str | None = None,
        *,
        payload: Json | None = None,
        contents: list[Any] | None = None,
        **changes: Any,
    ) -> bool:
        """Saves the job with these changes; unless they say otherwise the lease goes on.

        Returns whether the job is now in the state that was saved: False when it was cancelled meanwhile and only its
        request_id could be merged. Raises Conflict when somebody else moved it and nothing could be merged.
        """
        self.has_let_go = "due_at" in changes
        changes.setdefault("due_at", self.now + LEASE_SECONDS)
        before = self.job
        wanted = replace(before, **changes)
        self.job = await self.world.store.save(
            wanted, now=self.now, event=event, payload=payload, next_turn_contents=contents
        )
        if self.job.state is not before.state:
            self.log = self.log.bind(state=self.job.state.value)
            self.log.info("moved", was=before.state.value, **({"detail": event} if event else {}))
        if event or self.job.state is not before.state:
            self.world.changes.tell(self.job)
        return self.job.state is wanted.state

    async def conversation(self) -> Conversation:
        conversation = await self.world.store.conversation(self.job.conversation_id)
        if conversation is None:
            raise LookupError("the job's conversation is missing from the store")
        return conversation

    async def is_in(self, states: frozenset[JobState], job_id: str | None) -> bool:
        """Whether another job, if one is named, stands in one of these states."""
        job = await self.world.store.get(job_id) if job_id else None
        return job is not None and job.state in states

    async def next_look(self, job: Job) -> float:
        """Seconds until the running job, as it now is, is looked at again."""
        return await self.world.rounds.pause(job, rng=self.world.rng.random())

    async def put_off(self, seconds: float, *, looks: int) -> None:
        """The lease ends, and nothing is new: the job is due again after so long."""
        self.has_let_go = True
        self.job = replace(self.job, due_at=self.now + seconds, looks=looks)
        await self.world.rounds.put_off(self.job)

    def back_off(self, attempts: int, *, base: float = 1.0, most: float = 60.0) -> float:
        """Seconds until the next attempt."""
        return schedule.back_off(attempts, self.world.rng.random(), base=base, most=most)

    def queue_failed(self, reason: str, kind: FailureKind | None = None) -> None:
        """Told once to the operator, and to `/readyz` until it works again."""
        owner = kind in OWNER_KINDS
        self.world.health.failed(
            "queue", f"{kind.value}: {reason}" if owner and kind else reason, now=self.now, owner=owner
        )

    def queue_worked(self) -> None:
        """It answered. A look proves neither credit nor a model: what only the owner can end lasts until it is disproved."""
        if self.world.queue.trouble is None:
            self.world.health.worked("queue", now=self.now)
