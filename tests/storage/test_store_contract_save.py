"""The contract of every engine: how a job moves, and what is true in the same moment."""

import asyncio
from dataclasses import replace

import pytest

from bot.errors import FailureKind
from bot.model import NEXT, OPEN, OUTCOME_UNKNOWN, Duration, Event, Failure, JobState, Waiting
from bot.ports import Conflict
from tests.storage.making import (
    BOB,
    T0,
    a_job,
    a_message,
    a_reference,
    accept,
    an_image,
    claim_ids,
    finish,
    move,
    park,
    stored,
)

# -- compare and set ----------------------------------------------------------------------------------------------


async def test_save_stores_the_job_and_returns_it_with_the_next_version(store):
    job = await accept(store)
    wanted = replace(
        job,
        state=JobState.SUBMITTING,
        due_at=T0 + 7,
        opened=True,
        references=(a_reference(sha256="a" * 64),),
        attempts=3,
        submissions=1,
        attempt_at=T0,
        absent_since=T0 + 1,
        vendor_status="dispatched",
        looks=2,
        remark="a remark",
        by_picture=True,
        failure=Failure(kind=FailureKind.RATE, reason="429", text="Wait."),
        aspect_ratio="3:2",
        model="another",
    )
    saved = await store.save(wanted, now=T0)
    assert saved == replace(wanted, version=job.version + 1)
    assert await stored(store, job) == saved


async def test_save_of_an_older_version_is_a_conflict_and_stores_nothing(store):
    job = await accept(store)
    newer = await store.save(replace(job, attempts=1), now=T0)
    with pytest.raises(Conflict):
        await store.save(replace(job, attempts=2), now=T0, event="too late", payload={"prompt": "late"})
    assert await stored(store, job) == newer
    assert [event.text for event in await store.events(job.id)] == ["accepted"]
    assert (await store.turn(job.id)).payload is None


async def test_of_many_saves_of_one_version_one_wins(store):
    job = await accept(store)
    answers = await asyncio.gather(
        *(store.save(replace(job, attempts=n), now=T0) for n in range(8)), return_exceptions=True
    )
    assert sum(isinstance(answer, Conflict) for answer in answers) == 7
    assert (await stored(store, job)).version == 1


async def test_a_claim_makes_the_older_copy_a_conflict(store):
    job = await accept(store)
    await claim_ids(store, T0)
    with pytest.raises(Conflict):
        await store.save(replace(job, attempts=1), now=T0)


async def test_save_of_a_job_that_was_never_accepted_is_a_bug(store):
    with pytest.raises(ValueError, match="never accepted"):
        await store.save(a_job("ghost"), now=T0)


@pytest.mark.parametrize("start", list(JobState))
async def test_only_the_moves_of_the_diagram_can_be_saved(store, start):
    job = await accept(store) if start is JobState.QUEUED else await move(store, await accept(store), start)
    for end in sorted(set(JobState) - NEXT[start] - {start}):
        with pytest.raises(ValueError, match=f"cannot go from {start} to {end}"):
            await store.save(replace(job, state=end, due_at=T0), now=T0)
    assert await stored(store, job) == job
    for end in sorted(NEXT[start]):
        there = await accept(store, f"to {end}")
        there = there if start is JobState.QUEUED else await move(store, there, start)
        assert (await store.save(replace(there, state=end, due_at=T0), now=T0)).state is end


async def test_end_of_a_job_clears_its_due_time_its_parking_and_its_slot(store):
    job = await accept(store, holds_slot=True)
    saved = await store.save(replace(job, state=JobState.CANCELLED, due_at=T0 + 9), now=T0)
    assert (saved.due_at, saved.waiting, saved.holds_slot) == (None, None, False)
    assert await stored(store, job) == saved


async def test_open_job_cannot_be_saved_without_anything_that_makes_it_due(store):
    job = await accept(store)
    with pytest.raises(ValueError, match="due_at"):
        await store.save(replace(job, due_at=None), now=T0)
    assert await stored(store, job) == job


async def test_job_that_needs_no_slot_cannot_wait_for_one(store):
    job = await move(store, await accept(store), JobState.DELIVERING)
    with pytest.raises(ValueError, match="slot"):
        await store.save(replace(job, waiting=Waiting.SLOT), now=T0)


async def test_what_a_job_is_was_settled_at_acceptance(store):
    job = await accept(store)
    await store.save(replace(job, prompt="other words", requester=BOB, seq=999), now=T0)
    again = await stored(store, job)
    assert (again.prompt, again.requester, again.seq) == (job.prompt, job.requester, job.seq)


# -- the queue's ids ----------------------------------------------------------------------------------------------


