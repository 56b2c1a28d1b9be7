"""How large may a file be on a server? What its boosts allow; asked for where no connection has told, and kept for an hour."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable

import discord

from adapters.discord.pacing import Priority
from adapters.discord.rest import Rest
from bot.errors import GiveUp, RetryLater

DEFAULT_FILE_BYTES = 10 * 1024 * 1024
"""What a file may have where no boost raises it (docs)."""

KEPT_SECONDS = 3_600.0

_FEATURES = {"MAX_FILE_SIZE_50_MB": 50 * 1024 * 1024, "MAX_FILE_SIZE_100_MB": 100 * 1024 * 1024}
_REMEMBERED = 1_000  # servers; one that is forgotten is asked for once more


class FileSizes:
    """Limits of servers. guild: what a connection knows of a server, if there is one that has told."""

    def __init__(
        self,
        rest: Rest,
        guild: Callable[[int], discord.Guild | None],
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._rest = rest
        self._guild = guild
        self._clock = clock
        self._known: OrderedDict[int, tuple[int, float]] = OrderedDict()  # limit, and until when it is believed

    async def limit(self, workspace: str) -> int:
        """Bytes that one file may have. Where that cannot be learned just now, what is allowed everywhere."""
        if not workspace.isdigit():
            return DEFAULT_FILE_BYTES
        id = int(workspace)
        told = self._guild(id)
        if told is not None:
            return _of(told)
        size, until = self._known.get(id, (0, float("-inf")))
        return size if self._clock() < until else await self._asked(id)

    async def _asked(self, id: int) -> int:
        try:
            async with self._rest.turn(Priority.READING) as client:
                size = _of(await client.fetch_guild(id, with_counts=False))
        except (RetryLater, GiveUp):
            return DEFAULT_FILE_BYTES
        self._known[id] = (size, self._clock() + KEPT_SECONDS)
        while len(self._known) > _REMEMBERED:
            self._known.popitem(last=False)
        return size


def _of(guild: discord.Guild) -> int:
    """Newer servers say it by a feature, which the library doesn't know."""
    named = [size for feature, size in _FEATURES.items() if feature in guild.features]
    return max(DEFAULT_FILE_BYTES, guild.filesize_limit, *named)
