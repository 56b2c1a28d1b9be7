"""Who carries out what was planned against the bot? One lever for each kind of trick, and one for each kind of blow."""

from __future__ import annotations

import asyncio
import signal
from typing import Any

from bot.emulator import Fault
from tests.chaos.engines import Restart
from tests.chaos.fleet import Fleet
from tests.chaos.pace import Pace
from tests.chaos.plan import Blow, Plan
from tests.chaos.surroundings import NIGHT, Surroundings
from tests.chaos.tricks import Trick
from tests.emulators.slack import Fault as SlackFault


class Monkey:
    """Plays the tricks and deals the blows of one plan, each at its time."""

    def __init__(self, around: Surroundings, fleet: Fleet, restart: Restart | None = None) -> None:
        self._around = around
        self._fleet = fleet
        self._restart = restart
        self._holding = asyncio.Lock()  # a hold that began within another would lose what that one holds back

    async def rage(self, plan: Plan, pace: Pace) -> None:
        """The whole plan; returns when its last blow is over."""
        planned: list[Trick | Blow] = [*plan.tricks, *plan.blows]
        async with asyncio.TaskGroup() as busy:
            for one in sorted(planned, key=lambda one: one.at):
                await pace.until(one.at)
                busy.create_task(self._play(one) if isinstance(one, Trick) else self._deal(one), name="monkey")

    # -- blows --------------------------------------------------------------------------------------------------

    async def _deal(self, blow: Blow) -> None:
        seat = self._fleet.seat(blow.chance)
        match blow.kind:
            case "kill":
                await seat.ends(signal.SIGKILL, away=blow.lasts)
            case "term":
                await seat.ends(signal.SIGTERM, away=blow.lasts)
            case "pause":
                await seat.pause(blow.lasts)
            case "night":
                await self._night(blow.lasts)
            case "database" if self._restart:
                await self._restart(blow.lasts)

    async def _night(self, lasts: float) -> None:
        """Minutes pass on Discord. Nobody lives through it: whoever did would have ended long before what it had begun."""
        for seat in self._fleet.seats:
            await seat.moves.wait()
        deaths = [asyncio.create_task(seat.ends(signal.SIGKILL, away=lasts)) for seat in self._fleet.seats]
        await asyncio.sleep(0)  # all are dead
        self._around.discord.emulator.clock.advance(NIGHT)
        await asyncio.gather(*deaths)

    # -- tricks -------------------------------------------------------------------------------------------------

    async def _play(self, trick: Trick) -> None:
        options = dict(trick.options)
        match trick.on, trick.act:
            case _, "restart":
                await self._around.restart(trick.on, options["seconds"])
            case "queue", "inject":
                self._around.queue.inject(Fault(**options))
            case "queue", "behave":
                self._around.queue.behave(**options)
            case "discord", "lay":
                self._around.discord.emulator.faults.lay(options.pop("route"), **options)
            case "discord", _:
                await self._on_gateway(trick.act, options)
            case "slack", "inject":
                self._around.slack.emulator.inject(SlackFault(**options))
            case "slack", _:
                await self._on_slack(trick.act, options)
            case (_, "cut"):
                self._around.wires[trick.on].cut()
            case (_, "outage"):
                wire = self._around.wires[trick.on]
                await wire.down()
                await asyncio.sleep(options["seconds"])
                await wire.up()
            case _:
                raise ValueError(f"there is no such lever: {trick}")

    async def _on_gateway(self, act: str, options: dict[str, Any]) -> None:
        shards = self._around.discord.emulator.shards
        match act:
            case "gateway":
                done = getattr(shards, options.pop("lever"))(**options)
                if done is not None:
                    await done
            case "repeat":
                shards.repeat(options["count"])
            case "hold":
                async with self._holding:
                    shards.hold()
                    await asyncio.sleep(options["seconds"])
                    shards.release(reverse=options["reverse"])

    async def _on_slack(self, act: str, options: dict[str, Any]) -> None:
        slack = self._around.slack.emulator
        match act:
            case "share":
                slack.uploads.next_one(**options)
            case "duplicate":
                slack.courier.duplicate(options["times"])
            case "on_two_sockets":
                slack.courier.on_two_sockets(options["times"])
            case "hold":
                with slack.courier.hold() as held:
                    await asyncio.sleep(options["seconds"])
                    await held.release(backwards=options["reverse"])
            case "socket" if options["lever"] == "kill":
                slack.sockets.kill()
            case "socket":
                await slack.sockets.disconnect(options["lever"])
