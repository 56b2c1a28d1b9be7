"""Where has Discord said no? Remembered for a while, so that nobody asks again and again: 10,000 refusals ban an address."""

from __future__ import annotations

import math
from contextlib import suppress
from typing import Literal

from bot.ports import StoreBusy
from bot.service import Memory

REMEMBERED_SECONDS = 900.0
"""An admin may have changed the permission by then; one refused request in this time does no harm."""

FRESH_SECONDS = 5.0
"""How long what all processes were refused is taken as read: it is asked several times for each picture, and is mostly nothing."""

Doing = Literal["post", "thread", "react", "card", "preview", "look", "direct", "openly"]
"""What was refused. direct: opening the direct messages with a member. openly: not refused, but said there already to
somebody who takes no direct messages.
"""


class Refusals:
    """What the bot may not do where; kept over restarts. A store out of order is asked for nothing: then it is tried."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._standing: frozenset[str] = frozenset()
        self._read_at = -math.inf
        self._changes = 0

    async def stands(self, doing: Doing, place: str) -> bool:
        """Whether this was refused there not long ago. place: a channel, or whatever else was refused."""
        if not 0.0 <= self._memory.now - self._read_at < FRESH_SECONDS:
            with suppress(StoreBusy):
                await self._read()
        return f"{doing}:{place}" in self._standing

    async def add(self, doing: Doing, place: str, reason: str) -> None:
        with suppress(StoreBusy):
            await self._memory.remember(f"{doing}:{place}", {"reason": reason}, for_seconds=REMEMBERED_SECONDS)
        self._changed()

    async def lift(self, channel: str) -> None:
        """Discord has just said that the bot may write there."""
        for doing in ("post", "card", "preview"):
            if await self.stands(doing, channel):
                with suppress(StoreBusy):
                    await self._memory.remember(f"{doing}:{channel}", None)
                self._changed()

    def _changed(self) -> None:
        self._changes += 1
        self._read_at = -math.inf

    async def _read(self) -> None:
        while True:
            now, changes = self._memory.now, self._changes
            standing = frozenset(key for key, _ in await self._memory.recall_all())
            if changes == self._changes:  # else what was read may be older than the change
                break
        self._standing, self._read_at = standing, now
