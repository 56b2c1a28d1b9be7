"""Is what was said while nobody listened heard afterwards, once, and although Slack does not answer at the first time?"""

import pytest

from adapters.slack.catching_up import DAY, MOST_REQUESTS
from tests.adapters.slack.village import until
from tests.emulators.slack import Fault

REPLIES = "conversations.replies"
HOURGLASS = "hourglass_flowing_sand"


@pytest.fixture
async def card(village, ann):
    """A thread that the bot began; then it stops, and Slack gives up on what it has to tell."""
    made = await village.imagine(ann, "a fox")
    await village.done()
    await village.world.stop()
    return made


def missed(village, member, words, thread):
    """Slack gave up on telling the bot of it."""
    village.slack.advance(60)
    village.slack.courier.lose(1)
    return member.writes(village.channel, words, thread=thread)


async def comes_back(village, after=60):
    village.world.advance(after)
    await village.world.start()
    await village.heard()


async def test_replies_that_came_while_the_bot_was_down_are_caught_up(village, slack, ann, card):
    words = missed(village, ann, "make it blue", card)
    missed(village, ann, "// only talk", card)
    before = slack.ledger.count(REPLIES)
    await comes_back(village)
    await until(lambda: HOURGLASS in words.reactions)
    assert slack.ledger.count(REPLIES) == before + 1, "one request for each thread"
    await village.done()
    assert len(village.answers()) == 2


@pytest.mark.parametrize("kind", ["drop", "status", "html", "ratelimited"])
async def test_lookup_that_failed_is_tried_again(village, slack, ann, card, kind):
    words = missed(village, ann, "make it blue", card)
    slack.inject(Fault(kind=kind, method=REPLIES, times=2, retry_after=20))
    await comes_back(village)
    await until(lambda: HOURGLASS in words.reactions)
    await village.done()
    assert len(village.answers()) == 2
    assert slack.pending_faults == []


async def test_threads_that_were_read_are_not_read_again_when_another_one_failed(village, slack, ann, bob, card):
    await village.world.start()
    other = await village.imagine(bob, "a hen")
    await village.done()
    await village.world.stop()
    words = [missed(village, ann, "make it blue", card), missed(village, bob, "make it red", other)]
    slack.inject(Fault(kind="status", method=REPLIES, times=3, where={"ts": card.ts}))
    before = len(slack.ledger)
    await comes_back(village)
    await until(lambda: all(HOURGLASS in message.reactions for message in words))
    asked = [call.args["ts"] for call in list(slack.ledger)[before:] if call.method == REPLIES]
    assert (asked.count(card.ts), asked.count(other.ts)) == (4, 1)
    await village.done()
    assert len(village.answers()) == 4


async def test_bot_that_ends_before_it_has_caught_up_goes_on_with_it_at_its_next_start(village, slack, ann, card):
    words = missed(village, ann, "make it blue", card)
    slack.inject(Fault(kind="status", method=REPLIES, times=None))
    before = slack.ledger.count(REPLIES)
    await comes_back(village)
    await until(lambda: slack.ledger.count(REPLIES) > before)
    await village.world.stop()
    slack.clear()
    await comes_back(village)
    await until(lambda: HOURGLASS in words.reactions)
    await village.done()
    assert len(village.answers()) == 2


async def test_talk_stays_talk_though_its_author_takes_part_since(village, slack, ann, bob, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    [fox] = village.answers()
    bob.writes(art, "lovely colours", thread=card)  # of an outsider
    await village.done()
    await bob.clicks(fox, "edit:0")
    await village.heard()
    await bob.submits(values={"prompt": "make it red"})
    await village.done()
    slack.courier.lose(1)
    words = bob.writes(art, "and bigger", thread=card)
    await village.world.crash()
    await until(lambda: HOURGLASS in words.reactions)
    await village.done()
    assert sorted(job.prompt for job in await village.world.jobs()) == ["a fox", "and bigger", "make it red"]


async def test_thread_that_is_gone_is_left_alone(village, slack, ann, bob, art, card):
    slack._core.wall.remove(village.answers()[0])
    slack._core.wall.remove(card)
    await comes_back(village)
    await village.done()
    assert (await village.app.views.readiness()).ready
    assert slack.ledger.find(REPLIES)[-1].error == "thread_not_found"


async def test_what_is_older_than_a_day_is_left_alone(village, slack, ann, card):
    missed(village, ann, "make it blue", card)
    slack.advance(2 * DAY)
    before = slack.ledger.count(REPLIES)
    await comes_back(village, after=2 * DAY)
    await village.done()
    assert slack.ledger.count(REPLIES) == before
    assert len(village.answers()) == 1


async def test_budget_of_requests_is_kept(make_village):
    village = await make_village()
    slack, people = village.slack, [village.member(f"member-{number}") for number in range(MOST_REQUESTS + 3)]
    cards = [await village.imagine(person, "a fox") for person in people]
    await village.done()
    await village.world.stop()
    before = len(slack.ledger)
    await comes_back(village)
    await until(lambda: sum(call.method == REPLIES for call in list(slack.ledger)[before:]) >= MOST_REQUESTS)
    await village.done()
    asked = [call.args["ts"] for call in list(slack.ledger)[before:] if call.method == REPLIES]
    assert sorted(asked) == sorted(card.ts for card in cards[-MOST_REQUESTS:]), "the newest, once each"


async def test_gap_of_all_connections_is_caught_up_while_the_bot_runs(village, slack, ann):
    card = await village.imagine(ann, "a fox")
    await village.done()
    await slack.sockets.connected(2)
    old = list(slack.sockets.open)
    slack.courier.lose(1)
    words = ann.writes(village.channel, "make it blue", thread=card)
    slack.sockets.kill()
    await until(lambda: slack.sockets.open and not any(socket in slack.sockets.open for socket in old))
    await until(lambda: HOURGLASS in words.reactions)
    await village.done()
    assert len(village.answers()) == 2
