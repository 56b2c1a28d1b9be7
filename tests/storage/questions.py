"""What is a store asked in normal work? By the poller, the service, pages, platforms and commands; and the indexes that answer it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

from bot.errors import FailureKind
from bot.model import OPEN, ConversationRef, JobQuery, JobState
from bot.ports import Store
from tests.storage.history import FINISHED, FIRST
from tests.storage.making import T0, a_conversation, a_job, a_message, a_person, admit_all, an_image

PLACE = ConversationRef(platform="test", workspace="w1", channel="channel16", thread="t77")
"""Where conversation c77 is."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Question:
    """How it is asked, and by which indexes it is answered, whatever else is read."""

    ask: Callable[[Any], Awaitable[object]]
    indexes: frozenset[str]


def _by(*indexes: str) -> Callable[[Callable[[Any], Awaitable[object]]], Question]:
    return lambda ask: Question(ask=ask, indexes=frozenset(indexes))


def _of_jobs(*indexes: str, **conditions: Any) -> Question:
    query = JobQuery(**{"limit": 51, **conditions})
    return Question(ask=lambda store: store.jobs(query), indexes=frozenset(indexes))


async def _step(store: Store) -> None:
    """A job's way from its POST to its end, with a child that waits for it."""
    running = await store.get("runs4")
    assert running
    saved = await store.save(replace(running, request_id="r77"), now=T0, event="x", payload={"prompt": "a"})
    known = await store.save(replace(saved, state=JobState.DELIVERING), now=T0, next_turn_contents=[])
    await store.save(replace(known, state=JobState.SUCCEEDED, images=(an_image(),), finished_at=T0), now=T0)


async def _renewed(store: Store) -> None:
    job = await store.get("runs8")
    assert job
    assert await store.renew(job, until=T0 + 15)


async def _put_off(store: Store) -> None:
    job = await store.get("runs8")
    assert job
    await store.put_off([job], T0)


async def _noted(store: Store) -> None:
    await store.save_note("old77", {"begun": True})
    assert await store.load_note("old77")


async def _remembered(store: Store) -> None:
    await store.remember("a", "b", {})
    assert await store.recall("a", "b", T0) == {}
    assert await store.recall_all("a", T0)


async def _found_by_place(store: Store) -> None:
    found = await store.find_conversation(PLACE)
    assert found
    assert found.id == "c77"


async def _deleted(store: Store) -> None:
    await store.drop_pictures("old77", T0)


async def _begun(store: Store) -> None:
    job = a_job("new", by=a_person("p7"), conversation="c777")
    await store.add(job, a_conversation("c777"), follow=True, admit=admit_all, day_start=T0 - 86_400)


