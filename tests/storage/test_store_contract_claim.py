"""The contract of every engine: leases, slots, fairness, and the start after a death."""

import asyncio
from dataclasses import replace

import pytest
import sqlalchemy as sa
import structlog

from bot.errors import FailureKind
from bot.model import Failure, JobQuery, JobState, Waiting
from bot.ports import Conflict
from storage._claims import UNREADABLE_SECONDS
from storage._tables import jobs
from tests.storage.conftest import ALONE
from tests.storage.making import (
    ANN,
    BOB,
    T0,
    a_job,
    a_message,
    a_person,
    accept,
    claim_ids,
    finish,
    move,
    park,
    stored,
)

# -- leases at their exact thresholds -----------------------------------------------------------------------------


SPOILT = {
    "a post without its place": {"posts": [{"id": "1"}]},
    "a number": {"images": 7},
    "an unknown kind": {"failure": {"kind": "bad luck"}},
}
NOT_JSON = {
    f"no JSON in {column}": {column: sa.text("'no JSON'")}
    for column in ("references", "card", "asked_in", "images", "failure", "posts")
}


def spoiling(engine):
    """What a stranger's hand may leave in a row; PostgreSQL itself takes nothing into such a column that is not JSON."""
    return SPOILT | NOT_JSON if engine == "sqlite" else SPOILT


async def spoil(store, engine):
    """Each job is spoilt in the way that is its name."""

    def change(connection):
        for job_id, values in spoiling(engine).items():
            connection.execute(jobs.update().where(jobs.c.id == job_id).values(values))

    await store._engine.write(change)


def unreadable(log):
    return [entry["job"] for entry in log if entry["event"] == "job_unreadable"]


async def test_jobs_that_cannot_be_read_keep_nobody_from_the_others(store, engine):
    for job_id in (*spoiling(engine), "good"):
        await accept(store, job_id)
    await spoil(store, engine)
    with structlog.testing.capture_logs() as log:
        assert await claim_ids(store, T0) == ["good"]
    assert set(unreadable(log)) == set(spoiling(engine))
    assert await claim_ids(store, T0 + UNREADABLE_SECONDS - 1) == ["good"]


async def test_lists_leave_out_jobs_that_cannot_be_read_and_say_so_in_the_log(store, engine):
    payload = {"prompt": "a"}
    for job_id in (*spoiling(engine), "good"):
        job = await move(store, await accept(store, job_id, attempt_at=T0), JobState.SUBMITTING, answered_after=1.0)
        await store.save(job, now=T0, payload=payload)
    await spoil(store, engine)
    for ask in (
        lambda: store.jobs(JobQuery()),
        lambda: store.last_answers("a-model", 20),
        lambda: store.same_payload_in_doubt(a_job("another"), payload),
    ):
        with structlog.testing.capture_logs() as log:
            assert [job.id for job in await ask()] == ["good"]
        assert set(unreadable(log)) == set(spoiling(engine))


async def test_words_of_jobs_that_cannot_be_read_are_removed_with_all_others(store, engine):
    failure = Failure(kind=FailureKind.LOST, reason="the very words", text="")
    for job_id in (*spoiling(engine), "good"):
        await finish(store, await accept(store, job_id), failure=failure)
    await spoil(store, engine)
    swept = await store.sweep(before=T0 + 1, unused_before=0, max_bytes=None)
    assert swept.jobs == len(spoiling(engine)) + 1
    left = sa.select(jobs.c.prompt, sa.cast(jobs.c.failure, sa.Text))
    rows = await store._engine.read(lambda connection: connection.execute(left).all())
    assert {prompt for prompt, _ in rows} == {""}
    assert "words" not in str(rows)
    assert "bad luck" not in str(rows)
    assert (await store.get("good")).failure.kind is FailureKind.LOST


async def test_job_can_be_claimed_at_its_due_time_and_not_before(store):
    await accept(store, due_at=T0 + 5)
    assert await claim_ids(store, T0 + 4.999) == []
    assert await claim_ids(store, T0 + 5) == ["j1"]


