"""What may the application say, read, change and react to, by its own token?"""

from __future__ import annotations

from tests.emulators.discord.calls import Call, Reply, Route
from tests.emulators.discord.channels import POSTS_ONLY, Channel, ChannelKind
from tests.emulators.discord.check_emoji import is_emoji
from tests.emulators.discord.drafts import Draft
from tests.emulators.discord.message_views import message_json, rest_reads
from tests.emulators.discord.messages import SYSTEM, Message, snapshot
from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.reading import check_not_empty, read_changes, read_draft, read_reference
from tests.emulators.discord.refusals import (
    Json,
    archived,
    cannot_reply_without_history,
    closed_to_messages,
    forum_takes_no_messages,
    invalid,
    locked,
    not_a_text_channel,
    not_in_a_dm,
    not_your_message,
    reaction_blocked,
    system_message,
    too_many_old_edits,
    too_many_reactions,
    unknown_emoji,
    unknown_message,
)
from tests.emulators.discord.views import user_json

MAX_REACTIONS = 20


async def create(call: Call) -> Reply:
    channel = call.channel()
    call.body.check_size(channel.upload_limit)
    fields = call.body.fields()
    check_takes_messages(call, channel)
    draft = read_draft(call.state, channel, fields, call.body)
    _may_send(call, channel, draft, fields)
    known = _same_nonce(call, draft, fields)
    if known is not None:
        return Reply(json=_created(known))
    pointed = read_reference(call.state, channel, fields)
    if pointed is not None:
        draft.reference, answered = pointed
        if draft.reference.forward and answered is not None:
            draft.snapshots = (snapshot(answered),)
        else:
            draft.answers = answered
    check_not_empty(draft)
    message = call.state.acts.post(channel, call.state.bot, draft)
    if draft.nonce is not None:
        call.state.nonces[call.state.bot.id, draft.nonce] = (message.created_at, message)
    return Reply(json=_created(message))


def check_takes_messages(call: Call, channel: Channel) -> None:
    if channel.kind in POSTS_ONLY:
        raise forum_takes_no_messages()
    if channel.kind == ChannelKind.CATEGORY:
        raise not_a_text_channel()
    recipient = channel.recipient
    if recipient is not None and not recipient_reachable(call, channel):
        raise closed_to_messages()
    sending = Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES
    call.check(channel, sending)
    if channel.life and channel.life.locked and not channel.permissions_of(call.state.bot) & Permission.MANAGE_THREADS:
        raise locked()


def recipient_reachable(call: Call, channel: Channel) -> bool:
    """A person who takes no messages from strangers, or shares no server with the application, cannot be written to."""
    recipient = channel.recipient
    assert recipient is not None
    shares = any(recipient.id in guild.memberships and guild.has_bot for guild in call.state.guilds.values())
    return recipient.accepts_dms and not recipient.blocks_bot and (shares or bool(channel.log))


async def edit(call: Call) -> Reply:
    channel = call.channel()
    message = call.message(channel)
    call.body.check_size(channel.upload_limit)
    fields = call.body.fields()
    if message.author is not call.state.bot:
        if set(fields) - {"flags", "allowed_mentions"}:
            raise not_your_message()
        call.check(channel, Permission.MANAGE_MESSAGES)
    if message.kind in SYSTEM:
        raise system_message()
    _not_archived(channel)
    changes = read_changes(call.state, message, fields, call.body)
    if call.body.files:
        call.check(channel, Permission.ATTACH_FILES)
    if changes.embeds:
        call.check(channel, Permission.EMBED_LINKS)
    if pause := call.state.old_edits.pause(channel.id, message.created_at):
        raise too_many_old_edits(round(pause, 3))
    call.state.acts.edit(message, changes)
    return Reply(json=message_json(message, reads=rest_reads(call.state)))


async def get(call: Call) -> Reply:
    channel = call.channel(Permission.READ_MESSAGE_HISTORY)
    return Reply(json=message_json(call.message(channel), reads=rest_reads(call.state)))


async def history(call: Call) -> Reply:
    """Newest first. Without the permission to read it, history is empty (Discord's docs)."""
    channel = call.channel()
    if channel.kind in POSTS_ONLY or channel.kind == ChannelKind.CATEGORY:
        raise not_a_text_channel()
    limit = call.number("limit", 50, 1, 100)
    if not channel.permissions_of(call.state.bot) & Permission.READ_MESSAGE_HISTORY:
        return Reply(json=[])
    asked = [name for name in ("around", "before", "after") if name in call.query]
    if len(asked) > 1:
        raise invalid("", "FORM_FIELDS_MUTUALLY_EXCLUSIVE", "around, before and after exclude each other")
    found = _page(channel.messages, asked[0] if asked else None, call, limit)
    return Reply(json=[message_json(message, reads=rest_reads(call.state)) for message in found])


