"""What did a visitor of the playground say? What the browser sends -> the core's requests; pure, and nothing is believed."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from typing import Any

from bot.errors import UserError
from bot.model import Attachment, ConversationRef, ImageRequest, MessageRef, Person

PLATFORM = "web"
WORKSPACE = "playground"
DEFAULT_CHANNEL = "general"
LONGEST_NAME = 40  # characters, of a visitor and of a channel

_UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}")
_SHA256 = re.compile(r"[0-9a-f]{64}")
_JOB_ID = re.compile(r"[0-9a-z]{16}")
_COMMAND = re.compile(r"\s*/(?P<name>[a-z]+)(?=\s|$)\s*", re.IGNORECASE)
_GARBLED = "That message arrived garbled. Reload the page and send it again."


@dataclass(frozen=True, kw_only=True, slots=True)
class Sending:
    """One press of Enter. id: made by the page, kept while it resends. of: the job whose picture is meant."""

    id: str
    text: str
    attachments: tuple[Attachment, ...] = ()
    of: str | None = None
    image: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class Words:
    """What was typed, without the command. starts: it was `/imagine`, which begins a new picture anywhere."""

    text: str
    starts: bool


def read_sending(sent: Any) -> Sending:
    """Checks what the composer sends: id, text, files (name, size, type, sha256), of, image. Raises UserError."""
    if not isinstance(sent, dict):
        raise UserError(_GARBLED)
    id: Any = sent.get("id")
    text, files = sent.get("text"), sent.get("files", [])
    of, image = sent.get("of"), sent.get("image", 0)
    if not _matches(_UUID, id) or not isinstance(text, str) or not isinstance(files, list):
        raise UserError(_GARBLED)
    if not (of is None or _matches(_JOB_ID, of)) or type(image) is not int or not 0 <= image < 100:
        raise UserError(_GARBLED)
    return Sending(id=id, text=text, attachments=tuple(_attachment(file) for file in files), of=of, image=image)


def read_words(text: str) -> Words:
    """Takes the command off. Raises UserError for a command that there isn't, and for an aside."""
    if text.lstrip().startswith("//"):
        raise UserError("That begins with //, which marks an aside, so I left it alone. Take the // off to ask for it.")
    command = _COMMAND.match(text)
    if command is None:
        return Words(text=text, starts=False)
    if command["name"].lower() != "imagine":
        raise UserError(
            f"There is no command /{command['name']} here. Write /imagine and what you want to see, "
            "for example: /imagine a fox in the snow --ar 3:2"
        )
    return Words(text=text[command.end() :], starts=True)


def to_request(sending: Sending, text: str, *, visitor: Person, place: ConversationRef) -> ImageRequest:
    """A request in a thread. place: with its thread."""
    return ImageRequest(
        source_id=source_id(sending.id),
        requester=visitor,
        place=place,
        text=text,
        attachments=sending.attachments,
        message=MessageRef(platform=PLATFORM, channel=place.thread or place.channel, id=sending.id),
    )


def new_thread(channel: str, sending: Sending) -> ConversationRef:
    """Where a picture asked for in a channel will live.

    Its thread is known at once, so that a reply finds it before the poller has seen the job; a resend names the same one.
    """
    return ConversationRef(platform=PLATFORM, workspace=WORKSPACE, channel=channel, thread=sending.id)


def source_id(sending_id: str) -> str:
    return f"{PLATFORM}:{sending_id}"


def visitor_name(typed: str) -> str:
    """A name as others may see it: one line, no invisible characters, not longer than LONGEST_NAME; "" if nothing is left."""
    seen = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in typed)
    return " ".join(seen.split())[:LONGEST_NAME].rstrip()


def channel_name(typed: str) -> str:
    """A channel's name as it stands in an address: lower case, letters, digits and dashes; "" if nothing is left."""
    plain = unicodedata.normalize("NFKC", typed).lower()
    return re.sub(r"[\W_]+", "-", plain).strip("-")[:LONGEST_NAME].strip("-")


def _attachment(file: Any) -> Attachment:
    if not isinstance(file, dict) or not _matches(_SHA256, file.get("sha256")):
        raise UserError(_GARBLED)
    name, size, media_type = file.get("name"), file.get("size"), file.get("type")
    return Attachment(
        name=visitor_name(name) if isinstance(name, str) else "",
        address=file["sha256"],
        size=size if type(size) is int and size >= 0 else None,
        media_type=media_type[:100] if isinstance(media_type, str) and media_type else None,
    )


def _matches(pattern: re.Pattern[str], value: Any) -> bool:
    return isinstance(value, str) and pattern.fullmatch(value) is not None