async def test_claimed_job_comes_back_when_its_lease_ends_and_not_before(store):
    await accept(store)
    assert await claim_ids(store, T0, lease=15) == ["j1"]
    assert await claim_ids(store, T0 + 14.999) == []
    assert await claim_ids(store, T0 + 15) == ["j1"]


async def test_a_claim_changes_the_lease_and_the_version_and_nothing_else(store):
    before = await accept(store, attempts=2, deadline_at=T0 + 600, opened=True)
    [claimed] = await store.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    assert claimed == replace(before, due_at=T0 + 15, version=before.version + 1)
    assert await stored(store, before) == claimed


async def test_parked_and_ended_jobs_are_never_claimed(store):
    parent = await accept(store, "parent", due_at=T0 + 1e9)
    await park(store, await accept(store, "child", parent_id=parent.id), Waiting.PARENT)
    await finish(store, await accept(store, "done"))
    await move(store, await accept(store, "cancelled"), JobState.CANCELLED)
    await move(store, await accept(store, "failed"), JobState.FAILED)
    assert await claim_ids(store, T0 + 1e8) == []


async def test_claimers_at_the_same_moment_get_different_jobs(store):
    for number in range(40):
        await accept(store, f"j{number}", by=a_person(f"p{number % 7}"))
    taken: list[str] = []

    async def take() -> None:
        while mine := await claim_ids(store, T0, limit=3):
            taken.extend(mine)

    await asyncio.gather(*(take() for _ in range(4)))
    assert sorted(taken) == sorted(f"j{number}" for number in range(40))


async def test_renewed_lease_holds_to_its_new_end_with_the_same_version(store):
    await accept(store)
    [claimed] = await store.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    assert await store.renew(claimed, until=T0 + 30)
    assert (await stored(store, claimed)).version == claimed.version
    assert await claim_ids(store, T0 + 29.999) == []
    assert await claim_ids(store, T0 + 30) == ["j1"]


async def test_lease_that_ended_can_be_renewed_until_another_claim_takes_the_job(store):
    await accept(store)
    [first] = await store.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    assert await store.renew(first, until=T0 + 20)
    [second] = await store.claim(T0 + 20, until=T0 + 35, limit=1, in_flight=4)
    assert not await store.renew(first, until=T0 + 99)
    assert (await stored(store, second)).due_at == T0 + 35


async def test_jobs_that_are_put_off_are_due_again_when_they_say_and_their_claims_are_over(store):
    for name in ("one", "two", "three"):
        await accept(store, name)
    claimed = await store.claim(T0, until=T0 + 15, limit=3, in_flight=4)
    [lost] = [job for job in claimed if job.id == "three"]
    moved = await store.save(replace(lost, due_at=T0 + 40), now=T0 + 1)
    later = {"one": T0 + 20, "two": T0 + 30, "three": T0 + 99}
    await store.put_off([replace(job, due_at=later[job.id], looks=7) for job in claimed], T0 + 2)
    one, two = [await stored(store, job) for job in claimed if job.id != "three"]
    assert [(job.due_at, job.looks) for job in (one, two)] == [(T0 + 20, 7), (T0 + 30, 7)]
    assert await stored(store, lost) == moved, "somebody else has it by now"
    assert not await store.renew(claimed[0], until=T0 + 99), "a renewal on its way makes no lease of it again"
    with pytest.raises(Conflict):
        await store.save(replace(claimed[0], due_at=T0 + 99), now=T0 + 3)
    assert await claim_ids(store, T0 + 20) == ["one"]
    assert await claim_ids(store, T0 + 30) == ["two"]


async def test_putting_off_nothing_is_no_write(store):
    await store.put_off([], T0)
    assert await store.next_due(4) is None


async def test_lease_of_a_parked_or_ended_job_cannot_be_renewed(store):
    parked = await park(store, await accept(store, "parked"), Waiting.SLOT)
    ended = await move(store, await accept(store, "ended"), JobState.CANCELLED)
    for job in (parked, ended):
        assert not await store.renew(job, until=T0 + 99)
        assert await stored(store, job) == job


