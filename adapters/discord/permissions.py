"""May the bot answer here, and how: in a thread of its own, or in place? And which permissions does its invite ask for?"""

from __future__ import annotations

from enum import StrEnum

import discord

NEEDED = discord.Permissions(
    view_channel=True,
    send_messages=True,
    create_public_threads=True,
    send_messages_in_threads=True,
    attach_files=True,
    read_message_history=True,
    add_reactions=True,
)
"""Exactly what the bot uses; each is named with its use in deploy/README.md."""

_NAMES = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "create_public_threads": "Create Public Threads",
    "send_messages_in_threads": "Send Messages in Threads",
    "attach_files": "Attach Files",
    "read_message_history": "Read Message History",
}

_IN_A_THREAD = ("send_messages_in_threads",)  # Send Messages has no effect in threads (docs)
_IN_A_NEW_THREAD = ("create_public_threads", "send_messages_in_threads")
_IN_PLACE = ("send_messages",)
_ANYWHERE = ("view_channel", "read_message_history", "attach_files")


class Spot(StrEnum):
    """What kind of place a member speaks in, as far as it decides where the answer goes."""

    CHANNEL = "channel"  # text or announcements: the answer gets a thread
    THREAD = "thread"  # a thread or a post of a forum: threads have no threads
    ROOM = "room"  # the chat of a voice or stage channel: no threads at all
    PRIVATE = "private"  # a direct message with the bot


_SPOTS = {
    discord.ChannelType.text: Spot.CHANNEL,
    discord.ChannelType.news: Spot.CHANNEL,
    discord.ChannelType.public_thread: Spot.THREAD,
    discord.ChannelType.private_thread: Spot.THREAD,
    discord.ChannelType.news_thread: Spot.THREAD,
    discord.ChannelType.private: Spot.PRIVATE,
    discord.ChannelType.group: Spot.PRIVATE,
}


def spot(kind: discord.ChannelType | None) -> Spot:
    """A kind that Discord invents later is answered in place."""
    return _SPOTS.get(kind, Spot.ROOM) if kind is not None else Spot.ROOM


def opens_thread(where: Spot, granted: discord.Permissions) -> bool:
    """Whether the answer gets a thread of its own: made only where the bot may also write in it."""
    return where is Spot.CHANNEL and not _lacking(granted, _IN_A_NEW_THREAD)


def missing(where: Spot, granted: discord.Permissions) -> list[str]:
    """Names of the permissions without which no picture can be posted here, as Discord's settings show them.

    Who may not write is shown without Attach Files, whatever the settings say of it (docs: implicit permissions). So where
    writing is denied, that alone is named; and where it is denied in the channel only, nobody knows about its threads.
    """
    if where is Spot.PRIVATE:
        return []
    needed = _IN_A_THREAD if where is Spot.THREAD else _IN_PLACE
    writing = _lacking(granted, needed)
    lacking = [name for name in _lacking(granted, _ANYWHERE) if not (writing and name == "attach_files")]
    if not opens_thread(where, granted):
        lacking += writing
    return [_NAMES[name] for name in lacking]


def _lacking(granted: discord.Permissions, names: tuple[str, ...]) -> list[str]:
    if granted.administrator:
        return []
    return [name for name in names if not getattr(granted, name)]


def invite(application_id: int) -> str:
    """The link by which a server's admin adds the bot, with exactly the permissions it needs."""
    return discord.utils.oauth_url(application_id, permissions=NEEDED, scopes=("bot", "applications.commands"))
