"""How are many running requests looked at together? One page of the queue's list answers for all who ask at the same moment.

Steps ask one by one, each for its own job. Those that ask in the same moment are one round, and they do so because `pause`
gives the running requests of a model a common beat. Whatever the list cannot tell for sure is asked singly, by the request's
id, and the list is left alone for a while where it does not help.
"""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Any

import structlog

from bot.beats import PAGE, Beats
from bot.errors import RetryLater
from bot.experience import LONG_WAIT_SECONDS, Experience
from bot.image_queue import ImageQueue, PageTooLarge
from bot.model import Job
from bot.ports import Store
from bot.records import Page, Progress, Record

FEW = 10
MOST_PAGES = 10
HEAVY = 5_000_000  # bytes: records carry pictures inline, and single ones are lighter
SLOW_SECONDS = 3.0
STALE_SECONDS = 3.0
CANARY = 16
"""So many rounds in which something still ran, and one of it is asked for singly all the same: a list that lags may say so for ever."""

JUST_NOW_SECONDS = 0.1  # so long after a page was read, one who comes alone hears what it said, and joins the beat

LATE_SHARE = 0.05
LATE_MOST_SECONDS = 5.0
"""Who waits in the queue for long is looked at less often, whatever the work takes: a picture may be late by so much of the wait."""

LEFT_ALONE_SECONDS = 60.0  # doubles with each time in a row that the list did not help
LEFT_ALONE_MOST = 1_800.0


@dataclass(kw_only=True, slots=True)
class _List:
    """What is known of a model's list."""

    beats: Beats = field(default_factory=Beats)
    left_alone_until: float = -math.inf
    failures: int = 0
    page_size: int = FEW
    unproven: int = 0  # rounds since the last of its answers was checked
    pending: dict[str, Record] = field(default_factory=dict)  # what still ran on the pages read last
    read_at: float = -math.inf
    reading: asyncio.Lock = field(default_factory=asyncio.Lock)
    doubted: set[str] = field(default_factory=set)  # ids of requests whose "pending" is checked


