"""What do the three ledgers hold: what members asked, what the queue was asked and made, what was posted?

Each is written by the side of the wire that the bot is not on. What ties them together, which job is whose, is read from
the bot's own store, and then held against all three.
"""

from __future__ import annotations

import hashlib
import io
from dataclasses import dataclass

from PIL import Image

from bot.model import Event, Job


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """One request of a member, whether or not the bot heard it. at: seconds since the seed began.

    how: command, reply, window, button. source: the identity under which the platform told of it. words: None for a button
    that asks for the same again (`again_of` is then the job). acknowledged: the platform showed that the bot has taken it up.
    refused: the private sentence, where the bot said no. of: the job whose picture was explicitly chosen to be edited.
    references: how the attached pictures look.
    """

    number: int
    platform: str
    how: str
    source: str
    member: str
    place: str
    at: float
    words: str | None
    acknowledged: bool
    refused: str | None = None
    of: str | None = None
    image: int = 0
    again_of: str | None = None
    references: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Made:
    """One record of the queue. status: as it stands at the end. pictures: sha256 of the files that it made.

    shown: how those look. built_on: how every picture looks that its payload refers to, history included.
    """

    request_id: str
    words: str
    at: float
    status: str
    pictures: tuple[str, ...] = ()
    shown: tuple[str, ...] = ()
    built_on: tuple[str, ...] = ()

    @property
    def is_paid(self) -> bool:
        """A request that the queue itself failed is not charged; any other one is, whoever still waits for it."""
        return self.status != "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """One message with which the bot answered a job. order: grows with the time of posting, within one platform.

    job_id: as its buttons say; '' where a picture has none of its own, and is known by its bytes.

    number: which picture of the job's result; a failure has none and is number 0. pictures: sha256 of the files in it.
    stands: False when it was deleted since, by whomever. kept: it was asked to be deleted, and its platform will not have it.
    """

    platform: str
    job_id: str
    message: str
    place: str
    order: float
    number: int
    pictures: tuple[str, ...] = ()
    failed: bool = False
    stands: bool = True
    kept: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Told:
    """A member pressed a button and was told, in private, that the request is cancelled or the picture deleted."""

    job_id: str
    what: str  # cancelled, deleted


@dataclass(frozen=True, kw_only=True, slots=True)
class Kept:
    """One job as the bot's store has it at the end, with its history."""

    job: Job
    events: tuple[Event, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Ledgers:
    """Everything that is audited. longest_pause: seconds for which a process stood still at most."""

    asked: tuple[Asked, ...]
    made: tuple[Made, ...]
    posted: tuple[Posted, ...]
    told: tuple[Told, ...]
    kept: tuple[Kept, ...]
    longest_pause: float = 0.0


def sha256(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


class Looks:
    """How pictures look, whatever their files are: the bot may write a picture anew before it uploads it."""

    def __init__(self) -> None:
        self._known: dict[str, str] = {}

    def of(self, data: bytes) -> str:
        name = sha256(data)
        if name not in self._known:
            with Image.open(io.BytesIO(data)) as image:
                pixels = image.convert("RGB")
            self._known[name] = sha256(f"{pixels.size}".encode() + pixels.tobytes())
        return self._known[name]
