"""Every kind of fault, on the wire."""

import asyncio
from pathlib import Path
from typing import Any

import httpx
import pytest

import bot.emulator
from bot.emulator import KINDS, ROUTES, Emulator, Exchange, Fault
from tests.bot.emulator.caller import KEY, KEYED, MODEL, QUEUE, REQUESTS, Caller, png


async def call(caller: Caller, route: str) -> httpx.Response:
    """One sound call of any route."""
    http = caller.http
    method, url, more = "GET", REQUESTS, {"headers": KEY}
    match route:
        case "submit":
            method, more = "POST", {"headers": KEY, "json": {"model": MODEL, "payload": {"prompt": "a fox"}}}
        case "get":
            url = f"{REQUESTS}/{await caller.ask()}"
        case "upload_url":
            method, url, more = "POST", f"{KEYED}/upload-url", {"headers": KEY, "json": {"file_type": "png"}}
        case "put":
            granted = (await http.post(f"{KEYED}/upload-url", json={"file_type": "png"}, headers=KEY)).json()
            method, url = "PUT", granted["upload_url"]
            more = {"content": png(), "headers": {"Content-Type": "image/png"}}
        case "media":
            url, more = (await caller.made())["outcome"]["media_urls"][0]["url"], {}
        case "models":
            url = f"{QUEUE}/models"
        case "model":
            url = f"{QUEUE}/models/{MODEL}"
    return await http.request(method, url, timeout=20, **more)


async def struck_and_not_answered(emulator: Emulator, caller: Caller, route: str) -> Exchange:
    """A call that a fault has struck, and whose caller gives up some time later without having heard anything."""

    def struck() -> list[Exchange]:
        return [exchange for exchange in emulator.ledger.find(route) if exchange.fault]

    calling = asyncio.create_task(call(caller, route))
    async with asyncio.timeout(20):
        while not struck():  # noqa: ASYNC110  the ledger has no event
            await asyncio.sleep(0)
    done, _ = await asyncio.wait({calling}, timeout=0.05)
    assert not done
    calling.cancel()
    await asyncio.gather(calling, return_exceptions=True)
    return struck()[-1]


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("error", 500, "internal server error"),
        ("unauthorized", 401, "invalid api key"),
        ("forbidden", 403, "forbidden"),
        ("not_found", 404, "not found"),
        ("rate_limited", 429, "rate limit exceeded"),
        ("unavailable", 503, "service unavailable"),
    ],
)
@pytest.mark.parametrize("route", ROUTES)
async def test_refusal_strikes_once_and_does_nothing(
    emulator: Emulator, caller: Caller, route: str, kind: str, status: int, text: str
):
    emulator.inject(Fault(route=route, kind=kind))
    paid = 1 if route in ("get", "media") else 0

    answer = await call(caller, route)

    assert answer.status_code == status
    assert text in answer.text if route in ("put", "media") else answer.json() == {"error": text}
    assert emulator.paid == paid
    assert "Retry-After" not in answer.headers
    assert (await call(caller, route)).status_code == 200


@pytest.mark.parametrize("route", ROUTES)
async def test_pages_and_empty_bodies_instead_of_json(emulator: Emulator, caller: Caller, route: str):
    emulator.inject(*(Fault(route=route, kind=kind) for kind in ("bad_gateway", "html", "empty")))

    bad, page, empty = [await call(caller, route) for _ in range(3)]

    assert (bad.status_code, bad.headers["Content-Type"][:9]) == (502, "text/html")
    assert (page.status_code, page.headers["Content-Type"][:9]) == (200, "text/html")
    assert (empty.status_code, empty.content) == (200, b"")


@pytest.mark.parametrize("route", ROUTES)
@pytest.mark.parametrize(("kind", "error"), [("drop", httpx.RemoteProtocolError), ("reset", httpx.ReadError)])
async def test_connection_that_ends_without_an_answer(
    emulator: Emulator, caller: Caller, route: str, kind: str, error: type[Exception]
):
    emulator.inject(Fault(route=route, kind=kind))

    with pytest.raises(error):
        await call(caller, route)

    struck = emulator.ledger.find(route)[-1]
    assert (struck.fault, struck.status) == (kind, None)
    assert (await call(caller, route)).status_code == 200


