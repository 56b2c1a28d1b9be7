"""The contract of every engine: how a job is accepted, and what counts against the limits."""

import asyncio
from dataclasses import replace

import pytest

from bot.errors import FailureKind, UserError
from bot.model import ConversationRef, Failure, JobState, Usage, Waiting
from tests.storage.making import (
    ANN,
    BOB,
    T0,
    a_conversation,
    a_job,
    a_message,
    a_reference,
    accept,
    admit_all,
    an_image,
    finish,
    move,
    stored,
)


async def test_accepted_job_reads_back_as_it_was_given(store):
    conversation = a_conversation(thread="t1")
    given = a_job(
        references=(a_reference("cat.png", "a" * 64), a_reference("dog.heic")),
        parent_image=2,
        asked_in=a_message("m1"),
        card=a_message("m2"),
        opened=True,
        deadline_at=T0 + 3600.5,
        attempts=1,
        submissions=2,
        attempt_at=T0 - 1,
        absent_since=T0 - 2,
        answered_after=1.25,
        answered_terminal=True,
        by_picture=True,
        running_since=T0 - 3,
        vendor_status="dispatched",
        looks=3,
        ready_at=T0 - 4,
        known_at=T0 - 5,
        images=(an_image(), an_image("e" * 64)),
        failure=Failure(kind=FailureKind.SAFETY, reason="blocked: \x00 …", text="Try other words."),
        remark="an earlier picture 🦊",
        posts=(a_message("m3"), a_message("m4")),
        finished_at=T0 + 1,
        prompt="a fox\n'; DROP TABLE jobs; -- ü 🦊",
    )

    accepted = await store.add(given, conversation, follow=False, admit=admit_all, day_start=0.0)

    assert accepted.is_new
    assert accepted.job == replace(given, seq=accepted.job.seq)
    assert await store.get(given.id) == accepted.job
    assert await store.find_source(given.source_id) == accepted.job
    assert await store.conversation("c1") == conversation


async def test_unknown_jobs_and_sources_are_none(store):
    assert await store.get("nobody") is None
    assert await store.find_source("nothing") is None
    assert await store.find_message(a_message("m0")) is None
    assert await store.conversation("nowhere") is None
    assert await store.head("nowhere") is None


async def test_jobs_are_numbered_in_the_order_of_acceptance(store):
    first, second = await accept(store, "z"), await accept(store, "a", at=T0 - 100)
    assert first.seq < second.seq


async def test_known_source_makes_no_second_job_and_asks_no_limit(store):
    first = await accept(store, "j1")

    def refuse(_: Usage) -> None:
        raise UserError("too much")

    again = a_job("j2", source_id=first.source_id, prompt="other words", aspect_ratio="3:2")
    accepted = await store.add(again, a_conversation("c2"), follow=False, admit=refuse, day_start=0.0)

    assert (accepted.is_new, accepted.job) == (False, first)
    assert await store.get("j2") is None
    assert await store.conversation("c2") is None


async def test_a_source_that_arrives_many_times_at_once_makes_one_job(store):
    answers = await asyncio.gather(
        *(
            store.add(
                a_job(f"j{n}", source_id="test:same"), a_conversation(), follow=False, admit=admit_all, day_start=0.0
            )
            for n in range(10)
        )
    )
    assert [answer.is_new for answer in answers].count(True) == 1
    assert len({answer.job.id for answer in answers}) == 1


async def test_refused_job_stores_nothing(store):
    def refuse(_: Usage) -> None:
        raise UserError("Wait until tomorrow.")

    with pytest.raises(UserError, match="Wait until tomorrow"):
        await store.add(a_job(), a_conversation(), follow=False, admit=refuse, day_start=0.0)

    assert await store.get("j1") is None
    assert await store.find_source("test:j1") is None
    assert await store.conversation("c1") is None
    assert await store.next_due(4) is None


async def test_fifty_requests_at_once_admit_exactly_as_many_as_the_limit(store):
    def at_most_seven(usage: Usage) -> None:
        if usage.open_by_person >= 7:
            raise UserError("Too many at once.")

    async def ask(number: int) -> bool:
        try:
            await store.add(a_job(f"j{number}"), a_conversation(), follow=False, admit=at_most_seven, day_start=0.0)
        except UserError:
            return False
        return True

    assert (await asyncio.gather(*(ask(number) for number in range(50)))).count(True) == 7
    assert (await store.usage("test", "w1", ANN.id, 0.0)).open_by_person == 7


async def test_known_conversation_takes_the_ratio_of_the_job(store):
    await accept(store, "j1", aspect_ratio="1:1")
    await accept(store, "j2", aspect_ratio="16:9")
    conversation = await store.conversation("c1")
    assert conversation == a_conversation(aspect_ratio="16:9")


async def test_second_conversation_of_one_place_joins_the_first(store):
    """Two members begin in the same thread at the same moment: neither saw the other's conversation."""
    first = a_conversation("c1", thread="t1")
    second = a_conversation("c2", thread="t1", starter=BOB)
    await store.add(a_job("j1"), first, follow=False, admit=admit_all, day_start=0.0)
    answer = await store.add(
        a_job("j2", by=BOB, conversation="c2"), second, follow=True, admit=admit_all, day_start=0.0
    )
    assert answer.job.conversation_id == "c1"
    assert answer.job.parent_id == "j1"
    assert await store.conversation("c2") is None


