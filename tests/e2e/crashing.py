"""How does a process die between any two things that it does to the world outside, and what must hold when another has gone on?

A crossing is a call of the store or the queue, or a request to a platform, that changes something there; a call that only
looks leaves the world as the crossing before left it, so that dying at it is no case of its own. At the n-th crossing the
process dies, with its effect done and its answer unheard; another one starts on what it left; the platform delivers again
what that platform delivers again. n runs until nothing is left to die at.

Platforms are put into this by a `Mortal` of theirs: the playground and the square by the one here, those behind a wire by what
they make of `OnChat`. `settle` is the last thing of a scenario that anybody can die in.
"""

from __future__ import annotations

import asyncio
import uuid
from abc import ABC, abstractmethod
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from bot import messages
from bot.model import Job, JobQuery, JobState
from tests.world import Member, Said, World
from tests.world.boundary import Boundary, ProcessDiedError

LOOKS = frozenset(
    {
        "store.next_due", "store.get", "store.find_source", "store.find_message", "store.glance", "store.turn", "store.events", "store.jobs",
        "store.count", "store.same_payload_in_doubt", "store.attempts_between", "store.known_requests",
        "store.last_answers", "store.last_durations", "store.conversation", "store.find_conversation", "store.conversations", "store.head",
        "store.newest_open", "store.has_asked", "store.usage", "store.get_blob", "store.load_note", "store.recall",
        "store.recall_all", "store.check_writable", "queue.get", "queue.page", "queue.find", "queue.download",
        "queue.models", "queue.public_models", "web.fetch", "plain.fetch", "web.show", "web.react", "web.delete",
    }
)  # fmt: skip
"""The playground's cards and reactions are among them: it has none."""

PORT = ("open", "show", "react", "delete", "deliver", "fetch")
"""Of platforms behind a wire these are no crossings of their own: what they do is seen at the wire and at the store."""

ALIKE_EVERYWHERE = frozenset({"store.claim", "store.put_blob", "queue.upload"})
"""Crossings between which and the ones before them no platform is asked for anything: the square's tests die at them."""

MOST = 1000
PAINTING = 5.0  # seconds
_T = TypeVar("_T")


