"""Which message of ours stands there already? Slack posts without a key, so the key goes into a message's metadata."""

from __future__ import annotations

from collections.abc import AsyncIterator

from adapters.slack.api import Api
from bot.model import Json

_SKEW_SECONDS = 120.0  # Slack's clock as we know it, and as the message got it
_PAGE, _MOST_PAGES = 100, 5


def metadata(kind: str, key: str) -> Json:
    return {"event_type": kind, "event_payload": {"key": key}}


class Lookups:
    """Reads as little as it can: since when the message may stand there is known."""

    def __init__(self, api: Api) -> None:
        self._api = api

    def slack_time(self) -> float:
        """By which messages are named."""
        return self._api.slack_time()

    async def by_key(self, channel: str, thread: str | None, *, kind: str, key: str, since: float) -> str | None:
        """The time of the message that carries this key. since: Unix seconds by Slack's clock."""
        async for message in self.messages(channel, thread, since=since - _SKEW_SECONDS, with_metadata=True):
            carried = message.get("metadata") or {}
            if carried.get("event_type") == kind and (carried.get("event_payload") or {}).get("key") == key:
                return str(message["ts"])
        return None

    async def with_files(self, channel: str, thread: str | None, files: list[str], *, since: float) -> str | None:
        """The time of the message that shares, or shared, one of these files."""
        async for message in self.messages(channel, thread, since=since - _SKEW_SECONDS):
            if any(file.get("id") in files for file in message.get("files") or ()):
                return str(message["ts"])
        return None

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
