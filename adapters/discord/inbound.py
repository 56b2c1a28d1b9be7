"""What did somebody on Discord say? Its interactions and messages -> the core's requests; pure, and nothing is decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import discord

from adapters.discord import buttons
from adapters.discord.permissions import Spot, opens_thread, spot
from bot.model import DIRECT, Attachment, ConversationRef, ImageRequest, Json, MessageRef, Person, Utterance

PLATFORM = "discord"
PRIVATE_WORKSPACE = DIRECT

_CUSTOM_EMOJI = re.compile(r"<a?:\w+:\d+>")
_TIMES_AND_LINKS = re.compile(r"<(?:t:-?\d+(?::\w)?|/[^:>]+:\d+|id:\w+)>")
_USER = re.compile(r"<@!?(\d+)>")
_ROLE = re.compile(r"<@&(\d+)>")
_CHANNEL = re.compile(r"<#(\d+)>")
_FIRST_MENTION = re.compile(r"\s*<@([!&]?)(\d+)>")
_SPOKEN = frozenset({discord.MessageType.default, discord.MessageType.reply})


# -- interactions ----------------------------------------------------------------------------------------------------


def person(user: discord.abc.User) -> Person:
    return Person(id=str(user.id), name=user.display_name)


def roles(user: discord.abc.User) -> tuple[str, ...]:
    """The ids of a member's roles, the one of everybody left out; none in direct messages."""
    ids: Iterable[int] = getattr(user, "_roles", ())  # the payload's own list: `roles` knows only roles of the cache
    return tuple(str(id) for id in ids)


def place(interaction: discord.Interaction[Any]) -> ConversationRef:
    """Where the answer will live. thread: None where it gets a thread of its own."""
    channel = interaction.channel
    here = str(interaction.channel_id)
    where = spot(getattr(channel, "type", None))
    workspace = str(interaction.guild_id) if interaction.guild_id else PRIVATE_WORKSPACE
    if where is Spot.THREAD:
        parent = getattr(channel, "parent_id", None)
        return ConversationRef(platform=PLATFORM, workspace=workspace, channel=str(parent or here), thread=here)
    thread = None if opens_thread(where, interaction.app_permissions) else here
    return ConversationRef(platform=PLATFORM, workspace=workspace, channel=here, thread=thread)


def request(
    interaction: discord.Interaction[Any],
    text: str,
    attachments: Sequence[Attachment] = (),
    *,
    aspect_ratio: str | None = None,
) -> ImageRequest:
    """A request that is acknowledged with its card."""
    return ImageRequest(
        source_id=source_id(interaction),
        requester=person(interaction.user),
        place=place(interaction),
        text=_named(text, _resolved_users(interaction.data)),
        aspect_ratio=aspect_ratio,
        attachments=tuple(attachments),
        roles=roles(interaction.user),
        placed=False,
    )


def source_id(interaction: discord.Interaction[Any]) -> str:
    return f"{PLATFORM}:interaction:{interaction.id}"


def interaction_of(source: str) -> int | None:
    """The interaction that a job came of; None when it came of anything else."""
    kind, _, id = source.removeprefix(f"{PLATFORM}:").partition(":")
    return int(id) if kind == "interaction" and id.isdigit() else None


@dataclass(frozen=True, kw_only=True, slots=True)
class Submitted:
    """What was entered in the window for editing. custom_id: what it was opened for."""

    custom_id: str
    words: str
    pictures: tuple[Attachment, ...]


def submitted(data: Mapping[str, Any]) -> Submitted:
    """Read from the payload alone, since a window may have been opened by a process that is no more."""
    uploads = data.get("resolved", {}).get("attachments", {})
    words, pictures = "", []
    for field in _fields(data.get("components", ())):
        if isinstance(field.get("value"), str):
            words = field["value"]
        pictures += [_attachment(uploads[id]) for id in field.get("values", ()) if id in uploads]
    return Submitted(custom_id=data["custom_id"], words=words, pictures=tuple(pictures))


def _fields(components: Iterable[Json]) -> Iterable[Json]:
    for component in components:
        if "component" in component:
            yield component["component"]
        yield from _fields(component.get("components", ()))


def _resolved_users(data: Any) -> dict[str, str]:
    users = (data or {}).get("resolved", {}).get("users", {})
    return {id: user.get("global_name") or user.get("username", "") for id, user in users.items()}


# -- messages --------------------------------------------------------------------------------------------------------


def spoken(message: discord.Message) -> bool:
    """Whether somebody said it: Discord writes messages about joins, pins and names of threads too."""
    return message.type in _SPOKEN


def answered(message: discord.Message) -> int | None:
    """The message that it explicitly answers; a forwarded message answers nothing."""
    reference = message.reference
    if reference is None or reference.type is not discord.MessageReferenceType.reply:
        return None
    return reference.message_id


def addresses(message: discord.Message, me: int, my_roles: Iterable[int] = ()) -> bool:
    """Whether it mentions the bot in its words or answers a message of the bot. my_roles: as for `utterance`."""
    return _mentions_me(message, me, my_roles) or _answers_me(message, me)


