"""Did one of our own pages, a person or a person's tool make this request, or a foreign web page behind their back?

A browser sends what any page asks for, from inside the owner's network and with the owner's cookies. What gives a
foreign page away: the Host that it had to use (its own name, made to point here: DNS rebinding), the Origin, and
Sec-Fetch-Site. Pages cannot forge these three.
"""

from __future__ import annotations

import re

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from adapters.web.settings import is_loopback

SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
_DEFAULT_PORTS = {"http": 80, "https": 443}
_AUTHORITY = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[^\s:/?#@\[\]]+)(:(?P<port>[0-9]{1,5}))?", re.IGNORECASE)
_ORIGIN = re.compile(r"(?P<scheme>https?)://(?P<authority>[^/?#]+)", re.IGNORECASE)


class Guard:
    """Answers 403 with a sentence, or closes a websocket's handshake, unless the request may be meant.

    any_host: True with a password. A foreign name is no danger then, because no session's cookie belongs to it.
    """

    def __init__(self, app: ASGIApp, *, any_host: bool) -> None:
        self._app = app
        self._any_host = any_host

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        refused = self._refusal(scope, Headers(scope=scope)) if scope["type"] in ("http", "websocket") else None
        if refused is None:
            await self._app(scope, receive, send)
        elif scope["type"] == "websocket":
            await WebSocketClose(code=1008, reason=refused)(scope, receive, send)
        else:
            await PlainTextResponse(refused + "\n", status_code=403)(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Headers) -> str | None:
        return self._host_refusal(headers) or _cross_site_refusal(scope, headers) or _origin_refusal(scope, headers)

    def _host_refusal(self, headers: Headers) -> str | None:
        hosts = _hosts(headers)
        names = [_split(host, 80)[0] for host in hosts]
        if not hosts or not all(names):
            return "The request names no host."
        if self._any_host or all(is_loopback(name) for name in names):
            return None
        return (
            "Without a password this bot answers only where it is called 127.0.0.1 or localhost. "
            "To reach it by another name, set WEB_PASSWORD."
        )


def _cross_site_refusal(scope: Scope, headers: Headers) -> str | None:
    """Other sites may link here, and nothing else: no pictures in their pages, no forms, no scripts."""
    if headers.get("sec-fetch-site") not in ("cross-site", "same-site"):
        return None
    if scope.get("method") in SAFE_METHODS and headers.get("sec-fetch-mode") == "navigate":
        return None
    return "This request was made by a page of another site."


def _origin_refusal(scope: Scope, headers: Headers) -> str | None:
    """Where browsers always tell the origin it must be told; it must be ours wherever it is told."""
    origin = headers.get("origin")
    if origin is None:
        return "The handshake names no Origin." if scope["type"] == "websocket" else None
    parts = _ORIGIN.fullmatch(origin)
    if parts:
        default = _DEFAULT_PORTS[parts["scheme"].lower()]
        if any(_split(host, default) == _split(parts["authority"], default) for host in _hosts(headers)):
            return None
    return (
        "This request was made by a page of another site. If it was not, a proxy changes the Host header: "
        "let it pass on the one that the browser sent, port included."
    )


def _hosts(headers: Headers) -> list[str]:
    """By what names the client called us. A proxy that sets its own Host tells the client's beside it.

    A foreign page cannot add X-Forwarded-Host: its browser would ask first (OPTIONS), and be refused by Origin.
    """
    forwarded = headers.get("x-forwarded-host", "")
    return headers.getlist("host") + [host.strip() for host in forwarded.split(",") if host.strip()]


def _split(authority: str, default_port: int) -> tuple[str, int]:
    """("", 0) for what is no host; names without brackets, in lower case."""
    parts = _AUTHORITY.fullmatch(authority)
    if parts is None:
        return "", 0
    return parts["name"].strip("[]").lower(), int(parts["port"] or default_port)
