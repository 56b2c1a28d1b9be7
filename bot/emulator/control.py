"""How does another program steer this emulator? Loopback only, on a path that the vendor does not have."""

from __future__ import annotations

import asyncio
import ipaddress
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.emulator.faults import fault_from

if TYPE_CHECKING:
    from bot.emulator.server import Emulator

PATH = "/_emulator"
Act = Callable[["Emulator", "Asked"], Awaitable[Any]]


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a call of the control endpoint says."""

    names: Mapping[str, str]
    """Parts of the path."""
    query: Mapping[str, str]
    body: Any


def control_routes(emulator: Emulator) -> list[Route]:
    """The control endpoint; `bot/emulator/README.md` lists it."""
    acts: list[tuple[str, str, Act]] = [
        ("GET", "/records", _records),
        ("GET", "/records/{request_id}", _record),
        ("POST", "/records/{request_id}/finish", _finish),
        ("POST", "/records/{request_id}/cancel", _cancel),
        ("POST", "/finish", _finish_all),
        ("GET", "/ledger", _ledger),
        ("GET", "/faults", _faults),
        ("POST", "/faults", _inject),
        ("POST", "/behaviour", _behave),
        ("PUT", "/behaviour", _default_behaviour),
        ("POST", "/holds", _hold),
        ("GET", "/holds/{hold}", _held),
        ("DELETE", "/holds/{hold}", _release),
        ("POST", "/advance", _advance),
        ("PATCH", "/account", _account),
        ("POST", "/clear", _clear),
    ]
    return [Route(PATH + path, _endpoint(emulator, act), methods=[method]) for method, path, act in acts]


def _endpoint(emulator: Emulator, act: Act) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        # A web page that somebody has open on this machine must not steer it either: browsers send Origin.
        if not _is_loopback(request) or "origin" in request.headers:
            return JSONResponse({"error": "the control endpoint is for programs on this machine only"}, 403)
        try:
            body = await request.body()
            asked = Asked(names=request.path_params, query=request.query_params, body=json.loads(body) if body else {})
            return JSONResponse(await act(emulator, asked))
        except KeyError as missing:
            return JSONResponse({"error": str(missing.args[0])}, 404)
        except (ValueError, TypeError, AttributeError) as wrong:
            return JSONResponse({"error": str(wrong)}, 400)

    return endpoint


def _is_loopback(request: Request) -> bool:
    return request.client is not None and ipaddress.ip_address(request.client.host).is_loopback


async def _records(emulator: Emulator, asked: Asked) -> Any:
    prompt = asked.query.get("prompt", "")
    return {"records": [record.facts(emulator.clock.now()) for record in emulator.records_of(prompt)]}


async def _record(emulator: Emulator, asked: Asked) -> Any:
    return emulator.record(asked.names["request_id"]).facts(emulator.clock.now())


async def _finish(emulator: Emulator, asked: Asked) -> Any:
    emulator.finish(asked.names["request_id"])
    return {}


async def _cancel(emulator: Emulator, asked: Asked) -> Any:
    emulator.cancel(asked.names["request_id"])
    return {}


async def _finish_all(emulator: Emulator, _: Asked) -> Any:
    emulator.finish()
    return {}


async def _ledger(emulator: Emulator, asked: Asked) -> Any:
    query = asked.query
    found = emulator.ledger.find(
        query.get("route"),
        prompt=query.get("prompt"),
        request_id=query.get("request_id"),
        since=int(query.get("since", "0")),
    )
    return {"exchanges": [exchange.facts() for exchange in found]}


async def _faults(emulator: Emulator, _: Asked) -> Any:
    return {"faults": [{**asdict(fault), "headers": dict(fault.headers)} for fault in emulator.pending_faults]}


async def _inject(emulator: Emulator, asked: Asked) -> Any:
    faults = [fault_from(facts) for facts in (asked.body if isinstance(asked.body, list) else [asked.body])]
    emulator.inject(*faults)
    return {"pending": len(emulator.pending_faults)}


async def _behave(emulator: Emulator, asked: Asked) -> Any:
    emulator.behave(**asked.body)
    return {}


async def _default_behaviour(emulator: Emulator, asked: Asked) -> Any:
    emulator.behaviour = emulator.behaviour.changed(asked.body)
    return asdict(emulator.behaviour)


async def _hold(emulator: Emulator, asked: Asked) -> Any:
    return {"id": emulator.hold(**asked.body).id}


async def _held(emulator: Emulator, asked: Asked) -> Any:
    """How many calls are held; with `?reached=1&timeout=10` answers as soon as that many are."""
    hold = emulator.hold_of(int(asked.names["hold"]))
    if hold is None:
        raise KeyError("no such hold")
    reached = int(asked.query.get("reached", "0"))
    try:
        async with asyncio.timeout(float(asked.query.get("timeout", "10"))):
            await hold.reached(reached)
    except TimeoutError:
        return {"id": hold.id, "held": hold.held, "reached": False}
    return {"id": hold.id, "held": hold.held, "reached": True}


async def _release(emulator: Emulator, asked: Asked) -> Any:
    hold = emulator.hold_of(int(asked.names["hold"]))
    if hold is None:
        raise KeyError("no such hold")
    hold.release()
    return {"id": hold.id, "held": hold.held}


async def _advance(emulator: Emulator, asked: Asked) -> Any:
    emulator.advance(float(asked.body["seconds"]))
    return {"now": emulator.clock.now().wall}


async def _account(emulator: Emulator, asked: Asked) -> Any:
    account = emulator.account
    if "credit" in asked.body:
        account.credit = None if asked.body["credit"] is None else int(asked.body["credit"])
    if "keys" in asked.body:
        account.keys = tuple(str(key) for key in asked.body["keys"])
    if "no_access" in asked.body:
        account.no_access = tuple(str(model) for model in asked.body["no_access"])
    return {"credit": account.credit, "no_access": list(account.no_access), "keys": len(account.keys)}


async def _clear(emulator: Emulator, _: Asked) -> Any:
    emulator.clear()
    return {}
