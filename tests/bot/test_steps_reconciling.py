"""A POST whose fate is unknown: is every request answered, and paid for at most once?"""

import httpx
import pytest

from bot import messages
from bot.emulator import Behaviour, Fault
from bot.errors import FailureKind
from bot.model import JobState
from tests.world.world import KEY

LOST = messages.failure(FailureKind.LOST, job_id="")


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
def bob(world):
    return world.user("bob")


async def learn_that_posts_are_answered_at_once(world, ann):
    """After this a request that is surely absent may be sent again; long enough ago to be out of every window."""
    await ann.says("/imagine a first picture")
    await ann.sees(images=1)
    world.advance(1000)


async def somebody_else_asks(world, payload):
    """Another program of the same account."""
    async with httpx.AsyncClient(base_url=world.emulator.base_url, trust_env=False) as client:
        answer = await client.post(
            "/api/v1/ie/requestqueue/apikey/requests",
            json={"model": "gemini-2.5-flash-image", "payload": payload},
            headers={"Authorization": f"Bearer {KEY}"},
        )
    return answer.raise_for_status().json()["request_id"]


# -- one request -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["drop", "reset", "html", "empty", "bad_gateway", "unavailable", "error"])
async def test_request_that_was_made_is_found_and_adopted_whatever_answered(world, ann, kind):
    world.emulator.inject(Fault(route="submit", kind=kind, leaves="record"))
    said = await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")
    assert (await world.job(said)).request_id == world.sent("a fox").request_id
    assert world.emulator.ledger.count("submit") == 1


async def test_request_that_was_never_made_is_sent_again_after_half_a_minute(world, ann):
    await learn_that_posts_are_answered_at_once(world, ann)
    world.emulator.inject(Fault(route="submit", kind="drop"))
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")
    lost, taken = world.emulator.ledger.find("submit", prompt="a fox")
    assert 30 <= taken.arrived.wall - lost.arrived.wall < 50


@pytest.mark.parametrize("learned", ["nothing", "that it answers when the work is done"])
async def test_request_is_not_sent_again_to_a_model_that_may_still_be_at_it(world, ann, learned):
    if learned != "nothing":
        world.emulator.behave(delivery="sync")
        await learn_that_posts_are_answered_at_once(world, ann)
    world.emulator.inject(Fault(route="submit", kind="drop"))
    said = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=LOST)
    assert world.emulator.ledger.count("submit", prompt="a fox") == 1
    job = await world.job(said)
    assert job.finished_at - job.accepted_at >= world.app.queue.longest_post


async def test_model_that_answers_late_has_made_its_picture_when_it_is_looked_for_again(world, ann):
    """The connection breaks while the model works; its record is listed when it is done."""
    world.emulator.behave(latency=40)
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="lag", seconds=40, times=None)
    )
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_list_that_lags_is_waited_for(world, ann):
    await learn_that_posts_are_answered_at_once(world, ann)
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="lag", seconds=20, times=None)
    )
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_connection_that_was_never_made_leaves_nothing_in_doubt(world, ann):
    await world.queue_goes_away()
    await ann.says("/imagine a fox")
    await world.step()
    await world.queue_comes_back()
    await ann.sees(images=1)
    assert world.emulator.ledger.count("list") == 0
    assert world.sent("a fox")


async def test_list_that_cannot_be_had_keeps_the_request_in_doubt_until_it_can(world, ann):
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="unavailable", times=20)
    )
    await ann.says("/imagine a fox")
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_list_that_can_never_be_had_ends_in_words_after_an_hour(world, ann):
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="unavailable", times=None)
    )
    said = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=LOST)
    job = await world.job(said)
    assert job.finished_at - job.accepted_at >= 3600
    assert world.emulator.ledger.count("submit") == 1


async def test_failed_record_of_a_broken_post_is_the_answer(world, ann):
    await learn_that_posts_are_answered_at_once(world, ann)
    world.emulator.inject(Fault(route="submit", kind="bad_gateway", leaves="failed"))
    await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.SAFETY, job_id=""))
    assert world.emulator.ledger.count("submit", prompt="a fox") == 1


