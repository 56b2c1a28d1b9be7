"""Which addresses does the service answer, and what does it answer there?"""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from typing import Any
from urllib.parse import unquote

from starlette.requests import ClientDisconnect, Request
from starlette.responses import Response
from starlette.routing import Route
from starlette.types import ASGIApp

from bot.emulator.answers import answer, disturbed, error, instead, recorded, storage_error
from bot.emulator.behaviour import REJECTED
from bot.emulator.faults import Fault
from bot.emulator.files import STORAGE_PATH, UPLOAD_TYPES, File, Refused
from bot.emulator.ledger import Exchange
from bot.emulator.listing import page
from bot.emulator.queue import Rejection, RequestQueue
from bot.emulator.records import Record
from bot.emulator.validation import words_of

QUEUE = "/api/v1/ie/requestqueue"
KEYED = f"{QUEUE}/apikey"
METHODS = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"]
MAX_UPLOAD_BYTES = 64_000_000


@dataclass(slots=True, kw_only=True)
class Call:
    """One call while it is being answered."""

    route: str
    request: Request
    body: bytes
    json: Any
    exchange: Exchange
    fault: Fault | None = None

    @property
    def base_url(self) -> str:
        """Scheme, host and port by which the caller knows us."""
        return str(self.request.base_url).rstrip("/")


Work = Callable[[Call], Awaitable[Response]]


