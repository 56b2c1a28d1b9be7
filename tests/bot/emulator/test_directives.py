"""Trouble that a person can ask for in the words of a prompt."""

import httpx
import pytest

from bot.emulator import ERRORS, Emulator, EmulatorOptions
from bot.emulator.directives import wish_of, without_directives
from tests.bot.emulator.caller import KEY, REQUESTS, Caller, next_turn, opened, served


@pytest.fixture
def options() -> EmulatorOptions:
    return EmulatorOptions(paint=False, directives=True)


@pytest.mark.parametrize(
    ("words", "changes"),
    [
        ("a fox [fail:safety]", {"ending": "failed", "error": "safety"}),
        ("a fox [fail]", {"ending": "failed", "error": "rejected"}),
        ("[slow:20] a fox", {"latency": 20.0}),
        ("a [images:3] fox", {"images": 3}),
        ("a fox [stuck] [sync]", {"ending": "stuck", "delivery": "sync"}),
        ("a fox [history:garbage] [format:jpeg]", {"next_turn": "garbage", "image_format": "jpeg"}),
        ("a fox [slow:soon] [images:99] [history:x] [format:gif]", {}),
        ("a fox [in brackets] [unknown] [seen:from:above]", {}),
    ],
)
def test_directives_are_read(words: str, changes: dict[str, object]):
    assert wish_of(words).changes == changes


@pytest.mark.parametrize(
    ("words", "shown"),
    [("a fox [fail:safety] runs", "a fox runs"), ("[slow:2]", ""), ("a [red] fox", "a [red] fox")],
)
def test_directives_are_not_painted(words: str, shown: str):
    assert without_directives(words) == shown


@pytest.mark.parametrize("name", ["safety", "rate", "no-image"])
async def test_failing(caller: Caller, name: str):
    record = await caller.made(f"a fox [fail:{name}]")

    assert (record["status"], record["outcome"]["error"]["message"]) == ("failed", ERRORS[name])


async def test_images_and_format(caller: Caller):
    record = await caller.made("a fox [images:3] [format:jpeg] [thumbnail]")

    assert len(record["outcome"]["media_urls"]) == 3
    assert opened(await caller.picture(record)).format == "JPEG"


async def test_slow(emulator: Emulator, caller: Caller):
    request_id = await caller.ask("a fox [slow:20]")

    emulator.advance(19)
    assert (await caller.look(request_id))["status"] == "processing"
    emulator.advance(1)
    assert (await caller.look(request_id))["status"] == "success"


@pytest.mark.parametrize(("status", "leaves"), [("401", 0), ("402", 0), ("429", 0), ("500", 0), ("502", 0), ("400", 1)])
async def test_post_that_is_refused_once(emulator: Emulator, caller: Caller, status: str, leaves: int):
    words = f"a fox [post:{status}]"

    assert (await caller.post({"prompt": words})).status_code == int(status)
    assert emulator.paid == leaves
    assert (await caller.post({"prompt": words})).status_code == 200


async def test_answer_that_is_lost(emulator: Emulator, caller: Caller):
    with pytest.raises(httpx.RemoteProtocolError):
        await caller.post({"prompt": "a fox [lost]"})

    assert emulator.paid == 1
    assert (await caller.list())["requests"][0]["status"] == "success"


async def test_looks_and_downloads_that_fail(caller: Caller):
    request_id = await caller.ask("a fox [get:500*2] [media:not-found]")
    other = await caller.ask("a bear")

    async def status(id: str) -> int:
        return (await caller.http.get(f"{REQUESTS}/{id}", headers=KEY)).status_code

    assert [await status(id) for id in (other, request_id, request_id, request_id)] == [200, 500, 500, 200]
    url = (await caller.look(request_id))["outcome"]["media_urls"][0]["url"]
    assert [(await caller.http.get(url)).status_code for _ in range(2)] == [404, 200]


async def test_only_the_newest_words_count(caller: Caller):
    first = await caller.made("a fox [thumbnail]")
    answer = await caller.post({"contents": next_turn(first, "now at night")})

    assert "thumbnail_image_url" not in (await caller.look(answer.json()["request_id"]))["outcome"]


async def test_nothing_is_understood_unless_wanted():
    async with served(EmulatorOptions(paint=False)) as (_, caller):
        assert (await caller.made("a fox [fail:safety] [post:500]"))["status"] == "success"
