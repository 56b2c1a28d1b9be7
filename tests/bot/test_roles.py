"""One process hears members, others make their pictures: is it still one bot, whoever dies, hangs or changes their mind?"""

import asyncio
import time
from collections import Counter
from contextlib import AsyncExitStack

import pytest
import structlog

from bot import commands, config
from bot.model import JobState

LEASE = 15.0
PATIENCE = 30.0  # real seconds, against hanging only


@pytest.fixture
def database(server):
    return server.address(server.new_database())


@pytest.fixture
async def make_gateway(make_world, database):
    """The first process of a bot on the plain square; it hears members, and steps nothing."""

    async def make(**settings):
        return await make_world("plain", database_url=database, role="gateway", **settings)

    return make


@pytest.fixture
async def world(make_gateway):
    return await make_gateway()


@pytest.fixture
async def worker_of():
    """Starts workers, which end with the test."""
    async with AsyncExitStack() as lives:

        async def start(world, **settings):
            return await lives.enter_async_context(world.another(role="worker", **settings))

        yield start


@pytest.fixture
async def worker(world, worker_of):
    return await worker_of(world)


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
def square(world):
    return world.place.driver.square


async def heard(*apps):
    """Until the news that come next have reached each of these processes."""
    async with asyncio.timeout(PATIENCE):
        await asyncio.gather(*(app.poller._wake.wait() for app in apps))


def deaf_until_now(*apps):
    """What was heard so far doesn't count."""
    for app in apps:
        app.poller._wake.clear()


# -- who does what ---------------------------------------------------------------------------------------------------


async def test_gateway_stores_what_is_asked_and_a_worker_makes_and_posts_it(world, worker, ann):
    said = await ann.says("/imagine a fox")
    await world.app.poller.work_off()
    assert (await world.job(said)).version == 0, "nobody has claimed it"
    assert world.emulator.records == []
    await world.settle()
    fox = await ann.sees(images=1)
    await ann.says("make it blue", to=fox)
    await world.settle()
    await ann.sees(images=1)
    assert fox.images == world.painted("a fox")
    assert [(await world.job(said)).state, await ann.card_of(said)] == [JobState.SUCCEEDED, "Done"]


async def test_pages_of_the_gateway_hear_of_what_a_worker_does(world, worker, ann):
    said = await ann.says("/imagine a fox")
    states = set()
    with world.app.views.listen() as listener:
        working = asyncio.create_task(world.settle())
        async with asyncio.timeout(PATIENCE):
            while JobState.SUCCEEDED not in states:
                states |= {job.state for job in await listener.changed() if job.id == (await world.job(said)).id}
        began = time.monotonic()
        await working
    assert time.monotonic() - began < PATIENCE
    await ann.sees(images=1)


async def test_worker_wakes_when_the_gateway_accepts_something(world, worker, ann):
    deaf_until_now(worker)
    running = asyncio.create_task(worker.poller.run())
    with world.emulator.hold("submit") as hold:
        await ann.says("/imagine a fox")
        async with asyncio.timeout(PATIENCE):
            await hold.reached()
    worker.poller.stop()
    await running
    await world.settle()
    await ann.sees(images=1)


async def test_what_a_member_changes_is_shown_and_removed_once_by_the_process_that_heard_it(
    world, worker, worker_of, ann, square
):
    other = await worker_of(world)
    said = await ann.says("/imagine a fox")
    await world.settle()
    fox = await ann.sees(images=1)
    hen = await ann.says("/imagine a hen")
    deaf_until_now(worker, other)
    square.calls.clear()
    await ann.cancels(hen)
    await heard(worker, other)
    deaf_until_now(worker, other)
    await ann.deletes(fox)
    await heard(worker, other)
    await world.step()  # with all that is done beside the steps
    assert Counter(square.calls) == {"show": 2, "delete": 1}
    assert await ann.card_of(hen) == "Cancelled"
    assert await ann.card_of(said) == "Deleted"
    assert fox.id not in square.messages


async def test_command_of_an_operator_is_done_beside_processes_that_run_elsewhere(
    world, worker, ann, square, database, tmp_path
):
    said = await ann.says("/imagine a fox")
    settings = config.load(database_url=database, data_dir=tmp_path / "of-the-operator")
    deaf_until_now(world.app)
    answer = await commands.give(settings, "forget", {"user": f"plain:{ann.person.id}"})
    assert "Forgotten" in answer
    await heard(world.app)
    await world.let_everybody_run()
    await world.step()
    assert await ann.card_of(said) == "Cancelled"
    assert square.calls.count("show") == 1


# -- limits of all together ------------------------------------------------------------------------------------------


async def test_no_more_requests_are_at_the_vendor_than_allowed_whoever_sends_them(make_gateway, worker_of):
    world = await make_gateway(gmi_in_flight=2, max_open_jobs_per_user=20)
    for _ in range(3):
        await worker_of(world)
    ann = world.user("ann")
    world.emulator.behave(times=None, latency=3)
    for number in range(7):
        await ann.says(f"/imagine fox {number}")
    await world.settle()
    marks = [(record.created.monotonic, 1) for record in world.emulator.records]
    marks += [(record.ready_at.monotonic, -1) for record in world.emulator.records]
    running = most = 0
    for _, change in sorted(marks):
        running += change
        most = max(most, running)
    assert (len(world.emulator.records), most) == (7, 2)
    for thread in await world.place.driver.threads():
        ann.thread = thread
        await ann.sees(images=1)