class Mortal:
    """A world whose bot can be made to die at a crossing."""

    looks = LOOKS

    def __init__(self, world: World, boundary: Boundary, member: Member) -> None:
        self.world = world
        self.boundary = boundary
        self.member = member

    # -- life and death -----------------------------------------------------------------------------------------

    async def surely(self, act: Callable[[], Awaitable[_T]]) -> _T:
        """Again, in the next process, until it ends before the process does."""
        while True:
            try:
                return await self.alive(act)
            except ProcessDiedError:
                await self.reborn()

    async def alive(self, act: Callable[[], Awaitable[_T]]) -> _T:
        """Raises ProcessDiedError as soon as the process has died, whoever of it did the last thing."""
        acting = asyncio.ensure_future(act())
        dying = asyncio.create_task(self.boundary.died.wait())
        try:
            await asyncio.wait({acting, dying}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            dying.cancel()
            acting.cancel()
            await asyncio.gather(acting, dying, return_exceptions=True)
        if self.boundary.dead:
            raise ProcessDiedError
        return acting.result()

    async def reborn(self) -> None:
        """What a dead process had still sent off has come to nothing before the next one begins."""
        await self.world.die()
        await self.world.let_everybody_run()
        self.boundary.heal()
        await self.world.start()

    async def settle(self) -> None:
        await self.surely(self.world.settle)

    # -- what members do ----------------------------------------------------------------------------------------

    async def says(self, text: str, by: Member | None = None, **more: Any) -> Said:
        """The same message, however often it must be delivered."""
        member = by or self.member
        message = Said(id=str(uuid.uuid4()), who=member.person, words=text, thread=None)
        return await self.surely(lambda: member.says(text, again=message, **more))

    async def painting(self, words: str, **behaviour: Any) -> Said:
        """A request for which the queue has done its work, and nobody has looked yet. Its card and its thread are there."""
        self.world.emulator.behave(prompt=words, latency=PAINTING, **behaviour)
        said = await self.member.says(f"/imagine {words}")
        await self.world.step()
        self.world.advance(PAINTING)
        return said

    # -- what is on the platform --------------------------------------------------------------------------------

    async def before(self) -> None:
        """A scenario is about to begin: what stands on the platform is none of its."""

    async def thread_of(self, said: Said, job: Job) -> str:
        """Where its answer is looked for."""
        assert said.thread is not None
        return said.thread


class OnChat(Mortal, ABC):
    """On a platform whose bot is reached over the wire: every request that changes something there is a crossing.

    A command or a press is never told again: who used it sees that the bot did not answer, and does it again where nothing
    came of it. What was written is heard by the next process.
    """

    looks = LOOKS | ALIKE_EVERYWHERE | {f"{name}.{call}" for name in ("discord", "slack") for call in PORT}
    messages_of_two: int
    """How many messages an answer of two pictures is."""

    def __init__(self, world: World, boundary: Boundary, member: Member) -> None:
        super().__init__(world, boundary, member)
        self.driver: Any = world.place.driver
        self._stood: frozenset[str] = frozenset()

    # -- of the platform's own ----------------------------------------------------------------------------------

    @abstractmethod
    def messages(self) -> dict[str, Any]:
        """What the bot has said and others can see, by the ids by which the bot knows it."""

    @abstractmethod
    def told(self) -> str | None:
        """What the member has been told in private, and has not read yet, by a process that is dead."""

    @abstractmethod
    def card_of(self, message: Any) -> str:
        """The first bold words of a card."""

    async def shown(self) -> None:
        """Everything that happens beside the jobs has happened."""
        await self.driver.quiet()

    # -- what members do ----------------------------------------------------------------------------------------

    async def settle(self) -> None:
        """All has happened that will; from here on nobody dies any more."""
        await self.surely(self._settled)
        self.boundary.heal()

    async def _settled(self) -> None:
        await self.driver.listening()
        await self.world.settle()
        await self.shown()

    async def says(self, text: str, by: Member | None = None, **more: Any) -> Said:
        member, words = by or self.member, text.removeprefix("/imagine ")
        said = await self._once(words, lambda: member.says(text, **more), is_told_again=words == text)
        member.thread = said.thread or member.thread
        return said

    async def tries_again(self, message: str, words: str) -> Said:
        return await self._once(words, lambda: self._pressed("again", message))

    async def presses(self, button: str, message: str) -> str | None:
        """What she is told; who hears nothing presses again, unless the message with the button (its id) is gone by then: None."""
        while True:
            try:
                told = await self.alive(lambda: self._pressed(button, message))
            except ProcessDiedError:
                heard = self.told()
                await self.reborn()
                await self.driver.listening()
                await self._asides()
                if heard is not None or message not in self.messages():
                    return heard
            else:
                assert told.refusal is not None
                return str(told.refusal)

    async def _pressed(self, button: str, message: str) -> Any:
        await self.driver.listening()
        return await self.driver.press(self.member.person, button, message, id=str(uuid.uuid4()))

    async def _asides(self) -> None:
        """What a process does at its start has been done, but for what is due then."""
        while asides := [task for task in asyncio.all_tasks() if task.get_name() == "aside"]:
            await asyncio.wait(asides)

    async def _once(self, words: str, act: Callable[[], Awaitable[Said]], *, is_told_again: bool = False) -> Said:
        """Asks once more only where nothing has come of the first time."""
        before = {job.id for job in await self.surely(lambda: self._jobs(words))}
        try:
            return await self.alive(act)
        except ProcessDiedError:
            await self.reborn()
        await self.driver.listening()
        new = [job for job in await self._jobs(words) if job.id not in before]
        if not new:
            assert not is_told_again, f"{words!r} was never heard"
            return await act()
        assert len(new) == 1, f"{words!r} is {len(new)} jobs"
        return Said(id=new[0].source_id, who=new[0].requester, words=words, thread=None, heard=True)

    async def _jobs(self, words: str) -> list[Job]:
        found = await self.world.app.store.jobs(JobQuery(text=words))
        return [job for job in found if job.prompt == words]

    # -- what is on the platform --------------------------------------------------------------------------------

    async def before(self) -> None:
        self._stood = frozenset(self.messages())

    async def thread_of(self, said: Said, job: Job) -> str:
        conversation = await self.world.app.store.conversation(job.conversation_id)
        assert conversation is not None
        return str(conversation.ref.thread)

    async def nothing_but(self, *jobs: Job, shown: bool = True) -> None:
        """shown: cards could be brought up to date."""
        new = {id: message for id, message in self.messages().items() if id not in self._stood}
        refs = [ref for job in jobs for ref in (job.card, *job.posts) if ref is not None]
        assert sorted(new) == sorted(ref.id for ref in refs), "\n".join(map(str, new.values()))
        for job in jobs:
            if job.card is not None and shown:
                assert self.card_of(new[job.card.id]) == self.last(job, jobs), "the card is not up to date"

    def last(self, job: Job, jobs: Sequence[Job]) -> str:
        """What the card of one of these jobs says in the end."""
        return messages.state(job)


async def mortal_on(
    make_world: Callable[..., Awaitable[World]],
    platform: str,
    folder: Path,
    kind: type[Mortal] = Mortal,
    **settings: Any,
) -> Any:
    boundary = Boundary(ignored=kind.looks)
    world = await make_world(platform, folder=folder, wrap=boundary, max_open_jobs_per_user=50, **settings)
    asyncio.get_running_loop().set_exception_handler(_of_the_living)
    ann = world.user("ann")
    await ann.says("/imagine a first picture")  # the model is known to answer at once from now on
    await ann.sees(images=1)
    return kind(world, boundary, ann)


def _of_the_living(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """What ends tasks of a dead process is no news."""
    if not isinstance(context.get("exception"), ProcessDiedError):
        loop.default_exception_handler(context)


async def at_every_crossing(
    mortal: Any,
    scenario: Callable[..., Awaitable[None]],
    ready: Callable[..., Awaitable[Any]] | None = None,
    *,
    share: tuple[int, int] = (0, 1),
) -> int:
    """Runs the scenario again and again, and lets the process die one crossing later each time. Returns how many there are.

    Before the first crossing, then right after each: before the next one nothing else has happened. ready: what comes before
    the scenario, while nobody dies; the scenario is given what it returns. share: of each so many, only this one (from 0).
    """
    for number in range(share[0], MOST, share[1]):
        mortal.world.advance(1000)
        mortal.world.emulator._queue.records.clear()  # keeps the vendor's list short, and these tests quick
        words = f"{scenario.__name__} {number}"
        await mortal.before()
        given = (await ready(mortal, words),) if ready else ()
        mortal.boundary.die_at(max(0, number - 1), after=number > 0)
        await scenario(mortal, words, *given)
        mortal.boundary.heal()
        if not mortal.boundary.has_died:
            return number
    raise AssertionError("it never ends")


async def audit(mortal: Mortal, said: Said, words: str, *, state: JobState, paid: int) -> Job:
    """The request ended like this; it has exactly one answer (a cancelled one none), and was paid so often."""
    world = mortal.world
    job = await world.job(said)
    requests = [record for record in world.emulator.records if record.words == words]
    answers = await world.place.unseen(await mortal.thread_of(said, job))
    found = (job.state, len(answers), len(requests))
    assert found == (state, int(state is not JobState.CANCELLED), paid), f"{words}:\n{await world.story(job.id)}"
    for post in answers:
        world.place.seen.add(post.id)
        assert post.images == (world.painted(words) if state is JobState.SUCCEEDED else ())
        assert post.text == (job.failure.text if job.failure else "")
    return job


async def audit_in_order(mortal: Mortal, asked: dict[str, Said]) -> list[Job]:
    """All that was asked in one thread, by its words, has become pictures, once each and in this order."""
    world = mortal.world
    jobs = [await world.job(said) for said in asked.values()]
    answers = await world.place.unseen(await mortal.thread_of(next(iter(asked.values())), jobs[0]))
    world.place.seen.update(post.id for post in answers)
    assert [post.images for post in answers] == [world.painted(words) for words in asked], await world.story()
    assert [job.state for job in jobs] == [JobState.SUCCEEDED] * len(jobs)
    return jobs
