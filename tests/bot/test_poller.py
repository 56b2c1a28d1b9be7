"""How does the loop behave: leases, places at the vendor, fairness, stopping, idling, faults of others and of ours?"""

import asyncio
import sqlite3
from collections import Counter

import pytest

from bot import messages, poller, running, stepping
from bot.emulator import EmulatorOptions, Fault
from bot.errors import FailureKind, GiveUp
from bot.model import JobState, Waiting
from bot.ports import StoreBusy
from storage import sqlite
from tests.world import photos
from tests.world.boundary import Boundary, Gate
from tests.world.plain import later
from tests.world.world import KEY


@pytest.fixture
async def world(make_world):
    """On the plain square, where everything that the poller does can be seen."""
    return await make_world("plain")


@pytest.fixture
def ann(world):
    return world.user("ann")


@pytest.fixture
def square(world):
    return world.place.driver.square


def events(log, name):
    return [entry for entry in log if entry["event"] == name]


def most_at_once(world):
    """How many requests were at the vendor at the same time, at most."""
    began = [(record.created.monotonic, 1) for record in world.emulator.records]
    ended = [(record.ready_at.monotonic, -1) for record in world.emulator.records]
    running = most = 0
    for _, change in sorted(began + ended):
        running += change
        most = max(most, running)
    return most


async def until_succeeded(world, said):
    """Returns when what came of it has succeeded, which must not need time to pass."""
    with world.app.views.listen() as listener:
        while (await world.job(said)).state is not JobState.SUCCEEDED:
            await listener.changed()


# -- leases ----------------------------------------------------------------------------------------------------------


async def test_lease_is_renewed_as_long_as_a_post_is_open(make_world, monkeypatch):
    monkeypatch.setattr(poller, "LEASE_SECONDS", 0.9)
    monkeypatch.setattr(stepping, "LEASE_SECONDS", 0.9)
    boundary = Boundary()
    world = await make_world(wrap=boundary)
    ann = world.user("ann")
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.stepping():
            await hold.reached()
            await boundary.saw("store.renew", True)
            before = (await world.job(said)).due_at
            await boundary.saw("store.renew", True, times=4)
            renewed = (await world.job(said)).due_at
            assert renewed > before
            just_before = renewed - 0.01  # nothing is asked of this machine's pace
            assert await world.app.store.claim(just_before, until=renewed, limit=10, in_flight=4) == []
            hold.release()
    await ann.sees(images=1)


async def test_job_whose_lease_was_lost_is_not_stepped_twice_at_once(world, ann, square, log):
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.stepping():
            await hold.reached()
            world.advance(60)  # as after a night with the lid closed
            await world.claim_and_step()
            assert len(events(log, "lease_lost")) == 1
            assert world.emulator.ledger.count("list") == 0, "a second step of the same job ran"
            hold.release()
    await ann.sees(images=1)
    assert world.emulator.ledger.count("submit") == 1
    assert (await world.job(said)).state is JobState.SUCCEEDED


async def test_job_claimed_while_its_step_is_just_ending_goes_on_at_once(make_world, log):
    """A step saves its job as waiting for a free place, and the claim that gives it one comes before the step has ended."""
    world = await make_world()
    ann = world.user("ann")
    said = await ann.says("/imagine a fox")
    saving = Gate([world.app.store], "save")
    async with world.stepping():
        await saving.reached.wait()
        assert (await world.job(said)).waiting is Waiting.SLOT
        await world.app.poller._begin_due(world.now)
        assert (await world.job(said)).holds_slot
        saving.open.set()
    assert events(log, "lease_lost") == []
    assert world.emulator.ledger.count("submit") == 1, "it did not wait until a lease ran out that nobody used"
    await ann.sees(images=1)


# -- places at the vendor --------------------------------------------------------------------------------------------


async def test_no_more_requests_are_at_the_vendor_than_allowed(make_world):
    world = await make_world(gmi_in_flight=3, max_open_jobs_per_user=20)
    ann = world.user("ann")
    world.emulator.behave(times=None, latency=3)
    for number in range(7):
        await ann.says(f"/imagine fox {number}")
    await world.settle()
    assert len(world.emulator.records) == 7
    assert most_at_once(world) == 3
    for thread in await world.place.driver.threads():
        ann.thread = thread
        await ann.sees(images=1)


