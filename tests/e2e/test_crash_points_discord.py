"""The process dies while something happens that only Discord has. Is every request answered once? See also the crash points on chat."""

import pytest

from bot.model import JobState
from tests.e2e.crashing import at_every_crossing, mortal_on
from tests.e2e.crashing_on_discord import OnDiscord
from tests.emulators.discord import Permission

WRITING = Permission.SEND_MESSAGES | Permission.SEND_MESSAGES_IN_THREADS


@pytest.fixture
async def mortal(make_world, in_memory, engine):
    return await mortal_on(make_world, "discord", in_memory, OnDiscord, **engine)


async def test_thread_and_channel_that_closed_meanwhile(mortal):
    """The answer comes as a direct message."""
    driver = mortal.world.place.driver
    ann = driver.account(mortal.member.person)

    async def ready(mortal, words):
        said = await mortal.painting(words)
        driver.channel.deny(mortal.emulator.bot, WRITING)
        return said

    async def scenario(mortal, words, said):
        await mortal.settle()
        job = await mortal.world.job(said)
        (post,) = job.posts
        assert (job.state, post.channel) == (JobState.SUCCEEDED, str(ann.dm.id))
        (picture,) = ann.dm.log[int(post.id)].pictures
        assert (picture.data,) == mortal.world.painted(words)
        await mortal.nothing_but(job)
        driver.channel.allow(mortal.emulator.bot, WRITING)

    assert await at_every_crossing(mortal, scenario, ready) >= 8
