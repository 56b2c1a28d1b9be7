"""Which message of ours stands there already? Slack posts without a key, so the key goes into a message's metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator

from adapters.slack.api import Api
from adapters.slack.timing import Timing
from bot.errors import RetryLater
from bot.model import Json

LATE_SECONDS = 90.0
"""So long after a post was begun whose answer never came it may still land: a caller waits for 30 s, and nobody says how long
Slack goes on after that. What is found by then is found; only afterwards nothing found means that there is nothing.
"""

_LOOK_AGAIN_SECONDS = 15.0

_SKEW_SECONDS = 120.0  # Slack's clock as we know it, and as the message got it
_PAGE, _MOST_PAGES = 100, 5
_FEW = 5  # where one is looked for: a thread's root is told beside it


def metadata(kind: str, key: str) -> Json:
    return {"event_type": kind, "event_payload": {"key": key}}


class Lookups:
    """Reads as little as it can: since when the message may stand there is known."""

    def __init__(self, api: Api, timing: Timing) -> None:
        self._api = api
        self._timing = timing

    def slack_time(self) -> float:
        """By which messages are named."""
        return self._api.slack_time()

    async def by_key(
        self, channel: str, thread: str | None, *, kind: str, key: str, since: float, begun_at: float
    ) -> str | None:
        """The time of the message that carries this key. None: it does not stand there, and will not.

        since: when it was first tried, Unix seconds by Slack's clock. begun_at: when it was last tried, by ours. Raises
        RetryLater while the message may still be on its way.
        """
        async for message in self.messages(channel, thread, since=since - _SKEW_SECONDS, with_metadata=True):
            carried = message.get("metadata") or {}
            if carried.get("event_type") == kind and (carried.get("event_payload") or {}).get("key") == key:
                return str(message["ts"])
        left = begun_at + LATE_SECONDS - self._timing.now()
        if 0 < left <= LATE_SECONDS:
            raise RetryLater("what was posted may still land", after=min(left, _LOOK_AGAIN_SECONDS))
        return None

    async def with_files(self, channel: str, thread: str | None, files: list[str], *, since: float) -> str | None:
        """The time of the message that shares, or shared, one of these files."""
        async for message in self.messages(channel, thread, since=since - _SKEW_SECONDS):
            if any(file.get("id") in files for file in message.get("files") or ()):
                return str(message["ts"])
        return None

    async def at(self, channel: str, thread: str | None, ts: str) -> Json | None:
        """The message of this time, as it stands; None where it stands no more."""
        method = "conversations.replies" if thread else "conversations.history"
        args: Json = {"ts": thread} if thread else {}
        answer = await self._api.call(method, channel=channel, oldest=ts, latest=ts, inclusive=True, limit=_FEW, **args)
        found = (message for message in answer.get("messages") or () if message.get("ts") == ts)
        return next(found, None)

    async def messages(
        self, channel: str, thread: str | None, *, since: float, with_metadata: bool = False, pages: int = _MOST_PAGES
    ) -> AsyncIterator[Json]:
        """Messages of a thread, oldest first, or of a channel, newest first."""
        method, cursor = ("conversations.replies" if thread else "conversations.history"), ""
        for _ in range(pages):
            args: Json = {"ts": thread} if thread else {}
            if cursor:
                args["cursor"] = cursor
            if with_metadata:
                args["include_all_metadata"] = True
            answer = await self._api.call(method, channel=channel, oldest=f"{max(0.0, since):.6f}", limit=_PAGE, **args)
            for message in answer.get("messages") or ():
                yield message
            cursor = str((answer.get("response_metadata") or {}).get("next_cursor") or "")
            if not cursor:
                return
