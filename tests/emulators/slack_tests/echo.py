"""What do the emulator's own tests put in the bot's place? A real slack-bolt app, over either kind of connection.

It notes what it hears; `on` says what it does then.
"""

import asyncio
import io
import json
import logging
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
from aiohttp import web
from PIL import Image
from slack_bolt.adapter.socket_mode.async_handler import AsyncSocketModeHandler
from slack_bolt.async_app import AsyncApp
from slack_sdk.web.async_client import AsyncWebClient

from tests.emulators.slack import SlackEmulator

Does = Callable[..., Awaitable[Any]]

SILENT = logging.getLogger("tests.slack_app")
SILENT.addHandler(logging.NullHandler())
SILENT.propagate = False
SILENT.setLevel(logging.CRITICAL)


def picture(color: str = "red", kind: str = "PNG") -> bytes:
    data = io.BytesIO()
    Image.new("RGB", (8, 6), color).save(data, kind)
    return data.getvalue()


def client_of(slack: SlackEmulator, token: str | None = None) -> AsyncWebClient:
    return AsyncWebClient(token=token or slack.bot_token, base_url=slack.api_url, retry_handlers=[], logger=SILENT)


class EchoApp:
    """heard: bodies of events, in order. Handlers get what bolt gives: `await on(ack, body, client)`."""

    def __init__(self, slack: SlackEmulator) -> None:
        self.slack = slack
        self.heard: list[dict[str, Any]] = []
        self.retries: list[str] = []
        self.news = asyncio.Event()
        self.home: Does | None = None  # `await home(event, client)` when a member opens App Home
        self.bolt = AsyncApp(client=client_of(slack), signing_secret=slack.signing_secret, logger=SILENT)
        for kind in ("message", "app_mention", "app_home_opened", "app_uninstalled", "tokens_revoked"):
            self.bolt.event(kind)(self._hear)

    async def _hear(self, body: dict[str, Any], request: Any, client: AsyncWebClient) -> None:
        self.heard.append(body)
        if self.home and body["event"]["type"] == "app_home_opened":
            await self.home(body["event"], client)
        self.retries += request.headers.get("x-slack-retry-num", [])
        self.news.set()

    async def has_heard(self, count: int) -> None:
        while len(self.heard) < count:
            self.news.clear()
            await self.news.wait()

    def on_command(self, does: Does, name: str = "/imagine") -> None:
        self.bolt.command(name)(does)

    @asynccontextmanager
    async def by_sockets(self, count: int = 1) -> AsyncIterator[list[AsyncSocketModeHandler]]:
        """Connected by Socket Mode, as often as asked."""
        handlers = [AsyncSocketModeHandler(self.bolt, self.slack.app_token, logger=SILENT) for _ in range(count)]
        before = len(self.slack.sockets.open)
        for handler in handlers:
            await handler.connect_async()
        await self.slack.sockets.connected(before + count)
        try:
            yield handlers
        finally:
            for handler in handlers:
                await handler.close_async()

    @asynccontextmanager
    async def by_http(self) -> AsyncIterator[str]:
        """Listening at its own address, with bolt's check of signatures on; the emulator is told the address."""
        runner = web.AppRunner(self.bolt.web_app("/slack/events"), access_log=None)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.slack.app.socket_mode = False
        self.slack.app.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/slack/events"
        try:
            yield self.slack.app.request_url
        finally:
            await runner.cleanup()


class Wire:
    """A socket held by the test itself: it acknowledges only when told to."""

    def __init__(self, ws):
        self._ws = ws

    async def next(self):
        return json.loads((await self._ws.receive(timeout=5)).data)

    async def acks(self, frame, payload=None):
        answer = {"envelope_id": frame["envelope_id"]} | ({"payload": payload} if payload else {})
        await self._ws.send_json(answer)

    async def ended(self):
        return (await self._ws.receive(timeout=5)).type in (aiohttp.WSMsgType.CLOSE, aiohttp.WSMsgType.CLOSED)
