"""The contract of every engine where a store is open twice, as in two processes: whatever both do at once, it is done once."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Awaitable
from dataclasses import replace
from itertools import cycle
from typing import Any

import pytest

from bot.errors import UserError
from bot.model import OPEN, ConversationRef, Job, JobQuery, JobState, Usage, Waiting
from bot.ports import Conflict, Forgotten
from tests.storage.conftest import ALONE
from tests.storage.making import (
    ANN,
    BOB,
    T0,
    a_conversation,
    a_job,
    a_message,
    a_person,
    accept,
    admit_all,
    an_image,
    claim_ids,
    finish,
    move,
    park,
    stored,
)

TIMES = 25
"""How often a race is run: one that can be lost is lost within a few."""


@pytest.fixture
async def stores(store, another):
    """The same store, three times."""
    return [store, await another(), await another()]


async def at_once(*calls: Awaitable[Any]) -> list[Any]:
    """Begins the calls in any order; their results, Conflicts among them."""
    shuffled = random.sample(range(len(calls)), len(calls))
    found = await asyncio.gather(*(calls[number] for number in shuffled), return_exceptions=True)
    for result in found:
        if isinstance(result, BaseException) and not isinstance(result, Conflict):
            raise result
    return [found[shuffled.index(number)] for number in range(len(calls))]


# -- accepting ----------------------------------------------------------------------------------------------------


async def test_a_source_that_arrives_in_every_process_at_once_makes_one_job(stores):
    for time in range(5):
        answers = await at_once(
            *(
                each.add(
                    a_job(f"{time}-{n}", source_id=f"test:same{time}", conversation=f"c{time}"),
                    a_conversation(f"c{time}", thread=f"t{time}"),
                    follow=True,
                    admit=admit_all,
                    day_start=0.0,
                )
                for n, each in enumerate(stores * 3)
            )
        )
        assert [answer.is_new for answer in answers].count(True) == 1
        assert len({answer.job for answer in answers}) == 1
    assert len(await stores[0].jobs(JobQuery(limit=100))) == 5


async def test_no_limit_is_overshot_by_processes_that_accept_at_once(stores):
    def at_most_seven(usage: Usage) -> None:
        if usage.open_by_person >= 7:
            raise UserError("Too many at once.")

    async def ask(number: int, store: Any) -> bool:
        try:
            await store.add(a_job(f"j{number}"), a_conversation(), follow=False, admit=at_most_seven, day_start=0.0)
        except UserError:
            return False
        return True

    assert (await at_once(*(ask(n, each) for n, each in zip(range(45), cycle(stores), strict=False)))).count(True) == 7
    assert (await stores[0].usage("test", "w1", ANN.id, 0.0)).open_by_person == 7


async def test_conversations_that_begin_at_one_place_at_once_are_one(stores):
    for time in range(5):
        place = a_conversation(thread=f"t{time}")
        answers = await at_once(
            *(
                each.add(
                    a_job(f"{time}-{n}", conversation=f"{time}-{n}"),
                    replace(place, id=f"{time}-{n}"),
                    follow=True,
                    admit=admit_all,
                    day_start=0.0,
                )
                for n, each in enumerate(stores)
            )
        )
        assert len({answer.job.conversation_id for answer in answers}) == 1
        in_order = sorted((answer.job for answer in answers), key=lambda job: job.seq)
        assert [job.parent_id for job in in_order] == [None, in_order[0].id, in_order[1].id]


async def test_thread_that_two_conversations_open_at_once_belongs_to_one(stores):
    for time in range(TIMES):
        names = [f"{time}-{n}" for n in range(len(stores))]
        for each, name in zip(stores, names, strict=True):
            await accept(each, name, conversation=name)
        ref = ConversationRef(platform="test", workspace="w1", channel="general", thread=f"t{time}")
        opened = await at_once(*(each.opened(name, ref) for each, name in zip(stores, names, strict=True)))
        there = [conversation for conversation in opened if conversation.ref == ref]
        assert len(there) == 1
        assert await stores[0].find_conversation(ref) == there[0]


# -- leases and slots ---------------------------------------------------------------------------------------------


async def test_no_job_goes_to_two_processes(stores):
    for number in range(60):
        await accept(stores[0], f"j{number}", by=a_person(f"p{number % 7}"))
    taken: list[str] = []

    async def take(store: Any) -> None:
        while mine := await claim_ids(store, T0, limit=3):
            taken.extend(mine)

    await asyncio.gather(*(take(each) for each in stores * 2))
    assert sorted(taken) == sorted(f"j{number}" for number in range(60))


async def test_processes_that_claim_save_and_renew_at_once_lose_and_double_nothing(stores):
    """Each job is looked at five times, in all; whoever has the lease looks."""
    looks = 5
    for number in range(12):
        await accept(stores[0], f"j{number}", by=a_person(f"p{number % 3}"))
    seen: dict[tuple[str, int], int] = {}

    async def work(store: Any) -> None:
        while True:
            claimed = await store.claim(T0, until=T0 + 15, limit=2, in_flight=4)
            for job in claimed:
                seen[job.id, job.looks] = seen.get((job.id, job.looks), 0) + 1
                assert await store.renew(job, until=T0 + 30)
                is_last = job.looks + 1 == looks
                ended = {"state": JobState.CANCELLED, "due_at": None} if is_last else {"due_at": T0}
                await store.save(replace(job, looks=job.looks + 1, **ended), now=T0, event="looked")
            if not claimed and await store.count() == {}:
                return

    await asyncio.gather(*(work(each) for each in stores * 2))
    assert seen == {(f"j{number}", look): 1 for number in range(12) for look in range(looks)}
    for number in range(12):
        assert len(await stores[0].events(f"j{number}")) == 1 + looks


async def test_processes_together_hold_no_more_slots_than_there_are(stores):
    for number in range(20):
        await park(stores[0], await accept(stores[0], f"j{number}", by=a_person(f"p{number % 5}")), Waiting.SLOT)
    most = 0

    async def take(store: Any) -> list[Job]:
        nonlocal most
        mine: list[Job] = []
        for _ in range(8):
            mine += await store.claim(T0, until=T0 + 1e6, limit=5, in_flight=3)
            holders = [job for job in await store.jobs(JobQuery(states=OPEN, limit=100)) if job.holds_slot]
            most = max(most, len(holders))
            if mine:  # another one's turn
                await store.save(replace(mine.pop(), waiting=Waiting.SLOT), now=T0)
        return mine

    held = await asyncio.gather(*(take(each) for each in stores * 2))
    assert most == 3
    assert sum(len(mine) for mine in held) <= 3
    assert sorted(await claim_ids(stores[0], T0, in_flight=3)) == sorted(
        await claim_ids(stores[0], T0 + 15, in_flight=3)
    )


async def test_lease_of_one_process_holds_against_the_others_until_it_ends(stores):
    first, second, _ = stores
    await accept(first)
    [claimed] = await first.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    assert await second.claim(T0 + 14.9, until=T0 + 30, limit=1, in_flight=4) == []
    assert await first.renew(claimed, until=T0 + 20)
    assert await second.claim(T0 + 19.9, until=T0 + 35, limit=1, in_flight=4) == []
    [taken_over] = await second.claim(T0 + 20, until=T0 + 35, limit=1, in_flight=4)
    assert not await first.renew(claimed, until=T0 + 99)
    assert (await stored(first, claimed)) == taken_over


# -- saves --------------------------------------------------------------------------------------------------------


async def test_late_write_of_a_process_that_lost_its_lease_is_refused(stores):
    first, second, _ = stores
    await accept(first)
    [claimed] = await first.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    [taken_over] = await second.claim(T0 + 15, until=T0 + 30, limit=1, in_flight=4)
    with pytest.raises(Conflict):
        await first.save(replace(claimed, looks=1), now=T0 + 16, event="late", payload={"prompt": "late"})
    assert await stored(first, claimed) == taken_over
    assert [event.text for event in await first.events("j1")] == ["accepted"]
    assert (await first.turn("j1")).payload is None


async def test_of_saves_in_many_processes_one_wins(stores):
    job = await accept(stores[0])
    for time in range(TIMES):
        wanted = [replace(job, attempts=n) for n, _ in enumerate(stores)]
        answers = await at_once(*(e.save(w, now=T0, event=f"{time}") for e, w in zip(stores, wanted, strict=True)))
        [job] = [answer for answer in answers if not isinstance(answer, Conflict)]
        assert await stored(stores[0], job) == job
    assert job.version == TIMES
    assert len(await stores[0].events("j1")) == 1 + TIMES


async def test_request_id_is_kept_whoever_else_moves_the_job_at_once(stores):
    first, second, _ = stores
    for time in range(TIMES):
        job = await move(first, await accept(first, f"j{time}"), JobState.SUBMITTING, submissions=1)
        await at_once(
            first.save(replace(job, state=JobState.RUNNING, request_id=f"r{time}"), now=T0),
            second.save(replace(job, state=JobState.CANCELLED), now=T0),
        )
        left = await stored(first, job)
        assert left.request_id == f"r{time}"
        assert left.state in (JobState.RUNNING, JobState.CANCELLED)
        assert await second.known_requests([f"r{time}"]) == {f"r{time}"}


async def test_request_id_belongs_to_one_job_whoever_else_claims_it_at_once(stores):
    for time in range(TIMES):
        jobs = [
            await move(each, await accept(each, f"{time}-{n}"), JobState.SUBMITTING) for n, each in enumerate(stores)
        ]
        wanted = [replace(job, state=JobState.RUNNING, request_id=f"r{time}") for job in jobs]
        answers = await at_once(*(e.save(w, now=T0) for e, w in zip(stores, wanted, strict=True)))
        assert sum(isinstance(answer, Conflict) for answer in answers) == len(stores) - 1
        ids = [(await stored(stores[0], job)).request_id for job in jobs]
        assert sorted(ids, key=str) == [None, None, f"r{time}"]


async def test_child_that_is_parked_while_its_parent_ends_is_not_parked_for_ever(stores):
    first, second, _ = stores

    async def race(number: int) -> None:
        parent = await accept(first, f"parent{number}", conversation=f"c{number}")
        child = await accept(first, f"child{number}", conversation=f"c{number}", follow=True)
        await at_once(
            first.save(replace(parent, state=JobState.CANCELLED), now=T0),
            second.save(replace(child, waiting=Waiting.PARENT), now=T0),
        )
        assert (await stored(first, child)).waiting is None

    for start in range(0, 60, 3):
        await asyncio.gather(*(race(start + n) for n in range(3)))


async def test_card_that_is_placed_while_the_job_is_claimed_is_kept_or_left_whole(stores):
    first, second, _ = stores
    for time in range(TIMES):
        await accept(first, f"j{time}", due_at=T0)
        card = a_message(f"m{time}")
        claimed, _ = await at_once(
            first.claim(T0, until=T0 + 1e6, limit=1, in_flight=4), second.place(f"j{time}", card, T0)
        )
        # A claim passes by what another one is writing at that moment; the next look finds it.
        [job] = claimed or await first.claim(T0, until=T0 + 1e6, limit=1, in_flight=4)
        found = await second.find_message(card)
        assert (found is not None) == (job.card == card)
        assert await stored(first, job) == job


# -- bytes, retention, forgetting ---------------------------------------------------------------------------------


async def test_bytes_that_are_put_while_they_are_swept_are_there(stores, engine):
    # Files have one process that removes them, and it is the one that writes them.
    first, second, third = [stores[0]] * 3 if engine in ALONE else stores
    for _ in range(TIMES):
        sha256 = await first.put_blob(b"pixels", T0)
        await at_once(second.put_blob(b"pixels", T0 + 10), third.sweep(before=0, unused_before=T0 + 5, max_bytes=None))
        assert await first.get_blob(sha256) == b"pixels"
        await first.sweep(before=0, unused_before=T0 + 20, max_bytes=None)


async def test_same_bytes_put_by_every_process_at_once_are_kept_once(stores):
    ids = await at_once(*(each.put_blob(b"same", T0 + n) for n, each in enumerate(stores * 3)))
    assert len(set(ids)) == 1
    assert await stores[0].sweep(before=0, unused_before=T0 + 100, max_bytes=None) == Forgotten(jobs=0, pictures=1)


async def test_processes_that_sweep_at_once_remove_no_more_than_one_would(stores):
    for number in range(12):
        sha256 = await stores[0].put_blob(bytes([number]) * 100, T0)
        await finish(stores[0], await accept(stores[0], f"j{number}", at=T0 + number), sha256=sha256)
    swept = await at_once(*(each.sweep(before=T0 + 4, unused_before=T0 + 1, max_bytes=500) for each in stores))
    assert sum(each.jobs for each in swept) == 4 + 3
    assert sum(each.pictures for each in swept) == 7
    left = [job.id for job in await stores[0].jobs(JobQuery(limit=100)) if job.images]
    assert left == [f"j{number}" for number in range(11, 6, -1)]


async def test_words_of_a_forgotten_member_stay_in_no_save_that_is_made_at_once(stores):
    first, second, _ = stores
    said = [{"role": "user", "parts": [{"text": "a fox, ann"}]}]
    for time in range(TIMES):
        here = f"c{time}"
        await finish(first, await accept(first, f"ann{time}", conversation=here))
        bobs = await accept(first, f"bob{time}", by=BOB, conversation=here, follow=True)
        bobs = await move(first, bobs, JobState.RUNNING, request_id=f"r{time}")
        delivered = replace(bobs, state=JobState.DELIVERING, images=(an_image(),))
        await at_once(second.save(delivered, now=T0 + 1, next_turn_contents=said), first.forget("test", ANN.id, T0 + 1))
        assert (await first.turn(bobs.id)).next_turn_contents is None


async def test_step_that_composes_while_its_history_is_forgotten_saves_nothing_of_it(stores):
    first, second, _ = stores
    for time in range(TIMES):
        here = f"c{time}"
        await finish(first, await accept(first, f"ann{time}", conversation=here))
        await accept(first, f"bob{time}", by=BOB, conversation=here, follow=True)
        [composing] = await first.claim(T0, until=T0 + 1e6, limit=1, in_flight=4)
        sent = replace(composing, state=JobState.SUBMITTING)
        await at_once(
            second.save(sent, now=T0 + 1, payload={"contents": ["a fox, ann"]}), first.forget("test", ANN.id, T0 + 1)
        )
        assert (await first.turn(composing.id)).payload is None


# -- small memories -----------------------------------------------------------------------------------------------


async def test_memos_that_every_process_writes_at_once_are_one_of_them(stores):
    await at_once(*(each.save_note("k", {"by": n}) for n, each in enumerate(stores)))
    assert (await stores[0].load_note("k"))["by"] in range(len(stores))
    await at_once(*(each.remember("space", "k", {"by": n}) for n, each in enumerate(stores)))
    assert (await stores[0].recall("space", "k", T0))["by"] in range(len(stores))
    await at_once(*(each.check_writable() for each in stores * 3))


async def test_bucket_gives_every_process_together_what_it_holds(stores):
    waits = await at_once(*(each.take("queue", rate=2.0, burst=5.0, now=T0) for each in stores * 4))
    assert sorted(waits) == [0.0] * 5 + [(n + 1) / 2.0 for n in range(7)]


async def test_caller_that_is_cancelled_leaves_a_write_whole(store, another):
    other = await another()
    for ticks in range(12):
        call = asyncio.create_task(accept(store, f"j{ticks}", conversation=f"c{ticks}"))
        for _ in range(ticks):
            await asyncio.sleep(0)
        call.cancel()
        await asyncio.gather(call, return_exceptions=True)
    await accept(store, "last")
    await store.close()
    for ticks in range(12):
        job = await other.get(f"j{ticks}")
        events = [event.text for event in await other.events(f"j{ticks}")]
        assert events == (["accepted"] if job else [])
        assert (await other.conversation(f"c{ticks}") is not None) == (job is not None)
    assert await other.get("last")
