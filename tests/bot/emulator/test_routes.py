"""Every address of the service, answered the usual way."""

import uuid

import pytest

from bot.emulator import Emulator, EmulatorOptions
from tests.bot.emulator.caller import KEY, KEYED, MODEL, QUEUE, REQUESTS, Caller, opened, png

FULL = [
    "request_id",
    "org_id",
    "user_id",
    "model",
    "status",
    "is_public",
    "payload",
    "outcome",
    "created_at",
    "updated_at",
    "queued_at",
]


async def test_post_answers_with_the_short_record(caller: Caller):
    answer = await caller.post({"prompt": "a fox"})

    assert answer.status_code == 200
    record = answer.json()
    assert list(record) == ["request_id", "model", "status", "created_at", "updated_at", "queued_at"]
    assert record["status"] == "queued"
    assert uuid.UUID(record["request_id"]).version == 4
    assert record["created_at"] == record["updated_at"] == record["queued_at"]
    assert isinstance(record["created_at"], int)


async def test_get_answers_with_the_full_record_in_the_observed_order(caller: Caller):
    record = await caller.made("a fox", aspect_ratio="4:5")

    assert list(record) == FULL
    assert record["status"] == "success"
    assert record["payload"] == {"prompt": "a fox", "aspect_ratio": "4:5"}
    assert record["is_public"] is False
    assert {type(record[name]) for name in ("created_at", "updated_at", "queued_at")} == {int}
    [media] = record["outcome"]["media_urls"]
    assert media["id"] == "0"
    assert media["url"].endswith(".png")
    assert record["org_id"] in media["url"]
    assert "?" not in media["url"]


async def test_next_turn_contents_are_the_history_the_answer_and_a_template(caller: Caller):
    record = await caller.made("a panda")

    user, model, template = record["outcome"]["next_turn_contents"]
    assert user == {"role": "user", "parts": [{"text": "a panda"}]}
    assert model["role"] == "model"
    assert model["parts"][0] == {"text": "Here is the generated image."}
    assert model["parts"][1]["fileData"]["mimeType"] == "image/png"
    assert model["parts"][1]["fileData"]["fileUri"].startswith("gs://")
    assert template == {
        "role": "user",
        "parts": [{"text": ""}, {"fileData": {"mimeType": "image/png", "fileUri": ""}}],
    }


async def test_history_is_handed_back_verbatim_with_unknown_keys_and_without_empty_parts(caller: Caller):
    first = await caller.made("a panda")
    uri = first["outcome"]["next_turn_contents"][1]["parts"][1]["fileData"]["fileUri"]
    contents = [
        {"role": "user", "parts": [{"text": "a panda", "mood": {"deep": 1}}], "extra": [1]},
        {
            "role": "model",
            "parts": [{"fileData": {"mimeType": "image/png", "fileUri": uri}, "thoughtSignature": "c2ln"}],
        },
        {"role": "user", "parts": [{"text": "bluer"}, {"text": ""}, {"fileData": {"mimeType": "", "fileUri": ""}}]},
    ]

    answer = await caller.post({"contents": contents})
    record = await caller.look(answer.json()["request_id"])

    history = record["outcome"]["next_turn_contents"]
    assert history[:2] == contents[:2]
    assert history[2] == {"role": "user", "parts": [{"text": "bluer"}]}
    assert [turn["role"] for turn in history] == ["user", "model", "user", "model", "user"]


async def test_picture_is_public_and_refuses_our_key(caller: Caller):
    record = await caller.made()
    url = record["outcome"]["media_urls"][0]["url"]

    assert opened((await caller.http.get(url)).content).size == (1024, 1024)
    head = await caller.http.head(url)
    assert (head.status_code, head.content) == (200, b"")
    assert (await caller.http.get(url, headers=KEY)).status_code == 401
    missing = await caller.http.get(url.replace(".png", "x.png"))
    assert (missing.status_code, "NoSuchKey" in missing.text) == (404, True)


async def test_source_product_and_organisation_are_accepted(caller: Caller):
    answer = await caller.http.post(
        f"{REQUESTS}?source_product=studio",
        json={"model": MODEL, "payload": {"prompt": "a fox"}},
        headers={**KEY, "X-Organization-ID": "org"},
    )

    assert answer.status_code == 200


@pytest.mark.parametrize("path", [f"{KEYED}/models", "/api/v1/apikey/models"])
async def test_models_are_listed_for_a_key(caller: Caller, path: str):
    assert (await caller.http.get(path)).status_code == 401
    assert MODEL in (await caller.http.get(path, headers=KEY)).json()["model_ids"]


async def test_models_are_public_without_apikey_in_the_path(caller: Caller):
    assert MODEL in (await caller.http.get(f"{QUEUE}/models")).json()["model_ids"]
    info = (await caller.http.get(f"{QUEUE}/models/{MODEL}")).json()
    assert info["model"] == MODEL
    ratios = next(one for one in info["parameters"] if one["name"] == "aspect_ratio")
    assert len(ratios["options"]) == 10
    assert info["price_info"] == {"price": 39000, "pricing_type": "per_image", "unit": "image"}


async def test_model_info_with_key_and_unknown_model(caller: Caller):
    assert (await caller.http.get(f"{KEYED}/models/{MODEL}")).status_code == 401
    assert (await caller.http.get(f"{KEYED}/models/{MODEL}", headers=KEY)).json()["model"] == MODEL
    unknown = await caller.http.get(f"{QUEUE}/models/none")
    assert (unknown.status_code, unknown.json()) == (404, {"error": "Model not found"})


async def test_cancelling_is_not_offered(caller: Caller):
    request_id = await caller.ask()

    assert (await caller.http.delete(f"{REQUESTS}/{request_id}", headers=KEY)).status_code == 405
    assert (await caller.look(request_id))["status"] == "success"


async def test_unknown_request_and_unknown_path(caller: Caller):
    assert (await caller.http.get(f"{REQUESTS}/nothing", headers=KEY)).status_code == 404
    assert (await caller.http.get("/elsewhere", headers=KEY)).status_code == 404


async def test_answers_carry_the_services_clock(emulator: Emulator, caller: Caller):
    emulator.advance(7 * 86_400)
    answer = await caller.post({"prompt": "a fox"})

    assert answer.json()["created_at"] == pytest.approx(emulator.clock.now().wall, abs=5)
    before = (await caller.http.get(f"{QUEUE}/models")).headers["Date"]
    emulator.advance(7 * 86_400)
    assert (await caller.http.get(f"{QUEUE}/models")).headers["Date"] != before


async def test_uploaded_picture_can_be_read_by_anyone(caller: Caller):
    data = png()

    assert (await caller.http.get(await caller.upload(data))).content == data


async def test_an_emulator_says_what_its_options_cannot_be():
    with pytest.raises(ValueError, match="at least one key"):
        EmulatorOptions(keys=())
    with pytest.raises(ValueError, match="range"):
        EmulatorOptions(latency=(3.0, 1.0))
    with pytest.raises(ValueError, match="negative"):
        EmulatorOptions(latency=-1.0)
    with pytest.raises(ValueError, match="manual"):
        EmulatorOptions(latency="soon")  # type: ignore[arg-type]
