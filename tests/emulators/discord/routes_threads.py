"""What may the application do with channels and threads?"""

from __future__ import annotations

import datetime as dt

from tests.emulators.discord.calls import Call, Reply, Route
from tests.emulators.discord.channels import ARCHIVE_AFTER, POSTS_ONLY, THREAD_OF, Channel, ChannelKind
from tests.emulators.discord.check_embeds import check_string
from tests.emulators.discord.message_views import message_json, rest_reads
from tests.emulators.discord.messages import SYSTEM
from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.reading import check_not_empty, read_draft
from tests.emulators.discord.refusals import (
    Json,
    archived,
    has_a_thread,
    invalid,
    invalid_length,
    missing_permissions,
    not_a_choice,
    not_in_a_dm,
    required,
    system_message,
    too_many_announcement_threads,
    too_many_threads,
    wrong_channel_type,
)
from tests.emulators.discord.routes_messages import check_takes_messages
from tests.emulators.discord.views import channel_json, thread_member_json


async def get_channel(call: Call) -> Reply:
    return Reply(json=channel_json(call.channel()))


async def of_message(call: Call) -> Reply:
    """A thread of a message: its id is the message's, and there is one of a message."""
    channel = call.channel()
    if channel.kind not in THREAD_OF:
        raise wrong_channel_type()
    call.check(channel, Permission.CREATE_PUBLIC_THREADS, Permission.READ_MESSAGE_HISTORY)
    message = call.message(channel)
    name, auto_archive = _read_name(call.body.fields())
    if message.id in call.state.channels or message.thread is not None:
        raise has_a_thread()
    if message.kind in SYSTEM:
        raise system_message()
    _room_for_one(channel)
    thread = call.state.acts.open_thread(
        channel, call.state.bot, name, kind=THREAD_OF[channel.kind], auto_archive=auto_archive, starter=message
    )
    return Reply(status=201, json=channel_json(thread))


async def of_nothing(call: Call) -> Reply:
    """A thread without a message, or a post in a forum, which begins with one."""
    channel = call.channel()
    fields = call.body.fields()
    if channel.kind in POSTS_ONLY:
        return _post_in_forum(call, channel, fields)
    kinds = {10: ChannelKind.ANNOUNCEMENT, 11: ChannelKind.TEXT, 12: ChannelKind.TEXT}
    kind = fields.get("type") or 12  # private unless said otherwise (Discord's docs)
    if kinds.get(kind) is not channel.kind:
        raise wrong_channel_type()
    call.check(channel, Permission.CREATE_PRIVATE_THREADS if kind == 12 else Permission.CREATE_PUBLIC_THREADS)
    name, auto_archive = _read_name(fields)
    _room_for_one(channel)
    thread = call.state.acts.open_thread(
        channel, call.state.bot, name, kind=ChannelKind(kind), auto_archive=auto_archive
    )
    return Reply(status=201, json=channel_json(thread))


async def change(call: Call) -> Reply:
    """Archive, lock, rename, keep open longer. Re-opening needs only the right to write, where it is not locked."""
    channel = call.channel()
    fields = call.body.fields()
    if not channel.is_thread:
        if channel.guild is None:
            raise not_in_a_dm()
        call.check(channel, Permission.MANAGE_CHANNELS)
        channel.name = fields.get("name") or channel.name
        call.state.tell.channel_updated(channel)
        return Reply(json=channel_json(channel))
    life = channel.thread
    manages = bool(channel.permissions_of(call.state.bot) & Permission.MANAGE_THREADS)
    only_reopens = {key for key, value in fields.items() if value is not None} == {"archived"} and not fields[
        "archived"
    ]
    if life.archived and fields.get("archived") is not False:
        raise archived()
    if life.locked and not manages:
        raise missing_permissions()
    if only_reopens:
        call.check(channel, Permission.SEND_MESSAGES_IN_THREADS)
    elif not manages and (life.owner is not call.state.bot or fields.get("locked") is not None):
        raise missing_permissions()
    name = fields.get("name")
    if name is not None and not 1 <= len(check_string("name", name, 1000)) <= 100:
        raise invalid_length("name", 1, 100)
    call.state.acts.change_thread(
        channel,
        archived=fields.get("archived"),
        locked=fields.get("locked"),
        name=name,
        auto_archive=_read_archive(fields, life.auto_archive),
    )
    return Reply(json=channel_json(channel))


async def delete(call: Call) -> Reply:
    channel = call.channel()
    if channel.guild is not None:
        call.check(channel, Permission.MANAGE_THREADS if channel.is_thread else Permission.MANAGE_CHANNELS)
        call.state.acts.delete_channel(channel)
    return Reply(json=channel_json(channel))


async def typing(call: Call) -> Reply:
    channel = call.channel()
    check_takes_messages(call, channel)
    return Reply(status=204)


