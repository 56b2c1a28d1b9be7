"""Which places does the bot look after, and up to which message has it heard everything there?"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import structlog

from adapters.discord.inbound import PLATFORM
from bot.model import ConversationRef
from bot.ports import StoreBusy
from bot.service import Memory

KEPT_SECONDS = 7 * 86_400.0
MOST_PLACES = 50_000
"""A place in which nothing was said for this long, or since so many others spoke, is no longer looked after."""

FLUSH_SECONDS = 5.0
"""What a crash loses of the cursors only leads to a few more looks: what was acted on is known by its own id."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """A place that the bot follows. own: it made the thread. seen: nothing up to this message was missed there."""

    ref: ConversationRef
    own: bool
    seen: int = 0

    @property
    def channel(self) -> str:
        return self.ref.thread or self.ref.channel


class Cursors:
    """The places with pictures of ours, and how far each was heard.

    A place falls behind when a session ends of which nothing more is told. What is heard live from then on moves its cursor
    only when the gap below has been read: a message of today must not hide the one of last night.
    """

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._places: OrderedDict[str, Where] = OrderedDict()  # the one that spoke last at the end
        self._behind: dict[str, int] = {}  # -> the last message heard live above the gap
        self._closed: set[str] = set()
        self._changed: set[str] = set()
        self._heard_from = 0
        self.gap_found: Callable[[], None] = lambda: None  # the gateway's, who then has it read

    async def load(self) -> None:
        """What earlier processes knew, and what others have begun to follow since; all of that is behind."""
        for channel, kept in await self._memory.recall_all():
            if channel not in self._places:
                ref = ConversationRef(
                    platform=PLATFORM, workspace=kept["workspace"], channel=kept["parent"], thread=kept["thread"]
                )
                self._places[channel] = Where(ref=ref, own=kept["own"], seen=int(kept["seen"]))
                self._behind[channel] = 0

    async def watch(self, ref: ConversationRef, *, own: bool, since: int) -> None:
        """From now on this place is looked after; that is written at once, because nobody else remembers the place.

        own: once True it stays so, since who made a thread does not change.
        """
        where = Where(ref=ref, own=own, seen=since)
        known = self._places.get(where.channel)
        if known is not None and (known.own or not own):
            return
        self._places[where.channel] = replace(known, own=True) if known else where
        while len(self._places) > MOST_PLACES:
            self.drop(next(iter(self._places)))
        if known is None and since < self._heard_from:  # what an earlier process had begun, and did not live to note
            self._behind[where.channel] = 0
            self.gap_found()
        await self._write(where.channel)

    def at(self, channel: str) -> Where | None:
        return self._places.get(channel)

    def saw(self, channel: str, message: int) -> None:
        """A message there was heard live."""
        if channel in self._behind:
            self._behind[channel] = max(self._behind[channel], message)
        else:
            self.read_to(channel, message)

    # -- gaps ---------------------------------------------------------------------------------------------------

    def fall_behind(self, concerned: Callable[[Where], bool], *, heard_from: int) -> None:
        """A new session: of what was said before it in these places, nobody has told everything. heard_from: an id of now."""
        self._heard_from = heard_from
        for channel, where in self._places.items():
            if concerned(where):
                self._behind.setdefault(channel, 0)
                self._closed.discard(channel)

    def behind(self) -> list[Where]:
        """Where the history is yet to be read; the last used first."""
        channels = self._behind.keys() - self._closed
        return sorted((self._places[channel] for channel in channels), key=lambda where: where.seen, reverse=True)

    def read_to(self, channel: str, message: int) -> None:
        """Nothing up to this message was missed."""
        known = self._places.get(channel)
        if known is not None and message > known.seen:
            self._places[channel] = replace(known, seen=message)
            self._places.move_to_end(channel)
            self._changed.add(channel)

    def caught_up(self, channel: str) -> None:
        """The gap is read to its end: from here on what is heard live counts again."""
        self.read_to(channel, self._behind.pop(channel, 0))

    def close(self, channel: str) -> None:
        """The history may not be read: the place stays behind, and is looked at again in the next session."""
        if channel in self._behind:
            self._closed.add(channel)

    def drop(self, channel: str) -> None:
        """It is gone."""
        self._behind.pop(channel, None)
        self._closed.discard(channel)
        if self._places.pop(channel, None):
            self._changed.add(channel)

    # -- keeping ------------------------------------------------------------------------------------------------

    async def flush(self) -> None:
        for channel in list(self._changed):
            await self._write(channel)

    async def keep(self) -> None:
        """Writes what changed, every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except StoreBusy as error:
                structlog.get_logger("adapters.discord").warning("cursors_not_kept", reason=str(error))

    async def _write(self, channel: str) -> None:
        where = self._places.get(channel)
        self._changed.discard(channel)  # what changes while this is written is written again
        try:
            await self._memory.remember(channel, _kept(where) if where else None, for_seconds=KEPT_SECONDS)
        except BaseException:
            self._changed.add(channel)
            raise


def _kept(where: Where) -> dict[str, Any]:
    return {
        "workspace": where.ref.workspace,
        "parent": where.ref.channel,
        "thread": where.ref.thread,
        "own": where.own,
        "seen": str(where.seen),
    }
