"""What does a route work with, and what does it answer?"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.discord.bodies import Body
from tests.emulators.discord.channels import Channel
from tests.emulators.discord.guilds import Guild
from tests.emulators.discord.messages import Message
from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.refusals import (
    invalid,
    missing_access,
    missing_permissions,
    unknown_channel,
    unknown_guild,
    unknown_message,
)

if TYPE_CHECKING:
    from tests.emulators.discord.state import State


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """status, and JSON; None: no body."""

    status: int = 200
    json: Any = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Call:
    """One request of the application. params: from its path."""

    state: State
    params: dict[str, str]
    query: dict[str, str]
    body: Body = field(default_factory=Body)

    def id(self, name: str) -> int:
        value = self.params[name]
        if not value.isdecimal():
            raise invalid(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not snowflake.')
        return int(value)

    def channel(self, *needs: Permission) -> Channel:
        """The channel of the path, if the application sees it and has every permission named."""
        channel = self.state.channels.get(self.id("channel_id"))
        if channel is None:
            raise unknown_channel()
        if not channel.sees(self.state.bot):
            raise missing_access()
        self.check(channel, *needs)
        return channel

    def check(self, channel: Channel, *needs: Permission) -> None:
        allowed = channel.permissions_of(self.state.bot)
        if any(not allowed & permission for permission in needs):
            raise missing_permissions()

    def message(self, channel: Channel) -> Message:
        """The message of the path; ephemeral ones are not to be found here."""
        message = channel.log.get(self.id("message_id"))
        if message is None or message.visible_to is not None:
            raise unknown_message()
        return message

    def guild(self) -> Guild:
        guild = self.state.guilds.get(self.id("guild_id"))
        if guild is None:
            raise unknown_guild()
        if not guild.has_bot:
            raise missing_access()
        return guild

    def number(self, name: str, default: int, low: int, high: int) -> int:
        """A number of the query."""
        value = self.query.get(name, str(default))
        if not value.isdecimal():
            raise invalid(name, "NUMBER_TYPE_COERCE", f'Value "{value}" is not int.')
        if not low <= int(value) <= high:
            raise invalid(name, "NUMBER_TYPE_RANGE", f"int value should be between {low} and {high}.")
        return int(value)


Handler = Callable[[Call], Awaitable[Reply]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Route:
    """template: as in the OpenAPI document. bot_token: False where the path's own token is the key."""

    method: str
    template: str
    handler: Handler
    bot_token: bool = True

    @property
    def name(self) -> str:
        return f"{self.method} {self.template}"
