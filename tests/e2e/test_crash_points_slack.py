"""The process dies while something happens that only Slack has. Is every request answered once? See also the crash points on chat."""

import pytest

from bot.model import JobState
from tests.e2e.crashing import at_every_crossing, audit, mortal_on
from tests.e2e.crashing_on_slack import OnSlack


@pytest.fixture
async def mortal(make_world, in_memory, engine):
    return await mortal_on(make_world, "slack", in_memory, OnSlack, **engine)


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