async def test_places_count_while_posts_are_open_too(make_world):
    world = await make_world(gmi_in_flight=2, max_open_jobs_per_user=20)
    ann = world.user("ann")
    said = [await ann.says(f"/imagine fox {number}") for number in range(5)]
    with world.emulator.hold("submit", at="arrival") as hold:
        async with world.stepping():
            await hold.reached(2)
            await world.claim_and_step()
            assert hold.held == 2
            waiting = [(await world.job(one)).waiting for one in said]
            assert waiting.count(Waiting.SLOT) == 3
            hold.release()
    for one in said:
        await ann.sees(images=1, thread=one)


async def test_requests_whose_posts_answer_with_the_picture_run_side_by_side(make_world):
    """Each is delivered when its own POST answers, and its place goes on; nobody waits for another, and nothing is looked at."""
    world = await make_world("plain", gmi_in_flight=3, max_open_jobs_per_user=20)
    ann = world.user("ann")
    world.emulator.behave(times=None, delivery="sync")
    said = [await ann.says(f"/imagine fox {number}") for number in range(5)]
    posts = [world.emulator.hold("submit", prompt=f"fox {number}") for number in range(5)]
    await world.claim_and_step()
    assert [(await world.job(one)).waiting for one in said] == [Waiting.SLOT] * 5

    async def states():
        return [(await world.job(one)).state.value for one in said]

    async with world.running():
        for post in posts[:3]:
            await post.reached()
        assert [(await world.job(one)).waiting for one in said] == [None, None, None, Waiting.SLOT, Waiting.SLOT]
        for ends, follows in ((2, 3), (0, 4)):  # in another order than they were asked
            posts[ends].release()
            await until_succeeded(world, said[ends])
            await posts[follows].reached()
        assert await states() == ["succeeded", "submitting", "succeeded", "submitting", "submitting"]
        for number in (4, 3, 1):
            posts[number].release()
            await until_succeeded(world, said[number])
    asked = Counter(exchange.route for exchange in world.emulator.ledger)
    assert asked == {"submit": 5, "media": 5}, "the answers said all"
    for one in said:
        assert (await ann.sees(images=1, thread=one)).images == world.painted(one.words)


async def test_open_post_delays_nobody_elses_looks(make_world):
    world = await make_world("plain", gmi_in_flight=2)
    ann, bob = world.user("ann"), world.user("bob")
    world.emulator.behave(prompt="a fox", delivery="sync")
    world.emulator.behave(prompt="a hen", latency=5)
    hers = await ann.says("/imagine a fox")
    with world.emulator.hold("submit", prompt="a fox") as hold:
        async with world.stepping():
            await hold.reached()
            his = await bob.says("/imagine a hen")
            while (due := await world.app.store.next_due(2)) < (await world.job(hers)).due_at:
                world.advance(max(0.0, due - world.now) + 1e-3)
                await world.claim_and_step()
            job = await world.job(his)
            assert job.state is JobState.SUCCEEDED
            assert job.looks > 1
            assert (await world.job(hers)).state is JobState.SUBMITTING
            hold.release()
    for member, thread in ((ann, hers), (bob, his)):
        await member.sees(images=1, thread=thread)


async def test_one_members_many_requests_do_not_stand_before_anothers_first(make_world):
    world = await make_world(gmi_in_flight=1, max_open_jobs_per_user=20)
    ann, bob = world.user("ann"), world.user("bob")
    world.emulator.behave(times=None, latency=2)
    hers = [await ann.says(f"/imagine fox {number}") for number in range(6)]
    await world.step()
    his = await bob.says("/imagine a hen")
    await world.settle()
    order = [record.words for record in world.emulator.records]
    assert order == ["fox 0", "fox 1", "a hen", "fox 2", "fox 3", "fox 4", "fox 5"], (
        "his turn came after the one before"
    )
    await bob.sees(images=1, thread=his)
    for one in hers:
        await ann.sees(images=1, thread=one)


# -- stopping --------------------------------------------------------------------------------------------------------


async def test_stop_lets_running_steps_finish(make_world):
    boundary = Boundary()
    world = await make_world(wrap=boundary)
    ann = world.user("ann")
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.running() as ended:
            await hold.reached()
            world.app.poller.stop()
            hold.release()
            await ended
    assert (await world.job(said)).state is JobState.RUNNING, "the answer to the POST was still taken"
    await world.restart()
    await ann.sees(images=1)
    assert world.emulator.ledger.count("submit") == 1


