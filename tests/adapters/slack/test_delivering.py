"""One answer per request, whatever happens between us and Slack: over the wire, with faults before and after the effect."""

import asyncio

import pytest

from adapters.slack import wording
from bot import messages
from bot.errors import FailureKind
from bot.model import JobState
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


async def test_card_that_lands_after_it_was_looked_for_is_the_only_one(village, ann, art):
    await village.heard()
    village.slack.inject(lost("chat.postMessage", "drop", "late", delay=40))
    await ann.slash("/imagine a fox", art)
    await village.heard()
    for _ in range(3):
        village.world.advance(10)
        await village.world.step()
    assert village.slack.ledger.count("conversations.history") > 1
    assert village.cards() == []
    village.slack.advance(41)
    await village.done()
    [card] = village.cards()
    assert village.state(card) == "Done"
    assert village.slack.ledger.count("chat.postMessage") == 1


async def test_failure_that_lands_after_it_was_looked_for_is_told_once(village, ann):
    village.world.emulator.behave(ending="failed", error="safety")
    await village.imagine(ann, "a fox")
    fault = lost("chat.postMessage", "drop", "late", delay=40)
    village.slack.inject(fault)
    posts = village.slack.ledger.count("chat.postMessage")
    while not fault.struck:
        village.world.advance(1)
        await village.world.step()
    for _ in range(3):
        village.world.advance(10)
        await village.world.step()
    assert village.slack.ledger.count("conversations.replies") > 1
    assert village.answers() == []
    village.slack.advance(41)
    await village.done()
    assert len(village.answers()) == 1
    assert village.slack.ledger.count("chat.postMessage") == posts + 1


async def test_card_is_not_posted_by_the_poller_while_another_post_of_it_is_on_its_way(village, ann, art):
    await village.heard()
    held = Fault(kind="hold", method="chat.postMessage")
    village.slack.inject(held)
    await ann.slash("/imagine a fox", art)
    await held.arrived()
    for _ in range(6):
        village.world.advance(6)
        await village.world.step()
    held.release()
    await village.done()
    [card] = village.cards()
    assert village.state(card) == "Done"


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


async def test_share_that_never_comes_in_its_thread_is_posted_to_the_member_directly(village, ann, art):
    await village.imagine(ann, "a fox")
    for _ in range(3):
        village.slack.uploads.next_one(shared_after=None)
    await village.done()
    assert village.answers() == []
    [answer] = village.answers(ann.dm)
    assert village.pictures(answer) == list(village.world.painted("a fox"))
    assert "does not show my pictures in" in village.remark(answer)
    assert [job.state for job in await village.world.jobs()] == [JobState.SUCCEEDED]


async def test_share_that_comes_nowhere_is_told_after_a_few_attempts(village, ann):
    village.slack.uploads.behaviour = village.slack.uploads.behaviour.__class__(shared_after=None)
    card = await village.imagine(ann, "a fox")
    await village.done()
    [answer] = village.answers(ann.dm)
    assert village.remark(answer).endswith(wording.unshown())
    assert village.slack.ledger.count("files.completeUploadExternal") == 6
    assert village.state(card) == wording.unshown()
    assert all(file.deleted for file in village.slack.files)


async def test_completions_that_were_lost_say_nothing_about_the_place(village, ann):
    await village.imagine(ann, "a fox")
    village.slack.inject(lost("files.completeUploadExternal", "drop", "before", times=4))
    await village.done()
    assert len(village.answers()) == 1


@pytest.mark.parametrize("letters", ["雪の中の狐を描いてください。", "🦊"], ids=["Japanese", "emoji"])
async def test_words_of_any_script_go_with_the_picture(village, ann, letters):
    await village.imagine(ann, letters * (2_000 // len(letters)))
    await village.done()
    [answer] = village.answers()
    [[_, alt]] = village.slack.pictures(answer)
    assert alt.startswith(letters * 20)
    assert len(alt.encode("utf-16-le")) <= 2_000


async def test_alt_text_that_slack_finds_too_long_is_left_out(village, ann):
    await village.imagine(ann, "a fox")
    village.slack.inject(lost("files.getUploadURLExternal", "error", "before", error="alt_txt_too_large"))
    await village.done()
    assert len(village.answers()) == 1


async def test_picture_that_slack_refuses_is_told_in_words(village, ann):
    card = await village.imagine(ann, "a fox")
    refusal = lost("files.getUploadURLExternal", "error", "before", error="file_upload_size_restricted")
    village.slack.inject(refusal)
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.unshown()
    assert answer.thread_ts == card.ts


async def test_share_that_comes_after_its_file_was_given_up_never_shows(village, ann):
    await village.imagine(ann, "a fox")
    village.slack.uploads.next_one(shared_after=3_600)
    await village.done()
    village.slack.advance(7_200)
    await village.done()
    assert len(village.answers()) == 1


@pytest.mark.parametrize("when", ["before", "after"], ids=["before the file goes", "after it went"])
async def test_share_that_lands_between_the_last_look_and_the_removal_is_removed_too(village, ann, when):
    """The file's message stands there without its picture then, with its words and buttons."""
    await village.imagine(ann, "a fox")
    village.slack.uploads.next_one(shared_after=3_600)
    removal = Fault(kind="hold", method="files.delete", when=when)
    village.slack.inject(removal)
    settling = asyncio.create_task(village.world.settle())
    await removal.arrived()
    village.slack.advance(3_600)
    await village.slack.quiet()
    shared = village.answers()
    assert len(shared) == (1 if when == "before" else 0)
    removal.release()
    await settling
    await village.done()
    [answer] = village.answers()
    assert village.pictures(answer) == list(village.world.painted("a fox"))
    assert all(message.deleted for message in shared)


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


# -- crashes ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "method", ["files.getUploadURLExternal", "(upload)", "files.completeUploadExternal", "files.info"]
)
@pytest.mark.parametrize("when", ["before", "after"])
async def test_crash_in_the_middle_of_a_delivery_posts_once(village, ann, method, when):
    await village.imagine(ann, "a fox")
    await village.dies_at(method, when)
    await village.done()
    [answer] = village.answers()
    assert village.pictures(answer) == list(village.world.painted("a fox"))
    assert village.paid() == 1


async def test_card_of_a_job_that_ended_unseen_is_put_right_by_the_next_process(village, ann, bob):
    cards = [await village.imagine(ann, "a fox"), await village.imagine(bob, "a hen")]
    fault = Fault(kind="hang", method="chat.update", times=None)
    village.slack.inject(fault)
    await village.world.settle()
    await fault.arrived()
    await village.world.die()
    village.slack.clear()
    assert {village.state(card) for card in cards} == {"Queued"}
    assert len(village.answers()) == 2
    updates = village.slack.ledger.count("chat.update")
    await village.world.start()
    await village.done()
    assert [village.state(card) for card in cards] == ["Done", "Done"]
    await village.world.restart()
    await village.done()
    assert village.slack.ledger.count("chat.update") == updates + 2, "what is right is left alone"


@pytest.mark.parametrize("when", ["before", "after"])
async def test_crash_while_the_card_is_posted_leaves_one_card(village, ann, art, when):
    await village.heard()
    fault = Fault(kind="hang", method="chat.postMessage", when=when)
    village.slack.inject(fault)
    await ann.slash("/imagine a fox", art)
    await fault.arrived()
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
    assert wording.posted_elsewhere(art.name)[:20] in village.remark(answer)
    assert [e["action_id"] for e in answer.elements] == ["delete:0"], "another answer could not be posted either"
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
