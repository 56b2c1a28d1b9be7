"""Where do files lie, and for how long does a link to one lead there?

Links are signed and end after a day; whoever wants a file later asks for its message again and gets a fresh link.
"""

from __future__ import annotations

import hashlib
import hmac
import secrets
from typing import TYPE_CHECKING

from aiohttp import web

if TYPE_CHECKING:
    from tests.emulators.clock import Clock
    from tests.emulators.discord.files import Attachment
    from tests.emulators.discord.state import State

LINK_LIVES = 24 * 3600.0  # seconds
EPHEMERAL_LIVES = 24 * 3600.0  # seconds; Discord says "a set period of time"
GONE = "This content is no longer available."
ROUTE = "CDN"  # its name for faults


class Signer:
    """Makes and checks links."""

    def __init__(self, clock: Clock) -> None:
        self.base = ""
        self._clock = clock
        self._secret = secrets.token_bytes(32)

    def link(self, attachment: Attachment) -> str:
        now = int(self._clock.now())
        ends, issued = f"{now + int(LINK_LIVES):x}", f"{now:x}"
        return f"{self.base}{attachment.path}?ex={ends}&is={issued}&hm={self._sign(attachment.path, ends, issued)}&"

    def opens(self, path: str, query: dict[str, str]) -> bool:
        """Whether a link is ours and not over."""
        ends, issued, signature = (query.get(key, "") for key in ("ex", "is", "hm"))
        if not hmac.compare_digest(signature, self._sign(path, ends, issued)):
            return False
        return int(ends, 16) > self._clock.now()

    def _sign(self, path: str, ends: str, issued: str) -> str:
        return hmac.new(self._secret, f"{path}?{ends}&{issued}".encode(), hashlib.sha256).hexdigest()


class Cdn:
    """Serves what lies under /cdn."""

    def __init__(self, state: State) -> None:
        self._state = state

    async def serve(self, request: web.Request) -> web.Response:
        path = request.path.removeprefix("/cdn")
        attachment = self._find(path, dict(request.query))
        if attachment is None:
            return web.Response(status=404, text=GONE)
        return web.Response(body=attachment.data, content_type=attachment.media_type or "application/octet-stream")

    def _find(self, path: str, query: dict[str, str]) -> Attachment | None:
        parts = path.strip("/").split("/")
        if len(parts) != 4 or not parts[2].isdecimal() or not self._state.signer.opens(path, query):
            return None
        attachment = self._state.attachments.get(int(parts[2]))
        if attachment is None or attachment.removed or attachment.path != path:
            return None
        if attachment.ephemeral and self._state.clock.now() > attachment.created_at + EPHEMERAL_LIVES:
            return None
        return attachment
