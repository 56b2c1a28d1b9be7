"""How does an app connect by Socket Mode, and how does Slack end a connection?

`apps.connections.open` gives an address that works once; the socket says `hello`, carries envelopes, and is closed by
Slack every few hours after a `disconnect` frame. At most ten are open.
"""

from __future__ import annotations

import contextlib
import json
from typing import TYPE_CHECKING, Any, Literal

from aiohttp import WSMsgType, web

from tests.emulators.slack.model import App

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core

Json = dict[str, Any]
Reason = Literal["warning", "refresh_requested", "link_disabled", "too_many_websockets"]

MAX_SOCKETS = 10  # documented
TICKET_LIFE = 30.0  # seconds: believed
GRACE = (
    10.0  # seconds between `warning` and the refresh, and between a refresh and its closing: documented as "about 10"
)


class Socket:
    """One connection. `draining`: it was told to go and gets new envelopes only where there is no other."""

    def __init__(self, name: str, ws: web.WebSocketResponse, request: web.Request) -> None:
        self.name = name
        self._ws = ws
        self._request = request
        self.draining = False
        self.frames: list[Json] = []  # what the app sent

    async def send(self, frame: Json) -> None:
        with contextlib.suppress(ConnectionError, RuntimeError):
            await self._ws.send_str(json.dumps(frame))

    async def close(self) -> None:
        await self._ws.close()

    def kill(self) -> None:
        """The connection is gone, without a close frame."""
        if self._request.transport is not None:
            self._request.transport.abort()

    async def read(self) -> Json | None:
        """The app's next JSON frame; None at the end."""
        async for message in self._ws:
            if message.type == WSMsgType.TEXT:
                frame = json.loads(message.data)
                if isinstance(frame, dict):
                    self.frames.append(frame)
                    return frame
        return None


class Sockets:
    """All connections of the app. Steer: `disconnect`, `kill`; wait: `connected`; look: `open`, `history`."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._tickets: dict[str, float] = {}
        self._turn = 0
        self._names = 0
        self.open: list[Socket] = []
        self.limit = MAX_SOCKETS
        self.history: list[int] = []  # how many were open, after each change

    # -- what a test may do ---------------------------------------------------------------------------------------

    async def connected(self, count: int = 1) -> None:
        """Wait until so many sockets are open and have said hello."""
        await self._core.until(lambda: len(self.open) >= count)

    async def gone(self) -> None:
        """Wait until no socket is open."""
        await self._core.until(lambda: not self.open)

    async def disconnect(self, reason: Reason = "refresh_requested", socket: Socket | None = None) -> None:
        """Tell one socket, or all, to go. `link_disabled` turns Socket Mode off as the app's settings page does.

        A `warning` is followed by the refresh, and that by closing, ten seconds of the emulator's clock later each.
        """
        if reason == "link_disabled":
            self._core.app.socket_mode = False
        for each in [socket] if socket else list(self.open):
            each.draining = True
            await each.send(self._goodbye(reason))
            self._core.spawn(self._closing(each, reason))

    def kill(self, socket: Socket | None = None) -> None:
        """The network fails under one socket, or all."""
        for each in [socket] if socket else list(self.open):
            each.kill()

    def forget(self) -> None:
        """Every connection is gone, and no address that was given for one is good any more."""
        self.kill()
        self._tickets.clear()

    # -- what the emulator does -----------------------------------------------------------------------------------

    def ticket(self, app: App) -> str:
        """An address for one connection."""
        ticket = self._core.ids.uuid()
        self._tickets[ticket] = self._core.clock.now()
        return f"{self._core.base_url.replace('http', 'ws', 1)}/link/?ticket={ticket}&app_id={app.id}"

    def choose(self, count: int) -> list[Socket]:
        """Whose turn it is; a socket that was told to go only if there is no other."""
        ready = [socket for socket in self.open if not socket.draining] or self.open
        self._turn += 1
        return [ready[(self._turn + step) % len(ready)] for step in range(min(count, len(ready)))]

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /link/: the handshake, then frames until either side ends."""
        issued = self._tickets.pop(request.query.get("ticket", ""), None)
        if issued is None or self._core.clock.now() - issued > TICKET_LIFE:
            return web.Response(status=408, text="ticket expired, unknown or used")
        ws = web.WebSocketResponse(autoping=True)
        await ws.prepare(request)
        self._names += 1
        socket = Socket(f"socket-{self._names}", ws, request)
        if refusal := self._refusal():
            await socket.send(self._goodbye(refusal))
            await socket.close()
            return ws
        self._count(socket, opened=True)
        try:
            await socket.send(self._hello())
            while (frame := await socket.read()) is not None:
                self._core.courier.acknowledged(frame, socket)
        finally:
            self._count(socket, opened=False)
        return ws

    async def close(self) -> None:
        """The server stops."""
        for socket in list(self.open):
            await socket.close()

    def _refusal(self) -> Reason | None:
        if not self._core.app.socket_mode:
            return "link_disabled"
        return "too_many_websockets" if len(self.open) >= self.limit else None

    def _count(self, socket: Socket, *, opened: bool) -> None:
        if opened:
            self.open.append(socket)
        else:
            self.open.remove(socket)
        self.history.append(len(self.open))
        self._core.changed()

    async def _closing(self, socket: Socket, reason: Reason) -> None:
        clock, began = self._core.clock, self._core.clock.now()
        await clock.until(began + GRACE)
        if reason == "warning":
            await socket.send(self._goodbye("refresh_requested"))
            await clock.until(began + 2 * GRACE)
        await socket.close()

    def _hello(self) -> Json:
        debug = {"host": "applink-emulated", "build_number": 1, "approximate_connection_time": 18060}
        return {
            "type": "hello",
            "num_connections": len(self.open),
            "debug_info": debug,
            "connection_info": {"app_id": self._core.app.id},
        }

    def _goodbye(self, reason: Reason) -> Json:
        return {"type": "disconnect", "reason": reason, "debug_info": {"host": "applink-emulated"}}
