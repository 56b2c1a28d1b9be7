"""What did somebody on Slack say? Its commands, events and windows -> the core's requests; pure, and nothing is decided."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from html import unescape
from typing import Any

from adapters.slack.buttons import Window
from adapters.slack.rendering import FILES, PROMPT, RATIO, VALUE
from bot.model import Attachment, ConversationRef, ImageRequest, Json, MessageRef, Person, Utterance

PLATFORM = "slack"

_SPOKEN = frozenset({None, "file_share", "thread_broadcast"})
"""Subtypes of what a person says; anything else is news about messages or channels (docs)."""

_USER = re.compile(r"<@(?P<id>[UW][A-Z0-9]+)(?:\|(?P<name>[^>]*))?>")
_CHANNEL = re.compile(r"<#[CG][A-Z0-9]+(?:\|(?P<name>[^>]*))?>")
_SPECIAL = re.compile(r"<!(?P<what>[^>|]+)(?:\|(?P<label>[^>]*))?>")
_LINK = re.compile(r"<(?P<url>[^@#!>|][^>|]*)(?:\|(?P<label>[^>]*))?>")
_EMOJI = re.compile(r"(?<![\w:]):(?P<name>[a-z0-9_+'-]+)(?:::skin-tone-[2-6])?:(?!\w)")
_FIRST_MENTION = re.compile(r"\s*<@(?P<id>[UW][A-Z0-9]+)")


# -- commands, buttons, windows --------------------------------------------------------------------------------------


@dataclass(frozen=True, kw_only=True, slots=True)
class Spot:
    """Where something was done, by whom, and how to tell that person something in private.

    workspace: the one that the bot is in, whosever payload it was: where two companies share a channel, Slack names the
    member's own at the top of it (the library's own reader of payloads says so).
    """

    workspace: str
    channel: str
    thread: str | None
    person: Person
    response_url: str | None = None
    in_thread: bool = False
    """It was done on a message inside a thread, where an answer by `response_url` is not seen (observed)."""
    is_talk: bool = False
    """A direct message of several people, or of two others: no app can be invited there."""

    @property
    def place(self) -> ConversationRef:
        """Where an answer will live. thread: None where it begins a thread of its own."""
        return place(self.workspace, self.channel, self.thread)


def place(workspace: str, channel: str, thread: str | None) -> ConversationRef:
    """A direct message is one conversation as a whole: its channel stands for its thread."""
    there = channel if is_direct(channel) else thread
    return ConversationRef(platform=PLATFORM, workspace=workspace, channel=channel, thread=there)


def is_direct(channel: str) -> bool:
    """Ids of direct messages begin with D (observed in every payload)."""
    return channel.startswith("D")


def command_spot(body: Json, workspace: str) -> Spot:
    """Of a slash command."""
    return Spot(
        workspace=workspace,
        channel=body["channel_id"],
        thread=None,
        person=Person(id=body["user_id"], name=body.get("user_name") or body["user_id"]),
        response_url=body.get("response_url"),
        is_talk=_is_talk(body.get("channel_name")),
    )


def action_spot(body: Json, workspace: str) -> Spot:
    """Of a button, or of a shortcut on a message."""
    message = body.get("message") or {}
    container = body.get("container") or {}
    return Spot(
        workspace=workspace,
        channel=(body.get("channel") or {}).get("id") or container.get("channel_id") or "",
        thread=message.get("thread_ts") or container.get("thread_ts") or message.get("ts"),
        person=_person(body["user"]),
        response_url=body.get("response_url"),
        in_thread=message.get("thread_ts") not in (None, message.get("ts")),
        is_talk=_is_talk((body.get("channel") or {}).get("name")),
    )


def window_spot(body: Json, window: Window, workspace: str) -> Spot:
    """Of a window that was sent off."""
    return Spot(
        workspace=workspace,
        channel=window.channel,
        thread=window.thread,
        person=_person(body["user"]),
        response_url=window.response_url,
        in_thread=window.thread is not None and window.job is not None,  # pictures of the bot stand in threads
    )


def _is_talk(channel_name: str | None) -> bool:
    """By the names that Slack gives to what has none (observed)."""
    return channel_name is not None and (channel_name == "directmessage" or channel_name.startswith("mpdm-"))


def command_request(body: Json, workspace: str) -> ImageRequest:
    """`/imagine` and words. The trigger is one per command, also when it is delivered again."""
    spot = command_spot(body, workspace)
    return ImageRequest(
        source_id=f"{PLATFORM}:command:{body['trigger_id']}",
        requester=spot.person,
        place=spot.place,
        text=plain(body.get("text") or ""),
        placed=False,
    )


def window_request(body: Json, window: Window, workspace: str) -> ImageRequest:
    """What was entered in a window; files that it was opened on come first."""
    view = body["view"]
    values = view.get("state", {}).get("values", {})
    spot = window_spot(body, window, workspace)
    chosen = _value(values, RATIO).get("selected_option") or {}
    return ImageRequest(
        source_id=f"{PLATFORM}:window:{view['id']}",
        requester=spot.person,
        place=spot.place,
        text=_value(values, PROMPT).get("value") or "",
        aspect_ratio=chosen.get("value"),
        attachments=(*window.files, *attachments(_value(values, FILES).get("files") or ())),
        placed=False,
    )


def action_source(body: Json, action: Json) -> str:
    """One click, also when it is delivered again."""
    message = (body.get("container") or {}).get("message_ts") or ""
    return f"{PLATFORM}:button:{body['user']['id']}-{message}-{action.get('action_ts')}"


def _person(user: Json) -> Person:
    return Person(id=user["id"], name=user.get("name") or user.get("username") or user["id"])


def _value(values: Mapping[str, Any], field: str) -> Json:
    found: Json = (values.get(field) or {}).get(VALUE) or {}
    return found


# -- messages --------------------------------------------------------------------------------------------------------


def spoken(event: Json) -> bool:
    """Whether a person or a bot said it, just now, in words or files."""
    return event.get("subtype") in _SPOKEN and not event.get("hidden") and bool(event.get("user")) and "ts" in event


def by_bot(event: Json) -> bool:
    return bool(event.get("bot_id") or event.get("bot_profile"))


def mentions(event: Json, me: str) -> bool:
    return any(found["id"] == me for found in _USER.finditer(event.get("text") or ""))


def is_private(event: Json) -> bool:
    return event.get("channel_type") == "im" or is_direct(event["channel"])


def source_id(event: Json) -> str:
    """A message is its channel and its time, whatever event tells of it and however often."""
    return f"{PLATFORM}:message:{event['channel']}-{event['ts']}"


def message_ref(channel: str, ts: str) -> MessageRef:
    return MessageRef(platform=PLATFORM, channel=channel, id=ts)


def utterance(event: Json, *, workspace: str, me: str, plain_talk: bool, meant: MessageRef | None = None) -> Utterance:
    """A message as the core hears it. me: the bot's user id. plain_talk: the bot's work began this thread. meant: whose picture
    it is about, which no message of Slack says itself: there is no answer to one message inside a thread.
    """
    text = event.get("text") or ""
    first = _FIRST_MENTION.match(text)
    return Utterance(
        source_id=source_id(event),
        author=Person(id=event["user"], name=_name(event)),
        author_is_bot=by_bot(event),
        place=place(workspace, event["channel"], event.get("thread_ts") or event["ts"]),
        text=words(event, me),
        attachments=attachments(event.get("files") or ()),
        message=message_ref(event["channel"], event["ts"]),
        replied_to=meant,
        replied_to_bot=meant is not None,
        mentions_bot=mentions(event, me),
        begins_with_mention=first is not None and first["id"] != me,
        private=is_private(event),
        plain_talk=plain_talk,
    )


def words(event: Json, me: str) -> str:
    """The text without the bot's own mention and without what only looks like words; standard emoji as themselves."""
    text = re.sub(rf"<@{me}(\|[^>]*)?>", " ", event.get("text") or "")
    known = dict(_emoji(event.get("blocks") or ()))
    text = _EMOJI.sub(lambda found: known.get(found["name"], " "), text)
    return re.sub(r"[ \t]{2,}", " ", plain(text)).strip()


