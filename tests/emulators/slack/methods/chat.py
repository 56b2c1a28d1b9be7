"""chat.*: posting, changing and deleting messages."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from tests.emulators.slack import blocks, text
from tests.emulators.slack.ids import is_ts
from tests.emulators.slack.methods.method import Method
from tests.emulators.slack.model import Channel, Message
from tests.emulators.slack.refusals import Refusal, invalid_arguments, invalid_blocks
from tests.emulators.slack.shapes import message_json

if TYPE_CHECKING:
    from tests.emulators.slack.calls import Call
    from tests.emulators.slack.core import Core

Json = dict[str, Any]

MAX_TEXT = 40_000  # characters (documented; Slack cuts off there, here it is refused)
MAX_UPDATE = 4_000  # bytes of an edited message's text once it is escaped (documented as characters, observed as bytes)
MAX_METADATA = 8_000  # bytes: believed


def content(core: Core, call: Call, *, edited: bool = False) -> Json:
    """Text and blocks as they will stand; raises what Slack answers to those that cannot."""
    words = text.stored(call.text("text") or "")
    body = call.json("blocks")
    if call.json("attachments"):
        raise invalid_arguments("attachments are not emulated: use blocks")
    if len(words) > MAX_TEXT or (edited and len(words.encode()) > MAX_UPDATE):
        raise Refusal("msg_too_long")
    if body:
        found = blocks.complaints(body, lambda file: core.views.shown(call.bot, file))
        if found:
            raise invalid_blocks(found)
        if blocks.all_text(body) > blocks.MAX_ALL_TEXT:
            raise Refusal("msg_blocks_too_long")
        body = blocks.completed(body, lambda: core.ids.new("b"))
    elif body is not None and not isinstance(body, list):
        raise Refusal("invalid_blocks_format")
    if not body and not words.strip():
        raise Refusal("no_text")
    return {"text": words, "blocks": body or []}


def metadata(call: Call) -> Json | None:
    value = call.json("metadata")
    if value is None:
        return None
    good = isinstance(value, dict) and isinstance(value.get("event_type"), str) and value["event_type"]
    if not good or not isinstance(value.get("event_payload"), dict) or set(value) - {"event_type", "event_payload"}:
        raise Refusal("invalid_metadata_format")
    if len(json.dumps(value)) > MAX_METADATA:
        raise Refusal("metadata_too_large")
    return dict(value)


def thread(core: Core, call: Call, channel: Channel) -> str | None:
    ts = call.text("thread_ts")
    if ts is None:
        return None
    if not is_ts(ts):
        raise Refusal("invalid_thread_ts")
    return core.wall.thread(channel, ts).ts


def _linked(call: Call) -> bool:
    return call.flag("link_names") or call.text("parse") == "full"


def post_message(core: Core, call: Call) -> Json:
    channel = core.directory.posting_place(call.bot, call.need("channel"))
    facts = content(core, call)
    root = thread(core, call, channel)
    broadcast = call.flag("reply_broadcast") and root is not None
    message = core.wall.say(
        call.bot,
        channel,
        facts["text"],
        blocks=facts["blocks"],
        thread_ts=root,
        metadata=metadata(call),
        linked_names=_linked(call),
        subtype="thread_broadcast" if broadcast else None,
    )
    shown = message_json(message, core.base_url, metadata=True)
    return {"channel": channel.id, "ts": message.ts, "message": shown}


def post_ephemeral(core: Core, call: Call) -> Json:
    """Only to a member who is in the channel; it is in no history and cannot be changed (documented)."""
    channel = core.directory.seen(call.bot, call.need("channel"))
    member = core.directory.members.get(call.need("user"))
    facts = content(core, call)
    if channel.archived:
        raise Refusal("is_archived")
    if call.bot.user not in channel.members:
        raise Refusal("not_in_channel" if channel.kind == "channel" else "channel_not_found")
    if member is None or member not in channel.members:
        raise Refusal("user_not_in_channel")
    root = thread(core, call, channel)
    words = facts.pop("text")
    message = core.wall.say(call.bot, channel, words, thread_ts=root, only_for=member, **facts)
    return {"message_ts": message.ts}


def _own(core: Core, call: Call, refusal: str) -> Message:
    channel = core.directory.seen(call.bot, call.need("channel"))
    message = channel.posts.get(call.need("ts"))
    if message is None or message.deleted or message.only_for:
        raise Refusal("message_not_found")
    if channel.archived:
        raise Refusal("is_archived" if refusal == "cant_update_message" else refusal)
    if message.bot is not call.bot:
        raise Refusal(refusal)
    return message


def update(core: Core, call: Call) -> Json:
    """Blocks that are not sent stay only if no text is sent either (documented)."""
    message = _own(core, call, "cant_update_message")
    kept: Json = {}
    if "blocks" not in call.args and "text" not in call.args:
        raise Refusal("no_text")
    facts = content(core, call, edited=True)
    if "text" not in call.args:
        kept["text"] = message.text
    facts |= kept | {"linked_names": _linked(call)}
    if "metadata" in call.args:
        facts["metadata"] = metadata(call)
    if not facts["blocks"]:
        facts["edited"] = core.ids.ts()
    core.wall.change(message, **facts)
    shown = message_json(message, core.base_url, metadata=True)
    return {"channel": message.channel.id, "ts": message.ts, "text": message.text, "message": shown}


def delete(core: Core, call: Call) -> Json:
    message = _own(core, call, "cant_delete_message")
    core.wall.remove(message)
    return {"channel": message.channel.id, "ts": message.ts}


def permalink(core: Core, call: Call) -> Json:
    channel = core.directory.seen(call.bot, call.need("channel"))
    message = channel.posts.get(call.need("message_ts"))
    if message is None or message.deleted:
        raise Refusal("message_not_found")
    link = f"https://{channel.workspace.domain}.slack.com/archives/{channel.id}/p{message.ts.replace('.', '')}"
    if message.is_reply:
        link += f"?thread_ts={message.thread_ts}&cid={channel.id}"
    return {"channel": channel.id, "permalink": link}


METHODS = {
    "chat.postMessage": Method(run=post_message, scopes=("chat:write",)),
    "chat.postEphemeral": Method(run=post_ephemeral, scopes=("chat:write",), tier=4),
    "chat.update": Method(run=update, scopes=("chat:write",), tier=3),
    "chat.delete": Method(run=delete, scopes=("chat:write",), tier=3),
    "chat.getPermalink": Method(run=permalink, takes_json=False),
}
