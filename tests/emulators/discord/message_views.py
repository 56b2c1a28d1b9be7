"""How does a message look on the wire, and what of it may the application read?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.discord.intents import Intents
from tests.emulators.discord.messages import Message, MessageKind, Snapshot, media_urls
from tests.emulators.discord.views import attachment_json, channel_json, iso, iso_or_none, member_json, user_json

if TYPE_CHECKING:
    from tests.emulators.discord.files import Attachment
    from tests.emulators.discord.interactions import Interaction
    from tests.emulators.discord.messages import Reaction
    from tests.emulators.discord.state import State

Json = dict[str, Any]
BLANK: Json = {"content": "", "embeds": [], "attachments": [], "components": []}


def may_read(message: Message, *, reads: bool) -> bool:
    """Whether content, embeds, files and components of a message are shown to the application (Discord's docs).

    reads: it has the intent. Without it: its own messages, its DMs, messages that mention it, and replies with the ping
    on to a regular message of its own.
    """
    bot = message.channel.state.bot
    return reads or message.author is bot or message.channel.guild is None or message.pings.carries_words_to(bot)


def rest_reads(state: State) -> bool:
    """REST knows no session: what counts is the portal's switch."""
    return bool(state.application.enabled & Intents.MESSAGE_CONTENT)


def message_json(message: Message, *, reads: bool, answered: bool = True) -> Json:
    """The message as REST shows it. answered: with the message that it replies to, which itself is shown without, and
    without reactions (OpenAPI document).
    """
    state = message.channel.state
    readable = may_read(message, reads=reads)
    data: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "author": user_json(message.author),
        "type": int(message.kind),
        "flags": int(message.flags),
        "timestamp": iso(message.created_at),
        "edited_timestamp": iso_or_none(message.edited_at),
        "tts": message.tts,
        "pinned": False,
        "mention_everyone": message.pings.everyone,
        "mentions": [user_json(person) for person in message.pings.users],
        "mention_roles": [str(role.id) for role in message.pings.roles],
        **(_words(state, message, message.files) if readable else BLANK),
    }
    if message.reactions and answered:
        data["reactions"] = [_reaction_json(state, reaction) for reaction in message.reactions]
    if message.by is not None:
        data |= _of_interaction(message, message.by)
    if message.thread is not None:
        data["thread"] = channel_json(message.thread)
    if message.reference is not None:
        data |= _reference_json(message, reads=reads, answered=answered)
    if message.snapshots:
        data["message_snapshots"] = [
            {"message": _snapshot_json(state, snapshot, readable=readable)} for snapshot in message.snapshots
        ]
    return data


def message_event(message: Message, *, reads: bool) -> Json:
    """The message as the gateway tells of it: with its server and its author's membership."""
    data = message_json(message, reads=reads)
    data["channel_type"] = int(message.channel.kind)
    if message.nonce is not None and not message.edits:
        data["nonce"] = message.nonce
    guild = message.channel.guild
    if guild is not None:
        data["guild_id"] = str(guild.id)
        if message.author.id in guild.memberships:
            data["member"] = member_json(guild.memberships[message.author.id], user=False)
    return data


def _words(state: State, message: Message | Snapshot, files: list[Attachment] | tuple[Attachment, ...]) -> Json:
    embeds, components = list(message.embeds), list(message.components)
    shown = {url.removeprefix("attachment://") for url in media_urls(embeds, components)}
    by_name = {file.filename: file for file in reversed(files)}
    return {
        "content": message.content,
        "embeds": [_embed_json(state, embed, by_name) for embed in embeds],
        "components": [_component_json(state, component, by_name) for component in components],
        "attachments": [attachment_json(state, file) for file in files if file.filename not in shown],
    }


def _embed_json(state: State, embed: Json, files: dict[str, Attachment]) -> Json:
    data = {key: value for key, value in embed.items() if value is not None}
    data.setdefault("type", "rich")
    for part in ("image", "thumbnail"):
        if part in data:
            data[part] = _media_of_embed(state, data[part]["url"], files)
    for part in ("author", "footer"):
        if data.get(part, {}).get("icon_url"):
            link = _media_of_embed(state, data[part]["icon_url"], files)["url"]
            data[part] = {**data[part], "icon_url": link, "proxy_icon_url": link}
    return data


def _media_of_embed(state: State, url: str, files: dict[str, Attachment]) -> Json:
    file = files.get(url.removeprefix("attachment://"))
    if file is None:
        return {"url": url, "proxy_url": url, "width": 0, "height": 0}
    link = state.signer.link(file)
    data: Json = {"url": link, "proxy_url": link, "width": file.width or 0, "height": file.height or 0}
    if file.media_type:
        data["content_type"] = file.media_type
    if file.description:
        data["description"] = file.description
    return data


