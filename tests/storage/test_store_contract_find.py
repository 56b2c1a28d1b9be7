"""The contract of every engine: conversations, the operator's lists, small memories, what a restart leaves."""

from dataclasses import replace

import pytest

from bot.errors import FailureKind
from bot.model import ConversationRef, Failure, JobQuery, JobState, Waiting
from tests.storage.conftest import open_at
from tests.storage.making import (
    ANN,
    BOB,
    T0,
    a_conversation,
    a_job,
    a_message,
    accept,
    admit_all,
    finish,
    move,
    park,
    stored,
)

# -- conversations ------------------------------------------------------------------------------------------------


async def test_conversation_is_found_by_its_place_once_it_has_a_thread(store):
    await accept(store)
    ref = ConversationRef(platform="test", workspace="w1", channel="general", thread="t1")
    assert await store.find_conversation(ref) is None
    opened = await store.opened("c1", ref)
    assert opened == a_conversation(thread="t1")
    assert await store.find_conversation(ref) == opened
    assert await store.conversation("c1") == opened
    assert await store.opened("c1", ref) == opened


async def test_place_of_another_conversation_stays_its_own(store):
    await accept(store, "j1", conversation="c1")
    await accept(store, "j2", conversation="c2")
    ref = ConversationRef(platform="test", workspace="w1", channel="general", thread="t1")
    first = await store.opened("c1", ref)
    assert await store.opened("c2", ref) == a_conversation("c2")
    assert await store.find_conversation(ref) == first


async def test_place_without_a_thread_cannot_be_looked_for(store):
    with pytest.raises(ValueError, match="thread"):
        await store.find_conversation(a_conversation().ref)


async def test_conversation_that_was_never_stored_cannot_be_opened(store):
    with pytest.raises(ValueError, match="never stored"):
        await store.opened("nowhere", replace(a_conversation().ref, thread="t1"))


async def test_conversations_are_listed_newest_first_by_place(store):
    for number in range(3):
        conversation = a_conversation(f"c{number}", created_at=T0 + number)
        job = a_job(f"j{number}", conversation=conversation.id)
        await store.add(job, conversation, follow=False, admit=admit_all, day_start=0.0)
    elsewhere = a_conversation("c9", ref=ConversationRef(platform="test", workspace="w1", channel="cats"))
    await store.add(a_job("j9", conversation="c9"), elsewhere, follow=False, admit=admit_all, day_start=0.0)

    async def ids(*args: str, **where: object) -> list[str]:
        return [conversation.id for conversation in await store.conversations(*args, **where)]

    assert await ids("test", channel="general") == ["c2", "c1", "c0"]
    assert await ids("test", channel="cats") == ["c9"]
    assert await ids("test", workspace="w1", channel="general", limit=2) == ["c2", "c1"]
    assert len(await ids("test")) == 4
    assert await ids("test", workspace="w2") == []
    assert await ids("other") == []


async def test_head_is_the_newest_succeeded_job_by_accept_order_that_is_not_deleted(store):
    jobs = [await accept(store, f"j{number}") for number in range(5)]
    await finish(store, jobs[2], now=T0 + 1)
    await finish(store, jobs[0], now=T0 + 2)
    await move(store, jobs[4], JobState.FAILED)
    assert (await store.head("c1")).id == "j2"
    done = await store.get("j2")
    await store.save(replace(done, deleted_at=T0 + 3), now=T0 + 3)
    assert (await store.head("c1")).id == "j0"
    assert await store.head("c2") is None


async def test_newest_open_job_of_a_conversation(store):
    assert await store.newest_open("c1") is None
    await accept(store, "j1")
    parked = await park(store, await accept(store, "j2", follow=True), Waiting.PARENT)
    await finish(store, await accept(store, "j3"))
    await accept(store, "elsewhere", conversation="c2")
    assert await store.newest_open("c1") == parked


async def test_member_has_asked_where_they_have_a_job(store):
    await accept(store, "j1", by=ANN)
    await accept(store, "j2", by=BOB, conversation="c2")
    assert await store.has_asked("c1", ANN.id)
    assert not await store.has_asked("c1", BOB.id)


# -- the operator's lists -----------------------------------------------------------------------------------------


async def test_count_tells_open_states_only(store):
    for number in range(3):
        await accept(store, f"q{number}")
    await move(store, await accept(store, "r"), JobState.RUNNING)
    await finish(store, await accept(store, "s"))
    await move(store, await accept(store, "f"), JobState.FAILED)
    assert await store.count() == {JobState.QUEUED: 3, JobState.RUNNING: 1}


async def test_jobs_are_listed_newest_first_in_pages(store):
    jobs = [await accept(store, f"j{number}") for number in range(5)]
    first = await store.jobs(JobQuery(limit=2))
    assert first == [jobs[4], jobs[3]]
    assert await store.jobs(JobQuery(limit=9, before_seq=first[-1].seq)) == [jobs[2], jobs[1], jobs[0]]


