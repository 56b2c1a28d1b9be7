"""Who hears of an answer, and where, when its place is closed, hidden from others, or does not take what is to be posted?"""

import pytest

from bot.errors import FailureKind
from bot.model import JobState
from tests.adapters.discord.conftest import PAINTING, WRITING

POST = "POST /channels/{channel_id}/messages"
DIRECT = "POST /users/@me/channels"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"


# -- private threads -------------------------------------------------------------------------------------------------


@pytest.fixture
def secret(place, account, ann):
    """A private thread of ann's; the bot is no member."""
    return account(ann).opens_thread(place.channel, "secret", private=True)


@pytest.mark.parametrize("fate", ["locked", "deleted"])
async def test_picture_of_a_private_thread_never_comes_to_its_channel(
    world, place, emulator, ann, asks, account, results, secret, fate
):
    account(ann).writes(secret, f"{emulator.bot.mention} // come in")
    world.emulator.behave(latency=PAINTING)
    await asks(ann, secret, "a secret gift")
    await world.step()
    if fate == "locked":
        secret.lock()
    else:
        secret.delete()
    await world.settle()
    assert [m for m in place.channel.messages if m.author is emulator.bot] == []
    assert len(results(account(ann).dm)) == 1


async def test_picture_of_a_public_thread_of_somebody_elses_comes_to_its_channel(
    world, place, ann, asks, account, results
):
    theirs = account(ann).opens_thread(place.channel, "our own")
    world.emulator.behave(latency=PAINTING)
    await asks(ann, theirs)
    await world.step()
    theirs.lock()
    await world.settle()
    assert len(results(place.channel)) == 1


@pytest.mark.parametrize("joins", [False, True], ids=["stays outside", "joins by its answer"])
async def test_private_thread_without_the_bot_is_refused_in_private_until_it_is_added(
    world, place, emulator, ann, asks, account, results, told, secret, joins
):
    emulator.state.answers_join_threads = joins
    answer = await asks(ann, secret, "a secret gift")
    assert answer.message.ephemeral
    assert "Mention me" in answer.message.content
    assert await world.jobs() == []
    before = emulator.gatekeeper.invalid
    if not joins:
        await asks(ann, secret, "a secret gift")
        assert emulator.gatekeeper.invalid == before, "it is not asked for again and again"
        account(ann).writes(secret, f"{emulator.bot.mention} // come in")
    await asks(ann, secret, "a secret gift")
    await world.settle()
    assert len(results(secret)) == 1
    assert [m for m in place.channel.messages if m.author is emulator.bot] == []


# -- what is not Discord's own no ------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [403, 404])
async def test_page_of_something_before_discord_is_waited_for(world, emulator, painting, results, status):
    """Cloudflare blocks an address for a while; nothing is closed by that, and a paid picture waits."""
    emulator.faults.lay(POST, status=status, page=True, times=3)
    emulator.faults.lay(DIRECT, status=status, page=True)
    await world.settle()
    assert (await world.jobs())[0].state is JobState.SUCCEEDED
    assert len(results(painting.thread)) == 1


# -- members who take no direct messages -----------------------------------------------------------------------------


async def test_member_with_closed_direct_messages_costs_one_refusal_and_one_sentence(
    world, emulator, ann, bob, account, fox, writes, told
):
    account(ann).accepts_dms = False
    before, opened = emulator.gatekeeper.invalid, len(emulator.recorder.of(DIRECT))
    asked = [await writes(ann, fox, f"blue --ar 1:{20 + number}") for number in range(6)]
    assert emulator.gatekeeper.invalid - before == 1
    assert len(emulator.recorder.of(DIRECT)) - opened == 1
    said = [m for m in fox.messages if m.author is emulator.bot and "direct messages" in m.content]
    assert [m.replied_to for m in said] == [asked[0]]
    assert all(m.moods_of(emulator.bot) for m in asked), "each of them is told by its reaction"
    account(ann).accepts_dms = True
    world.advance(1_000)
    await writes(ann, fox, "blue --ar 1:30")
    assert len(told(ann)) == 1


async def test_result_is_not_sent_to_direct_messages_that_were_refused_not_long_ago(
    world, place, emulator, ann, account, fox, writes
):
    account(ann).accepts_dms = False
    await writes(ann, fox, "blue --ar 1:7")
    world.emulator.behave(latency=PAINTING)
    await writes(ann, fox, "blue")
    await world.step()
    place.channel.deny(emulator.bot, WRITING)
    before = emulator.gatekeeper.invalid
    await world.settle()
    assert (await world.jobs())[-1].failure.kind is FailureKind.PLACE
    posts = [e for e in emulator.recorder.refused if e.route == POST]
    assert len(posts) == 3, "the one before, the thread, its channel"
    assert emulator.gatekeeper.invalid - before <= 4


# -- content that is refused -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(("status", "code"), [(400, 20009), (403, 20009), (400, 200000), (400, 50035)])
async def test_picture_that_discord_refuses_for_its_content_is_told_in_its_place(
    world, emulator, ann, painting, results, told, status, code
):
    emulator.faults.lay(POST, status=status, code=code)
    await world.settle()
    (job,) = await world.jobs()
    assert (job.state, job.failure.kind) == (JobState.FAILED, FailureKind.CONTENT)
    (post,) = results(painting.thread)
    assert post.pictures == []
    assert "rules for content" in post.content
    assert [button.label for button in post.buttons] == ["Try again"]
    assert post.id == int(job.posts[0].id)
    assert told(ann) == []
    assert "Failed" in painting.content


async def test_sentence_in_the_place_of_a_refused_picture_is_said_once(world, emulator, painting, results):
    emulator.faults.lay(POST, status=400, code=20009)
    lost = emulator.faults.lay(POST, after_effect=True, reset=True)
    await world.settle()
    assert lost.met
    assert len(results(painting.thread)) == 1


async def test_other_pictures_of_a_result_are_posted_and_the_refused_one_is_told(
    world, place, emulator, ann, asks, results
):
    world.emulator.behave(images=3)
    emulator.faults.lay(POST, status=400, code=20009)
    card = (await asks(ann, place.channel)).message
    await world.settle()
    posts = results(card.thread)
    assert sorted(len(post.pictures) for post in posts) == [0, 1, 1]
    (told,) = (post for post in posts if not post.pictures)
    assert "rules for content" in told.content
    (job,) = await world.jobs()
    assert job.state is JobState.SUCCEEDED
    assert [int(post.id) for post in job.posts] == [told.id, *(post.id for post in posts if post.pictures)]


# -- buttons of an answer that came elsewhere ------------------------------------------------------------------------


@pytest.mark.parametrize("acknowledged", [True, False], ids=["after", "before"])
async def test_bot_that_dies_around_try_again_under_an_answer_elsewhere_leaves_one_card(
    world, place, emulator, ann, account, painting, results, acknowledged
):
    painting.thread.lock()
    await world.settle()
    (post,) = results(place.channel)
    painting.thread.reopen()
    await place.quiet()
    hold = emulator.faults.hold(CALLBACK, after_effect=acknowledged)
    account(ann).clicks(post, "Try again")
    await hold.arrived()
    await world.die()
    emulator.clock.advance(4)  # too late for an acknowledgement that has had no effect yet
    hold.release()
    world.advance(1_000)
    await world.start()
    await place.listening()
    await world.settle()
    said = [m for c in (place.channel, painting.thread) for m in c.messages if m.author is emulator.bot]
    cards = [m for m in said if "asked by" in m.content]
    assert len(cards) == 2, "one of each request"
    assert all("Done" in card.content for card in cards)
    assert len(results(painting.thread)) == 1