def _component_json(state: State, component: Json, files: dict[str, Attachment]) -> Json:
    data = {key: value for key, value in component.items() if value is not None}
    match data["type"]:
        case 2:
            data.setdefault("disabled", False)
        case 9:
            data["accessory"] = _component_json(state, data["accessory"], files)
        case 11:
            data |= {
                "media": _media(state, data["media"]["url"], files),
                "description": data.get("description"),
                "spoiler": bool(data.get("spoiler")),
            }
        case 12:
            data["items"] = [
                {
                    "media": _media(state, item["media"]["url"], files),
                    "description": item.get("description"),
                    "spoiler": bool(item.get("spoiler")),
                }
                for item in data["items"]
            ]
        case 13:
            file = files[data["file"]["url"].removeprefix("attachment://")]
            data |= {
                "file": _media(state, data["file"]["url"], files),
                "name": file.filename,
                "size": file.size,
                "spoiler": bool(data.get("spoiler")),
            }
        case 14:
            data |= {"divider": data.get("divider", True), "spacing": data.get("spacing", 1)}
        case 17:
            data |= {"accent_color": data.get("accent_color"), "spoiler": bool(data.get("spoiler"))}
    if "components" in data:
        data["components"] = [_component_json(state, inner, files) for inner in data["components"]]
    return data


def _media(state: State, url: str, files: dict[str, Attachment]) -> Json:
    file = files.get(url.removeprefix("attachment://"))
    if file is None:
        return {"id": "0", "url": url, "proxy_url": url, "width": None, "height": None, "content_type": None}
    link = state.signer.link(file)
    return {
        "id": str(file.id),
        "url": link,
        "proxy_url": link,
        "width": file.width,
        "height": file.height,
        "content_type": file.media_type,
        "attachment_id": str(file.id),
    }


def _reaction_json(state: State, reaction: Reaction) -> Json:
    return {
        "emoji": {"id": None, "name": reaction.emoji},
        "count": len(reaction.by),
        "count_details": {"burst": 0, "normal": len(reaction.by)},
        "burst_colors": [],
        "me_burst": False,
        "me": state.bot in reaction.by,
    }


def _of_interaction(message: Message, interaction: Interaction) -> Json:
    application = str(message.channel.state.application.id)
    return {
        "webhook_id": application,
        "application_id": application,
        "interaction_metadata": metadata_json(interaction),
    }


def metadata_json(interaction: Interaction) -> Json:
    data: Json = {
        "id": str(interaction.id),
        "type": int(interaction.kind),
        "user": user_json(interaction.person),
        "authorizing_integration_owners": owners_json(interaction),
    }
    if interaction.asked_by is not None:
        data["triggering_interaction_metadata"] = metadata_json(interaction.asked_by)
    elif interaction.message is not None:
        data["interacted_message_id"] = str(interaction.message.id)
    elif "target_id" in interaction.data:
        data["target_message_id"] = interaction.data["target_id"]
    return data


def owners_json(interaction: Interaction) -> Json:
    """Installed in a server; in the application's DM the owner is 0 (Discord's docs)."""
    guild = interaction.channel.guild
    return {"0": str(guild.id) if guild else "0"}


def _reference_json(message: Message, *, reads: bool, answered: bool) -> Json:
    reference = message.reference
    assert reference is not None
    pointer: Json = {
        "type": int(reference.forward),
        "channel_id": str(reference.channel_id),
    }
    if reference.message_id is not None:
        pointer["message_id"] = str(reference.message_id)
    if reference.guild_id is not None:
        pointer["guild_id"] = str(reference.guild_id)
    data: Json = {"message_reference": pointer}
    if answered and message.kind in {MessageKind.REPLY, MessageKind.THREAD_STARTER}:
        channel = message.channel.state.channels.get(reference.channel_id)
        found = channel.log.get(reference.message_id or 0) if channel else None
        data["referenced_message"] = message_json(found, reads=reads, answered=False) if found else None
    return data


def _snapshot_json(state: State, snapshot: Snapshot, *, readable: bool) -> Json:
    return {
        "type": int(snapshot.kind),
        "flags": int(snapshot.flags),
        "timestamp": iso(snapshot.created_at),
        "edited_timestamp": iso_or_none(snapshot.edited_at),
        "mentions": [],
        "mention_roles": [],
        **(_words(state, snapshot, snapshot.attachments) if readable else BLANK),
    }
