"""How does each answer look on the wire: the service's own, a disturbed one, and none at all?"""

from __future__ import annotations

import asyncio
import json
import os
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import suppress
from typing import Any

from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.types import ASGIApp, Receive, Scope, Send

from bot.emulator.clock import Clock
from bot.emulator.faults import HTML_PAGE, WITHOUT_ANSWER, Fault
from bot.emulator.files import Refused, expired, signature_mismatch
from bot.emulator.ledger import Exchange

STORAGE_ROUTES = ("put", "media")
DRIP_PIECES = 20
HUGE_PIECE = b"\0" * 65_536


def answer(body: Any, status: int = 200) -> Response:
    """JSON as the service writes it."""
    return Response(json.dumps(body, ensure_ascii=False), status, media_type="application/json")


def error(status: int, text: str, **more: Any) -> Response:
    return answer({"error": text, **more}, status)


def storage_error(refused: Refused) -> Response:
    return Response(refused.body, refused.status, media_type="application/xml; charset=UTF-8")


def instead(fault: Fault, request: Request, model: str, request_id: str | None, now: float) -> ASGIApp:
    """What a fault answers in place of the usual answer."""
    if fault.kind in WITHOUT_ANSWER:
        return no_answer(fault.kind)
    response = _replacement(fault, request, model, request_id, now)
    for name, value in fault.headers:
        response.headers[name] = value
    if fault.retry_after is not None:
        response.headers["Retry-After"] = f"{fault.retry_after:g}"
    return response


def _replacement(fault: Fault, request: Request, model: str, request_id: str | None, now: float) -> Response:
    status, text = fault.answer_status or 500, fault.message(model)
    if fault.kind == "redirect":
        return Response(b"", status, {"Location": text or str(request.url.include_query_params(redirected="1"))})
    if fault.kind == "huge":
        return _huge(fault.size)
    if fault.body is None and fault.route in STORAGE_ROUTES and fault.kind not in ("html", "bad_gateway", "empty"):
        return storage_error(_storage_refusal(fault, status, text, now))
    return _service_answer(fault, status, text, request_id)


def _service_answer(fault: Fault, status: int, text: str, request_id: str | None) -> Response:
    if fault.body is not None:
        return answer(fault.body, status)
    if fault.kind in ("html", "bad_gateway"):
        return HTMLResponse(HTML_PAGE.replace("{title}", text), status)
    if fault.kind == "empty":
        return Response(b"", status, media_type="application/json")
    return error(status, text, **({"request_id": request_id} if fault.kind == "rejected" else {}))


def _storage_refusal(fault: Fault, status: int, text: str, now: float) -> Refused:
    if fault.kind == "signature":
        return signature_mismatch()
    if fault.kind == "expired":
        return expired(now)
    return Refused(status, "".join(word.title() for word in fault.kind.split("_")), text)


def _huge(size: int) -> Response:
    async def body() -> AsyncIterator[bytes]:
        yield b"\x89PNG\r\n\x1a\n"
        left = size - 8
        while left > 0:
            yield HUGE_PIECE[:left]
            left -= len(HUGE_PIECE)

    return StreamingResponse(body(), media_type="image/png", headers={"Content-Length": str(size)})


def disturbed(fault: Fault, usual: Response) -> ASGIApp:
    """The usual answer as this fault lets it through."""
    if fault.kind == "truncated":
        return Response(_half(usual), usual.status_code, media_type=usual.media_type)
    if fault.kind == "cut":
        return _cut_short(usual)
    if fault.kind == "drip":
        return _drip(usual, fault.delay)
    return usual


def _half(usual: Response) -> bytes:
    return bytes(usual.body)[: len(usual.body) // 2]


def _drip(usual: Response, seconds: float) -> Response:
    data = bytes(usual.body)
    step = max(1, -(-len(data) // DRIP_PIECES))

    async def body() -> AsyncIterator[bytes]:
        for start in range(0, len(data), step):
            yield data[start : start + step]
            await asyncio.sleep(seconds / DRIP_PIECES)

    headers = {"Content-Length": str(len(data))}
    return StreamingResponse(body(), usual.status_code, headers, media_type=usual.media_type)


def no_answer(kind: str) -> ASGIApp:
    """The connection ends without a byte of an answer: closed (`drop`), reset, or when the client gives up (`hang`)."""

    async def app(scope: Scope, receive: Receive, _: Send) -> None:
        transport: asyncio.Transport = scope["transport"]
        if kind == "drop":
            transport.close()
        elif kind == "reset":
            reset(transport)
        await _gone(receive)

    return app


def _cut_short(usual: Response) -> ASGIApp:
    """Promises the whole body, sends half of it, and closes the connection."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        await send({"type": "http.response.start", "status": usual.status_code, "headers": usual.raw_headers})
        await send({"type": "http.response.body", "body": _half(usual), "more_body": True})
        scope["transport"].close()
        await _gone(receive)

    return app


def reset(transport: asyncio.Transport) -> None:
    """Close so that the peer sees a reset: a socket that lingers for zero seconds is torn down, not closed."""
    with (
        suppress(OSError),  # it is gone already
        socket.socket(fileno=os.dup(transport.get_extra_info("socket").fileno())) as twin,
    ):
        twin.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport.abort()


async def _gone(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass


def recorded(response: ASGIApp, exchange: Exchange, clock: Clock) -> ASGIApp:
    """Sends an answer, and notes in the ledger what of it was sent, and when."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def noting(message: Any) -> None:
            # Noted before it leaves, so that whoever has read the answer finds it in the ledger.
            if message["type"] == "http.response.start":
                exchange.status = message["status"]
            else:
                exchange.sent += len(message.get("body", b""))
                exchange.answered = clock.now()
            await send(message)

        await response(scope, receive, noting)

    return app