def plain(text: str) -> str:
    """What a person typed, of the form that Slack gives it: mentions, links and entities as they looked."""
    text = _USER.sub(lambda found: found["name"] or "", text)
    text = _CHANNEL.sub(lambda found: f"#{found['name']}" if found["name"] else "", text)
    text = _SPECIAL.sub(lambda found: found["label"] or "", text)
    text = _LINK.sub(lambda found: found["label"] or found["url"].removeprefix("mailto:"), text)
    return unescape(text)


def _emoji(blocks: Any) -> Iterable[tuple[str, str]]:
    """Names of standard emoji, from the blocks that Slack sends beside the text, with their characters."""
    if isinstance(blocks, Mapping):
        if blocks.get("type") == "emoji" and blocks.get("unicode"):
            with suppress(ValueError, OverflowError):  # not the numbers of characters, whatever Slack means by it
                points = [int(point, 16) for point in str(blocks["unicode"]).split("-")]
                yield str(blocks.get("name")), "".join(map(chr, points))
        blocks = blocks.get("elements")
    if isinstance(blocks, list):
        for block in blocks:
            yield from _emoji(block)


def _name(event: Json) -> str:
    profile = event.get("user_profile") or {}
    return str(profile.get("display_name") or profile.get("real_name") or event["user"])


# -- files -----------------------------------------------------------------------------------------------------------


def attachments(files: Iterable[Json]) -> tuple[Attachment, ...]:
    """Files of a message or a window; not those that are deleted already."""
    return tuple(attachment(file) for file in files if file.get("mode") not in ("tombstone", "hidden_by_limit"))


def attachment(file: Json) -> Attachment:
    """address: the file's id; where its bytes are is asked when they are wanted, because files go and links change."""
    return Attachment(
        name=str(file.get("name") or file.get("title") or ""),
        address=str(file["id"]),
        size=file.get("size"),
        media_type=file.get("mimetype") or None,
    )


def is_stub(file: Json) -> bool:
    """Of a channel shared with another company, a message tells of a file no more than its id (docs)."""
    return file.get("file_access") == "check_file_info" or file.get("mode") == "file_access"


def pictures(files: Iterable[Json]) -> tuple[Attachment, ...]:
    """Those files that call themselves a picture."""
    return tuple(a for a in attachments(files) if (a.media_type or "").startswith("image/"))


# -- files of our own ------------------------------------------------------------------------------------------------


def shares(file: Json, channel: str, thread: str | None) -> str | None:
    """The time of the message that shares a file there; None while there is none."""
    for kind in ("public", "private"):
        for share in ((file.get("shares") or {}).get(kind) or {}).get(channel) or ():
            if thread is None or share.get("thread_ts") == thread:
                return str(share["ts"])
    return None
