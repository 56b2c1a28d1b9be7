"""How does HTTP mode come in? Slack posts everything to one address on the bot's own port; bolt checks the signature."""

from __future__ import annotations

import time
from collections import OrderedDict

from slack_bolt.adapter.starlette.async_handler import AsyncSlackRequestHandler
from slack_bolt.async_app import AsyncApp
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.slack.workspace import Workspace

PATH = "/slack/events"
_WINDOW_SECONDS = 600.0  # a signature is good for 5 minutes to either side (docs)
_MOST_KEPT = 50_000


class Hooks:
    """One address for events, commands, buttons and windows."""

    def __init__(self, app: AsyncApp, workspace: Workspace) -> None:
        self._handler = AsyncSlackRequestHandler(app)
        self._workspace = workspace
        self._seen: OrderedDict[str, float] = OrderedDict()

    def routes(self) -> list[Route]:
        return [Route(PATH, self._heard, methods=["POST"])]

    async def _heard(self, request: Request) -> Response:
        if self._workspace.me is None:  # who we are is not known yet; Slack comes again
            return PlainTextResponse("starting", status_code=503, headers={"Retry-After": "5"})
        signature = request.headers.get("x-slack-signature", "")
        if signature in self._seen:
            # Slack's own second attempt can fall into the second of its first, and then looks like a replay: it is told that
            # all is well. Nothing is done for either.
            retried = request.headers.get("x-slack-retry-num", "0") != "0"
            return PlainTextResponse("" if retried else "replayed", status_code=200 if retried else 401)
        response = await self._handler.handle(request)
        if response.status_code == 200:
            self._remember(signature)
        return response

    def _remember(self, signature: str) -> None:
        """What was taken up is not taken up again while its signature is good."""
        now = time.monotonic()
        self._seen[signature] = now
        while self._seen and (len(self._seen) > _MOST_KEPT or now - next(iter(self._seen.values())) > _WINDOW_SECONDS):
            self._seen.popitem(last=False)