async def test_stop_hands_back_what_does_not_finish_in_time(make_world, monkeypatch):
    monkeypatch.setattr(poller, "DRAIN_SECONDS", 0.05)
    world = await make_world()
    ann = world.user("ann")
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit") as hold:
        async with world.running() as ended:
            await hold.reached()
            world.app.poller.stop()
            await ended
            job = await world.job(said)
            assert job.state is JobState.SUBMITTING
            assert job.due_at <= world.now, "whoever starts next need not wait for a lease"
    await world.restart()
    assert (await ann.sees(images=1)).images == world.painted("a fox")
    assert world.emulator.ledger.count("submit") == 1


async def test_stopped_loop_begins_nothing_new(make_world):
    world = await make_world()
    ann = world.user("ann")
    async with world.running() as ended:
        world.app.poller.stop()
        await ended
        await ann.says("/imagine a fox")
    assert world.emulator.paid == 0
    await ann.sees(images=1)


# -- idling ----------------------------------------------------------------------------------------------------------


async def test_loop_wakes_by_itself_for_new_work_and_for_what_is_due(make_world):
    boundary = Boundary()
    world = await make_world(wrap=boundary)
    ann = world.user("ann")
    async with world.running():
        await boundary.saw("store.next_due", None)
        said = await ann.says("/imagine a fox")
        await until_succeeded(world, said)
    await ann.sees(images=1)


async def test_idle_bot_asks_nobody_anything_and_has_no_timer_set(make_world):
    boundary = Boundary()
    world = await make_world(wrap=boundary)
    ann = world.user("ann")
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    asked = boundary.ended("store.next_due", None)
    async with world.running():
        await boundary.saw("store.next_due", None, times=asked + 1)
        await world.let_everybody_run()
        calls, requests = len(boundary.calls), len(world.emulator.ledger)
        world.advance(3600)
        await world.let_everybody_run()
        assert boundary.calls[calls:] == []
        assert len(world.emulator.ledger) == requests
        assert world.timers_of_the_bot() == [], "something would wake it"


# -- faults of others ------------------------------------------------------------------------------------------------


async def test_broken_queue_is_logged_once_and_its_recovery_once(world, ann, log):
    await world.queue_goes_away()
    for words in ("fox", "hen", "cow"):
        await ann.says(f"/imagine a {words}")
    for _ in range(10):
        await world.step()
        world.advance(30)
    await world.queue_comes_back()
    for _ in range(3):
        await world.settle()
    await see_all(world, ann, 3)
    assert [entry["dependency"] for entry in events(log, "dependency_failed")] == ["queue"]
    assert [entry["dependency"] for entry in events(log, "dependency_recovered")] == ["queue"]


async def test_owners_fault_is_an_error_in_the_log_once(world, ann, log):
    world.emulator.account.credit = 0
    for words in ("fox", "hen"):
        await ann.says(f"/imagine a {words}")
        await ann.sees(images=0)
    (entry,) = events(log, "dependency_failed")
    assert entry["log_level"] == "error"
    assert entry["owner_must_act"]
    assert "credit" in entry["reason"]


async def test_key_never_stands_in_the_log(world, ann, log):
    world.emulator.account.keys = ("another-key",)
    await ann.says("/imagine a fox", attach=[photos.jpeg()])
    await ann.sees(images=0)
    world.emulator.account.keys = (KEY,)
    world.emulator.inject(Fault(route="submit", kind="error", text=f"no such key: {KEY}"))
    await ann.says("/imagine a fox")
    await ann.sees()
    assert log
    assert KEY not in str(log)
    assert KEY not in await world.story()


