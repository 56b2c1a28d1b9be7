"""What does the gateway tell, to whom, when something has happened?"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.discord import guild_views, views
from tests.emulators.discord.channels import ChannelKind
from tests.emulators.discord.intents import NONE, Intents
from tests.emulators.discord.interaction_views import interaction_json
from tests.emulators.discord.message_views import message_event

if TYPE_CHECKING:
    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.guilds import Guild, Membership, Role
    from tests.emulators.discord.interactions import Interaction
    from tests.emulators.discord.messages import Message
    from tests.emulators.discord.people import Person
    from tests.emulators.discord.state import State

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One dispatch. needs: the intent without which a session is not told. data: given whether the session reads words.

    guild: decides the shard; None: the first.
    """

    name: str
    guild: Guild | None
    needs: Intents
    data: Callable[[bool], Json]


class Tell:
    """Turns what happened into events. `listener` is the gateway; before there is one, nobody is told."""

    def __init__(self, state: State) -> None:
        self._state = state
        self.listener: Callable[[Event], None] | None = None

    # -- messages -----------------------------------------------------------------------------------------------

    def message_created(self, message: Message) -> None:
        self._of_message("MESSAGE_CREATE", message)

    def message_updated(self, message: Message) -> None:
        self._of_message("MESSAGE_UPDATE", message)

    def message_deleted(self, message: Message) -> None:
        if message.visible_to is None:
            self._in_channel(
                "MESSAGE_DELETE",
                message.channel,
                {"id": str(message.id)},
                Intents.GUILD_MESSAGES,
                Intents.DIRECT_MESSAGES,
            )

    def messages_deleted(self, channel: Channel, messages: Sequence[Message]) -> None:
        """In servers only: nobody purges direct messages (Discord's docs)."""
        ids = [str(message.id) for message in messages if message.visible_to is None]
        if ids:
            self._in_channel("MESSAGE_DELETE_BULK", channel, {"ids": ids}, Intents.GUILD_MESSAGES, NONE)

    def reaction(self, message: Message, person: Person, emoji: str, *, added: bool) -> None:
        data: Json = {
            "user_id": str(person.id),
            "message_id": str(message.id),
            "emoji": {"id": None, "name": emoji},
            "burst": False,
            "type": 0,
        }
        if added:
            data["message_author_id"] = str(message.author.id)
            guild = message.channel.guild
            if guild is not None and person.id in guild.memberships:
                data["member"] = views.member_json(guild.memberships[person.id], user=True)
        self._in_channel(
            "MESSAGE_REACTION_ADD" if added else "MESSAGE_REACTION_REMOVE",
            message.channel,
            data,
            Intents.GUILD_MESSAGE_REACTIONS,
            Intents.DIRECT_MESSAGE_REACTIONS,
        )

    # -- threads and channels -----------------------------------------------------------------------------------

    def thread_created(self, thread: Channel) -> None:
        self._thread("THREAD_CREATE", thread, {**views.channel_json(thread), "newly_created": True})

    def thread_updated(self, thread: Channel) -> None:
        self._thread("THREAD_UPDATE", thread, views.channel_json(thread))

    def thread_members_updated(
        self, thread: Channel, *, added: Person | None = None, removed: Person | None = None
    ) -> None:
        """Without the members intent an application learns only of itself; of a private thread that it is added to it learns
        first that there is one (Discord's docs).
        """
        if added is self._state.bot and thread.kind is ChannelKind.PRIVATE_THREAD:
            self._thread("THREAD_CREATE", thread, views.channel_json(thread))
        if self._state.bot in (added, removed):
            data: Json = {"id": str(thread.id), "member_count": len(thread.thread.members)}
            if added:
                data["added_members"] = [views.thread_member_json(thread, added)]
            if removed:
                data["removed_member_ids"] = [str(removed.id)]
            self._thread("THREAD_MEMBERS_UPDATE", thread, data)

    def channel_created(self, channel: Channel) -> None:
        self._guild("CHANNEL_CREATE", channel.guild, views.channel_json(channel))

    def channel_updated(self, channel: Channel) -> None:
        """Whoever regains sight of a channel is told of its open threads too."""
        self._guild("CHANNEL_UPDATE", channel.guild, views.channel_json(channel))
        if channel.threads and channel.sees(self._state.bot):
            open_threads = [thread for thread in channel.threads if not thread.thread.archived]
            data = {
                "channel_ids": [str(channel.id)],
                "threads": [views.channel_json(thread) for thread in open_threads],
                "members": [
                    views.thread_member_json(thread, self._state.bot)
                    for thread in open_threads
                    if self._state.bot.id in thread.thread.members
                ],
            }
            self._guild("THREAD_LIST_SYNC", channel.guild, data)

    def channel_deleted(self, channel: Channel) -> None:
        if channel.is_thread:
            keys = ("id", "guild_id", "parent_id", "type")
            self._thread("THREAD_DELETE", channel, {key: views.channel_json(channel)[key] for key in keys})
        else:
            self._guild("CHANNEL_DELETE", channel.guild, views.channel_json(channel))

    # -- servers ------------------------------------------------------------------------------------------------

    def guild_created(self, guild: Guild) -> None:
        self._guild("GUILD_CREATE", guild, guild_views.guild_event(guild))

    def guild_deleted(self, guild: Guild) -> None:
        self._send(Event(name="GUILD_DELETE", guild=guild, needs=Intents.GUILDS, data=lambda _: {"id": str(guild.id)}))

    def role_created(self, role: Role) -> None:
        self._guild("GUILD_ROLE_CREATE", role.guild, {"role": guild_views.role_json(role)})

    def role_updated(self, role: Role) -> None:
        self._guild("GUILD_ROLE_UPDATE", role.guild, {"role": guild_views.role_json(role)})

    def member_updated(self, membership: Membership) -> None:
        """An application is told of its own changes without the members intent (Discord's docs)."""
        own = membership.person is self._state.bot
        self._guild(
            "GUILD_MEMBER_UPDATE",
            membership.guild,
            views.member_json(membership, user=True),
            NONE if own else Intents.GUILD_MEMBERS,
        )

    # -- interactions -------------------------------------------------------------------------------------------

    def interaction_created(self, interaction: Interaction) -> None:
        data = interaction_json(interaction)
        self._send(Event(name="INTERACTION_CREATE", guild=interaction.channel.guild, needs=NONE, data=lambda _: data))

    # -- inside -------------------------------------------------------------------------------------------------

    def _of_message(self, name: str, message: Message) -> None:
        channel = message.channel
        if message.visible_to is None and channel.sees(self._state.bot):
            by_sight = {reads: message_event(message, reads=reads) for reads in (False, True)}
            needs = Intents.GUILD_MESSAGES if channel.guild else Intents.DIRECT_MESSAGES
            self._send(Event(name=name, guild=channel.guild, needs=needs, data=by_sight.__getitem__))
        self._state.changed()

    def _in_channel(self, name: str, channel: Channel, data: Json, in_guild: Intents, in_dm: Intents) -> None:
        data["channel_id"] = str(channel.id)
        if channel.guild is not None:
            data["guild_id"] = str(channel.guild.id)
        if channel.sees(self._state.bot):
            needs = in_guild if channel.guild else in_dm
            self._send(Event(name=name, guild=channel.guild, needs=needs, data=lambda _: data))
        self._state.changed()

    def _thread(self, name: str, thread: Channel, data: Json) -> None:
        if thread.sees(self._state.bot):
            self._guild(name, thread.guild, data)
        self._state.changed()

    def _guild(self, name: str, guild: Guild | None, data: Json, needs: Intents = Intents.GUILDS) -> None:
        if guild is not None and guild.has_bot:
            told = data if name == "GUILD_CREATE" else {**data, "guild_id": str(guild.id)}
            self._send(Event(name=name, guild=guild, needs=needs, data=lambda _: told))
        self._state.changed()

    def _send(self, event: Event) -> None:
        if self.listener is not None:
            self.listener(event)
        self._state.changed()