QUESTIONS: dict[str, Question] = {
    # the poller and its steps
    "claim": _by("ix_jobs_due", "ix_jobs_waiting_for_slot", "ix_jobs_slots")(
        lambda store: store.claim(T0 + 1, until=T0 + 15, limit=8, in_flight=12)
    ),
    "next_due": _by("ix_jobs_due", "ix_jobs_waiting_for_slot")(lambda store: store.next_due(12)),
    "renew": _by("uq_jobs_id")(_renewed),
    "put_off": _by("uq_jobs_id")(_put_off),
    "a step's saves": _by("uq_jobs_id", "ix_jobs_waiting_for_parent")(_step),
    "same_payload": _by("ix_jobs_open")(lambda store: store.same_payload_in_doubt(a_job("runs8"), {"prompt": "a"})),
    "attempts": _by("ix_jobs_attempts")(lambda store: store.attempts_between("a-model", T0 - 3600, T0)),
    "last_answers": _by("ix_jobs_answers")(lambda store: store.last_answers("a-model", 5)),
    "last_durations": _by("ix_jobs_answers")(lambda store: store.last_durations("a-model", 48)),
    "known_requests": _by("pk_requests")(lambda store: store.known_requests(["r1", "request-7"])),
    "take": _by("pk_memory")(lambda store: store.take("queue", rate=1.0, burst=1.0, now=T0)),
    "postpone": _by()(lambda store: store.postpone(60.0)),
    "start": _by("ix_jobs_touched")(lambda store: store.start(T0)),
    "what news may mean": _of_jobs("pk_jobs", limit=100),
    # the service
    "usage": _by("ix_jobs_open_of_person", "ix_jobs_of_person", "ix_jobs_counted")(
        lambda store: store.usage("test", "w1", "p7", T0 - 86_400)
    ),
    "add": _by("uq_jobs_source_id", "ix_jobs_heads", "ix_jobs_open_in_conversation")(_begun),
    "find_source": _by("uq_jobs_source_id")(lambda store: store.find_source("test:old7")),
    "place": _by("uq_jobs_id")(lambda store: store.place("due3", a_message("card1"), T0)),
    "head": _by("ix_jobs_heads")(lambda store: store.head("c77")),
    "newest_open": _by("ix_jobs_open_in_conversation")(lambda store: store.newest_open("c77")),
    "has_asked": _by("ix_jobs_in_conversation")(lambda store: store.has_asked("c77", "p77")),
    "find_conversation": _by("ux_conversations_place")(_found_by_place),
    "opened": _by("ux_conversations_place")(lambda store: store.opened("c77", replace(PLACE, thread="new"))),
    "put_blob": _by()(lambda store: store.put_blob(b"new", T0)),
    "drop_pictures": _by("uq_jobs_id", "pk_job_blobs")(_deleted),
    "notes": _by("pk_notes")(_noted),
    "memory": _by("pk_memory")(_remembered),
    # platforms and pages
    "get": _by("uq_jobs_id")(lambda store: store.get("old77")),
    "find_message": _by("pk_messages")(lambda store: store.find_message(a_message("post-7"))),
    "glance": _by("pk_messages", "ix_jobs_heads")(lambda store: store.glance(a_message("post-7"))),
    "turn": _by("pk_turns")(lambda store: store.turn("old77")),
    "events": _by("ix_job_events_of_job")(lambda store: store.events("old77")),
    "conversation": _by("pk_conversations")(lambda store: store.conversation("c77")),
    "threads": _by("ix_conversations_newest")(lambda store: store.conversations("test", limit=50)),
    "a channel's threads": _by("ix_conversations_of_channel")(
        lambda store: store.conversations("test", workspace="w1", channel="quiet", limit=50)
    ),
    "channels": _by("ix_conversations_newest")(lambda store: store.conversations("test", workspace="w1", limit=1000)),
    "a thread": _of_jobs("ix_jobs_in_conversation", conversation_id="c77", limit=1000),
    "a thread's newest": _of_jobs("ix_jobs_in_conversation", conversation_id="c77", limit=1),
    "a thread's pictures": _of_jobs(
        "ix_jobs_in_conversation", conversation_id="c77", states=frozenset({JobState.SUCCEEDED})
    ),
    "a member's pictures": _of_jobs(
        "ix_jobs_of_person", platform="test", person="p7", states=frozenset({JobState.SUCCEEDED})
    ),
    "a new member's pictures": _of_jobs(
        "ix_jobs_of_person", platform="test", person="nobody", states=frozenset({JobState.SUCCEEDED})
    ),
    # operators
    "metrics": _by("ix_jobs_open")(lambda store: store.count()),
    "open": _of_jobs("ix_jobs_open", states=OPEN),
    "running": _of_jobs("ix_jobs_open", states=frozenset({JobState.RUNNING})),
    "older": _of_jobs("pk_jobs", before_seq=FIRST + FINISHED // 2),
    "done": _of_jobs(states=frozenset({JobState.SUCCEEDED})),
    "failed": _of_jobs("ix_jobs_in_vain", states=frozenset({JobState.FAILED})),
    "cancelled": _of_jobs("ix_jobs_in_vain", states=frozenset({JobState.CANCELLED})),
    "broken": _of_jobs("ix_jobs_in_vain", states=frozenset({JobState.FAILED}), failures=frozenset({FailureKind.BUG})),
    "of a platform": _of_jobs(platform="test"),
    "of a rare platform": _of_jobs("ix_jobs_of_platform", platform="rare"),
    "failed on a platform": _of_jobs("ix_jobs_in_vain", platform="test", states=frozenset({JobState.FAILED})),
    "done on a rare platform": _of_jobs("ix_jobs_of_platform", platform="rare", states=frozenset({JobState.SUCCEEDED})),
    "of a member": _of_jobs("ix_jobs_of_person", platform="test", person="p7", limit=1000),
}
