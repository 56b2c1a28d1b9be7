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

_MARKUP = re.compile(r"[\\`*_~|<\[\]@]|:(?=//)|(?<=discord)\.|(?<=discordapp)\.", re.IGNORECASE)
_AT_LINE_START = re.compile(r"^(\s*\d*)([#>+.)-])", re.MULTILINE)


def escaped(text: str) -> str:
    """The text with everything quoted that Discord could read as markup, mention, link, emoji or time.

    A backslash before a mark is shown as the bare mark; before anything else it would be shown itself. Addresses of Discord
    itself are quoted without a scheme, too: of an invite its app makes a card, wherever it stands in the text (believed).
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


def add_me() -> str:
    return (
        "This thread is private and I am not in it, so I could not post a picture here. Mention me in a message to add me, "
        "then ask again. Nothing was made or counted."
    )


def no_picture_there() -> str:
    return "There is no picture in that message that I could edit. Choose a message with an attached picture."


def cannot_tell() -> str:
    """Said openly, where a member's direct messages are closed."""
    return (
        "I could not do that, and you take no direct messages from me, so I can't tell you why without telling everybody. "
        "Use /imagine, or press Edit under a picture: there I can answer to you alone."
    )


def refused_in(place: str, sentence: str) -> str:
    """Before a refusal that comes as a direct message. place: as Discord writes a channel."""
    return f"About your message in {place}: {sentence}"


def posted_elsewhere(place: str) -> str:
    """place: where it was to go, as Discord writes a channel."""
    return f"I could not post this in {place}."


def busy() -> str:
    return "I can't write anything down just now, so I have not taken this up. Try again in a minute."


def broken(number: str) -> str:
    return (
        "Something went wrong inside me, and it is not your fault. Try again; if that doesn't help, give the bot's owner "
        f"this number: {number}"
    )


def changed_command() -> str:
    return (
        "This command has changed since your app last looked. Close Discord, open it again, and use the command anew."
    )


def lost_without_content(*, asked_for: bool = True) -> str:
    """For the operator, at the start. asked_for: the settings want the intent, and the application has not got it."""
    remedy = (
        "switch on Message Content Intent for the application at https://discord.com/developers/applications (page Bot)"
        if asked_for
        else "set DISCORD_MESSAGE_CONTENT=true"
    )
    return (
        "Runs without the message content intent: a plain reply in a thread is not understood. Members can reply to a "
        f"picture with the ping on, mention the bot, or press Edit. To change this, {remedy} and start the bot again."
    )


def how_to(*, message_content: bool) -> str:
    """The answer to /imagine-help; the only text here that is markup, and nothing in it comes from a member.

    message_content: whether plain words in a thread reach the bot.
    """
    if message_content:
        change = (
            "write what to change as a reply in its thread, for example `make it night`. You can attach up to 2 pictures, or "
            "forward one."
        )
    else:
        change = (
            "press **Edit** under the picture; or reply to it with the ping on, or mention me in its thread, and say what to "
            "change, for example `make it night`. You can attach up to 2 pictures."
        )
    return "\n".join(
        [
            (
                "**Make a picture**: `/imagine prompt: a fox in the snow`, or mention me and say what you want to see. You can "
                "choose an aspect ratio and attach up to 3 pictures."
            ),
            f"**Change it**: {change}",
            "**Changed your mind?** Press Cancel on the card, or delete your message, before the picture is there.",
            "**Go back**: reply to an older picture, and the next one is built on that.",
            *(
                ["**Talk without me**: begin with `//`, reply to a person, or mention one first."]
                if message_content
                else []
            ),
            (
                "**Elsewhere**: in direct messages with me, just write. In other threads and in voice chats, reply to my picture "
                "or mention me."
            ),
            "",
            (
                "Under each picture: **Try again** asks the same once more, **Edit** opens a window for words and pictures, "
                "**Delete** takes it back (for whoever asked, and for moderators)."
            ),
            "On any message with a picture: Apps, then **Edit this image**.",
            f"Aspect ratios: {', '.join(ASPECT_RATIOS)}. Outside the command, write `--ar 16:9` after your words.",
            f"Pictures that I can read: {messages.READABLE}.",
            "What is left of your limits: `/imagine-usage`.",
        ]
    )
