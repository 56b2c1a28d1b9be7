"""How does the gateway take in an application's connections, tell them what happens, and fail them?"""

from __future__ import annotations

import asyncio
import json
import secrets
from typing import TYPE_CHECKING, Any

from aiohttp import WSMsgType, web

from tests.emulators.discord import guild_views, views
from tests.emulators.discord.intents import KNOWN, PRIVILEGED, Intents
from tests.emulators.discord.session import (
    HEARTBEAT,
    HEARTBEAT_ACK,
    HELLO,
    IDENTIFY,
    INVALID_SESSION,
    PRESENCE,
    RECONNECT,
    REQUEST_MEMBERS,
    RESUME,
    VOICE,
    Line,
    Session,
)

if TYPE_CHECKING:
    from tests.emulators.discord.refusals import Json
    from tests.emulators.discord.state import State
    from tests.emulators.discord.tell import Event

HEARTBEAT_INTERVAL = 41_250  # milliseconds, as Discord says
MAX_PAYLOAD = 4096  # bytes of what a client sends (Discord's docs)
MAX_SENT = 120  # per connection and minute (Discord's docs)
ENDS_SESSION = frozenset({1000, 1001})


class Shards:
    """The gateway. What a test does to it is at the top; the rest answers the client."""

    def __init__(self, state: State) -> None:
        self.url = ""
        self.recommended = 1  # shards, as GET /gateway/bot says
        self.identifies = 0
        self.resumes = 0
        self.closes: list[int] = []  # codes with which we ended connections
        self.sessions: list[Session] = []
        self._state = state
        self._lines: list[Line] = []
        self._refuse = 0
        self._silent = 0
        self.silent = 0  # connections that were told nothing
        self._refuse_resumes = 0
        self._held: list[Event] | None = None
        self._last: list[Event] = []
        state.tell.listener = self._hear

    # -- what a test sees and does --------------------------------------------------------------------------------

    @property
    def connected(self) -> bool:
        """Some session has a connection."""
        return any(session.line is not None for session in self.sessions)

    async def ready(self, sessions: int = 1) -> None:
        """Until so many sessions are connected."""
        await self._state.until(
            lambda: sum(session.line is not None for session in self.sessions) >= sessions, "the gateway's sessions"
        )

    async def heard(self) -> None:
        """Until every connected client has read all that was told so far, by asking each for a heartbeat."""
        asked = [(line, line.heartbeats) for line in self._lines if line.session is not None]
        for line, _ in asked:
            line.send(HEARTBEAT)
        await self._state.until(
            lambda: all(line.heartbeats > before or line.socket.closed for line, before in asked), "heartbeats"
        )

    async def drop(self, code: int | None = None) -> None:
        """Break every connection: without a word, or closed with a code. Sessions can be resumed."""
        for line in list(self._lines):
            if code is None:
                self._cut(line)
            else:
                await self._close(line, code)

    def reconnect(self) -> None:
        """Op 7: every client shall come back and resume."""
        for line in self._lines:
            line.send(RECONNECT)

    def invalidate(self, *, resumable: bool = False) -> None:
        """Op 9: sessions are over, and what happened while a client was away is lost to it."""
        for line in self._lines:
            if line.session is not None and not resumable:
                self._end(line.session)
            line.send(INVALID_SESSION, resumable)

    def restart(self) -> None:
        """As after a restart of the real one: connections are broken, and nobody knows of their sessions any more. Who resumes
        gets op 9, and what happens until they have identified anew is lost to them, what was held back, too.
        """
        for line in list(self._lines):
            self._cut(line)
        for session in list(self.sessions):
            self._end(session)
        self._last = []
        self._held = None if self._held is None else []

    def refuse(self, connections: int) -> None:
        """The next so many connections are turned away with 503."""
        self._refuse = connections

    def fall_silent(self, connections: int) -> None:
        """The next so many connections are taken, and told nothing."""
        self._silent = connections

    def forget(self, resumes: int = 1) -> None:
        """The next so many attempts to resume find their session gone."""
        self._refuse_resumes = resumes

    def hold(self) -> None:
        """Tell nothing until `release`."""
        self._held = []

    def release(self, *, reverse: bool = False) -> None:
        """Tell what was held, in its order or the other way round."""
        held, self._held = self._held or [], None
        for event in reversed(held) if reverse else held:
            self._hear(event)

    def repeat(self, count: int = 1) -> None:
        """Tell the last events once more."""
        for event in self._last[-count:]:
            self._hear(event, again=True)

    def send_raw(self, name: str, data: Any) -> None:
        """A dispatch that nobody has checked, such as one that lacks what clients rely on."""
        for session in self.sessions:
            session.dispatch(name, data)

    # -- telling ------------------------------------------------------------------------------------------------

    def _hear(self, event: Event, *, again: bool = False) -> None:
        if self._held is not None:
            self._held.append(event)
            return
        if not again and self.sessions:  # what nobody was told cannot be told once more
            self._last = [*self._last[-99:], event]
        for session in self.sessions:
            if session.hears(event.guild.id if event.guild else None, event.needs):
                session.dispatch(event.name, event.data(session.reads))

    # -- connections --------------------------------------------------------------------------------------------

    async def serve(self, request: web.Request) -> web.StreamResponse:
        if self._refuse > 0:
            self._refuse -= 1
            return web.Response(status=503)
        socket = web.WebSocketResponse(max_msg_size=0)
        await socket.prepare(request)
        line = Line(socket=socket)
        self._lines.append(line)
        writer = asyncio.create_task(line.write())
        try:
            if self._silent > 0:
                self._silent -= 1
                self.silent += 1
            else:
                line.send(HELLO, {"heartbeat_interval": HEARTBEAT_INTERVAL})
            await self._listen(line)
        finally:
            line.frames.put_nowait(None)
            self._lines.remove(line)
            self._left(line)
            await writer
        return socket

    async def _listen(self, line: Line) -> None:
        async for message in line.socket:
            if message.type is not WSMsgType.TEXT:
                await self._close(line, 4002)
                return
            line.received += 1
            code = self._answer(line, message.data)
            if code is not None:
                await self._close(line, code)
                return

    def _answer(self, line: Line, text: str) -> int | None:
        """Act on one payload; a code closes the connection."""
        try:
            payload: Json = json.loads(text)
            op, data = payload["op"], payload.get("d")
        except (ValueError, KeyError, TypeError):
            return 4002
        if len(text.encode()) > MAX_PAYLOAD:
            return 4002
        if op == HEARTBEAT:
            line.heartbeats += 1
            line.send(HEARTBEAT_ACK)
            self._state.changed()
            return None
        return 4008 if line.received - line.heartbeats > MAX_SENT else self._act(line, op, data)

    def _act(self, line: Line, op: int, data: Any) -> int | None:
        if op == IDENTIFY:
            return self._identify(line, data)
        if op == RESUME:
            return self._resume(line, data)
        if line.session is None:
            return 4003
        return None if op in {PRESENCE, VOICE, REQUEST_MEMBERS} else 4001

    def _identify(self, line: Line, data: Json) -> int | None:
        """Close codes as Discord documents them."""
        if line.session is not None:
            return 4005
        if data.get("token") != self._state.application.token:
            return 4004
        intents = data.get("intents")
        if not isinstance(intents, int) or intents & ~int(KNOWN):
            return 4013
        if Intents(intents) & PRIVILEGED & ~self._state.application.enabled:
            return 4014
        number, of = data.get("shard", (0, 1))
        if not 0 <= number < of:
            return 4010
        self.identifies += 1
        session = Session(id=secrets.token_hex(16), shard=(number, of), intents=Intents(intents), line=line)
        for old in [old for old in self.sessions if old.shard == session.shard and old.line is None]:
            self._end(old)
        line.session = session
        self.sessions.append(session)
        self._greet(session)
        self._state.changed()
        return None

    def _greet(self, session: Session) -> None:
        state = self._state
        number, of = session.shard
        guilds = [guild for guild in state.guilds.values() if guild.has_bot and (guild.id >> 22) % of == number]
        application = views.application_json(state)
        session.dispatch(
            "READY",
            {
                "v": 10,
                "user": views.own_user_json(state.bot),
                "private_channels": [],
                "guilds": [{"id": str(guild.id), "unavailable": True} for guild in guilds],
                "session_id": session.id,
                "resume_gateway_url": self.url,
                "shard": [number, of],
                "application": {"id": application["id"], "flags": application["flags"]},
            },
        )
        if session.intents & Intents.GUILDS:
            for guild in guilds:
                session.dispatch("GUILD_CREATE", guild_views.guild_event(guild))

    def _resume(self, line: Line, data: Json) -> int | None:
        if data.get("token") != self._state.application.token:
            return 4004
        session = next((known for known in self.sessions if known.id == data.get("session_id")), None)
        if session is None or self._refuse_resumes > 0:
            self._refuse_resumes = max(0, self._refuse_resumes - 1)
            if session is not None:
                self._end(session)
            line.send(INVALID_SESSION, False)
            return None
        if data["seq"] > session.seq:
            return 4007
        self.resumes += 1
        session.line, line.session = line, session
        session.replay(data["seq"])
        self._state.changed()
        return None

    # -- endings ------------------------------------------------------------------------------------------------

    def _end(self, session: Session) -> None:
        session.over = True
        session.line = None
        if session in self.sessions:
            self.sessions.remove(session)

    def _left(self, line: Line) -> None:
        """The client is gone. Who says goodbye ends their session; who just vanishes may resume it."""
        session = line.session
        if session is not None and session.line is line:
            session.line = None
            if line.socket.close_code in ENDS_SESSION:
                self._end(session)
        self._state.changed()

    async def _close(self, line: Line, code: int) -> None:
        self.closes.append(code)
        if line.session is not None and line.session.line is line:
            line.session.line = None
        await line.socket.close(code=code)

    def _cut(self, line: Line) -> None:
        if line.session is not None and line.session.line is line:
            line.session.line = None
        request = line.socket._req  # aiohttp has no public way to break a connection
        if request is not None and request.transport is not None:
            request.transport.abort()

    async def close(self) -> None:
        for line in list(self._lines):
            await self._close(line, 1001)