async def test_database_that_is_locked_for_a_while_costs_time_and_no_picture(make_world, monkeypatch, log):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.02)
    monkeypatch.setattr(poller, "STORE_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(running, "STORE_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(running, "STORE_QUIET_SECONDS", 0.02)
    boundary = Boundary()
    world = await make_world(wrap=boundary)
    ann = world.user("ann")
    await ann.says("/imagine a fox")
    other = sqlite3.connect(world.folder / "data" / "darkroom.db", isolation_level=None)
    try:
        async with world.running():
            other.execute("BEGIN EXCLUSIVE")
            await boundary.saw("store.claim", StoreBusy, times=2)
            problems = (await world.app.views.readiness()).problems
            assert "locked by another program" in problems["database"]
            other.execute("ROLLBACK")
            await boundary.saw("store.claim", list)
            while not events(log, "dependency_recovered"):
                await world.let_everybody_run()
    finally:
        other.close()
    await ann.sees(images=1)
    assert world.sent("a fox")
    assert [entry["dependency"] for entry in events(log, "dependency_failed")] == ["database"]
    assert [entry["dependency"] for entry in events(log, "dependency_recovered")] == ["database"]


# -- deliveries that fail --------------------------------------------------------------------------------------------


async def test_delivery_is_tried_until_the_platform_takes_it(world, ann, square):
    square.fail("deliver", *[later() for _ in range(6)])
    said = await ann.says("/imagine a fox")
    await world.step()
    world.advance(1)
    await world.step()
    assert await ann.cancels(said) == messages.too_late_to_cancel(), "the picture is there, only not posted"
    await ann.sees(images=1)


async def test_platform_that_says_how_long_to_wait_is_believed(world, ann, square):
    square.fail("deliver", later(after=500))
    said = await ann.says("/imagine a fox")
    await ann.sees(images=1)
    job = await world.job(said)
    assert job.finished_at - job.known_at >= 500


async def test_delivery_that_never_works_ends_after_a_day(world, ann, square):
    square.fail("deliver", *[later(after=3600) for _ in range(30)])
    said = await ann.says("/imagine a fox")
    await world.settle()
    job = await world.job(said)
    assert (job.state, job.failure.kind) == (JobState.FAILED, FailureKind.PLACE)
    assert 86_400 <= job.finished_at - job.known_at < 86_400 + 3_700


async def test_edit_that_is_ready_waits_until_the_picture_before_it_is_posted(world, ann, square):
    world.emulator.behave(latency=3)
    fox = await ann.says("/imagine a fox")
    await world.step()
    blue = await ann.says("make it blue")
    square.fail("deliver", later(after=900))
    world.advance(4)
    await world.step()
    world.advance(4)
    await world.step()
    waiting = await world.job(blue)
    assert (waiting.state, waiting.waiting) == (JobState.DELIVERING, Waiting.PARENT)
    assert world.painted("make it blue"), "it was made meanwhile"
    await ann.sees(images=1)
    await ann.sees(images=1, answering=blue)
    assert (await world.job(fox)).finished_at <= (await world.job(blue)).finished_at


async def test_reply_that_was_moved_past_a_failure_waits_until_that_is_told(world, ann, square):
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    world.emulator.behave(ending="failed", error="safety", times=1)
    blue = await ann.says("make it blue")
    snow = await ann.says("add snow")
    square.fail("deliver", *[later(after=50)] * 20)
    for _ in range(30):
        await world.step()
        world.advance(10)
    waiting = await world.job(snow)
    assert (waiting.state, waiting.passed_over) == (JobState.DELIVERING, (await world.job(blue)).id)
    assert world.painted("add snow"), "it was made meanwhile"
    assert waiting.looks < 10
    await ann.sees(images=0, answering=blue)
    await ann.sees(images=1, answering=snow, text=messages.moved_to_earlier(deleted=False))
    assert (await world.job(blue)).finished_at <= (await world.job(snow)).finished_at


async def test_place_that_is_gone_is_recorded_for_the_operator(world, ann, square, log):
    square.fail("deliver", GiveUp("the channel was deleted", kind=FailureKind.PLACE))
    said = await ann.says("/imagine a fox")
    await world.settle()
    job = await world.job(said)
    assert (job.state, job.failure.kind, job.failure.reason) == (
        JobState.FAILED,
        FailureKind.PLACE,
        "the channel was deleted",
    )
    assert len(events(log, "undeliverable")) == 1


async def test_picture_that_its_place_does_not_take_is_told_there_in_words(world, ann, square):
    square.fail("deliver", GiveUp("blocked by a filter", kind=FailureKind.CONTENT))
    said = await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.CONTENT, job_id=""))
    job = await world.job(said)
    assert (job.state, job.failure.kind, job.failure.reason) == (
        JobState.FAILED,
        FailureKind.CONTENT,
        "blocked by a filter",
    )
    assert len(job.posts) == 1


async def test_thread_that_cannot_be_opened_for_an_hour_is_told(world, ann, square):
    square.fail("open", *[later(after=300) for _ in range(100)])
    said = await ann.says("/imagine a fox")
    await world.settle()
    job = await world.job(said)
    assert job.failure.kind is FailureKind.TIMEOUT
    assert 3_600 <= job.finished_at - job.accepted_at < 4_000
    (post,) = [message for message in square.messages.values() if message.mark == f"{job.id}:0"]
    assert post.text == messages.failure(FailureKind.TIMEOUT, job_id=job.id)


