"""The contract of every engine, held against a model of one page.

Whatever happens in whatever order, a claim takes what the promise says, and something exactly when `next_due` says so.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, replace

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)

from bot.model import OPEN, OUTCOME_UNKNOWN, Job, JobState, Waiting
from bot.ports import Conflict, Store
from tests.storage.conftest import ALONE, open_at
from tests.storage.making import T0, a_person, accept

IN_FLIGHT = 2


@dataclass
class Expected:
    """What the model knows of a job. since: when a parked job began to wait."""

    job: Job
    since: float = T0


def is_blocked(child: Job, expected: dict[str, Expected]) -> bool:
    """Whether the parent still stands in the child's way."""
    parent = child.parent_id and expected[child.parent_id].job.state
    return parent in (OPEN if child.state is JobState.DELIVERING else OUTCOME_UNKNOWN)


def expected_claim(expected: dict[str, Expected], now: float, limit: int) -> list[str]:
    """The promise of `Store.claim`, in plain Python."""
    held: dict[str, int] = {}
    for each in expected.values():
        held[each.job.requester.id] = held.get(each.job.requester.id, 0) + each.job.holds_slot
    free = max(0, IN_FLIGHT - sum(held.values()))

    def in_turn(jobs: list[tuple[float, Job]]) -> list[tuple[int, float, int, str]]:
        seen = dict(held)
        turns = []
        for since, job in sorted(jobs, key=lambda each: (each[0], each[1].seq)):
            seen[job.requester.id] = seen.get(job.requester.id, 0) + 1
            turns.append((seen[job.requester.id], since, job.seq, job.id))
        return sorted(turns)

    due = [(e.job.due_at, e.job) for e in expected.values() if e.job.due_at is not None and e.job.due_at <= now]
    waiting = [(e.since, e.job) for e in expected.values() if e.job.waiting is Waiting.SLOT]
    chosen = sorted([*in_turn(due), *in_turn(waiting)[:free]])[:limit]
    return [job_id for *_, job_id in sorted(chosen, key=lambda each: each[2])]