async def join(call: Call) -> Reply:
    thread = _thread(call)
    if thread.thread.archived:
        raise archived()
    call.state.acts.join_thread(thread, call.state.bot)
    return Reply(status=204)


async def leave(call: Call) -> Reply:
    thread = _thread(call)
    if thread.thread.archived:
        raise archived()
    call.state.acts.leave_thread(thread, call.state.bot)
    return Reply(status=204)


async def active(call: Call) -> Reply:
    guild, bot = call.guild(), call.state.bot
    found = [thread for thread in guild.threads if not thread.thread.archived and thread.sees(bot)]
    return Reply(json=_listed(call, found, more=None))


async def archived_public(call: Call) -> Reply:
    channel = call.channel(Permission.READ_MESSAGE_HISTORY)
    if channel.kind not in {*THREAD_OF, *POSTS_ONLY}:
        raise wrong_channel_type()
    limit = call.number("limit", 50, 2, 100)
    before = dt.datetime.fromisoformat(call.query["before"]).timestamp() if "before" in call.query else float("inf")
    found = [
        thread
        for thread in channel.threads
        if thread.thread.archived
        and thread.kind != ChannelKind.PRIVATE_THREAD
        and thread.thread.archive_changed_at < before
    ]
    found.sort(key=lambda thread: thread.thread.archive_changed_at, reverse=True)
    return Reply(json=_listed(call, found[:limit], more=len(found) > limit))


# -- inside ------------------------------------------------------------------------------------------------------


def _thread(call: Call) -> Channel:
    channel = call.channel()
    if not channel.is_thread:
        raise wrong_channel_type()
    return channel


def _listed(call: Call, threads: list[Channel], *, more: bool | None) -> Json:
    bot = call.state.bot
    joined = [thread_member_json(thread, bot) for thread in threads if bot.id in thread.thread.members]
    return {"threads": [channel_json(thread) for thread in threads], "members": joined, "has_more": bool(more)}


def _read_name(fields: Json) -> tuple[str, int]:
    if fields.get("name") is None:
        raise required("name")
    name = check_string("name", fields["name"], 10**6).strip()
    if not 1 <= len(name) <= 100:
        raise invalid_length("name", 1, 100)
    return name, _read_archive(fields, 1440)


def _read_archive(fields: Json, default: int) -> int:
    minutes = fields.get("auto_archive_duration")
    if minutes is None:
        return default
    if minutes not in ARCHIVE_AFTER:
        raise not_a_choice("auto_archive_duration", ARCHIVE_AFTER)
    return int(minutes)


def _room_for_one(channel: Channel) -> None:
    assert channel.guild is not None
    open_threads = [thread for thread in channel.guild.threads if not thread.thread.archived]
    if len(open_threads) >= channel.guild.max_active_threads:
        announcement = channel.kind == ChannelKind.ANNOUNCEMENT
        raise too_many_announcement_threads() if announcement else too_many_threads()


def _post_in_forum(call: Call, forum: Channel, fields: Json) -> Reply:
    call.body.check_size(forum.upload_limit)
    call.check(forum, Permission.SEND_MESSAGES)
    name, auto_archive = _read_name(fields)
    if not isinstance(fields.get("message"), dict):
        raise required("message")
    draft = read_draft(call.state, forum, fields["message"], call.body)
    if draft.files:
        call.check(forum, Permission.ATTACH_FILES)
    check_not_empty(draft)
    if fields.get("applied_tags"):
        raise invalid("applied_tags", "BASE_TYPE_CHOICES", "This forum has no tags.")
    _room_for_one(forum)
    thread = call.state.acts.open_thread(
        forum, call.state.bot, name, kind=ChannelKind.PUBLIC_THREAD, auto_archive=auto_archive
    )
    first = call.state.acts.post(thread, call.state.bot, draft, id=thread.id)
    thread.thread.sent = 0
    message = message_json(first, reads=rest_reads(call.state))
    return Reply(status=201, json={**channel_json(thread), "message": message})


_CHANNEL = "/channels/{channel_id}"
ROUTES = (
    Route(method="GET", template=_CHANNEL, handler=get_channel),
    Route(method="PATCH", template=_CHANNEL, handler=change),
    Route(method="DELETE", template=_CHANNEL, handler=delete),
    Route(method="POST", template=_CHANNEL + "/typing", handler=typing),
    Route(method="POST", template=_CHANNEL + "/messages/{message_id}/threads", handler=of_message),
    Route(method="POST", template=_CHANNEL + "/threads", handler=of_nothing),
    Route(method="GET", template=_CHANNEL + "/threads/archived/public", handler=archived_public),
    Route(method="PUT", template=_CHANNEL + "/thread-members/@me", handler=join),
    Route(method="DELETE", template=_CHANNEL + "/thread-members/@me", handler=leave),
    Route(method="GET", template="/guilds/{guild_id}/threads/active", handler=active),
)
