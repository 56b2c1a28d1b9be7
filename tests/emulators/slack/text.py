"""What becomes of words on their way into Slack, who is pinged by a message, and what do members read?"""

import html
import re
from collections.abc import Callable, Iterable
from typing import Any

from tests.emulators.slack.model import Message

Json = dict[str, Any]

CONTROL = re.compile(r"<([@#!]?)([^<>|\s]+)(?:\|([^<>]*))?>")
BARE = re.compile(r"(?<![\w@])@([\w.-]*\w)")
TYPED = re.compile(r"(?P<url>https?://[^\s<>]+)|(?<!\w)@(?P<name>[\w.-]*\w)|(?<!\w)#(?P<place>[\w-]+)")
EVERYBODY = ("channel", "here", "everyone")
ENTITY = re.compile(r"&(?!(?:amp|lt|gt);)")

Find = Callable[[str], str | None]
"""The id of a member or channel with this name."""


def escaped(words: str) -> str:
    """Slack's three entities, as its guide to escaping text names them; quotes stay as they are."""
    return words.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def unescaped(text: str) -> str:
    return text.replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&")


def typed(words: str, member: Find, channel: Find) -> tuple[str, list[Json]]:
    """A member's words as events tell them: text with entities, mentions and links; and as rich text elements."""
    text, elements, end = "", [], 0
    for found in TYPED.finditer(words):
        piece = _special(found, member, channel)
        if piece is None:
            continue
        plain = words[end : found.start()]
        if plain:
            elements.append({"type": "text", "text": plain})
        text += escaped(plain) + piece[0]
        elements.append(piece[1])
        end = found.end()
    if words[end:]:
        elements.append({"type": "text", "text": words[end:]})
    return text + escaped(words[end:]), elements


def _special(found: re.Match[str], member: Find, channel: Find) -> tuple[str, Json] | None:
    if url := found["url"]:
        return f"<{escaped(url)}>", {"type": "link", "url": url}
    if name := found["name"]:
        if name in EVERYBODY:
            return f"<!{name}>", {"type": "broadcast", "range": name}
        if user := member(name):
            return f"<@{user}>", {"type": "user", "user_id": user}
    if (place := found["place"]) and (id := channel(place)):
        return f"<#{id}|{place}>", {"type": "channel", "channel_id": id}
    return None


def stored(text: str) -> str:
    """A bot's text as Slack keeps it: a bare `&`, or a `<` or `>` that belongs to no markup, comes back as an entity."""
    kept, end = "", 0
    for control in CONTROL.finditer(text):
        kept += _entities(text[end : control.start()]) + control[0]
        end = control.end()
    return kept + _entities(text[end:])


def _entities(text: str) -> str:
    return ENTITY.sub("&amp;", text).replace("<", "&lt;").replace(">", "&gt;")


def read(text: str, name_of: Callable[[str], str]) -> str:
    """What stands on the screen. name_of: the name of a member by their id."""

    def shown(found: re.Match[str]) -> str:
        sign, target, label = found[1], found[2], found[3]
        match sign:
            case "@":
                return f"@{name_of(target)}"
            case "#":
                return f"#{label or target}"
            case "!":
                return label or f"@{target.partition('^')[0]}"
        return label or target

    return unescaped(CONTROL.sub(shown, text))


def pinged(message: Message) -> set[str]:
    """Whom a message notifies: ids of members, `@channel`, `@here`, `@everyone`, and ids of user groups."""
    found = set()
    for text in markup(message):
        for control in CONTROL.finditer(text):
            if control[1] == "@":
                found.add(control[2])
            elif control[1] == "!":
                word, _, group = control[2].partition("^")
                found |= {f"@{word}"} if word in EVERYBODY else {group} if word == "subteam" else set()
        if message.linked_names:
            names = set(BARE.findall(text))
            found |= {f"@{name}" for name in names & set(EVERYBODY)}
            found |= {member.id for member in message.channel.members if member.name in names}
    found |= {f"@{e['range']}" for e in _rich(message.blocks) if e.get("type") == "broadcast"}
    return found | {e["user_id"] for e in _rich(message.blocks) if e.get("type") == "user"}


def links(message: Message) -> list[str]:
    """Where clicks on a message's words would lead."""
    controls = (control for text in markup(message) for control in CONTROL.finditer(text))
    found = [html.unescape(c[2]) for c in controls if not c[1] and re.match(r"\w+:", c[2])]
    bare = (re.findall(r"(?<![<|\w])https?://[^\s<>|]+", text) for text in markup(message))
    rich = (element["url"] for element in _rich(message.blocks) if "url" in element)
    return list(dict.fromkeys([*found, *(url for urls in bare for url in urls), *rich]))


def markup(message: Message) -> Iterable[str]:
    """Every text of a message in which Slack obeys markup: its own, and that of its blocks unless it is plain text."""
    yield message.text
    yield from _mrkdwn(message.blocks)


def visible(blocks: list[Json]) -> Iterable[str]:
    """Every text of blocks that a member reads, plain or not, in order."""
    for part in _parts(blocks):
        if part.get("type") in ("plain_text", "mrkdwn", "text", "markdown") and isinstance(part.get("text"), str):
            yield part["text"]


def _mrkdwn(blocks: list[Json]) -> Iterable[str]:
    for part in _parts(blocks):
        if part.get("type") in ("mrkdwn", "markdown") and isinstance(part.get("text"), str):
            yield part["text"]


def _rich(blocks: list[Json]) -> Iterable[Json]:
    for block in blocks:
        if block.get("type") == "rich_text":
            yield from _parts([block])


def _parts(value: object) -> Iterable[Json]:
    if isinstance(value, dict):
        yield value
        for inner in value.values():
            yield from _parts(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _parts(inner)
