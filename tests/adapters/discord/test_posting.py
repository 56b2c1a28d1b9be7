"""A worker posts by REST alone, beside the gateway that hears: is it ready, is it told of trouble, do the two agree?"""

import asyncio

import pytest
from pydantic import SecretStr

from adapters.discord import posting, sizes
from adapters.discord.outbound import REACTIONS
from bot.model import Mood
from tests.adapters.discord.conftest import PAINTING

CARD = "PATCH /channels/{channel_id}/messages/{message_id}"
GUILD = "GET /guilds/{guild_id}"
ME = "GET /oauth2/applications/@me"
REACT = "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me"


@pytest.fixture(autouse=True)
def _no_pauses(monkeypatch):
    monkeypatch.setattr(posting, "LONGEST_PAUSE", 0.01)


@pytest.fixture
async def world(make_world, server):
    """The gateway of a bot with one worker; `settle` waits for what follows beside the jobs, too."""
    made = await make_world("discord", database_url=server.address(server.new_database()), role="gateway")
    driver, settle = made.place.driver, made.settle

    async def settle_all():
        await settle()
        for app in made.others:
            await app.platforms["discord"].cards.settled()
        await driver.quiet()

    made.settle = settle_all
    await driver.listening()
    async with made.another(role="worker"):
        yield made
    for thread in await driver.threads():
        made.place.seen |= {post.id for post in await driver.posts(thread)}


@pytest.fixture
def worker(world):
    return world.others[0]


@pytest.fixture
def poster(worker):
    """The worker's half of the platform."""
    return worker.platforms["discord"]


async def until(poster, words):
    """The sentence that the platform tells with these words in it, or None once nothing troubles it."""
    async with asyncio.timeout(10):
        while words not in (poster.trouble() or "nothing"):  # noqa: ASYNC110  it has no event of its own
            await asyncio.sleep(0)
    return poster.trouble()


# -- ready to post ---------------------------------------------------------------------------------------------------


async def test_worker_makes_no_connection_and_announces_nothing(world, emulator, poster, fox, results):
    assert len(results(fox)) == 1
    assert emulator.shards.identifies == 1, "the gateway's"
    assert len(emulator.recorder.of("PUT /applications/{application_id}/commands")) == 1
    assert poster.trouble() is None


async def test_token_that_is_refused_stops_it_with_a_sentence(world, place):
    place.settings["discord_token"] = SecretStr("another")
    async with world.another(role="worker") as app:
        poster = app.platforms["discord"]
        assert "DISCORD_TOKEN" in await until(poster, "Discord refuses the token")
        assert (await app.views.readiness()).problems["discord"] == poster.trouble()


async def test_missing_token_says_what_to_set(world, place):
    place.settings["discord_token"] = None
    async with world.another(role="worker") as app:
        await until(app.platforms["discord"], "DISCORD_TOKEN is not set")


async def test_token_that_is_refused_later_is_told_too(world, emulator, worker, poster, fox):
    await until(poster, "nothing")
    emulator.faults.lay(ME, times=3, status=401)
    emulator.faults.lay(GUILD, status=401)
    assert await poster.sizes.limit(str(fox.guild.id)) == sizes.DEFAULT_FILE_BYTES
    assert "DISCORD_TOKEN" in await until(poster, "Reset it")
    assert "discord" in (await worker.views.readiness()).problems


async def test_discord_that_is_out_of_order_is_told_until_it_answers_again(world, emulator, poster, fox):
    await until(poster, "nothing")
    emulator.faults.lay(ME, times=20, status=503)
    emulator.faults.lay(GUILD, times=20, status=503)
    asking = asyncio.create_task(poster.sizes.limit(str(fox.guild.id)))
    await until(poster, "503")
    emulator.faults.clear()
    await until(poster, "nothing")
    await asking


async def test_first_login_that_fails_is_tried_again(world, emulator):
    emulator.faults.lay("GET /users/@me", times=2, reset=True)
    async with world.another(role="worker") as app:
        await until(app.platforms["discord"], "nothing")


# -- how large a file may be -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("tier", "features"), [(0, ()), (2, ()), (0, ("MAX_FILE_SIZE_50_MB",))], ids=["no boost", "boosted", "by feature"]
)
async def test_worker_asks_what_a_server_takes_when_a_picture_needs_more_than_usual(
    world, place, emulator, worker, ann, asks, results, heavy, monkeypatch, tier, features
):
    place.guild.tier, place.guild.features = tier, features
    card = (await asks(ann, place.channel)).message
    await world.settle()
    assert emulator.recorder.of(GUILD) == [], "a usual picture needs no permission"
    monkeypatch.setattr(worker.store, "get_blob", lambda _: asyncio.sleep(0, heavy), raising=False)
    for _ in range(2):
        await asks(ann, place.channel)
        await world.settle()
    threads = [thread for thread in place.channel.threads if thread is not card.thread]
    posts = [results(thread)[0].pictures[0].data for thread in threads]
    assert [post == heavy for post in posts] == [bool(tier or features)] * 2
    assert all(len(post) <= place.guild.upload_limit for post in posts)
    assert len(emulator.recorder.of(GUILD)) == 1, "it is kept for an hour"


# -- two processes, one card -----------------------------------------------------------------------------------------


async def test_older_state_of_a_card_that_lands_last_is_put_right(world, place, emulator, worker, ann, asks, clicks):
    world.emulator.behave(latency=PAINTING)
    card = (await asks(ann, place.channel)).message
    hold = emulator.faults.hold(CARD, times=1)
    await world.step()
    await hold.arrived()
    await clicks(ann, card, "Cancel")
    await emulator.until(lambda: "Cancelled" in card.content, "the gateway's word")
    hold.release()  # the worker's older one lands, and Cancel is there again until the worker has looked
    await world.settle()
    assert "Cancelled" in card.content
    assert card.buttons == []


async def test_preview_that_another_process_has_put_there_is_not_taken_for_ones_own(
    world, place, ann, fox, writes, clicks, results
):
    card = next(message for message in place.channel.messages if message.id == fox.id)
    first = card.pictures[0].data
    for words in ("make it blue", "make it red"):
        await writes(ann, fox, words)  # the worker shows the newest
        await world.settle()
        assert card.pictures[0].data != first
        await clicks(ann, results(fox)[-1], "Delete")  # the gateway the one before it
        await world.settle()
        assert card.pictures[0].data == first


async def test_sign_of_work_that_lands_after_the_answer_is_taken_away(world, place, emulator, ann, fox, account):
    hold = emulator.faults.hold(REACT, times=1)
    said = account(ann).writes(fox, "make it blue")
    await hold.arrived()
    done = REACTIONS[Mood.DONE]
    await asyncio.wait_for(_until_reacted(world, said, emulator.bot, done), 60)
    hold.release()
    await world.settle()
    assert said.moods_of(emulator.bot) == [done]


async def _until_reacted(world, message, bot, mood):
    while mood not in message.moods_of(bot):
        await world.step()
        world.advance(1)
