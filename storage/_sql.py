"""How do the store's promises become units of work? `bot.ports.Store`, on any engine that can run SQL."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from typing import Any, Concatenate, ParamSpec, Protocol, TypeVar

from sqlalchemy import Connection

from bot.figures import Figures
from bot.model import (
    Conversation,
    ConversationRef,
    Duration,
    Event,
    Glance,
    Job,
    JobQuery,
    JobState,
    Json,
    MessageRef,
    Turn,
    Usage,
)
from bot.ports import Accepted, Conflict, Forgotten, News
from storage import _claims, _conversations, _figures, _jobs, _memory, _retention, _saves

P = ParamSpec("P")
T = TypeVar("T")

_SHA256 = re.compile(r"[0-9a-f]{64}")


class Engine(Protocol):
    """What an engine adds: how a unit of work runs, and where bytes live.

    A unit of work is a plain function of a connection, so that it is one trip to the database's thread on SQLite, and
    runs through `AsyncConnection.run_sync` on an asynchronous driver. What an operator must mend is raised as
    StoreBusy.
    """

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` on one consistent view of everything that was committed before this call."""

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Runs `work` in one transaction, committed before this returns; nothing of it stays if it raises.

        A caller that is cancelled meanwhile cannot know whether it was committed; it was, or it was not, whole.
        """

    async def put_blob(self, sha256: str, data: bytes, now: float) -> None:
        """Keeps bytes, then lists them (`_memory.keep_blob`)."""

    async def get_blob(self, sha256: str) -> bytes | None: ...

    async def remove(
        self, work: Callable[Concatenate[Connection, P], _retention.Removal], *args: P.args, **kwargs: P.kwargs
    ) -> _retention.Removal:
        """Like `write`, then removes the bytes of the blobs that `work` took from the list."""

    async def remove_strays(self, before: float) -> None:
        """Removes bytes that were kept before `before` and never listed, because their process died in between."""

    async def now(self) -> float:
        """The time by the clock that all processes of this store share."""

    async def work(self) -> None:
        """From here on, until `close`, others see this process at work, where there are others."""

    def news(self) -> AsyncIterator[News]:
        """What other processes changed; ends with `close`, or at once where there can be none."""

    async def close(self) -> None: ...


class SqlStore:
    """`bot.ports.Store`; its promises are told there."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._read = engine.read
        self._write = engine.write

    async def start(self, now: float) -> None:
        await self._write(_claims.start, now)
        await self._engine.work()

    async def now(self) -> float:
        return await self._engine.now()

    async def postpone(self, seconds: float) -> float:
        return await self._write(_claims.postpone, seconds)

    def news(self) -> AsyncIterator[News]:
        return self._engine.news()

    async def close(self) -> None:
        await self._engine.close()

    async def check_writable(self) -> None:
        await self._write(_memory.beat)

    # -- jobs ---------------------------------------------------------------------------------------------------

    async def add(
        self, job: Job, conversation: Conversation, *, follow: bool, admit: Callable[[Usage], None], day_start: float
    ) -> Accepted:
        return await self._write(_jobs.add, job, conversation, follow, admit, day_start)

    async def place(self, job_id: str, card: MessageRef, now: float) -> None:
        await self._write(_jobs.place, job_id, card, now)

    async def claim(self, now: float, *, until: float, limit: int, in_flight: int) -> list[Job]:
        return await self._write(_claims.claim, now, until, limit, in_flight)

    async def renew(self, job: Job, *, until: float) -> bool:
        return await self._write(_claims.renew, job, until)

    async def put_off(self, claimed: Sequence[Job], now: float) -> None:
        await self._write(_claims.put_off, claimed, now)

    async def save(
        self,
        job: Job,
        *,
        now: float,
        event: str | None = None,
        payload: Json | None = None,
        next_turn_contents: list[Any] | None = None,
    ) -> Job:
        saved = await self._write(_saves.save, job, now, event, payload, next_turn_contents)
        if saved.refusal is not None:
            raise Conflict(saved.refusal)
        return saved.job

    async def next_due(self, in_flight: int) -> float | None:
        return await self._read(_claims.next_due, in_flight)

    async def get(self, job_id: str) -> Job | None:
        return await self._read(_jobs.get, job_id)

    async def find_source(self, source_id: str) -> Job | None:
        return await self._read(_jobs.find_source, source_id)

    async def find_message(self, message: MessageRef) -> tuple[Job, int] | None:
        return await self._read(_jobs.find_message, message)

    async def glance(self, message: MessageRef, *, or_job: str | None = None) -> Glance | None:
        return await self._read(_jobs.glance, message, or_job)

    async def turn(self, job_id: str) -> Turn:
        return await self._read(_jobs.turn, job_id)

    async def events(self, job_id: str) -> list[Event]:
        return await self._read(_jobs.events, job_id)

    async def jobs(self, query: JobQuery) -> list[Job]:
        return await self._read(_jobs.find, query)

    async def count(self) -> dict[JobState, int]:
        return await self._read(_jobs.count)

    async def figures(self, since: float, until: float) -> Figures:
        return await self._read(_figures.between, since, until)

    async def same_payload_in_doubt(self, job: Job, payload: Json) -> list[Job]:
        return await self._read(_saves.same_payload_in_doubt, job, payload)

    async def attempts_between(self, model: str, since: float, until: float) -> list[str]:
        return await self._read(_jobs.attempts_between, model, since, until)

    async def known_requests(self, request_ids: Iterable[str]) -> set[str]:
        return await self._read(_saves.known_requests, request_ids)

    async def last_answers(self, model: str, limit: int) -> list[Job]:
        return await self._read(_jobs.last_answers, model, limit)

    async def last_durations(self, model: str, limit: int) -> list[Duration]:
        return await self._read(_jobs.last_durations, model, limit)

    # -- conversations ------------------------------------------------------------------------------------------

    async def conversation(self, conversation_id: str) -> Conversation | None:
        return await self._read(_conversations.get, conversation_id)

    async def find_conversation(self, ref: ConversationRef) -> Conversation | None:
        return await self._read(_conversations.find, ref)

    async def opened(self, conversation_id: str, ref: ConversationRef) -> Conversation:
        return await self._write(_conversations.opened, conversation_id, ref)

    async def conversations(
        self, platform: str, *, workspace: str | None = None, channel: str | None = None, limit: int = 50
    ) -> list[Conversation]:
        return await self._read(_conversations.some, platform, workspace, channel, limit)

    async def head(self, conversation_id: str) -> Job | None:
        return await self._read(_conversations.head, conversation_id)

    async def newest_open(self, conversation_id: str) -> Job | None:
        return await self._read(_conversations.newest_open, conversation_id)

    async def has_asked(self, conversation_id: str, person_id: str) -> bool:
        return await self._read(_conversations.has_asked, conversation_id, person_id)

    async def usage(self, platform: str, workspace: str, person_id: str, day_start: float) -> Usage:
        return await self._read(_jobs.usage, platform, workspace, person_id, day_start)

    # -- bytes --------------------------------------------------------------------------------------------------

    async def put_blob(self, data: bytes, now: float) -> str:
        sha256 = (await asyncio.to_thread(hashlib.sha256, data)).hexdigest()
        await self._engine.put_blob(sha256, data, now)
        return sha256

    async def get_blob(self, sha256: str) -> bytes | None:
        # Ids come from pages too; what is not one of ours is no name of a file.
        return await self._engine.get_blob(sha256) if _SHA256.fullmatch(sha256) else None

    async def drop_pictures(self, job_id: str, now: float) -> None:
        await self._engine.remove(_retention.drop_pictures, job_id, now)

    async def sweep(self, *, before: float, unused_before: float, max_bytes: int | None) -> Forgotten:
        # What goes has no need of an exact time; the latest that the caller named is close enough.
        at = max(before, unused_before)
        jobs = pictures = 0
        while cleaned := await self._write(_retention.clean_old, before, at):
            jobs += cleaned
        await self._write(_retention.forget_expired, at)
        while taken := (await self._engine.remove(_retention.take_unneeded, unused_before)).blobs:
            pictures += len(taken)
        if max_bytes is not None:
            while (removal := await self._engine.remove(_retention.take_over, max_bytes, at)).jobs:
                jobs += removal.jobs
                pictures += len(removal.blobs)
        await self._engine.remove_strays(unused_before)
        return Forgotten(jobs=jobs, pictures=pictures)

    async def forget(self, platform: str, person_id: str, now: float) -> Forgotten:
        removal = await self._engine.remove(_retention.forget, platform, person_id, now)
        return Forgotten(jobs=removal.jobs, pictures=len(removal.blobs))

    # -- small memories -----------------------------------------------------------------------------------------

    async def load_note(self, key: str) -> Json | None:
        return await self._read(_memory.load_note, key)

    async def save_note(self, key: str, memo: Json) -> None:
        await self._write(_memory.save_note, key, memo)

    async def recall(self, space: str, key: str, now: float) -> Json | None:
        return await self._read(_memory.recall, space, key, now)

    async def remember(self, space: str, key: str, value: Json | None, *, expires_at: float | None = None) -> None:
        await self._write(_memory.remember, space, key, value, expires_at)

    async def recall_all(self, space: str, now: float) -> Sequence[tuple[str, Json]]:
        return await self._read(_memory.recall_all, space, now)

    async def take(self, name: str, *, rate: float, burst: float, now: float) -> float:
        return await self._write(_memory.take, name, rate, burst, now)
