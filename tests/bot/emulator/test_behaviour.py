"""How accepted requests run, answer and end."""

from typing import Any

import pytest

from bot.emulator import ERRORS, Behaviour, Emulator, EmulatorOptions
from tests.bot.emulator.caller import Caller, next_turn, opened, served


@pytest.mark.parametrize("words", ["a fox", "une forêt 🌲"])
async def test_sync_delivery_answers_the_post_with_the_finished_record(emulator: Emulator, caller: Caller, words: str):
    emulator.behave(delivery="sync", thumbnail=True)

    record = (await caller.post({"prompt": words})).json()

    assert record["status"] == "success"
    assert record["payload"] == {"prompt": words}
    assert record["outcome"]["thumbnail_image_url"] == record["outcome"]["media_urls"][0]["url"]
    assert (await caller.post({"prompt": words})).json()["status"] == "queued"


async def test_sync_failure_answers_the_post_with_400_and_leaves_a_failed_record(emulator: Emulator, caller: Caller):
    emulator.behave(delivery="sync", ending="failed", error="safety")

    answer = await caller.post({"prompt": "a fox"})

    assert answer.status_code == 400
    assert answer.json()["error"].startswith("Generation rejected")
    assert (await caller.look(answer.json()["request_id"]))["outcome"]["error"]["message"] == ERRORS["safety"]


@pytest.mark.parametrize("ending", ["success", "failed"])
async def test_full_post_answer(emulator: Emulator, caller: Caller, ending: str):
    emulator.behave(post_answer="full", first_status="dispatched", ending=ending, latency=10.0)

    record = (await caller.post({"prompt": "a fox"})).json()

    assert (record["status"], record["outcome"], record["payload"]) == ("dispatched", None, {"prompt": "a fox"})


@pytest.mark.parametrize(("echo", "shown"), [("full", {"prompt": "a fox"}), ("empty", {}), ("absent", None)])
async def test_payload_echo(emulator: Emulator, caller: Caller, echo: str, shown: Any):
    emulator.behave(payload_echo=echo)

    record = await caller.made("a fox")

    assert record.get("payload") == shown
    assert ("payload" in record) == (echo != "absent")


async def test_forms_of_the_outcome(emulator: Emulator, caller: Caller):
    for form in ("strings", "candidates", "empty", "none"):
        emulator.behave(outcome=form, prompt=form)

    strings, candidates, empty, none = [
        (await caller.made(form))["outcome"] for form in ("strings", "candidates", "empty", "none")
    ]

    assert strings["media_urls"][0].startswith("http://")
    part = candidates["candidates"][0]["content"]["parts"][1]["inlineData"]
    assert "media_urls" not in candidates
    assert part["mimeType"] == "image/png"
    assert part["data"].startswith("iVBORw0KGgo")
    assert empty["media_urls"] == []
    assert none is None


async def test_several_images_differ(emulator: Emulator, caller: Caller):
    emulator.behave(images=3)

    record = await caller.made()

    assert [media["id"] for media in record["outcome"]["media_urls"]] == ["0", "1", "2"]
    assert len({await caller.picture(record, index) for index in range(3)}) == 3
    assert len(record["outcome"]["next_turn_contents"][1]["parts"]) == 4


@pytest.mark.parametrize("image_format", ["jpeg", "webp"])
async def test_other_bytes_behind_a_png_address(emulator: Emulator, caller: Caller, image_format: str):
    emulator.behave(image_format=image_format)

    record = await caller.made()

    assert record["outcome"]["media_urls"][0]["url"].endswith(".png")
    assert opened(await caller.picture(record)).format == image_format.upper()


async def test_odd_next_turns(emulator: Emulator, caller: Caller):
    for form in ("absent", "untemplated", "signed", "garbage"):
        emulator.behave(next_turn=form, prompt=form)

    outcomes = {form: (await caller.made(form))["outcome"] for form in ("absent", "untemplated", "signed", "garbage")}

    assert "next_turn_contents" not in outcomes["absent"]
    assert outcomes["untemplated"]["next_turn_contents"][-1]["role"] == "model"
    assert isinstance(outcomes["garbage"]["next_turn_contents"], dict)
    signed = outcomes["signed"]["next_turn_contents"]
    assert "thoughtSignature" in signed[1]["parts"][1]
    assert "turnId" in signed[1]
    again = await caller.post({"contents": next_turn({"outcome": outcomes["signed"]}, "bluer")})
    assert (await caller.look(again.json()["request_id"]))["status"] == "success"


