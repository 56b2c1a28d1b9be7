"""Does what is laid go wrong, once, where it was laid, and with the effect that was asked for?"""

import asyncio

import aiohttp
import discord
import pytest

from tests.emulators.discord_tests.bot import hurry, running

SEND = "POST /channels/{channel_id}/messages"


def send(rest, channel):
    return rest("POST", f"/channels/{channel.id}/messages", {"content": "x"}, full=True)


@pytest.mark.parametrize("after", [False, True])
async def test_a_status_comes_instead_of_the_answer_before_or_after_the_effect(emulator, rest, general, after):
    fault = emulator.faults.lay(SEND, times=2, status=503, after_effect=after)
    assert [(await send(rest, general))[0] for _ in range(3)] == [503, 503, 200]
    assert (fault.met, len(general.messages)) == (2, 3 if after else 1)


@pytest.mark.parametrize("after", [False, True])
async def test_a_connection_breaks_before_or_after_the_effect(emulator, rest, general, after):
    emulator.faults.lay(SEND, reset=True, after_effect=after)
    with pytest.raises(aiohttp.ClientConnectionError):
        await send(rest, general)
    assert len(general.messages) == int(after)
    assert [exchange.lost for exchange in emulator.recorder.of(SEND)] == [True]


async def test_a_held_request_waits_until_it_is_released(emulator, rest, general):
    hold = emulator.faults.hold(SEND, after_effect=True)
    asked = asyncio.create_task(send(rest, general))
    await hold.arrived()
    assert (asked.done(), len(general.messages)) == (False, 1)
    hold.release()
    assert (await asked)[0] == 200


async def test_a_429_is_discord_s_or_cloudflare_s(emulator, rest, general):
    emulator.faults.lay(SEND, status=429, retry_after=0.3, scope="shared")
    emulator.faults.lay(SEND, status=429, via=False)
    status, body, headers = await send(rest, general)
    assert (status, body["retry_after"], headers["X-RateLimit-Scope"], "Via" in headers) == (429, 0.3, "shared", True)
    assert emulator.gatekeeper.invalid == 0  # shared limits do not count
    status, _, headers = await send(rest, general)
    assert (status, "Via" in headers, emulator.gatekeeper.invalid) == (429, False, 1)


async def test_what_stands_before_discord_answers_with_a_page(emulator, rest, general):
    emulator.faults.lay(SEND, status=403, page=True)
    status, body, headers = await send(rest, general)
    assert (status, headers["Content-Type"].partition(";")[0]) == (403, "text/html")
    assert "Cloudflare" in body
    assert general.messages == []


async def test_the_library_s_own_retry_after_a_lost_answer_makes_one_message(emulator, general, monkeypatch):
    hurry(monkeypatch)
    async with running(emulator) as bot:
        emulator.faults.lay(SEND, status=502, after_effect=True)
        await bot.get_partial_messageable(general.id).send("once")
    assert [message.content for message in general.messages] == ["once"]


async def test_the_library_gives_up_at_once_on_what_it_does_not_retry(emulator, general):
    async with running(emulator) as bot:
        channel = bot.get_partial_messageable(general.id)
        emulator.faults.lay(SEND, status=503)
        with pytest.raises(discord.DiscordServerError):
            await channel.send("x")
        emulator.faults.lay(SEND, status=429, via=False)
        with pytest.raises(discord.HTTPException):
            await channel.send("x")
        emulator.faults.lay(SEND, status=429, via=True)
        await channel.send("x")
    assert len(general.messages) == 1


async def test_faults_that_are_cleared_are_gone_and_what_was_held_goes_on(emulator, rest, general):
    emulator.faults.lay("*", times=5, status=500)
    emulator.faults.hold(SEND)
    emulator.faults.clear()
    assert (await send(rest, general))[0] == 200
