"""How does valid JSON look after a stranger, or a vendor's bad day, has been at it?"""

from __future__ import annotations

import copy
from random import Random
from typing import Any

from hypothesis import strategies as st

ODDITIES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    3.7,
    1 << 53,
    1 << 70,
    10**400,
    1e308,
    "",
    " ",
    "0",
    "-1",
    "٣",  # a digit, to `isdigit`
    "²",  # one that `int` refuses
    "9" * 30,
    "9" * 5_000,  # more digits than Python turns into a number
    "2026-13-45T99:99:99Z",
    "\x00",
    "\x1b]0;title\x07",
    "\ud800",  # half a character: no UTF-8 holds it
    "\u202eright to left\u2069",
    "\ufeff",
    "x" * 100_000,
    "../../etc/passwd",
    "<@1> <#2> <!channel|x> <http://[::1|y>",
    "http://[::1",
    [],
    [None],
    [[[[[[[["deep"]]]]]]]],
    {},
    {"": None},
    {"type": 999, "id": "1"},
)


def mutated(valid: Any, random: Random, *, most: int = 3) -> Any:
    """A copy with one to `most` places broken: removed, of another type, absurd, repeated, wrapped, or out of place."""
    body = [copy.deepcopy(valid)]
    for _ in range(random.randint(1, most)):
        holder, key = random.choice(_places(body))
        _break(holder, key, body, random)
        if not body:
            return None
    return body[0]


def mutations(valid: Any, *, most: int = 3) -> st.SearchStrategy[Any]:
    """`mutated`, by choices that hypothesis makes and makes smaller."""
    return st.randoms(use_true_random=False).map(lambda random: mutated(valid, random, most=most))


def _places(body: Any) -> list[tuple[Any, Any]]:
    """(holder, key) of each value, at any depth."""
    found, open_ = [], [body]
    while open_:
        holder = open_.pop()
        keys = list(holder) if isinstance(holder, dict) else range(len(holder))
        for key in keys:
            found.append((holder, key))
            if isinstance(holder[key], list | dict):
                open_.append(holder[key])
    return found


def _break(holder: Any, key: Any, body: Any, random: Random) -> None:
    match random.choice(("odd", "odd", "odd", "drop", "wrap", "name", "repeat", "text", "other")):
        case "odd":
            holder[key] = copy.deepcopy(random.choice(ODDITIES))
        case "drop" if holder is not body:
            del holder[key]
        case "wrap":
            holder[key] = [holder[key]]
        case "name":
            holder[key] = {"value": holder[key]}
        case "repeat" if isinstance(holder[key], list):
            holder[key] = holder[key] * 50
        case "text":
            holder[key] = str(holder[key])
        case _:
            other, there = random.choice(_places(body))
            holder[key] = copy.deepcopy(other[there])