async def test_living_record_is_preferred_to_a_failed_one_of_the_same_words(world, ann):
    world.emulator.behave(ending="failed", error="safety")
    await somebody_else_asks(world, {"prompt": "a fox", "aspect_ratio": "1:1"})
    world.emulator.inject(Fault(route="submit", kind="drop", leaves="record"))
    await ann.says("/imagine a fox")
    await ann.sees(images=1)


# -- whose record is it? ---------------------------------------------------------------------------------------------


async def test_requests_of_others_are_not_ours(world, ann):
    await learn_that_posts_are_answered_at_once(world, ann)
    await somebody_else_asks(world, {"prompt": "a fox", "aspect_ratio": "1:1"})
    world.advance(120)  # the same words, but long before ours left
    await somebody_else_asks(world, {"prompt": "a fox", "aspect_ratio": "3:2"})
    await somebody_else_asks(world, {"prompt": "a fox in the snow", "aspect_ratio": "1:1"})
    others = {record.request_id for record in world.emulator.records}
    world.emulator.inject(Fault(route="submit", kind="drop"))
    said = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    assert (await world.job(said)).request_id not in others
    assert world.emulator.ledger.count("submit", prompt="a fox") == 3 + 2


async def test_our_own_other_requests_are_never_adopted_twice(world, ann, bob):
    await learn_that_posts_are_answered_at_once(world, ann)
    hers = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    world.emulator.inject(Fault(route="submit", kind="drop"))
    his = await bob.says("/imagine a fox")
    await bob.sees(images=1)
    first, second = world.emulator.records_of("a fox")
    assert ((await world.job(hers)).request_id, (await world.job(his)).request_id) == (
        first.request_id,
        second.request_id,
    )


async def test_two_members_ask_the_same_in_the_same_second_and_both_answers_are_lost(world, ann, bob):
    world.emulator.inject(*[Fault(route="submit", kind="drop", leaves="record")] * 2)
    hers, his = await ann.says("/imagine a fox"), await bob.says("/imagine a fox")
    await ann.sees(images=1)
    await bob.sees(images=1)
    assert world.emulator.ledger.count("submit") == 2
    jobs = [await world.job(hers), await world.job(his)]
    assert {job.request_id for job in jobs} == {record.request_id for record in world.emulator.records}
    assert all(job.finished_at - job.accepted_at < 10 for job in jobs), "each waited for the other"


async def test_record_of_an_identical_post_that_is_still_open_is_left_to_it(world, ann, bob):
    await learn_that_posts_are_answered_at_once(world, ann)
    world.emulator.inject(Fault(route="submit", kind="drop"))
    hers = await ann.says("/imagine a fox")
    await world.step()
    assert (await world.job(hers)).state is JobState.SUBMITTING
    his = await bob.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.stepping():
            await hold.reached()
            (his_record,) = world.emulator.records_of("a fox")
            world.advance(2)
            await world.claim_and_step()  # her request is looked for while his is open
            assert (await world.job(hers)).request_id is None
            hold.release()
    await ann.sees(images=1)
    await bob.sees(images=1)
    assert (await world.job(his)).request_id == his_record.request_id
    assert len(world.emulator.records_of("a fox")) == 2


async def test_record_without_its_payload_is_adopted_when_nobody_elses_it_can_be(world, ann):
    await learn_that_posts_are_answered_at_once(world, ann)
    for number, echo in enumerate(("empty", "absent")):
        world.emulator.behave(payload_echo=echo)
        world.emulator.inject(Fault(route="submit", kind="drop", leaves="record"))
        await ann.says(f"/imagine fox {number}")
        assert (await ann.sees(images=1)).images == world.painted(f"fox {number}")
        world.advance(1000)