async def test_reference_that_cannot_be_fetched_for_an_hour_is_told(world, ann, square):
    square.fail("fetch", *[later(after=300) for _ in range(100)])
    said = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    await ann.sees(images=0, text=messages.failure(FailureKind.TIMEOUT, job_id=""))
    job = await world.job(said)
    assert 3_600 <= job.finished_at - job.accepted_at < 4_000
    assert world.emulator.paid == 0


async def test_reference_that_is_gone_is_told(world, ann, square):
    square.fail("fetch", GiveUp("404", kind=FailureKind.REFERENCE))
    await ann.says("/imagine a fox", attach=[photos.jpeg()])
    await ann.sees(images=0, text=messages.failure(FailureKind.REFERENCE, job_id=""))
    assert world.emulator.paid == 0


async def test_unusable_reference_is_told_though_another_cannot_be_fetched_just_now(world, ann, square):
    square.fail("fetch", *[later(after=300)])
    await ann.says("/imagine a fox", attach=[photos.jpeg(), photos.notes()])
    await ann.sees(images=0, text=messages.picture_of_other_kind("“notes.jpg”", media_type=None))


async def test_cards_and_reactions_that_fail_cost_nobody_a_picture(world, ann, square):
    square.fail("show", *[later() for _ in range(10)])
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    for error in (GiveUp("no such emoji"), later(), ValueError("a bug")):
        await ann.says("make it blue")
        square.fail("react", error)
        await ann.sees(images=1)
    assert square.wrong["react"] == []


async def test_card_tells_every_state_and_never_before_the_answer(world, ann, square):
    world.emulator.behave(latency=5)
    said = await ann.says("/imagine a fox")
    await world.step()
    assert await ann.card_of(said) == "Painting"
    await ann.sees(images=1)
    assert await ann.card_of(said) == "Done"
    assert square.calls.index("deliver") < len(square.calls) - 1 - square.calls[::-1].index("show")


async def test_card_of_a_cancelled_request_says_so(world, ann):
    world.emulator.behave(latency=5)
    said = await ann.says("/imagine a fox")
    await world.step()
    await ann.cancels(said)
    await world.settle()
    assert await ann.card_of(said) == "Cancelled"


async def test_deleted_answer_leaves_the_platform(world, ann, square):
    world.emulator.behave(images=2)
    await ann.says("/imagine a fox")
    post = await ann.sees(images=2)
    await ann.deletes(post)
    await world.settle()
    assert square.calls.count("delete") == 2
    assert not [message for message in square.messages.values() if message.images]


async def test_answer_that_its_platform_could_not_delete_is_deleted_by_the_next_process(world, ann, square):
    await ann.says("/imagine a fox")
    post = await ann.sees(images=1)
    square.fail("delete", later())
    assert await ann.deletes(post) == messages.deleted()
    await world.settle()
    assert square.messages[post.id].images
    for _ in range(2):
        await world.crash()
        await world.settle()
    assert post.id not in square.messages
    assert square.calls.count("delete") == 2, "what is gone is left alone"


async def test_answer_that_its_platform_could_not_delete_is_deleted_by_the_same_process_later(world, ann, square):
    await ann.says("/imagine a fox")
    post = await ann.sees(images=1)
    square.fail("delete", later())
    await ann.deletes(post)
    await world.settle()
    world.app.poller.showing.remove_what_is_left()
    await world.settle()
    assert post.id not in square.messages


async def test_deletion_that_the_store_failed_in_is_done_when_it_is_asked_for_again(world, ann, square, monkeypatch):
    said = await ann.says("/imagine a fox")
    post = await ann.sees(images=1)

    async def full(*_args):
        raise StoreBusy("The disk is full.")

    with monkeypatch.context() as patched:
        patched.setattr(world.app.service._store, "drop_pictures", full)
        with pytest.raises(StoreBusy):
            await ann.deletes(post)
    assert post.id in square.messages
    assert await ann.deletes(post) == messages.deleted()
    await world.settle()
    assert post.id not in square.messages
    assert (await world.job(said)).images == ()


