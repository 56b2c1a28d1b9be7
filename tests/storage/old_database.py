"""What did a released version leave behind? Run with the code of that version, once for each schema that it brings:

    python -m tests.storage.old_database sqlite > tests/storage/fixtures/0001.sqlite.sql
    python -m tests.storage.old_database postgresql > tests/storage/fixtures/0001.postgresql.sql

A file is never made again: it is what was written then. It has a job in every state, and everything that can belong to one.
"""

import asyncio
import base64
import sqlite3
import sys
import tempfile
from collections.abc import Awaitable
from contextlib import closing
from dataclasses import replace
from hashlib import sha256
from pathlib import Path

from bot.errors import FailureKind
from bot.model import (
    Attachment,
    Conversation,
    ConversationRef,
    Failure,
    Image,
    Job,
    JobState,
    MessageRef,
    Person,
    Reference,
    Waiting,
)
from bot.ports import Store
from storage.postgresql import open_store as open_postgresql
from storage.sqlite import open_store as open_sqlite
from tests.storage.server import Server

T0 = 1_760_000_000.0
ANN = Person(id="id-of-ann", name="ann")
PNG = base64.b64decode(
    "iVBORw0KGgoAAAANSUhEUgAAAAIAAAACCAIAAAD91JpzAAAAEElEQVR4nGM4kWIERAwQCgAorgV5QuEn7gAAAABJRU5ErkJggg=="
)
"""A picture of two by two pixels; its file is no part of the dump."""

PICTURE = sha256(PNG).hexdigest()
CONTENTS = [
    {"role": "user", "parts": [{"text": "a fox"}]},
    {"role": "model", "parts": [{"fileData": {"mimeType": "image/png", "fileUri": "https://example.invalid/fox.png"}}]},
    {"role": "user", "parts": [{"text": ""}]},
]

_LINE = (JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING, JobState.DELIVERING, JobState.SUCCEEDED)


async def fill(store: Store) -> None:
    """A thread with its pictures and what is still to come of it."""
    await store.put_blob(PNG, T0)
    reference = Reference(
        attachment=Attachment(name="fox.png", address="file:x", size=len(PNG), media_type="image/png"),
        sha256=PICTURE,
        url="https://example.invalid/reference.png",
        media_type="image/png",
    )
    fox = await _asked(store, "fox", references=(reference,))
    await _moved(store, fox, JobState.SUCCEEDED, contents=CONTENTS)
    gone = await _asked(store, "gone", parent_id="fox")
    gone = await _moved(store, gone, JobState.SUCCEEDED)
    await store.save(replace(gone, deleted_at=T0 + 50), now=T0 + 50, event="deleted by id-of-ann")

    no = Failure(kind=FailureKind.SAFETY, reason="SAFETY", text="The picture service refused this.")
    refused = await _moved(store, await _asked(store, "refused"), JobState.DELIVERING, failure=no, images=())
    await store.save(replace(refused, state=JobState.FAILED, due_at=None, finished_at=T0 + 60), now=T0 + 60)
    cancelled = await _asked(store, "cancelled")
    await store.save(
        replace(cancelled, state=JobState.CANCELLED, due_at=None, finished_at=T0 + 60),
        now=T0 + 60,
        event="cancelled by id-of-ann",
    )

    running = await _moved(store, await _asked(store, "running", slot=True), JobState.RUNNING)
    await _moved(store, await _asked(store, "submitting", slot=True), JobState.SUBMITTING)
    await _moved(store, await _asked(store, "untold"), JobState.DELIVERING, failure=no, images=())
    moved = await _asked(store, "delivering", parent_id="fox", passed_over="untold")
    await _moved(store, moved, JobState.DELIVERING)
    behind = await _moved(store, await _asked(store, "behind", parent_id=running.id), JobState.DELIVERING)
    await store.save(replace(behind, due_at=None, waiting=Waiting.PARENT), now=T0 + 60)
    after = await _asked(store, "after", parent_id=running.id)
    await store.save(replace(after, due_at=None, waiting=Waiting.PARENT), now=T0 + 60)
    slot = await _asked(store, "slot", parent_id="fox")
    await store.save(replace(slot, due_at=None, waiting=Waiting.SLOT), now=T0 + 60)
    await _asked(store, "queued")
    await store.save_note("delivering", {"begun": True})
    await store.remember("adapter.plain", "cursor:village", {"at": 7}, expires_at=None)


