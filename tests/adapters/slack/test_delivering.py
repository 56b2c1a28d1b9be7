"""One answer per request, whatever happens between us and Slack: over the wire, with faults before and after the effect."""

import asyncio

import pytest

from adapters.slack import wording
from bot import messages
from bot.errors import FailureKind
from bot.model import JobState
from tests.adapters.slack.village import until, upload
from tests.emulators.slack import Fault


def lost(method, kind, when, **more):
    return Fault(kind=kind, method=method, when=when, **more)


KINDS = [(kind, when) for kind in ("drop", "cut", "html", "status") for when in ("before", "after")]


@pytest.mark.parametrize(("kind", "when"), KINDS)
@pytest.mark.parametrize(
    "method", ["files.getUploadURLExternal", "(upload)", "files.completeUploadExternal", "files.info"]
)
async def test_picture_is_posted_once_whatever_call_is_lost(village, ann, method, kind, when):
    card = await village.imagine(ann, "a fox")
    village.slack.inject(lost(method, kind, when))
    await village.done()
    [answer] = village.answers()
    assert village.pictures(answer) == list(village.world.painted("a fox"))
    assert village.state(card) == "Done"
    assert village.slack.pending_faults == []
    assert [file for file in village.slack.files if file.shares and not file.deleted] == answer.files


@pytest.mark.parametrize(("kind", "when"), KINDS)
async def test_card_is_posted_once_though_its_answer_is_lost(village, ann, art, kind, when):
    await village.heard()
    village.slack.inject(lost("chat.postMessage", kind, when))
    await ann.slash("/imagine a fox", art)
    await village.heard()
    await village.done()
    [card] = village.cards()
    [answer] = village.answers()
    assert answer.thread_ts == card.ts
    assert village.state(card) == "Done"


@pytest.mark.parametrize(("kind", "when"), KINDS)
async def test_failure_is_told_once_though_its_answer_is_lost(village, ann, kind, when):
    village.world.emulator.behave(ending="failed", error="safety")
    await village.imagine(ann, "a fox")
    village.slack.inject(lost("chat.postMessage", kind, when))
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == messages.failure(FailureKind.SAFETY, job_id="")


async def test_share_that_comes_late_is_waited_for(village, ann):
    await village.imagine(ann, "a fox")
    village.slack.uploads.next_one(shared_after=1.0)
    await village.done()
    [answer] = village.answers()
    assert village.slack.ledger.count("files.completeUploadExternal") == 1
    assert village.pictures(answer) == list(village.world.painted("a fox"))


async def test_share_that_never_comes_is_removed_and_posted_anew(village, ann):
    await village.imagine(ann, "a fox")
    village.slack.uploads.next_one(shared_after=None)
    village.slack.uploads.next_one(shared_after=None)
    await village.done()
    [answer] = village.answers()
    assert village.pictures(answer) == list(village.world.painted("a fox"))
    first, second, third = [file for file in village.slack.files if file.owner is village.slack.bot.user]
    assert (first.deleted, second.deleted, third.deleted) == (True, True, False)
    assert village.slack.ledger.count("files.completeUploadExternal") == 3


async def test_share_that_comes_after_its_file_was_given_up_never_shows(village, ann):
    await village.imagine(ann, "a fox")
    village.slack.uploads.next_one(shared_after=3_600)
    await village.done()
    village.slack.advance(7_200)
    await village.done()
    assert len(village.answers()) == 1


async def test_type_that_slack_finds_out_late_does_not_spoil_the_card(village, ann):
    village.slack.uploads.behaviour = village.slack.uploads.behaviour.__class__(typed_after=3_600)
    card = await village.imagine(ann, "a fox")
    await village.done()
    assert len(village.answers()) == 1
    assert village.state(card) == "Done"


async def test_share_that_comes_twice_is_one_answer_to_us(village, ann, art):
    village.slack.uploads.next_one(twice=True)
    card = await village.imagine(ann, "a fox")
    await village.done()
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    assert len(await village.world.jobs()) == 2


