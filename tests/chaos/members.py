"""What do members do in their conversations, and who writes it down? The script of a talk, on whatever platform it happens."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeVar

from tests.chaos.ledgers import Asked, Looks, Posted, Told
from tests.chaos.plan import Deed, Talk
from tests.world import photos
from tests.world.driver import File

T = TypeVar("T")

UNHEARD = 4
"""How often somebody types a command again that the bot did not answer."""

AGAIN_AFTER = 2.0  # seconds
WAITS = 15.0  # seconds that somebody waits for a picture to go on with
CHANGES_MIND = 1.0  # seconds in which somebody thinks of stopping
LOOKS_AGAIN = 0.3  # seconds


@dataclass(frozen=True, kw_only=True, slots=True)
class Request:
    """Something asked, as its platform knows it. heard: whether the platform shows that the bot has taken it up;
    refused: the private sentence that came instead. Both are asked at the end.
    """

    talk: Talk
    how: str
    source: str
    member: str
    place: str
    words: str | None
    heard: Callable[[], bool]
    refused: Callable[[], str | None]
    of: str | None = None
    image: int = 0
    again_of: str | None = None
    references: tuple[str, ...] = ()


class Notes:
    """The members' ledger of all platforms while it is being written."""

    def __init__(self) -> None:
        self.requests: list[tuple[float, Request]] = []
        self.told: list[tuple[str, Callable[[], str | None]]] = []
        self.skipped = 0
        self._looks = Looks()
        self._began = asyncio.get_running_loop().time()

    def asked(self, request: Request) -> None:
        self.requests.append((asyncio.get_running_loop().time() - self._began, request))

    def pressed(self, job_id: str, told: Callable[[], str | None]) -> None:
        """A button was pressed; `told` says at the end what came of it: cancelled, deleted, or nothing."""
        self.told.append((job_id, told))

    def looks(self, files: Iterable[File]) -> tuple[str, ...]:
        return tuple(self._looks.of(file.data) for file in files)

    def ledger(self) -> tuple[Asked, ...]:
        return tuple(
            Asked(
                number=number,
                platform=request.talk.platform,
                how=request.how,
                source=request.source,
                member=request.member,
                place=request.place,
                at=at,
                words=request.words,
                acknowledged=request.heard(),
                refused=request.refused(),
                of=request.of,
                image=request.image,
                again_of=request.again_of,
                references=request.references,
            )
            for number, (at, request) in enumerate(self.requests, 1)
        )

    def told_ledger(self) -> tuple[Told, ...]:
        found = [(job_id, told()) for job_id, told in self.told]
        return tuple(Told(job_id=job_id, what=what) for job_id, what in found if what)


@dataclass(kw_only=True, slots=True)
class Conversation:
    """Where a talk stands. began: what its platform knows it by, once the bot has taken up the first request."""

    talk: Talk
    began: object | None = None
    errands: list[object] = field(default_factory=list)

    def who(self, deed: Deed) -> int:
        """The number of the member who does it. Where two talk directly, there is no other one."""
        talk = self.talk
        return talk.other if deed.by_other and talk.place != "direct" else talk.member


class Side(Protocol):
    """One platform, as members use it. What cannot be done just now (no picture there yet, a button gone) is not done:
    then False is returned, and it may be tried again.
    """

    async def begin(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        """Asks for a first picture; True when the platform shows that the bot has taken it up."""

    async def reply(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool: ...

    async def branch(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool: ...

    async def window(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool: ...

    async def again(self, conversation: Conversation, deed: Deed) -> bool: ...

    async def cancel(self, conversation: Conversation, deed: Deed) -> bool: ...

    async def delete(self, conversation: Conversation, deed: Deed) -> bool: ...

    def posted(self) -> tuple[Posted, ...]:
        """Every message with which the bot has answered a job, deleted ones too."""


def chosen(deed: Deed, found: Sequence[T]) -> T | None:
    """One of those that are there, by the deed's chance."""
    return found[int(deed.chance * len(found))] if found else None


async def live(talk: Talk, side: Side, notes: Notes) -> None:
    """A whole talk, from the moment it begins."""
    conversation = Conversation(talk=talk)
    first, *more = talk.deeds
    for _ in range(1 + UNHEARD):
        if await side.begin(conversation, first, files_of(first, 3)):
            break
        await asyncio.sleep(AGAIN_AFTER)
    for deed in more:
        await asyncio.sleep(deed.wait)
        if not await _done(side, conversation, deed):
            notes.skipped += 1


async def _done(side: Side, conversation: Conversation, deed: Deed) -> bool:
    """Whether it could be done, now or when there is what it needs: a thread, a picture, a window that opens."""
    loop = asyncio.get_running_loop()
    until = loop.time() + (CHANGES_MIND if deed.kind == "cancel" else WAITS)
    while not await _do(side, conversation, deed):
        if loop.time() > until:
            return False
        await asyncio.sleep(LOOKS_AGAIN)
    return True


async def _do(side: Side, conversation: Conversation, deed: Deed) -> bool:
    files = files_of(deed, 2)
    match deed.kind:
        case "reply":
            return await side.reply(conversation, deed, files)
        case "branch":
            return await side.branch(conversation, deed, files)
        case "window":
            return await side.window(conversation, deed, files)
        case "again":
            return await side.again(conversation, deed)
        case "cancel":
            return await side.cancel(conversation, deed)
        case "delete":
            return await side.delete(conversation, deed)
    raise ValueError(f"there is no deed {deed.kind!r}")


def files_of(deed: Deed, most: int) -> list[File]:
    """The pictures that go with it, each of a colour of its own."""
    rng = random.Random(f"{deed.words} {deed.chance}")
    colours = [f"#{rng.randrange(1 << 24):06x}" for _ in range(min(deed.pictures, most))]
    return [photos.png(f"photo-{number}.png", colour=colour) for number, colour in enumerate(colours, 1)]
