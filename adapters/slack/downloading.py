"""What are the bytes of a member's file? Fetched with the token, from Slack's own hosts only, and never more than fits."""

from __future__ import annotations

from contextlib import suppress
from urllib.parse import urljoin, urlsplit

import aiohttp
import structlog

from adapters.slack import inbound, wording
from adapters.slack.api import Api
from adapters.slack.faults import OwnerMustAct, Refused, mapped, retry_after
from adapters.slack.settings import bot_token
from adapters.slack.shares import GONE
from adapters.slack.workspace import granted
from bot import messages
from bot.errors import GiveUp, RetryLater, UserError
from bot.model import Attachment
from bot.pictures import MAX_RECEIVED_BYTES, sniff

_HOSTS = ("slack.com", "slack-gov.com", "slack-files.com")
_MOST_REDIRECTS = 3
_SCOPE = "files:read"
_DOWNLOADS = "(download)"
_SECONDS = aiohttp.ClientTimeout(total=120.0, sock_connect=10.0, sock_read=30.0)


class Downloads:
    """Members' files. What only its owner or the bot's owner can put right is a UserError with the exact sentence."""

    def __init__(self, api: Api) -> None:
        self._api = api

    async def described(self, attachment: Attachment) -> Attachment:
        """The same file with its name, size and type, of which some messages tell nothing."""
        try:
            answer = await self._api.call("files.info", file=attachment.address)
        except Refused:
            return attachment  # what is wrong with it is told when it is fetched
        return inbound.attachment(answer["file"])

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes, at most MAX_RECEIVED_BYTES of them. Raises UserError, RetryLater, GiveUp."""
        name = attachment.name
        try:
            file = (await self._api.call("files.info", key=attachment.address, file=attachment.address))["file"]
        except Refused as error:
            if error.code in GONE:  # also Slack's word for what this token may not see
                raise UserError(wording.file_unseen(name)) from error
            raise UserError(wording.file_closed(name)) from error
        except OwnerMustAct as error:
            if error.code != "missing_scope":
                raise
            raise UserError(wording.files_scope_missing(name)) from error
        name = file.get("name") or name
        if file.get("mode") in ("tombstone", "hidden_by_limit"):
            raise UserError(wording.file_gone(name))
        if file.get("is_external") or file.get("mode") == "external":
            raise UserError(wording.file_external(name))
        url = file.get("url_private_download") or file.get("url_private")
        if not url or not self._is_slacks(url):
            raise UserError(wording.file_closed(name))
        return await self._bytes(str(url), str(name))

    async def _bytes(self, url: str, name: str) -> bytes:
        for _ in range(_MOST_REDIRECTS):
            headers = {"Authorization": f"Bearer {bot_token(self._api.settings, None)}"} if self._is_slacks(url) else {}
            async with self._api.session() as session:
                with mapped():
                    async with session.get(
                        url,
                        headers=headers,
                        allow_redirects=False,
                        timeout=_SECONDS,
                        proxy=self._api.settings.proxy_for(url),
                    ) as response:
                        if response.status in (301, 302, 303, 307, 308):
                            url = urljoin(url, response.headers.get("Location", ""))
                            continue
                        return await self._body(response, name)
        raise await self._signed_out(name)

    async def _body(self, response: aiohttp.ClientResponse, name: str) -> bytes:
        if response.status == 404:
            raise UserError(wording.file_gone(name))
        if response.status == 429:
            raise RetryLater("Slack's rate limit of downloads", after=retry_after(response.headers))
        if response.status in (401, 403):
            raise await self._signed_out(name)
        if response.status != 200:
            raise RetryLater(f"Slack answered {response.status} to a download")
        data = bytearray()
        async for chunk in response.content.iter_chunked(65_536):
            data += chunk
            if len(data) > MAX_RECEIVED_BYTES:
                size = max(len(data), response.content_length or 0)
                raise UserError(
                    messages.picture_too_heavy(messages.file_name(name), size=size, most=MAX_RECEIVED_BYTES)
                )
        if response.content_type == "text/html" and sniff(bytes(data)) is None:
            raise await self._signed_out(name)  # observed: 200 and a sign-in page
        self._api.works(_DOWNLOADS)
        return bytes(data)

    async def _signed_out(self, name: str) -> UserError:
        """Slack shows its sign-in page for what the token may not read: because the app lacks the scope, or has it and must be
        installed anew (observed), or because of this one file. Which scopes the token has, Slack tells with every answer.
        """
        with suppress(RetryLater, GiveUp):
            if _SCOPE not in granted(await self._api.call("auth.test"), default=_SCOPE):
                reason = (
                    f"the Slack app lacks the scope {_SCOPE}; add it (deploy/slack-manifest.yaml) and reinstall the app"
                )
                self._api.owner_must(reason, of=_DOWNLOADS)
                return UserError(wording.files_scope_missing(name))
        structlog.get_logger("slack").error(
            "sign_in_page_instead_of_a_file",
            reason=f"Slack does not let the bot read a file, though its token has {_SCOPE}. If that is so with every file, "
            "reinstall the app",
        )
        return UserError(wording.file_behind_sign_in(name))

    def _is_slacks(self, url: str) -> bool:
        """Whether this address may be given the token."""
        own = urlsplit(self._api.settings.slack_api_url)
        try:
            parts = urlsplit(url)
            place = parts.scheme, parts.hostname, parts.port
        except ValueError:  # no address at all
            return False
        if place == (own.scheme, own.hostname, own.port):
            return True
        host = (parts.hostname or "").lower()
        known = any(host == slacks or host.endswith(f".{slacks}") for slacks in _HOSTS)
        return known and parts.scheme == "https" and parts.port in (None, 443)