async def test_request_id_is_merged_into_a_job_that_was_cancelled_meanwhile(store):
    submitting = await move(store, await accept(store), JobState.SUBMITTING)
    cancelled = await move(store, submitting, JobState.CANCELLED, submissions=1)
    merged = await store.save(
        replace(submitting, state=JobState.RUNNING, request_id="r1", due_at=T0 + 1), now=T0, event="accepted as r1"
    )
    assert merged == replace(cancelled, request_id="r1", version=merged.version)
    assert await stored(store, merged) == merged
    assert await store.known_requests(["r1"]) == {"r1"}
    assert (await store.events("j1"))[-1] == Event(at=T0, state=JobState.CANCELLED, text="accepted as r1")
    assert await claim_ids(store, T0 + 1e6) == []


async def test_merged_request_id_cannot_be_taken_away_by_who_does_not_know_it(store):
    submitting = await move(store, await accept(store), JobState.SUBMITTING)
    [taken_over] = await store.claim(T0 + 100, until=T0 + 115, limit=1, in_flight=4)
    merged = await store.save(replace(submitting, state=JobState.RUNNING, request_id="r1"), now=T0 + 101)
    assert (merged.state, merged.request_id) == (JobState.SUBMITTING, "r1")
    with pytest.raises(Conflict):
        await store.save(replace(taken_over, state=JobState.QUEUED), now=T0 + 102)
    assert (await stored(store, merged)).request_id == "r1"


async def test_older_version_with_the_id_that_is_stored_already_is_a_conflict(store):
    submitting = await move(store, await accept(store), JobState.SUBMITTING)
    wanted = replace(submitting, state=JobState.RUNNING, request_id="r1")
    running = await store.save(wanted, now=T0)
    with pytest.raises(Conflict):
        await store.save(wanted, now=T0)
    assert await stored(store, running) == running


async def test_second_request_of_a_job_is_a_conflict_and_still_known_as_ours(store):
    submitting = await move(store, await accept(store), JobState.SUBMITTING)
    await store.save(replace(submitting, state=JobState.RUNNING, request_id="r1"), now=T0)
    with pytest.raises(Conflict):
        await store.save(replace(submitting, state=JobState.RUNNING, request_id="r2"), now=T0)
    assert (await store.get("j1")).request_id == "r1"
    assert await store.known_requests(["r1", "r2", "r3"]) == {"r1", "r2"}


async def test_request_id_of_another_job_is_a_conflict(store):
    first = await move(store, await accept(store, "j1"), JobState.RUNNING, request_id="r1")
    second = await move(store, await accept(store, "j2"), JobState.SUBMITTING)
    with pytest.raises(Conflict, match="another job"):
        await store.save(replace(second, state=JobState.RUNNING, request_id="r1"), now=T0)
    assert await stored(store, second) == second
    assert await stored(store, first) == first


async def test_request_id_stays_known_after_the_job_was_asked_again(store):
    running = await move(store, await accept(store), JobState.RUNNING, request_id="r1")
    queued = await store.save(replace(running, state=JobState.QUEUED, request_id=None), now=T0)
    assert (await stored(store, queued)).request_id is None
    assert await store.known_requests(["r1"]) == {"r1"}
    again = await move(store, queued, JobState.RUNNING, request_id="r1")
    assert again.request_id == "r1"


async def test_known_requests_takes_any_number_of_ids(store):
    await move(store, await accept(store), JobState.RUNNING, request_id="r77")
    assert await store.known_requests(f"r{n}" for n in range(3000)) == {"r77"}
    assert await store.known_requests([]) == set()


# -- parents and children -----------------------------------------------------------------------------------------


async def test_child_that_waits_for_an_outcome_wakes_when_it_is_known(store):
    parent = await accept(store, "parent")
    child = await park(store, await accept(store, "child", follow=True), Waiting.PARENT)
    for state in (JobState.SUBMITTING, JobState.RUNNING):
        parent = await move(store, parent, state)
        assert await stored(store, child) == child
    await move(store, parent, JobState.DELIVERING, now=T0 + 33)
    assert await stored(store, child) == replace(child, due_at=T0 + 33, waiting=None)


async def test_child_that_waits_for_a_delivery_wakes_at_the_end_and_not_before(store):
    parent = await accept(store, "parent")
    child = await move(store, await accept(store, "child", follow=True), JobState.DELIVERING)
    child = await park(store, child, Waiting.PARENT)
    parent = await move(store, parent, JobState.DELIVERING)
    assert await stored(store, child) == child
    await move(store, parent, JobState.SUCCEEDED, now=T0 + 44)
    assert await stored(store, child) == replace(child, due_at=T0 + 44, waiting=None)


