"""Is this message meant for the bot, and as what? Plain talk must stay possible in a thread full of pictures."""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum

from bot.model import Attachment, Utterance


class Why(StrEnum):
    """Why a message is left alone; for the debug log, never said to anybody."""

    BOT = "written by a bot"
    ASIDE = "begins with //"
    TO_SOMEBODY = "begins by mentioning somebody else"
    ANSWERS_SOMEBODY = "answers somebody else's message"
    NOTHING_SAID = "no letters, digits or image"
    OUTSIDER = "written by somebody who never asked in this thread"
    ELSEWHERE = "not in a thread of the bot, and neither answers nor mentions it"


@dataclass(frozen=True, kw_only=True, slots=True)
class Ignore:
    """Not meant for the bot."""

    why: Why


@dataclass(frozen=True, kw_only=True, slots=True)
class Edit:
    """An instruction. of: the job whose picture it explicitly answers; None: whatever is newest in its place, or, where
    there is nothing yet, a first picture.
    """

    of: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class KeepImage:
    """An image without words: a reference for what the same author says next in the same place."""


Decision = Ignore | Edit | KeepImage


def decide(utterance: Utterance, *, opened: bool, joined: bool, replied_job: str | None) -> Decision:
    """What a message is to the bot.

    utterance.text: without the bot's own mention and without what only looks like words (custom emoji, platform markup).
    opened: it stands in a thread of the bot. joined: its author began that thread or has asked there before.
    replied_job: the job of the bot's message that it explicitly answers.
    """
    has_words = says_something(utterance.text)
    never = _never(utterance, has_words=has_words)
    if never:
        return Ignore(why=never)
    if not (replied_job or utterance.mentions_bot or utterance.private or (opened and joined)):
        return Ignore(why=Why.OUTSIDER if opened else Why.ELSEWHERE)
    return Edit(of=replied_job) if has_words else KeepImage()


def _never(utterance: Utterance, *, has_words: bool) -> Why | None:
    """The reasons that no reply and no mention of the bot outweighs."""
    if utterance.author_is_bot:
        return Why.BOT
    if utterance.text.lstrip().startswith("//"):
        return Why.ASIDE
    if utterance.begins_with_mention:
        return Why.TO_SOMEBODY
    if utterance.replied_to is not None and not utterance.replied_to_bot:
        return Why.ANSWERS_SOMEBODY
    if not has_words and not any(map(may_be_image, utterance.attachments)):
        return Why.NOTHING_SAID
    return None


# A character shown as an emoji, and keycaps: to Unicode "ℹ️" is a letter and "1️⃣" begins with a digit.
_EMOJI = re.compile(".\ufe0f\u20e3?|[0-9#*]\u20e3", re.DOTALL)


def says_something(text: str) -> bool:
    """Whether a text has a letter or digit of any script; emoji and punctuation alone say nothing."""
    return any(char.isalnum() for char in _EMOJI.sub("", text))


_IMAGE_NAMES = (".jpg", ".jpeg", ".png", ".webp", ".heic", ".heif", ".gif", ".bmp", ".tif", ".tiff")


def may_be_image(attachment: Attachment) -> bool:
    """By what its platform says of it; bytes decide later. Some platforms don't know HEIC and call it a stream of bytes."""
    media_type = (attachment.media_type or "").lower()
    unnamed = media_type in ("", "application/octet-stream")
    return media_type.startswith("image/") or (unnamed and attachment.name.lower().endswith(_IMAGE_NAMES))
