"""What the emulator remembers of the calls it got."""

import json

from bot.emulator import Emulator
from tests.bot.emulator.caller import KEY, KEYED, QUEUE, Caller, png


async def test_every_exchange_is_written_down(emulator: Emulator, caller: Caller):
    record = await caller.made("a fox")
    await caller.picture(record)
    await caller.list()
    await caller.upload(png())
    await caller.http.get(f"{QUEUE}/models")
    await caller.http.get("/elsewhere")

    routes = [exchange.route for exchange in emulator.ledger]
    assert routes == ["submit", "get", "media", "list", "upload_url", "put", "models", "unknown"]
    assert [exchange.status for exchange in emulator.ledger] == [200] * 7 + [404]
    assert [exchange.number for exchange in emulator.ledger] == list(range(1, 9))
    assert len(emulator.ledger) == 8


async def test_exchange_tells_what_was_asked_and_answered(emulator: Emulator, caller: Caller):
    record = await caller.made("a fox")
    data = await caller.picture(record)

    submit, get, media = emulator.ledger
    assert submit.body == {"model": record["model"], "payload": {"prompt": "a fox"}}
    assert (submit.method, submit.words, submit.key, submit.fault) == ("POST", "a fox", "good", None)
    assert {exchange.request_id for exchange in emulator.ledger} == {record["request_id"]}
    assert (media.words, media.key, media.sent) == ("a fox", "missing", len(data))
    assert submit.answered is not None
    assert submit.arrived.monotonic <= submit.answered.monotonic <= get.arrived.monotonic


async def test_questions_to_the_ledger(emulator: Emulator, caller: Caller):
    fox = await caller.made("a fox")
    bear = await caller.ask("a bear")
    await caller.look(bear)
    await caller.look(bear)
    await caller.post({"prompt": ""})

    ledger = emulator.ledger
    assert ledger.count() == 6
    assert ledger.count("submit") == 3
    assert ledger.count("submit", prompt="bear") == 1
    assert ledger.count("get", request_id=bear) == 2
    assert ledger.count("get", request_id=fox["request_id"]) == 1
    assert [exchange.status for exchange in ledger.find("submit", status=400)] == [400]
    assert [exchange.number for exchange in ledger.find(since=4)] == [5, 6]
    ledger.clear()
    assert ledger.count() == 0


async def test_words_are_those_of_the_last_user_turn(emulator: Emulator, caller: Caller):
    turns = [
        {"role": "user", "parts": [{"text": "a fox"}]},
        {"role": "model", "parts": [{"text": "Here."}]},
        {"role": "user", "parts": [{"text": "bluer,"}, {"text": "please"}]},
    ]
    await caller.post({"contents": turns})

    assert emulator.ledger.find("submit")[0].words == "bluer, please"
    assert emulator.records_of("bluer")[0].payload == {"contents": turns}


async def test_key_is_never_kept(emulator: Emulator, caller: Caller):
    await caller.made()
    await caller.http.get(f"{KEYED}/models", headers={"Authorization": "Bearer another-key"})

    kept = json.dumps([exchange.facts() for exchange in emulator.ledger]) + repr(list(emulator.ledger))
    assert "emulator-key" not in kept
    assert "another-key" not in kept
    assert [exchange.key for exchange in emulator.ledger] == ["good", "good", "wrong"]
    assert "emulator-key" in KEY["Authorization"]
