"""How many requests are too many, and what is then said?"""

import asyncio
import time

from tests.emulators.discord import BELIEVED, Limits
from tests.emulators.discord_tests.bot import running

SEND = "POST /channels/{channel_id}/messages"


def narrow(emulator, most, seconds):
    emulator.gatekeeper.limits = Limits(buckets={SEND: (most, seconds)})


def send(rest, channel):
    return rest("POST", f"/channels/{channel.id}/messages", {"content": "x"}, full=True)


async def test_a_bucket_is_of_a_route_and_a_channel_and_empties_with_time(emulator, rest, guild, general):
    narrow(emulator, 2, 5.0)
    left = [(await send(rest, general))[2]["X-RateLimit-Remaining"] for _ in range(2)]
    assert left == ["1", "0"]
    status, body, headers = await send(rest, general)
    assert (status, body["global"], headers["X-RateLimit-Scope"], headers["Via"] != "") == (429, False, "user", True)
    assert 0 < body["retry_after"] <= 5
    assert (await send(rest, guild.text("other")))[0] == 200
    emulator.clock.advance(5.1)
    status, _, headers = await send(rest, general)
    assert (status, headers["X-RateLimit-Remaining"], headers["X-RateLimit-Limit"]) == (200, "1", "2")
    assert emulator.gatekeeper.refused == [SEND]


async def test_messages_older_than_an_hour_are_edited_only_so_often(emulator, rest, guild, general):
    emulator.state.old_edits.most, emulator.state.old_edits.seconds = 1, 20.0

    async def edited(channel, message, content):
        return await rest("PATCH", f"/channels/{channel.id}/messages/{message['id']}", {"content": content}, full=True)

    other = guild.text("other")
    old, elsewhere = (await send(rest, general))[1], (await send(rest, other))[1]
    assert [(await edited(general, old, text))[0] for text in ("a", "b")] == [200, 200]
    emulator.clock.advance(3_601)
    young = (await send(rest, general))[1]
    assert (await edited(general, old, "c"))[0] == 200
    status, body, headers = await edited(general, old, "d")
    assert (status, body["code"], body["global"], "Via" in headers) == (429, 30046, False, True)
    assert 0 < body["retry_after"] <= 20
    assert (await edited(general, young, "e"))[0] == 200
    assert (await edited(other, elsewhere, "f"))[0] == 200
    emulator.clock.advance(21)
    assert (await edited(general, old, "g"))[1]["content"] == "g"


async def test_fifty_a_second_are_all_there_are(emulator, rest, general):
    emulator.gatekeeper.limits.in_all = 3
    emulator.clock.advance(1)
    answers = [await rest("GET", "/users/@me", full=True) for _ in range(4)]
    assert [status for status, _, _ in answers] == [200, 200, 200, 429]
    _, body, headers = answers[-1]
    assert (body["global"], headers["X-RateLimit-Global"]) == (True, "true")


async def test_ten_thousand_refused_requests_ban_the_address(emulator, rest):
    emulator.gatekeeper.limits.invalid = 3
    for _ in range(3):
        assert (await rest("GET", "/users/@me", headers={"Authorization": "x"}))[0] == 401
    status, body, headers = await rest("GET", "/users/@me", full=True)
    assert (status, "Via" in headers, body) == (429, False, "error code: 1015")
    emulator.clock.advance(601)
    assert (await rest("GET", "/users/@me"))[0] == 200


async def test_the_library_keeps_to_a_bucket_by_its_headers(emulator, general):
    narrow(emulator, 3, 0.05)
    async with running(emulator) as bot:
        channel = bot.get_partial_messageable(general.id)
        began = time.monotonic()
        await asyncio.gather(*(channel.send(str(number)) for number in range(7)))
        assert time.monotonic() - began >= 0.1
    assert emulator.gatekeeper.refused == []


async def test_the_believed_buckets_name_routes_that_there_are(emulator):
    app = emulator._rest.application()
    known = {f"{route.method} {route.resource.canonical.removeprefix('/api/v10')}" for route in app.router.routes()}
    assert set(BELIEVED) <= known
