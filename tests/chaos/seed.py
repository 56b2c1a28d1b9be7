"""How does one seed go? A first request in peace, then everything at once; then peace again, until all is answered."""

from __future__ import annotations

import asyncio
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from bot import app
from bot.memory import Removals
from bot.model import OPEN, Job, JobQuery
from bot.ports import Store, StoreBusy
from tests.chaos.audit import audit
from tests.chaos.engines import Engine
from tests.chaos.fleet import Fleet
from tests.chaos.ledgers import Kept, Ledgers
from tests.chaos.members import live
from tests.chaos.monkey import Monkey
from tests.chaos.pace import Pace
from tests.chaos.plan import Deed, Plan, Talk
from tests.chaos.surroundings import Surroundings
from tests.chaos.table import Outcome
from tests.chaos.telling import told

MOST_JOBS = 1000  # of one page of the store
IN_FLIGHT = "12"
OPEN_AT_ONCE = "100"  # per member: limits are tested elsewhere

LOOK_SECONDS = 0.5
PATIENCE = 100.0
"""Seconds without any job having moved, after which what is open will stay so. A job that waits is looked at every minute."""

QUIET_LOOKS = 4  # looks in a row that found nothing open


@dataclass(frozen=True, kw_only=True, slots=True)
class Finished:
    """outcome: the row. violations: each of them in full."""

    outcome: Outcome
    violations: tuple[str, ...]


async def run(plan: Plan, engine: Engine, say: Callable[[str], None], *, logs: Path | None = None) -> Finished:
    """Plays a plan against an engine. say: is told how it goes. logs: a folder for what the processes have logged."""
    around = Surroundings(plan.seed)
    with tempfile.TemporaryDirectory(prefix="darkroom-chaos-") as name:
        folder = Path(name)
        async with engine.serve(folder) as database, around.serve():
            settings = {**around.settings, "GMI_IN_FLIGHT": IN_FLIGHT, "MAX_OPEN_JOBS_PER_USER": OPEN_AT_ONCE}
            fleet = Fleet(folder, engine.seats({**settings, "DATABASE_URL": database}))
            began = asyncio.get_running_loop().time()
            try:
                fleet.begin()
                await _played(plan, around, fleet, engine, database, say)
            finally:
                await fleet.close()
                if logs is not None:
                    fleet.keep_logs(logs, f"{plan.seed}-{engine.name}")
            took = asyncio.get_running_loop().time() - began
            ledgers = await _ledgers(around, database, engine.longest_pause)
            checked = audit(ledgers, fleet.troubles())
            outcome = Outcome(plan=plan, engine=engine.name, processes=len(fleet.seats), took=took, audit=checked)
            full = tuple(told(violation, ledgers, around.queue) for violation in checked.violations)
    return Finished(outcome=outcome, violations=full)


async def _played(
    plan: Plan, around: Surroundings, fleet: Fleet, engine: Engine, database: str, say: Callable[[str], None]
) -> None:
    await fleet.works()
    await around.connected()
    store = await app.open_store(database, exclusive=False, read_only=True)
    try:
        # What a model's POSTs are like is learned from the first ones: before that nobody could tell a lost one.
        await _greet(around, 0)
        await _quiet(store, around, say)
        say("chaos begins")
        pace = Pace(around.is_heard)
        async with pace.running():
            talks = [asyncio.create_task(_talk(talk, around, pace), name=f"talk-{talk.number}") for talk in plan.talks]
            await Monkey(around, fleet, engine.restart).rage(plan, pace)
            await asyncio.gather(*talks)
        say("chaos is over")
        await around.calm()
        await fleet.works()
        await around.connected()
        await around.let_time_pass()
        await _greet(around, 1)
        await _quiet(store, around, say)
        await _removed(store, fleet, say)
    finally:
        await store.close()


async def _talk(talk: Talk, around: Surroundings, pace: Pace) -> None:
    await pace.until(talk.at)
    await live(talk, around.sides[talk.platform], around.notes)


async def _greet(around: Surroundings, number: int) -> None:
    """One request on each platform, with nothing in its way."""
    for platform in around.sides:
        words = f"good {('morning', 'night')[number]} on {platform}"
        deed = Deed(kind="imagine", wait=0.0, words=words, chance=0.0)
        talk = Talk(number=-1, platform=platform, at=0.0, member=0, other=1, room=0, place="thread", deeds=(deed,))
        await live(talk, around.sides[platform], around.notes)


async def _quiet(store: Store, around: Surroundings, say: Callable[[str], None]) -> None:
    """Until every accepted request has ended, or none has moved for long."""
    loop = asyncio.get_running_loop()
    moved_at, before, calm = loop.time(), frozenset[tuple[str, int]](), 0
    while calm < QUIET_LOOKS:
        await around.heard()
        await asyncio.sleep(LOOK_SECONDS)
        still = await _open_jobs(store)
        if still is None:
            continue
        calm = 0 if still else calm + 1
        now = frozenset((job.id, job.version) for job in still)
        if now != before:
            moved_at, before = loop.time(), now
        elif still and loop.time() - moved_at > PATIENCE:
            say(f"{len(still)} requests have not moved for {PATIENCE:g} s")
            return


async def _removed(store: Store, fleet: Fleet, say: Callable[[str], None]) -> None:
    """Until nothing is left of what members deleted. What failed then is tried again minutes later, or at a start: hence one."""
    if not await _to_remove(store):
        return
    await fleet.listening.ends(signal.SIGTERM, away=0.0)
    await fleet.works()
    loop = asyncio.get_running_loop()
    until = loop.time() + PATIENCE
    while left := await _to_remove(store):
        if loop.time() > until:
            say(f"{len(left)} deletions are not done after {PATIENCE:g} s")
            return
        await asyncio.sleep(LOOK_SECONDS)


async def _to_remove(store: Store) -> list[str]:
    """Jobs that were deleted, and whose posts may still stand."""
    jobs = [await store.get(job_id) for job_id in await Removals(store, time.time).left()]
    return [job.id for job in jobs if job is not None and job.deleted_at is not None]


async def _open_jobs(store: Store) -> list[Job] | None:
    """None when the store cannot be asked just now."""
    try:
        return await store.jobs(JobQuery(states=OPEN, limit=MOST_JOBS))
    except StoreBusy:
        return None


async def _ledgers(around: Surroundings, database: str, longest_pause: float) -> Ledgers:
    store = await app.open_store(database, exclusive=False, read_only=True)
    try:
        kept = [Kept(job=job, events=tuple(await store.events(job.id))) for job in await _all_jobs(store)]
    finally:
        await store.close()
    return Ledgers(
        asked=around.notes.ledger(),
        made=around.made(),
        posted=tuple(post for side in around.sides.values() for post in side.posted()),
        told=around.notes.told_ledger(),
        kept=tuple(kept),
        longest_pause=longest_pause,
    )


async def _all_jobs(store: Store) -> list[Job]:
    found: list[Job] = []
    while page := await store.jobs(JobQuery(limit=MOST_JOBS, before_seq=found[-1].seq if found else None)):
        found += page
    return found
