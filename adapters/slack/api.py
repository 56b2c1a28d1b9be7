"""How does one request go to Slack? With the workspace's token, through one session, at Slack's pace, and never twice by itself."""

from __future__ import annotations

import logging
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from email.utils import parsedate_to_datetime
from types import MappingProxyType
from typing import Any

import aiohttp
import structlog
from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.faults import Limited, OwnerMustAct, mapped, retry_after
from adapters.slack.pacing import Paced, Pacer, Priority
from adapters.slack.settings import Settings, bot_token
from adapters.slack.timing import Timing
from bot.errors import RetryLater
from bot.model import Json

_METHODS: Mapping[str, str] = MappingProxyType(
    {  # Slack's name -> the library's, which knows what goes into the query, the form or the JSON body
        "apps.connections.open": "apps_connections_open",
        "auth.test": "auth_test",
        "chat.delete": "chat_delete",
        "chat.postEphemeral": "chat_postEphemeral",
        "chat.postMessage": "chat_postMessage",
        "chat.update": "chat_update",
        "conversations.history": "conversations_history",
        "conversations.join": "conversations_join",
        "conversations.open": "conversations_open",
        "conversations.replies": "conversations_replies",
        "files.completeUploadExternal": "files_completeUploadExternal",
        "files.delete": "files_delete",
        "files.info": "files_info",
        "reactions.add": "reactions_add",
        "reactions.remove": "reactions_remove",
        "views.open": "views_open",
        "views.publish": "views_publish",
    }
)
_FORMS = frozenset({"files.getUploadURLExternal"})
"""Methods that the library asks by a query, where a long alt text in no Latin script makes an address that nobody takes."""

_OPTIONAL = frozenset({"conversations.join", "reactions.add", "reactions.remove", "views.publish"})
"""Nobody is left without an answer where the app lacks the scopes of these; `darkroom check` tells of them."""

_TROUBLE_SECONDS = 3_600.0
"""What is never asked again cannot show that it works again."""

_SECONDS = aiohttp.ClientTimeout(total=30.0, sock_connect=10.0)
_UPLOAD_SECONDS = aiohttp.ClientTimeout(total=180.0, sock_connect=10.0)


class Api:
    """One per process."""

    def __init__(self, settings: Settings, timing: Timing, *, logs: bool = True) -> None:
        """logs: whether what the owner must do goes into the log, too."""
        self.settings = settings
        self.pacer = Pacer(timing.now)
        self.timing = timing
        self._logs = logs
        self._troubles: dict[str, tuple[str, float]] = {}
        self._told_time: tuple[float, float] | None = None
        self._session: aiohttp.ClientSession | None = None

    def slack_time(self) -> float:
        """Unix seconds by Slack's own clock, by which its messages are named; ours may be wrong."""
        if self._told_time is None:
            return self.timing.now()
        told, at = self._told_time
        return told + time.monotonic() - at

    def _hear_time(self, headers: Mapping[str, str]) -> None:
        with suppress(KeyError, ValueError, TypeError):
            self._told_time = parsedate_to_datetime(headers["date"]).timestamp(), time.monotonic()

    @property
    def trouble(self) -> str | None:
        """What only the bot's owner can put right, as Slack said it within the last hour; None when all is well."""
        since = self.timing.now() - _TROUBLE_SECONDS
        return next((reason for reason, at in self._troubles.values() if at > since), None)

    def owner_must(self, reason: str, *, of: str) -> None:
        """of: the method, or whatever else does not work without the owner; logged once."""
        if self._logs and self._troubles.get(of, ("", 0.0))[0] != reason:
            structlog.get_logger("slack").error("owner_must_act", of=of, reason=reason)
        self._troubles[of] = reason, self.timing.now()

    def works(self, of: str) -> None:
        self._troubles.pop(of, None)

    @asynccontextmanager
    async def session(self) -> AsyncIterator[aiohttp.ClientSession]:
        """The shared session, made at first use inside the running loop."""
        if self._session is None or self._session.closed:
            self._session = aiohttp.ClientSession(timeout=_SECONDS)
        yield self._session

    async def close(self) -> None:
        if self._session is not None:
            await self._session.close()

    async def call(
        self,
        method: str,
        *,
        key: str | None = None,
        priority: Priority = Priority.USUAL,
        patience: float = 0.0,
        workspace: str | None = None,
        **args: Any,
    ) -> Json:
        """One method of the Web API at its turn; the answer as it is. Raises RetryLater (Paced: nothing was sent) and GiveUp.

        key: keeps the place in the line where it has to wait. patience: seconds to wait here for the turn, also when Slack itself
        says that it was too early. workspace: whose token; None while there is one.
        """
        channel = args.get("channel") or args.get("channel_id")
        while True:
            try:
                with self.pacer.turn(method, channel, key=key, priority=priority):
                    return await self.send(method, workspace=workspace, **args)
            except (Paced, Limited) as error:
                pause = error.after or 0.0
                if pause > patience:
                    raise
                patience -= pause
                await self.timing.sleep(pause)

    async def send(self, method: str, *, workspace: str | None = None, **args: Any) -> Json:
        """The same for what has been given its turn already."""
        channel = args.get("channel") or args.get("channel_id")
        try:
            async with self.session() as session:
                with mapped():
                    client = self._client(session, bot_token(self.settings, workspace))
                    response: Any
                    if method in _FORMS:
                        response = await client.api_call(method, data=args)
                    else:
                        response = await getattr(client, _METHODS[method])(**args)
        except Limited as error:
            self.pacer.limited(method, channel, error.after or 0.0)
            raise
        except OwnerMustAct as error:
            if method not in _OPTIONAL or error.code != "missing_scope":
                self.owner_must(error.reason, of=method)
            raise
        self.works(method)
        answer: Json = dict(response.data)
        answer["headers"] = {name.lower(): value for name, value in dict(response.headers).items()}
        self._hear_time(answer["headers"])
        return answer

    def _client(self, session: aiohttp.ClientSession, token: str) -> AsyncWebClient:
        """Without the library's retries: its default one repeats what may have been posted already."""
        client = AsyncWebClient(
            token=token,
            base_url=self.settings.slack_api_url,
            session=session,
            retry_handlers=[],
            logger=quiet_logger(),
        )
        client.proxy = self.settings.proxy_for(self.settings.slack_api_url)  # instead of what it read by itself
        return client

    async def upload(self, url: str, data: bytes) -> None:
        """A file's bytes to the address that Slack gave for them; without a token. Raises RetryLater."""
        async with self.session() as session:
            with mapped():
                async with session.post(
                    url, data=data, timeout=_UPLOAD_SECONDS, proxy=self.settings.proxy_for(url)
                ) as response:
                    if response.status == 429:
                        raise Limited("Slack's rate limit of uploads", after=retry_after(response.headers))
                    if response.status != 200:
                        raise RetryLater(f"Slack answered {response.status} to an upload")

    async def respond(self, response_url: str, body: Json) -> bool:
        """An answer through an address that came with a command or a button: five times in half an hour (docs).

        Returns False when that is over, or Slack cannot be reached.
        """
        try:
            async with self.session() as session:
                with mapped():
                    proxy = self.settings.proxy_for(response_url)
                    async with session.post(response_url, json=body, proxy=proxy) as response:
                        return response.status == 200
        except RetryLater:
            return False


def quiet_logger() -> logging.Logger:
    """For Slack's libraries: at their lower levels they log texts of messages and addresses that hold tickets.

    What goes wrong with them is logged here, in our words.
    """
    logger = logging.getLogger("slack_libraries")
    logger.setLevel(logging.CRITICAL)
    return logger
