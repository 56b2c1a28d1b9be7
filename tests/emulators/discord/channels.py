"""What is a channel, a thread or a DM, and who may do what in it?"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING

from tests.emulators.discord.permissions import ALL, NONE, Overwrite, Permission, in_channel

if TYPE_CHECKING:
    from tests.emulators.discord.guilds import Guild, Role
    from tests.emulators.discord.messages import Message
    from tests.emulators.discord.people import Person
    from tests.emulators.discord.state import State


class ChannelKind(IntEnum):
    """Numbers as on the wire."""

    TEXT = 0
    DM = 1
    VOICE = 2
    CATEGORY = 4
    ANNOUNCEMENT = 5
    ANNOUNCEMENT_THREAD = 10
    PUBLIC_THREAD = 11
    PRIVATE_THREAD = 12
    STAGE = 13
    FORUM = 15
    MEDIA = 16


THREADS = frozenset({ChannelKind.ANNOUNCEMENT_THREAD, ChannelKind.PUBLIC_THREAD, ChannelKind.PRIVATE_THREAD})
POSTS_ONLY = frozenset({ChannelKind.FORUM, ChannelKind.MEDIA})
THREAD_OF = {ChannelKind.TEXT: ChannelKind.PUBLIC_THREAD, ChannelKind.ANNOUNCEMENT: ChannelKind.ANNOUNCEMENT_THREAD}
ARCHIVE_AFTER = (60, 1440, 4320, 10080)  # minutes of silence that can be chosen (Discord's docs)


@dataclass(eq=False, kw_only=True, slots=True)
class ThreadLife:
    """What a thread has beyond a channel. auto_archive: minutes of silence. active_at: of the last message."""

    owner: Person
    auto_archive: int
    created_at: float
    active_at: float
    archive_changed_at: float
    archived: bool = False
    locked: bool = False
    members: set[int] = field(default_factory=set)
    sent: int = 0  # messages ever written, the first not counted


@dataclass(eq=False, kw_only=True, slots=True)
class Channel:
    """A place with messages, or one that could have some. guild: None for a DM, whose one human is `recipient`."""

    state: State
    id: int
    kind: ChannelKind
    name: str = ""
    guild: Guild | None = None
    parent: Channel | None = None
    recipient: Person | None = None
    life: ThreadLife | None = None
    nsfw: bool = False
    position: int = 0
    overwrites: list[Overwrite] = field(default_factory=list)
    log: dict[int, Message] = field(default_factory=dict)  # by id, ephemeral ones too
    last_message_id: int | None = None

    def __repr__(self) -> str:
        return f"<{self.kind.name.lower()} {self.name or self.id}>"

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def is_thread(self) -> bool:
        return self.kind in THREADS

    @property
    def thread(self) -> ThreadLife:
        """What only threads have; a mistake of the caller elsewhere."""
        assert self.life is not None, f"{self} is no thread"
        return self.life

    @property
    def messages(self) -> list[Message]:
        """What everybody in the channel sees, oldest first."""
        return [message for message in self.log.values() if message.visible_to is None]

    @property
    def threads(self) -> list[Channel]:
        return [channel for channel in self.state.channels.values() if channel.parent is self and channel.is_thread]

    @property
    def deleted(self) -> bool:
        return self.id not in self.state.channels

    @property
    def upload_limit(self) -> int:
        """Bytes per file that the application may post here."""
        from tests.emulators.discord.guilds import UPLOAD_LIMIT  # noqa: PLC0415  a guild has channels

        return self.guild.upload_limit if self.guild else UPLOAD_LIMIT

    def permissions_of(self, person: Person) -> Permission:
        """What a person may do here. In a DM its two sides may do everything that a DM has."""
        if self.guild is None:
            return ALL if person in (self.recipient, self.state.bot) else NONE
        if person.id not in self.guild.memberships:
            return NONE
        if person is self.guild.owner:
            return ALL
        place = self.parent if self.is_thread and self.parent else self
        return in_channel(
            self.guild.permissions_of(person),
            place.overwrites,
            everyone=self.guild.id,
            roles=frozenset(role.id for role in self.guild.memberships[person.id].roles),
            person=person.id,
            thread=self.is_thread,
        )

    def sees(self, person: Person) -> bool:
        """Whether a person can look into the channel."""
        if self.kind == ChannelKind.PRIVATE_THREAD and person.id not in self.thread.members:
            return bool(self.permissions_of(person) & Permission.MANAGE_THREADS)
        return bool(self.permissions_of(person) & Permission.VIEW_CHANNEL)

    # -- changing (as a moderator would; the bot is told by the gateway) ------------------------------------------

    def allow(self, target: Person | Role, permissions: Permission) -> None:
        """Allow a person or a role something in this channel, whatever their roles say."""
        overwrite = self._overwrite(target)
        overwrite.allow |= permissions
        overwrite.deny &= ~permissions
        self._permissions_changed()

    def deny(self, target: Person | Role, permissions: Permission) -> None:
        """Take something from a person or a role in this channel, and so in its threads."""
        overwrite = self._overwrite(target)
        overwrite.deny |= permissions
        overwrite.allow &= ~permissions
        self._permissions_changed()

    def delete(self) -> None:
        self.state.acts.delete_channel(self)

    def archive(self) -> None:
        self.state.acts.change_thread(self, archived=True)

    def lock(self) -> None:
        """As moderators do it: closed and locked."""
        self.state.acts.change_thread(self, archived=True, locked=True)

    def reopen(self) -> None:
        self.state.acts.change_thread(self, archived=False, locked=False)

    def _overwrite(self, target: Person | Role) -> Overwrite:
        of_role = self.guild is not None and target in self.guild.roles
        for overwrite in self.overwrites:
            if overwrite.target == target.id:
                return overwrite
        made = Overwrite(target=target.id, of_role=of_role)
        self.overwrites.append(made)
        return made

    def _permissions_changed(self) -> None:
        self.state.tell.channel_updated(self)
