"""Who is the bot in its workspace? Asked once, at the start; whoever needs to know waits for it."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass

import structlog

from adapters.slack.api import Api
from bot.model import Json

SCOPES = frozenset(
    {
        "app_mentions:read",
        "channels:history",
        "channels:join",
        "chat:write",
        "commands",
        "files:read",
        "files:write",
        "groups:history",
        "im:history",
        "im:write",
        "mpim:history",
        "reactions:write",
    }
)
"""What the bot's token must be allowed; deploy/slack-manifest.yaml asks for these and no others."""


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


def granted(answer: Json, *, default: str = "") -> frozenset[str]:
    """The scopes of the token, which Slack tells with every answer (docs). default: where it did not."""
    told = str(answer["headers"].get("x-oauth-scopes") or default)
    return frozenset(scope.strip() for scope in told.split(",") if scope.strip())


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
        scopes = granted(answer)
        missing = sorted(SCOPES - scopes) if scopes else []
        if missing:
            structlog.get_logger("slack").error(
                "scopes_missing",
                missing=missing,
                reason="Add them (deploy/slack-manifest.yaml has all) and reinstall the app.",
            )
        return self.me

    async def identity(self) -> Identity:
        """Waits until it is known."""
        await self._known.wait()
        assert self.me is not None  # noqa: S101  set together
        return self.me
