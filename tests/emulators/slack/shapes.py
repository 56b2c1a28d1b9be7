"""What do messages, files, channels, members and views look like on the wire?

Fields and their spelling follow exchanges recorded with the real client libraries, and Slack's reference of types.
"""

from typing import Any

from tests.emulators.slack.model import Bot, Channel, File, Message, View

Json = dict[str, Any]

IMAGE_TYPES = {"image/png": "png", "image/jpeg": "jpg", "image/gif": "gif", "image/webp": "webp", "image/heic": "heic"}
TYPES = {**IMAGE_TYPES, "application/pdf": "pdf", "text/plain": "text"}
UPDATED = 1_700_000_000


def bot_profile(bot: Bot) -> Json:
    icons = {f"image_{size}": f"https://a.slack-edge.com/bot_{size}.png" for size in (36, 48, 72)}
    return {
        "id": bot.id,
        "app_id": bot.app.id,
        "name": bot.app.name,
        "team_id": bot.workspace.id,
        "deleted": False,
        "updated": UPDATED,
        "icons": icons,
    }


def file_json(file: File, base_url: str) -> Json:
    """`mimetype` and `shares` are empty until Slack has looked at an upload."""
    if file.deleted:
        return {"id": file.id, "mode": "tombstone"}
    team = file.owner.workspace
    external = file.mode == "external"
    private = file.address or f"{base_url}/files-pri/{team.id}-{file.id}/{file.name.lower()}"
    kind = TYPES.get(file.mimetype, file.name.rpartition(".")[2] if file.mimetype else "")
    shape: Json = {
        "id": file.id,
        "created": file.created,
        "timestamp": file.created,
        "name": file.name,
        "title": file.title,
        "mimetype": file.mimetype,
        "filetype": kind,
        "pretty_type": kind.upper(),
        "user": file.owner.id,
        "user_team": team.id,
        "editable": file.mode == "snippet",
        "size": file.size,
        "mode": file.mode,
        "is_external": external,
        "external_type": "unknown" if external else "",
        "is_public": any(message.channel.kind == "channel" for message in file.shares),
        "public_url_shared": False,
        "display_as_bot": False,
        "username": "",
        "url_private": private,
        "url_private_download": private if file.address else f"{private}?download=1",
        "media_display_type": "unknown",
        "permalink": f"https://{team.domain}.slack.com/files/{file.owner.id}/{file.id}/{file.name.lower()}",
        "permalink_public": f"https://slack-files.com/{team.id}-{file.id}",
        "has_rich_preview": False,
        "file_access": "visible",
        "shares": _shares(file),
        "channels": _places(file, "channel"),
        "groups": _places(file, "group"),
        "ims": _places(file, "im", "mpim"),
        "comments_count": 0,
    }
    if file.pixels:
        shape |= {"original_w": file.pixels[0], "original_h": file.pixels[1]}
    if file.alt_txt is not None:
        shape["alt_txt"] = file.alt_txt
    return shape


def _places(file: File, *kinds: str) -> list[str]:
    return list(dict.fromkeys(message.channel.id for message in file.shares if message.channel.kind in kinds))


def _shares(file: File) -> Json:
    shares: Json = {}
    for message in file.shares:
        side = shares.setdefault("public" if message.channel.kind == "channel" else "private", {})
        share = {
            "ts": message.ts,
            "channel_name": message.channel.name,
            "team_id": message.channel.workspace.id,
            "share_user_id": message.author.id,
            "reply_users": [],
            "reply_users_count": 0,
            "reply_count": 0,
        }
        if message.is_reply:
            share["thread_ts"] = message.thread_ts
        side.setdefault(message.channel.id, []).append(share)
    return shares


def hidden_file_json(file: File) -> Json:
    """What events in a Slack Connect channel say of a file: ask `files.info`."""
    return {"id": file.id, "mode": "file_access", "file_access": "check_file_info"}


