"""What happens to every request, whatever its route: faults, keys, limits, the record?"""

from __future__ import annotations

import json
import socket
import struct
from contextlib import suppress
from typing import Any

from aiohttp import web

from tests.emulators.discord import routes_application, routes_interactions, routes_messages, routes_threads
from tests.emulators.discord.bodies import Body, read_body
from tests.emulators.discord.calls import Call, Reply, Route
from tests.emulators.discord.cdn import ROUTE as CDN_ROUTE
from tests.emulators.discord.cdn import Cdn
from tests.emulators.discord.faults import Fault, Faults
from tests.emulators.discord.limits import VIA, Gatekeeper, Verdict, limited
from tests.emulators.discord.recorder import Exchange, Recorder
from tests.emulators.discord.refusals import Refusal, no_such_route, unauthorized, wrong_method
from tests.emulators.discord.shards import Shards
from tests.emulators.discord.state import State

PREFIX = "/api/v10"
LARGEST = 256 * 2**20  # bytes that are read of a request before it is judged
BANNED = "error code: 1015"
BLOCKED = "<!DOCTYPE html><title>Attention Required! | Cloudflare</title>"


class Rest:
    """Discord's HTTP API under /api/v10, and the files under /cdn."""

    def __init__(
        self, state: State, shards: Shards, *, faults: Faults, gatekeeper: Gatekeeper, recorder: Recorder
    ) -> None:
        self._state = state
        self._shards = shards
        self._faults = faults
        self._gatekeeper = gatekeeper
        self._recorder = recorder
        self._cdn = Cdn(state)
        self.mistakes: list[Exception] = []  # of the emulator itself

    def application(self) -> web.Application:
        app = web.Application(client_max_size=LARGEST)
        own = (
            Route(method="GET", template="/gateway", handler=self._gateway, bot_token=False),
            Route(method="GET", template="/gateway/bot", handler=self._gateway_bot),
        )
        for route in (
            *own,
            *routes_application.ROUTES,
            *routes_messages.ROUTES,
            *routes_threads.ROUTES,
            *routes_interactions.ROUTES,
        ):
            app.router.add_route(route.method, PREFIX + route.template, self._serving(route))
        app.router.add_get("/gw", self._shards.serve)
        app.router.add_get("/cdn/{path:.*}", self._file)
        app.middlewares.append(self._astray)
        return app

    # -- one request --------------------------------------------------------------------------------------------

    def _serving(self, route: Route) -> Any:
        async def serve(request: web.Request) -> web.StreamResponse:
            try:
                return await self._serve(route, request)
            except (ConnectionError, web.RequestPayloadError):  # the caller left
                raise
            except Exception as mistake:
                self.mistakes.append(mistake)
                raise

        return serve

    async def _serve(self, route: Route, request: web.Request) -> web.StreamResponse:
        body = Body()
        verdict = Verdict(headers={})
        is_heard = self._faults.onlooker(route.name)
        if is_heard is None:
            return _reset(request)
        fault = self._faults.meet(route.name)
        try:
            body = await read_body(request)
            if fault is not None and not fault.after_effect:
                await self._faults.delay(fault)
                if fault.reset or fault.status is not None:
                    return self._fail(route, request, body, fault)
            if route.bot_token and request.headers.get("Authorization") != f"Bot {self._state.application.token}":
                raise unauthorized()
            verdict = self._gatekeeper.judge(route.name, dict(request.match_info), counts_in_all=route.bot_token)
            if verdict.banned:
                return self._ban(route, request, body)
            if verdict.refusal is not None:
                reply = Reply(status=429, json=verdict.refusal)
            else:
                reply = await self._handle(route, request, body)
        except Refusal as refusal:
            reply = Reply(status=refusal.status, json=refusal.body())
            verdict = _told(verdict, refusal)
        if fault is not None and fault.after_effect:
            await self._faults.delay(fault)
            if fault.reset or fault.status is not None:
                return self._fail(route, request, body, fault)
        lost = not is_heard()
        self._record(route.name, request, body, reply, lost=lost)
        return _reset(request) if lost else _response(reply, verdict.headers)

    async def _handle(self, route: Route, request: web.Request, body: Body) -> Reply:
        call = Call(state=self._state, params=dict(request.match_info), query=dict(request.query), body=body)
        return await route.handler(call)

    def _fail(self, route: Route, request: web.Request, body: Body, fault: Fault) -> web.StreamResponse:
        """What the fault says instead of the true answer."""
        reply = Reply(status=fault.status or 0, json=fault.body if fault.status and not fault.page else None)
        self._record(route.name, request, body, reply, lost=fault.reset, shared=fault.scope == "shared")
        if fault.reset:
            return _reset(request)
        if fault.page:
            return web.Response(status=reply.status, text=BLOCKED, content_type="text/html")
        return _response(reply, fault.headers)

    def _ban(self, route: Route, request: web.Request, body: Body) -> web.StreamResponse:
        """Cloudflare's page: no Via, no JSON."""
        self._record(route.name, request, body, Reply(status=429))
        return web.Response(status=429, text=BANNED, headers={"Retry-After": "600"})

    def _record(
        self, route: str, request: web.Request, body: Body, reply: Reply, *, lost: bool = False, shared: bool = False
    ) -> None:
        self._gatekeeper.note(reply.status, shared=shared)
        self._recorder.exchanges.append(
            Exchange(
                route=route,
                path=request.path.removeprefix(PREFIX),
                query=dict(request.query),
                authorised="Authorization" in request.headers,
                content_type=request.content_type if request.can_read_body else "",
                request=body.json,
                files={f"files[{number}]": (part.filename, len(part.data)) for number, part in body.files.items()},
                status=reply.status,
                response=reply.json,
                at=self._state.clock.now(),
                lost=lost,
            )
        )
        self._state.changed()

    # -- what is no route of the API ------------------------------------------------------------------------------

    @web.middleware
    async def _astray(self, request: web.Request, handler: Any) -> web.StreamResponse:
        """Unknown paths and methods are refused as Discord refuses them, and recorded."""
        try:
            answer: web.StreamResponse = await handler(request)
        except (web.HTTPNotFound, web.HTTPMethodNotAllowed) as error:
            refusal = no_such_route() if error.status == 404 else wrong_method()
            reply = Reply(status=refusal.status, json=refusal.body())
            self._record(f"{request.method} {request.path}", request, Body(), reply)
            return _response(reply, {})
        return answer

    async def _file(self, request: web.Request) -> web.StreamResponse:
        fault = self._faults.meet(CDN_ROUTE)
        if fault is not None:
            await self._faults.delay(fault)
            if fault.reset:
                return _reset(request)
            if fault.status is not None:
                return web.Response(status=fault.status, text="emulated")
        answer = await self._cdn.serve(request)
        if fault is not None and fault.cut_at is not None and isinstance(answer.body, bytes):
            return await _cut(request, answer.body, fault.cut_at)
        return answer

    async def _gateway(self, call: Call) -> Reply:
        return Reply(json={"url": self._shards.url})

    async def _gateway_bot(self, call: Call) -> Reply:
        left = 1000 - self._shards.identifies
        limit = {"total": 1000, "remaining": left, "reset_after": 86_400_000, "max_concurrency": 1}
        return Reply(json={"url": self._shards.url, "shards": self._shards.recommended, "session_start_limit": limit})


