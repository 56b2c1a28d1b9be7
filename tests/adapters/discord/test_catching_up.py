"""Is what was said while the bot was away found, once, and without asking for everything?"""

import pytest

from adapters.discord import catching_up
from tests.adapters.discord.conftest import PAINTING
from tests.emulators.discord import Permission

HISTORY = "GET /channels/{channel_id}/messages"
CHANNEL = "GET /channels/{channel_id}"
MEMBER = "GET /guilds/{guild_id}/members/{user_id}"


def asked(emulator, route, since=0):
    return emulator.recorder.of(route)[since:]


async def test_reply_that_was_missed_is_acted_on_once(world, place, emulator, ann, fox, account, results):
    await world.stop()
    said = account(ann).writes(fox, "make it blue")
    for _ in range(2):
        await world.start()
        await place.listening()
        await world.settle()
        assert len(results(fox)) == 2
        assert results(fox)[1].replied_to is said
        await world.stop()
    await world.start()
    assert asked(emulator, MEMBER) == [], "nobody needs to know anybody's roles"


async def test_several_missed_replies_are_taken_in_their_order(world, place, ann, fox, account, results):
    await world.stop()
    for words in ("one", "// aside", "two", "three"):
        account(ann).writes(fox, words)
    await world.start()
    await place.listening()
    await world.settle()
    assert [post.pictures[0].description for post in results(fox)] == ["a fox", "one", "two", "three"]


async def test_missed_reply_of_the_thread_that_no_one_had_written_in_yet(world, place, ann, asks, account, results):
    world.emulator.behave(latency=PAINTING)
    card = (await asks(ann, place.channel)).message
    await world.step()
    await place.quiet()
    await world.die()
    account(ann).writes(card.thread, "make it blue")
    world.advance(60)
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(card.thread)) == 2


async def test_quiet_threads_cost_no_request(world, place, emulator, ann, fox, asks):
    for n in range(3):
        await asks(ann, place.channel, f"fox {n}")
        await world.settle()
    await world.stop()
    before = len(asked(emulator, HISTORY)), len(asked(emulator, CHANNEL))
    await world.start()
    await place.listening()
    assert (len(asked(emulator, HISTORY)), len(asked(emulator, CHANNEL))) == before


async def test_only_threads_with_news_are_read(world, place, emulator, ann, fox, asks, account):
    await asks(ann, place.channel, "a hen")
    await world.settle()
    await world.stop()
    account(ann).writes(fox, "make it blue")
    before = len(asked(emulator, HISTORY))
    await world.start()
    await place.listening()
    (read,) = asked(emulator, HISTORY, before)
    assert read.path == f"/channels/{fox.id}/messages"
    await world.settle()


async def test_missed_reply_in_a_thread_that_was_archived_since_is_found(
    world, place, emulator, ann, fox, account, results
):
    await world.stop()
    account(ann).writes(fox, "make it blue")
    emulator.clock.advance(3 * 3_600)
    assert fox.thread.archived
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(fox)) == 2


async def test_missed_words_in_a_direct_message_are_found(world, place, emulator, ann, account, writes, results):
    dm = account(ann).dm
    await writes(ann, dm, "a fox")
    await world.settle()
    await world.stop()
    account(ann).writes(dm, "make it blue")
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(dm)) == 2


@pytest.mark.parametrize(("hours", "acted_on"), [(23, True), (25, False)])
async def test_reply_of_yesterday_is_found_and_one_of_the_day_before_is_left_alone(
    world, place, ann, fox, account, results, hours, acted_on
):
    """Nobody waits for it any more."""
    await world.stop()
    account(ann).writes(fox, "make it blue")
    world.advance(hours * 3_600)
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(fox)) == (2 if acted_on else 1)


