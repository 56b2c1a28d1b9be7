"""Where has Discord said no? Remembered for a while, so that nobody asks again and again: 10,000 refusals ban an address."""

from __future__ import annotations

from contextlib import suppress
from typing import Literal

from bot.ports import StoreBusy
from bot.service import Memory

REMEMBERED_SECONDS = 900.0
"""An admin may have changed the permission by then; one refused request in this time does no harm."""

Doing = Literal["post", "thread", "react", "card", "preview", "look", "direct", "openly"]
"""What was refused. direct: opening the direct messages with a member. openly: not refused, but said there already to
somebody who takes no direct messages.
"""


class Refusals:
    """What the bot may not do where; kept over restarts. A store out of order is asked for nothing: then it is tried."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def stands(self, doing: Doing, place: str) -> bool:
        """Whether this was refused there not long ago. place: a channel, or whatever else was refused."""
        try:
            return await self._memory.recall(f"{doing}:{place}") is not None
        except StoreBusy:
            return False

    async def add(self, doing: Doing, place: str, reason: str) -> None:
        with suppress(StoreBusy):
            await self._memory.remember(f"{doing}:{place}", {"reason": reason}, for_seconds=REMEMBERED_SECONDS)

    async def lift(self, channel: str) -> None:
        """Discord has just said that the bot may write there."""
        with suppress(StoreBusy):
            for doing in ("post", "card", "preview"):
                if await self.stands(doing, channel):
                    await self._memory.remember(f"{doing}:{channel}", None)
