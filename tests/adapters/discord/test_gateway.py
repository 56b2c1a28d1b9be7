"""Does the bot stay connected, whatever the gateway does, and say so when it cannot?"""

import asyncio

import pytest
from pydantic import SecretStr

from adapters.discord import gateway as supervised
from tests.emulators.discord import Intents
from tests.emulators.discord.session import INVALID_SESSION

COMMANDS = "PUT /applications/{application_id}/commands"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch, quick_library):
    """The supervisor waits a second before it connects again, and as long for more servers to come back."""
    monkeypatch.setattr(supervised, "LONGEST_PAUSE", 0.01)
    monkeypatch.setattr(supervised, "TOGETHER_SECONDS", 0.05)


@pytest.fixture
async def announced_anew(place, emulator):
    """The commands have changed since they were last announced."""
    await place.listening()
    await place.platform.gateway._memory.remember(
        f"commands:{emulator.application.id}", {"digest": "of an older version"}
    )


async def hears(place, ann, account):
    """The bot takes up what is said now."""
    said = account(ann).writes(place.channel, f"{place.emulator.bot.mention} a fox")
    await place.emulator.until(lambda: said.moods_of(place.emulator.bot), "the bot's reaction")


async def again_connected(place):
    await place.emulator.shards.ready()
    await place.listening()


async def test_first_connection_that_is_refused_is_tried_again(world, place, emulator):
    emulator.shards.refuse(2)
    await world.restart()
    await asyncio.wait_for(place.platform.gateway.ready.wait(), 60)
    assert place.platform.trouble() is None


async def test_api_that_is_not_there_at_the_start_is_waited_for(world, place, emulator):
    emulator.faults.lay("GET /users/@me", status=503, times=3)
    emulator.faults.lay("GET /gateway/bot", reset=True, times=1)
    await world.restart()
    await asyncio.wait_for(place.platform.gateway.ready.wait(), 60)


@pytest.mark.parametrize("code", [None, 1000, 4000, 4002, 4009])
async def test_connection_that_breaks_is_made_again(place, emulator, ann, account, code):
    await place.listening()
    connections = emulator.shards.identifies + emulator.shards.resumes
    await emulator.shards.drop(code)
    await emulator.until(
        lambda: emulator.shards.identifies + emulator.shards.resumes > connections and emulator.shards.connected, "it"
    )
    await again_connected(place)
    await hears(place, ann, account)


async def test_connection_that_breaks_often_is_made_again_within_minutes(place):
    await place.listening()
    [shard] = place.platform.gateway._client.shards.values()
    pauses = [shard._parent._backoff.delay() for _ in range(200)]
    assert 128 < max(pauses) <= 256


async def test_resume_brings_what_was_said_meanwhile(world, place, emulator, ann, fox, account, results):
    resumes = emulator.shards.resumes
    await emulator.shards.drop(4000)
    account(ann).writes(fox, "make it blue")
    await emulator.until(lambda: emulator.shards.resumes > resumes, "a resume")
    await place.quiet()
    await world.settle()
    assert len(results(fox)) == 2


async def test_session_that_is_invalid_begins_anew_and_catches_up(world, place, emulator, ann, fox, account, results):
    identifies = emulator.shards.identifies
    emulator.shards.hold()
    said = account(ann).writes(fox, "make it blue")
    emulator.shards._held = None  # this event is lost for ever
    emulator.shards.invalidate()
    await emulator.until(lambda: emulator.shards.identifies > identifies, "a new session")
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")
    await place.quiet()
    await world.settle()
    assert len(results(fox)) == 2


@pytest.mark.parametrize(
    "event", ["MESSAGE_CREATE", "INTERACTION_CREATE", "THREAD_CREATE", "GUILD_ROLE_UPDATE", "SOMETHING_NEW"]
)
async def test_malformed_event_ends_nothing(place, emulator, ann, account, event):
    await place.listening()
    identifies = emulator.shards.identifies
    emulator.shards.send_raw(event, {"guild_id": str(place.guild.id)})
    emulator.shards.send_raw(event, {})
    await place.quiet()
    await hears(place, ann, account)
    assert emulator.shards.identifies == identifies, "the connection was not even interrupted"


