"""What belongs together inside a direct message is known, whoever writes it down at the same moment."""

import asyncio

import pytest

from adapters.slack.inbound import message_ref, place
from adapters.slack.strands import Strands
from bot.model import ImageRequest, Person

DIRECT = "D0123456789"
THREAD = "1700000000.000100"
ANN = Person(id="U1", name="Ann")


@pytest.fixture
async def world(make_world, server):
    return await make_world("plain", database_url=server.address(server.new_database()), role="gateway")


def strands_of(app):
    return Strands(app.service, app.views)


async def asked(world, ts, thread=None):
    """Ann has asked for something in her direct messages."""
    request = ImageRequest(
        source_id=f"slack:{DIRECT}:{ts}",
        requester=ANN,
        place=place("T1", DIRECT, thread),
        text="a fox",
        message=message_ref(DIRECT, ts),
    )
    return await world.app.service.imagine(request)


def said(ts, thread=None):
    return {"channel": DIRECT, "ts": ts} | ({"thread_ts": thread} if thread else {})


async def test_messages_that_two_processes_add_at_the_same_moment_are_all_known(world):
    hears, posts = strands_of(world.app), strands_of(world.app)
    async with world.another(role="worker") as worker:
        posts = strands_of(worker)
        one, other = "1700000001.000100", "1700000002.000100"
        jobs = {ts: await asked(world, ts) for ts in (one, other)}
        await asyncio.gather(
            *(strands.said(said(ts, THREAD), None) for strands, ts in ((hears, one), (posts, other))),
        )
        follows = said("1700000003.000100", THREAD)
        assert await hears.meant(follows, "T1") == message_ref(DIRECT, other), "the newest"
        await world.app.service.cancel(jobs[other].id, by=ANN)
        assert await hears.meant(follows, "T1") == message_ref(DIRECT, one), "the newest that there is"


async def test_answers_that_come_at_the_same_moment_begin_one_strand_that_ends_with_the_next_request(world):
    strands = strands_of(world.app)
    answers = ["1700000001.000100", "1700000002.000100"]
    for ts in answers:
        await asked(world, ts, thread=f"elsewhere-{ts}")
    await asyncio.gather(*(strands.came(DIRECT, ts, None) for ts in answers))
    words = said("1700000003.000100")
    assert await strands.meant(words, "T1") == message_ref(DIRECT, answers[1])
    world.advance(60)
    await asked(world, "1700000004.000100")
    await strands.came(DIRECT, answers[1], None)  # told once more, which makes it no newer
    assert await strands.meant(said("1700000005.000100"), "T1") is None
