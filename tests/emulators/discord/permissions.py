"""Who may do what, and where? Roles, overwrites of channels, and what the lack of one permission takes with it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntFlag


class Permission(IntFlag):
    """Bits as Discord documents them (topics/permissions); those that a picture bot or its members meet."""

    ADMINISTRATOR = 1 << 3
    MANAGE_CHANNELS = 1 << 4
    MANAGE_GUILD = 1 << 5
    ADD_REACTIONS = 1 << 6
    VIEW_CHANNEL = 1 << 10
    SEND_MESSAGES = 1 << 11
    SEND_TTS_MESSAGES = 1 << 12
    MANAGE_MESSAGES = 1 << 13
    EMBED_LINKS = 1 << 14
    ATTACH_FILES = 1 << 15
    READ_MESSAGE_HISTORY = 1 << 16
    MENTION_EVERYONE = 1 << 17
    USE_EXTERNAL_EMOJIS = 1 << 18
    CONNECT = 1 << 20
    MANAGE_ROLES = 1 << 28
    USE_APPLICATION_COMMANDS = 1 << 31
    MANAGE_THREADS = 1 << 34
    CREATE_PUBLIC_THREADS = 1 << 35
    CREATE_PRIVATE_THREADS = 1 << 36
    USE_EXTERNAL_STICKERS = 1 << 37
    SEND_MESSAGES_IN_THREADS = 1 << 38
    USE_EXTERNAL_APPS = 1 << 50


NONE = Permission(0)
ALL = Permission(sum(Permission))
EVERYONE = (  # what a new server gives everybody
    Permission.ADD_REACTIONS
    | Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.EMBED_LINKS
    | Permission.ATTACH_FILES
    | Permission.READ_MESSAGE_HISTORY
    | Permission.USE_EXTERNAL_EMOJIS
    | Permission.CONNECT
    | Permission.USE_APPLICATION_COMMANDS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.USE_EXTERNAL_APPS
)

_FALL_WITH_SENDING = (
    Permission.MENTION_EVERYONE | Permission.SEND_TTS_MESSAGES | Permission.ATTACH_FILES | Permission.EMBED_LINKS
)


@dataclass(kw_only=True, slots=True)
class Overwrite:
    """What one channel allows and denies one role or one person. of_role: which of the two `target` is."""

    target: int
    of_role: bool
    allow: Permission = NONE
    deny: Permission = NONE


def in_guild(everyone: Permission, of_roles: Iterable[Permission]) -> Permission:
    """What a member may do in the server at large."""
    base = everyone
    for permissions in of_roles:
        base |= permissions
    return ALL if base & Permission.ADMINISTRATOR else base


def in_channel(
    base: Permission,
    overwrites: Iterable[Overwrite],
    *,
    everyone: int,
    roles: frozenset[int],
    person: int,
    thread: bool,
) -> Permission:
    """What a member may do in a channel: everyone's overwrite, then the roles' together, then the member's own.

    thread: whether the right to write is SEND_MESSAGES_IN_THREADS, without which attaching and embedding fall too.
    """
    if base & Permission.ADMINISTRATOR:
        return ALL
    by_target = {overwrite.target: overwrite for overwrite in overwrites}
    if everyone in by_target:
        base = base & ~by_target[everyone].deny | by_target[everyone].allow
    of_roles = [by_target[role] for role in roles if role in by_target and role != everyone]
    for overwrite in of_roles:
        base &= ~overwrite.deny
    for overwrite in of_roles:
        base |= overwrite.allow
    if person in by_target:
        base = base & ~by_target[person].deny | by_target[person].allow
    return _implied(base, thread=thread)


def _implied(base: Permission, *, thread: bool) -> Permission:
    """Discord's implicit permissions: who does not see a channel can do nothing there, who cannot write cannot attach."""
    if not base & Permission.VIEW_CHANNEL:
        return NONE
    writing = Permission.SEND_MESSAGES_IN_THREADS if thread else Permission.SEND_MESSAGES
    return base if base & writing else base & ~_FALL_WITH_SENDING
