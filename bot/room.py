"""How many bytes of pictures are in memory at once? Whoever wants to carry some waits until there is room for them."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

USUAL = 2_000_000
"""Bytes that a picture is taken to have where nobody knows yet."""


class Room:
    """First come, first served, so that nothing large waits for ever; what carries nothing waits for nobody.

    most: bytes; what is larger than that goes alone.
    """

    def __init__(self, most: int) -> None:
        self._most = most
        self._free = most
        self._waiting: deque[tuple[int, asyncio.Future[None]]] = deque()

    @asynccontextmanager
    async def for_bytes(self, size: int) -> AsyncIterator[None]:
        """There is room for so many while this lasts."""
        size = min(size, self._most)
        if size and (self._waiting or self._free < size):
            turn = asyncio.get_running_loop().create_future()
            self._waiting.append((size, turn))
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._give_back(size)  # it was just given
                else:
                    self._let_in()  # who stood behind may be smaller
                raise
        else:
            self._free -= size
        try:
            yield
        finally:
            self._give_back(size)

    def _give_back(self, size: int) -> None:
        self._free += size
        self._let_in()

    def _let_in(self) -> None:
        while self._waiting:
            size, turn = self._waiting[0]
            if not turn.done():
                if size > self._free:
                    return
                self._free -= size
                turn.set_result(None)
            self._waiting.popleft()
