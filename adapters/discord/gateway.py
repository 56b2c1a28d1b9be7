"""How does the bot stay connected to Discord? One client after the other, until the token itself is refused."""

from __future__ import annotations

import asyncio
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket

from adapters.discord import commands, faults, wording
from adapters.discord.asking import Asking
from adapters.discord.catching_up import DAY_SECONDS, PAUSE_SECONDS, CatchingUp, RolesOf, id_of, look_up
from adapters.discord.cursors import Where
from adapters.discord.deletions import Deletions
from adapters.discord.events import Listener
from adapters.discord.inbound import PLATFORM
from adapters.discord.listening import Ears
from adapters.discord.outbound import Discord
from adapters.discord.posting import NO_TOKEN, REFUSAL
from adapters.discord.settings import Settings
from bot.errors import GiveUp, RetryLater
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

LONGEST_PAUSE = 300.0
"""Between two attempts: 1,000 sessions a day are allowed before Discord resets the token (docs)."""

_CLOSES = {
    4004: "Discord refuses the token",
    4010: "Discord refuses the number of shards",
    4011: "Discord asks for more shards than the bot has",
    4012: "Discord refuses this version of its gateway",
    4013: "Discord doesn't know an intent that the bot asks for",
}
_FINAL_CLOSES = frozenset({4004, 4012, 4013})
"""Those that a new client would meet again; it asks anew how many shards there are to be, so not 4010 and 4011."""

TOGETHER_SECONDS = 1.0
"""Servers come back in numbers; one round is for all of them."""

STORED_SECONDS = 5.0
"""By then the core has stored that a thread exists, which it learns when the thread is opened."""


