"""How do members of the playground ask, and when do they see their picture? As its pages do it, without browsers."""

from __future__ import annotations

import asyncio
import time
import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass

from adapters.web import inbound
from bot.model import OPEN, Job, JobState, Person
from bot.service import Service
from bot.views import Listener, Views


@dataclass(kw_only=True, slots=True)
class Asked:
    """One request and what its member saw of it, by the monotonic clock."""

    job: Job
    asked: float
    acknowledged: float
    shown: float | None = None
    """When open pages heard of its success."""

    @property
    def fate(self) -> str:
        """What the job came to, for an operator."""
        if self.job.state in OPEN:
            return "no answer while the row lasted"
        return self.job.failure.reason if self.job.failure else self.job.state.value


class Members:
    """Any number of members, each with a page that is open all the time."""

    def __init__(self, service: Service, listener: Listener) -> None:
        self._service = service
        self._listener = listener
        self._asked: dict[str, Asked] = {}
        self._ended: dict[str, tuple[Job, float]] = {}
        self._heard = asyncio.Event()

    @classmethod
    @asynccontextmanager
    async def gathered(cls, service: Service, views: Views) -> AsyncIterator[Members]:
        """Their pages are open while the block lasts."""
        with views.listen() as listener:
            members = cls(service, listener)
            hearing = asyncio.create_task(members._hear(), name="pages")
            try:
                yield members
            finally:
                hearing.cancel()

    async def ask(self, number: int, *, words: str, seconds: float) -> None:
        """So many members ask at this moment; returns when all have their answer, or after these seconds."""
        ids = await asyncio.gather(*(self._ask(member, words) for member in range(number)))
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                while not self._ended.keys() >= set(ids):
                    self._heard.clear()
                    await self._heard.wait()

    def told(self) -> list[Asked]:
        """Everything that was asked so far, and what came of it."""
        for id, asked in self._asked.items():
            if id in self._ended:
                asked.job, at = self._ended[id]
                asked.shown = at if asked.job.state is JobState.SUCCEEDED else None
        return list(self._asked.values())

    async def _ask(self, member: int, words: str) -> str:
        began = time.monotonic()
        sending = inbound.read_sending({"id": str(uuid.uuid4()), "text": f"/imagine {words}, number {member}"})
        request = inbound.to_request(
            sending,
            inbound.read_words(sending.text).text,
            visitor=Person(id=f"member-{member}", name=f"Member {member}"),
            place=inbound.new_thread(inbound.DEFAULT_CHANNEL, sending),
        )
        job = await self._service.imagine(request)
        self._asked[job.id] = Asked(job=job, asked=began, acknowledged=time.monotonic())
        return job.id

    async def _hear(self) -> None:
        while True:
            jobs = await self._listener.changed()
            now = time.monotonic()
            for job in jobs:
                if job.state not in OPEN:
                    self._ended.setdefault(job.id, (job, now))
            self._heard.set()
