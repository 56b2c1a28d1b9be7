"""How does HTTP mode come in? Slack posts everything to one address on the bot's own port; nothing unsigned is looked into."""

from __future__ import annotations

import time
from collections import OrderedDict

import structlog
from slack_bolt.adapter.starlette.async_handler import to_async_bolt_request, to_starlette_response
from slack_bolt.async_app import AsyncApp
from slack_sdk.signature import SignatureVerifier
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from adapters.slack.workspace import Workspace

PATH = "/slack/events"
MOST_BYTES = 2 * 1024 * 1024
"""Of one request; the largest that Slack sends, a window with all of its state, has some 100 kB."""

_WINDOW_SECONDS = 600.0  # a signature is good for 5 minutes to either side (docs)
_MOST_KEPT = 50_000
_COMPLAINT_SECONDS = 600.0  # anybody can send anything here, and shall fill no log


class Hooks:
    """One address for events, commands, buttons and windows. secret: what Slack signs with."""

    def __init__(self, app: AsyncApp, workspace: Workspace, secret: str) -> None:
        self._app = app
        self._workspace = workspace
        self._verifier = SignatureVerifier(secret)
        self._seen: OrderedDict[str, float] = OrderedDict()
        self._complained_at = float("-inf")
        self._log = structlog.get_logger("slack")

    def routes(self) -> list[Route]:
        return [Route(PATH, self._heard, methods=["POST"])]

    async def _heard(self, request: Request) -> Response:
        if self._workspace.me is None:  # who we are is not known yet; Slack comes again
            return PlainTextResponse("starting", status_code=503, headers={"Retry-After": "5"})
        body = await _body(request)
        if body is None:
            return PlainTextResponse("too large", status_code=413, headers={"Connection": "close"})
        # bolt would read what anybody sends before it looks at the signature
        if not self._is_signed(request, body):
            self._complain()
            return PlainTextResponse("not signed by Slack", status_code=401)
        signature = request.headers["x-slack-signature"]
        if signature in self._seen:
            # Slack's own second attempt can fall into the second of its first, and then looks like a replay: it is told that
            # all is well. Nothing is done for either.
            retried = request.headers.get("x-slack-retry-num", "0") != "0"
            return PlainTextResponse("" if retried else "replayed", status_code=200 if retried else 401)
        self._remember(signature)  # before it is taken up: copies can arrive together
        answer = None
        try:
            answer = await self._answered(request, body)
        finally:
            if answer is None or answer.status_code != 200:
                self._seen.pop(signature, None)
        return answer

    async def _answered(self, request: Request, body: bytes) -> Response:
        try:
            asked = to_async_bolt_request(request, body)
        except Exception:  # noqa: BLE001  signed, and yet no JSON, or none that the library reads: it raises nearly everything
            self._log.warning("unreadable_request", exc_info=True)
            return PlainTextResponse("unreadable", status_code=400)
        try:
            return to_starlette_response(await self._app.async_dispatch(asked))
        except Exception:  # noqa: BLE001  a bug, logged as one; acknowledged, because it would fail again when it is delivered again
            self._log.exception("malformed_request")
            return PlainTextResponse("")

    def _is_signed(self, request: Request, body: bytes) -> bool:
        timestamp, signature = (request.headers.get(f"x-slack-{name}") for name in ("request-timestamp", "signature"))
        try:
            return self._verifier.is_valid(body, timestamp, signature)
        except (ValueError, TypeError):  # a time that is no number, a body or a signature that is no text
            return False

    def _complain(self) -> None:
        """Slack itself shows its user no more than that the address did not answer as it should."""
        if time.monotonic() - self._complained_at > _COMPLAINT_SECONDS:
            self._complained_at = time.monotonic()
            self._log.warning(
                "request_not_signed_by_slack",
                reason="If Slack says that this address does not work, SLACK_SIGNING_SECRET is not that of the app, or a proxy "
                "changes what Slack sends, or this machine's clock is wrong by more than 5 minutes.",
            )

    def _remember(self, signature: str) -> None:
        """What was taken up is not taken up again while its signature is good."""
        now = time.monotonic()
        self._seen[signature] = now
        while self._seen and (len(self._seen) > _MOST_KEPT or now - next(iter(self._seen.values())) > _WINDOW_SECONDS):
            self._seen.popitem(last=False)


async def _body(request: Request) -> bytes | None:
    """None when it is larger than anything that Slack sends: the rest of it is not read."""
    data = bytearray()
    async for part in request.stream():
        data += part
        if len(data) > MOST_BYTES:
            return None
    return bytes(data)
