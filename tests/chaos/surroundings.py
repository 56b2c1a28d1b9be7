"""What is around the bot? An emulated queue and both platforms, in this process, each behind a wire of its own."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager, suppress

from bot.emulator import Emulator, EmulatorOptions
from bot.emulator import Record as Request
from tests.chaos.ledgers import Looks, Made, sha256
from tests.chaos.members import Notes, Side
from tests.chaos.on_discord import OnDiscord
from tests.chaos.on_slack import OnSlack
from tests.chaos.relay import Relay
from tests.e2e.program import KEY

LATENCY = (0.2, 2.5)  # seconds that the queue takes for a picture
CONNECTED = 300.0
"""Seconds, against hanging only: after a connection to Discord that broke often, the next one may take up to 256."""

NIGHT = 240.0  # seconds after which Discord has forgotten its nonces


class Surroundings:
    """The queue, Discord and Slack. Their processes never die; what that looks like from outside is `restart`."""

    def __init__(self, seed: int) -> None:
        self.notes = Notes()
        options = EmulatorOptions(keys=(KEY,), paint=False, signed=True, latency=LATENCY, seed=seed)
        self.queue = Emulator(options)
        self.discord = OnDiscord(self.notes)
        self.slack = OnSlack(self.notes)
        self.wire = Relay()  # to the queue

    @property
    def sides(self) -> dict[str, Side]:
        return {"discord": self.discord, "slack": self.slack}

    @property
    def wires(self) -> dict[str, Relay]:
        return {"queue wire": self.wire, "discord wire": self.discord.wire, "slack wire": self.slack.wire}

    @property
    def settings(self) -> dict[str, str]:
        """What the bot is told of it."""
        queue = {"GMI_BASE_URL": f"http://127.0.0.1:{self.wire.port}", "GMI_API_KEY": KEY}
        return {"PLATFORMS": "discord,slack", **queue, **self.discord.settings, **self.slack.settings}

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        async with AsyncExitStack() as life:
            address = await life.enter_async_context(self.queue.serve())
            await self.wire.open()
            life.push_async_callback(self.wire.close)
            self.wire.leads_to(int(address.rpartition(":")[2]))
            await life.enter_async_context(self.discord.serve())
            await life.enter_async_context(self.slack.serve())
            yield

    def is_heard(self) -> bool:
        """Whether the bot hears both platforms at this moment."""
        return self.discord.emulator.shards.connected and bool(self.slack.emulator.sockets.open)

    async def connected(self) -> None:
        """Until the bot hears both platforms. Raises TimeoutError."""
        discord, slack = self.discord.emulator, self.slack.emulator
        async with asyncio.timeout(CONNECTED):
            while True:
                with suppress(AssertionError):  # it waits for as long as a test would
                    await discord.synced("imagine")
                    await discord.shards.ready()
                    break
            await slack.sockets.connected()

    async def calm(self) -> None:
        """No more faults: everything that was asked for and has not struck is forgotten, every wire holds."""
        self.queue.clear()
        discord, slack = self.discord.emulator, self.slack.emulator
        discord.faults.clear()
        discord.shards.refuse(0)
        discord.shards.forget(0)
        discord.shards.release()
        slack.clear()
        for wire in self.wires.values():
            await wire.up()

    async def restart(self, name: str, seconds: float) -> None:
        """What the restart of a real one looks like from outside: its connections die, for so many seconds nobody is let in, and
        what it has stored is there afterwards. What lived in its memory is not: Discord's sessions, so that nobody resumes and
        what happens until then is never told; Slack's connections, with what was on its way over them, which comes again later.
        Of the queue nothing is known to live in memory only: its requests go on.
        """
        wire = self.wires[f"{name} wire"]
        await wire.down()
        match name:
            case "discord":
                self.discord.emulator.shards.restart()
            case "slack":
                self.slack.emulator.restart()
        await asyncio.sleep(seconds)
        await wire.up()

    async def let_time_pass(self) -> None:
        """What the platforms would do minutes later happens now: Slack delivers again what nobody acknowledged."""
        slack = self.slack.emulator
        for seconds in (61.0, 301.0):
            await slack.quiet()
            slack.advance(seconds)
            await slack.quiet()

    async def heard(self) -> None:
        """Until the bot has been told everything that happened."""
        await self.slack.emulator.quiet()
        if self.discord.emulator.shards.connected:
            await self.discord.emulator.shards.heard()

    def made(self) -> tuple[Made, ...]:
        """The queue's ledger."""
        looks = Looks()
        return tuple(self._made(record, looks) for record in self.queue.records)

    def _made(self, record: Request, looks: Looks) -> Made:
        bucket = self.queue._queue.bucket
        files = [bucket.data(file) for file in (record.result.files if record.result else ())]
        asked = [picture.data for picture in record.asked.pictures if picture.data]
        found = [bucket.find(picture.uri) for picture in record.asked.pictures if picture.uri]
        asked += [bucket.data(file) for file in found if file]
        return Made(
            request_id=record.request_id,
            words=record.words,
            at=record.created.wall,
            status=self.queue.status(record.request_id),
            pictures=tuple(sha256(data) for data in files),
            shown=tuple(looks.of(data) for data in files),
            built_on=tuple(looks.of(data) for data in asked),
        )