async def test_request_that_its_adapter_never_placed_gets_its_card_and_answer_all_the_same(world, ann, square):
    """The bot stored the request and died before it could tell the platform so; the platform does not ask again."""
    from bot.model import ConversationRef, ImageRequest  # noqa: PLC0415

    place = ConversationRef(platform="plain", workspace="village", channel="square")
    request = ImageRequest(source_id="plain:command:x", requester=ann.person, place=place, text="a fox", placed=False)
    job = await world.app.service.imagine(request)
    await world.step()
    assert square.calls == [], "the adapter has five seconds to show the card itself"
    await world.crash()
    await world.settle()
    assert [message.text for message in square.messages.values() if message.mark == f"card:{job.id}"] == ["Done"]
    (thread,) = await world.place.driver.threads()
    ann.thread = thread
    await ann.sees(images=1)


async def test_platform_that_is_switched_off_keeps_its_jobs_until_it_is_back(world, ann, log):
    said = await ann.says("/imagine a fox")
    platforms = world.app.poller._world.platforms
    platform = platforms.pop("plain")
    await world.step()
    world.advance(301)
    await world.step()
    assert (await world.job(said)).state is JobState.QUEUED
    platforms["plain"] = platform
    world.advance(301)
    await ann.sees(images=1)


# -- faults of ours --------------------------------------------------------------------------------------------------


async def test_bug_that_stays_is_answered_with_the_jobs_id_and_logged_once(world, ann, square, log):
    square.fail("fetch", *[ZeroDivisionError() for _ in range(50)])
    said = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    job = await world.job(said)
    await ann.sees(images=0, text=messages.failure(FailureKind.BUG, job_id=job.id))
    assert square.calls.count("fetch") == stepping.BUGS_BEFORE_FAILURE
    (entry,) = events(log, "bug")
    assert entry["job"] == job.id
    assert isinstance(entry["exc_info"], ZeroDivisionError)


async def test_bug_that_passes_costs_only_time(world, ann, square):
    square.fail("open", *[ZeroDivisionError() for _ in range(stepping.BUGS_BEFORE_FAILURE - 1)])
    await ann.says("/imagine a fox")
    await ann.sees(images=1)


async def test_picture_whose_delivery_is_broken_is_answered_with_the_jobs_id(world, ann, square):
    square.fail("deliver", *[ZeroDivisionError() for _ in range(stepping.BUGS_BEFORE_FAILURE)])
    said = await ann.says("/imagine a fox")
    job = await world.job(said)
    await ann.sees(images=0, text=messages.failure(FailureKind.BUG, job_id=job.id))
    assert square.calls.count("deliver") == stepping.BUGS_BEFORE_FAILURE + 1
    assert (await world.job(said)).failure.kind is FailureKind.BUG


async def test_failure_that_cannot_be_told_either_is_recorded_and_ends(world, ann, square, log):
    square.fail("deliver", *[ZeroDivisionError() for _ in range(50)])
    world.emulator.behave(ending="failed", error="safety")
    hers = await ann.says("/imagine a fox")
    his = await world.user("bob").says("/imagine a hen")
    await world.settle()
    for said, told in ((hers, "safety"), (his, "bug")):
        job = await world.job(said)
        assert (job.state, job.failure.kind) == (JobState.FAILED, FailureKind.BUG)
        assert f"while this was told: {told}" in job.failure.reason
    assert square.calls.count("deliver") == 3 * stepping.BUGS_BEFORE_FAILURE
    assert {entry["job"] for entry in events(log, "poisoned")} == {job.id for job in await world.jobs()}


async def test_bugs_are_counted_across_restarts_and_other_faults_do_not_count(make_world, log):
    world = await make_world("plain")
    ann, square = world.user("ann"), world.place.driver.square
    square.fail("fetch", *[fault for _ in range(50) for fault in (later(), ZeroDivisionError())])
    said = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    for _ in range(4):
        for _ in range(2):
            await world.step()
            world.advance(61)
        await world.crash()
    assert (await world.job(said)).state is JobState.QUEUED
    job = await world.job(said)
    await ann.sees(images=0, text=messages.failure(FailureKind.BUG, job_id=job.id))
    assert square.calls.count("fetch") == 2 * stepping.BUGS_BEFORE_FAILURE
    (entry,) = events(log, "bug")
    assert entry["exc_info"], "the traceback is there, though a passing fault came first"


