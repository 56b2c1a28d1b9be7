"""Is every answer posted once, in the best place there is, whatever goes wrong on the way?"""

import asyncio
import io
from contextlib import asynccontextmanager

import pytest
from PIL import Image

from adapters.discord import delivering
from bot.errors import FailureKind
from bot.model import JobState
from tests.adapters.discord.conftest import PAINTING
from tests.adapters.histories import address_of, contents_of
from tests.emulators.discord import Permission
from tests.emulators.discord.drafts import Draft

POST = "POST /channels/{channel_id}/messages"
CARD = "PATCH /channels/{channel_id}/messages/{message_id}"
THREAD = "POST /channels/{channel_id}/messages/{message_id}/threads"

TROUBLE = {
    "503": {"status": 503},
    "500": {"status": 500},
    "reset": {"reset": True},
    "429": {"status": 429, "retry_after": 0.02},
    "429 of Cloudflare": {"status": 429, "via": False},
    "429 for all": {"status": 429, "retry_after": 0.02, "in_all": True},
}


@pytest.mark.usefixtures("quick_library")
@pytest.mark.parametrize("lost", [False, True], ids=["before", "after its effect"])
@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
async def test_trouble_while_posting_delays_and_posts_once(world, emulator, painting, results, trouble, lost):
    emulator.faults.lay(POST, after_effect=lost, **trouble)
    await world.settle()
    assert len(results(painting.thread)) == 1
    assert (await world.jobs())[0].state is JobState.SUCCEEDED


@pytest.mark.usefixtures("quick_library")
@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
async def test_trouble_while_opening_makes_one_thread(world, place, emulator, ann, asks, results, trouble):
    emulator.faults.lay(THREAD, after_effect=True, **trouble)
    card = (await asks(ann, place.channel)).message
    await world.settle()
    assert len(results(card.thread)) == 1
    assert len(place.channel.threads) == 1


@pytest.mark.usefixtures("quick_library")
@pytest.mark.parametrize("trouble", TROUBLE.values(), ids=TROUBLE)
async def test_trouble_with_cards_delays_no_picture(world, emulator, painting, results, trouble):
    emulator.faults.lay(CARD, times=2, **trouble)
    await world.settle()
    assert len(results(painting.thread)) == 1


async def test_death_between_posting_and_knowing_posts_once(world, place, emulator, painting, results):
    hold = emulator.faults.hold(POST, after_effect=True, times=1)
    world.advance(60)
    async with _working(world):
        await hold.arrived()
        await world.die()
    hold.release()
    emulator.clock.advance(3_600)  # Discord has long forgotten the nonce
    world.advance(60)
    await world.start()
    await world.settle()
    assert len(results(painting.thread)) == 1
    assert (await world.jobs())[0].posts[0].id == str(results(painting.thread)[0].id)


async def test_death_before_posting_posts_once(world, place, emulator, painting, results):
    hold = emulator.faults.hold(POST, times=1)
    hold.fault.reset = True
    world.advance(60)
    async with _working(world):
        await hold.arrived()
        await world.die()
    hold.release()
    world.advance(60)
    await world.start()
    await world.settle()
    assert len(results(painting.thread)) == 1


async def test_picture_that_was_deleted_before_its_answer_was_known_counts_as_delivered(
    world, emulator, painting, results
):
    """The nonce is known to Discord and its message is gone: 10008, which is not "channel gone"."""
    hold = emulator.faults.hold(POST, after_effect=True, times=1)
    hold.fault.reset = True
    world.advance(60)
    async with _working(world):
        await hold.arrived()
        results(painting.thread)[0].delete()
        hold.release()
    await world.settle()
    assert results(painting.thread) == []
    assert (await world.jobs())[0].state is JobState.SUCCEEDED


