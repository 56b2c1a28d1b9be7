"""Who is the bot in its workspace? Asked once, at the start; whoever needs to know waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

from adapters.slack.api import Api


@dataclass(frozen=True, kw_only=True, slots=True)
class Identity:
    """user: as it is mentioned. bot: as its messages are signed. url: of the workspace, with a slash at its end."""

    user: str
    bot: str
    team: str
    url: str

    def link(self, channel: str, ts: str, thread: str | None) -> str:
        """To a message. The form is Slack's own; asking for each link would be a request each."""
        link = f"{self.url}archives/{channel}/p{ts.replace('.', '')}"
        return f"{link}?thread_ts={thread}&cid={channel}" if thread and thread != channel else link


class Workspace:
    """`me` is None until Slack has told."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._known = asyncio.Event()
        self.me: Identity | None = None

    async def ask(self) -> Identity:
        """Asks Slack. Raises RetryLater, GiveUp."""
        answer = await self._api.call("auth.test")
        self.me = Identity(
            user=answer["user_id"], bot=answer.get("bot_id") or "", team=answer["team_id"], url=answer.get("url") or ""
        )
        self._known.set()
        return self.me

    async def identity(self) -> Identity:
        """Waits until it is known."""
        await self._known.wait()
        assert self.me is not None  # noqa: S101  set together
        return self.me
