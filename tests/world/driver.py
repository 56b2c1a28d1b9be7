"""What must a platform's driver be able to do, so that one scenario runs on every platform?

A driver is a platform as people meet it: what they do there, and what they then see. It stands on the far side of the
wire: the bot's adapter is real, and what it talks to is the driver's (the playground's pages, or a local server that
speaks the platform's wire). A driver outlives the bot: what was posted stays when the bot is stopped, killed or
started again.

One driver per folder of `adapters/`: `tests/world/<name>.py` with a class `Driver`. A scenario asks a driver only for
what its platform has (`Traits`).
"""

import mimetypes
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from bot.emulator.clock import Clock
from bot.model import Mood, Person
from bot.ports import Platform
from bot.service import Service
from bot.views import Views


@dataclass(frozen=True, kw_only=True, slots=True)
class File:
    """A file that a member attaches. media_type and size: what the platform says of it, which need not be true."""

    name: str
    data: bytes
    media_type: str | None = None
    size: int | None = None

    @property
    def said_type(self) -> str | None:
        return self.media_type or mimetypes.guess_type(self.name)[0]

    @property
    def said_size(self) -> int:
        return len(self.data) if self.size is None else self.size


@dataclass(frozen=True, kw_only=True, slots=True)
class Traits:
    """What a platform has, for the scenarios that need it."""

    talk: bool
    """People can talk to each other in the bot's threads, so that a message need not be meant for the bot."""
    moods: bool
    """The bot reacts to the message that it works on."""
    cards: bool
    """The channel has a status card of each job that is open."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Said:
    """What a member did, and what came of it at once.

    id: of the message or command, the same when it is delivered again. thread: where its answer is looked for; None: the
    bot did not take it up. refusal: the private sentence, where the bot refused. heard: the bot took it up.
    """

    id: str
    who: Person
    words: str
    thread: str | None
    refusal: str | None = None
    heard: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """One answer of the bot as it stands in a thread.

    id: of the post, or of its first message. images: whole files, as a member would save them. answers: `Said.id` of the
    message that it visibly answers. alt: what its picture is said to show.
    """

    id: str
    thread: str
    text: str
    images: tuple[bytes, ...]
    answers: str | None
    alt: str | None


class Driver(Protocol):
    """One platform's side of the world. clock: the world's own, given once the driver is made."""

    name: str
    traits: Traits
    clock: Clock

    def __init__(self, folder: Path) -> None:
        """folder: empty, for whatever its server keeps."""

    async def start(self) -> None:
        """Before the bot is started for the first time."""

    async def close(self) -> None:
        """After the bot has ended."""

    def connect(self, service: Service, views: Views) -> Platform:
        """The real adapter, wired to this driver; called at each start of the bot."""

    def person(self, name: str) -> Person:
        """A new member of this name, as the platform knows them."""

    async def imagine(self, who: Person, words: str, files: tuple[File, ...], *, id: str, ratio: str | None) -> Said:
        """The command in a channel; `words` without `/imagine`. ratio: from the command's own option, where it has one.

        The same id again is the platform delivering the same event again. Returns when the bot has heard it.
        """

    async def say(
        self,
        who: Person,
        words: str,
        files: tuple[File, ...],
        *,
        id: str,
        thread: str,
        to: Post | None,
        image: int,
        private: bool = False,
    ) -> Said:
        """A message in a thread. to: the answer of the bot that it explicitly replies to, and which image of it.

        private: nobody but the bot is meant for certain (a mention, a direct message). Returns when the bot has heard it.
        """

    async def press(self, who: Person, button: str, of: str, *, id: str) -> Said:
        """`cancel`, `delete` or `again` on what belongs to the message or post `of`.

        The sentence that the bot says privately, good or bad, is the `refusal`; `again` has a thread.
        """

    async def posts(self, thread: str) -> list[Post]:
        """The bot's answers that stand in a thread, oldest first; what was deleted stands there no more."""

    async def threads(self) -> list[str]:
        """Every thread there is."""

    async def card(self, said: Said) -> str | None:
        """What the status card of a request says; None where there is none."""

    async def mood(self, said: Said) -> Mood | None:
        """The bot's reaction to a message; None where there is none."""
