"""How are requests sent to Discord with the bot's token? In turn, within a time, and with errors that say who acts next.

A client of its own, apart from the one that listens: gateway connections come and go, and posting goes on meanwhile.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import aiohttp
import discord

from adapters.discord import faults
from adapters.discord.pacing import Budget, Priority
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.pictures import MAX_RECEIVED_BYTES

LOGIN_SECONDS = 10.0
"""How long a request waits for the first login before it is put off."""

REQUEST_SECONDS = 120.0
"""Of one request, its waits for rate limits and the library's own repetitions included."""

RATE_LIMIT_SECONDS = 30.0
"""A longer wait is the poller's, who has other work to do meanwhile (the library takes no less)."""

FILE_SECONDS = 60.0


class Rest:
    """Logs in once; used by everything that posts."""

    def __init__(self) -> None:
        self._client: discord.Client | None = None
        self._there = asyncio.Event()
        self._closed = False
        self.budget = Budget()
        self.trouble: str | None = None
        """Why the last request was not answered; None when it was."""
        self.is_refused = False  # the token
        self.troubled = asyncio.Event()
        self._files: aiohttp.ClientSession | None = None

    async def login(self, token: str) -> discord.Client:
        """Once; repeated calls return the same client. Raises what discord.py raises."""
        if self._client is None:
            client = discord.Client(
                intents=discord.Intents(guilds=True),  # it never listens; without this one the library warns
                allowed_mentions=discord.AllowedMentions.none(),
                max_messages=None,
                max_ratelimit_timeout=RATE_LIMIT_SECONDS,
            )
            try:
                await client.login(token)
            except BaseException:
                await client.close()
                raise
            self._client = client
            self._there.set()
        return self._client

    @asynccontextmanager
    async def turn(self, priority: Priority) -> AsyncIterator[discord.Client]:
        """The client, when it is this request's turn. Inside, vendor's errors become RetryLater or GiveUp."""
        client = await self._ready()
        await self.budget.turn(priority)
        try:
            with faults.mapped():
                async with asyncio.timeout(REQUEST_SECONDS):
                    yield client
        except faults.OutOfReach as error:
            self.trouble, self.is_refused = error.reason, isinstance(error, faults.TokenRefused)
            self.troubled.set()
            raise
        except faults.Refused:
            self._is_answered()
            raise
        self._is_answered()

    def _is_answered(self) -> None:
        self.trouble, self.is_refused = None, False
        self.troubled.clear()

    async def _ready(self) -> discord.Client:
        if self._closed:
            raise RetryLater("the bot is stopping")
        if self._client is None:
            try:
                async with asyncio.timeout(LOGIN_SECONDS):
                    await self._there.wait()
            except TimeoutError:
                raise RetryLater("the bot is not logged in to Discord", after=LOGIN_SECONDS) from None
        if self._client is None:
            raise RetryLater("the bot is stopping")
        return self._client

    async def download(self, url: str) -> bytes:
        """A file of a member, at most 30 MB of it. Needs no token: the address is signed.

        Raises Refused with status 404 for an address that has expired.
        """
        if self._files is None:
            self._files = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=FILE_SECONDS))
        data = bytearray()
        with faults.mapped():
            async with self._files.get(url, allow_redirects=False) as answer:
                if answer.status == 429 or answer.status >= 500:
                    raise RetryLater(f"Discord's file server answered {answer.status}")
                if answer.status != 200:
                    reason = f"Discord's file server answered {answer.status}"
                    raise faults.Refused(reason, status=answer.status, code=0, kind=FailureKind.REFERENCE)
                async for chunk in answer.content.iter_any():
                    data += chunk
                    if len(data) > MAX_RECEIVED_BYTES:
                        raise GiveUp("the attached file is larger than it was said to be", kind=FailureKind.REFERENCE)
        return bytes(data)

    async def close(self) -> None:
        self._closed = True
        self._there.set()
        if self._files:
            await self._files.close()
        if self._client:
            client, self._client = self._client, None
            await client.close()


def own_id(client: discord.Client) -> str:
    """The bot's own, as messages name their author."""
    return str(client.user.id) if client.user else ""
