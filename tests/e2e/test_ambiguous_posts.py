"""The answer to a POST is lost, in every way that a network and a service have: is each request paid once, and each job shown
the picture that was made for it?
"""

from collections import Counter

import httpx
import pytest

from bot import messages
from bot.emulator import Fault
from bot.errors import FailureKind
from bot.model import JobState
from tests.world.world import KEY

BROKEN = {
    "timeout": {"kind": "hang"},
    "no answer": {"kind": "drop"},
    "reset": {"kind": "reset"},
    "half an answer": {"kind": "truncated"},
    "a cut answer": {"kind": "cut"},
    "502 with a web page": {"kind": "bad_gateway"},
    "503 with a web page": {"kind": "html", "status": 503},
    "200 with a web page": {"kind": "html"},
    "200 with nothing": {"kind": "empty"},
    "500": {"kind": "error", "status": 500},
}
WORK_IS_DONE = {"half an answer", "a cut answer"}  # the emulator spoils an answer that it gave

MODELS = ["answers at once", "answers when the picture is made"]


@pytest.fixture
async def world(make_world):
    return await make_world("plain", max_open_jobs_per_user=50)


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
def bob(world):
    return world.user("bob")


async def audit(world):
    """No job has two requests, no request two jobs, and what was posted is what that request made. Returns the posts."""
    jobs = await world.jobs()
    made = Counter(record.words for record in world.emulator.records)
    asked = Counter(job.prompt for job in jobs)
    assert {words: number for words, number in made.items() if number > asked[words]} == {}
    ids = [job.request_id for job in jobs if job.request_id]
    assert len(ids) == len(set(ids))
    records = {record.request_id: record for record in world.emulator.records}
    bucket = world.emulator._queue.bucket
    square = world.place.driver.square
    for job in jobs:
        posted = [m.images for m in square.messages.values() if m.mark == f"{job.id}:0"]
        assert len(posted) == (job.state is not JobState.CANCELLED), await world.story(job.id)
        if job.state is JobState.SUCCEEDED:
            files = records[job.request_id].result.files
            assert tuple(bucket.find(image.url) for image in job.images) == files, await world.story(job.id)
            assert posted == [tuple(bucket.data(file) for file in files)], await world.story(job.id)
    await look_at_everything(world)


async def look_at_everything(world):
    for thread in await world.place.driver.threads():
        world.place.seen |= {post.id for post in await world.place.unseen(thread)}


async def is_known_to(world, ann, model):
    """The model has painted before, long enough ago to be out of every window."""
    world.emulator.behave(times=None, delivery="sync" if model == MODELS[1] else "async")
    await ann.says("/imagine a first picture")
    await world.settle()
    world.advance(1000)


# -- every kind of broken answer -------------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
async def test_request_that_was_made_is_answered_with_its_picture_and_never_made_again(world, ann, model):
    await is_known_to(world, ann, model)
    for what, how in BROKEN.items():
        leaves = {} if what in WORK_IS_DONE else {"leaves": "record"}
        world.emulator.inject(Fault(route="submit", **how, **leaves))
        said = await ann.says(f"/imagine a fox after {what}")
        await world.settle()
        assert (await world.job(said)).state is JobState.SUCCEEDED, what
        assert world.emulator.ledger.count("submit", prompt=f"a fox after {what}") == 1, what
        world.advance(1000)
    await audit(world)


async def test_request_that_was_not_made_is_made_once(world, ann):
    await is_known_to(world, ann, MODELS[0])
    for what in BROKEN.keys() - WORK_IS_DONE:
        world.emulator.inject(Fault(route="submit", **BROKEN[what]))
        said = await ann.says(f"/imagine a fox after {what}")
        await world.settle()
        assert (await world.job(said)).state is JobState.SUCCEEDED, what
        assert world.emulator.ledger.count("submit", prompt=f"a fox after {what}") == 2, what
        world.advance(1000)
    await audit(world)


async def test_request_that_may_still_be_worked_on_is_told_and_not_made_again(world, ann):
    """A model that answers when its picture is made lists nothing before: absence proves nothing."""
    await is_known_to(world, ann, MODELS[1])
    for what in ("timeout", "reset", "502 with a web page"):
        world.emulator.inject(Fault(route="submit", **BROKEN[what]))
        said = await ann.says(f"/imagine a fox after {what}")
        await world.settle()
        assert (await world.job(said)).failure.kind is FailureKind.LOST, what
        assert world.emulator.ledger.count("submit", prompt=f"a fox after {what}") == 1, what
    await audit(world)


@pytest.mark.parametrize("seconds", [1, 5, 20])
async def test_list_that_lags_by_seconds_makes_nothing_be_paid_twice(world, ann, bob, seconds):
    await is_known_to(world, ann, MODELS[0])
    world.emulator.inject(
        *[Fault(route="submit", kind="drop", leaves="record")] * 2,
        Fault(route="list", kind="lag", seconds=seconds, times=None),
    )
    said = [await ann.says("/imagine a fox"), await bob.says("/imagine a hen")]
    await world.settle()
    assert [(await world.job(one)).state for one in said] == [JobState.SUCCEEDED] * 2
    assert len(world.emulator.records) == 3
    await audit(world)