async def _asked(store: Store, name: str, *, slot: bool = False, **facts: object) -> Job:
    place = ConversationRef(platform="plain", workspace="village", channel="square", thread="t-old")
    conversation = Conversation(
        id="c1", ref=place, starter=ANN, model="gemini-2.5-flash-image", aspect_ratio="3:2", created_at=T0
    )
    job = Job(
        id=name,
        conversation_id="c1",
        platform="plain",
        workspace="village",
        source_id=f"plain:message:{name}",
        requester=ANN,
        prompt=f"a picture, {name}",
        aspect_ratio="3:2",
        model="gemini-2.5-flash-image",
        accepted_at=T0,
        asked_in=MessageRef(platform="plain", channel="t-old", id=f"said-{name}"),
        due_at=T0 + 1e6,
    )
    job = replace(job, **facts)  # type: ignore[arg-type]
    job = (await store.add(job, conversation, follow=False, admit=lambda _: None, day_start=T0)).job
    if slot:
        await store.save(replace(job, due_at=None, waiting=Waiting.SLOT), now=T0)
        (job,) = await store.claim(T0, until=T0 + 1e6, limit=1, in_flight=10)
    return job


async def _moved(
    store: Store, job: Job, state: JobState, *, contents: list[object] | None = None, **facts: object
) -> Job:
    image = Image(sha256=PICTURE, media_type="image/png", width=2, height=2, url="https://example.invalid/fox.png")
    known: dict[JobState, dict[str, object]] = {
        JobState.SUBMITTING: {"attempt_at": T0 + 10, "submissions": 1, "deadline_at": T0 + 3600, "opened": True},
        JobState.RUNNING: {
            "request_id": f"request-of-{job.id}",
            "running_since": T0 + 11,
            "deadline_at": T0 + 611,
            "vendor_status": "queued",
            "answered_after": 0.3,
        },
        JobState.DELIVERING: {"images": (image,), "ready_at": T0 + 20, "known_at": T0 + 21, "deadline_at": T0 + 86_421},
        JobState.SUCCEEDED: {
            "due_at": None,
            "finished_at": T0 + 22,
            "posts": (MessageRef(platform="plain", channel="t-old", id=f"post-{job.id}"),),
        },
    }
    for number, step in enumerate(_LINE[1 : _LINE.index(state) + 1], start=1):
        more = known[step] | (facts if step is state else {})
        job = await store.save(
            replace(job, **{"state": step, "due_at": T0 + 1e6, **more}),  # type: ignore[arg-type]
            now=T0 + number,
            event=f"is now {step.value}",
            payload={"prompt": job.prompt, "aspect_ratio": "3:2"} if step is JobState.SUBMITTING else None,
            next_turn_contents=contents if step is JobState.DELIVERING else None,
        )
    return job


def of_sqlite(folder: Path) -> str:
    """The database as SQL, the same each time."""
    path = folder / "darkroom.db"
    asyncio.run(_make(open_sqlite(f"sqlite:///{path}", exclusive=True)))
    with closing(sqlite3.connect(path)) as connection:
        return "\n".join(connection.iterdump()) + "\n"


def of_postgresql(server: Server) -> str:
    """The same, of a new database of the server."""
    name = server.new_database()
    asyncio.run(_make(open_postgresql(server.address(name), exclusive=True)))
    return server.dump(name)


async def _make(opening: Awaitable[Store]) -> None:
    store = await opening
    try:
        await fill(store)
    finally:
        await store.close()


def main(engine: str) -> None:
    """Prints the dump of an engine."""
    if engine == "sqlite":
        with tempfile.TemporaryDirectory() as made:
            sys.stdout.write(of_sqlite(Path(made)))
    else:
        server = Server()
        try:
            sys.stdout.write(of_postgresql(server))
        finally:
            server.close()


if __name__ == "__main__":
    main(*sys.argv[1:])