# -- whose turn it is ---------------------------------------------------------------------------------------------


async def test_the_job_that_has_been_due_longest_goes_first(store):
    for job_id, due_at in (("j1", T0 + 3), ("j2", T0 + 1), ("j3", T0 + 2)):
        await accept(store, job_id, due_at=due_at)
    assert [await claim_ids(store, T0 + 9, limit=1) for _ in range(3)] == [["j2"], ["j3"], ["j1"]]


async def test_one_members_forty_requests_do_not_stand_before_anothers_first(store):
    for number in range(40):
        await accept(store, f"ann{number:02}", due_at=T0 + number / 100)
    await accept(store, "bob", by=BOB, due_at=T0 + 1)
    assert sorted(await claim_ids(store, T0 + 2, limit=2)) == ["ann00", "bob"]


async def test_members_of_the_same_id_on_two_platforms_are_two(store):
    await accept(store, "a1")
    await accept(store, "a2")
    await accept(store, "b1", platform="other", conversation="c2", due_at=T0 + 1)
    assert sorted(await claim_ids(store, T0 + 2, limit=2)) == ["a1", "b1"]


async def test_who_holds_slots_already_comes_after_who_holds_none(store):
    for number in range(2):
        held = await accept(store, f"held{number}")
        await move(store, held, JobState.RUNNING, now=T0 + 1e6, holds_slot=True)
    await accept(store, "ann", due_at=T0)
    await accept(store, "bob1", by=BOB, due_at=T0 + 1)
    await accept(store, "bob2", by=BOB, due_at=T0 + 2)
    order = [await claim_ids(store, T0 + 9, limit=1) for _ in range(3)]
    assert order == [["bob1"], ["bob2"], ["ann"]]


async def test_a_claim_returns_jobs_in_accept_order(store):
    for job_id, due_at in (("j1", T0 + 3), ("j2", T0 + 1), ("j3", T0 + 2)):
        await accept(store, job_id, by=a_person(job_id), due_at=due_at)
    assert await claim_ids(store, T0 + 9) == ["j1", "j2", "j3"]


# -- slots --------------------------------------------------------------------------------------------------------


async def test_waiting_jobs_get_the_free_slots_and_no_more(store):
    for number in range(5):
        job = await accept(store, f"j{number}", by=a_person(f"p{number}"))
        await park(store, job, Waiting.SLOT, now=T0 + number)
    claimed = await store.claim(T0 + 9, until=T0 + 24, limit=100, in_flight=3)
    assert [job.id for job in claimed] == ["j0", "j1", "j2"]
    assert all(job.holds_slot and job.waiting is None and job.due_at == T0 + 24 for job in claimed)
    assert await claim_ids(store, T0 + 9, in_flight=3) == []
    assert await claim_ids(store, T0 + 9, in_flight=4) == ["j3"]


async def test_jobs_that_need_no_slot_are_claimed_while_none_is_free(store):
    await move(store, await accept(store, "runs"), JobState.RUNNING, holds_slot=True)
    await park(store, await accept(store, "waits"), Waiting.SLOT)
    await accept(store, "fresh", due_at=T0 + 1)
    assert await claim_ids(store, T0 + 1, in_flight=1) == ["fresh"]


async def test_a_smaller_limit_than_before_takes_no_slot_away_and_gives_none(store):
    for number in range(3):
        await move(store, await accept(store, f"runs{number}"), JobState.RUNNING, now=T0 + 99, holds_slot=True)
    await park(store, await accept(store, "waits"), Waiting.SLOT)
    assert await claim_ids(store, T0 + 1, in_flight=2) == []
    assert (await store.get("runs0")).holds_slot


