"""Where has Discord said no? Remembered for a while, so that nobody asks again and again: 10,000 refusals ban an address."""

from __future__ import annotations

from typing import Literal

from bot.service import Memory

REMEMBERED_SECONDS = 900.0
"""An admin may have changed the permission by then; one refused request in this time does no harm."""

Doing = Literal["post", "react", "card"]


class Refusals:
    """What the bot may not do where; kept over restarts."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._known: set[str] = set()

    async def stands(self, doing: Doing, channel: str) -> bool:
        """Whether this was refused there not long ago."""
        key = f"{doing}:{channel}"
        stands = await self._memory.recall(key) is not None
        if stands:
            self._known.add(key)
        return stands

    async def add(self, doing: Doing, channel: str, reason: str) -> None:
        self._known.add(f"{doing}:{channel}")
        await self._memory.remember(f"{doing}:{channel}", {"reason": reason}, for_seconds=REMEMBERED_SECONDS)

    async def lift(self, channel: str) -> None:
        """Discord has just said that the bot may write there."""
        key = f"post:{channel}"
        if key in self._known:
            self._known.discard(key)
            await self._memory.remember(key, None)