def utterance(
    message: discord.Message, *, me: int, where: ConversationRef, plain_talk: bool, my_roles: Iterable[int] = ()
) -> Utterance:
    """A message as the core hears it. me: the bot's id; my_roles: roles that stand for the bot when they are mentioned.

    plain_talk: the bot made this place, so that plain words may be meant for it.
    """
    own_roles = frozenset(my_roles)
    to = answered(message)
    return Utterance(
        source_id=f"{PLATFORM}:message:{message.id}",
        author=person(message.author),
        author_is_bot=message.author.bot or message.webhook_id is not None,
        place=where,
        text=words(message, me),
        attachments=attachments(message),
        message=MessageRef(platform=PLATFORM, channel=str(message.channel.id), id=str(message.id)),
        replied_to=MessageRef(platform=PLATFORM, channel=str(message.channel.id), id=str(to)) if to else None,
        replied_to_bot=_answers_me(message, me),
        answered_job=_answered_job(message),
        mentions_bot=_mentions_me(message, me, own_roles),
        begins_with_mention=_begins_with_another(message.content, me, own_roles),
        private=where.workspace == PRIVATE_WORKSPACE,
        roles=roles(message.author),
        plain_talk=plain_talk,
    )


def words(message: discord.Message, me: int) -> str:
    """The text without the bot's own mention, custom emoji and other markup; people by their names."""
    people = {str(user.id): user.display_name for user in message.mentions}
    text = re.sub(rf"<@!?{me}>", " ", message.content)
    return _named(text, people)


def attachments(message: discord.Message) -> tuple[Attachment, ...]:
    """Its files, those of a forwarded message included; voice messages are no files."""
    forwarded = [file for snapshot in message.message_snapshots for file in snapshot.attachments]
    return tuple(
        attached(file, channel=message.channel.id, message=message.id)
        for file in (*message.attachments, *forwarded)
        if not file.is_voice_message()
    )


def pictures(message: discord.Message) -> tuple[Attachment, ...]:
    """Those of its files that may be pictures, by what Discord says of them; it doesn't know every kind of picture."""
    return tuple(
        file
        for file in attachments(message)
        if (file.media_type or "application/octet-stream").startswith(("image/", "application/octet-stream"))
    )


def _answers_me(message: discord.Message, me: int) -> bool:
    """By the answered message that Discord sends along; where that is deleted, nobody can tell whose it was."""
    if answered(message) is None or message.reference is None:
        return False
    resolved = message.reference.resolved
    return isinstance(resolved, discord.Message) and resolved.author.id == me


def _answered_job(message: discord.Message) -> tuple[str, int] | None:
    """What the buttons of the answered message say of it; whose message that is, is said by `_answers_me`."""
    resolved = message.reference.resolved if answered(message) is not None and message.reference else None
    if not isinstance(resolved, discord.Message):
        return None
    found = buttons.presses(component.to_dict() for component in resolved.components)
    return (found[0].job_id, found[0].image) if found else None


def _mentions_me(message: discord.Message, me: int, my_roles: Iterable[int]) -> bool:
    """By name, or by the role that Discord gives each bot: the picker offers both side by side."""
    return any(int(id) == me for id in _USER.findall(message.content)) or any(
        id in message.raw_role_mentions for id in my_roles
    )


def _begins_with_another(content: str, me: int, my_roles: frozenset[int]) -> bool:
    first = _FIRST_MENTION.match(content)
    if first is None:
        return False
    id = int(first[2])
    return id not in my_roles if first[1] == "&" else id != me


def _named(text: str, people: Mapping[str, str]) -> str:
    """Mentions become names where they are known; what is markup and not words goes."""
    text = _USER.sub(lambda found: people.get(found[1], ""), text)
    for markup in (_ROLE, _CHANNEL, _CUSTOM_EMOJI, _TIMES_AND_LINKS):
        text = markup.sub(" ", text)
    return re.sub(r"[ \t]{2,}", " ", text).strip()


# -- attached files --------------------------------------------------------------------------------------------------


def attached(file: discord.Attachment, *, channel: int | None = None, message: int | None = None) -> Attachment:
    """A file of a message, or of a command, which stands in no message."""
    return Attachment(
        name=file.filename,
        address=address(file.url, id=file.id, channel=channel, message=message),
        size=file.size,
        media_type=file.content_type,
    )


def address(url: str, *, id: int, channel: int | None, message: int | None) -> str:
    """What finds a file's bytes: its link, and, because links expire, the message that can give a fresh one."""
    return f"{channel or ''}/{message or ''}/{id} {url}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """Where a file's bytes are. channel, message: None for files of commands, whose link is all there is."""

    url: str
    id: str
    channel: int | None
    message: int | None


def source(address: str) -> Source:
    origin, _, url = address.partition(" ")
    channel, message, id = origin.split("/")
    return Source(url=url, id=id, channel=int(channel) if channel else None, message=int(message) if message else None)


def _attachment(payload: Mapping[str, Any]) -> Attachment:
    return Attachment(
        name=payload["filename"],
        address=address(payload["url"], id=int(payload["id"]), channel=None, message=None),
        size=payload["size"],
        media_type=payload.get("content_type"),
    )
