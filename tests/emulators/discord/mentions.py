"""Whom does a message notify, and whom does it only seem to mention?"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.refusals import invalid

if TYPE_CHECKING:
    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.guilds import Role
    from tests.emulators.discord.messages import Message
    from tests.emulators.discord.people import Person

Json = dict[str, Any]
KINDS = frozenset({"users", "roles", "everyone"})


@dataclass(frozen=True, kw_only=True, slots=True)
class Allowed:
    """What may notify. users, roles: ids that may, beside whole `kinds`."""

    kinds: frozenset[str]
    users: frozenset[int] = frozenset()
    roles: frozenset[int] = frozenset()
    replied_user: bool = False


ANYTHING = Allowed(kinds=KINDS, replied_user=True)  # a message of a bot or a member that doesn't say (Discord's docs)
USERS_ONLY = Allowed(kinds=frozenset({"users"}), replied_user=True)  # the same of an interaction's answer


@dataclass(frozen=True, kw_only=True, slots=True)
class Pings:
    """Who is notified by a message, as its payload tells it.

    named: by its words. users: these, and who is notified because the message answers theirs (`replied`).
    """

    named: tuple[Person, ...] = ()
    replied: Message | None = None
    roles: tuple[Role, ...] = ()
    everyone: bool = False

    @property
    def users(self) -> tuple[Person, ...]:
        if self.replied is None or self.replied.author in self.named:
            return self.named
        return (*self.named, self.replied.author)

    def carries_words_to(self, person: Person) -> bool:
        """Whether an application without the message content intent may read the message all the same (Discord's docs):
        it is mentioned, or notified because a regular message of its own is answered.
        """
        if person in self.named:
            return True
        return self.replied is not None and self.replied.author is person and self.replied.is_regular


def read_allowed(value: Json | None, default: Allowed) -> Allowed:
    """`allowed_mentions` of a body; there and silent, it allows nothing. Refuses what contradicts itself."""
    if value is None:
        return default
    kinds = frozenset(value.get("parse") or ())
    if not kinds <= KINDS:
        raise invalid(
            "allowed_mentions.parse", "BASE_TYPE_CHOICES", "Value must be one of ('users', 'roles', 'everyone')."
        )
    for kind in ("users", "roles"):
        named = value.get(kind) or []
        if len(named) > 100:
            raise invalid(f"allowed_mentions.{kind}", "BASE_TYPE_MAX_LENGTH", "Must be 100 or fewer in length.")
        if named and kind in kinds:
            raise invalid(
                "allowed_mentions",
                "MESSAGE_ALLOWED_MENTIONS_PARSE_EXCLUSIVE",
                f"parse:{kind!r} and {kind}: [ids...] are mutually exclusive.",
            )
    return Allowed(
        kinds=kinds,
        users=frozenset(int(id) for id in value.get("users") or ()),
        roles=frozenset(int(id) for id in value.get("roles") or ()),
        replied_user=bool(value.get("replied_user")),
    )


def pings(channel: Channel, author: Person, text: str, allowed: Allowed, *, replied_to: Message | None = None) -> Pings:
    """Whom a text notifies in a channel, given what its author allows and may do."""
    named = tuple(
        person for person in _people_named(channel, text) if "users" in allowed.kinds or person.id in allowed.users
    )
    notifies_author = replied_to is not None and allowed.replied_user and replied_to.author is not author
    may_everyone = bool(channel.permissions_of(author) & Permission.MENTION_EVERYONE)
    roles = [
        role
        for role in _roles_named(channel, text)
        if ("roles" in allowed.kinds or role.id in allowed.roles) and (role.mentionable or may_everyone)
    ]
    everyone = bool(re.search("@(everyone|here)", text)) and "everyone" in allowed.kinds and may_everyone
    return Pings(
        named=named,
        replied=replied_to if notifies_author else None,
        roles=tuple(roles),
        everyone=everyone and channel.guild is not None,
    )


def notified(channel: Channel, author: Person, found: Pings) -> set[Person]:
    """The people behind it: members of a role or of the server who can see the channel, but never the author."""
    people = set(found.users)
    if channel.guild is not None:
        for membership in channel.guild.memberships.values():
            if found.everyone or any(role in membership.roles for role in found.roles):
                people.add(membership.person)
    return {person for person in people if person is not author and channel.sees(person)}


def _people_named(channel: Channel, text: str) -> list[Person]:
    ids = dict.fromkeys(int(id) for id in re.findall(r"<@!?(\d+)>", text))
    return [channel.state.people[id] for id in ids if id in channel.state.people]


def _roles_named(channel: Channel, text: str) -> list[Role]:
    if channel.guild is None:
        return []
    ids = dict.fromkeys(int(id) for id in re.findall(r"<@&(\d+)>", text))
    return [role for role in channel.guild.roles if role.id in ids]