class Desk:
    """Answers every call of the vendor's API: keeps the ledger, lets holds and faults have their way, does the work."""

    def __init__(self, queue: RequestQueue) -> None:
        self._queue = queue

    def routes(self) -> list[Route]:
        return [
            self._route(f"{KEYED}/requests", {"POST": ("submit", self._submit), "GET": ("list", self._list)}),
            self._route(f"{KEYED}/requests/{{request_id}}", {"GET": ("get", self._get)}),
            self._route(f"{KEYED}/upload-url", {"POST": ("upload_url", self._upload_url)}),
            self._route(f"{KEYED}/models", {"GET": ("models", self._models)}),
            self._route(f"{KEYED}/models/{{model_id}}", {"GET": ("model", self._model)}),
            # The guide's own spelling of the list of models.
            self._route("/api/v1/apikey/models", {"GET": ("models", self._models)}),
            # Observed: these two answer without a key.
            self._route(f"{QUEUE}/models", {"GET": ("models", self._models)}, keyed=False),
            self._route(f"{QUEUE}/models/{{model_id}}", {"GET": ("model", self._model)}, keyed=False),
            self._route(
                STORAGE_PATH + "{name:path}",
                {"PUT": ("put", self._put), "GET": ("media", self._media), "HEAD": ("media", self._media)},
                keyed=False,
            ),
            self._route("/{path:path}", {}, keyed=False),
        ]

    def _route(self, path: str, works: dict[str, tuple[str, Work]], *, keyed: bool = True) -> Route:
        async def endpoint(request: Request) -> ASGIApp:
            found = works.get(request.method)
            if found is None:
                # Nobody has found a way to cancel: a DELETE is answered like any other method that is not offered.
                status, text = (405, "method not allowed") if works else (404, "not found")
                return await self._answer("unknown", request, _refusing(status, text))
            route, work = found
            return await self._answer(route, request, self._keyed(work) if keyed else work)

        return Route(path, endpoint, methods=METHODS)

    def _keyed(self, work: Work) -> Work:
        async def checked(call: Call) -> Response:
            if call.exchange.key != "good":
                return error(401, "invalid api key" if call.exchange.key == "wrong" else "missing api key")
            return await work(call)

        return checked

    async def _answer(self, route: str, request: Request, work: Work) -> ASGIApp:
        queue = self._queue
        try:
            call = await self._opened(route, request)
        except ClientDisconnect:
            return Response(status_code=499)
        words = call.exchange.words
        await queue.holds.wait(route, "arrival", words)
        wish = queue.wish(words) if route == "submit" else None
        call.fault = queue.faults.take(route, words)
        if wish is not None:
            for fault in wish.faults:
                queue.faults.add(_about(fault, words))
            call.fault = call.fault or queue.faults.take(route, words)
        response: ASGIApp
        if call.fault is None:
            response = await work(call)
        else:
            call.exchange.fault = call.fault.kind
            response = await self._faulty(call, call.fault, work)
        await queue.holds.wait(route, "answer", words)
        return recorded(response, call.exchange, queue.clock)

    async def _opened(self, route: str, request: Request) -> Call:
        arrived = self._queue.clock.now()
        body = await request.body()
        parsed = await _parsed(body) if route in ("submit", "upload_url") else None
        request_id = request.path_params.get("request_id")
        words = words_of(parsed.get("payload")) if route == "submit" and isinstance(parsed, dict) else ""
        if route == "media":
            file = self._queue.bucket.get(request.path_params["name"])
            request_id = file.request_id if file else None
        record = self._queue.records.get(request_id) if request_id else None
        exchange = self._queue.ledger.open(
            route=route,
            method=request.method,
            path=request.url.path,
            query=dict(request.query_params),
            arrived=arrived,
            key=self._queue.key_state(request.headers.get("authorization")),
            body=parsed,
            size=len(body),
            words=record.words if record else words,
            request_id=request_id,
        )
        return Call(route=route, request=request, body=body, json=parsed, exchange=exchange)

    async def _faulty(self, call: Call, fault: Fault, work: Work) -> ASGIApp:
        if not fault.replaces:
            usual = await work(call)
            if fault.kind != "drip":
                await self._pause(fault.delay)
            return disturbed(fault, usual)
        if fault.left != "nothing":
            try:
                self._accept(call, {"ending": "failed"} if fault.left == "failed" else {})
            except Rejection as rejection:
                return error(rejection.status, str(rejection))
        await self._pause(fault.delay)
        model = call.json.get("model") if isinstance(call.json, dict) else ""
        return instead(fault, call.request, str(model), call.exchange.request_id, self._queue.clock.now().wall)

    async def _pause(self, seconds: float) -> None:
        until = self._queue.clock.now().monotonic + seconds
        await self._queue.clock.reach(lambda: until)

    def _accept(self, call: Call, changes: dict[str, Any]) -> Record:
        record = self._queue.accept(call.json, {**self._queue.wish(call.exchange.words).changes, **changes})
        call.exchange.request_id = record.request_id
        return record

    async def _submit(self, call: Call) -> Response:
        try:
            record = self._accept(call, {})
        except Rejection as rejection:
            return error(rejection.status, str(rejection))
        now = self._queue.clock.now
        if record.behaviour.delivery == "sync":
            await self._queue.ended(record)
            if record.status(now()) == "failed":
                return error(400, REJECTED, request_id=record.request_id)
            return answer(record.full(now(), self._queue.bucket, call.base_url))
        if record.behaviour.post_answer == "full":
            return answer(
                {**record.full(now(), self._queue.bucket, call.base_url), "status": record.short(now())["status"]}
            )
        return answer(record.short(now()))

    async def _get(self, call: Call) -> Response:
        record = self._queue.records.get(call.request.path_params["request_id"])
        if record is None:
            return error(404, "request not found")
        await self._queue.settle(record)
        return answer(self._shown(record, call))

    def _shown(self, record: Record, call: Call) -> dict[str, Any]:
        fault, now = call.fault, self._queue.clock.now()
        if fault is not None and fault.kind == "stale":
            now = max(record.created, now.later(-fault.seconds), key=lambda moment: moment.monotonic)
        shown = record.full(now, self._queue.bucket, call.base_url)
        if fault is not None and fault.kind == "status_word":
            return {**shown, "status": fault.message(), "outcome": None}
        if fault is not None and fault.kind == "bare":
            return {**shown, "outcome": None}
        return shown

    async def _list(self, call: Call) -> Response:
        try:
            asked = page(self._queue, call.request.query_params, call.fault)
        except Rejection as rejection:
            return error(rejection.status, str(rejection))
        await asyncio.gather(*(self._queue.settle(record) for record in asked.records))
        shown = [self._shown(record, call) for record in asked.records]
        return answer({"requests": shown, "has_more": asked.has_more, "total": asked.total})

    async def _upload_url(self, call: Call) -> Response:
        file_type = call.json.get("file_type") if isinstance(call.json, dict) else None
        if file_type not in UPLOAD_TYPES:
            return error(400, f"invalid file_type: must be one of {', '.join(UPLOAD_TYPES)}")
        name = self._queue.bucket.upload_name(file_type)
        now = self._queue.clock.now().wall
        signed = self._queue.signer.grant(call.base_url, name, UPLOAD_TYPES[file_type], now)
        return answer({"upload_url": signed, "public_url": f"{call.base_url}{STORAGE_PATH}{name}"})

    async def _put(self, call: Call) -> Response:
        scope = call.request.scope
        try:
            self._queue.signer.check(
                scope["raw_path"].decode().partition("?")[0],
                scope["query_string"].decode(),
                dict(call.request.headers),
                self._queue.clock.now().wall,
            )
            if len(call.body) > MAX_UPLOAD_BYTES:
                raise Refused(400, "EntityTooLarge", "Your proposed upload exceeds the maximum allowed object size.")
        except Refused as refused:
            return storage_error(refused)
        name = unquote(call.request.path_params["name"])
        self._queue.bucket.put(File(name=name, content_type=call.request.headers["content-type"]), call.body)
        return Response(b"", 200)

    async def _media(self, call: Call) -> Response:
        if call.exchange.key != "missing":
            # Google Cloud Storage refuses a token it does not know even for public files: our key has no business here.
            return storage_error(Refused(401, "AuthenticationRequired", "Authentication required."))
        file = self._queue.bucket.get(call.request.path_params["name"])
        if file is None:
            return storage_error(Refused(404, "NoSuchKey", "The specified key does not exist."))
        data = await asyncio.to_thread(self._queue.bucket.data, file)
        return Response(data, media_type=file.content_type)

    async def _models(self, call: Call) -> Response:
        return answer({"model_ids": list(self._queue.models)})

    async def _model(self, call: Call) -> Response:
        model = self._queue.models.get(call.request.path_params["model_id"])
        return answer(model.info()) if model is not None else error(404, "Model not found")


def _refusing(status: int, text: str) -> Work:
    async def refuse(_: Call) -> Response:
        return error(status, text)

    return refuse


def _about(fault: Fault, words: str) -> Fault:
    return replace(fault, prompt=words)


async def _parsed(body: bytes) -> Any:
    """JSON, or None. Bodies with inline pictures are parsed beside the event loop."""
    try:
        return json.loads(body) if len(body) < 1_000_000 else await asyncio.to_thread(json.loads, body)
    except ValueError:
        return None
