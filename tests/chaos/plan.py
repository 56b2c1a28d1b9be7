"""What will happen in one seed? Everything that is left to chance, drawn from the seed alone, before anything begins.

The plan can be had again from its seed. What comes of it cannot: how processes, connections and clocks interleave is not in it.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import count

from bot.model import ASPECT_RATIOS
from tests.chaos import tricks
from tests.chaos.tricks import Trick

NOUNS = ("fox", "hen", "lighthouse", "teapot", "whale", "tram", "pine", "clock", "lantern", "goat")
CHANGES = ("make it night", "add snow", "paint it in oils", "turn it blue", "put a hat on it", "move it to the sea")
LOOKS = ("red", "quiet", "paper", "tiny", "wooden", "foggy", "golden")

DEEDS = (("reply", 40), ("branch", 18), ("window", 12), ("again", 8), ("cancel", 12), ("delete", 10))
BLOWS = (("kill", 40), ("pause", 22), ("term", 20), ("night", 18))
ON_SLACK = 0.3  # of the conversations: Slack lets an app post once a second in a channel, and 100 files a minute
MEMBERS = 24  # of each platform
ROOMS = 10  # channels of each platform


@dataclass(frozen=True, kw_only=True, slots=True)
class Deed:
    """One thing that a member does in a conversation. wait: seconds after the deed before it.

    chance: in [0, 1), chooses among the pictures that are there then. by_other: another member does it, where that is possible.
    """

    kind: str
    wait: float
    words: str
    chance: float
    pictures: int = 0
    ratio: str | None = None
    by_other: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Talk:
    """One conversation. at: seconds until it begins. place: thread, direct, mention (of the bot, in a channel)."""

    number: int
    platform: str
    at: float
    member: int
    other: int
    room: int
    place: str
    deeds: tuple[Deed, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Blow:
    """What befalls a process. kind: kill (SIGKILL), term (SIGTERM), pause (SIGSTOP, then SIGCONT), night (a SIGKILL, and
    the platforms have forgotten what they only remember for minutes when it starts again), database (its server dies).

    chance: in [0, 1), chooses the process. lasts: seconds until it starts again, or goes on.
    """

    at: float
    kind: str
    chance: float
    lasts: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Plan:
    seed: int
    seconds: float
    talks: tuple[Talk, ...]
    tricks: tuple[Trick, ...]
    blows: tuple[Blow, ...]

    @property
    def deeds(self) -> int:
        return sum(len(talk.deeds) for talk in self.talks)

    def told(self) -> Iterator[str]:
        """Line by line, in the order of time."""
        lines = [(talk.at, _talk(talk)) for talk in self.talks]
        lines += [(trick.at, f"trick  {trick}") for trick in self.tricks]
        lines += [(blow.at, f"blow   {blow.kind}, {blow.lasts:.1f} s, {blow.chance:.2f}") for blow in self.blows]
        for at, line in sorted(lines):
            yield f"{at:7.2f}  {line}"


def plan(
    seed: int, *, seconds: float, talks: int, longest_pause: float, database: bool = False, brief: bool = False
) -> Plan:
    """talks: how many conversations. longest_pause: of a process that stands still. database: its server can die, too.

    brief: without the tricks after which the bot has to wait long.
    """
    rng = random.Random(seed)
    numbers = count(1)
    planned = [_talk_of(rng, number, seconds, numbers) for number in range(talks)]
    planned = [_twin(rng, talk, planned) for talk in planned]
    blows = tuple(_blows(rng, seconds, longest_pause, database=database))
    played = tricks.drawn(rng, seconds, [blow.at for blow in blows], brief=brief)
    return Plan(
        seed=seed,
        seconds=seconds,
        talks=tuple(sorted(planned, key=lambda talk: talk.at)),
        tricks=tuple(sorted(played, key=lambda trick: trick.at)),
        blows=blows,
    )


def _talk_of(rng: random.Random, number: int, seconds: float, numbers: Iterator[int]) -> Talk:
    platform = "slack" if rng.random() < ON_SLACK else "discord"
    member, other = rng.sample(range(MEMBERS), 2)
    first = Deed(
        kind="imagine",
        wait=0.0,
        words=f"a {rng.choice(LOOKS)} {rng.choice(NOUNS)}, number {next(numbers)}",
        chance=rng.random(),
        pictures=rng.choices((0, 1, 2, 3), (75, 15, 5, 5))[0],
        ratio=rng.choice(ASPECT_RATIOS) if rng.random() < 0.2 else None,
    )
    more = rng.choices((0, 1, 2, 3, 5), (20, 25, 25, 20, 10))[0]
    return Talk(
        number=number,
        platform=platform,
        at=rng.uniform(0.0, 0.8 * seconds),
        member=member,
        other=other,
        room=rng.randrange(ROOMS),
        place=rng.choices(("thread", "direct", "mention"), (80, 10, 10))[0],
        deeds=(first, *(_deed_of(rng, numbers) for _ in range(more))),
    )


def _deed_of(rng: random.Random, numbers: Iterator[int]) -> Deed:
    kinds, weights = zip(*DEEDS, strict=True)
    return Deed(
        kind=rng.choices(kinds, weights)[0],
        wait=rng.choice((0.0, 0.1, 0.5, 2.0, 5.0)) * rng.uniform(0.5, 1.5),
        words=f"{rng.choice(CHANGES)}, number {next(numbers)}",
        chance=rng.random(),
        pictures=rng.choices((0, 1, 2), (80, 14, 6))[0],
        by_other=rng.random() < 0.3,
    )


def _twin(rng: random.Random, talk: Talk, others: list[Talk]) -> Talk:
    """Now and then two members ask for the very same thing in the same second."""
    if rng.random() >= 0.08:
        return talk
    original = rng.choice(others)
    first = original.deeds[0]
    return Talk(
        number=talk.number,
        platform=talk.platform,
        at=original.at,
        member=talk.member,
        other=talk.other,
        room=talk.room,
        place=talk.place,
        deeds=(first, *talk.deeds[1:]),
    )


def _blows(rng: random.Random, seconds: float, longest_pause: float, *, database: bool) -> Iterator[Blow]:
    kinds, weights = zip(*BLOWS, *([("database", 20)] if database else []), strict=True)
    at = rng.uniform(2.0, 5.0)
    while at < seconds - 1.0:
        kind = rng.choices(kinds, weights)[0]
        most = rng.choice((0.5, 2.0, 6.0, longest_pause)) if kind == "pause" else rng.choice((0.0, 0.3, 1.0, 3.0))
        yield Blow(at=at, kind=kind, chance=rng.random(), lasts=most * rng.uniform(0.5, 1.0))
        at += rng.uniform(3.0, 9.0)


def _talk(talk: Talk) -> str:
    kinds = ", ".join(f"{deed.kind} +{deed.wait:.1f}" if deed.wait else deed.kind for deed in talk.deeds)
    where = "directly" if talk.place == "direct" else f"in room {talk.room}"
    return f"talk   {talk.number}: member {talk.member} on {talk.platform}, {where}: {kinds}: {talk.deeds[0].words}"