METHODS = [
    "files.getUploadURLExternal", "files.completeUploadExternal", "files.info", "chat.postMessage", "chat.update",
    "reactions.add", "reactions.remove",
]  # fmt: skip


@pytest.mark.parametrize("method", METHODS)
async def test_rate_limit_of_any_method_is_waited_for(village, ann, art, method):
    village.slack.inject(Fault(kind="ratelimited", method=method, retry_after=30, times=2))
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[upload()])
    await village.done()
    assert len(village.answers()) == 1
    await ann.slash("/imagine a hen", art)
    await village.done()
    assert len(village.answers()) == 2
    assert village.paid() == 2
    own = [file for file in village.slack.files if file.owner is village.slack.bot.user]
    assert all(file.shares for file in own), "what was uploaded is used, not uploaded again"


async def test_fifty_members_at_once_get_their_own_picture_each_at_slacks_pace(make_village):
    village = await make_village(gmi_in_flight=10)
    people = [village.member(f"member-{number}") for number in range(50)]
    await village.heard()
    deliveries = [
        person.slash(f"/imagine a fox number {number}", village.channel) for number, person in enumerate(people)
    ]
    for delivery in deliveries:
        assert await delivery is not None
    assert village.slack.courier.late == []
    await village.done()
    answers = village.answers()
    assert len(answers) == 50
    assert len({answer.thread_ts for answer in answers}) == 50
    assert len(village.cards()) == 50
    assert village.paid() == 50
    limited = [e for e in village.slack.ledger.find("chat.postMessage") if e.error == "ratelimited"]
    assert len(limited) <= 3, (
        "the bot keeps Slack's pace by itself; now and then two requests arrive closer than they left"
    )


# -- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["files.getUploadURLExternal", "(upload)", "files.completeUploadExternal", "files.info"]
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_crash_in_the_middle_of_a_delivery_posts_once(village, ann, method, when):
    await village.imagine(ann, "a fox")
    fault = Fault(kind="hang", method=method, when=when)
    village.slack.inject(fault)
    settling = asyncio.create_task(village.world.settle())
    await until(lambda: fault.struck)
    await village.world.die()
    settling.cancel()
    await asyncio.gather(settling, return_exceptions=True)
    await village.world.start()
    await village.done()
    [answer] = village.answers()
    assert village.pictures(answer) == list(village.world.painted("a fox"))
    assert village.paid() == 1


@pytest.mark.parametrize("when", ["before", "after"])
async def test_crash_while_the_card_is_posted_leaves_one_card(village, ann, art, when):
    await village.heard()
    fault = Fault(kind="hang", method="chat.postMessage", when=when)
    village.slack.inject(fault)
    await ann.slash("/imagine a fox", art)
    await until(lambda: fault.struck)
    await village.world.crash()
    await village.done()
    assert len(village.cards()) == 1
    assert len(village.answers()) == 1


# -- places that close -----------------------------------------------------------------------------------------------


async def test_answer_to_a_channel_that_closed_meanwhile_comes_as_a_direct_message(village, ann, art):
    await village.imagine(ann, "a fox")
    village.world.emulator.behave(latency=30)
    await village.world.step()
    art.archived = True
    await village.done()
    [answer] = village.answers(ann.dm)
    assert village.pictures(answer) == list(village.world.painted("a fox"))
    assert wording.posted_elsewhere(art.name, "")[:20] in village.remark(answer)
    [job] = await village.world.jobs()
    assert job.state is JobState.SUCCEEDED


async def test_bot_that_was_removed_comes_back_to_a_public_channel_by_itself(village, ann, art):
    await village.imagine(ann, "a fox")
    await village.world.step()
    art.members.remove(village.slack.bot.user)
    await village.done()
    assert len(village.answers()) == 1


async def test_picture_that_was_deleted_by_hand_can_still_be_deleted(village, ann):
    await village.imagine(ann, "a fox")
    await village.done()
    [answer] = village.answers()
    village.slack._core.wall.remove_file(answer.files[0])
    await ann.clicks(answer, "delete:0")
    await village.done()
    assert village.told(ann) == [messages.deleted()]
    assert answer.deleted