async def delete(call: Call) -> Reply:
    channel = call.channel()
    message = call.message(channel)
    if message.author is not call.state.bot:
        if channel.guild is None:
            raise not_in_a_dm()
        call.check(channel, Permission.MANAGE_MESSAGES)
    call.state.acts.delete_message(message)
    return Reply(status=204)


async def react(call: Call) -> Reply:
    channel = call.channel(Permission.READ_MESSAGE_HISTORY)
    message, emoji = call.message(channel), call.params["emoji_name"]
    _not_archived(channel)
    if not is_emoji(emoji):
        raise unknown_emoji()
    if message.author.blocks_bot:
        raise reaction_blocked()
    if message.reaction(emoji) is None:
        call.check(channel, Permission.ADD_REACTIONS)
        if len(message.reactions) >= MAX_REACTIONS:
            raise too_many_reactions()
    call.state.acts.react(message, call.state.bot, emoji)
    return Reply(status=204)


async def unreact(call: Call) -> Reply:
    channel = call.channel(Permission.READ_MESSAGE_HISTORY)
    message = call.message(channel)
    _not_archived(channel)
    if not is_emoji(call.params["emoji_name"]):
        raise unknown_emoji()
    call.state.acts.unreact(message, call.state.bot, call.params["emoji_name"])
    return Reply(status=204)


async def who_reacted(call: Call) -> Reply:
    channel = call.channel(Permission.READ_MESSAGE_HISTORY)
    reaction = call.message(channel).reaction(call.params["emoji_name"])
    return Reply(json=[user_json(person) for person in (reaction.by if reaction else [])])


# -- inside ------------------------------------------------------------------------------------------------------


def _may_send(call: Call, channel: Channel, draft: Draft, fields: Json) -> None:
    if draft.files:
        call.check(channel, Permission.ATTACH_FILES)
    if draft.embeds:
        call.check(channel, Permission.EMBED_LINKS)
    if draft.tts:
        call.check(channel, Permission.SEND_TTS_MESSAGES)
    if fields.get("message_reference") is not None:
        allowed = channel.permissions_of(call.state.bot)
        if not allowed & Permission.READ_MESSAGE_HISTORY:
            raise cannot_reply_without_history()


def _same_nonce(call: Call, draft: Draft, fields: Json) -> Message | None:
    """The message that was made with this nonce in the last few minutes, by any request (Discord's docs).

    Made and deleted since: it is not made again, and there is none to answer with (discord-api-docs pull request 6647).
    """
    if draft.nonce is None or not fields.get("enforce_nonce"):
        return None
    made_at, message = call.state.nonces.get((call.state.bot.id, draft.nonce), (None, None))
    if made_at is None or message is None or call.state.clock.now() > made_at + call.state.nonce_window:
        return None
    if message.deleted:
        raise unknown_message()
    return message


def _created(message: Message) -> Json:
    """The only answer that shows a nonce: histories don't."""
    data = message_json(message, reads=rest_reads(message.channel.state))
    return data if message.nonce is None else {**data, "nonce": message.nonce}


def _not_archived(channel: Channel) -> None:
    if channel.life and channel.life.archived:
        raise archived()


def _page(messages: list[Message], asked: str | None, call: Call, limit: int) -> list[Message]:
    if asked is None:
        return messages[::-1][:limit]
    edge = int(call.query[asked])
    older = [message for message in messages if message.id < edge][::-1]
    newer = [message for message in messages if message.id > edge]
    match asked:
        case "before":
            return older[:limit]
        case "after":
            return newer[:limit][::-1]
        case _:
            here = [message for message in messages if message.id == edge]
            return [*newer[: limit // 2][::-1], *here, *older[: limit // 2]]


_CHANNEL = "/channels/{channel_id}"
_MESSAGE = _CHANNEL + "/messages/{message_id}"
_EMOJI = _MESSAGE + "/reactions/{emoji_name}"
ROUTES = (
    Route(method="GET", template=_CHANNEL + "/messages", handler=history),
    Route(method="POST", template=_CHANNEL + "/messages", handler=create),
    Route(method="GET", template=_MESSAGE, handler=get),
    Route(method="PATCH", template=_MESSAGE, handler=edit),
    Route(method="DELETE", template=_MESSAGE, handler=delete),
    Route(method="GET", template=_EMOJI, handler=who_reacted),
    Route(method="PUT", template=_EMOJI + "/@me", handler=react),
    Route(method="DELETE", template=_EMOJI + "/@me", handler=unreact),
)
