"""What the service does not accept, in the order in which it looks."""

import base64
from typing import Any

import pytest

from bot.emulator import Emulator, EmulatorOptions
from tests.bot.emulator.caller import KEY, KEYED, MODEL, REQUESTS, Caller, png

TURN = {"role": "user", "parts": [{"text": "a fox"}]}


@pytest.mark.parametrize(("key", "seen"), [(None, "missing"), ("other-key", "wrong"), ("emulator-key2", "wrong")])
async def test_without_a_good_key_nothing_is_accepted(emulator: Emulator, caller: Caller, key: str | None, seen: str):
    answer = await caller.post({"prompt": "a fox"}, key=key)

    assert answer.status_code == 401
    assert isinstance(answer.json()["error"], str)
    assert emulator.paid == 0
    assert [exchange.key for exchange in emulator.ledger] == [seen]


@pytest.mark.parametrize("path", [REQUESTS, f"{REQUESTS}/any", f"{KEYED}/models/{MODEL}"])
async def test_every_route_of_the_key_wants_one(caller: Caller, path: str):
    assert (await caller.http.get(path)).status_code == 401
    assert (await caller.http.post(f"{KEYED}/upload-url", json={"file_type": "png"})).status_code == 401


async def test_checks_come_in_the_observed_order(emulator: Emulator, caller: Caller):
    emulator.account.no_access = (MODEL,)
    emulator.account.credit = 0

    async def asked(model: str, payload: Any, key: str = "emulator-key") -> tuple[int, str]:
        answer = await caller.post(payload, model=model, key=key)
        return answer.status_code, answer.json()["error"]

    assert (await asked("none", {}, key="wrong"))[0] == 401
    assert await asked("none", {}) == (404, "model none does not exist")
    assert await asked(MODEL, {}) == (400, "invalid payload parameters: prompt (Required parameter is missing)")
    assert (await asked(MODEL, {"prompt": "a fox"}))[0] == 404
    assert "you do not have access" in (await asked(MODEL, {"prompt": "a fox"}))[1]
    emulator.account.no_access = ()
    assert await asked(MODEL, {"prompt": "a fox"}) == (
        402,
        "Insufficient credits. Please add more credits to your account.",
    )
    assert emulator.paid == 0
    emulator.account.credit = 1
    assert (await caller.post({"prompt": "a fox"})).status_code == 200
    assert (await caller.post({"prompt": "a fox"})).status_code == 402


async def test_model_ids_are_case_sensitive(caller: Caller):
    assert (await caller.post({"prompt": "a fox"}, model=MODEL.upper())).status_code == 404


@pytest.mark.parametrize(
    ("payload", "field"),
    [
        ([], "payload"),
        ({"prompt": ""}, "prompt"),
        ({"prompt": 7}, "prompt"),
        ({"prompt": "a", "aspect_ratio": "7:5"}, "aspect_ratio"),
        ({"prompt": "a", "aspect_ratio": 1}, "aspect_ratio"),
        ({"prompt": "a", "image": []}, "image"),
        ({"prompt": "a", "image": ""}, "image"),
        ({"prompt": "a", "image": 3}, "image"),
        ({"prompt": "a", "image": [3]}, "image"),
        ({"prompt": "a", "image": ["ftp://x/y.png"]}, "image"),
        ({"prompt": "a", "image": ["https://x/y.png"] * 4}, "image"),
        ({"contents": []}, "contents"),
        ({"contents": "a fox"}, "contents"),
        ({"contents": ["a fox"]}, "contents[0]"),
        ({"contents": [{"role": "system", "parts": [{"text": "a"}]}]}, "contents[0].role"),
        ({"contents": [{"role": "user"}]}, "contents[0].parts"),
        ({"contents": [{"role": "user", "parts": ["a fox"]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "user", "parts": [{"words": "a"}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "user", "parts": [{"text": "a", "fileData": {}}]}]}, "contents[0].parts[0]"),
        ({"contents": [{"role": "user", "parts": [{"text": 3}]}]}, "contents[0].parts[0].text"),
        ({"contents": [{"role": "user", "parts": [{"fileData": {}}]}]}, "contents[0].parts[0].fileData.fileUri"),
        (
            {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "gs://a/b"}}]}]},
            "contents[0].parts[0].fileData.mimeType",
        ),
        (
            {"contents": [{"role": "user", "parts": [{"fileData": {"fileUri": "b.png", "mimeType": "image/png"}}]}]},
            "contents[0].parts[0].fileData.fileUri",
        ),
        (
            {"contents": [{"role": "user", "parts": [{"inlineData": {"data": "?", "mimeType": "image/png"}}]}]},
            "contents[0].parts[0].inlineData.data",
        ),
        ({"contents": [{"role": "user", "parts": [{"file_data": {"file_uri": "gs://a/b"}}]}]}, "contents[0].parts[0]"),
        ({"contents": [TURN, {"role": "model", "parts": [{"text": "no"}]}]}, "contents"),
        ({"contents": [TURN, {"role": "user", "parts": [{"text": ""}]}]}, "contents"),
        ({"contents": [TURN], "aspect_ratio": "7:5"}, "aspect_ratio"),
    ],
)
async def test_wrong_shape_is_refused_and_named(emulator: Emulator, caller: Caller, payload: Any, field: str):
    answer = await caller.post(payload)

    assert answer.status_code == 400
    assert answer.json()["error"].startswith(f"invalid payload parameters: {field} (")
    assert emulator.paid == 0


