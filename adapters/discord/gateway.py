"""How does the bot stay connected to Discord? One client after the other, until the token itself is refused."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import discord
import structlog
import yarl
from discord.gateway import DiscordWebSocket

from adapters.discord import commands, faults, wording
from adapters.discord.asking import Asking
from adapters.discord.buttons import JobButton
from adapters.discord.catching_up import Where, catch_up
from adapters.discord.inbound import PLATFORM
from adapters.discord.listening import Ears
from adapters.discord.outbound import Discord
from adapters.discord.settings import Settings
from bot.errors import GiveUp, RetryLater
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

LONGEST_PAUSE = 300.0
"""Between two attempts: 1,000 sessions a day are allowed before Discord resets the token (docs)."""

_FINAL_CLOSES = {
    4004: "Discord refuses the token",
    4010: "Discord refuses the number of shards",
    4011: "Discord asks for more shards than the bot has",
    4012: "Discord refuses this version of its gateway",
    4013: "Discord doesn't know an intent that the bot asks for",
}
REFUSAL = (
    "Discord refuses the token. Reset it at https://discord.com/developers/applications (page Bot), put the new one into "
    "DISCORD_TOKEN and start the bot again."
)


def intents(*, message_content: bool) -> discord.Intents:
    """Servers, messages in servers and direct messages; no members, no presences."""
    wanted = discord.Intents.none()
    wanted.guilds = wanted.guild_messages = wanted.dm_messages = True
    wanted.message_content = message_content
    return wanted


class Listener(discord.AutoShardedClient):
    """One connection's client. It lives as long as its session can be kept; its successor begins anew."""

    def __init__(self, gateway: Gateway, *, message_content: bool) -> None:
        super().__init__(
            intents=intents(message_content=message_content),
            allowed_mentions=discord.AllowedMentions.none(),
            member_cache_flags=discord.MemberCacheFlags.none(),
            chunk_guilds_at_startup=False,
            max_messages=None,
            guild_ready_timeout=gateway.guild_seconds,
        )
        self.asking = gateway.asking
        self._gateway = gateway
        self._tree = commands.tree(self, gateway.asking)
        self._survive_malformed_events()

    def _survive_malformed_events(self) -> None:
        """The library lets an event that it cannot read end the connection, and with it everything that comes after."""
        parsers = self._connection.parsers
        for name, parse in list(parsers.items()):
            parsers[name] = _surviving(name, parse)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(JobButton)
        await self._gateway.announce(self._tree, self.application_id or 0)

    async def on_ready(self) -> None:
        self._gateway.is_ready(self)

    async def on_shard_ready(self, shard_id: int) -> None:
        self._gateway.shard_is_up(shard_id)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self._gateway.shard_is_up(shard_id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        self._gateway.shard_is_down(shard_id)

    async def on_message(self, message: discord.Message) -> None:
        if self.user is not None:
            await self._gateway.ears.hear_live(message, self.user.id)

    async def on_raw_message_delete(self, gone: discord.RawMessageDeleteEvent) -> None:
        await self._gateway.ears.hear_deletion(gone.channel_id, gone.message_id)

    async def on_interaction(self, interaction: discord.Interaction[Any]) -> None:
        """Commands go through the tree, buttons through JobButton; windows are read here, because they outlive processes."""
        if interaction.type is discord.InteractionType.modal_submit:
            await self._gateway.asking.submitted(interaction)

    async def on_error(self, event_method: str, /, *args: Any, **kwargs: Any) -> None:
        structlog.get_logger("adapters.discord").exception("bug_in_event", handler=event_method)


def _surviving(name: str, parse: Callable[[Any], Any]) -> Callable[[Any], Any]:
    def guarded(data: Any) -> Any:
        try:
            return parse(data)
        except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
            structlog.get_logger("adapters.discord").exception("malformed_event", gateway_event=name)
            return None

    return guarded


class Gateway:
    """Supervises the connection."""

    def __init__(self, settings: Settings, platform: Discord, service: Service, views: Views) -> None:
        self.guild_seconds = 2.0  # without news after which the library takes the list of servers for whole
        self.asking = Asking(platform, service, views)
        self.ears = Ears(platform, service, views)
        self.ready = asyncio.Event()
        self._settings = settings
        self._platform = platform
        self._memory = service.memory(PLATFORM)
        self._client: Listener | None = None
        self._message_content = settings.discord_message_content
        self._down: set[int] = set()
        self._trouble: str | None = "It has not connected to Discord yet."
        self._failures = 0
        self._tasks: set[asyncio.Task[None]] = set()
        self._catching_up = asyncio.Lock()
        self._log = structlog.get_logger("adapters.discord")

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
            self._trouble = "DISCORD_TOKEN is not set. Put the bot's token into the environment or into .env."
            return
        await self._platform.cursors.load()
        await self._platform.cards.resume()
        keeping = asyncio.create_task(self._platform.cursors.keep(), name="discord-cursors")
        try:
            while await self._connect():
                self._failures += 1
                pause = min(LONGEST_PAUSE, 2.0 ** min(self._failures - 1, 10)) * random.uniform(0.5, 1.0)
                self._log.info("reconnecting", after_seconds=round(pause, 1), reason=self._trouble)
                await asyncio.sleep(pause)
        finally:
            keeping.cancel()
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
            self._log.warning("intent_not_granted", hint=wording.lost_without_content())
        except discord.ConnectionClosed as closed:
            if closed.code in _FINAL_CLOSES:
                self._trouble = REFUSAL if closed.code == 4004 else f"{_FINAL_CLOSES[closed.code]} ({closed.code})."
                return False
            self._trouble = f"Discord closed the connection ({closed.code})."
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
                await client.connect()
        finally:
            self._client = None
            self._down.clear()

    @staticmethod
    async def _use_gateway_of_api(client: Listener) -> None:
        """Behind a proxy the gateway is where the proxy says, at each connection: the library asks at the first one only."""
        _, url, _ = await client.http.get_bot_gateway()
        DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(url)

    # -- what the client tells ----------------------------------------------------------------------------------

    async def announce(self, tree: Any, application_id: int) -> None:
        try:
            if await commands.announce(tree, self._memory, application_id):
                self._log.info("commands_announced")
        except StoreBusy as error:
            self._log.warning("commands_not_announced", reason=str(error))

    def shard_is_up(self, shard_id: int) -> None:
        self._down.discard(shard_id)

    def shard_is_down(self, shard_id: int) -> None:
        self._down.add(shard_id)

    def is_ready(self, client: Listener) -> None:
        """A new session: what happened before it was not told, so it is looked for."""
        if client is not self._client:
            return
        self._failures, self._trouble = 0, None
        self._log.info("connected", servers=len(client.guilds), shards=client.shard_count)
        if not self._message_content:
            self._log.warning("no_message_content", hint=wording.lost_without_content())
        self.ready.set()
        self._aside(self._catch_up(client))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="discord-aside")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _catch_up(self, client: Listener) -> None:
        me = client.user.id if client.user else 0

        def last_message(where: Where) -> int | None:
            guild = client.get_guild(int(where.ref.workspace)) if where.ref.workspace.isdigit() else None
            channel = guild.get_channel_or_thread(int(where.channel)) if guild else None
            if channel is None:
                return None
            return int(getattr(channel, "last_message_id", None) or 0)

        async def hear(message: discord.Message, where: Where) -> None:
            await self.ears.hear(message, where, me)

        async with self._catching_up:
            try:
                await catch_up(self._platform.rest, self._platform.cursors, last_message, hear, now=time.time())
            except (RetryLater, GiveUp, StoreBusy) as error:
                self._log.warning("not_caught_up", reason=str(error))
            except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
                self._log.exception("bug_in_catching_up")
