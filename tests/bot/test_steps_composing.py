"""What is sent when the picture that an edit builds on is gone by then: which one instead, and what is its member told?"""

import pytest

from bot import messages
from bot.errors import FailureKind
from bot.model import JobState


@pytest.fixture
def ann(world):
    return world.user("ann")


async def test_edit_of_a_picture_that_is_deleted_meanwhile_changes_the_one_before_it_and_says_why(world, ann):
    fox = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.says("make it blue")
    blue = await ann.sees(images=1)
    hat = await ann.says("add a hat", to=blue)
    assert await ann.deletes(blue) == messages.deleted(back_to_earlier=True)
    await ann.sees(images=1, text=messages.moved_to_earlier(deleted=True))
    job = await world.job(hat)
    assert job.parent_id == (await world.job(fox)).id
    assert "deleted" in job.remark


async def test_edit_of_the_only_picture_that_is_deleted_meanwhile_is_told_so(world, ann):
    await ann.says("/imagine a fox")
    fox = await ann.sees(images=1)
    blue = await ann.says("make it blue", to=fox)
    await ann.deletes(fox)
    await ann.sees(images=0, text=messages.parent_deleted())
    job = await world.job(blue)
    assert (job.state, job.failure.kind) == (JobState.FAILED, FailureKind.PARENT)
    assert world.emulator.records_of("make it blue") == []