async def test_unknown_ratio_names_the_allowed_options(caller: Caller):
    answer = await caller.post({"prompt": "a", "aspect_ratio": "2:1"})

    assert "allowed options: 1:1, 3:2, 2:3, 3:4, 4:3, 4:5, 5:4, 9:16, 16:9, 21:9" in answer.json()["error"]


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b'{"payload": {}}', b'{"model": 3, "payload": {}}'])
async def test_body_that_names_no_model_is_refused(caller: Caller, body: bytes):
    answer = await caller.http.post(REQUESTS, content=body, headers=KEY)

    assert (answer.status_code, "model is required" in answer.json()["error"]) == (400, True)


async def test_unknown_fields_are_ignored_but_noted(emulator: Emulator, caller: Caller):
    request_id = await caller.ask("a fox", reference_image="https://example.com/a.png", n=2)

    assert emulator.record(request_id).asked.unknown == ("reference_image", "n")
    assert (await caller.look(request_id))["status"] == "success"


async def test_prompt_and_image_beside_contents_are_ignored_but_noted(emulator: Emulator, caller: Caller):
    payload = {"contents": [TURN], "prompt": "a bear", "image": ["https://example.com/a.png"]}
    request_id = (await caller.post(payload)).json()["request_id"]

    asked = emulator.record(request_id).asked
    assert (asked.words, asked.ignored, asked.pictures) == ("a fox", ("prompt", "image"), ())
    assert (await caller.look(request_id))["status"] == "success"


async def failure(caller: Caller, payload: dict[str, Any]) -> str:
    record = await caller.look((await caller.post(payload)).json()["request_id"])
    assert record["status"] == "failed"
    return str(record["outcome"]["error"]["message"])


@pytest.mark.parametrize(
    "uri",
    [
        "https://example.com/a.png",
        "http://example.com/a.png",
        "http://127.0.0.1:9/a.png",
        "gs://elsewhere/a.png",
        "data:image/png;base64,AAAA",
    ],
)
async def test_picture_that_cannot_be_fetched_fails_the_request(caller: Caller, uri: str):
    assert await failure(caller, {"prompt": "a fox", "image": uri}) == "Failed to download media"


async def test_missing_file_of_the_own_bucket_fails_the_request(caller: Caller):
    uri = (await caller.upload(png())).replace(".png", "x.png")

    assert await failure(caller, {"prompt": "a fox", "image": [uri]}) == "Failed to download media"


async def test_reference_that_is_no_picture_fails_the_request(caller: Caller):
    uri = await caller.upload(b"not a picture")

    assert "Unable to process input image" in await failure(caller, {"prompt": "a fox", "image": [uri]})


async def test_references_are_fetched_from_other_servers_of_this_machine(caller: Caller):
    other = Emulator(EmulatorOptions(paint=False))
    async with other.serve() as base_url:
        granted = (
            await caller.http.post(f"{base_url}{KEYED}/upload-url", json={"file_type": "png"}, headers=KEY)
        ).json()
        await caller.http.put(granted["upload_url"], content=png(), headers={"Content-Type": "image/png"})
        record = await caller.made("a fox", image=[granted["public_url"]])

    assert record["status"] == "success"
    assert other.ledger.count("media") == 1


async def test_more_than_three_pictures_with_the_history_fail(caller: Caller):
    data = base64.b64encode(png()).decode()
    part = {"inlineData": {"mimeType": "image/png", "data": data}}
    history = [
        {"role": "user", "parts": [{"text": "a"}, part, part]},
        {"role": "model", "parts": [part]},
    ]

    assert "at most 3" in await failure(
        caller, {"contents": [*history, {"role": "user", "parts": [{"text": "b"}, part]}]}
    )
    answer = await caller.post({"contents": [*history, {"role": "user", "parts": [{"text": "b"}]}]})
    assert (await caller.look(answer.json()["request_id"]))["status"] == "success"


async def test_model_that_is_dead_is_accepted_and_never_runs(emulator: Emulator, caller: Caller):
    request_id = (await caller.post({"prompt": "a fox"}, model="Flux2-Klein")).json()["request_id"]

    emulator.advance(86_400)
    record = await caller.look(request_id)
    assert (record["status"], record["outcome"]) == ("queued", None)
    assert record["updated_at"] == record["created_at"]