async def test_conversations_without_a_thread_share_a_channel(store):
    for number in (1, 2):
        conversation = a_conversation(f"c{number}", thread=None)
        job = a_job(f"j{number}", conversation=conversation.id)
        await store.add(job, conversation, follow=False, admit=admit_all, day_start=0.0)
    assert await store.conversation("c2") == a_conversation("c2")


async def test_open_job_that_nothing_would_ever_make_due_is_a_bug(store):
    with pytest.raises(ValueError, match="due_at"):
        await accept(store, due_at=None)
    assert await store.get("j1") is None


# -- whom plain words follow --------------------------------------------------------------------------------------


async def test_words_follow_the_newest_open_job_by_accept_order(store):
    await accept(store, "j1")
    second = await accept(store, "j2")
    await accept(store, "elsewhere", conversation="c2")
    assert (await accept(store, "j3", follow=True)).parent_id == second.id


async def test_words_follow_the_head_where_nothing_is_open(store):
    first, second = await accept(store, "j1"), await accept(store, "j2")
    await finish(store, second)
    await finish(store, first, now=T0 + 50)  # finished later, but asked earlier
    assert (await accept(store, "j3", follow=True)).parent_id == second.id


async def test_words_follow_nothing_where_nothing_succeeded(store):
    await move(store, await accept(store, "j1"), JobState.FAILED)
    await move(store, await accept(store, "j2"), JobState.CANCELLED)
    await finish(store, await accept(store, "j3"), deleted_at=T0)
    assert (await accept(store, "j4", follow=True)).parent_id is None


async def test_an_explicit_parent_stays_without_follow(store):
    await finish(store, await accept(store, "j1"))
    await finish(store, await accept(store, "j2"))
    assert (await accept(store, "j3", parent_id="j1")).parent_id == "j1"


# -- the card -----------------------------------------------------------------------------------------------------


async def test_placed_job_keeps_its_card_and_is_due_now(store):
    await accept(store, due_at=T0 + 5)
    await store.place("j1", a_message("card"), T0 + 1)
    job, position = await store.find_message(a_message("card"))
    assert (job.card, job.due_at, job.version, position) == (a_message("card"), T0 + 1, 0, 0)


async def test_card_that_comes_after_the_first_claim_changes_nothing(store):
    await accept(store, due_at=T0 + 5)
    [claimed] = await store.claim(T0 + 5, until=T0 + 20, limit=1, in_flight=4)
    await store.place("j1", a_message("late"), T0 + 6)
    assert await store.get("j1") == claimed
    assert await store.find_message(a_message("late")) is None


async def test_card_of_an_unknown_or_ended_job_changes_nothing(store):
    ended = await move(store, await accept(store), JobState.CANCELLED)
    await store.place("j1", a_message("late"), T0 + 6)
    await store.place("nobody", a_message("late"), T0 + 6)
    assert await stored(store, ended) == ended


# -- usage --------------------------------------------------------------------------------------------------------


async def test_failures_and_unpaid_cancellations_do_not_count_for_the_day(store):
    await accept(store, "open")
    await finish(store, await accept(store, "succeeded"))
    await move(store, await accept(store, "failed"), JobState.FAILED)
    await move(store, await accept(store, "cancelled"), JobState.CANCELLED)
    await move(store, await accept(store, "paid"), JobState.CANCELLED, submissions=1)
    usage = await store.usage("test", "w1", ANN.id, T0)
    assert usage == Usage(open_by_person=1, today_by_person=3, today_by_workspace=3, today=3)


async def test_the_day_begins_at_its_very_start(store):
    await accept(store, "yesterday", at=T0 - 0.5)
    await accept(store, "today", at=T0)
    usage = await store.usage("test", "w1", ANN.id, T0)
    assert usage == Usage(open_by_person=2, today_by_person=1, today_by_workspace=1, today=1)


async def test_usage_tells_members_servers_and_platforms_apart(store):
    await accept(store, "j1")
    await accept(store, "j2", by=BOB)
    await accept(store, "j3", workspace="w2")
    await accept(store, "j4", platform="other", conversation="c2")
    usage = await store.usage("test", "w1", ANN.id, T0)
    assert usage == Usage(open_by_person=2, today_by_person=2, today_by_workspace=2, today=4)


async def test_admit_sees_the_same_usage_before_the_job_is_stored(store):
    await accept(store, "j1")
    seen = []
    await store.add(a_job("j2"), a_conversation(), follow=False, admit=seen.append, day_start=T0)
    assert seen == [Usage(open_by_person=1, today_by_person=1, today_by_workspace=1, today=1)]


async def test_parked_job_can_be_accepted(store):
    await accept(store, "parent")
    child = await accept(store, "child", follow=True, waiting=Waiting.PARENT, due_at=None)
    assert (child.waiting, child.due_at) == (Waiting.PARENT, None)


async def test_places_are_told_apart_by_each_part_of_their_address(store):
    here = a_conversation("c1", thread="t1")
    await store.add(a_job("j1"), here, follow=False, admit=admit_all, day_start=0.0)
    for number, part in enumerate(("platform", "workspace", "channel", "thread")):
        ref: ConversationRef = replace(here.ref, **{part: "other"})
        assert await store.find_conversation(ref) is None, part
        job = a_job(f"k{number}", conversation=f"d{number}")
        there = replace(here, id=f"d{number}", ref=ref)
        await store.add(job, there, follow=False, admit=admit_all, day_start=0.0)
        assert await store.find_conversation(ref) == there
    assert await store.find_conversation(here.ref) == here