async def test_bug_of_telling_does_not_hide_that_the_platform_is_only_away(world, ann, square, log):
    square.fail("fetch", *[ZeroDivisionError() for _ in range(stepping.BUGS_BEFORE_FAILURE)])
    square.fail("deliver", later(), later())
    said = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    await ann.sees(images=0, text=messages.failure(FailureKind.BUG, job_id=(await world.job(said)).id))
    assert len(events(log, "bug")) == 1


async def test_bug_that_cannot_even_be_saved_ends_neither_the_loop_nor_other_jobs(world, ann, log, monkeypatch):
    bob = world.user("bob")
    hers = await ann.says("/imagine a fox")
    his = await bob.says("/imagine a hen")
    save = world.app.store.save

    async def broken(job, **kwargs):
        if job.prompt == "a fox":
            raise ZeroDivisionError
        return await save(job, **kwargs)

    monkeypatch.setattr(world.app.store, "save", broken)
    await world.step()
    assert {entry["job"] for entry in events(log, "bug_in_saving")} == {(await world.job(hers)).id}
    assert (await world.job(his)).state is JobState.RUNNING
    monkeypatch.undo()
    await bob.sees(images=1, thread=his)
    await ann.sees(images=1, thread=hers)


async def test_one_jobs_bug_keeps_no_other_waiting(world, ann, square):
    bob = world.user("bob")
    square.fail("fetch", *[ZeroDivisionError() for _ in range(50)])
    hers = await ann.says("/imagine a fox", attach=[photos.jpeg()])
    his = await bob.says("/imagine a hen")
    await bob.sees(images=1, thread=his)
    await ann.sees(images=0, thread=hers)


# -- deadlines -------------------------------------------------------------------------------------------------------


async def test_time_in_which_nobody_worked_counts_towards_no_deadline(world, ann):
    world.emulator.behave(latency=5)
    await ann.says("/imagine a fox")
    await world.step()
    world.emulator.behave(ending="stuck")
    stuck = await ann.says("/imagine a hen")
    await world.step()
    deadline = (await world.job(stuck)).deadline_at
    await world.stop()
    world.advance(7200)
    await world.start()
    assert (await world.job(stuck)).deadline_at == pytest.approx(deadline + 7200, abs=5)
    world.emulator.finish()
    await world.settle()
    await see_all(world, ann, 2)


async def test_downtime_before_the_queue_took_it_counts_towards_no_deadline(world, ann):
    await world.queue_goes_away()
    said = await ann.says("/imagine a fox")
    await world.step()
    world.advance(3500)
    await world.step()
    await world.stop()
    world.advance(7200)
    await world.start()
    await world.step()
    assert (await world.job(said)).state is JobState.QUEUED
    await world.queue_comes_back()
    await ann.sees(images=1)


async def test_downtime_before_it_was_posted_counts_towards_no_deadline(world, ann, square):
    square.fail("deliver", *[later(after=3600) for _ in range(26)])
    said = await ann.says("/imagine a fox")
    await world.step()
    for _ in range(23):
        world.advance(3601)
        await world.step()
    await world.stop()
    world.advance(7200)
    await world.start()
    await world.step()
    assert (await world.job(said)).state is JobState.DELIVERING
    square.wrong["deliver"].clear()
    await ann.sees(images=1)


async def test_waiting_for_a_parents_delivery_counts_towards_no_deadline(world, ann, square, monkeypatch):
    world.emulator.behave(latency=3)
    await ann.says("/imagine a fox")
    await world.step()
    await ann.says("make it blue")
    deliveries = 0

    def called(call):
        nonlocal deliveries
        deliveries += call == "deliver"
        if call == "deliver" and deliveries not in (23, 27):  # 22 hours for the fox, and then 3 more for the edit of it
            raise later(after=3600)

    monkeypatch.setattr(square, "called", called)
    await ann.sees(images=1)
    await ann.sees(images=1)
    assert deliveries == 27


async def test_deadline_is_judged_only_after_a_last_look(world, ann):
    world.emulator.behave(ending="stuck")
    said = await ann.says("/imagine a fox")
    await world.step()
    deadline = (await world.job(said)).deadline_at
    world.emulator.inject(Fault(route="get", kind="unavailable", times=None))
    await ann.sees(images=0, text=messages.failure(FailureKind.TIMEOUT, job_id=""))
    assert world.emulator.ledger.find("get")[-1].arrived.wall >= deadline


