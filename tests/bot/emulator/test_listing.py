"""The list of requests, as it usually is and as it sometimes is."""

import pytest

from bot.emulator import Emulator, Fault
from tests.bot.emulator.caller import KEY, MODEL, REQUESTS, Caller


async def test_list_pages_newest_first(caller: Caller):
    ids = [await caller.ask(f"fox {number}") for number in range(5)]

    first = await caller.list(limit=2)
    second = await caller.list(limit=2, offset=2)
    last = await caller.list(limit=2, offset=4)

    pages = [[record["request_id"] for record in page["requests"]] for page in (first, second, last)]
    assert pages == [ids[:2:-1], ids[2:0:-1], ids[:1]]
    assert [page["has_more"] for page in (first, second, last)] == [True, True, False]
    assert {page["total"] for page in (first, second, last)} == {5}


async def test_list_shows_the_same_records_as_get(caller: Caller):
    record = await caller.made()

    assert (await caller.list())["requests"] == [record]


async def test_list_is_of_one_model(caller: Caller):
    await caller.ask()
    other = (await caller.post({"prompt": "a bear"}, model="gemini-3-pro-image")).json()["request_id"]

    assert [record["model"] for record in (await caller.list())["requests"]] == [MODEL]
    page = await caller.list(model_id="gemini-3-pro-image")
    assert [record["request_id"] for record in page["requests"]] == [other]
    assert (await caller.list(model_id="none")) == {"requests": [], "has_more": False, "total": 0}


async def test_limit_is_at_most_a_hundred(caller: Caller):
    for number in range(101):
        await caller.ask(f"fox {number}")

    assert len((await caller.list(limit=500))["requests"]) == 100
    assert len((await caller.list())["requests"]) == 20


@pytest.mark.parametrize("query", [{"limit": "0"}, {"limit": "many"}, {"offset": "-1"}])
async def test_senseless_paging_is_refused(caller: Caller, query: dict[str, str]):
    assert (await caller.http.get(REQUESTS, params=query, headers=KEY)).status_code == 400


async def test_list_that_lags_shows_a_record_later(emulator: Emulator, caller: Caller):
    emulator.inject(Fault(route="list", kind="lag", seconds=5, times=None))
    await caller.ask()

    assert (await caller.list())["requests"] == []
    emulator.advance(5)
    assert len((await caller.list())["requests"]) == 1


async def test_list_that_omits_a_record(emulator: Emulator, caller: Caller):
    await caller.ask("a fox")
    await caller.ask("a bear")
    emulator.inject(Fault(route="list", kind="omit", prompt="bear"), Fault(route="list", kind="omit"))

    assert [record["payload"]["prompt"] for record in (await caller.list())["requests"]] == ["a fox"]
    assert (await caller.list())["requests"] == []
    assert len((await caller.list())["requests"]) == 2


async def test_list_without_order(emulator: Emulator, caller: Caller):
    ids = [await caller.ask(f"fox {number}") for number in range(8)]
    emulator.inject(Fault(route="list", kind="unordered"))

    shown = [record["request_id"] for record in (await caller.list())["requests"]]
    assert shown != ids[::-1]
    assert sorted(shown) == sorted(ids)


async def test_record_in_the_list_that_get_does_not_know(emulator: Emulator, caller: Caller):
    request_id = await caller.ask()
    emulator.inject(Fault(route="get", kind="not_found", times=None))

    assert (await caller.http.get(f"{REQUESTS}/{request_id}", headers=KEY)).status_code == 404
    assert (await caller.list())["requests"][0]["request_id"] == request_id
