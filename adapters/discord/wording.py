"""Which sentences does the bot say on Discord only, and how is a member's text shown so that it stays a text?"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Sequence

from bot import messages
from bot.model import ASPECT_RATIOS

LONGEST_CONTENT = 2_000  # characters (docs), here and below
LONGEST_NAME = 100
LONGEST_ALT = 1_024

_MARKUP = re.compile(r"[\\`*_~|<\[\]@]|:(?=//)")
_AT_LINE_START = re.compile(r"^(\s*\d*)([#>+.)-])", re.MULTILINE)


def escaped(text: str) -> str:
    """The text with everything quoted that Discord could read as markup, mention, link, emoji or time.

    A backslash before a mark is shown as the bare mark; before anything else it would be shown itself.
    """
    return _AT_LINE_START.sub(r"\1\\\2", _MARKUP.sub(lambda mark: f"\\{mark.group()}", text))


def one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text).split())


def cut(text: str, most: int) -> str:
    """At most so many characters, at a word's end where there is one near."""
    if len(text) <= most:
        return text
    short = text[: most - 1]
    space = short.rfind(" ")
    return (short[:space] if space > most * 2 // 3 else short).rstrip() + "…"


def quoted(text: str, most: int) -> str:
    """A member's text on one line, escaped, of at most so many characters in all."""
    line = one_line(text)
    length = len(line)
    while len(shown := escaped(cut(line, length))) > most:
        length = min(length - 1, length * most // len(shown))
    return shown


def thread_name(prompt: str) -> str:
    """A thread's name: no markup is read there, and an empty one is refused."""
    words = one_line(
        "".join(" " if unicodedata.category(c) in {"Cf", "Cs", "Co"} and c != "\u200d" else c for c in prompt)
    )
    return cut(re.sub(r"[<>`*_~|\\]+", "", words).strip() or "A picture", LONGEST_NAME)


def may_not_here(missing: Sequence[str]) -> str:
    """missing: names of permissions, as Discord's own settings show them."""
    listed = missing[0] if len(missing) == 1 else f"{', '.join(missing[:-1])} and {missing[-1]}"
    plural = "" if len(missing) == 1 else "s"
    return (
        f"I can't post pictures here: I lack the permission{plural} {listed}. An admin of this server can change that in "
        "this channel's settings. Nothing was made or counted."
    )


def no_picture_there() -> str:
    return "There is no picture in that message that I could edit. Choose a message with an attached picture."


def cannot_tell() -> str:
    """Said openly, where a member's direct messages are closed."""
    return (
        "I could not do that, and you take no direct messages from me, so I can't tell you why without telling everybody. "
        "Press Edit under the picture: there I can answer to you alone."
    )


def refused_in(place: str, sentence: str) -> str:
    """Before a refusal that comes as a direct message. place: as Discord writes a channel."""
    return f"About your message in {place}: {sentence}"


def posted_elsewhere(place: str | None) -> str:
    """place: where it was to go, as Discord writes a channel; None where that is gone."""
    where = f" in {place}" if place else " where you asked"
    return f"I could not post this{where}."


def busy() -> str:
    return "I can't write anything down just now, so I have not taken this up. Try again in a minute."


def broken(number: str) -> str:
    return (
        "Something went wrong inside me, and it is not your fault. Try again; if that doesn't help, give the bot's owner "
        f"this number: {number}"
    )


def outdated() -> str:
    return "I no longer know what this belongs to. Start anew with /imagine."


def lost_without_content() -> str:
    """For the operator, at the start."""
    return (
        "Runs without the message content intent: a plain reply in a thread is not understood. Members can reply to a "
        "picture with the ping on, mention the bot, or press Edit. To change this, switch on Message Content Intent for the "
        "application at https://discord.com/developers/applications (page Bot) and start the bot again."
    )


def how_to() -> str:
    """The answer to /imagine-help; the only text here that is markup, and nothing in it comes from a member."""
    return "\n".join(
        [
            "**Make a picture**: `/imagine prompt: a fox in the snow`. You can choose an aspect ratio and attach up to 3 pictures.",
            (
                "**Change it**: write what to change as a reply in its thread, for example `make it night`. You can attach up to 2 "
                "pictures, or forward one."
            ),
            "**Changed your mind?** Press Cancel on the card, or delete your message, before the picture is there.",
            "**Go back**: reply to an older picture, and the next one is built on that.",
            "**Talk without me**: begin with `//`, reply to a person, or mention one first.",
            "**Elsewhere** (other threads, voice chats): reply to my picture or mention me.",
            "",
            (
                "Under each picture: **Try again** asks the same once more, **Edit** opens a window for words and pictures, "
                "**Delete** takes it back (for whoever asked, and for moderators)."
            ),
            "On any message with a picture: Apps, then **Edit this image**.",
            f"Aspect ratios: {', '.join(ASPECT_RATIOS)}. I read {messages.READABLE}.",
            "What is left of your limits: `/imagine-usage`.",
        ]
    )
