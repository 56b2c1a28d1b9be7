"""A Discord on this machine: what is in it, and where it listens."""

from __future__ import annotations

import os
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TypeVar

from aiohttp import web

from tests.emulators.clock import Clock
from tests.emulators.discord.faults import Faults
from tests.emulators.discord.guilds import Guild
from tests.emulators.discord.interactions import Interaction
from tests.emulators.discord.limits import Gatekeeper, Limits
from tests.emulators.discord.people import Person
from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.recorder import Recorder
from tests.emulators.discord.rest import PREFIX, Rest
from tests.emulators.discord.shards import Shards
from tests.emulators.discord.state import BOT_PERMISSIONS, Application, State

Found = TypeVar("Found")
TOKEN = "test-token"


class DiscordEmulator:
    """Discord's HTTP API, gateway and file store, on loopback. It outlives the bot: what was posted stays.

    clock: its time. limits: how often the bot may ask. token: the bot's. See README.md.
    """

    def __init__(
        self, *, token: str = TOKEN, name: str = "darkroom", limits: Limits | None = None, clock: Clock | None = None
    ) -> None:
        self.clock = clock or Clock()
        self.state = State(self.clock, token=token, name=name)
        self.shards = Shards(self.state)
        self.faults = Faults()
        self.recorder = Recorder()
        self.gatekeeper = Gatekeeper(self.clock, limits or Limits())
        self._rest = Rest(
            self.state, self.shards, faults=self.faults, gatekeeper=self.gatekeeper, recorder=self.recorder
        )
        self.port = 0
        self._base = ""

    # -- where it listens ---------------------------------------------------------------------------------------

    @asynccontextmanager
    async def serve(self, port: int = 0, *, reached_at: int | None = None) -> AsyncIterator[None]:
        """Listen on 127.0.0.1 until left. Served again, it listens elsewhere, and still knows all.

        reached_at: the port that the bot is told, where something stands between the two; `port` tells where it leads.
        """
        runner = web.AppRunner(self._rest.application(), access_log=None, shutdown_timeout=1)
        await runner.setup()
        try:
            site = web.TCPSite(runner, "127.0.0.1", port)
            await site.start()
            host, found = runner.addresses[0][:2]
            self.port = found
            self._base = f"{host}:{reached_at or found}"
            self.shards.url = self.gateway
            self.state.signer.base = self.cdn
            yield
        finally:
            self.faults.clear()
            await self.state.close()
            await self.shards.close()
            await runner.cleanup()
            self._keep_record()
        mistakes, self._rest.mistakes = self._rest.mistakes, []
        if mistakes:
            raise ExceptionGroup("the emulator itself made mistakes", mistakes)

    def _keep_record(self) -> None:
        """For `python -m tests.conformance --recorded`."""
        if folder := os.environ.get("RECORD_EXCHANGES"):
            self.recorder.save(Path(folder) / f"discord-{uuid.uuid4().hex}.json")

    @property
    def url(self) -> str:
        """What DISCORD_API_URL is set to: the address of the API with its version."""
        return f"http://{self._base}{PREFIX}"

    @property
    def gateway(self) -> str:
        return f"ws://{self._base}/gw"

    @property
    def cdn(self) -> str:
        return f"http://{self._base}/cdn"

    # -- who and what is there ------------------------------------------------------------------------------------

    @property
    def application(self) -> Application:
        """The application as its portal page has it; `enabled` are its privileged intents."""
        return self.state.application

    @property
    def token(self) -> str:
        return self.state.application.token

    @property
    def bot(self) -> Person:
        return self.state.bot

    def guild(
        self,
        name: str = "Atelier",
        *,
        tier: int = 0,
        features: tuple[str, ...] = (),
        bot_permissions: Permission = BOT_PERMISSIONS,
    ) -> Guild:
        """A server in which the application is installed with these permissions."""
        return self.state.new_guild(name, tier=tier, features=features, bot_permissions=bot_permissions)

    def person(self, name: str) -> Person:
        """Somebody who is in no server yet."""
        return self.state.new_person(name)

    @property
    def interactions(self) -> list[Interaction]:
        return list(self.state.interactions.values())

    # -- waiting --------------------------------------------------------------------------------------------------

    async def until(self, look: Callable[[], Found], what: str = "it") -> Found:
        """The first true value of `look`, asked again whenever something happened here."""
        return await self.state.until(look, what)

    async def synced(self, *names: str) -> None:
        """Until the bot has registered commands of these names."""
        await self.until(
            lambda: (
                set(names) <= {command["name"] for commands in self.state.commands.values() for command in commands}
            ),
            f"the commands {names}",
        )