def _response(reply: Reply, headers: dict[str, str]) -> web.Response:
    """The content type is exactly application/json: clients read anything else as text."""
    if reply.json is None:
        return web.Response(status=reply.status, headers=headers)
    shown = {"Via": VIA, **headers, "Content-Type": "application/json"}
    if reply.status == 429 and "Via" not in headers:
        del shown["Via"]
    return web.Response(status=reply.status, body=json.dumps(reply.json).encode(), headers=shown)


def _told(verdict: Verdict, refusal: Refusal) -> Verdict:
    """A route of its own may be limited, too."""
    if refusal.retry_after is None:
        return verdict
    return Verdict(headers={**verdict.headers, **limited(refusal.retry_after, scope="user")})


def _reset(request: web.Request) -> web.StreamResponse:
    """Break the connection so that the client hears "reset by peer"."""
    transport = request.transport
    if transport is not None:
        raw = transport.get_extra_info("socket")
        with suppress(OSError):  # it is gone already
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        transport.abort()
    return web.Response()


async def _cut(request: web.Request, data: bytes, at: int) -> web.StreamResponse:
    """The first bytes of a file, under the length of the whole, and then nothing."""
    answer = web.StreamResponse(headers={"Content-Length": str(len(data))})
    await answer.prepare(request)
    await answer.write(data[:at])
    if request.transport is not None:
        request.transport.close()
    return answer
