"""What is Slack as a platform, from its start to its end? Listening is here; what is posted, in `outbound`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from contextlib import suppress

import structlog
from starlette.routing import BaseRoute

from adapters.slack.asking import Asking
from adapters.slack.cards import GAP_SECONDS
from adapters.slack.catching_up import CatchingUp
from adapters.slack.connection import Sockets
from adapters.slack.hearing import Hearing
from adapters.slack.home import Home
from adapters.slack.hooks import Hooks
from adapters.slack.inbound import PLATFORM
from adapters.slack.listening import Listener
from adapters.slack.outbound import PATIENCE_SECONDS, Outbound
from adapters.slack.settings import Mode, Settings
from adapters.slack.workspace import Workspace
from bot.errors import GiveUp, RetryLater
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

NO_MODE = (
    "Slack is named, but the bot cannot listen there: set SLACK_APP_TOKEN (Socket Mode) or SLACK_SIGNING_SECRET with HTTP_PORT "
    "(HTTP mode)."
)
NO_TOKEN = "Slack is named, but SLACK_BOT_TOKEN is not set."  # noqa: S105  a sentence
NO_PORT = "Slack is set up for HTTP mode (SLACK_SIGNING_SECRET), which needs HTTP_PORT."

_END_SECONDS = 2.0  # for what was taken up


class Slack(Outbound):
    """The platform `slack`."""

    name = PLATFORM

    def __init__(
        self,
        settings: Settings,
        service: Service,
        views: Views,
        *,
        clock: Callable[[], float] = time.time,
        gap: float = GAP_SECONDS,
        patience: float = PATIENCE_SECONDS,
    ) -> None:
        super().__init__(settings, service, views, clock=clock, gap=gap, patience=patience)
        self._settings = settings
        self.workspace = Workspace(self.api)
        asking = Asking(self, self.workspace, service, views)
        self.hearing = Hearing(self, self.workspace, service, views)
        self.listener = Listener(
            settings, self.workspace, asking, self.hearing, Home(self.api, self.workspace, service, views)
        )
        self._sockets = Sockets(self.api, self.listener.app, self._heard_again)
        self._catching_up = CatchingUp(self.lookups, self.hearing, self.workspace, service, views, clock)
        self._missed = asyncio.Event()
        self._why_not: str | None = "Slack has not been asked yet who we are."
        self._log = structlog.get_logger("slack")

    def routes(self) -> list[BaseRoute]:
        """What Slack posts to, in HTTP mode."""
        secret = self._settings.slack_signing_secret
        if self._settings.mode is not Mode.HTTP or secret is None:
            return []
        return list(Hooks(self.listener.app, self.workspace, secret.get_secret_value()).routes())

    def trouble(self) -> str | None:
        deaf = self._sockets.trouble() if self._settings.mode is Mode.SOCKET else None
        return self._why_not or deaf or self.api.trouble

    async def run(self) -> None:
        """Listens until cancelled. Raises GiveUp where a setting is missing without which nobody can listen."""
        refusal = refused(self._settings)
        if refusal:
            self._why_not = refusal
            raise GiveUp(refusal)
        beside = [asyncio.create_task(self._catch_up()), asyncio.create_task(self._keep_cursor())]
        try:
            await self._introduce()
            if self._settings.mode is Mode.SOCKET:
                await self._sockets.run()
            else:
                self._heard_again()
                await asyncio.Event().wait()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)
            await self.close()

    async def close(self) -> None:
        """What was taken up is ended; last cards, and the session."""
        await self.listener.close(_END_SECONDS)
        with suppress(StoreBusy, asyncio.CancelledError):
            if self.workspace.me and self._why_not is None:
                await self._catching_up.mark()
        await self.cards.close(_END_SECONDS)
        await self.api.close()

    async def _introduce(self) -> None:
        pause = 1.0
        while True:
            try:
                await self.workspace.ask()
            except (RetryLater, GiveUp) as error:
                self._why_not = f"Slack cannot be reached or refuses us: {error.reason}."
                self._log.warning("slack_not_ready", reason=error.reason)
                await asyncio.sleep(getattr(error, "after", None) or pause)
                pause = min(60.0, pause * 2)
            else:
                self._why_not = None
                return

    def _heard_again(self) -> None:
        self._missed.set()

    async def _catch_up(self) -> None:
        while True:
            await self._missed.wait()
            self._missed.clear()
            try:
                await self._catching_up.catch_up()
            except StoreBusy as error:
                self._log.warning("not_caught_up", reason=str(error))
            except Exception:  # noqa: BLE001 - logged as the bug it is
                self._log.exception("bug_in_catching_up")

    async def _keep_cursor(self) -> None:
        await self._catching_up.keep_cursor(lambda: self.trouble() is None)


def refused(settings: Settings) -> str | None:
    """Why nobody could listen with these settings, as a sentence; None where it can be done."""
    if settings.slack_bot_token is None:
        return NO_TOKEN
    if settings.mode is None:
        return NO_MODE
    return NO_PORT if settings.mode is Mode.HTTP and settings.http_port is None else None
