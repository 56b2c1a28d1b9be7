"""What was said while nobody listened? Each thread's last message is compared with the last one heard there."""

from __future__ import annotations

import datetime as dt
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import discord
import structlog

from adapters.discord.cursors import KEPT_SECONDS, Cursors, Where
from adapters.discord.faults import UNKNOWN_MEMBER, Refused
from adapters.discord.pacing import Priority
from adapters.discord.rest import Rest
from bot.errors import GiveUp, RetryLater

DAY_SECONDS = 86_400.0

REQUESTS = 200
"""For one round; more in a row would keep results waiting. The next round goes on where this one ended."""

PAUSE_SECONDS = 120.0
"""Between two rounds."""

_PAGE = 100
_PAGES = 10  # of one place in one round, so that a busy channel doesn't keep threads waiting
_FAILURES = 3  # in a row, after which Discord is given time


@dataclass(frozen=True, kw_only=True, slots=True)
class Known:
    """What the gateway has told of a place. readable: its server is there, and its history may be read.

    last: its last message, 0 for none; None where nothing was told (archived threads, direct messages).
    """

    readable: bool
    last: int | None = None


LookUp = Callable[[Where], Known]
RolesOf = Callable[[str, int], Awaitable[tuple[str, ...] | None]]
"""Workspace and member -> their roles; None for who is no member any more. Raises RetryLater or GiveUp."""

Hear = Callable[[discord.Message, Where, RolesOf], Awaitable[None]]
"""What was missed comes without the roles of its author, which the gateway would have told; they can be asked for."""


class CatchingUp:
    """Hears what was missed in the last 24 hours, in rounds: places that have news for certain come first.

    A message that was heard before is heard again at worst: its id is known to the store.
    """

    def __init__(self, rest: Rest, cursors: Cursors) -> None:
        self._rest = rest
        self._cursors = cursors
        self._failed: set[str] = set()  # in the round before; others come first
        self._log = structlog.get_logger("adapters.discord")

    async def go(self, look_up: LookUp, hear: Hear, *, now: float) -> bool:
        """One round; returns whether something is left for another. now: Unix seconds."""
        one = _Round(self._rest, self._cursors, look_up, hear, since=id_of(now - DAY_SECONDS))
        news, archived, untold = self._due(look_up, since=one.since, followed_since=id_of(now - KEPT_SECONDS))
        for where in news:
            await one.read(where)
        for parent, threads in archived.items():
            for where in await one.spoke(parent, threads):
                await one.read(where)
        for where in untold:
            await one.read(where)
        self._failed = one.failed
        if one.heard or one.left:
            self._log.info("caught_up", messages=one.heard, requests=REQUESTS - one.requests, left=one.left)
        return one.left

    def _due(
        self, look_up: LookUp, *, since: int, followed_since: int
    ) -> tuple[list[Where], dict[str, list[Where]], list[Where]]:
        """Places with news, the bot's own archived threads by their channel, and those that only asking tells about."""
        news: list[Where] = []
        archived: defaultdict[str, list[Where]] = defaultdict(list)
        untold: list[Where] = []
        for where in sorted(self._cursors.behind(), key=lambda where: where.channel in self._failed):
            known = look_up(where)
            if not known.readable:
                continue
            if known.last is not None and known.last > max(where.seen, since):
                news.append(where)
            elif known.last is None and where.own:
                archived[where.ref.channel].append(where)  # made of a message, so it is public
            elif known.last is None and where.seen > followed_since:
                untold.append(where)
            else:
                self._cursors.caught_up(where.channel)
        return news, archived, untold