# -- whose is it? ----------------------------------------------------------------------------------------------------

TWINS = {
    "both answers are lost": (True, True),
    "the first answer is lost": (True, False),
    "the second answer is lost": (False, True),
}


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("lost", TWINS)
async def test_two_members_who_ask_the_same_in_the_same_second_get_their_own(world, ann, bob, lost, model):
    await is_known_to(world, ann, model)
    for is_lost in TWINS[lost]:
        world.emulator.inject(*([Fault(route="submit", kind="drop", leaves="record")] if is_lost else []))
    said = [await ann.says("/imagine a fox"), await bob.says("/imagine a fox")]
    await world.settle()
    jobs = [await world.job(one) for one in said]
    assert [job.state for job in jobs] == [JobState.SUCCEEDED] * 2
    first, second = world.emulator.records_of("a fox")
    assert {job.request_id for job in jobs} == {first.request_id, second.request_id}
    assert first.result.files != second.result.files, "or nothing would be proven"
    await audit(world)


async def test_two_members_who_ask_the_same_and_one_request_was_never_made(world, ann, bob):
    await is_known_to(world, ann, MODELS[0])
    world.emulator.inject(Fault(route="submit", kind="drop"), Fault(route="submit", kind="drop", leaves="record"))
    await ann.says("/imagine a fox")
    await bob.says("/imagine a fox")
    await world.settle()
    assert len(world.emulator.records_of("a fox")) == 2
    await audit(world)


async def somebody_else_asks(world, words, ratio="1:1"):
    """Another application of the same organisation, whose requests stand in the same list."""
    async with httpx.AsyncClient(base_url=world.emulator.base_url, trust_env=False) as client:
        answer = await client.post(
            "/api/v1/ie/requestqueue/apikey/requests",
            json={"model": "gemini-2.5-flash-image", "payload": {"prompt": words, "aspect_ratio": ratio}},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    return answer.raise_for_status().json()["request_id"]


async def test_requests_of_another_application_are_not_adopted(world, ann):
    """A busy neighbour: its requests fill pages of the list, some with our words, but with another ratio or long ago."""
    await is_known_to(world, ann, MODELS[0])
    theirs = [await somebody_else_asks(world, "a fox")]
    world.advance(300)
    world.emulator.inject(Fault(route="submit", kind="reset", leaves="record", prompt="a fox"))
    said = await ann.says("/imagine a fox")
    await world.step()
    theirs += [await somebody_else_asks(world, f"their picture {number}") for number in range(120)]
    theirs.append(await somebody_else_asks(world, "a fox", "3:2"))
    await world.settle()
    job = await world.job(said)
    assert job.state is JobState.SUCCEEDED
    assert job.request_id not in theirs
    assert len(world.emulator.records) == 1 + len(theirs) + 1
    await look_at_everything(world)


async def test_same_words_of_another_application_in_the_same_minute_cannot_be_told_apart_and_cost_nothing_more(
    world, ann
):
    """A window that the vendor leaves open: no key, no tag and no sender stands in the list. It is answered, and once."""
    await is_known_to(world, ann, MODELS[0])
    world.emulator.inject(Fault(route="submit", kind="drop", leaves="record"))
    await ann.says("/imagine a fox")
    await world.step()
    await somebody_else_asks(world, "a fox")
    await world.settle()
    assert world.emulator.ledger.count("submit", prompt="a fox") == 2, "one theirs, one ours"
    await audit_of_answers(world)


async def audit_of_answers(world):
    for job in await world.jobs():
        posted = [m for m in world.place.driver.square.messages.values() if m.mark == f"{job.id}:0"]
        assert len(posted) == 1
    await look_at_everything(world)


# -- a cancel while the POST is open ---------------------------------------------------------------------------------


@pytest.mark.parametrize("model", MODELS)
@pytest.mark.parametrize("then", ["it is answered", "its answer is lost", "it was never made"])
async def test_cancel_during_the_post_ends_it_and_its_request_becomes_nobody_elses_picture(
    world, ann, bob, model, then
):
    await is_known_to(world, ann, model)
    if then != "it is answered":
        leaves = "record" if then == "its answer is lost" else "nothing"
        world.emulator.inject(Fault(route="submit", kind="drop", leaves=leaves))
    hers = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.stepping():
            await hold.reached()
            assert await ann.cancels(hers) == messages.cancelled(may_cost=True)
            hold.release()
    world.advance(1000)
    his = await bob.says("/imagine a fox")
    await world.settle()
    job = await world.job(hers)
    assert job.state is JobState.CANCELLED
    assert (job.request_id is not None) == (then == "it is answered"), "what was paid for is on record"
    assert (await world.job(his)).state is JobState.SUCCEEDED
    await audit(world)