async def test_slots_go_round_by_member_and_count_those_held(store):
    await move(store, await accept(store, "held"), JobState.RUNNING, now=T0 + 1e6, holds_slot=True)
    await park(store, await accept(store, "ann"), Waiting.SLOT, now=T0)
    await park(store, await accept(store, "bob1", by=BOB), Waiting.SLOT, now=T0 + 1)
    await park(store, await accept(store, "bob2", by=BOB), Waiting.SLOT, now=T0 + 2)
    # Bob's first, then it is one each, and Ann has waited longer
    order = [await claim_ids(store, T0 + 9, in_flight=in_flight) for in_flight in (2, 3, 4)]
    assert order == [["bob1"], ["ann"], ["bob2"]]


async def test_limit_bounds_jobs_that_wait_for_slots_too(store):
    for number in range(3):
        await park(store, await accept(store, f"j{number}"), Waiting.SLOT, now=T0 + number)
    assert await claim_ids(store, T0 + 9, limit=2, in_flight=9) == ["j0", "j1"]


async def test_slot_is_freed_when_a_job_leaves_running_ends_or_is_parked(store):
    running = await move(store, await accept(store, "j1"), JobState.RUNNING, holds_slot=True)
    assert (await stored(store, running)).holds_slot
    assert not (await move(store, running, JobState.DELIVERING)).holds_slot

    cancelled = await move(store, await accept(store, "j2"), JobState.SUBMITTING, holds_slot=True)
    assert not (await move(store, cancelled, JobState.CANCELLED)).holds_slot

    parked = await accept(store, "j3", holds_slot=True)
    assert not (await park(store, parked, Waiting.SLOT)).holds_slot

    asked_again = await move(store, await accept(store, "j4"), JobState.RUNNING, holds_slot=True)
    assert (await store.save(replace(asked_again, state=JobState.QUEUED), now=T0)).holds_slot

    await park(store, await accept(store, "j5"), Waiting.SLOT)
    assert await claim_ids(store, T0, in_flight=1) == []  # j4 still holds one
    assert await claim_ids(store, T0, in_flight=2) == ["j3"]  # parked at the same time as j5, asked before it


# -- when to look again -------------------------------------------------------------------------------------------


async def test_nothing_is_due_where_nothing_is_open(store):
    assert await store.next_due(4) is None
    await finish(store, await accept(store))
    assert await store.next_due(4) is None


async def test_next_due_is_the_earliest_of_open_jobs_past_or_future(store):
    await accept(store, "j1", due_at=T0 + 9)
    await accept(store, "j2", due_at=T0 + 3)
    assert await store.next_due(4) == T0 + 3
    await claim_ids(store, T0 + 5, lease=15)
    assert await store.next_due(4) == T0 + 9


async def test_waiting_for_a_slot_is_due_only_while_one_is_free(store):
    running = await move(store, await accept(store, "runs"), JobState.RUNNING, now=T0 + 100, holds_slot=True)
    await park(store, await accept(store, "waits"), Waiting.SLOT)
    assert await store.next_due(1) == running.due_at
    assert await store.next_due(2) <= T0
    await move(store, running, JobState.DELIVERING, now=T0 + 100)
    assert await store.next_due(1) <= T0


async def test_waiting_for_a_parent_is_never_due(store):
    parent = await accept(store, "parent", due_at=T0 + 50)
    await park(store, await accept(store, "child", parent_id=parent.id), Waiting.PARENT)
    assert await store.next_due(4) == T0 + 50


# -- start --------------------------------------------------------------------------------------------------------


async def test_start_frees_leases_where_only_the_dead_can_hold_them(store, engine):
    """Where others may be at work their leases are theirs, until they end by themselves."""
    await accept(store, "leased")
    await claim_ids(store, T0, lease=15)
    await accept(store, "backing off", due_at=T0 + 900)
    await accept(store, "due before", due_at=T0 - 5)
    await store.start(T0 + 1)
    freed = ["leased", "backing off"] if engine in ALONE else []
    assert await claim_ids(store, T0 + 1) == [*freed, "due before"]
    assert await claim_ids(store, T0 + 16) == ["leased", *(["backing off"] if freed else []), "due before"]
    assert "backing off" in [*freed, *await claim_ids(store, T0 + 900)]


