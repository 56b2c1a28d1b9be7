"""Is a 429 with Retry-After waited for, on any method, and does nothing get lost by it?"""

import pytest

from adapters.slack.outbound import MOODS
from bot import messages
from bot.model import Mood
from tests.adapters.slack.village import until, upload
from tests.emulators.slack import Fault


def limited(method, times=2):
    return Fault(kind="ratelimited", method=method, retry_after=30, times=times)


METHODS = [
    "files.getUploadURLExternal", "files.completeUploadExternal", "files.info", "chat.postMessage", "chat.update",
    "reactions.add", "reactions.remove",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
async def test_rate_limit_of_what_every_picture_needs(village, ann, art, method):
    village.slack.inject(limited(method))
    await village.heard()
    message = ann.writes(art, "@darkroom a fox like this", files=[upload()])
    await village.done()
    assert len(village.answers()) == 1
    await ann.slash("/imagine a hen", art)
    await village.done()
    assert len(village.answers()) == 2
    assert village.paid() == 2
    assert [village.state(card) for card in village.cards()] == ["Done"]
    own = [file for file in village.slack.files if file.owner is village.slack.bot.user]
    assert all(file.shares for file in own), "what was uploaded is used, not uploaded again"
    assert list(message.reactions) == [MOODS[Mood.DONE]]
    assert village.slack.pending_faults == []


@pytest.mark.parametrize("method", ["files.delete", "chat.delete"])
async def test_rate_limit_of_a_removal(village, ann, method):
    await village.imagine(ann, "a fox")
    await village.done()
    [fox] = village.answers()
    village.slack.inject(limited(method))
    await ann.clicks(fox, "delete:0")
    await village.done()
    assert (fox.deleted, fox.files[0].deleted) == (True, True)
    assert village.slack.pending_faults == []


async def test_rate_limit_of_an_upload(village, slack, ann):
    await village.imagine(ann, "a fox")
    refusal = limited("(upload)", times=1)
    slack.inject(refusal)
    while not refusal.struck:
        village.world.advance(1)
        await village.world.step()
    for _ in range(5):
        village.world.advance(5)
        await village.world.step()
    assert slack.ledger.count("(upload)") == 1, "Slack said when"
    await village.done()
    assert len(village.answers()) == 1


async def test_rate_limit_of_a_private_sentence(village, slack, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    slack.inject(limited("chat.postEphemeral", times=1))
    ann.writes(art, "make it wide --ar 7:5", thread=card)
    await village.done()
    assert village.told(ann) == [messages.unknown_ratio("7:5")]
    assert slack.pending_faults == []


async def test_rate_limit_of_joining_a_channel(village, ann):
    den = village.slack.channel("den", ann, bot=False)
    village.slack.inject(limited("conversations.join", times=1))
    await village.heard()
    await ann.slash("/imagine a fox", den)
    await village.done()
    assert len(village.answers(den)) == 1


async def test_rate_limit_of_the_lookup_before_a_card_is_posted_again(village, ann, art):
    await village.heard()
    village.slack.inject(Fault(kind="drop", method="chat.postMessage", when="after"), limited("conversations.history"))
    await ann.slash("/imagine a fox", art)
    await village.done()
    assert len(village.cards()) == len(village.answers()) == 1
    assert village.slack.pending_faults == []


async def test_rate_limit_of_opening_a_direct_message(village, ann, art):
    await village.imagine(ann, "a fox")
    village.world.emulator.behave(latency=30)
    await village.world.step()
    art.archived = True
    village.slack.inject(limited("conversations.open"))
    await village.done()
    assert len(village.answers(ann.dm)) == 1


async def test_rate_limit_of_a_window_is_told(village, ann, art):
    await village.heard()
    village.slack.inject(limited("views.open", times=1))
    await ann.slash("/imagine", art)
    await village.heard()
    [sentence] = village.told(ann)
    assert "Try again" in sentence


@pytest.mark.parametrize("method", ["auth.test", "apps.connections.open"])
async def test_rate_limit_at_the_start(village, slack, ann, method):
    slack.inject(limited(method))
    await village.world.restart()
    await slack.sockets.connected(2)
    await until(lambda: village.platform.trouble() is None)
    assert slack.pending_faults == []
    await village.imagine(ann, "a fox")
    await village.done()
    assert len(village.answers()) == 1


async def test_rate_limit_of_downloads(village, ann, art):
    await village.heard()
    village.slack.inject(limited("(download)"))
    ann.writes(art, "@darkroom a fox like this", files=[upload()])
    await village.done()
    assert len(village.answers()) == 1
    assert village.slack.pending_faults == []


async def test_answer_in_a_thread_without_a_card_takes_nobodys_turn(village, ann, art):
    await village.heard()
    ann.writes(art, "@darkroom a fox")
    await village.done()
    assert len(village.answers()) == 1
    for _ in range(50):  # what Slack allows in a minute (tier 3); one that is not left raises
        with village.platform.api.pacer.turn("chat.update", art.id):
            pass


async def test_reactions_of_many_members_come_in_the_end_though_slack_takes_only_twenty_a_minute(make_village):
    village = await make_village(gmi_in_flight=10)
    people = [village.member(f"member-{number}") for number in range(25)]
    await village.heard()
    messages = [person.writes(village.channel, "@darkroom a fox") for person in people]
    await village.done()
    assert [list(message.reactions) for message in messages] == [[MOODS[Mood.DONE]]] * 25
    assert [exchange for exchange in village.slack.ledger if exchange.error == "ratelimited"] == []
