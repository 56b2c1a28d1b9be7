"""How late does a picture arrive on Discord, and what does it cost? The real program beside a local Discord with the real one's limits."""

from __future__ import annotations

import asyncio
import itertools
import json
import math
import random
import tempfile
import time
from collections.abc import Iterable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from types import MappingProxyType

from bot.emulator import Emulator, EmulatorOptions
from tests.benchmarks.acknowledging import cpu_seconds
from tests.benchmarks.figures import LOOKS, Spread, spread
from tests.benchmarks.scheduled import OTHERS, OURS
from tests.e2e.program import KEY, Running, running
from tests.emulators.discord import DiscordEmulator
from tests.emulators.discord.messages import Message

LEAST, MOST = 6.0, 14.0
LEARNS_FROM = 24
"""Pictures before those that are measured, so that a schedule that learns has learned."""

REST_SECONDS = 20.0
"""And so long the bot rests before they begin, as before any rush: what it may ask of the queue is saved up by then."""

PATIENCE = 300.0  # seconds after the last command, against hanging only
DISTRIBUTIONS = MappingProxyType(
    {
        "6 to 14 s": lambda chance: chance.uniform(LEAST, MOST),
        "log-normal": lambda chance: chance.lognormvariate(math.log(9.0), 0.35),
    }
)
"""Seconds that the queue takes for a picture."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Post:
    """One row. Members ask at one moment, or evenly over so many seconds; each has one request. rounds: of one after another.

    with_picture: the queue answers a POST only when its picture is made. together: nothing is ready before all have asked, so that
    all run there at the same time. in_flight: requests that may run there at once; as many as there are, unless it is said.
    """

    jobs: int
    over: float = 0.0
    rounds: int = 1
    servers: int = 1
    image_bytes: int = 100_000
    takes: str = "6 to 14 s"
    schedule: str = OURS
    with_picture: bool = False
    together: bool = False
    in_flight: int | None = None

    @property
    def most_in_flight(self) -> int:
        return self.in_flight or max(self.jobs, LEARNS_FROM)


@dataclass(frozen=True, kw_only=True, slots=True)
class Posted:
    """What came of it. lateness: seconds from ready at the queue until the upload had arrived at Discord; calls, looks, cpu: per job.

    took: seconds from the first command until the last picture had arrived. making: seconds that the queue took for all of them
    together, which is what they would have taken one after the other; at_once: how many of them it made at once, at most.
    """

    post: Post
    lateness: Spread
    acknowledged: Spread
    loop_lag: Spread
    looks: float
    calls: float
    cpu: float
    peak_rss: int
    per_second: float
    took: float
    making: float
    at_once: int
    lost: int


SCHEDULES = (OURS, *OTHERS)
ROWS: Sequence[Post] = (
    *(Post(jobs=1, rounds=8, schedule=name) for name in SCHEDULES),
    *(Post(jobs=20, schedule=name) for name in SCHEDULES),
    *(Post(jobs=60, schedule=name) for name in SCHEDULES),
    Post(jobs=20, takes="log-normal"),
    Post(jobs=60, image_bytes=1_500_000),
    Post(jobs=60, servers=50),
    Post(jobs=300, over=60.0, servers=1),
    Post(jobs=300, over=60.0, servers=50),
    Post(jobs=1000, over=50.0, servers=50, together=True),
    Post(jobs=1000, over=50.0, servers=50, together=True, image_bytes=1_500_000),
    Post(jobs=1000, servers=50),
    Post(jobs=20, with_picture=True),
    Post(jobs=60, with_picture=True),
    Post(jobs=24, with_picture=True, in_flight=8),
)


QUICK: Sequence[Post] = (Post(jobs=1, rounds=2), Post(jobs=20), Post(jobs=20, schedule="every 5 s"))


async def posting(post: Post, *, under: tuple[str, ...] = ("tests.benchmarks.scheduled",)) -> Posted:
    """Measures one row. Raises AssertionError when the bot ends, or never answers a command.

    under: the module that is run, and its arguments before those of `scheduled`.
    """
    chance = random.Random(1)
    queue = Emulator(EmulatorOptions(keys=(KEY,), paint=False, image_bytes=post.image_bytes, keep_exchanges=1_000_000))
    discord = DiscordEmulator()
    async with queue.serve(), discord.serve():
        with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
            report = Path(folder) / "report.json"
            settings = _settings(queue, discord, post)
            program = (*under, post.schedule, str(report))
            rooms = [discord.guild(f"server {n}").text("contest") for n in range(post.servers)]
            async with running(Path(folder), "run", module=program, **settings) as bot:
                crowd = _Crowd(queue, discord, rooms, post, chance)
                await discord.synced("imagine")
                await discord.shards.ready()
                await crowd.ask(LEARNS_FROM, over=0.0)
                await crowd.see()
                await asyncio.sleep(REST_SECONDS)
                found = await _measured(post, bot, crowd)
                await bot.ends()
            told = json.loads(report.read_text())
    return Posted(**found, loop_lag=spread(told["loop_lags"]), peak_rss=told["peak_rss"])


def _settings(queue: Emulator, discord: DiscordEmulator, post: Post) -> dict[str, str]:
    return {
        "PLATFORMS": "discord",
        "DISCORD_TOKEN": discord.token,
        "DISCORD_API_URL": discord.url,
        "GMI_API_KEY": KEY,
        "GMI_BASE_URL": queue.base_url,
        "GMI_IN_FLIGHT": str(post.most_in_flight),
        "GMI_REQUESTS_PER_SECOND": "1000",  # the schedule is measured, not this limit
        "LOG_LEVEL": "WARNING",
    }


async def _measured(post: Post, bot: Running, crowd: _Crowd) -> Mapping[str, object]:
    began = time.time()
    before = cpu_seconds(bot.pid), crowd.looks(), len(crowd.discord.recorder.exchanges)
    words: list[str] = []
    acknowledged: list[float] = []
    for _ in range(post.rounds):
        asked, after = await crowd.ask(post.jobs, over=post.over)
        words += asked
        acknowledged += after
        await crowd.see()
    jobs = len(words)
    spent = cpu_seconds(bot.pid) - before[0], crowd.looks() - before[1]
    calls = len(crowd.discord.recorder.exchanges) - before[2]
    late, arrived = crowd.lateness(words)
    making = crowd.making(words)
    return {
        "post": post,
        "lateness": spread(late),
        "acknowledged": spread(acknowledged),
        "looks": spent[1] / jobs,
        "calls": calls / jobs,
        "cpu": spent[0] / jobs,
        "per_second": _rate(arrived),
        "took": max(arrived, default=began) - began,
        "making": sum(end - start for start, end in making),
        "at_once": most_at_once(making),
        "lost": jobs - len(late),
    }


def _rate(arrived: Sequence[float]) -> float:
    """Posts per second, from the first to the last."""
    span = max(arrived, default=0.0) - min(arrived, default=0.0)
    return (len(arrived) - 1) / span if span > 0 else 0.0


def most_at_once(spans: Iterable[tuple[float, float]]) -> int:
    """How many of these overlapped, at most. One that ends as another begins does not."""
    changes = sorted(change for begin, end in spans for change in ((begin, 1), (end, -1)))
    return max(itertools.accumulate(change for _, change in changes), default=0)


class _Crowd:
    """Members who ask, and what they see."""

    def __init__(self, queue, discord, rooms, post, chance) -> None:  # type: ignore[no-untyped-def]
        self.queue: Emulator = queue
        self.discord: DiscordEmulator = discord
        self._rooms = rooms
        self._takes = DISTRIBUTIONS[post.takes]
        self._delivery = "sync" if post.with_picture else "async"
        self._together = post.together
        self._chance: random.Random = chance
        self._asked: list[str] = []

    async def ask(self, number: int, *, over: float) -> tuple[list[str], list[float]]:
        """Their words, and after how many seconds each was acknowledged."""
        answers, words = [], []
        for each in range(number):
            room = self._rooms[each % len(self._rooms)]
            words.append(f"a lighthouse, number {len(self._asked)}")
            self._asked.append(words[-1])
            held = over * (1.0 - each / number) if self._together else 0.0
            latency = held + self._takes(self._chance)
            self.queue.behave(prompt=f"{words[-1]}.", latency=latency, delivery=self._delivery)
            member = room.guild.member(f"member{len(self._asked)}")
            answers.append(member.slash(room, "imagine", prompt=f"{words[-1]}."))
            if over:
                await asyncio.sleep(over / number)
        return words, [(await answer.answer).after for answer in answers]

    async def see(self) -> None:
        """Until every picture is there."""
        with suppress(TimeoutError):
            async with asyncio.timeout(PATIENCE):
                # not by each event: looking takes the CPU that the bot is measured on
                while len(self._pictures()) < len(self._asked):  # noqa: ASYNC110
                    await asyncio.sleep(0.25)

    def looks(self) -> int:
        """Questions to the queue about what runs, so far."""
        return sum(self.queue.ledger.count(route) for route in LOOKS)

    def making(self, words: Sequence[str]) -> list[tuple[float, float]]:
        """From when until when each of these was made by the queue (its seconds)."""
        wanted = {f"{each}." for each in words}
        records = [record for record in self.queue.records if record.words in wanted]
        return [(each.created.monotonic, each.ready_at.monotonic) for each in records if each.ready_at]

    def lateness(self, words: Sequence[str]) -> tuple[list[float], list[float]]:
        """Of each picture that arrived: seconds after it was ready; and when it arrived (Unix seconds)."""
        ready = {record.words: record.ready_at for record in self.queue.records}
        pictures = self._pictures()
        found = [(pictures[f"{each}."].created_at, ready[f"{each}."]) for each in words if f"{each}." in pictures]
        return [at - moment.wall for at, moment in found if moment], [at for at, _ in found]

    def _pictures(self) -> dict[str, Message]:
        """The messages with pictures, by the words that they show; cards, which only answer a command, are left out."""
        channels = self.discord.state.channels.values()
        messages = (message for channel in channels for message in channel.log.values())
        return {m.files[0].description: m for m in messages if m.files and m.by is None and m.files[0].description}
