"""The process dies between any two things that it does to the world outside. Is every request answered once?

A crossing is a call of the store, the queue or a platform that changes something there; a call that only looks leaves
the world as the crossing before left it, so that dying at it is no case of its own. At the n-th crossing the process
dies, with its effect done and its answer unheard; another one starts on what it left; the platform delivers again
whatever the bot had not yet heard of. n runs until nothing is left to die at.

What holds then is told in `audit`. Where the vendor's API leaves a window that cannot be closed (it has no idempotency
key), the tests at the end say what happens in it.
"""

import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path

import pytest

from bot import messages
from bot.emulator import Fault
from bot.errors import FailureKind
from bot.model import JobState
from tests.world import Said, photos
from tests.world.boundary import Boundary, ProcessDiedError

LOOKS = frozenset(
    {
        "store.next_due", "store.get", "store.find_source", "store.find_message", "store.turn", "store.events", "store.jobs",
        "store.count", "store.same_payload_in_doubt", "store.attempts_between", "store.known_requests",
        "store.last_answers", "store.conversation", "store.find_conversation", "store.conversations", "store.head",
        "store.newest_open", "store.has_asked", "store.usage", "store.get_blob", "store.load_note", "store.recall",
        "store.recall_all", "store.check_writable", "queue.get", "queue.page", "queue.find", "queue.download",
        "queue.models", "queue.public_models", "web.fetch", "plain.fetch", "web.show", "web.react", "web.delete",
    }
)  # fmt: skip
"""The playground's cards and reactions are among them: it has none."""


@dataclass
class Mortal:
    """A world whose bot can be made to die at a crossing."""

    world: object
    boundary: Boundary
    member: object

    async def surely(self, act):
        """What a platform does with an event: it delivers it until the bot has heard it."""
        while True:
            try:
                return await act()
            except ProcessDiedError:
                await self.reborn()

    async def says(self, text, **more):
        """The same message, however often it must be delivered."""
        message = Said(id=str(uuid.uuid4()), who=self.member.person, words=text, thread=None)
        return await self.surely(lambda: self.member.says(text, again=message, **more))

    async def settle(self):
        await self.surely(self.world.settle)

    async def reborn(self):
        await self.world.crash()
        self.boundary.heal()


