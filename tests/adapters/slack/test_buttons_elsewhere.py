"""Where do the buttons go if Slack takes no blocks beside files? Into one message of their own, after the pictures."""

import pytest

from bot.errors import FailureKind
from bot.model import JobState
from tests.emulators.slack import Fault

COMPLETE = "files.completeUploadExternal"
WAYS = ["refused", "unknown", "ignored", "broken"]
BUTTONS = ["again:0", "edit:0", "delete:0"]


def pressable(messages):
    return [[element["action_id"] for element in message.elements] for message in messages]


@pytest.mark.parametrize("way", WAYS)
async def test_picture_that_slack_takes_without_blocks_only_has_its_buttons_in_a_message_after_it(
    village, slack, ann, art, way
):
    slack.uploads.blocks = way
    card = await village.imagine(ann, "a fox")
    await village.done()
    picture, buttons = village.answers()
    assert village.pictures(picture) == list(village.world.painted("a fox"))
    assert pressable([picture, buttons]) == [[], BUTTONS]
    assert {picture.thread_ts, buttons.thread_ts} == {card.ts}
    assert "a fox" in ann.reads(buttons)
    assert village.preview(card) == picture.files[0].id
    await ann.clicks(buttons, "edit:0")
    await village.heard()
    await ann.submits(values={"prompt": "make it blue"})
    await village.done()
    assert pressable(village.answers()) == [[], BUTTONS, [], BUTTONS]
    assert "a fox" in str(village.world.sent("make it blue").payload["contents"])


@pytest.mark.parametrize(("way", "requests"), [("refused", 2), ("unknown", 2), ("ignored", 1)])
async def test_process_learns_it_from_its_first_picture(village, slack, ann, art, way, requests):
    slack.uploads.blocks = way
    card = await village.imagine(ann, "a fox")
    await village.done()
    assert slack.ledger.count(COMPLETE) == requests
    looks = slack.ledger.count("conversations.replies")
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    assert [("blocks" in call.args) for call in slack.ledger.find(COMPLETE)[requests:]] == [False]
    assert slack.ledger.count("conversations.replies") == looks, "nothing is left to look at"
    assert len(village.answers()) == 4


async def test_slack_that_shows_the_blocks_is_looked_at_once(village, slack, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    assert slack.ledger.count("conversations.replies") == 1
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    assert slack.ledger.count("conversations.replies") == 1
    assert pressable(village.answers()) == [BUTTONS, BUTTONS]


async def test_look_that_slack_refuses_costs_nobody_their_picture(village, slack, ann):
    slack.bot.scopes.discard("channels:history")
    await village.imagine(ann, "a fox")
    await village.done()
    assert pressable(village.answers()) == [BUTTONS]
    assert [job.state for job in await village.world.jobs()] == [JobState.SUCCEEDED]


@pytest.mark.parametrize("way", ["refused", "ignored"])
@pytest.mark.parametrize(
    ("kind", "when"), [(kind, when) for kind in ("drop", "html", "status") for when in ("before", "after")]
)
async def test_buttons_are_posted_once_though_the_answer_is_lost(village, slack, ann, way, kind, when):
    slack.uploads.blocks = way
    await village.imagine(ann, "a fox")
    slack.inject(Fault(kind=kind, method="chat.postMessage", when=when))
    await village.done()
    assert pressable(village.answers()) == [[], BUTTONS]
    assert slack.pending_faults == []


@pytest.mark.parametrize("way", ["refused", "ignored"])
@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("method", [COMPLETE, "files.info", "chat.postMessage"])
async def test_crash_on_the_way_to_the_buttons_posts_all_once(village, slack, ann, way, when, method):
    slack.uploads.blocks = way
    await village.imagine(ann, "a fox")
    await village.dies_at(method, when)
    await village.done()
    assert pressable(village.answers()) == [[], BUTTONS]
    assert village.paid() == 1


async def test_delete_removes_the_picture_and_its_buttons(village, slack, ann):
    slack.uploads.blocks = "refused"
    await village.imagine(ann, "a fox")
    await village.done()
    picture, buttons = village.answers()
    await ann.clicks(buttons, "delete:0")
    await village.done()
    assert village.answers() == []
    assert (picture.deleted, buttons.deleted, picture.files[0].deleted) == (True, True, True)


async def test_thread_that_closes_behind_the_picture_costs_the_buttons_only(village, slack, ann, art):
    slack.uploads.blocks = "refused"
    await village.imagine(ann, "a fox")
    slack.inject(Fault(kind="error", error="restricted_action", method="chat.postMessage"))
    await village.done()
    assert pressable(village.answers()) == [[]]
    assert village.answers(ann.dm) == [], "the picture stands in its thread; it is not posted again"
    assert [job.state for job in await village.world.jobs()] == [JobState.SUCCEEDED]


async def test_what_is_wrong_with_the_request_itself_is_no_matter_of_blocks(village, slack, ann):
    slack.inject(Fault(kind="error", error="invalid_arguments", method=COMPLETE, times=2))
    await village.imagine(ann, "a fox")
    await village.done()
    [job] = await village.world.jobs()
    assert (job.state, job.failure.kind) == (JobState.FAILED, FailureKind.CONTENT)
    await village.imagine(ann, "a hen")
    await village.done()
    assert pressable(village.answers()) == [["again:0"], BUTTONS], "told, and nothing was learned from it"
