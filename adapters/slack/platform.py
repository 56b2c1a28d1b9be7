"""What is Slack as a platform, from its start to its end? Listening is here; what is posted, in `outbound`."""

from __future__ import annotations

import asyncio

import structlog
from starlette.routing import BaseRoute

from adapters.slack.asking import Asking
from adapters.slack.catching_up import CatchingUp
from adapters.slack.connection import Sockets
from adapters.slack.hearing import Hearing
from adapters.slack.home import Home
from adapters.slack.hooks import Hooks
from adapters.slack.inbound import PLATFORM
from adapters.slack.listening import Listener
from adapters.slack.outbound import Outbound
from adapters.slack.settings import Mode, Settings
from adapters.slack.timing import Timing
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

CATCH_UP_PAUSE = 30.0
"""Seconds until missed replies that could not be read are looked for again."""

_END_SECONDS = 2.0  # for what was taken up


class Slack(Outbound):
    """The platform `slack`."""

    name = PLATFORM

    def __init__(self, settings: Settings, service: Service, views: Views, timing: Timing | None = None) -> None:
        super().__init__(settings, service, views, timing or Timing(now=service.now))
        self._settings = settings
        self.workspace = Workspace(self.api)
        asking = Asking(self, self.workspace, service, views)
        self.hearing = Hearing(self, self.workspace, service, views, self._timing)
        self.listener = Listener(
            settings, self.workspace, asking, self.hearing, Home(self.api, self.workspace, service, views)
        )
        self._sockets = Sockets(self.api, self.listener.app, self._heard_again, self._timing)
        self._catching_up = CatchingUp(self.lookups, self.hearing, self.workspace, service, views, self._timing)
        self._missed = asyncio.Event()
        self._listens = True
        self._why_not: str | None = "Slack has not been asked yet who we are."
        self._log = structlog.get_logger("slack")

    def routes(self) -> list[BaseRoute]:
        """What Slack posts to, in HTTP mode."""
        secret = self._settings.slack_signing_secret
        if self._settings.mode is not Mode.HTTP or secret is None:
            return []
        return list(Hooks(self.listener.app, self.workspace, secret.get_secret_value()).routes())

    def trouble(self) -> str | None:
        return self._deaf() or self.api.trouble

    def _deaf(self) -> str | None:
        """Why nobody is heard."""
        sockets = self._listens and self._settings.mode is Mode.SOCKET
        return self._why_not or (self._sockets.trouble() if sockets else None)

    async def run(self, *, listens: bool = True) -> None:
        """Until cancelled. Raises GiveUp where a setting is missing without which it cannot be done."""
        self._listens = listens
        refusal = refused(self._settings, listens=listens)
        if refusal:
            self._why_not = refusal
            raise GiveUp(refusal)
        try:
            await (self._listen() if listens else self._only_post())
        finally:
            await self.close()

    async def _only_post(self) -> None:
        """There is nothing to connect to; that the token is good is all that needs to be known."""
        await self._introduce()
        await asyncio.Event().wait()

    async def _listen(self) -> None:
        beside = [asyncio.create_task(self._catch_up()), asyncio.create_task(self._keep_cursor())]
        try:
            await self._introduce()
            self._log.info("listening", mode=str(self._settings.mode))
            if self._settings.mode is Mode.SOCKET:
                await self._sockets.run()
            else:
                self._heard_again()
                await asyncio.Event().wait()
        finally:
            for task in beside:
                task.cancel()
            await asyncio.gather(*beside, return_exceptions=True)

    async def close(self) -> None:
        """What was taken up is ended; last cards, and the session."""
        await self.listener.close(_END_SECONDS)
        await self.cards.close(_END_SECONDS)
        await self.api.close()

    async def _introduce(self) -> None:
        """Until Slack has told who we are; from then on something can be posted."""
        pause = 1.0
        while True:
            try:
                await self.workspace.ask()
            except (RetryLater, GiveUp) as error:
                self._why_not = f"Slack cannot be reached or refuses us: {error.reason}."
                self._log.warning("slack_not_ready", reason=error.reason)
                await self._timing.sleep(getattr(error, "after", None) or pause)
                pause = min(60.0, pause * 2)
            else:
                self._why_not = None
                break
        if not self._listens:
            return  # of several processes, one puts right what earlier ones have left
        try:
            await self.cards.resume()
        except StoreBusy as error:
            self._log.warning("cards_not_resumed", reason=str(error))

    def _heard_again(self) -> None:
        self._catching_up.missed()
        self._missed.set()

    async def _catch_up(self) -> None:
        """Whenever somebody listens again; what could not be read then is read later."""
        while True:
            await self._missed.wait()
            self._missed.clear()
            try:
                await self._catching_up.catch_up()
            except (RetryLater, StoreBusy) as error:
                self._log.warning("not_caught_up", reason=str(error))
                await self._timing.sleep(getattr(error, "after", None) or CATCH_UP_PAUSE)
                self._missed.set()
            except Exception:  # noqa: BLE001 - logged as the bug it is
                self._log.exception("bug_in_catching_up")

    async def _keep_cursor(self) -> None:
        await self._catching_up.keep_cursor(lambda: self._deaf() is None)


def refused(settings: Settings, *, listens: bool = True) -> str | None:
    """Why nobody could listen with these settings, or only post, as a sentence; None where it can be done."""
    if settings.slack_bot_token is None:
        return NO_TOKEN
    if not listens:
        return None
    if settings.mode is None:
        return NO_MODE
    return NO_PORT if settings.mode is Mode.HTTP and settings.http_port is None else None
