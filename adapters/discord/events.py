"""One connection's client: which events does it ask for, and who hears of them?"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import discord
import structlog

from adapters.discord import commands
from adapters.discord.buttons import JobButton
from adapters.discord.rest import RATE_LIMIT_SECONDS

if TYPE_CHECKING:
    from adapters.discord.gateway import Gateway


MOST_DOUBLINGS = 8
"""Of a second: how long it may take until a broken connection is made again."""


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
            max_ratelimit_timeout=RATE_LIMIT_SECONDS,
        )
        self.asking = gateway.asking
        self.tree = commands.tree(self, gateway.asking)
        self._gateway = gateway
        self._survive_malformed_events()

    def _survive_malformed_events(self) -> None:
        """The library lets an event that it cannot read end the connection, and with it everything that comes after."""
        parsers = self._connection.parsers
        for name, parse in list(parsers.items()):
            parsers[name] = _surviving(name, parse)

    async def setup_hook(self) -> None:
        self.add_dynamic_items(JobButton)

    async def on_shard_connect(self, shard_id: int) -> None:
        """A new session. Handlers of its events begin after this one, which therefore waits for nothing."""
        self._bound_pauses(shard_id)
        self._gateway.session_begins(self, shard_id)

    def _bound_pauses(self, shard_id: int) -> None:
        """The library doubles its pause with each connection that breaks, up to 17 minutes, and forgets that only after 34 without
        a break: a few bad minutes would leave the bot deaf for many. With this bound even a gateway that breaks every
        connection at once is asked for some 700 sessions a day, of the 1,000 that it grants.
        """
        self.shards[shard_id]._parent._backoff._max = MOST_DOUBLINGS  # noqa: SLF001  there is no other way to it

    async def on_ready(self) -> None:
        self._gateway.is_ready(self)

    async def on_shard_ready(self, shard_id: int) -> None:
        self._gateway.shard_is_up(shard_id)
        self._gateway.servers_are_here(self)

    async def on_guild_available(self, _: discord.Guild) -> None:
        self._gateway.servers_are_here(self)

    async def on_guild_join(self, _: discord.Guild) -> None:
        self._gateway.servers_are_here(self)

    async def on_shard_resumed(self, shard_id: int) -> None:
        self._gateway.shard_is_up(shard_id)

    async def on_shard_disconnect(self, shard_id: int) -> None:
        self._gateway.shard_is_down(shard_id)

    async def on_message(self, message: discord.Message) -> None:
        if self.user is not None:
            await self._gateway.ears.hear_live(message, self.user.id)

    async def on_raw_message_delete(self, gone: discord.RawMessageDeleteEvent) -> None:
        await self._gateway.deletions.hear(gone.channel_id, [gone.message_id])

    async def on_raw_bulk_message_delete(self, gone: discord.RawBulkMessageDeleteEvent) -> None:
        await self._gateway.deletions.hear(gone.channel_id, sorted(gone.message_ids))

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