async def test_pace_of_requests_is_kept_in_the_store_that_is_shared(make_gateway, worker_of):
    world = await make_gateway(gmi_requests_per_second=100)
    one, other = await worker_of(world), await worker_of(world)
    taken = []
    for app in (one, other):
        take = app.store.take
        app.store.take = lambda name, take=take, **how: (
            taken.append((name, how["rate"], how["burst"])) or take(name, **how)
        )
    for _ in range(10):
        await one.queue.models()
    await other.queue.models()
    assert taken == [("queue", 10, 10)] * 2, "a second's hundred requests are ten portions of ten"
    assert await world.app.store.recall("store", "bucket:queue", 0.0) is not None


async def test_bot_alone_keeps_its_pace_without_the_store(make_world):
    world = await make_world()
    await world.app.queue.models()
    assert await world.app.store.recall("store", "bucket:queue", 0.0) is None


# -- who dies, and who hangs -----------------------------------------------------------------------------------------


async def test_jobs_of_a_dead_worker_are_taken_over_when_its_lease_ends(world, worker, worker_of, ann):
    other = await worker_of(world)
    await ann.says("/imagine a fox")
    with world.emulator.hold("submit", at="answer") as hold:
        working = asyncio.create_task(worker.poller.work_off())
        await hold.reached()
        await world.lose(worker)
        working.cancel()
        await asyncio.gather(working, return_exceptions=True)
    died = world.now
    assert await other.store.next_due(4) <= died + LEASE
    await other.poller.work_off()
    assert world.emulator.ledger.count("list") == 0, "its lease holds"
    world.advance(LEASE)
    await other.poller.work_off()
    assert world.emulator.ledger.count("list") > 0, "what became of the request is looked for"
    await world.settle()
    await ann.sees(images=1)
    assert len(world.emulator.records) == 1, "paid once"


async def test_late_write_of_a_worker_that_hung_is_refused(world, worker, worker_of, ann):
    other = await worker_of(world)
    said = await ann.says("/imagine a fox")
    with structlog.testing.capture_logs() as log, world.emulator.hold("submit", at="answer") as hold:
        working = asyncio.create_task(worker.poller.work_off())
        await hold.reached()
        world.advance(LEASE + 1)  # it stood still, and renewed nothing
        await other.poller.work_off()
        adopted = await world.job(said)
        assert adopted.request_id == world.sent("a fox").request_id
        hold.release()
        await working
    assert "moved_by_another" in [entry["event"] for entry in log]
    await world.settle()
    await ann.sees(images=1)
    assert world.emulator.ledger.count("submit") == 1


async def test_request_of_a_worker_that_hung_is_kept_where_the_member_has_cancelled(world, worker, ann):
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit", at="answer") as hold:
        working = asyncio.create_task(worker.poller.work_off())
        await hold.reached()
        world.advance(LEASE + 1)
        assert "may still" in await ann.cancels(said)
        hold.release()
        await working
    job = await world.job(said)
    assert (job.state, job.request_id) == (JobState.CANCELLED, world.sent("a fox").request_id)
    await world.settle()
    assert world.emulator.ledger.count("submit") == 1
    await ann.sees_nothing_new()


async def test_picture_that_a_dead_worker_has_posted_is_not_posted_again(world, worker, worker_of, ann):
    said = await ann.says("/imagine a fox")
    post = worker.platforms["plain"].deliver
    posted = asyncio.Event()

    async def post_and_never_return(*args, **kwargs):
        await post(*args, **kwargs)
        posted.set()
        await asyncio.Event().wait()

    worker.platforms["plain"].deliver = post_and_never_return
    working = asyncio.create_task(world.settle())
    async with asyncio.timeout(PATIENCE):
        await posted.wait()
    await world.lose(worker)
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert (await world.job(said)).state is JobState.DELIVERING
    await worker_of(world)
    world.advance(LEASE)
    await world.settle()
    await ann.sees(images=1)
    assert (await world.job(said)).state is JobState.SUCCEEDED


# -- is each ready for what it is there for? -------------------------------------------------------------------------


async def test_gateway_is_ready_without_the_queue_and_a_worker_is_not(world, worker):
    assert (await world.app.views.readiness()).ready
    assert (await worker.views.readiness()).ready
    world.advance(3_600)
    await world.queue_goes_away()
    assert (await world.app.views.readiness()).ready
    problems = (await worker.views.readiness()).problems
    assert list(problems) == ["queue"]


async def test_gateway_needs_no_key(make_gateway, worker_of):
    world = await make_gateway(gmi_api_key=None)
    assert (await world.app.views.readiness()).ready
    with pytest.raises(config.SettingsError, match="GMI_API_KEY is not set"):
        await worker_of(world)


@pytest.mark.parametrize("role", ["gateway", "worker"])
@pytest.mark.parametrize("url", [None, "sqlite:///darkroom.db"])
def test_role_needs_a_store_that_can_be_shared(role, url):
    with pytest.raises(config.SettingsError, match=f"ROLE: a {role} shares its store.*SQLite cannot.*DATABASE_URL"):
        config.load(role=role, database_url=url)


def test_role_that_nobody_knows_is_named():
    with pytest.raises(config.SettingsError, match="ROLE: choose one of all, gateway, worker"):
        config.load(role="boss")
