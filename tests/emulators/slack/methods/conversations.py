"""conversations.*: where the app is, and what was said there."""

from __future__ import annotations

import base64
from typing import TYPE_CHECKING, Any

from tests.emulators.slack.ids import is_ts
from tests.emulators.slack.methods.method import Method
from tests.emulators.slack.model import HISTORY, READ, Channel, Message
from tests.emulators.slack.refusals import Refusal, missing_scope
from tests.emulators.slack.shapes import channel_json, message_json

if TYPE_CHECKING:
    from tests.emulators.slack.calls import Call
    from tests.emulators.slack.core import Core

Json = dict[str, Any]

ANY_HISTORY = tuple(HISTORY.values())
ANY_READ = tuple(READ.values())


def _readable(core: Core, call: Call, needed: dict[str, str] = HISTORY) -> Channel:
    """The channel, if the scope of its kind is there and the app is in it."""
    channel = core.directory.seen(call.bot, call.need("channel"))
    scope = needed[channel.kind]
    if scope not in call.bot.scopes:
        raise missing_scope(scope, call.bot.scopes)
    if needed is HISTORY and call.bot.user not in channel.members:
        raise Refusal("not_in_channel")
    return channel


def _within(call: Call, messages: list[Message]) -> list[Message]:
    oldest, latest, inclusive = call.text("oldest"), call.text("latest"), call.flag("inclusive")
    for name, value in (("oldest", oldest), ("latest", latest)):
        if value is not None and not value.replace(".", "", 1).isdigit():
            raise Refusal(f"invalid_ts_{name}")

    def inside(message: Message) -> bool:
        at = float(message.ts)
        above = oldest is None or at > float(oldest) or (inclusive and at == float(oldest))
        below = latest is None or at < float(latest) or (inclusive and at == float(latest))
        return above and below

    return [message for message in messages if inside(message)]


def _page(core: Core, call: Call, messages: list[Message], usual: int, most: int) -> Json:
    """One page; the cursor is opaque and says where the next begins."""
    limit = call.number("limit", usual, most)
    start = 0
    if cursor := call.text("cursor"):
        try:
            start = int(base64.b64decode(cursor).decode().removeprefix("next:"))
        except ValueError:
            raise Refusal("invalid_cursor") from None
    whole = call.flag("include_all_metadata")
    shown = messages[start : start + limit]
    page: Json = {
        "messages": [message_json(m, core.base_url, metadata=whole, thread=True) for m in shown],
        "has_more": start + limit < len(messages),
    }
    if page["has_more"]:
        cursor = base64.b64encode(f"next:{start + limit}".encode()).decode()
        page["response_metadata"] = {"next_cursor": cursor}
    return page


def history(core: Core, call: Call) -> Json:
    """Roots, newest first; a deleted root that has replies stands there as a tombstone."""
    channel = _readable(core, call)
    roots = [
        m for m in channel.posts.values() if not m.only_for and not (m.is_reply and m.subtype != "thread_broadcast")
    ]
    standing = [m for m in roots if not m.deleted or m.replies]
    page = _page(core, call, _within(call, standing)[::-1], 100, 999)
    return page | {"pin_count": 0}


def replies(core: Core, call: Call) -> Json:
    """The root, then its replies, oldest first; given a reply's ts, that reply alone."""
    channel = _readable(core, call)
    ts = call.need("ts")
    if not is_ts(ts):
        raise Refusal("invalid_thread_ts")
    root = channel.posts.get(ts)
    if root is None or root.only_for or (root.deleted and not root.replies):
        raise Refusal("thread_not_found")
    return _page(core, call, [root, *_within(call, root.replies)], 1000, 1000)


def info(core: Core, call: Call) -> Json:
    return {"channel": channel_json(_readable(core, call, READ), call.bot)}


def members(core: Core, call: Call) -> Json:
    channel = _readable(core, call, READ)
    return {"members": [member.id for member in channel.members], "response_metadata": {"next_cursor": ""}}


def listing(core: Core, call: Call) -> Json:
    kinds = {"public_channel": "channel", "private_channel": "group", "im": "im", "mpim": "mpim"}
    wanted = [kinds[name] for name in (call.text("types") or "public_channel").split(",") if name in kinds]
    if lacking := [READ[kind] for kind in wanted if READ[kind] not in call.bot.scopes]:
        raise missing_scope(lacking[0], call.bot.scopes)
    seen = []
    for channel in core.directory.channels.values():
        visible = channel.kind == "channel" or call.bot.user in channel.members
        if channel.kind in wanted and visible and call.bot.workspace.id in channel.teams:
            seen.append(channel_json(channel, call.bot))
    return {"channels": seen, "response_metadata": {"next_cursor": ""}}


def join(core: Core, call: Call) -> Json:
    channel = core.directory.seen(call.bot, call.need("channel"))
    if channel.kind != "channel":
        raise Refusal("method_not_supported_for_channel_type")
    if channel.archived:
        raise Refusal("is_archived")
    answer: Json = {}
    if call.bot.user in channel.members:
        answer = {"warning": "already_in_channel", "response_metadata": {"warnings": ["already_in_channel"]}}
    else:
        channel.members.append(call.bot.user)
        core.events.joined(call.bot.user, channel)
    return {"channel": channel_json(channel, call.bot), **answer}


def open_(core: Core, call: Call) -> Json:
    """A DM with one member. Conversations of several are not opened by this bot and not emulated."""
    users = [id for id in (call.text("users") or "").split(",") if id]
    if id := call.text("channel"):
        channel = core.directory.seen(call.bot, id)
    elif not users:
        raise Refusal("users_list_not_supplied")
    elif len(users) > 1:
        raise Refusal("not_enough_users")
    else:
        member = core.directory.members.get(users[0])
        if member is None or member.workspace is not call.bot.workspace:
            raise Refusal("user_not_found")
        if member.deleted:
            raise Refusal("user_disabled")
        channel = core.directory.direct(member, call.bot.user)
    whole = call.flag("return_im")
    return {"channel": channel_json(channel, call.bot) if whole else {"id": channel.id}}


METHODS = {
    "conversations.history": Method(run=history, scopes=ANY_HISTORY, tier=3, takes_json=False),
    "conversations.replies": Method(run=replies, scopes=ANY_HISTORY, tier=3, takes_json=False),
    "conversations.info": Method(run=info, scopes=ANY_READ, tier=3, takes_json=False),
    "conversations.members": Method(run=members, scopes=ANY_READ, tier=4, takes_json=False),
    "conversations.list": Method(run=listing, scopes=ANY_READ, tier=2, takes_json=False),
    "conversations.join": Method(run=join, scopes=("channels:join",), tier=3),
    "conversations.open": Method(run=open_, scopes=("im:write", "mpim:write"), tier=3),
}