async def test_budget_of_requests_is_kept_and_the_newest_come_first(
    world, place, emulator, ann, asks, account, monkeypatch
):
    cards = [(await asks(ann, place.channel, f"fox {n}")).message for n in range(3)]
    await world.settle()
    threads = sorted((card.thread for card in cards), key=lambda thread: thread.messages[-1].id)
    await world.stop()
    for thread in threads:
        account(ann).writes(thread, "make it blue")
    monkeypatch.setattr(catching_up, "REQUESTS", 2)
    before = len(asked(emulator, HISTORY))
    await world.start()
    await place.listening()
    read = [exchange.path for exchange in asked(emulator, HISTORY, before)]
    assert read == [f"/channels/{thread.id}/messages" for thread in (threads[2], threads[1])]


async def test_thread_that_is_gone_or_closed_ends_nothing(world, place, emulator, ann, fox, asks, account, results):
    other = (await asks(ann, place.channel, "a hen")).message
    await world.settle()
    thread = other.thread
    await world.stop()
    fox.delete()
    account(ann).writes(thread, "make it blue")
    place.channel.deny(emulator.bot, Permission.READ_MESSAGE_HISTORY)
    await world.start()
    await place.listening()
    await world.settle()
    place.channel.allow(emulator.bot, Permission.READ_MESSAGE_HISTORY)
    await world.restart()
    await place.listening()
    await world.settle()
    assert len(results(thread)) == 2


async def test_what_is_heard_after_a_resume_is_not_looked_for_later(world, place, emulator, ann, fox, account):
    resumes = emulator.shards.resumes
    await emulator.shards.drop(4000)
    await emulator.until(lambda: emulator.shards.resumes > resumes, "a resume")
    await emulator.shards.ready()
    account(ann).writes(fox, "// aside")
    await place.quiet()
    before = len(asked(emulator, HISTORY))
    await world.restart()
    await place.listening()
    assert asked(emulator, HISTORY, before) == []


# -- where roles decide ----------------------------------------------------------------------------------------------


@pytest.fixture
async def painters(world, place, ann, account):
    """The one role whose members may ask; ann has it."""
    role = place.guild.role("painters")
    place.guild.give(account(ann), role)
    await world.restart(allowed_roles=frozenset({str(role.id)}))
    return role


async def test_missed_replies_are_judged_by_the_roles_of_their_authors(
    painters, world, place, emulator, ann, bob, fox, account, results, told
):
    await world.stop()
    for words in ("one", "two"):
        account(ann).writes(fox, words)
    refused = account(bob).writes(fox, f"{emulator.bot.mention} three")
    account(bob).writes(fox, "four, which is not meant for the bot by anything it knows of")
    await world.start()
    await place.listening()
    await world.settle()
    assert [post.pictures[0].description for post in results(fox)] == ["a fox", "one", "two"]
    assert len(told(bob)) == 1
    assert f"<#{fox.id}>" in told(bob)[0]
    assert refused.moods_of(emulator.bot) != []
    members = sorted(exchange.path.rpartition("/")[2] for exchange in asked(emulator, MEMBER))
    assert members == sorted([ann.person.id, bob.person.id]), "each asked for once"


async def test_missed_reply_whose_authors_roles_cannot_be_asked_for_waits_for_the_next_session(
    painters, world, place, emulator, ann, fox, account, results, told, monkeypatch
):
    await world.stop()
    account(ann).writes(fox, "make it blue")
    with monkeypatch.context() as narrow:
        narrow.setattr(catching_up, "REQUESTS", 1)  # which the history takes
        await world.start()
        await place.listening()
    emulator.faults.lay(MEMBER, status=503)
    account(ann).writes(fox, "// hello?")
    for expected in (1, 1, 2):
        await place.quiet()
        await world.settle()
        assert len(results(fox)) == expected
        await world.restart()
        await place.listening()
    assert told(ann) == [], "nobody is refused for what the bot does not know"


async def test_missed_reply_of_somebody_who_left_is_let_go(
    painters, world, place, emulator, ann, fox, account, results, told
):
    await world.stop()
    said = account(ann).writes(fox, "make it blue")
    del place.guild.memberships[int(ann.person.id)]
    await world.start()
    await place.listening()
    await world.settle()
    assert len(results(fox)) == 1
    assert told(ann) == []
    assert said.reactions == []
    assert [message for message in fox.messages if message.replied_to is said] == []
    assert [exchange.status for exchange in asked(emulator, MEMBER)] == [404]