@pytest.mark.parametrize("route", ["submit", "get", "list", "media"])
async def test_answer_that_stays_away(emulator: Emulator, caller: Caller, route: str):
    emulator.inject(Fault(route=route, kind="hang"))

    exchange = await struck_and_not_answered(emulator, caller, route)
    assert (exchange.fault, exchange.status) == ("hang", None)


@pytest.mark.parametrize("route", ["submit", "get", "list", "media", "upload_url"])
async def test_answer_that_is_cut(emulator: Emulator, caller: Caller, route: str):
    emulator.inject(Fault(route=route, kind="truncated"), Fault(route=route, kind="cut"))

    half = await call(caller, route)
    with pytest.raises(httpx.RemoteProtocolError, match="without sending complete message body"):
        await call(caller, route)
    whole = await call(caller, route)

    assert half.status_code == 200
    if route == "media":
        assert half.content == whole.content[: len(whole.content) // 2]
    else:
        with pytest.raises(ValueError):
            half.json()


async def test_answer_in_drips(emulator: Emulator, caller: Caller):
    url = (await caller.made())["outcome"]["media_urls"][0]["url"]
    whole = (await caller.http.get(url)).content
    emulator.inject(Fault(route="media", kind="drip", delay=0.1))

    async with caller.http.stream("GET", url) as answer:
        pieces = [piece async for piece in answer.aiter_raw()]

    assert b"".join(pieces) == whole
    assert len(pieces) > 3


async def test_slow_answer_waits_for_its_time(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="models", kind="slow", delay=3600))
    assert (await struck_and_not_answered(emulator, caller, "models")).status is None


@pytest.mark.parametrize("route", ["submit", "get", "media"])
async def test_redirects_lead_where_they_are_told_to(emulator: Emulator, caller: Caller, route: str):
    emulator.inject(
        Fault(route=route, kind="redirect", text="http://127.0.0.1:9/else"), Fault(route=route, kind="redirect")
    )

    there, itself = await call(caller, route), await call(caller, route)

    assert (there.status_code, there.headers["Location"]) == (307, "http://127.0.0.1:9/else")
    assert itself.headers["Location"] == f"{itself.request.url}?redirected=1"


async def test_retry_after_and_other_headers(emulator: Emulator, caller: Caller):
    emulator.inject(
        Fault(route="get", kind="rate_limited", retry_after=7),
        Fault(route="get", kind="rate_limited", headers=(("Retry-After", "Wed, 21 Oct 2026 07:28:00 GMT"),)),
    )

    assert (await call(caller, "get")).headers["Retry-After"] == "7"
    assert (await call(caller, "get")).headers["Retry-After"] == "Wed, 21 Oct 2026 07:28:00 GMT"


async def test_status_text_and_body_can_be_chosen(emulator: Emulator, caller: Caller):
    emulator.inject(
        Fault(route="get", kind="error", status=500, text="context deadline exceeded"),
        Fault(route="get", kind="error", status=418, body={"error": {"message": "short", "details": "stout"}}),
    )

    first, second = await call(caller, "get"), await call(caller, "get")
    assert (first.status_code, first.json()) == (500, {"error": "context deadline exceeded"})
    assert (second.status_code, second.json()["error"]["details"]) == (418, "stout")


@pytest.mark.parametrize(
    ("kind", "status", "text"),
    [
        ("no_such_model", 404, f"model {MODEL} does not exist"),
        ("no_access", 404, f"you do not have access to model {MODEL}"),
        ("invalid_payload", 400, "invalid payload parameters: image (Required parameter is missing)"),
        ("no_credit", 402, "Insufficient credits. Please add more credits to your account."),
    ],
)
async def test_refused_submit_leaves_nothing(emulator: Emulator, caller: Caller, kind: str, status: int, text: str):
    emulator.inject(Fault(route="submit", kind=kind))

    answer = await call(caller, "submit")

    assert (answer.status_code, answer.json()) == (status, {"error": text})
    assert emulator.paid == 0


async def test_rejected_generation_names_its_failed_record(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="submit", kind="rejected"))

    answer = await call(caller, "submit")

    assert answer.status_code == 400
    assert answer.json()["error"] == "Generation rejected; please review the prompt and parameters then retry"
    record = await caller.look(answer.json()["request_id"])
    assert record["status"] == "failed"
    assert record["outcome"]["error"]["status"] == "INVALID_INPUT"