class Gateway:
    """Supervises the connection."""

    def __init__(self, settings: Settings, platform: Discord, service: Service, views: Views) -> None:
        self.guild_seconds = 2.0  # without news after which the library takes the list of servers for whole
        self.asking = Asking(platform, service, views)
        self.ears = Ears(platform, service)
        self.deletions = Deletions(service, views, self._later)
        self.ready = asyncio.Event()
        self._settings = settings
        self._platform = platform
        self._memory = service.memory(PLATFORM)
        self._now = service.now
        self._client: Listener | None = None
        self._message_content = settings.discord_message_content
        self._down: set[int] = set()
        self._trouble: str | None = "It has not connected to Discord yet."
        self._failures = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._alarms: dict[str, asyncio.TimerHandle] = {}
        self._catching_up = CatchingUp(platform.rest, platform.cursors)
        self._one_round = asyncio.Lock()
        self._log = structlog.get_logger("adapters.discord")
        platform.cursors.gap_found = self._gap_found

    # -- what others want to know -------------------------------------------------------------------------------

    def trouble(self) -> str | None:
        if self._trouble is not None:
            return self._trouble
        return "A part of the connection to Discord is interrupted; it is being made again." if self._down else None

    def guild(self, id: int) -> discord.Guild | None:
        return self._client.get_guild(id) if self._client else None

    # -- the supervisor -----------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Until cancelled. Returns when only the operator can help; `trouble` then says how."""
        if not self._settings.token:
            self._trouble = NO_TOKEN
            return
        await self._platform.cursors.load()
        keeping = asyncio.create_task(self._platform.cursors.keep(), name="discord-cursors")
        try:
            while await self._connect():
                self._failures += 1
                pause = min(LONGEST_PAUSE, 2.0 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1.0)
                self._log.info("reconnecting", after_seconds=round(pause, 1), reason=self._trouble)
                await asyncio.sleep(pause)
        finally:
            keeping.cancel()
            for alarm in self._alarms.values():
                alarm.cancel()
            for task in self._tasks:
                task.cancel()
            await asyncio.gather(keeping, *self._tasks, return_exceptions=True)
            with suppress(StoreBusy):
                await self._platform.cursors.flush()

    async def _connect(self) -> bool:
        """One client's life. False: it makes no sense to try again."""
        self.ready.clear()
        try:
            await self._platform.rest.login(self._settings.token)
            await self._listen()
            self._trouble = "Discord closed the connection."
        except discord.LoginFailure:
            self._trouble = REFUSAL
            return False
        except discord.PrivilegedIntentsRequired:
            self._message_content = False
            self._failures = 0
            self._trouble = None
            # what is lost by it is told when the bot is connected
            self._log.warning("intent_not_granted", intent="message content")
        except discord.ConnectionClosed as closed:
            why = _CLOSES.get(closed.code or 0, "Discord closed the connection")
            self._trouble = REFUSAL if closed.code == 4004 else f"{why} ({closed.code})."
            return closed.code not in _FINAL_CLOSES
        except Exception as error:  # noqa: BLE001  whatever ends a client must not end the bot
            meaning = faults.meant(error)
            if meaning is None:
                self._log.error("bug_in_gateway", exc_info=error)
            self._trouble = meaning.reason if meaning else f"The connection ended by a bug ({type(error).__name__})."
        return True

    async def _listen(self) -> None:
        client = Listener(self, message_content=self._message_content)
        try:
            async with client:
                await client.login(self._settings.token)
                if self._settings.discord_api_url:
                    await self._use_gateway_of_api(client)
                self._client = client
                self._aside(self._announce())
                await _connected(client)
        finally:
            self._client = None
            self._down.clear()

    @staticmethod
    async def _use_gateway_of_api(client: Listener) -> None:
        """Behind a proxy the gateway is where the proxy says, at each connection: the library asks at the first one only."""
        _, url, _ = await client.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)

    # -- what the client tells ----------------------------------------------------------------------------------

    def session_begins(self, client: Listener, shard_id: int) -> None:
        """What was said before it was not told, and is looked for. Direct messages are told to shard 0 (docs)."""
        shards = client.shard_count or 1

        def concerned(where: Where) -> bool:
            workspace = where.ref.workspace
            return (int(workspace) >> 22) % shards == shard_id if workspace.isdigit() else shard_id == 0

        self._platform.cursors.fall_behind(concerned, heard_from=id_of(self._now()))

    def shard_is_up(self, shard_id: int) -> None:
        self._down.discard(shard_id)

    def shard_is_down(self, shard_id: int) -> None:
        self._down.add(shard_id)

    def is_ready(self, client: Listener) -> None:
        """All shards have their sessions. Of a later one the library tells this only where it is the only shard."""
        if client is not self._client:
            return
        self._failures, self._trouble = 0, None
        self._log.info("connected", servers=len(client.guilds), shards=client.shard_count)
        if not self._message_content:
            asked_for = self._settings.discord_message_content
            self._log.warning("no_message_content", hint=wording.lost_without_content(asked_for=asked_for))
        self.ready.set()
        self._aside(self._put_cards_right())
        self._aside(self._catch_up(afresh=True))

    def servers_are_here(self, client: Listener) -> None:
        """One of them is back, or all those of a shard that had to begin a new session."""
        if client is self._client and client.is_ready():
            self._later("catch-up", TOGETHER_SECONDS, self._catch_up)

    # -- beside the connection ----------------------------------------------------------------------------------

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(self._survived(work), name="discord-aside")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _survived(self, work: Coroutine[Any, Any, None]) -> None:
        try:
            await work
        except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
            self._log.exception("bug_beside_gateway")

    def _later(self, what: str, seconds: float, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        """Does it after so many seconds, or earlier where that was asked for before: once, however often it is said."""
        loop = asyncio.get_running_loop()
        asked = self._alarms.get(what)
        if asked is None or asked.when() > loop.time() + seconds:
            if asked is not None:
                asked.cancel()
            self._alarms[what] = loop.call_later(seconds, self._ring, what, work)

    def _ring(self, what: str, work: Callable[[], Coroutine[Any, Any, None]]) -> None:
        del self._alarms[what]
        self._aside(work())

    async def _announce(self) -> None:
        """Beside everything else: without it the commands of last week still stand, and whoever writes is heard."""
        client = self._client
        if client is None:  # its successor sees to it
            return
        try:
            if await commands.announce(client.tree, self._memory, self._platform.rest, client.application_id or 0):
                self._log.info("commands_announced")
        except (RetryLater, GiveUp, StoreBusy) as error:
            after = DAY_SECONDS if isinstance(error, GiveUp) else getattr(error, "after", None) or PAUSE_SECONDS
            self._log.warning("commands_not_announced", reason=str(error), again_after_seconds=round(after))
            self._later("announce", after, self._announce)

    async def _put_cards_right(self) -> None:
        try:
            await self._platform.cards.resume()
        except StoreBusy as error:
            self._log.warning("cards_left", reason=str(error))

    def _gap_found(self) -> None:
        self._later("catch-up", STORED_SECONDS, self._catch_up)

    async def _catch_up(self, *, afresh: bool = False) -> None:
        """One round, and another one a little later if that leaves anything."""
        async with self._one_round:
            client = self._client
            if client is None or not client.is_ready():  # all places are looked at when it is
                return
            me = client.user.id if client.user else 0

            async def hear(message: discord.Message, where: Where, roles_of: RolesOf) -> None:
                await self.ears.hear(message, where, me, roles_of)

            try:
                if afresh:
                    await self._platform.cursors.load()
                left = await self._catching_up.go(lambda where: look_up(client, where), hear, now=self._now())
            except StoreBusy as error:
                self._log.warning("not_caught_up", reason=str(error))
                left = True
        if left:
            self._later("catch-up", PAUSE_SECONDS, self._catch_up)


async def _connected(client: Listener) -> None:
    """Until the client's connection is over. The library takes a cancel that meets it while it connects for one of its own
    making, and goes on connecting; it ends when it is closed.
    """
    connection = asyncio.create_task(client.connect(), name="discord-connection")
    try:
        await asyncio.shield(connection)
    finally:
        if not connection.done():
            await client.close()
            connection.cancel()
            await asyncio.wait({connection})
