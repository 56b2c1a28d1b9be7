"""An emulator with a folder goes on where an earlier one stopped."""

from pathlib import Path

from bot.emulator import EmulatorOptions
from tests.bot.emulator.caller import next_turn, png, served


async def test_records_and_pictures_survive(tmp_path: Path):
    options = EmulatorOptions(paint=False, folder=tmp_path / "emulator")
    async with served(options) as (_, caller):
        before = await caller.made("a fox", image=[await caller.upload(png())])
        data = await caller.picture(before)
        failed = (await caller.post({"prompt": "a", "image": "https://example.com/x.png"})).json()["request_id"]
        await caller.look(failed)

    async with served(options) as (emulator, caller):
        after = await caller.look(before["request_id"])
        assert {**after, "outcome": None} == {**before, "outcome": None}
        assert after["outcome"]["next_turn_contents"] == before["outcome"]["next_turn_contents"]
        assert await caller.picture(after) == data
        assert (await caller.look(failed))["outcome"]["error"]["message"] == "Failed to download media"
        assert [record.request_id for record in emulator.records] == [before["request_id"], failed]

        edit = await caller.post({"contents": next_turn(before, "bluer")})
        assert (await caller.look(edit.json()["request_id"]))["status"] == "success"
        again = await caller.made("a fox", image=[before["outcome"]["media_urls"][0]["url"]])
        assert again["status"] == "success"


async def test_unfinished_request_is_finished_by_the_next(tmp_path: Path):
    async with served(EmulatorOptions(paint=False, folder=tmp_path, latency=100.0)) as (emulator, caller):
        running = await caller.ask()
        emulator.behave(ending="stuck")
        stuck = await caller.ask()

    for place in (tmp_path / "records").glob("*.json"):
        # As if it had been killed before the picture was painted.
        place.write_text(place.read_text().replace('"generated": 1', '"generated": null, "was": 1'))

    async with served(EmulatorOptions(paint=False, folder=tmp_path, latency=100.0)) as (emulator, caller):
        assert (await caller.look(running))["status"] != "success"
        emulator.advance(100)
        assert (await caller.look(running))["status"] == "success"
        assert (await caller.look(stuck))["status"] == "queued"


async def test_half_written_file_is_no_file(tmp_path: Path):
    options = EmulatorOptions(paint=False, folder=tmp_path)
    async with served(options) as (_, caller):
        await caller.made()
    (tmp_path / "records" / "torn.half").write_text("{")
    (tmp_path / "records" / "torn.json").write_text("")

    async with served(options) as (emulator, _):
        assert emulator.paid == 1
