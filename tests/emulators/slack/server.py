"""Which address answers what? Tokens, scopes, limits and faults are judged here, before a method runs."""

from __future__ import annotations

import copy
import json
import socket
import struct
from collections.abc import Awaitable, Callable
from contextlib import suppress
from email.utils import formatdate
from typing import TYPE_CHECKING, Any

from aiohttp import web

from tests.emulators.slack import interactions
from tests.emulators.slack.calls import Call, arguments
from tests.emulators.slack.faults import Fault
from tests.emulators.slack.ledger import Exchange
from tests.emulators.slack.methods import METHODS
from tests.emulators.slack.methods.method import Method
from tests.emulators.slack.model import Bot
from tests.emulators.slack.refusals import Refusal, missing_scope

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core

Json = dict[str, Any]
Answer = Callable[[], Awaitable[web.Response]]

MAX_BODY = 200_000_000
MAX_ADDRESS = 8_000
"""Characters of path and query. Believed: 8 kB is what servers on the way take (nginx, Apache, this one's library), less for
the rest of the line.
"""

SIGN_IN = "<!DOCTYPE html><html><head><title>Slack</title></head><body>Sign in to your workspace</body></html>"
BROKEN = "<!DOCTYPE html><html><head><title>Server Error | Slack</title></head><body>There was a problem</body></html>"