async def test_both_kinds_of_children_wake_when_the_parent_is_cancelled(store):
    parent = await accept(store, "parent")
    outcome = await park(store, await accept(store, "c1", parent_id="parent"), Waiting.PARENT)
    delivery = await move(store, await accept(store, "c2", parent_id="parent"), JobState.DELIVERING)
    delivery = await park(store, delivery, Waiting.PARENT)
    await move(store, parent, JobState.CANCELLED, now=T0 + 5)
    assert (await stored(store, outcome)).due_at == T0 + 5
    assert (await stored(store, delivery)).due_at == T0 + 5


async def test_only_children_that_wait_for_their_parent_wake(store):
    parent = await accept(store, "parent")
    slot = await park(store, await accept(store, "slot", parent_id="parent"), Waiting.SLOT)
    later = await accept(store, "later", parent_id="parent", due_at=T0 + 500)
    other = await accept(store, "other")
    stranger = await park(store, await accept(store, "stranger", parent_id="other"), Waiting.PARENT)
    await move(store, parent, JobState.CANCELLED)
    for job in (slot, later, other, stranger):
        assert await stored(store, job) == job


async def test_waking_a_child_does_not_make_its_copy_old(store):
    parent = await accept(store, "parent")
    child = await park(store, await accept(store, "child", follow=True), Waiting.PARENT)
    await move(store, parent, JobState.CANCELLED)
    assert (await move(store, child, JobState.CANCELLED)).state is JobState.CANCELLED


@pytest.mark.parametrize("state", sorted(set(JobState) - OUTCOME_UNKNOWN))
async def test_child_is_not_parked_for_an_outcome_that_is_known(store, state):
    await move(store, await accept(store, "parent"), state)
    child = await accept(store, "child", parent_id="parent", due_at=T0 + 500)
    saved = await park(store, child, Waiting.PARENT, now=T0 + 6)
    assert (saved.waiting, saved.due_at) == (None, T0 + 6)
    assert await stored(store, child) == saved


@pytest.mark.parametrize("state", sorted(JobState))
async def test_child_is_parked_for_a_delivery_exactly_while_the_parent_is_open(store, state):
    parent = await accept(store, "parent")
    if state is not JobState.QUEUED:
        await move(store, parent, state)
    child = await move(store, await accept(store, "child", parent_id="parent"), JobState.DELIVERING)
    saved = await park(store, child, Waiting.PARENT, now=T0 + 6)
    assert (saved.waiting is Waiting.PARENT) is (state in OPEN)
    assert saved.due_at == (None if state in OPEN else T0 + 6)


async def test_job_without_a_parent_does_not_wait_for_one(store):
    saved = await park(store, await accept(store), Waiting.PARENT, now=T0 + 6)
    assert (saved.waiting, saved.due_at) == (None, T0 + 6)


async def test_child_that_moves_to_another_parent_waits_for_that_one(store):
    await move(store, await accept(store, "failed"), JobState.FAILED)
    second = await accept(store, "second")
    child = await accept(store, "child", parent_id="failed")
    child = await store.save(replace(child, parent_id="second", waiting=Waiting.PARENT), now=T0)
    assert child.waiting is Waiting.PARENT
    await move(store, second, JobState.CANCELLED, now=T0 + 3)
    assert (await stored(store, child)).due_at == T0 + 3


# -- what goes with a save ----------------------------------------------------------------------------------------


async def test_messages_of_a_job_are_found(store):
    job = await accept(store, asked_in=a_message("asked"))
    job = await store.save(replace(job, card=a_message("card")), now=T0)
    job = await finish(store, job, posts=(a_message("p0"), a_message("p1")))
    assert await store.find_message(a_message("asked")) == (job, 0)
    assert await store.find_message(a_message("card")) == (job, 0)
    assert await store.find_message(a_message("p0")) == (job, 0)
    assert await store.find_message(a_message("p1")) == (job, 1)
    assert await store.find_message(a_message("p1", channel="elsewhere")) is None


async def test_card_that_became_a_post_is_found_as_that_post(store):
    job = await accept(store, card=a_message("m"))
    job = await finish(store, job, posts=(a_message("first"), a_message("m")))
    assert await store.find_message(a_message("m")) == (job, 1)


async def test_message_of_two_jobs_leads_to_the_later_one(store):
    await accept(store, "j1", asked_in=a_message("m"))
    again = await accept(store, "j2", asked_in=a_message("m"))
    assert await store.find_message(a_message("m")) == (again, 0)


