"""How does the emulator listen, and stop listening at once?"""

from __future__ import annotations

import asyncio
import contextlib
from email.utils import formatdate
from typing import Any

import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send
from uvicorn.protocols.http.auto import AutoHTTPProtocol
from uvicorn.server import ServerState

from bot.emulator.clock import Clock


class Listener:
    """One listening socket of an application, driven by uvicorn's HTTP protocol.

    Not by uvicorn's server: that one takes the process's signals, which belong to whoever runs this loop, and takes
    a while to stop when calls are held.
    """

    def __init__(self, app: Starlette, clock: Clock) -> None:
        self._config = uvicorn.Config(_framed(app, clock), lifespan="off", log_config=None, access_log=False, ws="none")
        self._config.load()
        self._protocol_class: Any = AutoHTTPProtocol
        self._state = ServerState()
        self._server: asyncio.Server | None = None
        self.port = 0

    async def open(self, host: str, port: int) -> None:
        """Start listening; OSError when the address cannot be had."""
        # Not a socket made beforehand: asyncio sends small packets at once (TCP_NODELAY) only on those that it makes
        # itself, and without that each answer waits 40 ms for the acknowledgement of its headers.
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(self._protocol, host, port, backlog=2048)
        self.port = int(self._server.sockets[0].getsockname()[1])

    def _protocol(self) -> asyncio.Protocol:
        """The HTTP protocol of uvicorn, whose application also gets the transport: dropping a connection needs it."""
        protocol: Any = self._protocol_class(config=self._config, server_state=self._state, app_state={})
        inner: ASGIApp = protocol.app

        async def app(scope: Scope, receive: Receive, send: Send) -> None:
            scope["transport"] = protocol.transport
            await inner(scope, receive, send)

        protocol.app = app
        made: asyncio.Protocol = protocol
        return made

    async def close(self) -> None:
        """Stop listening, drop every connection, and leave no task behind."""
        if self._server is None:
            return
        self._server.close()
        for connection in list(self._state.connections):
            transport = getattr(connection, "transport", None)
            if transport is not None:
                transport.abort()
        await asyncio.sleep(0)  # lets each connection learn that it is lost, so that no call answers any more
        tasks = list(self._state.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        await self._server.wait_closed()
        self._server = None


def _framed(app: Starlette, clock: Clock) -> ASGIApp:
    """The application with a Date on every answer, by which clients know the service's clock, and a quiet end."""

    async def framed(scope: Scope, receive: Receive, send: Send) -> None:
        async def dated(message: Any) -> None:
            if message["type"] == "http.response.start":
                date = formatdate(clock.now().wall, usegmt=True).encode()
                message = {**message, "headers": [*message.get("headers", []), (b"date", date)]}
            await send(message)

        # Only `Listener.close` cancels a call, and nobody listens to its answer any more: uvicorn need not log it.
        with contextlib.suppress(asyncio.CancelledError):
            await app(scope, receive, dated)

    return framed