@pytest.mark.parametrize("code", [400, 403])
async def test_backend_error_leaves_a_failed_record_in_the_list(emulator: Emulator, caller: Caller, code: int):
    emulator.inject(Fault(route="submit", kind="backend_error", code=code))

    answer = await call(caller, "submit")

    assert (answer.status_code, answer.json()) == (500, {"error": f"Backend error ({code}). Please try again."})
    assert [record["status"] for record in (await caller.list())["requests"]] == ["failed"]


@pytest.mark.parametrize("kind", ["error", "bad_gateway", "html", "unavailable", "drop", "reset"])
async def test_lost_answer_of_a_request_that_succeeds(emulator: Emulator, caller: Caller, kind: str):
    emulator.inject(Fault(route="submit", kind=kind, leaves="record"))

    try:
        answer = await call(caller, "submit")
    except httpx.TransportError:
        pass
    else:
        assert "request_id" not in answer.text

    assert [record["status"] for record in (await caller.list())["requests"]] == ["success"]
    assert emulator.ledger.find("submit")[0].request_id == emulator.records[0].request_id


async def test_record_exists_while_a_slow_post_is_still_to_be_dropped(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="submit", kind="drop", leaves="record", delay=3600))

    await struck_and_not_answered(emulator, caller, "submit")

    assert emulator.paid == 1


async def test_faulty_submit_that_would_leave_a_record_still_checks_the_payload(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="submit", kind="error", leaves="record"))

    assert (await caller.post({"prompt": ""})).status_code == 400
    assert emulator.paid == 0


@pytest.mark.parametrize("route", ["get", "list"])
async def test_unknown_status_word(emulator: Emulator, caller: Caller, route: str):
    await caller.ask()
    emulator.inject(Fault(route=route, kind="status_word"), Fault(route=route, kind="status_word", text="completed"))

    seen = []
    for _ in range(2):
        answer = (await call(caller, route)).json()
        seen.append((answer["requests"][0] if route == "list" else answer)["status"])
    assert seen == ["warming_up", "completed"]


async def test_put_that_storage_refuses(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="put", kind="signature"), Fault(route="put", kind="expired"))

    first, second = await call(caller, "put"), await call(caller, "put")
    assert (first.status_code, "SignatureDoesNotMatch" in first.text) == (403, True)
    assert (second.status_code, "ExpiredToken" in second.text) == (400, True)


async def test_upload_address_that_is_not_given(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="upload_url", kind="bad_file_type"))

    assert (await call(caller, "upload_url")).status_code == 400


async def test_huge_picture(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="media", kind="huge", size=3_000_000))

    answer = await call(caller, "media")
    assert (answer.headers["Content-Length"], len(answer.content)) == ("3000000", 3_000_000)


async def test_fault_concerns_only_requests_with_its_words(emulator: Emulator, caller: Caller):
    fox, bear = await caller.ask("a fox"), await caller.ask("a bear")
    emulator.inject(
        Fault(route="get", kind="error", prompt="bear", times=2), Fault(route="submit", kind="error", prompt="owl")
    )

    async def status(request_id: str) -> int:
        return (await caller.http.get(f"{REQUESTS}/{request_id}", headers=KEY)).status_code

    assert [await status(one) for one in (fox, bear, bear, bear)] == [200, 500, 500, 200]
    contents = [{"role": "user", "parts": [{"text": "an owl"}]}]
    assert (await caller.post({"contents": contents})).status_code == 500


async def test_faults_strike_in_the_order_asked_and_until_cleared(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="models", kind="unavailable", times=2), Fault(route="models", kind="error", times=None))

    assert [(await call(caller, "models")).status_code for _ in range(4)] == [503, 503, 500, 500]
    emulator.clear()
    assert (await call(caller, "models")).status_code == 200


@pytest.mark.parametrize(
    ("fault", "complaint"),
    [
        ({"route": "nowhere", "kind": "drop"}, "no such route"),
        ({"route": "get", "kind": "magic"}, "no such kind"),
        ({"route": "get", "kind": "no_credit"}, "strikes only submit"),
        ({"route": "get", "kind": "drop", "leaves": "record"}, "only a fault of submit"),
        ({"route": "submit", "kind": "drop", "leaves": "crumbs"}, "leaves must be"),
        ({"route": "get", "kind": "drop", "times": 0}, "times must be"),
    ],
)
def test_senseless_fault_is_refused(fault: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        Fault(**fault)


def test_every_kind_is_documented():
    readme = Path(bot.emulator.__file__).with_name("README.md").read_text()

    assert [kind for kind in KINDS if f"`{kind}`" not in readme] == []
