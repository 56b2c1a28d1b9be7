"""How does Slack post events, commands and interactions to an app's own address, and prove that they are Slack's?

Signatures are `v0` HMACs over the timestamp and the body (documented). `headers` makes them for a test's own posts too,
with another secret, or as of another time.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
import urllib.parse
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import aiohttp

from tests.emulators.slack.courier import DEADLINE, Ack, Attempt, Delivery
from tests.emulators.slack.ledger import Exchange

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core

Json = dict[str, Any]

FORM = "application/x-www-form-urlencoded"
AGENT = "Slackbot 1.0 (+https://api.slack.com/robots)"


class Poster:
    """HTTP mode: the app's settings have a request URL and Socket Mode is off.

    time: Unix seconds for signatures, by which an app judges their age; the emulator's clock, unless it runs ahead.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self.time: Callable[[], float] = core.clock.now
        self._session: aiohttp.ClientSession | None = None

    async def open(self) -> None:
        self._session = aiohttp.ClientSession(trust_env=False, auto_decompress=False)

    async def close(self) -> None:
        if self._session:
            await self._session.close()

    def headers(
        self, body: str, *, type_: str = "application/json", secret: str | None = None, at: float | None = None
    ) -> dict[str, str]:
        """What Slack sends with this body. at: Unix seconds; now, if not given."""
        stamp = str(int(self.time() if at is None else at))
        key = (self._core.app.signing_secret if secret is None else secret).encode()
        signature = hmac.new(key, f"v0:{stamp}:{body}".encode(), hashlib.sha256).hexdigest()
        return {
            "Content-Type": type_,
            "User-Agent": AGENT,
            "X-Slack-Request-Timestamp": stamp,
            "X-Slack-Signature": f"v0={signature}",
        }

    @staticmethod
    def body(delivery: Delivery) -> tuple[str, str]:
        """Body and content type: JSON for events, a form for commands, a form with JSON in it for interactions."""
        match delivery.type:
            case "events_api":
                return json.dumps(delivery.payload), "application/json"
            case "slash_commands":
                return urllib.parse.urlencode(delivery.payload), FORM
        return urllib.parse.urlencode({"payload": json.dumps(delivery.payload)}), FORM

    async def verify_url(self) -> bool:
        """The check that the settings page makes of a request URL: does it answer with the challenge?"""
        challenge = self._core.ids.uuid()
        payload = {"token": "test-verification-token", "challenge": challenge, "type": "url_verification"}
        body = json.dumps(payload)
        status, answer, _ = await self._send(body, self.headers(body))
        return status == 200 and challenge in answer

    async def post(self, delivery: Delivery, attempt: Attempt) -> None:
        """One attempt; an answer of 200 within three seconds is the acknowledgement."""
        body, type_ = self.body(delivery)
        headers = self.headers(body, type_=type_)
        if attempt.number:
            headers |= {"X-Slack-Retry-Num": str(attempt.number), "X-Slack-Retry-Reason": attempt.reason}
        attempt.via = "http"
        note = self._core.ledger.note(
            Exchange(
                method="(post)",
                kind=delivery.kind,
                at=attempt.at,
                args=delivery.payload,
                verb="POST",
                content_type=type_,
            )
        )
        sending = asyncio.ensure_future(self._send(body, headers))
        try:
            status, answer, given = await self._core.courier.in_time(sending, attempt.at)
        except TimeoutError:
            attempt.failure = "http_timeout"
            return
        except (aiohttp.ClientConnectionError, aiohttp.ClientPayloadError):
            attempt.failure = "connection_failed"
            return
        note.status = attempt.status = status
        if status != 200:
            attempt.failure = "no_retry" if given.get("X-Slack-No-Retry") == "1" else "http_error"
            return
        after = self._core.clock.now() - attempt.at
        note.answer = _payload(answer, given.get("Content-Type", ""))
        attempt.ack = Ack(payload=note.answer, after=min(after, DEADLINE), via="http")

    async def _send(self, body: str, headers: dict[str, str]) -> tuple[int, str, dict[str, str]]:
        assert self._session, "the emulator is not serving"
        url = self._core.app.request_url
        assert url, "the app has no request URL: set slack.app.request_url"
        async with self._session.post(url, data=body.encode(), headers=headers, allow_redirects=False) as answer:
            return answer.status, await answer.text(), dict(answer.headers)


def _payload(answer: str, type_: str) -> Any:
    if not answer:
        return None
    return json.loads(answer) if type_.startswith("application/json") else {"text": answer}