class Rounds:
    """One per process."""

    def __init__(self, queue: ImageQueue, store: Store, experience: Experience, clock: Callable[[], float]) -> None:
        self._queue = queue
        self._store = store
        self._experience = experience
        self._clock = clock
        self._lists: dict[str, _List] = {}
        self._open: dict[str, dict[str, asyncio.Future[Record | None]]] = {}
        self._going: set[asyncio.Task[None]] = set()
        self._put_off: list[tuple[Job, asyncio.Future[None]]] = []
        self._log = structlog.get_logger("poller")

    # -- when ---------------------------------------------------------------------------------------------------

    async def pause(self, job: Job, *, rng: float) -> float:
        """Seconds until the next look at a request that runs: its own, or the beat that it shares with others. rng: chance in [0, 1)."""
        learned = await self._experience.of(job.model)
        now, known = self._clock(), self._of(job.model)
        expected, age = learned.of(job, now)
        known.beats.seen(job.id, began=now - age, expected=expected, now=now)
        own = expected.next_look(running_for=age, looks=0 if expected is learned.work else job.looks, rng=rng)
        if expected is learned.work and age == 0.0 and job.running_since is not None:
            own = max(own, min(LATE_MOST_SECONDS, LATE_SHARE * (now - job.running_since)))
        return own if now < known.left_alone_until else known.beats.pause(own, now)

    def early(self, job: Job) -> float | None:
        """Seconds until the beat, for one who comes shortly before it; None: it is to be looked at now."""
        now, known = self._clock(), self._of(job.model)
        return None if now < known.left_alone_until else known.beats.early(job.id, now)

    def waited_until(self, job: Job) -> float | None:
        """When the request of a job was last seen to wait, if that is long after it was accepted; nobody works on it before."""
        seen_at = self._of(job.model).beats.seen_at(job.id)
        if seen_at is None or seen_at - (job.running_since or seen_at) < LONG_WAIT_SECONDS:
            return None
        return seen_at

    def ended(self, job: Job) -> None:
        """It runs no more: nobody looks for it."""
        self._of(job.model).beats.ended(job.id)

    # -- what ---------------------------------------------------------------------------------------------------

    async def record(self, job: Job) -> Record | None:
        """What a page says of the job's request. None: nobody else asks just now, or no page can tell; ask for it singly."""
        if job.request_id is None:
            return None
        asking = self._open.get(job.model)
        if asking is None:
            asking = self._open[job.model] = {}
            self._begin(self._go(job.model, asking))
        answer: asyncio.Future[Record | None] = asyncio.get_running_loop().create_future()
        asking[job.request_id] = answer
        return await answer

    async def _go(self, model: str, asking: dict[str, asyncio.Future[Record | None]]) -> None:
        await asyncio.sleep(0)  # all that were claimed together have asked by then
        told: dict[str, Record] = {}
        try:
            async with self._of(model).reading:  # and those, too, who come while another round is under way
                del self._open[model]
                told = await self._told(model, set(asking))
        except Exception:  # noqa: BLE001  a bug of ours, logged as one: each of them is asked for singly
            self._log.exception("bug_in_round", model=model)
        finally:
            if self._open.get(model) is asking:
                del self._open[model]
            for request_id, answer in asking.items():
                if not answer.done():
                    answer.set_result(told.get(request_id))

    async def _told(self, model: str, wanted: set[str]) -> dict[str, Record]:
        known = self._of(model)
        if self._clock() < known.left_alone_until:
            return {}
        if len(wanted) <= max(1, known.beats.pages_each):
            is_new = abs(self._clock() - known.read_at) < JUST_NOW_SECONDS
            return {id: record for id, record in known.pending.items() if id in wanted} if is_new else {}
        try:
            told = await self._pages(model, known, wanted)
        except RetryLater as error:
            self._leave_alone(model, known, error.reason)
            return {}
        if len(told) * 2 < len(wanted):
            self._leave_alone(model, known, "the list lacks most of what runs")
        elif self._clock() >= known.left_alone_until:
            known.failures = 0
        sure = {id: record for id, record in told.items() if _says_all(record)}
        pending = [id for id, record in sure.items() if record.progress is Progress.PENDING]
        known.unproven += bool(pending)
        if known.unproven >= CANARY:
            known.unproven = 0
            oldest = min(pending, key=lambda id: sure[id].created_at or 0.0)  # the likeliest to be finished by now
            known.doubted.add(oldest)
            del sure[oldest]
        return sure

    async def _pages(self, model: str, known: _List, wanted: set[str]) -> dict[str, Record]:
        told: dict[str, Record] = {}
        limit, offset = min(PAGE, max(known.page_size, len(known.beats) + FEW)), 0
        read: set[str] = set()
        known.pending, known.read_at = {}, self._clock()
        # What was asked for may have finished: those that run are newer, and other processes' are among them.
        for _ in range(min(MOST_PAGES, 1 + 2 * len(known.beats) // PAGE)):
            page = await self._page(model, known, limit, offset)
            if page is None:
                break
            records = {record.request_id: record for record in page.records}
            new = {id: record for id, record in records.items() if id in wanted}
            told |= new
            known.pending |= {id: each for id, each in records.items() if each.progress is Progress.PENDING}
            known.beats.earn(sum(record.progress is not Progress.PENDING for record in new.values()))
            offset += limit
            missing = len(wanted) - len(told)
            known.page_size = min(PAGE, 2 * limit) if missing and page.has_more else max(FEW, known.page_size - 1)
            if not page.has_more or missing * 2 <= min(4, len(wanted)) or records.keys() <= read:
                break
            read |= records.keys()
        return told

    async def _page(self, model: str, known: _List, limit: int, offset: int) -> Page | None:
        """None, and the list is left alone: it costs more than it tells."""
        began = self._clock()
        known.beats.spend(began)
        try:
            page = await self._queue.page(model, limit=limit, offset=offset)
        except PageTooLarge as error:
            self._leave_alone(model, known, error.reason)
            return None
        if page.size > HEAVY:
            self._leave_alone(model, known, f"a page of {limit} requests has {page.size:,} bytes")
        elif self._clock() - began > SLOW_SECONDS:
            self._leave_alone(model, known, "the list is slow")
        return page

    async def put_off(self, job: Job) -> None:
        """`Store.put_off`, once for all who come in the same moment."""
        done = asyncio.get_running_loop().create_future()
        self._put_off.append((job, done))
        if len(self._put_off) == 1:
            self._begin(self._put_all_off())
        await done

    async def _put_all_off(self) -> None:
        await asyncio.sleep(0)
        waiting, self._put_off = self._put_off, []
        try:
            await self._store.put_off([job for job, _ in waiting], self._clock())
        except Exception as error:  # noqa: BLE001  each of the steps ends by it, as if it had asked alone
            for _, done in waiting:
                if not done.done():
                    done.set_exception(error)
        finally:
            for _, done in waiting:
                if not done.done():
                    done.set_result(None)

    def _begin(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="step-round")
        self._going.add(task)
        task.add_done_callback(self._going.discard)

    def checked(self, job: Job, record: Record) -> None:
        """What a request's own record says: it may show that a page, read just before, lagged."""
        known = self._of(job.model)
        if record.request_id not in known.doubted:
            return
        known.doubted.discard(record.request_id)
        if record.progress is Progress.PENDING or record.updated_at is None:
            return
        if self._queue.now() - record.updated_at > STALE_SECONDS:
            self._leave_alone(job.model, known, "it lags: what is finished still runs in it")

    def _leave_alone(self, model: str, known: _List, reason: str) -> None:
        pause = min(LEFT_ALONE_MOST, LEFT_ALONE_SECONDS * 2.0**known.failures)
        known.failures = min(known.failures + 1, 10)
        known.left_alone_until = self._clock() + pause
        self._log.info("list_left_alone", model=model, reason=reason, seconds=round(pause))

    def _of(self, model: str) -> _List:
        return self._lists.setdefault(model, _List())


def _says_all(record: Record) -> bool:
    """Nobody has promised that the list tells as much as the request's own record does: a history must not get lost by it."""
    if record.progress is Progress.SUCCEEDED:
        return bool(record.media) and record.next_turn_contents is not None
    return record.progress is Progress.PENDING
