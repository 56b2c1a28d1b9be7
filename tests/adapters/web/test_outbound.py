"""Does the playground keep what every platform promises?"""

import asyncio

import pytest

from adapters.web.outbound import Playground
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import (
    Attachment,
    Card,
    Conversation,
    ConversationRef,
    JobState,
    MessageRef,
    Person,
    Picture,
    Reply,
)
from bot.ports import StoreBusy

ANN = Person(id="p1", name="Ann")
PLACE = ConversationRef(platform="web", workspace="playground", channel="general", thread="t1")
PICTURE = Picture(data=b"...", media_type="image/png", width=1, height=1)


class StoredNote:
    """A delivery's memo in the real store."""

    def __init__(self, store, key):
        self._store, self._key = store, key

    async def load(self):
        return await self._store.load_note(self._key)

    async def save(self, memo):
        await self._store.save_note(self._key, memo)


def a_reply(*images):
    return Reply(job_id="j1", requester=ANN, prompt="a fox", images=images, text="", failed=not images)


def a_card(message=None):
    return Card(
        job_id="j1",
        conversation=PLACE,
        message=message,
        requester=ANN,
        prompt="a fox",
        aspect_ratio="1:1",
        state=JobState.QUEUED,
        accepted_at=0.0,
        text="Queued",
    )


def a_conversation(thread):
    ref = ConversationRef(platform="web", workspace="playground", channel="general", thread=thread)
    return Conversation(id="c1", ref=ref, starter=ANN, model="m", aspect_ratio="1:1", created_at=0.0)


async def test_a_reply_is_posted_once_however_often_it_is_delivered(views, store):
    note = StoredNote(store, "deliver:j1")
    reply = a_reply(PICTURE, PICTURE)
    first = await Playground(views).deliver(PLACE, reply, key="j1", note=note)
    again = await Playground(views).deliver(PLACE, reply, key="j1", note=StoredNote(store, "deliver:j1"))
    assert first == again
    assert first == tuple(MessageRef(platform="web", channel="t1", id=f"j1:{n}") for n in (0, 1))


async def test_a_failure_is_one_post(views, store):
    posts = await Playground(views).deliver(PLACE, a_reply(), key="j1", note=StoredNote(store, "deliver:j1"))
    assert len(posts) == 1


@pytest.mark.parametrize("thread", [None, "t1"])
async def test_opening_gives_a_thread_and_repeating_it_finds_the_same(views, thread):
    playground = Playground(views)
    opened = await playground.open(a_conversation(thread), a_card())
    assert opened.ref.thread == (thread or "c1")
    again = await playground.open(a_conversation(opened.ref.thread), a_card(opened.card))
    assert again == opened


async def test_an_attached_picture_is_fetched_from_the_store(views, store):
    sha256 = await store.put_blob(b"bytes of a picture", 0.0)
    assert await Playground(views).fetch(Attachment(name="a.png", address=sha256)) == b"bytes of a picture"


async def test_a_picture_that_is_no_longer_kept_is_given_up_as_a_reference(views):
    with pytest.raises(GiveUp, match="no longer kept") as given_up:
        await Playground(views).fetch(Attachment(name="a.png", address="0" * 64))
    assert given_up.value.kind is FailureKind.REFERENCE


async def test_a_store_that_cannot_be_read_just_now_is_tried_again():
    class BusyViews:
        async def picture(self, sha256):
            raise StoreBusy("The disk is full.")

    with pytest.raises(RetryLater, match="The disk is full"):
        await Playground(BusyViews()).fetch(Attachment(name="a.png", address="0" * 64))


async def test_it_listens_until_it_is_cancelled(views):
    listening = asyncio.ensure_future(Playground(views).run())
    await asyncio.sleep(0)
    assert not listening.done()
    listening.cancel()
    with pytest.raises(asyncio.CancelledError):
        await listening
    assert Playground(views).trouble() is None
