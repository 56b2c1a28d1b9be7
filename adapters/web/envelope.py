"""What holds for every request, whoever made it? How large it may be, and what a browser may do with the answer."""

from __future__ import annotations

import re

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 1_000_000  # bytes
MAX_UPLOAD = 3 * 30_000_000 + MAX_BODY  # three pictures of 30 MB, and the form around them
_UPLOAD = re.compile(r"/_nicegui/client/[^/]+/upload/[^/]+")

PAGE_POLICY = "; ".join(  # noqa: FLY002  one directive a line
    (
        "default-src 'self'",
        # NiceGUI starts its pages by inline scripts, and Vue compiles their templates in the browser.
        "script-src 'self' 'unsafe-inline' 'unsafe-eval'",
        "style-src 'self' 'unsafe-inline'",
        "img-src 'self' data: blob:",  # a pasted picture is shown before it is sent
        "font-src 'self' data:",
        "object-src 'none'",
        "frame-src 'none'",
        "base-uri 'none'",
        "form-action 'self'",
        "frame-ancestors 'none'",
    )
)
"""What pages may load and run: our own files only. An answer that needs less sets its own policy."""

_HEADERS = {
    "Content-Security-Policy": PAGE_POLICY,
    "X-Content-Type-Options": "nosniff",
    # Not `no-referrer`: a browser would then send `Origin: null` with our own forms, and the guard refuse them.
    "Referrer-Policy": "same-origin",
    "X-Frame-Options": "DENY",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=(), payment=(), usb=()",
    "Cache-Control": "no-store",
}


class SafeHeaders:
    """Adds to every answer what browsers need to know to protect it; headers that it has already stay as they are."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        await self._app(scope, receive, send_with_headers if scope["type"] == "http" else send)


class BodyLimit:
    """Answers 413 as soon as a body is, or says that it will be, larger than its address allows."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        most = MAX_UPLOAD if _UPLOAD.fullmatch(scope["path"]) else MAX_BODY
        announced = Headers(scope=scope).get("content-length", "")
        if announced.isdecimal() and int(announced) > most:
            await _too_large(most)(scope, receive, send)
        else:
            await _Measured(self._app, most).run(scope, receive, send)


class _Measured:
    """One request whose body is counted while it comes: a length need not be announced, nor be true."""

    def __init__(self, app: ASGIApp, most: int) -> None:
        self._app = app
        self._most = most
        self._received = 0
        self._answered = False
        self._cut = False

    async def run(self, scope: Scope, receive: Receive, send: Send) -> None:
        async def receive_counted() -> Message:
            if self._cut:
                return {"type": "http.disconnect"}
            message = await receive()
            self._received += len(message.get("body", b""))
            if self._received <= self._most:
                return message
            self._cut = True
            if not self._answered:
                await _too_large(self._most)(scope, receive, send)
            return {"type": "http.disconnect"}  # the application reads no more, and is not heard any more

        async def send_unless_cut(message: Message) -> None:
            if not self._cut:
                self._answered = True
                await send(message)

        try:
            await self._app(scope, receive_counted, send_unless_cut)
        except Exception:
            if not self._cut:  # else it only says that the client has gone, which is what it was told
                raise


def _too_large(most: int) -> PlainTextResponse:
    # Without `Connection: close`, so that uvicorn reads and forgets the rest: a connection that is closed while its
    # client still sends is reset, and the client never sees the sentence.
    return PlainTextResponse(f"This is too large: at most {most // 1_000_000} MB are accepted here.\n", status_code=413)
