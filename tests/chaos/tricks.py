"""Which faults can befall the queue, the platforms and the wires to them, and which of them does this seed draw?

What would open a window that no bot can close is left out (tests/README.md names them): a list that hides a record for more
than 30 seconds, a record that the list shows without its payload, and the loss of a model's very first POST.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

PER_SECOND = 2.5
"""How many tricks there are on average."""

LISTED_AFTER = (1.0, 12.0)  # seconds; far below the 30 after which a request counts as never taken


@dataclass(frozen=True, kw_only=True, slots=True)
class Trick:
    """One disturbance. on: queue, discord, slack, or the wire to one of them. act: which of its levers; options: how."""

    at: float
    on: str
    act: str
    options: dict[str, Any] = field(default_factory=dict)

    def __str__(self) -> str:
        return " ".join([self.on, self.act, *(f"{name}={value}" for name, value in self.options.items())])


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """One kind of trick. draw: its options. weight: how often beside the others. lingers: the bot then has to wait, for
    half a minute or more, until it can be sure of what happened.
    """

    on: str
    act: str
    draw: Callable[[random.Random], dict[str, Any]]
    weight: int
    lingers: bool = False


def drawn(rng: random.Random, seconds: float, blows: Sequence[float], *, brief: bool) -> Iterator[Trick]:
    """Until the seed's last second, and a few around each blow, so that it falls into the middle of something.

    brief: nothing that lingers.
    """
    kinds = [kind for kind in KINDS if not (brief and kind.lingers)]
    weights = [kind.weight for kind in kinds]
    at = rng.expovariate(PER_SECOND)
    while at < seconds:
        kind = rng.choices(kinds, weights)[0]
        yield Trick(at=at, on=kind.on, act=kind.act, options=kind.draw(rng))
        at += rng.expovariate(PER_SECOND)
    for blow in blows:
        if rng.random() < 0.7:
            yield from _ambush(rng, max(0.0, blow - 0.6))


def _ambush(rng: random.Random, at: float) -> Iterator[Trick]:
    """What was done, and whose answer is on its way when the process dies."""
    late = rng.uniform(0.8, 2.0)
    posts = {"route": POST, "times": 4, "latency": late, "after_effect": True}
    yield Trick(at=at, on="discord", act="lay", options=posts)
    yield Trick(at=at, on="queue", act="inject", options={"route": "submit", "kind": "slow", "times": 3, "delay": late})
    shares = {"kind": "slow", "method": "files.completeUploadExternal", "times": 2, "when": "after", "delay": late}
    yield Trick(at=at, on="slack", act="inject", options=shares)


# -- the queue -------------------------------------------------------------------------------------------------------


def _unclear(rng: random.Random) -> dict[str, Any]:
    """Every kind of answer, and of no answer, that tells nothing about what became of a POST."""
    kind = rng.choice(("error", "bad_gateway", "unavailable", "drop", "reset", "html", "empty"))
    return {"route": "submit", "kind": kind, "delay": rng.choice((0.0, 0.0, 1.0))}


def _unclear_but_made(rng: random.Random) -> dict[str, Any]:
    return _unclear(rng) | {"leaves": "record"}


def _not_now(rng: random.Random) -> dict[str, Any]:
    if rng.random() < 0.5:
        return {"route": "submit", "kind": "rate_limited", "retry_after": rng.choice((1, 2))}
    return {"route": "submit", "kind": "slow", "delay": rng.uniform(0.5, 3.0)}


def _refused(rng: random.Random) -> dict[str, Any]:
    return {"route": "submit", "kind": rng.choice(("rejected", "backend_error"))}


def _look(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(("error", "rate_limited", "drop", "reset", "html", "truncated", "cut", "slow", "status_word"))
    return {"route": "get", "kind": kind, "times": rng.randint(1, 3), "delay": rng.uniform(0.1, 1.5)}


def _unknown(rng: random.Random) -> dict[str, Any]:
    return {"route": "get", "kind": "not_found"}


def _list(rng: random.Random) -> dict[str, Any]:
    kind = rng.choice(("error", "unavailable", "drop", "cut", "slow", "lag", "lag", "unordered"))
    options: dict[str, Any] = {"route": "list", "kind": kind, "times": rng.randint(1, 3)}
    return options | ({"seconds": rng.uniform(*LISTED_AFTER)} if kind == "lag" else {"delay": rng.uniform(0.1, 1.5)})


def _files(rng: random.Random) -> dict[str, Any]:
    route = rng.choice(("media", "media", "upload_url", "put"))
    kinds = ("error", "unavailable", "drop", "reset", "slow", *(("cut", "truncated") if route == "media" else ()))
    return {"route": route, "kind": rng.choice(kinds), "times": rng.randint(1, 2), "delay": rng.uniform(0.1, 1.0)}


def _behaviour(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        (
            {"ending": "failed", "error": "safety"},
            {"ending": "failed", "error": "no-image", "error_form": "string"},
            {"ending": "failed", "error": "signature"},
            {"outcome": "candidates"},
            {"outcome": "strings", "thumbnail": True},
            {"next_turn": "absent"},
            {"next_turn": "garbage"},
            {"next_turn": "signed"},
            {"next_turn": "untemplated"},
            {"images": 2},
            {"image_format": "jpeg"},
            {"post_answer": "full"},
            {"latency": rng.uniform(4.0, 12.0)},
        )
    )


def _upstream_limit(rng: random.Random) -> dict[str, Any]:
    return {"ending": "failed", "error": "rate"}


# -- Discord ---------------------------------------------------------------------------------------------------------

POST = "POST /channels/{channel_id}/messages"
_ROUTES = (
    (POST, 8),
    ("POST /channels/{channel_id}/messages/{message_id}/threads", 4),
    ("POST /interactions/{interaction_id}/{interaction_token}/callback", 3),
    ("GET /channels/{channel_id}/messages", 3),
    ("PATCH /channels/{channel_id}/messages/{message_id}", 2),
    ("DELETE /channels/{channel_id}/messages/{message_id}", 2),
    ("PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me", 2),
    ("GET /gateway/bot", 1),
    ("CDN", 3),
)


def _lay(rng: random.Random) -> dict[str, Any]:
    routes, weights = zip(*_ROUTES, strict=True)
    options: dict[str, Any] = {"route": rng.choices(routes, weights)[0], "times": rng.randint(1, 3)}
    options |= rng.choice(
        (
            {"status": 500},
            {"status": 502},
            {"status": 503},
            {"reset": True},
            {"latency": rng.uniform(0.2, 2.5)},
            {"status": 429, "retry_after": rng.choice((0.05, 0.5, 1.5)), "scope": rng.choice(("user", "shared"))},
            {"status": 429, "retry_after": 1.0, "via": False},
        )
    )
    if options.get("status") != 429 and rng.random() < 0.5:
        options["after_effect"] = True
    return options


def _gateway(rng: random.Random) -> dict[str, Any]:
    return rng.choice(
        (
            {"lever": "drop"},
            {"lever": "drop", "code": rng.choice((4000, 4009))},
            {"lever": "reconnect"},
            {"lever": "invalidate", "resumable": rng.random() < 0.5},
            {"lever": "forget"},
            {"lever": "refuse", "connections": 1},
        )
    )


def _repeat(rng: random.Random) -> dict[str, Any]:
    return {"count": rng.randint(1, 12)}


def _hold(rng: random.Random) -> dict[str, Any]:
    return {"seconds": rng.uniform(0.2, 1.5), "reverse": rng.random() < 0.6}


# -- Slack -----------------------------------------------------------------------------------------------------------

_METHODS = (
    ("files.getUploadURLExternal", 2),
    ("(upload)", 2),
    ("files.info", 3),
    ("chat.postMessage", 6),
    ("chat.update", 2),
    ("conversations.replies", 3),
    ("conversations.history", 2),
    ("reactions.add", 2),
    ("views.open", 1),
    ("chat.delete", 1),
    ("files.delete", 1),
    ("(download)", 2),
)


def _method(rng: random.Random) -> dict[str, Any]:
    methods, weights = zip(*_METHODS, strict=True)
    return _fault(rng, rng.choices(methods, weights)[0])


def _completion(rng: random.Random) -> dict[str, Any]:
    """The step after which a picture appears in its thread, sooner, later or never."""
    return _fault(rng, "files.completeUploadExternal")


def _fault(rng: random.Random, method: str) -> dict[str, Any]:
    kind = rng.choice(("ratelimited", "error", "status", "html", "reset", "drop", "slow"))
    options: dict[str, Any] = {"kind": kind, "method": method, "times": rng.randint(1, 2)}
    if kind == "slow":
        options["delay"] = rng.uniform(0.2, 2.5)
    if kind == "html":
        options["status"] = rng.choice((200, 502))
    if kind != "ratelimited" and rng.random() < 0.5:
        options["when"] = "after"
    return options


def _share(rng: random.Random) -> dict[str, Any]:
    return {"shared_after": rng.choice((0.5, 2.0, 6.0, 15.0)), "typed_after": rng.choice((0.0, 1.0))}


def _number(rng: random.Random) -> dict[str, Any]:
    return {"times": rng.randint(1, 4)}


def _socket(rng: random.Random) -> dict[str, Any]:
    return rng.choice(({"lever": "kill"}, {"lever": "refresh_requested"}, {"lever": "warning"}))


# -- wires, and who is at their other end ----------------------------------------------------------------------------


def _nothing(rng: random.Random) -> dict[str, Any]:
    return {}


def _away(rng: random.Random) -> dict[str, Any]:
    """For how long nobody is let in."""
    return {"seconds": rng.uniform(0.2, 3.0)}


KINDS = (
    Kind(on="queue", act="inject", draw=_unclear, weight=8, lingers=True),
    Kind(on="queue", act="inject", draw=_unclear_but_made, weight=9),
    Kind(on="queue", act="inject", draw=_not_now, weight=5),
    Kind(on="queue", act="inject", draw=_refused, weight=3),
    Kind(on="queue", act="inject", draw=_look, weight=10),
    Kind(on="queue", act="inject", draw=_unknown, weight=3),
    Kind(on="queue", act="inject", draw=_list, weight=8),
    Kind(on="queue", act="inject", draw=_files, weight=8),
    Kind(on="queue", act="behave", draw=_behaviour, weight=12),
    Kind(on="queue", act="behave", draw=_upstream_limit, weight=1, lingers=True),
    Kind(on="discord", act="lay", draw=_lay, weight=30),
    Kind(on="discord", act="gateway", draw=_gateway, weight=5),
    Kind(on="discord", act="repeat", draw=_repeat, weight=6),
    Kind(on="discord", act="hold", draw=_hold, weight=5),
    Kind(on="slack", act="inject", draw=_method, weight=17),
    Kind(on="slack", act="inject", draw=_completion, weight=5, lingers=True),
    Kind(on="slack", act="share", draw=_share, weight=8),
    Kind(on="slack", act="duplicate", draw=_number, weight=5),
    Kind(on="slack", act="on_two_sockets", draw=_number, weight=3),
    Kind(on="slack", act="hold", draw=_hold, weight=4),
    Kind(on="slack", act="socket", draw=_socket, weight=3),
    Kind(on="queue wire", act="cut", draw=_nothing, weight=3),
    Kind(on="discord wire", act="cut", draw=_nothing, weight=2),
    Kind(on="slack wire", act="cut", draw=_nothing, weight=2),
    Kind(on="queue wire", act="outage", draw=_away, weight=2),
    Kind(on="discord wire", act="outage", draw=_away, weight=2),
    Kind(on="slack wire", act="outage", draw=_away, weight=2),
    Kind(on="queue", act="restart", draw=_away, weight=2),
    Kind(on="discord", act="restart", draw=_away, weight=3),
    Kind(on="slack", act="restart", draw=_away, weight=3),
)
