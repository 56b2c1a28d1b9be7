"""What is a server: its members, roles and channels?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from tests.emulators.discord.channels import Channel, ChannelKind
from tests.emulators.discord.permissions import EVERYONE, NONE, Permission, in_guild

if TYPE_CHECKING:
    from tests.emulators.discord.people import Person
    from tests.emulators.discord.state import State

MEBIBYTE = 2**20
UPLOAD_LIMIT = 10 * MEBIBYTE  # per file, for everybody, where nothing raises it (Discord's docs)
UPLOAD_LIMIT_BY_TIER = {0: UPLOAD_LIMIT, 1: UPLOAD_LIMIT, 2: 50 * MEBIBYTE, 3: 100 * MEBIBYTE}
UPLOAD_LIMIT_BY_FEATURE = {"MAX_FILE_SIZE_50_MB": 50 * MEBIBYTE, "MAX_FILE_SIZE_100_MB": 100 * MEBIBYTE}


@dataclass(eq=False, kw_only=True, slots=True)
class Role:
    id: int
    guild: Guild
    name: str
    permissions: Permission
    position: int
    mentionable: bool = False
    managed: bool = False  # the application's own role

    def set_permissions(self, permissions: Permission) -> None:
        """Change what the role may; whoever is connected learns it."""
        self.permissions = permissions
        self.guild.state.tell.role_updated(self)


@dataclass(eq=False, kw_only=True, slots=True)
class Membership:
    """One person in one server."""

    person: Person
    guild: Guild
    joined_at: float
    roles: list[Role] = field(default_factory=list)
    nick: str | None = None


@dataclass(eq=False, kw_only=True, slots=True)
class Guild:
    """A server. tier: of its boosts; features: as the API names them. max_active_threads: 1000 on Discord."""

    state: State
    id: int
    name: str
    tier: int = 0
    features: tuple[str, ...] = ()
    max_active_threads: int = 1000
    owner: Person | None = None
    has_bot: bool = True
    roles: list[Role] = field(default_factory=list)
    memberships: dict[int, Membership] = field(default_factory=dict)

    # -- building -----------------------------------------------------------------------------------------------

    def member(self, name: str, *, roles: tuple[Role, ...] = (), bot: bool = False) -> Person:
        """A new person, who has joined."""
        return self.join(self.state.new_person(name, bot=bot), roles=roles)

    def join(self, person: Person, *, roles: tuple[Role, ...] = ()) -> Person:
        self.memberships[person.id] = Membership(
            person=person, guild=self, joined_at=self.state.clock.now(), roles=list(roles)
        )
        return person

    def role(self, name: str, *, permissions: Permission = NONE, mentionable: bool = False) -> Role:
        made = Role(
            id=self.state.ids.next(),
            guild=self,
            name=name,
            permissions=permissions,
            position=len(self.roles),
            mentionable=mentionable,
        )
        self.roles.append(made)
        self.state.tell.role_created(made)
        return made

    def channel(self, name: str, kind: ChannelKind, *, nsfw: bool = False) -> Channel:
        made = Channel(
            state=self.state,
            id=self.state.ids.next(),
            kind=kind,
            name=name,
            guild=self,
            nsfw=nsfw,
            position=len(self.channels),
        )
        self.state.channels[made.id] = made
        self.state.tell.channel_created(made)
        return made

    def text(self, name: str) -> Channel:
        return self.channel(name, ChannelKind.TEXT)

    def announcement(self, name: str) -> Channel:
        return self.channel(name, ChannelKind.ANNOUNCEMENT)

    def voice(self, name: str) -> Channel:
        return self.channel(name, ChannelKind.VOICE)

    def stage(self, name: str) -> Channel:
        return self.channel(name, ChannelKind.STAGE)

    def forum(self, name: str) -> Channel:
        return self.channel(name, ChannelKind.FORUM)

    def media(self, name: str) -> Channel:
        return self.channel(name, ChannelKind.MEDIA)

    def category(self, name: str) -> Channel:
        return self.channel(name, ChannelKind.CATEGORY)

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def everyone(self) -> Role:
        return self.roles[0]

    @property
    def bot_role(self) -> Role:
        """The application's own role, made when it was installed: what the invite link asked for."""
        return next(role for role in self.roles if role.managed)

    @property
    def channels(self) -> list[Channel]:
        return [channel for channel in self.state.channels.values() if channel.guild is self and not channel.is_thread]

    @property
    def threads(self) -> list[Channel]:
        """Every thread that was not deleted, archived ones too."""
        return [channel for channel in self.state.channels.values() if channel.guild is self and channel.is_thread]

    @property
    def upload_limit(self) -> int:
        """Bytes per file: by boost, or by the features of a server without tiers, whichever is more."""
        by_feature = [UPLOAD_LIMIT_BY_FEATURE[name] for name in self.features if name in UPLOAD_LIMIT_BY_FEATURE]
        return max([UPLOAD_LIMIT_BY_TIER[self.tier], *by_feature])

    def permissions_of(self, person: Person) -> Permission:
        """What a person may in the server at large; nothing, if they are not a member."""
        membership = self.memberships.get(person.id)
        if membership is None:
            return NONE
        if person is self.owner:
            return Permission(sum(Permission))
        return in_guild(self.everyone.permissions, [role.permissions for role in membership.roles])

    # -- changing -----------------------------------------------------------------------------------------------

    def give(self, person: Person, *roles: Role) -> None:
        """Set a member's roles."""
        self.memberships[person.id].roles = list(roles)
        self.state.tell.member_updated(self.memberships[person.id])

    def remove_bot(self) -> None:
        """The application is thrown out of the server."""
        self.has_bot = False
        self.memberships.pop(self.state.bot.id, None)
        self.state.tell.guild_deleted(self)


def furnish(guild: Guild, *, bot_permissions: Permission) -> None:
    """Give a new server its two first roles and the application as a member."""
    state = guild.state
    guild.roles.append(Role(id=guild.id, guild=guild, name="@everyone", permissions=EVERYONE, position=0))
    bots = Role(
        id=state.ids.next(), guild=guild, name=state.bot.name, permissions=bot_permissions, position=1, managed=True
    )
    guild.roles.append(bots)
    guild.join(state.bot, roles=(bots,))