async def test_history_tells_events_in_order_with_the_state_they_led_to(store):
    job = await store.save(await accept(store), now=T0 + 1, event="first")
    job = await store.save(replace(job, state=JobState.SUBMITTING), now=T0 + 2, event="second")
    await store.save(job, now=T0 + 3)
    assert await store.events("j1") == [
        Event(at=T0, state=JobState.QUEUED, text="accepted"),
        Event(at=T0 + 1, state=JobState.QUEUED, text="first"),
        Event(at=T0 + 2, state=JobState.SUBMITTING, text="second"),
    ]


async def test_payload_and_contents_are_kept_where_given(store):
    contents = [{"role": "user", "parts": [{"z": 1, "a": None, "thoughtSignature": "ü" * 3}]}]
    job = await store.save(await accept(store), now=T0, payload={"prompt": "a", "b": [1.5, True, None]})
    assert (await store.turn("j1")).next_turn_contents is None
    job = await store.save(job, now=T0, next_turn_contents=contents)
    await store.save(job, now=T0)
    turn = await store.turn("j1")
    assert turn.payload == {"prompt": "a", "b": [1.5, True, None]}
    assert turn.next_turn_contents == contents
    assert list(turn.next_turn_contents[0]["parts"][0]) == ["z", "a", "thoughtSignature"]  # in the vendor's order


async def test_later_payload_replaces_the_one_before(store):
    job = await store.save(await accept(store), now=T0, payload={"prompt": "a"})
    await store.save(job, now=T0, payload={"contents": []}, next_turn_contents=[])
    turn = await store.turn("j1")
    assert (turn.payload, turn.next_turn_contents) == ({"contents": []}, [])


async def test_job_without_a_turn_has_neither_payload_nor_contents(store):
    turn = await store.turn("nobody")
    assert (turn.payload, turn.next_turn_contents) == (None, None)


# -- what reconciling asks ----------------------------------------------------------------------------------------


async def test_same_payload_in_doubt_finds_other_submitting_jobs_with_an_equal_payload(store):
    payload = {"prompt": "a fox", "image": ["u1", "u2"]}

    async def submitting(job_id: str, sent: dict[str, object]) -> None:
        job = await accept(store, job_id)
        await store.save(replace(job, state=JobState.SUBMITTING), now=T0, payload=sent)

    await submitting("me", payload)
    await submitting("twin", {"image": ["u1", "u2"], "prompt": "a fox"})
    await submitting("other", {"prompt": "a fox", "image": ["u2", "u1"]})
    await submitting("known", payload)
    await move(store, await store.get("known"), JobState.RUNNING)
    found = await store.same_payload_in_doubt(await store.get("me"), payload)
    assert [job.id for job in found] == ["twin"]


async def test_attempts_between_includes_both_ends(store):
    for number, at in enumerate((T0 - 0.1, T0, T0 + 5, T0 + 5.1)):
        await move(store, await accept(store, f"j{number}"), JobState.SUBMITTING, attempt_at=at)
    await move(store, await accept(store, "else", model="else"), JobState.SUBMITTING, attempt_at=T0)
    assert await store.attempts_between("a-model", T0, T0 + 5) == ["j1", "j2"]


async def test_last_answers_are_the_newest_first_by_the_time_of_the_answer(store):
    for job_id, at, after in (("slow", T0, 100.0), ("quick", T0 + 50, 1.0), ("old", T0 - 50, 2.0)):
        job = await accept(store, job_id)
        await move(store, job, JobState.RUNNING, attempt_at=at, answered_after=after, submissions=1)
    await move(store, await accept(store, "unanswered"), JobState.SUBMITTING, attempt_at=T0 + 99)
    assert [job.id for job in await store.last_answers("a-model", 2)] == ["slow", "quick"]
    assert await store.last_answers("else", 2) == []


async def test_durations_are_of_requests_that_were_waited_for_and_finished(store):
    async def took(job_id, seconds, *, at, **facts):
        job = await accept(store, job_id, attempt_at=T0 + at)
        facts = {"answered_after": 1.0, "running_since": T0 + at + 1, "ready_at": T0 + at + 1 + seconds, **facts}
        await finish(store, job, **facts)

    await took("old", 5.0, at=0)
    await took("at once", 0.0, at=10, answered_terminal=True)
    await took("untold", 9.0, at=20, answered_after=None)
    await took("new", 7.0, at=30, working_since=T0 + 33)
    await accept(store, "failed", attempt_at=T0 + 40, answered_after=1.0, running_since=T0 + 41)
    new, old = Duration(whole=7.0, work=5.0), Duration(whole=5.0)
    assert await store.last_durations("a-model", 9) == [new, old]
    assert await store.last_durations("a-model", 1) == [new]
    assert await store.last_durations("else", 9) == []


async def test_saved_pictures_and_posts_read_back(store):
    done = await finish(store, await accept(store), posts=(a_message("p"),))
    assert done.images == (an_image(),)
    assert await stored(store, done) == done