async def test_jobs_are_listed_by_each_condition_and_all_together(store):
    failure = Failure(kind=FailureKind.SAFETY, reason="blocked", text="Try other words.")
    await accept(store, "ann", prompt="A red FOX, 100% real")
    await accept(store, "bob", by=BOB, conversation="c2", prompt="a hound_dog")
    await move(store, await accept(store, "failed", by=BOB), JobState.FAILED, failure=failure)
    await finish(store, await accept(store, "done", platform="other", prompt="back\\slash"))

    async def ids(**conditions: object) -> list[str]:
        return [job.id for job in await store.jobs(JobQuery(**conditions))]

    assert await ids(states=frozenset({JobState.QUEUED})) == ["bob", "ann"]
    assert await ids(states=frozenset({JobState.QUEUED, JobState.SUCCEEDED})) == ["done", "bob", "ann"]
    assert await ids(states=frozenset()) == []
    assert await ids(failures=frozenset({FailureKind.SAFETY, FailureKind.BUG})) == ["failed"]
    assert await ids(failures=frozenset({FailureKind.BUG})) == []
    assert await ids(platform="other") == ["done"]
    for strange in ("o'ther", "other' OR '1' = '1", "\\' OR true --", "%(x)s :x $1 ?", "other\0"):
        assert await ids(platform=strange) == []
    assert await ids(person=BOB.id) == ["failed", "bob"]
    assert await ids(person="Bob") == [], "that is a name"
    assert await ids(platform="test", person=BOB.id) == ["failed", "bob"]
    assert await ids(platform="other", person=BOB.id) == []
    assert await ids(platform="test", states=frozenset({JobState.FAILED})) == ["failed"]
    assert await ids(conversation_id="c2") == ["bob"]
    assert await ids(text="fox") == ["failed", "ann"]  # in any case
    assert await ids(text="0%") == ["ann"]
    assert await ids(text="d_d") == ["bob"]
    assert await ids(text="k\\s") == ["done"]
    assert await ids(text="%") == ["ann"]
    assert await ids(states=frozenset({JobState.QUEUED}), person=BOB.id, text="hound") == ["bob"]


# -- small memories -----------------------------------------------------------------------------------------------


async def test_note_is_the_last_memo_saved_under_its_key(store):
    assert await store.load_note("k") is None
    await store.save_note("k", {"nonce": 1})
    await store.save_note("other", {"nonce": 9})
    await store.save_note("k", {"file": "F1", "deep": {"list": [1, None]}})
    assert await store.load_note("k") == {"file": "F1", "deep": {"list": [1, None]}}


async def test_cursor_is_recalled_in_its_own_name_space(store):
    await store.remember("a", "k", {"v": 1})
    await store.remember("b", "k", {"v": 2})
    await store.remember("a", "k", {"v": 3})
    assert await store.recall("a", "k", T0) == {"v": 3}
    assert await store.recall("b", "k", T0) == {"v": 2}
    assert await store.recall("b", "other", T0) is None


async def test_cursor_expires_at_its_very_time(store):
    await store.remember("a", "k", {"v": 1}, expires_at=T0 + 10)
    assert await store.recall("a", "k", T0 + 9.999) == {"v": 1}
    assert await store.recall("a", "k", T0 + 10) is None
    await store.remember("a", "k", {"v": 2})
    assert await store.recall("a", "k", T0 + 1e9) == {"v": 2}


async def test_remembering_none_forgets(store):
    await store.remember("a", "k", {"v": 1})
    await store.remember("a", "k", None)
    await store.remember("a", "never", None)
    assert await store.recall("a", "k", T0) is None


async def test_all_cursors_of_a_name_space_come_by_key_without_the_expired(store):
    await store.remember("a", "z", {"v": 1})
    await store.remember("a", "b", {"v": 2}, expires_at=T0 + 1)
    await store.remember("a", "c", {"v": 3}, expires_at=T0)
    await store.remember("other", "d", {"v": 4})
    assert list(await store.recall_all("a", T0)) == [("b", {"v": 2}), ("z", {"v": 1})]


# -- life ---------------------------------------------------------------------------------------------------------


async def test_everything_is_there_after_a_restart(address):
    first = await open_at(address)
    job = await accept(first, asked_in=a_message("m"))
    job = await first.save(replace(job, state=JobState.SUBMITTING), now=T0, event="sent", payload={"prompt": "a"})
    sha256 = await first.put_blob(b"pixels", T0)
    await first.save_note("k", {"v": 1})
    await first.remember("space", "k", {"v": 2})
    await first.close()

    second = await open_at(address)
    try:
        assert await second.get("j1") == job
        assert await second.find_message(a_message("m")) == (job, 0)
        assert (await second.turn("j1")).payload == {"prompt": "a"}
        assert [event.text for event in await second.events("j1")] == ["accepted", "sent"]
        assert await second.get_blob(sha256) == b"pixels"
        assert await second.load_note("k") == {"v": 1}
        assert await second.recall("space", "k", T0) == {"v": 2}
        assert (await accept(second, "j2")).seq > job.seq
    finally:
        await second.close()


async def test_writable_store_says_nothing(store):
    await store.check_writable()
    await store.check_writable()


async def test_store_can_be_closed_twice(store):
    await accept(store)
    await store.close()
    await store.close()


async def test_reading_sees_every_write_that_returned(store):
    job = await accept(store)
    for number in range(20):
        job = await store.save(replace(job, attempts=number), now=T0)
        assert await stored(store, job) == job