async def test_client_that_ends_by_a_bug_is_replaced(place, emulator, ann, account):
    await place.listening()
    identifies = emulator.shards.identifies
    client = place.platform.gateway._client
    await client.close()
    await emulator.until(lambda: emulator.shards.identifies > identifies, "a new client")
    await emulator.until(lambda: emulator.shards.connected and place.platform.gateway._client is not client, "it")
    await asyncio.wait_for(place.platform.gateway.ready.wait(), 60)
    await hears(place, ann, account)


async def test_bot_that_is_asked_to_stop_while_it_connects_again_stops(world, place, emulator):
    await place.listening()
    emulator.shards.fall_silent(1)
    emulator.shards.reconnect()
    await emulator.until(lambda: emulator.shards.silent, "a connection that is told nothing")
    (run,) = (task for task in world._beside if task.get_name() == "world-discord")
    run.cancel()
    await asyncio.wait({run}, timeout=10)
    assert run.cancelled()


async def test_refused_token_stops_the_platform_with_a_sentence(world, place, emulator):
    await place.listening()
    place.settings["discord_token"] = SecretStr("another")
    await world.restart()
    (run,) = (task for task in world._beside if task.get_name() == "world-discord")
    await asyncio.wait_for(asyncio.shield(run), 60)
    assert "Discord refuses the token" in place.platform.trouble()
    assert "DISCORD_TOKEN" in place.platform.trouble()
    assert (await world.app.views.readiness()).problems["discord"] == place.platform.trouble()


async def test_token_that_is_refused_later_stops_the_platform_too(world, place, emulator):
    await place.listening()
    await emulator.shards.drop(4004)
    (run,) = (task for task in world._beside if task.get_name() == "world-discord")
    await asyncio.wait_for(asyncio.shield(run), 60)
    assert "Discord refuses the token" in place.platform.trouble()


async def test_missing_token_says_what_to_set(world, place):
    place.settings["discord_token"] = None
    await world.restart()
    (run,) = (task for task in world._beside if task.get_name() == "world-discord")
    await asyncio.wait_for(asyncio.shield(run), 60)
    assert "DISCORD_TOKEN is not set" in place.platform.trouble()


async def test_commands_are_announced_only_when_they_changed(world, place, emulator):
    route = "PUT /applications/{application_id}/commands"
    await place.listening()
    await world.restart()
    await place.listening()
    assert len(emulator.recorder.of(route)) == 1
    await place.platform.gateway._memory.remember(
        f"commands:{emulator.application.id}", {"digest": "of an older version"}
    )
    await world.restart()
    await place.listening()
    assert len(emulator.recorder.of(route)) == 2


async def test_commands_that_discord_refuses_keep_nobody_from_being_heard(
    world, place, emulator, ann, account, announced_anew
):
    emulator.faults.lay(COMMANDS, status=400, code=50035, times=1)
    await world.restart()
    await place.listening()
    await hears(place, ann, account)
    before = len(emulator.recorder.of(COMMANDS))
    await world.restart()
    await place.listening()
    assert len(emulator.recorder.of(COMMANDS)) == before + 1, "the next session tries again"


async def test_commands_that_may_be_announced_only_in_hours_are_announced_then(
    world, place, emulator, ann, account, announced_anew, monkeypatch
):
    monkeypatch.setattr(supervised, "PAUSE_SECONDS", 0.0)
    limit = emulator.faults.lay(COMMANDS, status=429, retry_after=40_000.0, times=1)
    await world.restart()
    await place.listening()
    assert limit.met == 1
    assert place.platform.trouble() is None
    await hears(place, ann, account)
    handle = place.platform.gateway._alarms["announce"]
    assert handle.when() - asyncio.get_running_loop().time() > 30_000


async def test_commands_that_failed_for_a_moment_are_announced_by_themselves(
    world, place, emulator, announced_anew, monkeypatch
):
    monkeypatch.setattr(supervised, "PAUSE_SECONDS", 0.0)
    before = len(emulator.recorder.of(COMMANDS))
    emulator.faults.lay(COMMANDS, status=503, times=1)
    await world.restart()
    await place.listening()
    await emulator.until(lambda: len(emulator.recorder.of(COMMANDS)) == before + 2, "a second attempt")


