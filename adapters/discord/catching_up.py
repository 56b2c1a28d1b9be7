"""What was said while nobody listened? Each thread's last message is compared with the last one heard there."""

from __future__ import annotations

import asyncio
import datetime as dt
from collections import OrderedDict
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any

import discord
import structlog

from adapters.discord.faults import Refused
from adapters.discord.inbound import PLATFORM
from adapters.discord.pacing import Priority
from adapters.discord.rest import Rest
from bot.errors import GiveUp, RetryLater
from bot.model import ConversationRef
from bot.ports import StoreBusy
from bot.service import Memory

DAY_SECONDS = 86_400.0
KEPT_SECONDS = 7 * DAY_SECONDS
MOST_PLACES = 50_000
"""A thread in which nothing was said for this long, or since so many others spoke, is no longer looked after."""

FLUSH_SECONDS = 5.0
"""What a crash loses of the cursors only leads to a few more looks: what was acted on is known by its own id."""

REQUESTS = 200
"""For one gap, threads that spoke last first; more would keep results waiting."""

_PAGE = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class Where:
    """A place that the bot follows. own: it made the thread. seen: the last message heard there, or 0."""

    ref: ConversationRef
    own: bool
    seen: int = 0

    @property
    def channel(self) -> str:
        return self.ref.thread or self.ref.channel


Hear = Callable[[discord.Message, Where], Awaitable[None]]
LastMessage = Callable[[Where], int | None]
"""What the gateway has told of a place: its last message; None where it has told nothing (archived threads)."""


class Cursors:
    """The places with pictures of ours, and how far each was heard."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory
        self._places: OrderedDict[str, Where] = OrderedDict()  # the one that spoke last at the end
        self._changed: set[str] = set()

    async def load(self) -> None:
        for channel, kept in await self._memory.recall_all():
            ref = ConversationRef(
                platform=PLATFORM, workspace=kept["workspace"], channel=kept["parent"], thread=kept["thread"]
            )
            self._places.setdefault(channel, Where(ref=ref, own=kept["own"], seen=int(kept["seen"])))

    async def watch(self, ref: ConversationRef, *, own: bool, since: int) -> None:
        """From now on this place is looked after; that is written at once, because nobody else remembers the place."""
        where = Where(ref=ref, own=own, seen=since)
        if where.channel in self._places:
            self.saw(where.channel, since)
            return
        self._places[where.channel] = where
        while len(self._places) > MOST_PLACES:
            self.drop(next(iter(self._places)))
        await self._memory.remember(where.channel, _kept(where), for_seconds=KEPT_SECONDS)

    def saw(self, channel: str, message: int) -> None:
        """A message there was acted on, or needs no action."""
        known = self._places.get(channel)
        if known is not None and message > known.seen:
            self._places[channel] = replace(known, seen=message)
            self._places.move_to_end(channel)
            self._changed.add(channel)

    def at(self, channel: str) -> Where | None:
        return self._places.get(channel)

    def places(self) -> list[Where]:
        """The last used first."""
        return sorted(self._places.values(), key=lambda where: where.seen, reverse=True)

    def drop(self, channel: str) -> None:
        """It is gone."""
        if self._places.pop(channel, None):
            self._changed.add(channel)

    async def flush(self) -> None:
        changed, self._changed = self._changed, set()
        for channel in changed:
            where = self._places.get(channel)
            await self._memory.remember(channel, _kept(where) if where else None, for_seconds=KEPT_SECONDS)

    async def keep(self) -> None:
        """Writes what changed, every few seconds, until cancelled."""
        while True:
            await asyncio.sleep(FLUSH_SECONDS)
            try:
                await self.flush()
            except StoreBusy as error:
                structlog.get_logger("adapters.discord").warning("cursors_not_kept", reason=str(error))


def _kept(where: Where) -> dict[str, Any]:
    return {
        "workspace": where.ref.workspace,
        "parent": where.ref.channel,
        "thread": where.ref.thread,
        "own": where.own,
        "seen": str(where.seen),
    }


async def catch_up(rest: Rest, cursors: Cursors, last_message: LastMessage, hear: Hear, *, now: float) -> int:
    """Hears what was missed in the last 24 hours; returns how many messages that were.

    A message that was heard before is heard again at worst: its id is known to the store. now: Unix seconds.
    """
    log = structlog.get_logger("adapters.discord")
    since = discord.utils.time_snowflake(dt.datetime.fromtimestamp(now - DAY_SECONDS, dt.UTC))
    budget, heard = REQUESTS, 0
    for where in cursors.places():
        last = last_message(where)
        if last is None:
            if budget <= 0:
                continue
            budget -= 1
            last = await _asked(rest, cursors, where)
        if last <= max(where.seen, since):
            continue
        if budget <= 0:
            log.warning("missed_messages_not_fetched", channel=where.channel)
            continue
        try:
            requests, found = await _fetched(rest, where, after=max(where.seen, since), most=budget)
        except (RetryLater, GiveUp) as error:
            budget -= 1
            log.warning("missed_messages_not_fetched", channel=where.channel, reason=error.reason)
            continue
        budget -= requests
        for message in found:
            await hear(message, where)
            heard += 1
    if heard:
        log.info("caught_up", messages=heard, requests=REQUESTS - budget)
    return heard


async def _asked(rest: Rest, cursors: Cursors, where: Where) -> int:
    """The last message of a place by asking Discord; 0 where there is none."""
    try:
        async with rest.turn(Priority.READING) as client:
            channel: Any = await client.http.get_channel(int(where.channel))
    except Refused as refused:
        if refused.status == 404:
            cursors.drop(where.channel)
        return 0
    except RetryLater:
        return 0
    return int(channel.get("last_message_id") or 0)


async def _fetched(rest: Rest, where: Where, *, after: int, most: int) -> tuple[int, list[discord.Message]]:
    """The messages of a place since one of them, oldest first, and how many requests that took."""
    found: list[discord.Message] = []
    for requests in range(1, most + 1):
        async with rest.turn(Priority.READING) as client:
            channel = client.get_partial_messageable(int(where.channel))
            page = [m async for m in channel.history(limit=_PAGE, after=discord.Object(after), oldest_first=True)]
        found += page
        if len(page) < _PAGE:
            return requests, found
        after = page[-1].id
    return most, found
