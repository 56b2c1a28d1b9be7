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
_SWITCHED_OFF = "Socket Mode is switched off for this app: switch it on on its page Socket Mode"


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
                self._why_not = f"does not let us listen: {error.reason}"
                pause = _MOST_PAUSE
                self._log.error("socket_refused", reason=error.reason)
            await self._timing.sleep(pause * random.uniform(1.0, 1.2))

    async def _connection(self) -> float:
        """One connection to its end, or to the moment at which it needs a successor; seconds to pause before that."""
        socket = await opened(self._api, self._tickets)
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
            raise RetryLater(_SWITCHED_OFF, after=_MOST_PAUSE)
        return 0.1

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> str:
        """Hears until the connection ends or Slack says that it will; the reason."""
        async for message in socket:
            if message.type is not aiohttp.WSMsgType.TEXT:
                continue
            envelope = _frame(message.data)
            if envelope is None:
                self._log.warning("unreadable_frame", characters=len(message.data))
            elif envelope.get("type") == "disconnect":
                return str(envelope.get("reason") or "disconnect")
            elif "envelope_id" in envelope:
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
        answer: Json = {"envelope_id": envelope["envelope_id"]}
        try:
            request = SocketModeRequest.from_dict(envelope)
            response = await run_async_bolt_app(self._app, request) if request else None
        except Exception:  # noqa: BLE001  a bug, logged as one; acknowledged, because it would fail again when it is delivered again
            self._log.exception("malformed_envelope")
        else:
            if response is None:
                return
            if response.status != 200:
                self._log.warning("not_acknowledged", status=response.status, kind=envelope.get("type"))
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


async def opened(api: Api, tickets: Tickets) -> aiohttp.ClientWebSocketResponse:
    """A connection that Slack has greeted. Raises RetryLater; GiveUp where the token or its scope is wrong."""
    url = await tickets.url()
    async with api.session() as session:
        with mapped():
            proxy = api.settings.proxy_for(url)
            socket = await session.ws_connect(url, heartbeat=_PING_SECONDS, max_msg_size=16_000_000, proxy=proxy)
            try:
                async with asyncio.timeout(_HELLO_SECONDS):
                    hello = _frame(await socket.receive_str()) or {}
            except (TypeError, TimeoutError):
                hello = {}
    if hello.get("type") == "hello":
        return socket
    await socket.close()
    match hello.get("reason"):
        case "too_many_websockets":
            raise RetryLater("too many connections of this app are open", after=_CROWDED_SECONDS)
        case "link_disabled":
            raise RetryLater(_SWITCHED_OFF, after=_MOST_PAUSE)
    raise RetryLater(f"the connection began with {hello.get('reason') or hello.get('type') or 'nothing'}")


def _frame(text: str) -> Json | None:
    """None for what is no JSON object."""
    try:
        frame = json.loads(text)
    except (ValueError, RecursionError):
        return None
    return frame if isinstance(frame, dict) else None


def _payload(body: str) -> Json:
    """As bolt's own Socket Mode does it: JSON as it is, words as the text of a message."""
    try:
        parsed = json.loads(body)
    except ValueError:
        parsed = None
    return parsed if isinstance(parsed, dict) else {"text": body}