@pytest.mark.parametrize(
    ("form", "where"),
    [
        ("object", {"outcome": {"error": {"code": 400, "message": "no", "status": "INVALID_INPUT"}}}),
        ("string", {"outcome": {"error": "no"}}),
        ("error", {"outcome": None, "error": "no"}),
        ("message", {"outcome": None, "message": "no"}),
        ("reason", {"outcome": None, "reason": "no"}),
    ],
)
async def test_places_where_a_failure_is_told(emulator: Emulator, caller: Caller, form: str, where: dict[str, Any]):
    emulator.behave(ending="failed", error="no", error_form=form)

    record = await caller.made()

    assert record["status"] == "failed"
    assert {name: record[name] for name in where} == where


@pytest.mark.parametrize("name", sorted(ERRORS))
async def test_failures_by_name(emulator: Emulator, caller: Caller, name: str):
    emulator.behave(ending="failed", error=name)

    assert (await caller.made())["outcome"]["error"]["message"] == ERRORS[name]


async def test_cancelled(emulator: Emulator, caller: Caller):
    emulator.behave(ending="cancelled")

    record = await caller.made()

    assert (record["status"], record["outcome"]) == ("cancelled", None)


async def test_default_behaviour_holds_for_all(emulator: Emulator, caller: Caller):
    emulator.behaviour = Behaviour(ending="failed")
    emulator.behave(ending="success", prompt="bear", times=None)

    assert [(await caller.made(words))["status"] for words in ("a fox", "a bear", "a fox")] == [
        "failed",
        "success",
        "failed",
    ]
    emulator.clear()
    assert (await caller.made("a bear"))["status"] == "failed"


@pytest.mark.parametrize(
    ("changes", "complaint"),
    [
        ({"ending": "well"}, "ending must be one of"),
        ({"colour": "red"}, "no such behaviour"),
        ({"images": 0}, "1 to 10"),
    ],
)
def test_senseless_behaviour_is_refused_at_once(changes: dict[str, Any], complaint: str):
    with pytest.raises(ValueError, match=complaint):
        Emulator().behave(**changes)


class TestTime:
    @pytest.fixture
    def options(self) -> EmulatorOptions:
        return EmulatorOptions(paint=False, latency=10.0)

    async def test_states_follow_each_other(self, emulator: Emulator, caller: Caller):
        request_id = await caller.ask()
        seen = [await caller.look(request_id)]
        for _ in range(4):
            emulator.advance(2.6)
            seen.append(await caller.look(request_id))

        assert [record["status"] for record in seen] == ["queued", "dispatched", "processing", "processing", "success"]
        assert [record["outcome"] is None for record in seen] == [True, True, True, True, False]
        assert seen[0]["updated_at"] == seen[0]["created_at"]
        assert seen[4]["updated_at"] - seen[4]["created_at"] in (10, 11)

    async def test_ready_at_is_exact(self, emulator: Emulator, caller: Caller):
        request_id = await caller.ask()
        record = emulator.record(request_id)
        assert record.work is not None
        await record.work
        assert record.status(emulator.clock.now()) == "queued"
        emulator.advance(10)
        await caller.look(request_id)

        assert record.ready_at is not None
        assert record.ready_at.wall == pytest.approx(record.created.wall + 10, abs=1e-6)
        assert record.ready_at.monotonic == pytest.approx(record.created.monotonic + 10, abs=1e-6)

    async def test_stuck_request_stays_queued(self, emulator: Emulator, caller: Caller):
        emulator.behave(ending="stuck")
        request_id = await caller.ask()
        emulator.advance(7200)

        record = await caller.look(request_id)
        assert (record["status"], record["updated_at"]) == ("queued", record["created_at"])
        emulator.finish(request_id)
        assert (await caller.look(request_id))["status"] == "success"

    async def test_cancelling_a_running_request(self, emulator: Emulator, caller: Caller):
        request_id = await caller.ask()
        emulator.cancel(request_id)

        assert (await caller.look(request_id))["status"] == "cancelled"


async def test_manual_latency_waits_for_finish():
    async with served(EmulatorOptions(paint=False, latency="manual")) as (emulator, caller):
        one, other = await caller.ask("one"), await caller.ask("other")
        emulator.advance(86_400)
        assert (await caller.look(one))["status"] == "processing"
        assert emulator.record(one).ready_at is None
        emulator.finish(one)
        assert [(await caller.look(id))["status"] for id in (one, other)] == ["success", "processing"]
        assert emulator.status(one) == "success"
        emulator.finish()
        assert (await caller.look(other))["status"] == "success"


async def test_latencies_are_drawn_from_the_range_and_the_seed():
    async def drawn(seed: int) -> list[float]:
        async with served(EmulatorOptions(paint=False, latency=(2.0, 6.0), seed=seed)) as (emulator, caller):
            for number in range(5):
                await caller.ask(f"fox {number}")
            return [record.latency for record in emulator.records]

    first = await drawn(1)
    assert first == await drawn(1)
    assert first != await drawn(2)
    assert len(set(first)) == 5
    assert all(2 <= latency <= 6 for latency in first)
