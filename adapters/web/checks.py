"""Will the HTTP server start, and is it safe where it listens? The lines of `darkroom check` about it."""

from __future__ import annotations

import asyncio
from contextlib import suppress

from adapters.web.listening import PortTaken, listen, url
from adapters.web.settings import DEFAULT_PORT, Settings, is_loopback, refusal
from bot.errors import GiveUp
from bot.model import Finding

_SHORT = 12  # characters of a password
_ANSWER_SECONDS = 2.0


async def check(settings: Settings, *, named: bool, listens: bool = True) -> list[Finding]:
    """One line about the address, one about the password. named: PLATFORMS names `web`, so the server starts anyway.

    listens: False where this process has no pages, and a server only for health checks on a port of its own.
    """
    if settings.http_port is None and not (named and listens):
        pages = " and operator's pages" if listens else ""
        return [Finding(subject="HTTP server", ok=None, text=f"off: set HTTP_PORT for its health checks{pages}.")]
    refused = refusal(settings)
    if refused:
        return [Finding(subject="HTTP server", ok=False, text=refused)]
    port = DEFAULT_PORT if settings.http_port is None else settings.http_port
    return [await _address(settings.http_host, port), *_password(settings)]


async def _address(host: str, port: int) -> Finding:
    try:
        (await listen(host, [port])).close()
    except GiveUp as error:
        if isinstance(error, PortTaken) and await _is_darkroom(host, port):
            return Finding(subject="HTTP server", ok=True, text=f"running: a Darkroom answers at {url(host, port)}.")
        return Finding(subject="HTTP server", ok=False, text=error.reason)
    return Finding(subject="HTTP server", ok=True, text=f"will answer at {url(host, port)}.")


async def _is_darkroom(host: str, port: int) -> bool:
    """A bot that runs while it is checked occupies its own port, which is no fault."""
    reachable = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(host, host)  # noqa: S104  read, not bound to
    with suppress(OSError, TimeoutError, ValueError):
        async with asyncio.timeout(_ANSWER_SECONDS):
            reader, writer = await asyncio.open_connection(reachable, port)
            try:
                writer.write(b"GET /healthz HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n")
                answer = await reader.read(4_000)
            finally:
                writer.close()
        return b'"service":"darkroom"' in answer
    return False


def _password(settings: Settings) -> list[Finding]:
    if settings.web_password is None:
        text = f"none is set, so only this machine can open the pages ({settings.http_host})."
        return [Finding(subject="WEB_PASSWORD", ok=True, text=text)]
    if len(settings.web_password.get_secret_value()) < _SHORT:
        text = f"is shorter than {_SHORT} characters and could be guessed: choose a longer one."
        return [Finding(subject="WEB_PASSWORD", ok=None, text=text)]
    if not is_loopback(settings.http_host):
        text = (
            "travels unencrypted unless a proxy with TLS stands before this server: where others share the network, "
            "set one up, and leave HTTP_HOST at 127.0.0.1 if it runs on this machine."
        )
        return [Finding(subject="WEB_PASSWORD", ok=None, text=text)]
    return [Finding(subject="WEB_PASSWORD", ok=True, text="is set, and asked for before any page.")]