class _Round:
    """One round's requests."""

    def __init__(self, rest: Rest, cursors: Cursors, look_up: LookUp, hear: Hear, *, since: int) -> None:
        self.since = since
        self._rest = rest
        self._cursors = cursors
        self._look_up = look_up
        self._hear = hear
        self._roles: dict[tuple[str, int], tuple[str, ...] | None] = {}
        self._in_a_row = 0
        self.requests = REQUESTS
        self.failed: set[str] = set()
        self.heard = 0
        self.left = False
        self._log = structlog.get_logger("adapters.discord")

    async def read(self, where: Where) -> None:
        """Hears a place page by page, oldest first; what was heard stays heard, wherever this ends."""
        after = max(where.seen, self.since)
        for _ in range(_PAGES):
            if not self._may_ask():
                return
            try:
                page = await self._page(where.channel, after)
            except (RetryLater, GiveUp) as error:
                self._missed([where], error)
                return
            self._in_a_row = 0
            if not await self._hear_all(page, where):
                return
            if len(page) < _PAGE:
                self._cursors.caught_up(where.channel)
                return
            after = page[-1].id
        self.left = True

    async def _hear_all(self, page: Sequence[discord.Message], where: Where) -> bool:
        for message in page:
            try:
                await self._hear(message, where, self._roles_of)
            except (RetryLater, GiveUp) as error:
                self._missed([where], error)
                return False
            self._cursors.read_to(where.channel, message.id)
            self.heard += 1
        return True

    async def _roles_of(self, workspace: str, member: int) -> tuple[str, ...] | None:
        """Asked once for each member and round."""
        key = workspace, member
        if key not in self._roles:
            if not self._may_ask():
                raise RetryLater("there is no request left to ask for somebody's roles")
            try:
                async with self._rest.turn(Priority.READING) as client:
                    found: Any = await client.http.get_member(int(workspace), member)
                self._roles[key] = tuple(str(role) for role in found["roles"])
            except Refused as refused:
                if refused.code != UNKNOWN_MEMBER:
                    raise
                self._roles[key] = None
            self._in_a_row = 0
        return self._roles[key]

    async def spoke(self, parent: str, threads: Sequence[Where]) -> list[Where]:
        """Those of a channel's archived threads of ours that have news.

        A message opens an archived thread, so whichever has a new one was archived since. Discord lists them by that.
        """
        waiting = {where.channel: where for where in threads}
        found: list[Where] = []
        before = None
        while self._may_ask():
            try:
                async with self._rest.turn(Priority.READING) as client:
                    page: Any = await client.http.get_public_archived_threads(int(parent), before, _PAGE)
            except (RetryLater, GiveUp) as error:
                self._missed(list(waiting.values()), error)
                return found
            self._in_a_row = 0
            for listed in page["threads"]:
                where = waiting.pop(listed["id"], None)
                if where is not None and int(listed.get("last_message_id") or 0) > max(where.seen, self.since):
                    found.append(where)
                elif where is not None:
                    self._cursors.caught_up(where.channel)
                before = listed["thread_metadata"]["archive_timestamp"]
            oldest = id_of(dt.datetime.fromisoformat(before)) if before else 0
            if not (page["has_more"] and waiting and oldest >= self.since):
                return found + self._unlisted(waiting.values())
        return found

    def _unlisted(self, threads: Iterable[Where]) -> list[Where]:
        """Archived for longer than anybody waits: nothing is new there, unless somebody has opened one just now."""
        opened = [where for where in threads if self._look_up(where).last is not None]
        for where in threads:
            if where not in opened:
                self._cursors.caught_up(where.channel)
        return opened

    def _may_ask(self) -> bool:
        if self.requests <= 0 or self._in_a_row >= _FAILURES:
            self.left = True
            return False
        self.requests -= 1
        return True

    async def _page(self, channel: str, after: int) -> list[discord.Message]:
        async with self._rest.turn(Priority.READING) as client:
            partial = client.get_partial_messageable(int(channel))
            return [m async for m in partial.history(limit=_PAGE, after=discord.Object(after), oldest_first=True)]

    def _missed(self, places: Sequence[Where], error: RetryLater | GiveUp) -> None:
        """What only needs time comes again in the next round; what is refused, in the next session; what is gone, never."""
        self._log.warning("missed_messages_not_fetched", channel=places[0].channel, reason=error.reason)
        for where in places:
            if isinstance(error, RetryLater):
                self.failed.add(where.channel)
            elif isinstance(error, Refused) and error.status == 404:
                self._cursors.drop(where.channel)
            else:
                self._cursors.close(where.channel)
        if isinstance(error, RetryLater):
            self._in_a_row += 1
            self.left = True


def look_up(client: discord.Client, where: Where) -> Known:
    """By the library's own picture of the servers, which the gateway keeps up to date."""
    if not where.ref.workspace.isdigit():
        return Known(readable=True)
    guild = client.get_guild(int(where.ref.workspace))
    if guild is None or guild.unavailable:
        return Known(readable=False)
    parent = guild.get_channel(int(where.ref.channel))
    me = guild.get_member(client.user.id) if client.user else None
    if parent is not None and me is not None and not parent.permissions_for(me).read_message_history:
        return Known(readable=False)
    channel = guild.get_channel_or_thread(int(where.channel))
    return Known(readable=True, last=int(getattr(channel, "last_message_id", None) or 0) if channel else None)


def id_of(moment: float | dt.datetime) -> int:
    """The smallest id that a message of this moment can have."""
    at = moment if isinstance(moment, dt.datetime) else dt.datetime.fromtimestamp(moment, dt.UTC)
    return discord.utils.time_snowflake(at)
