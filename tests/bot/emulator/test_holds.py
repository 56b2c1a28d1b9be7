"""Calls that wait until a test lets them go."""

import asyncio

import pytest

from bot.emulator import Emulator
from tests.bot.emulator.caller import KEY, REQUESTS, Caller


async def test_post_held_before_its_answer_has_made_its_record(emulator: Emulator, caller: Caller):
    hold = emulator.hold("submit")
    asking = asyncio.create_task(caller.ask())
    await hold.reached()

    assert (emulator.paid, asking.done()) == (1, False)
    assert emulator.ledger.find("submit")[0].status is None

    hold.release()
    assert await asking == emulator.records[0].request_id
    await caller.ask("held no more")


async def test_post_held_at_its_arrival_has_made_nothing(emulator: Emulator, caller: Caller):
    with emulator.hold("submit", at="arrival") as hold:
        asking = asyncio.create_task(caller.ask())
        await hold.reached()
        assert emulator.paid == 0

    await asking
    assert emulator.paid == 1


@pytest.mark.parametrize("route", ["get", "media", "list"])
async def test_other_answers_can_be_held(emulator: Emulator, caller: Caller, route: str):
    record = await caller.made("a fox")
    urls = {
        "get": f"{REQUESTS}/{record['request_id']}",
        "media": record["outcome"]["media_urls"][0]["url"],
        "list": REQUESTS,
    }
    hold = emulator.hold(route, times=1)
    asking = asyncio.create_task(caller.http.get(urls[route], headers={} if route == "media" else KEY))
    await hold.reached()
    assert not asking.done()

    hold.release()
    assert (await asking).status_code == 200


async def test_hold_catches_only_its_words_and_its_number_of_calls(emulator: Emulator, caller: Caller):
    hold = emulator.hold("submit", prompt="bear", times=2)
    await caller.ask("a fox")
    caught = [asyncio.create_task(caller.ask("a bear")) for _ in range(2)]
    await hold.reached(2)
    await caller.ask("a bear too many")

    assert (hold.held, emulator.paid) == (2, 4)
    hold.release()
    await asyncio.gather(*caught)


async def test_held_call_goes_on_without_its_client(emulator: Emulator, caller: Caller):
    hold = emulator.hold("submit", at="arrival")
    asking = asyncio.create_task(caller.ask())
    await hold.reached()
    asking.cancel()
    with pytest.raises(asyncio.CancelledError):
        await asking

    hold.release()
    await caller.ask("another")
    assert {record.words for record in emulator.records} == {"a fox", "another"}


async def test_clear_releases_every_hold(emulator: Emulator, caller: Caller):
    hold = emulator.hold("submit")
    asking = asyncio.create_task(caller.ask())
    await hold.reached()

    emulator.clear()
    await asking


def test_hold_of_no_route():
    with pytest.raises(ValueError, match="no such route"):
        Emulator().hold("nowhere")