class Life(RuleBasedStateMachine):
    """Jobs are asked for, claimed, parked, moved, cancelled; the bot dies and starts again."""

    frees_leases = True

    def __init__(self) -> None:
        super().__init__()
        self.runner = asyncio.Runner()
        self.address = self.new_address()
        self.store: Store = self.runner.run(open_at(self.address))
        self.now = T0
        self.expected: dict[str, Expected] = {}

    def new_address(self) -> str:
        raise NotImplementedError

    def teardown(self) -> None:
        self.runner.run(self.store.close())
        self.runner.close()

    def saved(self, job: Job) -> None:
        """Saves, and lets the model follow."""
        kept = self.expected[job.id]
        kept.job = self.runner.run(self.store.save(job, now=self.now))
        kept.since = self.now
        state = kept.job.state
        if state not in OUTCOME_UNKNOWN:
            for each in self.expected.values():
                child = each.job
                if (
                    child.parent_id == job.id
                    and child.waiting is Waiting.PARENT
                    and not is_blocked(child, self.expected)
                ):
                    each.job = replace(child, waiting=None, due_at=self.now)

    def some_open(self, data: st.DataObject) -> Job:
        return data.draw(st.sampled_from([e.job for e in self.expected.values() if e.job.state in OPEN]))

    @initialize()
    def begin(self) -> None:
        self.ask(member="ann", follow=False, delay=0)

    @rule(member=st.sampled_from(["ann", "bob", "eve"]), follow=st.booleans(), delay=st.integers(0, 5))
    def ask(self, *, member: str, follow: bool, delay: int) -> None:
        job_id = f"j{len(self.expected)}"
        job = self.runner.run(
            accept(self.store, job_id, by=a_person(member), at=self.now, due_at=self.now + delay, follow=follow)
        )
        is_open = [e.job.id for e in self.expected.values() if e.job.state in OPEN]
        succeeded = [e.job.id for e in self.expected.values() if e.job.state is JobState.SUCCEEDED]
        followed = is_open or succeeded
        assert job.parent_id == (followed[-1] if follow and followed else None)
        self.expected[job_id] = Expected(job=job, since=self.now)

    @rule(seconds=st.sampled_from([0.5, 1, 4, 15]))
    def wait(self, seconds: float) -> None:
        self.now += seconds

    @rule(limit=st.integers(1, 4))
    def claim(self, limit: int) -> None:
        wanted = expected_claim(self.expected, self.now, limit)
        claimed = self.runner.run(self.store.claim(self.now, until=self.now + 15, limit=limit, in_flight=IN_FLIGHT))
        assert [job.id for job in claimed] == wanted
        for job in claimed:
            before = self.expected[job.id].job
            assert job == replace(
                before,
                due_at=self.now + 15,
                waiting=None,
                holds_slot=before.holds_slot or before.waiting is Waiting.SLOT,
                version=before.version + 1,
            )
            self.expected[job.id].job = job

    @precondition(lambda self: any(e.job.state in OPEN for e in self.expected.values()))
    @rule(data=st.data(), waiting=st.sampled_from(Waiting))
    def park(self, data: st.DataObject, waiting: Waiting) -> None:
        job = self.some_open(data)
        if waiting is Waiting.SLOT and job.state not in OUTCOME_UNKNOWN:
            return
        parks = waiting is Waiting.SLOT or is_blocked(job, self.expected)
        self.saved(replace(job, waiting=waiting, due_at=self.now + 1))
        after = self.expected[job.id].job
        assert (after.waiting, after.due_at) == ((waiting, None) if parks else (None, self.now))

    @precondition(lambda self: any(e.job.state in OPEN for e in self.expected.values()))
    @rule(data=st.data(), delay=st.integers(0, 5), end=st.sampled_from([JobState.SUCCEEDED, JobState.FAILED]))
    def move_on(self, data: st.DataObject, delay: int, end: JobState) -> None:
        job = self.some_open(data)
        line = [JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING, JobState.DELIVERING, end]
        after = line[line.index(job.state) + 1]
        self.saved(replace(job, state=after, waiting=None, due_at=self.now + delay))

    @precondition(lambda self: any(e.job.state in OUTCOME_UNKNOWN for e in self.expected.values()))
    @rule(data=st.data())
    def cancel(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from([e.job for e in self.expected.values() if e.job.state in OUTCOME_UNKNOWN]))
        self.saved(replace(job, state=JobState.CANCELLED))

    @rule(data=st.data())
    def save_an_older_copy(self, data: st.DataObject) -> None:
        job = data.draw(st.sampled_from([e.job for e in self.expected.values()]))
        with pytest.raises(Conflict):
            self.runner.run(self.store.save(replace(job, version=job.version - 1), now=self.now))

    @rule(seconds=st.sampled_from([0, 100]))
    def die_and_start(self, seconds: float) -> None:
        self.runner.run(self.store.close())
        self.now += seconds
        self.store = self.runner.run(open_at(self.address))
        self.runner.run(self.store.start(self.now))
        for each in self.expected.values():
            if each.job.due_at is not None and self.frees_leases:
                each.job = replace(each.job, due_at=min(each.job.due_at, self.now))

    @invariant()
    def something_can_be_claimed_exactly_when_next_due_says_so(self) -> None:
        due = self.runner.run(self.store.next_due(IN_FLIGHT))
        assert (due is not None and due <= self.now) == bool(expected_claim(self.expected, self.now, 1))
        if due is not None and due > self.now:
            assert expected_claim(self.expected, due, 1)

    @invariant()
    def every_job_stands_as_expected(self) -> None:
        for each in self.expected.values():
            assert self.runner.run(self.store.get(each.job.id)) == each.job


def test_any_life_of_a_store_agrees_with_the_promises(engine, new_address):
    class LifeOfEngine(Life):
        frees_leases = engine in ALONE

        def new_address(self) -> str:
            return new_address(engine)

    run_state_machine_as_test(
        LifeOfEngine,
        settings=settings(max_examples=15, stateful_step_count=30, suppress_health_check=list(HealthCheck)),
    )
