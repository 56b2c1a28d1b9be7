"""Requests that run at the same time share pages of the queue's list; whatever a page cannot tell for sure is asked singly."""

import random
from dataclasses import replace

import pytest

from bot import rounds
from bot.emulator import Fault
from bot.errors import FailureKind
from bot.experience import Learned
from bot.model import JobState
from bot.schedule import Expectation
from tests.storage.making import a_job

MODEL = "gemini-2.5-flash-image"


@pytest.fixture
async def world(make_world):
    return await make_world("plain", gmi_in_flight=100, max_open_jobs_per_user=100)


@pytest.fixture
def ann(world):
    return world.user("ann")


async def several(world, ann, number=20, *, least=6.0, most=14.0, **behaviour):
    """So many pictures are asked for at once; each has become what it should, and has its history. How often the queue was asked."""
    chance, ledger = random.Random(number), world.emulator.ledger
    asked_before = {route: ledger.count(route) for route in ("list", "get")}
    said = []
    for each in range(number):
        words = f"fox {each} of {world.now:.3f}"
        world.emulator.behave(prompt=words, latency=chance.uniform(least, most), **behaviour)
        said.append(await ann.says(f"/imagine {words}"))
    await world.settle()
    for one in said:
        job = await world.job(one)
        assert job.state is JobState.SUCCEEDED, await world.story(job.id)
        assert (await world.app.store.turn(job.id)).next_turn_contents, "its history is kept"
    await look_at_everything(world)
    return {route: ledger.count(route) - before for route, before in asked_before.items()}


async def look_at_everything(world):
    for thread in await world.place.driver.threads():
        for post in await world.place.unseen(thread):
            assert len(post.images) == 1
            world.place.seen.add(post.id)


def reasons(log):
    return [entry["reason"] for entry in log if entry["event"] == "list_left_alone"]


async def test_pages_answer_for_all_that_run(world, ann, log):
    asked = await several(world, ann)
    again = await several(world, ann)
    assert again["get"] <= 10
    assert sum(again.values()) <= 2 * 20
    assert sum(asked.values()) <= 3 * 20
    assert reasons(log) == []


async def test_one_request_alone_reads_no_list(world, ann):
    asked = await several(world, ann, 1)
    assert asked["list"] == 0
    assert asked["get"] > 0


@pytest.mark.parametrize(
    ("fault", "reason"),
    [
        ({"kind": "error", "status": 500}, "HTTP 500"),
        ({"kind": "html"}, "HTTP 200, but no answer of the queue"),
        ({"kind": "slow", "delay": 4.0}, "the list is slow"),
        ({"kind": "omit"}, "the list lacks most of what runs"),
        ({"kind": "lag", "seconds": 300.0}, "the list lacks most of what runs"),
        ({"kind": "capped", "size": 1}, "the list lacks most of what runs"),
    ],
    ids=lambda value: value.get("kind") if isinstance(value, dict) else "",
)
async def test_list_that_does_not_help_is_left_alone_for_longer_and_longer(world, ann, log, fault, reason):
    world.emulator.inject(Fault(route="list", times=None, **fault))
    asked = await several(world, ann, 6)
    assert 1 <= asked["list"] <= 3
    assert asked["get"] >= 6
    world.advance(120)
    await several(world, ann, 6)
    assert all(reason in said for said in reasons(log))
    pauses = [entry["seconds"] for entry in log if entry["event"] == "list_left_alone"]
    assert pauses[:2] == [60, 120]
    world.emulator.clear()
    world.advance(2000)
    assert (await several(world, ann, 6))["list"] > 1, "it helps again"


async def test_list_in_any_order_helps_as_long_as_all_is_on_a_page(world, ann, log):
    world.emulator.inject(Fault(route="list", kind="unordered", times=None))
    await several(world, ann, 6)
    assert reasons(log) == []