async def test_waiting_for_a_parent_counts_towards_no_deadline(make_world):
    world = await make_world(
        "web", options=EmulatorOptions(keys=(KEY,), paint=False, latency="manual"), max_open_jobs_per_user=20
    )
    ann = world.user("ann")
    await ann.says("/imagine turn 0")
    for number in range(1, 9):
        await ann.says(f"turn {number}")
    for number in range(9):
        await world.step()
        world.advance(580)
        world.emulator.finish(world.sent(f"turn {number}").request_id)
        await world.step()
    assert world.now - (await world.jobs())[0].accepted_at > 3600
    for _ in range(9):
        await ann.sees(images=1)


async def test_place_that_frees_only_after_an_hour_is_too_late(make_world):
    """Waiting for a place is waiting for the queue, and counts."""
    world = await make_world(
        "web", options=EmulatorOptions(keys=(KEY,), paint=False), gmi_in_flight=1, max_open_jobs_per_user=20
    )
    ann = world.user("ann")
    world.emulator.behave(times=None, ending="stuck")
    for number in range(8):
        await ann.says(f"/imagine fox {number}")
    for _ in range(8):
        await world.step()
        world.advance(601)  # to the last look at the one that has the place
    await world.settle()
    kinds = Counter(job.failure.kind for job in await world.jobs())
    assert kinds == {FailureKind.MODEL: 6, FailureKind.TIMEOUT: 2}, "six times ten minutes are an hour"
    assert world.emulator.paid == 6
    for thread in await world.place.driver.threads():
        ann.thread = thread
        await ann.sees(images=0)


# -- readiness -------------------------------------------------------------------------------------------------------


async def test_bot_is_ready_when_nothing_is_wrong(world):
    assert (await world.app.views.readiness()).ready
    assert world.emulator.ledger.count("models") == 1, "an idle bot looks whether the queue is there"
    assert (await world.app.views.readiness()).ready
    assert world.emulator.ledger.count("models") == 1, "but not at every question"
    world.advance(61)
    assert (await world.app.views.readiness()).ready
    assert world.emulator.ledger.count("models") == 2


async def test_readiness_names_what_is_wrong(make_world):
    world = await make_world(gmi_model="gemini-17-image")
    assert "gemini-17-image is not among the models" in (await world.app.views.readiness()).problems["queue"]
    await world.restart(gmi_model="gemini-2.5-flash-image")
    assert (await world.app.views.readiness()).ready
    world.emulator.account.keys = ("another-key",)
    world.advance(61)
    assert (await world.app.views.readiness()).problems["queue"].startswith("key")
    world.emulator.account.keys = (KEY,)
    await world.queue_goes_away()
    await world.restart()
    assert "cannot be reached" in (await world.app.views.readiness()).problems["queue"]
    await world.queue_comes_back()
    world.advance(61)
    assert (await world.app.views.readiness()).ready


async def test_missing_credit_is_believed_for_a_quarter_of_an_hour_and_then_unknown_again(world, ann, log):
    """Nothing but a request can tell, and nobody asks a bot that says it cannot: a monitor must not see that for ever."""
    world.emulator.account.credit = 0
    for _ in range(2):
        await ann.says("/imagine a fox")
        await ann.sees(images=0, text=messages.failure(FailureKind.CREDIT, job_id=""))
        world.advance(800)
        assert (await world.app.views.readiness()).problems["queue"].startswith("credit")
    world.advance(101)
    assert (await world.app.views.readiness()).ready
    await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.CREDIT, job_id=""))
    assert (await world.app.views.readiness()).problems["queue"].startswith("credit"), "it was only unknown"


async def see_all(world, ann, number):
    """Looks at the one picture in each of her threads."""
    threads = [thread for thread in await world.place.driver.threads() if await world.place.unseen(thread)]
    assert len(threads) == number
    for thread in threads:
        ann.thread = thread
        await ann.sees(images=1)


async def test_nothing_is_lost_when_many_ask_at_once(make_world):
    world = await make_world(max_open_jobs_per_user=50)
    members = [world.user(f"member {number}") for number in range(6)]
    said = await asyncio.gather(
        *(member.says(f"/imagine {member.person.name} {n}") for n in range(3) for member in members)
    )
    await world.settle()
    assert len(world.emulator.records) == 18
    for one in said:
        world.user(one.who.name).thread = one.thread
        assert (await world.user(one.who.name).sees(images=1)).images == world.painted(one.words)
