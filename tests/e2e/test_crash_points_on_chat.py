"""The process dies between any two things that it does on a platform, in its store and at the queue. Is every request answered once?

Each scenario on each platform behind a wire, and on both engines: what a dead process leaves differs between them (its leases and
sessions live on at a server), and so does what the next one does with it. What only one platform has is in files of its own.
"""

from dataclasses import replace

import pytest

from bot import messages
from bot.errors import FailureKind
from bot.model import JobState
from tests.e2e.crashing import at_every_crossing, audit, audit_in_order, mortal_on
from tests.e2e.crashing_on_discord import OnDiscord
from tests.e2e.crashing_on_slack import OnSlack
from tests.world import photos

KINDS = {"discord": OnDiscord, "slack": OnSlack}

pytestmark = pytest.mark.timeout(300)  # against hanging: a server's sessions share two cores with other tests

in_halves = pytest.mark.parametrize("share", [(0, 2), (1, 2)], ids=["even", "odd"])
"""Of the crossings, so that no test takes long."""


@pytest.fixture(params=KINDS)
def platform(request):
    return request.param


@pytest.fixture
async def mortal(make_world, in_memory, platform, engine):
    return await mortal_on(make_world, platform, in_memory, KINDS[platform], **engine)


@in_halves
async def test_first_picture_with_a_reference(mortal, share):
    async def scenario(mortal, words):
        said = await mortal.says(f"/imagine {words}", attach=[photos.jpeg()])
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert len(job.references) == 1
        assert job.card is not None
        await mortal.nothing_but(job)

    assert await at_every_crossing(mortal, scenario, share=share) >= 20


async def test_answer_of_two_pictures(mortal):
    async def ready(mortal, words):
        return await mortal.painting(words, images=2)

    async def scenario(mortal, words, said):
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert len(job.posts) == mortal.messages_of_two
        await mortal.nothing_but(job)

    assert await at_every_crossing(mortal, scenario, ready) >= 8


@in_halves
async def test_edits_one_after_the_other(mortal, share):
    async def scenario(mortal, words):
        asked = {more: await mortal.says(more) for more in (f"{words} blue", f"{words} red")}
        await mortal.settle()
        jobs = await audit_in_order(mortal, asked)
        assert jobs[1].parent_id == jobs[0].id
        await mortal.nothing_but(*jobs)

    assert await at_every_crossing(mortal, scenario, share=share) >= 20


async def test_failure(mortal):
    async def ready(mortal, words):
        return await mortal.painting(words, ending="failed", error="safety")

    async def scenario(mortal, words, said):
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.FAILED, paid=1)
        assert job.failure.kind is FailureKind.SAFETY
        await mortal.nothing_but(job)

    assert await at_every_crossing(mortal, scenario, ready) >= 6


async def test_cancel(mortal):
    async def ready(mortal, words):
        said = await mortal.painting(words)
        return said, (await mortal.world.job(said)).card

    async def scenario(mortal, words, given):
        said, card = given
        told = await mortal.presses("cancel", card.id)
        await mortal.settle()
        assert told == messages.cancelled(may_cost=True)
        await mortal.nothing_but(await audit(mortal, said, words, state=JobState.CANCELLED, paid=1))

    assert await at_every_crossing(mortal, scenario, ready) >= 4


async def test_delete(mortal):
    async def ready(mortal, words):
        said = await mortal.says(f"/imagine {words}")
        await mortal.settle()
        return await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)

    async def scenario(mortal, words, job):
        (post,) = job.posts
        assert await mortal.presses("delete", post.id) in (messages.deleted(), None)
        await mortal.settle()
        store = mortal.world.app.store
        deleted = await store.get(job.id)
        assert deleted.deleted_at is not None
        assert await store.get_blob(job.images[0].sha256) is None
        await mortal.nothing_but(replace(deleted, posts=()))

    assert await at_every_crossing(mortal, scenario, ready) >= 4


async def test_try_again(mortal):
    async def ready(mortal, words):
        mortal.world.emulator.behave(prompt=words, ending="failed", error="safety")
        said = await mortal.says(f"/imagine {words}")
        await mortal.settle()
        return await audit(mortal, said, words, state=JobState.FAILED, paid=1)

    async def scenario(mortal, words, failed):
        mortal.world.emulator._queue.records.clear()
        said = await mortal.tries_again(failed.posts[0].id, words)
        await mortal.surely(mortal.world.step)
        mortal.boundary.heal()  # from here on it is like any other picture
        await mortal.settle()
        again = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert again.id != failed.id
        await mortal.nothing_but(failed, again)

    assert await at_every_crossing(mortal, scenario, ready) >= 8