async def test_answer_to_a_message_that_is_deleted_as_it_is_posted_stands_alone(
    world, emulator, ann, painting, writes, results, account
):
    await world.settle()
    said = await writes(ann, painting.thread, "make it blue")
    hold = emulator.faults.hold(POST)
    settling = asyncio.create_task(world.settle())
    await hold.arrived()
    account(ann).deletes(said)
    hold.release()
    await settling
    (_, blue) = results(painting.thread)
    assert blue.pictures[0].description == "make it blue"
    assert blue.replied_to is None


async def test_answer_where_the_history_may_no_longer_be_read_stands_alone(
    world, place, emulator, ann, painting, writes, results
):
    """Discord takes no visible answer from who may not read what it answers."""
    await world.settle()
    await writes(ann, painting.thread, "make it blue")
    place.channel.deny(emulator.bot, Permission.READ_MESSAGE_HISTORY)
    await world.settle()
    (_, blue) = results(painting.thread)
    assert blue.pictures[0].description == "make it blue"
    assert blue.reference is None


async def test_many_messages_since_the_request_do_not_hide_what_was_posted(
    world, place, emulator, painting, results, bob, account, monkeypatch
):
    monkeypatch.setattr(delivering, "_PAGE", 10)
    for number in range(120):
        account(bob).writes(painting.thread, f"// {number}")
    await place.quiet()
    hold = emulator.faults.hold(POST, after_effect=True, times=1)
    world.advance(60)
    async with _working(world):
        await hold.arrived()
        await world.die()
    hold.release()
    emulator.clock.advance(3_600)
    account(bob).writes(painting.thread, "// still here")
    world.advance(60)
    await world.start()
    await world.settle()
    assert len(results(painting.thread)) == 1


async def test_other_bot_that_copies_a_button_does_not_pass_for_the_answer(world, place, emulator, painting, results):
    (job,) = await world.jobs()
    button = {"type": 2, "style": 2, "id": 2, "label": "Try again", "custom_id": f"darkroom:again:{job.id}:0"}
    copy = Draft(content="free pictures", components=[{"type": 1, "id": 1, "components": [button]}])
    emulator.faults.lay(POST, reset=True)
    emulator.state.acts.post(painting.thread, emulator.state.new_person("other", bot=True), copy)
    await world.settle()
    assert len(results(painting.thread)) == 1


# -- where it can still be posted ------------------------------------------------------------------------------------


async def test_locked_thread_is_answered_in_its_channel(world, place, emulator, painting, results):
    painting.thread.lock()
    await world.settle()
    (post,) = results(place.channel)
    assert f"<#{painting.id}>" in post.content
    assert post.replied_to is painting
    assert (await world.jobs())[0].state is JobState.SUCCEEDED


async def test_deleted_thread_is_answered_in_its_channel(world, place, painting, results):
    painting.thread.delete()
    await world.settle()
    assert len(results(place.channel)) == 1


async def test_thread_that_nothing_can_be_posted_in_is_answered_in_its_channel(
    world, place, emulator, painting, results
):
    place.channel.deny(emulator.bot, Permission.SEND_MESSAGES_IN_THREADS)
    await world.settle()
    assert len(results(place.channel)) == 1


async def test_deleted_channel_is_answered_by_direct_message(world, place, emulator, ann, account, painting, results):
    place.channel.delete()
    await world.settle()
    assert len(results(account(ann).dm)) == 1
    assert (await world.jobs())[0].state is JobState.SUCCEEDED


async def test_nowhere_to_answer_is_a_recorded_failure_after_one_attempt_each(
    world, place, emulator, ann, account, painting
):
    place.channel.delete()
    account(ann).accepts_dms = False
    refused = len(emulator.recorder.refused)
    await world.settle()
    (job,) = await world.jobs()
    assert job.state is JobState.FAILED
    assert job.failure.kind is FailureKind.PLACE
    posts = [e for e in emulator.recorder.refused[refused:] if e.route in (POST, "POST /users/@me/channels")]
    assert len(posts) == 3, "the thread, its channel, the member; once each"