async def test_start_leaves_parked_and_ended_jobs_alone(store):
    parent = await accept(store, "parent")
    parked = await park(store, await accept(store, "child", parent_id=parent.id), Waiting.PARENT)
    slot = await park(store, await accept(store, "slot"), Waiting.SLOT)
    done = await finish(store, await accept(store, "done"))
    await store.start(T0 + 60)
    assert [await stored(store, job) for job in (parked, slot, done)] == [parked, slot, done]


async def test_start_keeps_slots_that_the_vendor_still_fills(store):
    await move(store, await accept(store, "runs"), JobState.RUNNING, holds_slot=True)
    await store.start(T0 + 60)
    assert (await store.get("runs")).holds_slot


async def test_start_moves_deadlines_by_the_time_that_nobody_worked(store):
    await accept(store, "open", deadline_at=T0 + 600)
    await finish(store, await accept(store, "ended", deadline_at=T0 + 600))
    last = await move(store, await accept(store, "last"), JobState.SUBMITTING, now=T0 + 10, deadline_at=None)
    await store.start(T0 + 10 + 300)
    assert (await store.get("open")).deadline_at == T0 + 600 + 300
    assert (await store.get("ended")).deadline_at == T0 + 600
    assert (await stored(store, last)).deadline_at is None


async def test_start_counts_downtime_from_the_last_claim_or_renewal(store):
    await accept(store, deadline_at=T0 + 600)
    [claimed] = await store.claim(T0 + 50, until=T0 + 65, limit=1, in_flight=4)
    await store.renew(claimed, until=T0 + 75)  # ten seconds after the claim
    await store.start(T0 + 160)
    assert (await stored(store, claimed)).deadline_at == T0 + 600 + 100


async def test_what_members_do_while_nobody_works_does_not_count_as_work(store):
    """By a gateway, while all workers are down."""
    await move(store, await accept(store, "open"), JobState.RUNNING, deadline_at=T0 + 600)
    done = await finish(store, await accept(store, "done"))
    await accept(store, "asked", at=T0 + 200)
    await store.place("asked", a_message("card"), T0 + 210)
    await move(store, await accept(store, "regretted", at=T0 + 220), JobState.CANCELLED, now=T0 + 230)
    await store.save(replace(done, deleted_at=T0 + 240), now=T0 + 240)
    await accept(store, "theirs", at=T0 + 250, requester=BOB)
    await store.forget("test", BOB.id, T0 + 260)
    await store.start(T0 + 300)
    assert (await store.get("open")).deadline_at == T0 + 600 + 300


async def test_second_start_moves_deadlines_only_by_the_time_since_the_first(store):
    await move(store, await accept(store), JobState.RUNNING, deadline_at=T0 + 600)
    await store.start(T0 + 100)
    await store.start(T0 + 130)
    assert (await store.get("j1")).deadline_at == T0 + 600 + 130


async def test_clock_that_was_set_back_leaves_everything_as_far_away_as_it_was(store, engine):
    await store.save(replace(await accept(store), due_at=T0 + 7, deadline_at=T0 + 600), now=T0)
    await store.start(T0 - 5000)
    job = await store.get("j1")
    due_at = T0 - 5000 if engine in ALONE else T0 - 5000 + 7
    assert (job.deadline_at, job.due_at) == (T0 - 5000 + 600, due_at)
    await store.start(T0 - 4990)
    assert (await stored(store, job)).deadline_at == T0 - 4990 + 600


async def test_start_of_an_empty_store_does_nothing(store):
    await store.start(T0)
    assert await store.next_due(4) is None


async def test_member_is_told_apart_by_id_not_by_name(store):
    await accept(store, "j1")
    await accept(store, "j2", by=replace(ANN, name="Ann the Second"))
    await accept(store, "j3", by=BOB, due_at=T0 + 1)
    assert await claim_ids(store, T0 + 1, limit=2) == ["j1", "j3"]
