"""The process dies between any two things that it does on Slack, in its store and at the queue. Is every request answered once?"""

from dataclasses import replace

import pytest

from bot import messages
from bot.errors import FailureKind
from bot.model import JobState
from tests.e2e.crashing import at_every_crossing, audit, audit_in_order, mortal_on
from tests.e2e.crashing_on_slack import OnSlack
from tests.world import photos


@pytest.fixture
async def mortal(make_world, in_memory):
    return await mortal_on(make_world, "slack", in_memory, OnSlack)


async def test_first_picture_with_a_reference(make_world, in_memory, engine):
    mortal = await mortal_on(make_world, "slack", in_memory, OnSlack, **engine)

    async def scenario(mortal, words):
        said = await mortal.says(f"/imagine {words}", attach=[photos.jpeg()])
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert len(job.references) == 1
        assert job.card is not None
        await mortal.nothing_but(job)

    assert await at_every_crossing(mortal, scenario) >= 20


async def test_answer_of_two_pictures(mortal):
    async def ready(mortal, words):
        return await mortal.painting(words, images=2)

    async def scenario(mortal, words, said):
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert len(job.posts) == 1, "both are in one message"
        await mortal.nothing_but(job)

    assert await at_every_crossing(mortal, scenario, ready) >= 8


async def test_edits_one_after_the_other(mortal):
    async def scenario(mortal, words):
        asked = {more: await mortal.says(more) for more in (f"{words} blue", f"{words} red")}
        await mortal.settle()
        jobs = await audit_in_order(mortal, asked)
        assert jobs[1].parent_id == jobs[0].id
        await mortal.nothing_but(*jobs)

    assert await at_every_crossing(mortal, scenario) >= 20


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


async def pictured(mortal, words):
    """The job of a picture that stands in its thread."""
    said = await mortal.says(f"/imagine {words}")
    await mortal.settle()
    return await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)


async def test_delete(mortal):
    async def scenario(mortal, words, job):
        (post,) = job.posts
        assert await mortal.presses("delete", post.id) in (messages.deleted(), None)
        await mortal.settle()
        store = mortal.world.app.store
        deleted = await store.get(job.id)
        assert deleted.deleted_at is not None
        assert await store.get_blob(job.images[0].sha256) is None
        await mortal.nothing_but(replace(deleted, posts=()))

    assert await at_every_crossing(mortal, scenario, pictured) >= 4


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


async def test_channel_that_closed_meanwhile(mortal):
    """The answer comes as a direct message."""
    driver = mortal.driver
    ann = driver.member(mortal.member.person)

    async def ready(mortal, words):
        said = await mortal.painting(words)
        driver.channel.archived = True
        return said

    async def scenario(mortal, words, said):
        await mortal.settle()
        job = await mortal.world.job(said)
        (post,) = job.posts
        assert (job.state, post.channel) == (JobState.SUCCEEDED, ann.dm.id)
        ((data, _),) = mortal.slack.pictures(ann.dm.posts[post.id])
        assert (data,) == mortal.world.painted(words)
        await mortal.nothing_but(job, shown=False)
        driver.channel.archived = False

    assert await at_every_crossing(mortal, scenario, ready) >= 8


async def test_share_that_comes_late(mortal):
    """The next process is there before it."""
    mortal.tells_again = False

    async def ready(mortal, words):
        mortal.slack.uploads.next_one(shared_after=30.0)
        return await mortal.painting(words)

    async def scenario(mortal, words, said):
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        await mortal.nothing_but(job)

    assert await at_every_crossing(mortal, scenario, ready) >= 8