async def test_bot_that_was_thrown_out_gives_up_after_one_attempt_each(
    world, place, emulator, ann, account, painting, results
):
    account(ann).accepts_dms = False
    place.guild.remove_bot()
    await world.settle()
    assert (await world.jobs())[0].state is JobState.FAILED
    assert emulator.gatekeeper.invalid <= 5


async def test_refused_channel_is_remembered_and_asked_again_after_a_while(
    world, place, emulator, ann, bob, asks, account, results
):
    """Jobs that wait for a channel that is closed meanwhile don't each run into the same refusal."""
    world.emulator.behave(times=None, latency=PAINTING)
    cards = [(await asks(member, place.channel, f"fox {n}")).message for n, member in enumerate((ann, bob))]
    await world.step()
    await place.quiet()
    thread = cards[0].thread
    for words in ("one", "two"):
        account(ann).writes(thread, words)
    await place.quiet()
    place.channel.deny(emulator.bot, Permission.SEND_MESSAGES_IN_THREADS)
    before = emulator.gatekeeper.invalid
    await world.settle()
    assert len(results(place.channel)) == 4
    assert emulator.gatekeeper.invalid - before <= 2, "once for each thread, not once for each picture"
    place.channel.allow(emulator.bot, Permission.SEND_MESSAGES_IN_THREADS)
    world.advance(1_000)
    account(ann).writes(thread, "three")
    await place.quiet()
    await world.settle()
    assert len(results(thread)) == 1


# -- files -----------------------------------------------------------------------------------------------------------


@pytest.fixture
def paints(world, monkeypatch):
    """Makes the store hold other bytes for the next result."""

    async def paint(data):
        original = world.app.store.get_blob

        async def get_blob(sha256):
            return data if await original(sha256) is not None else None

        monkeypatch.setattr(world.app.store, "get_blob", get_blob)

    return paint


@pytest.mark.parametrize(
    ("tier", "features", "untouched"),
    [(0, (), False), (2, (), True), (0, ("MAX_FILE_SIZE_50_MB",), True)],
    ids=["no boost", "boosted", "by feature"],
)
async def test_picture_is_made_as_small_as_its_place_asks(
    world, place, emulator, ann, asks, writes, results, heavy, paints, tier, features, untouched
):
    place.guild.tier, place.guild.features = tier, features
    await world.restart()
    await paints(heavy)
    card = (await asks(ann, place.channel)).message
    await world.settle()
    (post,) = results(card.thread)
    assert (post.pictures[0].data == heavy) is untouched
    assert len(post.pictures[0].data) <= place.guild.upload_limit
    assert Image.open(io.BytesIO(post.pictures[0].data)).size[0] > 1_000
    assert [e for e in emulator.recorder.refused if e.route == POST] == []
    await writes(ann, card.thread, "make it blue")
    await world.settle()
    edited = contents_of(world.sent("make it blue"))
    assert edited == [("model", address_of(world, "a fox"))], "the picture as it was made is what is edited"


async def test_place_that_takes_less_than_it_says_is_believed(
    world, place, emulator, ann, asks, results, heavy, paints
):
    place.guild.tier = 2
    await world.restart()
    await paints(heavy)
    card = (await asks(ann, place.channel)).message
    place.guild.tier = 0  # a boost ends, and nobody tells
    await world.settle()
    assert len(results(card.thread)) == 1


# -- cards -----------------------------------------------------------------------------------------------------------


async def test_card_that_was_deleted_is_not_edited_again_and_again(world, place, emulator, painting, results):
    thread = painting.thread
    painting.delete()
    await world.settle()
    assert len(results(thread)) == 1
    assert len([e for e in emulator.recorder.of(CARD) if e.status == 404]) <= 4


@asynccontextmanager
async def _working(world):
    """Steps run while the block lasts; they may die in it."""
    task = asyncio.create_task(world.step())
    yield
    await asyncio.gather(task, return_exceptions=True)