def message_json(message: Message, base_url: str, *, metadata: bool = False, thread: bool = False) -> Json:
    """metadata: as asked for by `include_all_metadata`. thread: with reactions and what is known of replies."""
    if message.deleted:
        return _tombstone(message)
    shape: Json = {
        "type": "message",
        "user": message.author.id,
        "text": message.text,
        "ts": message.ts,
        "team": message.author.workspace.id,
        "subtype": message.subtype,
        "blocks": message.blocks or None,
        "thread_ts": message.thread_ts,
        "client_msg_id": message.client_msg_id,
        "metadata": message.metadata if metadata else None,
        "edited": {"user": message.author.id, "ts": message.edited} if message.edited else None,
    }
    shape = {name: value for name, value in shape.items() if value is not None}
    if message.files:
        hide = message.channel.is_connect
        shape["files"] = [hidden_file_json(f) if hide else file_json(f, base_url) for f in message.files]
        shape |= {"upload": message.bot is None, "display_as_bot": False}
    if message.is_reply:
        root = message.channel.posts.get(message.thread_ts or "")
        shape["parent_user_id"] = root.author.id if root else "USLACKBOT"
    if message.bot:
        shape |= {"bot_id": message.bot.id, "app_id": message.bot.app.id, "bot_profile": bot_profile(message.bot)}
    return shape | (_thread_facts(message) if thread else {})


def _tombstone(message: Message) -> Json:
    return {
        "type": "message",
        "subtype": "tombstone",
        "user": "USLACKBOT",
        "text": "This message was deleted.",
        "hidden": True,
        "ts": message.ts,
        "thread_ts": message.thread_ts or message.ts,
        **_thread_facts(message),
    }


def _thread_facts(message: Message) -> Json:
    facts: Json = {}
    if message.reactions:
        facts["reactions"] = [
            {"name": name, "users": list(users), "count": len(users)} for name, users in message.reactions.items()
        ]
    if replies := message.replies:
        users = list(dict.fromkeys(reply.author.id for reply in replies))
        facts |= {
            "reply_count": len(replies),
            "reply_users_count": len(users),
            "latest_reply": replies[-1].ts,
            "reply_users": users,
            "is_locked": False,
            "subscribed": False,
        }
    return facts


def channel_json(channel: Channel, bot: Bot) -> Json:
    im = channel.kind == "im"
    shape: Json = {
        "id": channel.id,
        "created": channel.created,
        "is_archived": channel.archived,
        "is_channel": channel.kind == "channel",
        "is_group": channel.kind == "group",
        "is_im": im,
        "is_mpim": channel.kind == "mpim",
        "is_private": channel.kind != "channel",
        "is_shared": channel.is_connect,
        "is_ext_shared": channel.is_connect,
        "is_org_shared": False,
        "context_team_id": bot.workspace.id,
    }
    if im:
        return shape | {"user": next(member.id for member in channel.members if member is not bot.user)}
    return shape | {
        "name": channel.name,
        "name_normalized": channel.name,
        "is_general": False,
        "is_member": bot.user in channel.members,
        "num_members": len(channel.members),
        "shared_team_ids": sorted(channel.teams),
        "topic": {"value": "", "creator": "", "last_set": 0},
        "purpose": {"value": "", "creator": "", "last_set": 0},
    }


def user_json(member: Any) -> Json:
    return {
        "id": member.id,
        "team_id": member.workspace.id,
        "name": member.name,
        "deleted": member.deleted,
        "real_name": member.name.title(),
        "tz": "Etc/UTC",
        "profile": {"real_name": member.name.title(), "display_name": member.name, "team": member.workspace.id},
        "is_bot": member.is_bot,
        "is_app_user": False,
        "updated": UPDATED,
    }


def view_json(view: View) -> Json:
    return {
        "id": view.id,
        "team_id": view.bot.workspace.id,
        "app_id": view.bot.app.id,
        "app_installed_team_id": view.bot.workspace.id,
        "bot_id": view.bot.id,
        "state": {"values": view.state},
        "hash": view.hash,
        "root_view_id": view.root_id,
        "previous_view_id": view.previous_id,
        "clear_on_close": False,
        "notify_on_close": False,
        "close": None,
        "submit": None,
        "external_id": "",
        "callback_id": "",
        "private_metadata": "",
        **view.json,
    }