class Server:
    """Everything that Slack's hosts answer, on one port of this machine."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self._runner: web.AppRunner | None = None
        self.port = 0

    async def open(self, host: str, port: int) -> None:
        app = web.Application(client_max_size=MAX_BODY)
        app.router.add_route("*", "/api/{method}", self._api)
        app.router.add_post("/upload/v1/{ticket}", self._upload)
        app.router.add_get("/files-pri/{id}/{name}", self._download)
        app.router.add_get("/link/", self._link)
        for kind in ("commands", "actions", "app"):
            app.router.add_post(f"/{kind}/{{team}}/{{number}}/{{token}}", self._respond)
        app.on_response_prepare.append(self._date)
        self._runner = web.AppRunner(app, access_log=None, handler_cancellation=True, shutdown_timeout=0.5)
        await self._runner.setup()
        site = web.TCPSite(self._runner, host, port)
        await site.start()
        self.port = self._runner.addresses[0][1]

    async def close(self) -> None:
        if self._runner:
            await self._runner.cleanup()

    async def _date(self, request: web.Request, response: web.StreamResponse) -> None:
        """Clients know Slack's clock, by which messages are named, from this header."""
        response.headers["Date"] = formatdate(self._core.clock.now(), usegmt=True)

    # -- the Web API ----------------------------------------------------------------------------------------------

    async def _api(self, request: web.Request) -> web.StreamResponse:
        name = request.match_info["method"]
        method = METHODS.get(name)
        note = self._core.ledger.note(self._exchange(request, name))
        if len(request.raw_path) > MAX_ADDRESS:
            return self._plain(note, 414, "Request-URI Too Long")
        try:
            note.args, warning = await arguments(request, takes_json=method is None or method.takes_json)
        except Refusal as refusal:
            return self._told(note, refusal.body())
        token = self._token(request, note.args)
        note.args.pop("token", None)

        async def answer() -> web.Response:
            return self._told(note, *self._run(name, method, note, token, warning))

        return await self._disturbed(request, note, answer)

    def _run(
        self, name: str, method: Method | None, note: Exchange, token: str | None, warning: str | None
    ) -> tuple[Json, int, dict[str, str]]:
        """Body, status and headers of the answer; has the call's effect."""
        headers: dict[str, str] = {}
        try:
            bot = self._authorized(method, note, token)
            if method is None:
                raise Refusal("unknown_method", req_method=name)
            scopes = bot.app.app_scopes if method.app_token else bot.scopes
            headers = {"X-OAuth-Scopes": ",".join(sorted(scopes)), "X-Accepted-OAuth-Scopes": ",".join(method.scopes)}
            if method.scopes and not scopes & set(method.scopes):
                raise missing_scope(",".join(method.scopes), set(scopes))
            tier_place = str(note.args.get("channel"))
            if wait := self._core.rates.wait(bot.workspace.id, name, method.tier, tier_place):
                return Refusal("ratelimited").body(), 429, {"Retry-After": str(wait)}
            body = {"ok": True, **method.run(self._core, Call(method=name, args=note.args, bot=bot))}
        except Refusal as refusal:
            return refusal.body(), 200, headers
        if warning:
            body |= {"warning": warning, "response_metadata": {"warnings": [warning]}}
        return body, 200, headers

    def _authorized(self, method: Method | None, note: Exchange, token: str | None) -> Bot:
        """Whose call it is; the first bot's, for an app-level token."""
        directory = self._core.directory
        if token is None:
            raise Refusal("not_authed")
        app_token = token == self._core.app.token
        bot = directory.bots[0] if app_token else directory.bot_of(token)
        note.token = "app" if app_token else "bot" if bot else "unknown"
        if bot is None:
            raise Refusal("invalid_auth")
        if method and method.app_token is not app_token:
            raise Refusal("not_allowed_token_type")
        if not app_token and bot.standing != "active":
            raise Refusal(bot.standing)
        return bot

    @staticmethod
    def _token(request: web.Request, args: Json) -> str | None:
        header = request.headers.get("Authorization", "")
        return header[7:] if header.startswith("Bearer ") else args.get("token")

    # -- files ----------------------------------------------------------------------------------------------------

    async def _upload(self, request: web.Request) -> web.StreamResponse:
        """The bytes, as they are or as a form's only file; no token is asked for."""
        if request.content_type == "multipart/form-data":
            fields = [field for field in (await request.post()).values() if isinstance(field, web.FileField)]
            data = fields[0].file.read() if fields else b""
        else:
            data = await request.read()
        note = self._core.ledger.note(self._exchange(request, "(upload)", bytes=len(data)))

        async def answer() -> web.Response:
            if not self._core.uploads.received(request.match_info["ticket"], data):
                return self._plain(note, 404, "not found")
            return self._plain(note, 200, f"OK - {len(data)}")

        return await self._disturbed(request, note, answer)

    async def _download(self, request: web.Request) -> web.StreamResponse:
        """A private file: with a token that may see it its bytes, else a sign-in page that looks like success."""
        id = request.match_info["id"].rpartition("-")[2]
        note = self._core.ledger.note(self._exchange(request, "(download)", file=id))

        async def answer() -> web.Response:
            directory = self._core.directory
            bot = directory.bot_of(self._token(request, {}) or "")
            note.token = "bot" if bot else "none"
            file = directory.files.get(id)
            allowed = bot and bot.standing == "active" and "files:read" in bot.scopes
            if not bot or not allowed or file is None or not (directory.may_see(bot, file) or file.deleted):
                return self._page(note, 200, SIGN_IN)
            if file.deleted or file.data is None:
                return self._page(note, 404, "<html><body>This file was deleted.</body></html>")
            note.status, note.answer = 200, f"{len(file.data)} bytes"
            return web.Response(body=file.data, content_type=file.mimetype or "application/octet-stream")

        return await self._disturbed(request, note, answer)

    # -- response URLs and sockets ----------------------------------------------------------------------------------

    async def _respond(self, request: web.Request) -> web.StreamResponse:
        note = self._core.ledger.note(self._exchange(request, "(response_url)"))
        try:
            note.args = json.loads(await request.text())
        except ValueError:
            return self._plain(note, 400, "invalid_payload")

        async def answer() -> web.Response:
            try:
                hook = self._core.tickets.use(request.path)
                if note.args.get("delete_original"):
                    if hook.original is None:
                        raise Refusal("no_original")
                    self._core.wall.remove(hook.original)
                else:
                    interactions.say(self._core, hook.bot, hook.member, hook.channel, note.args, hook.original)
            except Refusal as refusal:
                status = 404 if refusal.error in ("used_url", "expired_url", "no_service") else 400
                return (
                    self._told(note, refusal.body(), status) if status == 404 else self._plain(note, 400, refusal.error)
                )
            return self._plain(note, 200, "ok")

        return await self._disturbed(request, note, answer)

    async def _link(self, request: web.Request) -> web.StreamResponse:
        fault = self._core.faults.take("(socket)", {})
        if fault:
            note = self._core.ledger.note(self._exchange(request, "(socket)"))
            return await self._struck(request, note, fault, None)
        return await self._core.sockets.serve(request)

    # -- answers and faults -----------------------------------------------------------------------------------------

    async def _disturbed(self, request: web.Request, note: Exchange, answer: Answer) -> web.StreamResponse:
        is_heard = self._core.faults.onlooker(note.method)
        if is_heard is None:
            return self._cut_off(request, note)
        try:
            told = await self._answered(request, note, answer)
            return told if is_heard() else self._cut_off(request, note)
        except ConnectionError:  # the caller left
            raise
        except Exception as mistake:
            self._core.mistakes.append(mistake)
            raise
        finally:
            self._core.changed()

    async def _answered(self, request: web.Request, note: Exchange, answer: Answer) -> web.StreamResponse:
        fault = self._core.faults.take(note.method, note.args)
        if fault is None:
            return await answer()
        note.fault = fault.kind
        if fault.kind in ("slow", "hold"):
            usual = await answer() if fault.when == "after" else None
            self._core.changed()
            if fault.kind == "hold":
                await fault.wait()
            else:
                await self._core.clock.until(self._core.clock.now() + fault.delay)
            return usual or await answer()
        usual = await answer() if fault.when == "after" or (fault.kind == "cut" and fault.when == "before") else None
        if fault.when == "late":
            self._core.spawn(self._late(fault.delay, answer))
        return await self._struck(request, note, fault, usual)

    async def _late(self, delay: float, answer: Answer) -> None:
        await self._core.clock.until(self._core.clock.now() + delay)
        await answer()
        self._core.changed()

    async def _struck(
        self, request: web.Request, note: Exchange, fault: Fault, usual: web.Response | None
    ) -> web.StreamResponse:
        answer = self._wrong_answer(note, fault)
        if answer is not None:
            return answer
        match fault.kind:
            case "cut" if usual:
                return await self._cut(request, usual)
            case "huge":
                return await self._endless(request, fault.size)
            case "hang":
                await fault.wait()
        if request.transport and fault.kind == "reset":
            raw = request.transport.get_extra_info("socket")
            with suppress(OSError):  # it is gone already
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # RST instead of FIN
            request.transport.abort()
        return self._cut_off(request, note)

    @staticmethod
    def _cut_off(request: web.Request, note: Exchange) -> web.Response:
        note.status = 0
        if request.transport:
            request.transport.close()
        return web.Response()

    def _wrong_answer(self, note: Exchange, fault: Fault) -> web.Response | None:
        """What is answered instead; None for faults of the connection."""
        match fault.kind:
            case "ratelimited":
                return self._told(note, Refusal("ratelimited").body(), 429, {"Retry-After": str(fault.retry_after)})
            case "error":
                return self._told(note, Refusal(fault.error).body())
            case "status":
                return self._plain(note, fault.status or 503, "upstream connect error")
            case "html":
                return self._page(note, fault.status or 200, BROKEN)
            case "moved":
                note.status = fault.status or 302
                return web.Response(status=note.status, headers={"Location": fault.location})
        return None

    @staticmethod
    async def _cut(request: web.Request, usual: web.Response) -> web.StreamResponse:
        body = usual.body if isinstance(usual.body, bytes) else b""
        half = web.StreamResponse(status=usual.status, headers={"Content-Type": usual.headers["Content-Type"]})
        half.content_length = len(body)
        await half.prepare(request)
        await half.write(body[: len(body) // 2])
        if request.transport:
            request.transport.close()
        return half

    @staticmethod
    async def _endless(request: web.Request, size: int) -> web.StreamResponse:
        """More than anybody asked for, in pieces, until the caller has had enough."""
        flood = web.StreamResponse(headers={"Content-Type": "image/png"})
        await flood.prepare(request)
        for _ in range(size // 65536):
            await flood.write(b"\x00" * 65536)
        return flood

    def _exchange(self, request: web.Request, method: str, **args: Any) -> Exchange:
        return Exchange(
            method=method, at=self._core.clock.now(), args=args, verb=request.method, content_type=request.content_type
        )

    @staticmethod
    def _told(note: Exchange, body: Json, status: int = 200, headers: dict[str, str] | None = None) -> web.Response:
        note.status, note.answer = status, copy.deepcopy(body)  # what it shows goes on changing
        return web.json_response(body, status=status, headers=headers)

    @staticmethod
    def _plain(note: Exchange, status: int, words: str) -> web.Response:
        note.status, note.answer = status, words
        return web.Response(text=words, status=status)

    @staticmethod
    def _page(note: Exchange, status: int, html: str) -> web.Response:
        note.status, note.answer = status, html
        return web.Response(text=html, status=status, content_type="text/html")
