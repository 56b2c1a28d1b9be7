"""Which sentences does the bot say on Slack only, and how is a member's text shown so that it stays a text?"""

from __future__ import annotations

import unicodedata

from bot import messages
from bot.model import ASPECT_RATIOS

LONGEST_ALT = 1_000  # characters (docs)

SHORTCUT = "Edit this image"
"""The names of the message shortcuts, as in the manifest."""
CANCEL_SHORTCUT = "Cancel this picture"


def escaped(text: str) -> str:
    """Without mentions, links and entities: those need one of three characters (docs), or an address that Slack itself makes
    a link of, which an invisible joint prevents. The rest of mrkdwn changes looks only.
    """
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;").replace("://", ":\u2060//")


def one_line(text: str) -> str:
    return " ".join("".join(" " if unicodedata.category(c) in {"Cc", "Zl", "Zp"} else c for c in text).split())


def cut(text: str, most: int) -> str:
    """At most so many characters."""
    return text if len(text) <= most else f"{text[: most - 1].rstrip()}…"


def fitted(text: str, most: int) -> str:
    """Escaped, and then at most so many characters; no entity is cut in half."""
    kept = cut(text, most)
    while len(escaped(kept)) > most:
        kept = cut(kept, len(kept) - max(1, (len(escaped(kept)) - most) // len("&amp;")))
    return escaped(kept)


def alt(text: str) -> str:
    """The same as the alt text of a file: Slack does not say how it counts, so emoji count twice, as in UTF-16."""
    units = text.encode("utf-16-le", "replace")
    if len(units) <= 2 * LONGEST_ALT:
        return text
    return units[: 2 * (LONGEST_ALT - 1)].decode("utf-16-le", "ignore").rstrip() + "…"


def quoted(text: str, most: int) -> str:
    """A member's text on one line, at most so many characters, escaped."""
    return escaped(cut(one_line(text), most))


def invite(me: str | None) -> str:
    """me: the bot's user id, to be shown as its name."""
    name = f"<@{me}>" if me else "the bot"
    return (
        "I am not in this channel, so I can't post pictures here. Invite me: type /invite and my name "
        f"({name}), then ask again. Nothing was made or counted."
    )


def not_in_talks() -> str:
    return (
        "I can't come into direct messages of others. Write to me directly, or ask in a channel. "
        "Nothing was made or counted."
    )


def posted_elsewhere(channel: str) -> str:
    """Before an answer that comes as a direct message."""
    return f"I could not post this in <#{channel}>; if I am not in that channel, invite me with /invite."


def unshown_elsewhere(channel: str) -> str:
    """The same, where the channel is open to the bot and its pictures never appear there."""
    return f"Slack does not show my pictures in <#{channel}>."


def unshown() -> str:
    return (
        "The picture was made, but Slack does not show it here. Ask an admin of this workspace whether apps may upload files "
        "here and whether there is room left for files; then ask again."
    )


def file_gone(name: str) -> str:
    return f"{messages.file_name(name)} is no longer on Slack: it was deleted. Attach it again and ask again."


def file_unseen(name: str) -> str:
    return (
        f"I can't see {messages.file_name(name)}: it was deleted, or it is in a conversation that I am not in. "
        "Attach it here and ask again."
    )


def file_closed(name: str) -> str:
    return (
        f"{messages.file_name(name)} belongs to another company's workspace that does not share it with apps. "
        "Save it and attach it here yourself."
    )


def file_external(name: str) -> str:
    return (
        f"{messages.file_name(name)} is only a link to a file outside of Slack. Save it and attach the picture itself."
    )


def files_scope_missing(name: str) -> str:
    return (
        f"I can't read {messages.file_name(name)}: this app lacks the permission to read files. "
        "The bot's owner must add the scope files:read and reinstall the app; then ask again."
    )


def file_behind_sign_in(name: str) -> str:
    return (
        f"Slack showed me its sign-in page instead of {messages.file_name(name)}: it does not let me read this file. "
        "Attach it here yourself and ask again. If that happens with every file, the bot's owner must reinstall the app."
    )


def not_permitted() -> str:
    return "Slack does not let me do this: the app lacks a permission. Tell the bot's owner, who sees in the log which one."


def waits_for_permission() -> str:
    return (
        "I have taken this up, but Slack does not let me post: the app lacks a permission. Tell the bot's owner, who sees in "
        "the log which one. Once it is there your picture comes by itself."
    )


def no_picture_there() -> str:
    return "There is no picture in that message that I could edit. Choose a message with an attached picture."


def not_mine() -> str:
    return "That message belongs to no picture that I am making."


def busy() -> str:
    return "I can't write anything down just now, so I have not taken this up. Try again in a minute."


def broken() -> str:
    return "Something went wrong inside me, and it is not your fault. Try again in a minute."


def outdated() -> str:
    return "I no longer know what this belongs to. Start anew with /imagine."


def window_late() -> str:
    return "Slack closed the window before I could open it. Try again."


def how_to() -> list[str]:
    """One paragraph each, in Slack's markup; nothing in it comes from a member."""
    return [
        (
            "*Make a picture*: `/imagine a fox in the snow --ar 16:9` in a channel. With pictures of your own: `/imagine` alone "
            "opens a window, or mention me with words and files, or write to me directly."
        ),
        (
            "*Change it*: reply in its thread with what to change, for example _make it night_; attach up to 2 pictures if you "
            "like. `/imagine` does not exist inside threads, that is Slack's rule."
        ),
        "*Go back*: press Edit under an older picture, and the next one is built on that.",
        f"*Any picture*: the menu of a message (⋮), then _{SHORTCUT}_. To stop waiting: _{CANCEL_SHORTCUT}_.",
        "*Talk without me*: begin with `//`, or mention somebody first.",
        f"*Aspect ratios*: {', '.join(ASPECT_RATIOS)}. I read {messages.READABLE}. What is left of your limits: `/imagine limits`.",
    ]
