"""How soon is a command acknowledged when fifty members press Enter together? The real program beside a local Discord or Slack."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from bot.emulator import Emulator, EmulatorOptions
from tests.benchmarks.figures import Spread, spread
from tests.e2e.program import KEY, running
from tests.emulators.discord import DiscordEmulator
from tests.emulators.slack import SlackEmulator

AT_ONCE = 50
ROUNDS = 4
AT_REST_SECONDS = 5.0
"""After a round's pictures, until its cards have been edited for the last time."""

LATENCY = (0.2, 1.0)
"""Seconds that the queue takes: the pictures of a round are posted before the next one begins."""

Ask = Callable[[int], Awaitable[list[float]]]
"""Once the bot listens, all members ask in this round; seconds until each was acknowledged."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Acknowledged:
    """after: seconds from the command's event until its answer arrived. cpu: the bot's, seconds per command of a round.

    at_rest: whether the bot had nothing else to do; else it was still making and posting the previews of as many pictures.
    """

    platform: str
    at_once: int
    at_rest: bool
    after: Spread
    cpu: float


async def acknowledging(
    platform: str, *, at_once: int = AT_ONCE, rounds: int = ROUNDS, at_rest: bool = True
) -> Acknowledged:
    """platform: one of PLATFORMS. Raises AssertionError when a command was not acknowledged in the platform's time."""
    queue = Emulator(EmulatorOptions(keys=(KEY,), paint=False, latency=LATENCY))
    settings = {"GMI_API_KEY": KEY, "GMI_IN_FLIGHT": str(at_once)}
    after: list[float] = []
    cpu = 0.0
    async with queue.serve():
        settings["GMI_BASE_URL"] = queue.base_url
        async with PLATFORMS[platform](settings, at_once) as ask:
            with tempfile.TemporaryDirectory(prefix="darkroom-bench-") as folder:
                async with running(Path(folder), "run", **settings) as bot:
                    for number in range(rounds + (not at_rest)):
                        if number:
                            await bot.logs("moved", state="succeeded", times=at_once * number)
                            await asyncio.sleep(AT_REST_SECONDS if at_rest else 0)
                        before = cpu_seconds(bot.pid)
                        took = await ask(number)
                        if (
                            number or at_rest
                        ):  # the very first round has none before it whose pictures could be in its way
                            after += took
                            cpu += cpu_seconds(bot.pid) - before
    told = spread(after)
    return Acknowledged(platform=platform, at_once=at_once, at_rest=at_rest, after=told, cpu=cpu / (rounds * at_once))


@asynccontextmanager
async def _discord(settings: dict[str, str], at_once: int) -> AsyncIterator[Ask]:
    """One channel, as in a contest: Discord bounds answers to commands by nothing but time."""
    discord = DiscordEmulator()
    async with discord.serve():
        settings |= {"PLATFORMS": "discord", "DISCORD_TOKEN": discord.token, "DISCORD_API_URL": discord.url}
        guild = discord.guild()
        channel = guild.text("contest")
        members = [guild.member(f"member{n}") for n in range(at_once)]

        async def ask(number: int) -> list[float]:
            await discord.synced("imagine")
            await discord.shards.ready()
            asked = [member.slash(channel, "imagine", prompt=f"round {number}") for member in members]
            answers = [await interaction.answer for interaction in asked]
            assert all(answer.in_time for answer in answers)
            return [answer.after for answer in answers]

        yield ask


@asynccontextmanager
async def _slack(settings: dict[str, str], at_once: int) -> AsyncIterator[Ask]:
    """A channel for each: Slack allows one message a second in a channel, and the pictures of a round would take minutes."""
    slack = SlackEmulator()
    async with slack.serve() as url:
        settings |= {
            "PLATFORMS": "slack",
            "SLACK_BOT_TOKEN": slack.bot_token,
            "SLACK_APP_TOKEN": slack.app_token,
            "SLACK_API_URL": url,
        }
        members = [slack.member(f"member{n}") for n in range(at_once)]
        channels = [slack.channel(f"room{n}", member) for n, member in enumerate(members)]

        async def ask(number: int) -> list[float]:
            await slack.sockets.connected()
            asked = [
                member.slash(f"/imagine round {number}", channel)
                for member, channel in zip(members, channels, strict=True)
            ]
            answers = await asyncio.gather(*asked)
            assert all(answers)
            return [answer.after for answer in answers if answer]

        yield ask


PLATFORMS = {"discord": _discord, "slack": _slack}


def cpu_seconds(pid: int) -> float:
    """Used by a process so far, by its user and system times; Linux only, 0 elsewhere."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return 0.0
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