async def test_long_list_without_order_is_left_alone(world, ann, log):
    """What runs stands anywhere in it."""
    await several(world, ann, 99, least=1, most=2)
    world.emulator.inject(Fault(route="list", kind="unordered", times=None))
    for _ in range(20):
        await several(world, ann, 4)
        if "the list lacks most of what runs" in reasons(log):
            return
    raise AssertionError("it was read twenty times")


async def test_heavy_list_is_left_alone(world, ann, log, monkeypatch):
    """Pictures inside the records: a page carries them all, also those that were fetched long ago."""
    monkeypatch.setattr(rounds, "HEAVY", 10_000)
    await several(world, ann, 8, outcome="candidates")
    assert "bytes" in reasons(log)[0]


async def test_list_that_says_for_ever_that_all_still_runs_is_found_out(world, ann, log):
    world.emulator.inject(Fault(route="list", kind="stale", seconds=1000.0, times=None))
    await several(world, ann, 6)
    assert reasons(log)[:1] == ["it lags: what is finished still runs in it"]
    for job in await world.jobs():
        assert job.finished_at - job.ready_at < 30


async def test_outcomes_that_the_list_leaves_out_are_asked_for_singly(world, ann, log):
    world.emulator.inject(Fault(route="list", kind="bare", times=None))
    asked = await several(world, ann, 6)
    assert asked["get"] >= 6
    assert asked["list"] > 1
    assert reasons(log) == []


async def test_failures_on_a_page_are_asked_for_singly_and_told(world, ann):
    said = []
    for number in range(4):
        world.emulator.behave(prompt=f"fox {number}", latency=8, ending="failed", error="safety")
        said.append(await ann.says(f"/imagine fox {number}"))
    await world.settle()
    jobs = [await world.job(one) for one in said]
    assert {job.failure.kind for job in jobs} == {FailureKind.SAFETY}
    assert world.emulator.ledger.count("get") >= 4
    for thread in await world.place.driver.threads():
        world.place.seen |= {post.id for post in await world.place.unseen(thread)}


async def test_hundreds_that_run_at_once_are_found_on_as_many_pages_as_it_takes(world, ann, log):
    asked = await several(world, ann, 99, least=6, most=8)
    asked = await several(world, ann, 99, least=6, most=8)
    assert sum(asked.values()) < 0.4 * 99
    assert reasons(log) == []


async def test_long_wait_is_told_apart_from_the_work(world, ann):
    """The emulated queue lets a request wait for a fifth of its time."""
    world.emulator.behave(prompt="a fox", latency=100)
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    (took,) = await world.app.store.last_durations(MODEL, 9)
    assert took.whole == pytest.approx(100, abs=2)
    assert 75 < took.work < 90


def test_request_that_waits_is_expected_by_the_work_that_is_still_to_come():
    whole, work = Expectation([100.0] * 48), Expectation([20.0] * 48)
    learned = Learned(whole=whole, work=work)

    def running(**facts):
        return replace(a_job(), running_since=1000.0, vendor_status="queued", **facts)

    assert learned.of(running(), 1005.0) == (whole, 5.0), "it may have waited for no longer than usual"
    assert learned.of(running(), 1060.0) == (work, 0.0)
    assert learned.of(running(working_since=1050.0), 1060.0) == (work, 10.0)
    assert Learned(whole=whole).of(running(), 1060.0) == (whole, 60.0), "nobody has seen yet what the work takes"


async def test_request_that_waits_for_long_is_looked_at_less_and_less_often_however_short_the_work_is(world):
    """All of the work is still to come, so that a look just now would never seem in vain."""
    told, now = Learned(whole=Expectation([0.5] * 48), work=Expectation([0.4] * 48)), 0.0

    class Knows:
        async def of(self, _model):
            return told

    looking = rounds.Rounds(world.app.queue, world.app.store, Knows(), lambda: now)
    looks = 0
    while now < 600.0:
        waits = replace(a_job(), running_since=0.0, vendor_status="queued", looks=looks)
        now += await looking.pause(waits, rng=0.5)
        looks += 1
    assert looks < 250, "four times a second would be 2,400"