async def test_record_without_its_payload_that_may_be_anothers_is_neither_adopted_nor_paid_again(world, ann, bob):
    await learn_that_posts_are_answered_at_once(world, ann)
    world.emulator.behave(payload_echo="empty", times=None)
    world.emulator.inject(Fault(route="submit", kind="drop", leaves="record", prompt="a fox"))
    world.emulator.inject(Fault(route="submit", kind="drop", prompt="a hen"))
    await ann.says("/imagine a fox")
    await bob.says("/imagine a hen")
    await ann.sees(images=0, text=LOST)
    await bob.sees(images=0, text=LOST)
    assert world.emulator.ledger.count("submit", prompt="a fox") == 1
    assert world.emulator.ledger.count("submit", prompt="a hen") == 1


async def test_two_records_without_their_payloads_are_not_guessed_at(world, ann, bob):
    world.emulator.behaviour = Behaviour(payload_echo="absent")
    world.emulator.inject(*[Fault(route="submit", kind="drop", leaves="record")] * 2)
    await ann.says("/imagine a fox")
    await bob.says("/imagine a hen")
    await ann.sees(images=0, text=LOST)
    await bob.sees(images=0, text=LOST)
    assert world.emulator.paid == 2


# -- cancelled, stopped, overtaken -----------------------------------------------------------------------------------


async def test_cancel_while_its_fate_is_unknown_ends_the_search(world, ann):
    world.emulator.inject(Fault(route="submit", kind="drop", leaves="record"))
    said = await ann.says("/imagine a fox")
    await world.step()
    assert await ann.cancels(said) == messages.cancelled(may_cost=True)
    await ann.sees_nothing_new()
    assert world.emulator.ledger.count("list") == 0


async def test_cancel_while_the_post_is_open_and_then_breaks(world, ann):
    world.emulator.inject(Fault(route="submit", kind="drop"))
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.stepping():
            await hold.reached()
            assert await ann.cancels(said) == messages.cancelled(may_cost=True)
            hold.release()
    await ann.sees_nothing_new()
    assert (await world.job(said)).state is JobState.CANCELLED


async def test_bot_that_dies_while_a_post_is_open_finds_its_request_again(world, ann):
    await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.interrupted():
            await hold.reached()
            await world.crash()
    assert (await ann.sees(images=1)).images == world.painted("a fox")
    assert world.emulator.ledger.count("submit") == 1


async def test_request_that_was_lost_with_the_bot_is_sent_again_after_a_long_downtime(world, ann):
    await learn_that_posts_are_answered_at_once(world, ann)
    world.emulator.inject(Fault(route="submit", kind="drop"))
    await ann.says("/imagine a fox")
    await world.step()
    await world.stop()
    world.advance(7200)
    await world.start()
    assert (await ann.sees(images=1)).images == world.painted("a fox")


async def test_two_identical_posts_that_were_open_when_the_bot_died_find_one_record_each(world, ann, bob):
    await ann.says("/imagine a fox")
    await bob.says("/imagine a fox")
    world.advance(1)  # both are due, whatever their clock does within milliseconds
    with world.emulator.hold("submit") as hold:
        async with world.interrupted():
            await hold.reached(2)
            await world.crash()
    await ann.sees(images=1)
    await bob.sees(images=1)
    assert world.emulator.ledger.count("submit") == 2
    assert all(job.finished_at - job.accepted_at < 10 for job in await world.jobs()), "each waited for the other"


async def test_answer_that_comes_to_a_step_without_its_lease_is_not_lost(world, ann):
    """The machine slept, the lease ran out, another claim has the job; then the POST is answered."""
    await learn_that_posts_are_answered_at_once(world, ann)
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.stepping():
            await hold.reached()
            world.advance(20)
            (claimed,) = await world.app.store.claim(world.now, until=world.now + 15, limit=10, in_flight=4)
            hold.release()
    job = await world.job(said)
    assert job.version > claimed.version
    assert job.request_id == world.sent("a fox").request_id
    assert (await ann.sees(images=1)).images == world.painted("a fox")
