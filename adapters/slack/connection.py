"""How does Socket Mode stay connected? By two connections, each of which is replaced before it is let go.

Slack's own client closes a connection before it opens the next and answers what came over the old one through the new one.
Here every envelope is answered where it came from, and an old connection is read until Slack ends it.
"""

from __future__ import annotations

import asyncio
import json
import random
from collections.abc import Callable, Coroutine
from contextlib import suppress
from typing import Any

import aiohttp
import structlog
from slack_bolt.adapter.socket_mode.async_internals import run_async_bolt_app
from slack_bolt.async_app import AsyncApp
from slack_sdk.socket_mode.request import SocketModeRequest

from adapters.slack.api import Api
from adapters.slack.faults import mapped
from adapters.slack.tickets import Tickets
from adapters.slack.timing import Timing
from bot.errors import GiveUp, RetryLater
from bot.model import Json

CONNECTIONS = 2
"""Each event goes to one of them (docs: up to ten). While one is replaced the other hears."""

_PING_SECONDS = 20.0
_HELLO_SECONDS = 15.0
_OLD_SECONDS = 60.0  # how long a connection that Slack is about to end is still read
_CROWDED_SECONDS = 60.0
_MOST_PAUSE = 60.0


class Sockets:
    """Runs the connections. heard_again: called whenever nobody listened before, and somebody does now."""

    def __init__(self, api: Api, app: AsyncApp, heard_again: Callable[[], None], timing: Timing) -> None:
        self._api = api
        self._app = app
        self._heard_again = heard_again
        self._timing = timing
        self._tickets = Tickets(api)
        self._live: set[aiohttp.ClientWebSocketResponse] = set()
        self._beside: set[asyncio.Task[None]] = set()
        self._why_not = "is not connected yet"
        self._log = structlog.get_logger("slack")

    def trouble(self) -> str | None:
        """None while at least one connection hears."""
        return None if self._live else f"Slack {self._why_not}."

    async def run(self) -> None:
        """Until cancelled."""
        try:
            async with asyncio.TaskGroup() as group:
                for seat in range(CONNECTIONS):
                    group.create_task(self._seat(), name=f"slack-socket-{seat}")
        finally:
            for task in self._beside:
                task.cancel()
            await asyncio.gather(*self._beside, return_exceptions=True)

    async def _seat(self) -> None:
        """One connection after the other. A pause grows with each that never came to be."""
        failures = 0
        while True:
            try:
                pause = await self._connection()
                failures = 0
            except RetryLater as error:
                failures += 1
                self._why_not = f"cannot be heard: {error.reason}"
                pause = error.after if error.after is not None else min(_MOST_PAUSE, 0.5 * 2**failures)
                self._log.warning("socket_failed", reason=error.reason, again_in=round(pause, 1))
            except GiveUp as error:
                failures += 1
                self._why_not = f"does not let us listen: {error.reason}. Look at SLACK_APP_TOKEN"
                pause = _MOST_PAUSE
                self._log.error("socket_refused", reason=error.reason)
            await self._timing.sleep(pause * random.uniform(1.0, 1.2))

    async def _connection(self) -> float:
        """One connection to its end, or to the moment at which it needs a successor; seconds to pause before that."""
        socket = await self._opened()
        was_deaf = not self._live
        self._live.add(socket)
        self._log.info("socket_open", open=len(self._live))
        if was_deaf:
            self._heard_again()
        try:
            reason = await self._read(socket)
        except BaseException:
            await self._let_go(socket)
            raise
        self._log.info("socket_ends", reason=reason)
        if reason in ("warning", "refresh_requested"):  # it is still served: a successor comes first
            self._spawn(self._read_out(socket))
            return 0.0
        await self._let_go(socket)
        if reason == "too_many_websockets":
            return _CROWDED_SECONDS
        if reason == "link_disabled":
            raise RetryLater("Socket Mode is switched off for this app", after=_MOST_PAUSE)
        return 0.1

    async def _opened(self) -> aiohttp.ClientWebSocketResponse:
        url = await self._tickets.url()
        async with self._api.session() as session:
            with mapped():
                proxy = self._api.settings.proxy_for(url)
                socket = await session.ws_connect(url, heartbeat=_PING_SECONDS, max_msg_size=16_000_000, proxy=proxy)
                try:
                    async with asyncio.timeout(_HELLO_SECONDS):
                        hello = await socket.receive_json()
                except (TypeError, ValueError, TimeoutError):
                    hello = {}
        if hello.get("type") != "hello":
            await socket.close()
            if hello.get("reason") == "too_many_websockets":
                raise RetryLater("too many connections of this app are open", after=_CROWDED_SECONDS)
            raise RetryLater(f"the connection began with {hello.get('reason') or hello.get('type') or 'nothing'}")
        return socket

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Hears until the connection ends or Slack says that it will; the reason."""
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            with suppress(ValueError):
                envelope = json.loads(message.data)
                if envelope.get("type") == "disconnect":
                    return str(envelope.get("reason") or "disconnect")
                if "envelope_id" in envelope:
                    self._spawn(self._answer(socket, envelope))
        return "closed"

    async def _read_out(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async with asyncio.timeout(_OLD_SECONDS):
                while await self._read(socket) != "closed":
                    pass
        except TimeoutError:
            pass
        finally:
            await self._let_go(socket)

    async def _answer(self, socket: aiohttp.ClientWebSocketResponse, envelope: Json) -> None:
        request = SocketModeRequest.from_dict(envelope)
        if request is None:
            return
        response = await run_async_bolt_app(self._app, request)
        answer: Json = {"envelope_id": request.envelope_id}
        if response.status != 200:
            self._log.warning("not_acknowledged", status=response.status, kind=request.type)
            return
        if response.body:
            answer["payload"] = _payload(response.body)
        with suppress(ConnectionError, aiohttp.ClientError):  # Slack delivers it again
            await socket.send_json(answer)

    async def _let_go(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        self._live.discard(socket)
        if not self._live:
            self._why_not = "has ended the last connection; a new one is being made"
        with suppress(Exception):
            await socket.close()

    def _spawn(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.create_task(work, name="slack-socket-aside")
        self._beside.add(task)
        task.add_done_callback(self._beside.discard)


def _payload(body: str) -> Json:
    """As bolt's own Socket Mode does it: JSON as it is, words as the text of a message."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"text": body}
