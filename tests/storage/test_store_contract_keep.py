"""The contract of every engine: bytes, retention, and forgetting a member."""

import asyncio
import hashlib
from dataclasses import replace

import pytest

from bot.errors import FailureKind
from bot.model import Event, Failure, JobQuery, JobState, Usage, Waiting
from bot.ports import Conflict, Forgotten
from tests.storage.making import (
    ANN,
    BOB,
    T0,
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

NOTHING = Forgotten(jobs=0, pictures=0)


async def put(store, data: bytes, now: float = T0) -> str:
    return await store.put_blob(data, now)


# -- bytes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("data", [b"", b"pixels", bytes(range(256)) * 20_000])
async def test_bytes_read_back_by_their_sha256(store, data):
    sha256 = await put(store, data)
    assert sha256 == hashlib.sha256(data).hexdigest()
    assert await store.get_blob(sha256) == data


async def test_same_bytes_are_kept_once_however_often_they_are_put(store):
    ids = await asyncio.gather(*(put(store, b"same", T0 + n) for n in range(10)))
    assert len(set(ids)) == 1
    assert await store.sweep(before=0, unused_before=T0 + 100, max_bytes=None) == Forgotten(jobs=0, pictures=1)
    assert await store.get_blob(ids[0]) is None


@pytest.mark.parametrize("name", ["0" * 64, "", "../../etc/passwd", "..", "A" * 64, "a" * 63, "a" * 64 + "\n"])
async def test_unknown_and_impossible_ids_are_no_blob(store, name):
    assert await store.get_blob(name) is None


async def test_bytes_that_were_removed_can_be_put_again(store):
    sha256 = await put(store, b"pixels")
    await store.sweep(before=0, unused_before=T0 + 1, max_bytes=None)
    assert await put(store, b"pixels", T0 + 2) == sha256
    assert await store.get_blob(sha256) == b"pixels"


# -- retention ----------------------------------------------------------------------------------------------------


async def test_blob_that_no_job_needs_goes_when_it_is_old(store):
    old, new = await put(store, b"old", T0), await put(store, b"new", T0 + 10)
    assert await store.sweep(before=0, unused_before=T0 + 10, max_bytes=None) == Forgotten(jobs=0, pictures=1)
    assert await store.get_blob(old) is None
    assert await store.get_blob(new) == b"new"


async def test_blob_that_is_put_again_counts_from_then(store):
    sha256 = await put(store, b"pixels", T0)
    await put(store, b"pixels", T0 + 100)
    assert await store.sweep(before=0, unused_before=T0 + 100, max_bytes=None) == NOTHING
    assert await store.get_blob(sha256) == b"pixels"


async def test_blobs_that_jobs_need_stay_however_old_they_are(store):
    reference, image = await put(store, b"reference"), await put(store, b"image")
    job = await accept(store, references=(a_reference(sha256=reference),))
    await finish(store, job, sha256=image)
    assert await store.sweep(before=0, unused_before=T0 + 1e9, max_bytes=None) == NOTHING
    assert await store.get_blob(reference) == b"reference"
    assert await store.get_blob(image) == b"image"


async def test_reference_that_is_stored_later_is_needed_from_then_and_until_it_is_let_go(store):
    job = await accept(store, references=(a_reference(),))
    sha256 = await put(store, b"reference")
    job = await store.save(replace(job, references=(a_reference(sha256=sha256),)), now=T0)
    assert await store.sweep(before=0, unused_before=T0 + 1e9, max_bytes=None) == NOTHING
    await store.save(replace(job, references=()), now=T0)
    assert await store.sweep(before=0, unused_before=T0 + 1e9, max_bytes=None) == Forgotten(jobs=0, pictures=1)
    assert await store.get_blob(sha256) is None


async def test_old_ended_jobs_lose_words_names_and_pictures_and_keep_what_counts(store):
    image, reference = await put(store, b"image"), await put(store, b"reference")
    failure = Failure(kind=FailureKind.SAFETY, reason="'a fox' is blocked", text="fox.png was refused.")
    job = await accept(store, "done", references=(a_reference(sha256=reference),), asked_in=a_message("m"))
    job = await store.save(job, now=T0, event="sent: a fox", payload={"prompt": "a fox"}, next_turn_contents=[{}])
    done = await finish(store, job, sha256=image, remark="about a fox", posts=(a_message("p"),), submissions=1)
    await move(store, await accept(store, "failed"), JobState.FAILED, failure=failure)
    await store.save_note("done", {"file": "F1"})
    before = await store.usage("test", "w1", ANN.id, 0.0)

    assert await store.sweep(before=T0 + 1, unused_before=T0 + 2, max_bytes=None) == Forgotten(jobs=2, pictures=2)

    left = await stored(store, done)
    assert (left.prompt, left.requester.name, left.references, left.images, left.remark) == ("", "", (), (), None)
    assert (left.state, left.requester.id, left.accepted_at, left.posts) == (done.state, ANN.id, T0, done.posts)
    assert (await store.get("failed")).failure == Failure(kind=FailureKind.SAFETY, reason="", text="")
    assert (await store.turn("done")).payload is None
    assert (await store.turn("done")).next_turn_contents is None
    assert await store.events("done") == []
    assert await store.load_note("done") is None
    assert await store.get_blob(image) is None
    assert await store.get_blob(reference) is None
    assert await store.usage("test", "w1", ANN.id, 0.0) == before
    assert await store.find_message(a_message("p")) == (left, 0)
    assert await store.sweep(before=T0 + 1, unused_before=T0 + 2, max_bytes=None) == NOTHING


async def test_retention_is_judged_by_acceptance_at_the_exact_moment(store):
    await finish(store, await accept(store, "kept", at=T0))
    await finish(store, await accept(store, "gone", at=T0 - 0.001))
    await store.sweep(before=T0, unused_before=0, max_bytes=None)
    assert (await store.get("kept")).prompt == "a fox, kept"
    assert (await store.get("gone")).prompt == ""


async def test_open_jobs_lose_nothing_to_retention(store):
    sha256 = await put(store, b"reference")
    job = await accept(store, references=(a_reference(sha256=sha256),))
    job = await store.save(job, now=T0, payload={"prompt": "a"})
    assert await store.sweep(before=T0 + 1e9, unused_before=T0 + 1e9, max_bytes=0) == NOTHING
    assert await stored(store, job) == job
    assert (await store.turn("j1")).payload == {"prompt": "a"}
    assert await store.get_blob(sha256) == b"reference"


async def test_picture_that_is_gone_is_no_head(store):
    await finish(store, await accept(store, "j1", at=T0 - 100))
    assert (await store.head("c1")).id == "j1"
    await store.sweep(before=T0, unused_before=0, max_bytes=None)
    assert await store.head("c1") is None
    assert (await store.get("j1")).deleted_at == T0


async def test_older_copy_of_a_cleaned_job_cannot_bring_its_pictures_back(store):
    done = await finish(store, await accept(store))
    await store.sweep(before=T0 + 1, unused_before=0, max_bytes=None)
    with pytest.raises(Conflict):
        await store.save(replace(done, remark="back"), now=T0)


async def test_picture_that_a_younger_job_needs_too_stays(store):
    sha256 = await put(store, b"shared")
    await finish(store, await accept(store, "old", at=T0 - 100), sha256=sha256)
    await finish(store, await accept(store, "new"), sha256=sha256)
    assert await store.sweep(before=T0, unused_before=T0 + 1e9, max_bytes=None) == Forgotten(jobs=1, pictures=0)
    assert await store.get_blob(sha256) == b"shared"


async def test_starters_name_goes_with_the_last_words_of_an_old_conversation(store):
    await finish(store, await accept(store, "j1", at=T0))
    await finish(store, await accept(store, "j2", at=T0 + 50))
    await store.sweep(before=T0 + 10, unused_before=0, max_bytes=None)
    assert (await store.conversation("c1")).starter.name == "Ann"
    await store.sweep(before=T0 + 100, unused_before=0, max_bytes=None)
    assert (await store.conversation("c1")).starter.name == ""


async def test_retention_works_off_any_number_of_jobs(store):
    for number in range(450):
        await move(store, await accept(store, f"j{number}"), JobState.CANCELLED)
    assert (await store.sweep(before=T0 + 1, unused_before=0, max_bytes=None)).jobs == 450
    assert {job.prompt for job in await store.jobs(JobQuery(limit=1000))} == {""}


async def test_oldest_pictures_go_while_all_exceed_the_size_and_words_stay(store):
    ids = [await put(store, bytes([number]) * 100) for number in range(4)]
    for number in (2, 0, 1):  # accepted in this order; the fourth blob is new and nobody's
        await finish(store, await accept(store, f"j{number}", at=T0 + number), sha256=ids[number])
    assert await store.sweep(before=0, unused_before=T0, max_bytes=250) == Forgotten(jobs=2, pictures=2)
    assert [await store.get_blob(sha256) is not None for sha256 in ids] == [False, False, True, True]
    assert (await store.get("j0")).prompt == "a fox, j0"
    assert (await store.get("j0")).images == ()
    assert (await store.head("c1")).id == "j2"


async def test_pictures_of_open_jobs_stay_beyond_the_size(store):
    sha256 = await put(store, b"x" * 100)
    await accept(store, references=(a_reference(sha256=sha256),))
    assert await store.sweep(before=0, unused_before=T0, max_bytes=10) == NOTHING
    assert await store.get_blob(sha256) is not None


async def test_exactly_the_allowed_size_is_allowed(store):
    for number in range(3):
        await finish(store, await accept(store, f"j{number}"), sha256=await put(store, bytes([number]) * 100))
    assert await store.sweep(before=0, unused_before=T0, max_bytes=300) == NOTHING
    assert await store.sweep(before=0, unused_before=T0, max_bytes=200) == Forgotten(jobs=1, pictures=1)
    assert await store.sweep(before=0, unused_before=T0, max_bytes=199) == Forgotten(jobs=1, pictures=1)


async def test_deleted_job_loses_its_pictures_at_once_except_what_others_need(store):
    mine, shared = await put(store, b"mine"), await put(store, b"shared")
    await finish(store, await accept(store, "other"), sha256=shared)
    job = await finish(store, await accept(store, references=(a_reference(sha256=mine),)), sha256=shared)
    await store.save(replace(job, deleted_at=T0 + 5), now=T0 + 5)
    await store.drop_pictures("j1", T0 + 5)
    assert await store.get_blob(mine) is None
    assert await store.get_blob(shared) == b"shared"
    left = await store.get("j1")
    assert (left.images, left.references, left.deleted_at, left.prompt) == ((), (), T0 + 5, job.prompt)


async def test_pictures_of_an_open_or_unknown_job_are_not_dropped(store):
    sha256 = await put(store, b"mine")
    job = await accept(store, references=(a_reference(sha256=sha256),))
    await store.drop_pictures("j1", T0)
    await store.drop_pictures("nobody", T0)
    assert await stored(store, job) == job
    assert await store.get_blob(sha256) == b"mine"


async def test_expired_cursors_are_swept(store):
    await store.remember("a", "k", {"v": 1}, expires_at=T0)
    await store.sweep(before=0, unused_before=T0, max_bytes=None)
    assert await store.recall("a", "k", T0 - 1) is None


# -- forgetting a member ------------------------------------------------------------------------------------------


async def test_forgotten_member_leaves_no_words_names_or_pictures(store):
    image, reference = await put(store, b"image"), await put(store, b"reference")
    job = await accept(store, "done", references=(a_reference(sha256=reference),))
    job = await store.save(job, now=T0, event="a fox", payload={"prompt": "a fox"}, next_turn_contents=[{}])
    await finish(store, job, sha256=image, remark="a fox")
    await store.save_note("done", {"file": "F1"})
    await store.remember("kept", f"test:{ANN.id}", {"v": 1})
    await store.remember("kept", f"test:general:t1:{ANN.id}", {"v": 1})
    await store.remember("kept", f"test:{ANN.id}0", {"v": 2})

    assert await store.forget("test", ANN.id, T0 + 9) == Forgotten(jobs=1, pictures=2)

    left = await store.get("done")
    assert (left.prompt, left.requester.name, left.references, left.images, left.remark) == ("", "", (), (), None)
    assert left.deleted_at == T0 + 9
    assert [event.text for event in await store.events("done")] == [
        "words and pictures were removed at the member's wish"
    ]
    assert (await store.turn("done")).payload is None
    assert (await store.conversation("c1")).starter.name == ""
    assert await store.head("c1") is None
    assert await store.load_note("done") is None
    assert await store.get_blob(image) is None
    assert await store.get_blob(reference) is None
    assert await store.recall_all("kept", T0) == [(f"test:{ANN.id}0", {"v": 2})]
    assert await store.forget("test", ANN.id, T0 + 10) == NOTHING


@pytest.mark.parametrize("state", [JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING, JobState.DELIVERING])
async def test_open_jobs_of_a_forgotten_member_are_cancelled_and_their_slots_freed(store, state):
    job = await accept(store, holds_slot=True)
    job = job if state is JobState.QUEUED else await move(store, job, state)
    assert await store.forget("test", ANN.id, T0 + 9) == Forgotten(jobs=1, pictures=0)
    left = await store.get("j1")
    assert (left.state, left.due_at, left.holds_slot) == (JobState.CANCELLED, None, False)
    assert left.finished_at == T0 + 9
    assert await store.next_due(4) is None
    assert await store.count() == {}
    assert (await store.events("j1"))[-1] == Event(
        at=T0 + 9, state=JobState.CANCELLED, text="words and pictures were removed at the member's wish"
    )
    with pytest.raises(Conflict):  # the step that was at it lets go
        await store.save(job, now=T0 + 10, next_turn_contents=[{}])


async def test_request_that_was_made_for_a_forgotten_member_is_still_known(store):
    submitting = await move(store, await accept(store), JobState.SUBMITTING, submissions=1)
    await store.forget("test", ANN.id, T0 + 9)
    merged = await store.save(replace(submitting, state=JobState.RUNNING, request_id="r1"), now=T0 + 10)
    assert (merged.state, merged.request_id, merged.prompt) == (JobState.CANCELLED, "r1", "")
    usage = await store.usage("test", "w1", ANN.id, T0)
    assert usage == Usage(open_by_person=0, today_by_person=1, today_by_workspace=1, today=1)


async def test_children_of_a_forgotten_member_go_on(store):
    await accept(store, "ann")
    bobs = await park(store, await accept(store, "bob", by=BOB, follow=True), Waiting.PARENT)
    await store.forget("test", ANN.id, T0 + 9)
    assert await claim_ids(store, T0 + 9) == ["bob"]
    assert (await stored(store, bobs)).prompt == "a fox, bob"


async def test_pictures_that_others_built_stay_and_their_histories_go(store):
    anns, bobs = await put(store, b"ann's"), await put(store, b"bob's")
    contents = [{"role": "user", "parts": [{"text": "a fox, ann"}]}]
    first = await finish(store, await accept(store, "ann"), sha256=anns)
    second = await accept(store, "bob", by=BOB, follow=True)
    assert second.parent_id == first.id
    second = await store.save(second, now=T0, payload={"contents": contents}, next_turn_contents=contents)
    second = await finish(store, second, sha256=bobs)
    other = await accept(store, "elsewhere", by=BOB, conversation="c2")
    await store.save(other, now=T0, next_turn_contents=contents)

    assert await store.forget("test", ANN.id, T0 + 9) == Forgotten(jobs=1, pictures=1)

    assert await stored(store, second) == second
    assert (await store.head("c1")).id == "bob"
    assert await store.get_blob(bobs) == b"bob's"
    turn = await store.turn("bob")
    assert (turn.payload, turn.next_turn_contents) == (None, None)
    assert (await store.turn("elsewhere")).next_turn_contents == contents


async def test_history_that_is_on_its_way_back_from_the_queue_is_not_kept(store):
    await finish(store, await accept(store, "ann"))
    running = await move(store, await accept(store, "bob", by=BOB, follow=True), JobState.RUNNING, request_id="r1")
    await store.forget("test", ANN.id, T0 + 9)
    said = [{"role": "user", "parts": [{"text": "a fox, ann"}]}]
    saved = await store.save(
        replace(running, state=JobState.DELIVERING, images=(an_image(),)), now=T0 + 10, next_turn_contents=said
    )
    assert saved.state is JobState.DELIVERING
    assert (await store.turn("bob")).next_turn_contents is None


async def test_step_that_was_composing_from_a_removed_history_starts_again(store):
    await finish(store, await accept(store, "ann"))
    await accept(store, "bob", by=BOB, follow=True)
    [composing] = await store.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    await store.forget("test", ANN.id, T0 + 1)
    with pytest.raises(Conflict):
        await store.save(
            replace(composing, state=JobState.SUBMITTING), now=T0 + 2, payload={"contents": ["a fox, ann"]}
        )
    assert (await store.turn("bob")).payload is None
    [again] = await store.claim(T0 + 15, until=T0 + 30, limit=1, in_flight=4)
    await store.save(replace(again, state=JobState.SUBMITTING), now=T0 + 16, payload={"prompt": "by picture"})
    assert (await store.turn("bob")).payload == {"prompt": "by picture"}


async def test_picture_that_another_member_showed_too_stays(store):
    shared = await put(store, b"shared")
    await accept(store, "ann", references=(a_reference(sha256=shared),))
    await accept(store, "bob", by=BOB, references=(a_reference(sha256=shared),))
    assert (await store.forget("test", ANN.id, T0 + 9)).pictures == 0
    assert await store.get_blob(shared) == b"shared"


async def test_the_same_id_on_another_platform_is_somebody_else(store):
    job = await accept(store, "j1", platform="other")
    await store.remember("kept", f"other:{ANN.id}", {"v": 1})
    assert await store.forget("test", ANN.id, T0 + 9) == NOTHING
    assert await stored(store, job) == job
    assert await store.recall("kept", f"other:{ANN.id}", T0) == {"v": 1}