@pytest.mark.parametrize("code", [4010, 4011])
async def test_other_number_of_shards_is_asked_for_by_a_new_client(place, emulator, ann, account, code):
    """At 2,500 servers Discord wants two."""
    await place.listening()
    identifies = emulator.shards.identifies
    emulator.shards.recommended = 2
    await emulator.shards.drop(code)
    await emulator.until(lambda: emulator.shards.identifies == identifies + 2, "two sessions")
    await emulator.shards.ready(2)
    await asyncio.wait_for(place.platform.gateway.ready.wait(), 60)
    await hears(place, ann, account)
    assert place.platform.trouble() is None


@pytest.mark.parametrize("code", [4012, 4013])
async def test_close_that_a_new_client_would_meet_again_stops_the_platform(world, place, emulator, code):
    await place.listening()
    await emulator.shards.drop(code)
    (run,) = (task for task in world._beside if task.get_name() == "world-discord")
    await asyncio.wait_for(asyncio.shield(run), 60)
    assert str(code) in place.platform.trouble()


async def test_shard_that_begins_anew_beside_others_catches_up(world, place, emulator, ann, fox, account, results):
    """The library tells of a new session of one shard of several only that this shard is ready."""
    emulator.shards.recommended = 2
    await world.restart()
    await emulator.shards.ready(2)
    await place.listening()
    identifies = emulator.shards.identifies
    emulator.shards.hold()
    said = account(ann).writes(fox, "make it blue")
    emulator.shards._held = None  # this event is lost for ever
    number = (place.guild.id >> 22) % 2
    (session,) = (session for session in emulator.shards.sessions if session.shard[0] == number)
    line = session.line
    emulator.shards._end(session)
    line.send(INVALID_SESSION, False)
    await emulator.until(lambda: emulator.shards.identifies == identifies + 1, "a new session")
    await emulator.until(lambda: said.moods_of(emulator.bot), "the bot's reaction")
    await place.quiet()
    await world.settle()
    assert len(results(fox)) == 2


async def test_two_shards_are_one_platform(world, place, emulator, ann, account):
    emulator.shards.recommended = 2
    await world.restart()
    await emulator.shards.ready(2)
    await place.listening()
    await hears(place, ann, account)
    assert place.platform.trouble() is None


# -- the message content intent --------------------------------------------------------------------------------------


@pytest.fixture
async def without_content(world, place, emulator, caplog):
    """The intent is asked for, and not switched on in the portal. Gives what the log says of it."""
    emulator.application.enabled = Intents(0)
    await world.restart()
    await asyncio.wait_for(place.platform.gateway.ready.wait(), 60)
    return caplog.text


async def test_intent_that_is_not_switched_on_is_done_without_and_said(without_content, place, emulator):
    assert 4014 in emulator.shards.closes
    assert place.platform.trouble() is None
    assert "Message Content Intent" in without_content
    assert "a plain reply in a thread is not understood" in without_content


async def test_without_the_intent_replies_mentions_and_buttons_are_understood(
    without_content, world, place, emulator, ann, fox, writes, clicks, results, account
):
    await writes(ann, fox, "make it blue")
    await world.settle()
    assert len(results(fox)) == 1, "a plain reply cannot be read"
    await writes(ann, fox, "make it red", reply_to=results(fox)[0])
    await world.settle()
    await writes(ann, fox, f"{emulator.bot.mention} add a hat")
    await world.settle()
    modal = (await clicks(ann, results(fox)[0], "Edit")).modal
    await account(ann).submits(modal, {"words": "at night"}).answer
    await place.quiet()
    await world.settle()
    assert [post.pictures[0].description for post in results(fox)] == ["a fox", "make it red", "add a hat", "at night"]


async def test_intent_that_is_switched_off_in_the_settings_is_not_asked_for(world, place, emulator, caplog):
    await place.listening()
    place.settings["discord_message_content"] = False
    await world.restart()
    await place.listening()
    assert 4014 not in emulator.shards.closes
    assert not emulator.shards.sessions[-1].reads
    assert "set DISCORD_MESSAGE_CONTENT=true" in caplog.text
    assert "discord.com/developers" not in caplog.text, "the portal is not where it was switched off"


async def test_token_of_the_header_is_understood():
    from adapters.discord import Settings  # noqa: PLC0415

    assert Settings(discord_token=SecretStr("Bot test-token")).token == "test-token"
