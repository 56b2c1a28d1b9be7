"""The control endpoint: what another program on this machine can do."""

import asyncio
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette

from bot.emulator import Emulator, EmulatorOptions
from bot.emulator.control import control_routes
from tests.bot.emulator.caller import KEY, REQUESTS, Caller, served


async def steer(caller: Caller, method: str, path: str, body: Any = None, **query: Any) -> dict[str, Any]:
    answer = await caller.http.request(method, f"/_emulator{path}", json=body, params=query)
    assert answer.status_code == 200, answer.text
    facts: dict[str, Any] = answer.json()
    return facts


async def test_records_and_ledger_as_json(caller: Caller):
    record = await caller.made("a fox")
    await caller.ask("a bear")

    [facts] = (await steer(caller, "GET", "/records", prompt="fox"))["records"]
    assert facts == await steer(caller, "GET", f"/records/{record['request_id']}")
    assert (facts["words"], facts["status"], facts["pictures"]) == ("a fox", "success", 0)
    assert facts["ready_at"] >= facts["created"]
    assert facts["ready_at_monotonic"] >= facts["created_monotonic"]
    assert record["outcome"]["media_urls"][0]["url"].endswith(facts["files"][0])

    exchanges = (await steer(caller, "GET", "/ledger", route="submit"))["exchanges"]
    assert [exchange["words"] for exchange in exchanges] == ["a fox", "a bear"]
    since = exchanges[0]["number"]
    assert [one["route"] for one in (await steer(caller, "GET", "/ledger", since=since))["exchanges"]] == [
        "get",
        "submit",
    ]


async def test_faults_are_injected_shown_and_cleared(caller: Caller):
    await steer(caller, "POST", "/faults", {"route": "get", "kind": "error", "times": 3, "headers": {"X-A": "b"}})
    await steer(caller, "POST", "/faults", [{"route": "list", "kind": "drop"}, {"route": "list", "kind": "html"}])
    request_id = await caller.ask()

    answer = await caller.http.get(f"{REQUESTS}/{request_id}", headers=KEY)
    assert (answer.status_code, answer.headers["X-A"]) == (500, "b")
    pending = (await steer(caller, "GET", "/faults"))["faults"]
    assert [(fault["kind"], fault["times"]) for fault in pending] == [("error", 2), ("drop", 1), ("html", 1)]
    await steer(caller, "POST", "/clear")
    assert (await steer(caller, "GET", "/faults"))["faults"] == []


async def test_behaviour_of_the_next_and_of_all_requests(caller: Caller):
    await steer(caller, "POST", "/behaviour", {"prompt": "bear", "ending": "failed", "error": "safety"})
    changed = await steer(caller, "PUT", "/behaviour", {"thumbnail": True})

    assert changed["thumbnail"] is True
    assert (await caller.made("a bear"))["status"] == "failed"
    assert "thumbnail_image_url" in (await caller.made("a bear"))["outcome"]


async def test_holding_and_releasing(caller: Caller):
    hold = (await steer(caller, "POST", "/holds", {"route": "submit", "prompt": "fox"}))["id"]
    asking = asyncio.create_task(caller.ask("a fox"))

    assert await steer(caller, "GET", f"/holds/{hold}", reached=1) == {"id": hold, "held": 1, "reached": True}
    assert not asking.done()
    assert (await steer(caller, "GET", f"/holds/{hold}", reached=2, timeout=0.01))["reached"] is False
    await steer(caller, "DELETE", f"/holds/{hold}")
    await asking


async def test_time_and_ends():
    async with served(EmulatorOptions(paint=False, latency=100.0)) as (_, caller):
        ids = [await caller.ask(f"fox {number}") for number in range(4)]
        await steer(caller, "POST", f"/records/{ids[0]}/finish")
        await steer(caller, "POST", f"/records/{ids[1]}/cancel")
        states = [(await steer(caller, "GET", f"/records/{id}"))["status"] for id in ids]
        assert states[2:] == ["queued", "queued"]
        assert [(await caller.look(id))["status"] for id in ids[:2]] == ["success", "cancelled"]
        await steer(caller, "POST", "/advance", {"seconds": 100})
        assert (await caller.look(ids[2]))["status"] == "success"
        await steer(caller, "POST", "/finish")
        assert (await caller.look(ids[3]))["status"] == "success"


async def test_account(caller: Caller):
    assert await steer(caller, "PATCH", "/account", {"credit": 0}) == {"credit": 0, "no_access": [], "keys": 1}
    assert (await caller.post({"prompt": "a fox"})).status_code == 402
    await steer(caller, "PATCH", "/account", {"credit": None, "no_access": ["gemini-3-pro-image"]})
    assert (await caller.post({"prompt": "a fox"})).status_code == 200
    assert (await caller.post({"prompt": "a fox"}, model="gemini-3-pro-image")).status_code == 404
    shown = await steer(caller, "PATCH", "/account", {"keys": ["next-key"]})
    assert "next-key" not in str(shown)
    assert (await caller.post({"prompt": "a fox"})).status_code == 401
    assert (await caller.post({"prompt": "a fox"}, key="next-key")).status_code == 200


@pytest.mark.parametrize(
    ("method", "path", "body", "complaint"),
    [
        ("POST", "/faults", {"route": "get", "kind": "magic"}, "no such kind of fault"),
        ("POST", "/faults", {"route": "get", "kind": "error", "often": 3}, "a fault is an object"),
        ("POST", "/faults", ["get"], "a fault is an object"),
        ("POST", "/behaviour", {"mood": "bad"}, "no such behaviour"),
        ("POST", "/holds", {"route": "nowhere"}, "no such route"),
        ("POST", "/advance", {"seconds": -1}, "forward"),
        ("POST", "/advance", {"seconds": "soon"}, "float"),
    ],
)
async def test_senseless_orders_are_answered_with_what_is_wrong(
    caller: Caller, method: str, path: str, body: Any, complaint: str
):
    answer = await caller.http.request(method, f"/_emulator{path}", json=body)

    assert (answer.status_code, complaint in answer.json()["error"]) == (400, True), answer.text


@pytest.mark.parametrize("path", ["/records/none", "/holds/9"])
async def test_what_is_not_there(caller: Caller, path: str):
    assert (await caller.http.get(f"/_emulator{path}")).status_code == 404


async def test_browsers_cannot_steer(emulator: Emulator, caller: Caller):
    answer = await caller.http.post("/_emulator/clear", headers={"Origin": "http://localhost:8080"})

    assert answer.status_code == 403
    assert all(exchange.route != "unknown" for exchange in emulator.ledger)


async def test_other_machines_cannot_steer(emulator: Emulator):
    app = Starlette(routes=control_routes(emulator))
    transport = httpx.ASGITransport(app=app, client=("192.0.2.7", 4711))
    async with httpx.AsyncClient(transport=transport, base_url="http://emulator") as http:
        assert (await http.get("/_emulator/records")).status_code == 403


async def test_steering_is_no_exchange(emulator: Emulator, caller: Caller):
    await steer(caller, "GET", "/records")

    assert len(emulator.ledger) == 0
