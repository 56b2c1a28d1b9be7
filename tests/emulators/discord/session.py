"""What does one gateway session remember, so that a broken connection loses nothing?"""

from __future__ import annotations

import asyncio
import json
from collections import deque
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from aiohttp import web

from tests.emulators.discord.intents import Intents

if TYPE_CHECKING:
    from tests.emulators.discord.refusals import Json

DISPATCH, HEARTBEAT, IDENTIFY, PRESENCE, VOICE, RESUME = 0, 1, 2, 3, 4, 6
RECONNECT, REQUEST_MEMBERS, INVALID_SESSION, HELLO, HEARTBEAT_ACK = 7, 8, 9, 10, 11
KEEPS = 10_000  # dispatches that can be replayed


@dataclass(eq=False, kw_only=True, slots=True)
class Line:
    """One WebSocket connection. Frames leave in order; `heartbeats` counts what the client sent."""

    socket: web.WebSocketResponse
    frames: asyncio.Queue[str | None] = field(default_factory=asyncio.Queue)
    session: Session | None = None
    heartbeats: int = 0
    received: int = 0

    def send(self, op: int, data: object = None, *, name: str | None = None, seq: int | None = None) -> None:
        self.frames.put_nowait(json.dumps({"op": op, "d": data, "s": seq, "t": name}))

    async def write(self) -> None:
        """Send frames until there will be none any more."""
        while (frame := await self.frames.get()) is not None:
            if self.socket.closed:
                return
            try:
                await self.socket.send_str(frame)
            except (ConnectionError, RuntimeError):  # the client went away while the frame was on its way
                return


@dataclass(eq=False, kw_only=True, slots=True)
class Session:
    """One identified shard. line: None while its connection is broken; then dispatches are kept for its return."""

    id: str
    shard: tuple[int, int]
    intents: Intents
    line: Line | None = None
    seq: int = 0
    kept: deque[tuple[int, str, Json]] = field(default_factory=lambda: deque(maxlen=KEEPS))
    over: bool = False

    @property
    def reads(self) -> bool:
        return bool(self.intents & Intents.MESSAGE_CONTENT)

    def hears(self, guild_id: int | None, needs: Intents) -> bool:
        """Whether an event of a server, or of DMs, is this shard's and asked for."""
        number, of = self.shard
        mine = (guild_id >> 22) % of == number if guild_id is not None else number == 0
        return mine and (not needs or bool(self.intents & needs))

    def dispatch(self, name: str, data: Json) -> None:
        self.seq += 1
        self.kept.append((self.seq, name, data))
        if self.line is not None:
            self.line.send(DISPATCH, data, name=name, seq=self.seq)

    def replay(self, after: int) -> None:
        """Send again what the client has not seen."""
        assert self.line is not None
        for seq, name, data in self.kept:
            if seq > after:
                self.line.send(DISPATCH, data, name=name, seq=seq)
        self.line.send(DISPATCH, {"_trace": []}, name="RESUMED", seq=self.seq)
