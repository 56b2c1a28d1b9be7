"""Has Slack shared our file yet? It does so some time after the upload, and sometimes never; an event or a look tells."""

from __future__ import annotations

import asyncio
import itertools

from adapters.slack import inbound
from adapters.slack.api import Api
from adapters.slack.faults import Refused
from adapters.slack.timing import Timing
from bot.errors import RetryLater
from bot.model import Json

GONE = frozenset({"file_not_found", "file_deleted"})
PATIENCE_SECONDS = 12.0
"""How long one attempt waits for Slack to share a picture."""

_LOOKS = (0.3, 0.6, 1.2, 2.0, 3.0, 4.0)
"""Seconds between looks; the event of the share mostly comes first."""


class Shares:
    """Waits for shares. Files of ours are told of by `heard`, from the events of our own messages."""

    def __init__(self, api: Api, timing: Timing) -> None:
        self._api = api
        self._timing = timing
        self._waiting: dict[str, asyncio.Event] = {}

    def heard(self, event: Json) -> None:
        """A message of our own: whoever waits for one of its files looks at once."""
        for file in event.get("files") or ():
            if file.get("id") in self._waiting:
                self._waiting[file["id"]].set()

    async def wait(self, file: str, channel: str, thread: str | None) -> str | None:
        """The time of the message that shares the file; None when it did not come in time, or the file is gone."""
        heard = self._waiting.setdefault(file, asyncio.Event())
        until = self._timing.now() + PATIENCE_SECONDS
        try:
            for pause in itertools.chain(_LOOKS, itertools.repeat(_LOOKS[-1])):
                heard.clear()
                ts = await self.look(file, channel, thread)
                left = until - self._timing.now()
                if ts is not None or left <= 0:
                    return ts
                await self._timing.happens(heard, within=min(pause, left))
            return None
        finally:
            self._waiting.pop(file, None)

    async def look(self, file: str, channel: str, thread: str | None) -> str | None:
        """One look. None: not shared so far, or gone."""
        try:
            answer = await self._api.call("files.info", file=file)
        except Refused as error:
            if error.code in GONE:
                return None
            raise
        return inbound.shares(answer["file"], channel, thread)

    async def remove(self, files: list[str]) -> None:
        """The files are gone afterwards, or were gone before; what is gone is not shared any more."""
        for file in files:
            try:
                await self._api.call("files.delete", key=file, file=file)
            except Refused as error:
                if error.code not in GONE:
                    raise RetryLater(f"a file cannot be removed: {error.reason}") from error