@pytest.fixture
def in_memory():
    """Files that need not outlive a power cut, because only processes die here."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


async def mortal_on(make_world, platform, folder):
    boundary = Boundary(ignored=LOOKS)
    world = await make_world(platform, folder=folder, wrap=boundary, max_open_jobs_per_user=50)
    ann = world.user("ann")
    await ann.says("/imagine a first picture")  # the model is known to answer at once from now on
    await ann.sees(images=1)
    return Mortal(world, boundary, ann)


@pytest.fixture
async def mortal(make_world, in_memory):
    """On the square, where a second post would be seen."""
    return await mortal_on(make_world, "plain", in_memory)


async def at_every_crossing(mortal, scenario):
    """Runs the scenario again and again, and lets the process die one crossing later each time. Returns how often it died.

    Before the first crossing, then right after each: before the next one nothing else has happened.
    """
    for number in range(1000):
        mortal.world.advance(1000)
        mortal.world.emulator._queue.records.clear()  # keeps the vendor's list short, and these tests quick
        words = f"{scenario.__name__} {number}"
        mortal.boundary.die_at(max(0, number - 1), after=number > 0)
        await scenario(mortal, words)
        survived = mortal.boundary.would_still_die
        mortal.boundary.heal()
        if survived:
            return number
    raise AssertionError("it never ends")


async def audit(mortal, said, words, *, state, paid):
    """The request ended like this; it has exactly one answer (a cancelled one none), and was paid so often."""
    world = mortal.world
    job = await world.job(said)
    requests = [record for record in world.emulator.records if record.words == words]
    answers = await world.place.unseen(said.thread)
    found = (job.state, len(answers), len(requests))
    assert found == (state, int(state is not JobState.CANCELLED), paid), f"{words}:\n{await world.story(job.id)}"
    for post in answers:
        world.place.seen.add(post.id)
        assert post.images == (world.painted(words) if state is JobState.SUCCEEDED else ())
        assert post.text == (job.failure.text if job.failure else "")
    return job


@pytest.mark.parametrize("platform", ["web", "plain"])
async def test_first_picture_with_a_reference(make_world, in_memory, platform):
    mortal = await mortal_on(make_world, platform, in_memory)

    async def scenario(mortal, words):
        said = await mortal.says(f"/imagine {words}", attach=[photos.jpeg()])
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert len(job.references) == 1

    assert await at_every_crossing(mortal, scenario) >= 10


async def test_edit(mortal):
    async def scenario(mortal, words):
        said = await mortal.says(words)
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        assert job.parent_id is not None
        assert mortal.world.sent(words).payload["contents"]

    assert await at_every_crossing(mortal, scenario) >= 8


async def test_failure(mortal):
    async def scenario(mortal, words):
        mortal.world.emulator.behave(prompt=words, times=None, ending="failed", error="safety")
        said = await mortal.says(f"/imagine {words}")
        await mortal.settle()
        job = await audit(mortal, said, words, state=JobState.FAILED, paid=1)
        assert job.failure.kind is FailureKind.SAFETY

    assert await at_every_crossing(mortal, scenario) >= 8


async def test_cancel(mortal):
    """Whatever she is told last is what holds."""

    async def scenario(mortal, words):
        mortal.world.emulator.behave(prompt=words, latency=5)
        said = await mortal.says(f"/imagine {words}")
        await mortal.surely(mortal.world.step)
        told = await mortal.surely(lambda: mortal.member.cancels(said))
        await mortal.settle()
        paid = len([record for record in mortal.world.emulator.records if record.words == words])
        assert paid <= 1
        if told == messages.too_late_to_cancel():
            await audit(mortal, said, words, state=JobState.SUCCEEDED, paid=1)
        else:
            assert told in (messages.cancelled(may_cost=True), messages.cancelled(may_cost=False))
            await audit(mortal, said, words, state=JobState.CANCELLED, paid=paid)
            assert paid == 0 or told == messages.cancelled(may_cost=True), "she was not told that it may cost"

    assert await at_every_crossing(mortal, scenario) >= 6


async def test_two_that_ask_the_same_at_the_same_time(mortal):
    """Two jobs, one death, and nothing but their payload to tell their requests by."""
    bob = mortal.world.user("bob")

    async def scenario(mortal, words):
        hers = await mortal.says(f"/imagine {words}")
        message = Said(id=str(uuid.uuid4()), who=bob.person, words=words, thread=None)
        his = await mortal.surely(lambda: bob.says(f"/imagine {words}", again=message))
        await mortal.settle()
        requests = [record for record in mortal.world.emulator.records if record.words == words]
        assert len(requests) == 2
        jobs = [await mortal.world.job(said) for said in (hers, his)]
        assert {job.request_id for job in jobs} == {record.request_id for record in requests}
        assert [job.state for job in jobs] == [JobState.SUCCEEDED] * 2
        for said in (hers, his):
            (post,) = await mortal.world.place.unseen(said.thread)
            mortal.world.place.seen.add(post.id)

    assert await at_every_crossing(mortal, scenario) >= 10


# -- windows that cannot be closed -----------------------------------------------------------------------------------


async def test_death_before_the_very_first_post_of_a_model_is_told_and_nothing_is_paid(make_world):
    """Nothing is known of the model: it may answer only when its work is done, and a lost POST may still be at work."""
    boundary = Boundary()
    world = await make_world(wrap=boundary)
    ann = world.user("ann")
    said = await ann.says("/imagine a fox")
    with world.emulator.hold("submit", at="arrival") as hold:
        async with world.interrupted():
            await hold.reached()
            world.emulator.inject(Fault(route="submit", kind="drop"))
            await world.crash()
    await ann.sees(images=0, text=messages.failure(FailureKind.LOST, job_id=""))
    assert world.emulator.paid == 0
    assert (await world.job(said)).submissions == 1


async def test_post_that_was_taken_and_is_listed_only_after_we_stopped_looking_is_paid_in_vain(make_world):
    world = await make_world()
    ann = world.user("ann")
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="lag", seconds=3600, times=None)
    )
    await ann.says("/imagine a fox")
    await ann.sees(images=0, text=messages.failure(FailureKind.LOST, job_id=""))
    assert world.emulator.paid == 1


async def test_list_that_lags_by_more_than_half_a_minute_makes_a_quick_model_be_paid_twice_and_answer_once(make_world):
    world = await make_world()
    ann = world.user("ann")
    await ann.says("/imagine a first picture")
    await ann.sees(images=1)
    world.emulator.inject(
        Fault(route="submit", kind="drop", leaves="record"), Fault(route="list", kind="lag", seconds=60, times=None)
    )
    await ann.says("/imagine a fox")
    await ann.sees(images=1)
    await ann.sees_nothing_new()
    assert len(world.emulator.records_of("a fox")) == 2
