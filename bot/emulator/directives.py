"""Which short directives in a prompt ask the emulator for trouble, and what do they ask for?"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

from bot.emulator.behaviour import ERRORS
from bot.emulator.faults import Fault

_DIRECTIVE = re.compile(r"\[([a-z]+)(?::([a-z0-9._*-]+))?\]")

_BY_STATUS = {
    "400": "rejected", "401": "unauthorized", "402": "no_credit", "403": "forbidden", "404": "no_access",
    "429": "rate_limited", "500": "error", "502": "bad_gateway", "503": "unavailable",
}  # fmt: skip


@dataclass(slots=True, kw_only=True)
class Wish:
    """What the directives of one prompt ask for."""

    changes: dict[str, Any] = field(default_factory=dict)
    """Fields of Behaviour."""
    faults: list[Fault] = field(default_factory=list)
    """Faults of the calls about this request."""


def without_directives(words: str) -> str:
    """The words as a person would read them on the picture."""
    return " ".join(_DIRECTIVE.sub(lambda found: "" if found[1] in _READERS else found[0], words).split())


def wish_of(words: str) -> Wish:
    """The wish of a prompt. What is no directive, or a senseless one, is left alone: it may be meant as words."""
    wish = Wish()
    for name, value in _DIRECTIVE.findall(words):
        if name in _READERS:
            _READERS[name](wish, value)
    return wish


def _fail(wish: Wish, value: str) -> None:
    wish.changes |= {"ending": "failed", "error": value if value in ERRORS else "rejected"}


def _slow(wish: Wish, value: str) -> None:
    if re.fullmatch(r"\d{1,4}(\.\d+)?", value):
        wish.changes["latency"] = float(value)


def _images(wish: Wish, value: str) -> None:
    if value.isdigit() and 1 <= int(value) <= 10:
        wish.changes["images"] = int(value)


def _history(wish: Wish, value: str) -> None:
    if value in ("absent", "untemplated", "signed", "garbage"):
        wish.changes["next_turn"] = value


def _format(wish: Wish, value: str) -> None:
    if value in ("png", "jpeg", "webp"):
        wish.changes["image_format"] = value


def _sets(**changes: Any) -> Callable[[Wish, str], None]:
    def read(wish: Wish, _: str) -> None:
        wish.changes |= changes

    return read


def _faults(route: str) -> Callable[[Wish, str], None]:
    """`[get:502]`, `[media:cut*3]`: a status or a kind of fault, and how often."""

    def read(wish: Wish, value: str) -> None:
        kind, _, times = value.partition("*")
        kind = _BY_STATUS.get(kind, kind).replace("-", "_")
        if kind == "no_access" and route != "submit":
            kind = "not_found"
        count = int(times) if times.isdigit() and int(times) else 1
        try:
            wish.faults.append(Fault(route=route, kind=kind, times=count))
        except ValueError:
            return

    return read


def _lost(wish: Wish, _: str) -> None:
    wish.faults.append(Fault(route="submit", kind="drop", leaves="record"))


_READERS: dict[str, Callable[[Wish, str], None]] = {
    "fail": _fail,
    "slow": _slow,
    "images": _images,
    "history": _history,
    "format": _format,
    "stuck": _sets(ending="stuck"),
    "cancelled": _sets(ending="cancelled"),
    "sync": _sets(delivery="sync"),
    "empty": _sets(outcome="empty"),
    "inline": _sets(outcome="candidates"),
    "strings": _sets(outcome="strings"),
    "thumbnail": _sets(thumbnail=True),
    "post": _faults("submit"),
    "get": _faults("get"),
    "media": _faults("media"),
    "lost": _lost,
}
