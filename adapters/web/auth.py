"""Who may see the pages? Whoever knows WEB_PASSWORD: a session's cookie for people, the password itself for monitoring."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Mapping
from math import ceil
from types import MappingProxyType
from urllib.parse import parse_qs, quote

import structlog
from starlette.datastructures import Headers
from starlette.requests import HTTPConnection, Request
from starlette.responses import PlainTextResponse, RedirectResponse, Response
from starlette.routing import Route
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from starlette.websockets import WebSocketClose

from adapters.web import login
from adapters.web.sessions import SESSION_SECONDS, Brake, Sessions

_READ = frozenset({"GET", "HEAD"})

OPEN_PATHS: Mapping[str, frozenset[str]] = MappingProxyType({"/healthz": _READ, "/login": _READ | {"POST"}})
"""Need no password, for these methods: a health check inside a container knows none. With another method the request would go on
to the pages, which take in whatever nobody else does.
"""

MONITORING_PATHS = frozenset({"/readyz", "/metrics"})
"""Take the password as `Authorization: Bearer` or `Basic` (any user name) too, and are only read."""

_MAX_FORM = 20_000  # bytes


class Auth:
    """The password of one site: its routes /login and /logout, and the gate before everything else.

    cookie: its name. Ports share cookies, so that two bots on one machine need two names.
    """

    def __init__(self, sessions: Sessions, brake: Brake, *, cookie: str) -> None:
        self._sessions = sessions
        self._brake = brake
        self._cookie = cookie
        self._log = structlog.get_logger("web")

    # -- the gate -----------------------------------------------------------------------------------------------

    def gate(self, app: ASGIApp) -> ASGIApp:
        """The same application for those who are signed in; for others the login page, 401, or a closed handshake."""

        async def gated(scope: Scope, receive: Receive, send: Send) -> None:
            if scope["type"] == "websocket":
                await self._gate_websocket(app, scope, receive, send)
                return
            refused = self._refusal(Request(scope))
            await (refused or app)(scope, receive, send)

        return gated

    def _refusal(self, request: Request) -> Response | None:
        path = request.scope["path"]
        if request.method in OPEN_PATHS.get(path, ()) or self._is_signed_in(request):
            return None
        if path in MONITORING_PATHS and request.method in _READ and "authorization" in request.headers:
            return self._monitoring_refusal(request)
        if request.method in ("GET", "HEAD") and "text/html" in request.headers.get("accept", ""):
            return RedirectResponse(f"/login?next={quote(_with_query(request), safe='')}", status_code=303)
        return _unauthorized("Sign in at /login first.")

    def _monitoring_refusal(self, request: Request) -> Response | None:
        address = _address(request)
        wait = self._brake.wait(address)
        if wait:
            return _slow_down(wait)
        if self._sessions.is_password(_credentials(request.headers)):
            return None
        self._wrong(address)
        return _unauthorized("This is not the password in WEB_PASSWORD.")

    async def _gate_websocket(self, app: ASGIApp, scope: Scope, receive: Receive, send: Send) -> None:
        """A socket lives no longer than its session.

        That is looked at whenever the browser says something, which it does every few seconds (socket.io's pongs).
        """
        connection = HTTPConnection(scope)
        if not self._is_signed_in(connection):
            await WebSocketClose(code=1008, reason="Sign in at /login first.")(scope, receive, send)
            return

        async def receive_while_signed_in() -> Message:
            message = await receive()
            if message["type"] != "websocket.receive" or self._is_signed_in(connection):
                return message
            await send({"type": "websocket.close", "code": 1008, "reason": "Signed out."})
            return {"type": "websocket.disconnect", "code": 1008}

        await app(scope, receive_while_signed_in, send)

    def _is_signed_in(self, connection: HTTPConnection) -> bool:
        return self._sessions.is_open(connection.cookies.get(self._cookie, ""))

    # -- signing in and out -------------------------------------------------------------------------------------

    def routes(self) -> list[Route]:
        return [
            Route("/login", self._show_login, methods=["GET"]),
            Route("/login", self._log_in, methods=["POST"]),
            Route("/logout", self._show_logout, methods=["GET"]),
            Route("/logout", self._log_out, methods=["POST"]),
        ]

    async def _show_login(self, request: Request) -> Response:
        target = _local(request.query_params.get("next", "/"))
        if self._is_signed_in(request):
            return RedirectResponse(target, status_code=303)
        return login.page(target)

    async def _log_in(self, request: Request) -> Response:
        form = await _form(request)
        target = _local(form.get("next", "/"))
        address = _address(request)
        wait = self._brake.wait(address)
        if wait:
            self._log.warning("login_slowed_down", address=address)
            return login.page(target, error=_wait_sentence(wait), status_code=429, retry_after=ceil(wait))
        if not self._sessions.is_password(form.get("password", "")):
            self._wrong(address)
            return login.page(target, error="That is not the password.", status_code=403)
        self._log.info("logged_in", address=address)
        response = RedirectResponse(target, status_code=303)
        response.set_cookie(
            self._cookie,
            self._sessions.open(),
            max_age=SESSION_SECONDS,
            httponly=True,
            samesite="lax",  # not strict: a link in a chat must find its reader signed in
            secure=_came_by_https(request),
        )
        return response

    async def _show_logout(self, _: Request) -> Response:
        return login.sign_out_page()

    async def _log_out(self, request: Request) -> Response:
        self._sessions.close(request.cookies.get(self._cookie, ""))
        response = RedirectResponse("/login", status_code=303)
        response.delete_cookie(self._cookie, httponly=True, samesite="lax")
        return response

    def _wrong(self, address: str) -> None:
        self._brake.wrong(address)
        self._log.warning("wrong_password", address=address)


async def _form(request: Request) -> dict[str, str]:
    """The first value of each field; nothing where the body is no such form."""
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > _MAX_FORM:
            return {}
    try:
        fields = parse_qs(body.decode(), max_num_fields=10, errors="strict")
    except ValueError:
        return {}
    return {name: values[0] for name, values in fields.items()}


def _credentials(headers: Headers) -> str:
    """The password of an Authorization header; empty where there is none."""
    scheme, _, value = headers.get("authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip().encode("latin-1").decode(errors="replace")  # as Starlette read it; tools send UTF-8
    if scheme.lower() != "basic":
        return ""
    try:
        return base64.b64decode(value, validate=True).decode().partition(":")[2]
    except (binascii.Error, ValueError):
        return ""


def _local(target: str) -> str:
    """Where to go after the login: an address of this site, else its first page.

    Two slashes, or a slash and a backslash, begin the address of another site.
    """
    elsewhere = not target.startswith("/") or target.startswith("//") or "\\" in target or not target.isprintable()
    return "/" if elsewhere else target


def _with_query(request: Request) -> str:
    return request.url.path + (f"?{request.url.query}" if request.url.query else "")


def _came_by_https(request: Request) -> bool:
    """By the browser's own word where a proxy ends TLS elsewhere. A lie would only withhold the liar's own cookie."""
    told = request.headers.get("x-forwarded-proto", "").split(",")[0].strip().lower()
    return "https" in (request.url.scheme, told, request.headers.get("origin", "").partition(":")[0].lower())


def _unauthorized(sentence: str) -> Response:
    # `Bearer`, because browsers would ask for a `Basic` password in a window of their own, and send it from then on.
    headers = {"WWW-Authenticate": 'Bearer realm="darkroom"'}
    return PlainTextResponse(sentence + "\n", status_code=401, headers=headers)


def _address(request: Request) -> str:
    return request.client.host if request.client else "unknown"


def _slow_down(wait: float) -> Response:
    return PlainTextResponse(_wait_sentence(wait) + "\n", status_code=429, headers={"Retry-After": str(ceil(wait))})


def _wait_sentence(wait: float) -> str:
    return f"Too many wrong passwords. Try again in {ceil(wait)} seconds."
