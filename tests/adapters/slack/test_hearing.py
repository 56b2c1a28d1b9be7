"""Messages, mentions and direct messages, over the wire: what is meant for the bot, and each of it once."""

import asyncio
import html

import pytest

from adapters.slack import wording
from adapters.slack.faults import OwnerMustAct
from adapters.slack.outbound import MOODS
from bot import messages
from bot.errors import FailureKind
from bot.model import JobState, Mood
from tests.adapters.slack.village import until, upload
from tests.emulators.slack import Fault, Upload
from tests.world import photos


def mood(village, message):
    bot = village.slack.bot.user.id
    return [mood for mood, emoji in MOODS.items() if bot in message.reactions.get(emoji, ())]


async def test_mention_with_words_and_files_is_answered_in_the_thread_of_that_message(village, ann, art):
    await village.heard()
    message = ann.writes(art, "@darkroom a fox like this", files=[upload()])
    await village.heard()
    assert mood(village, message) == [Mood.WORKING]
    await village.done()
    [answer] = village.answers()
    assert answer.thread_ts == message.ts
    assert mood(village, message) == [Mood.DONE]
    assert len(village.world.sent("a fox like this").payload["image"]) == 1
    assert village.cards() == [], "the member's own message bears the reactions"
    assert village.paid() == 1, "the mention and the message are one post"
    ann.writes(art, "make it blue", thread=message)
    await village.done()
    assert len(village.answers()) == 2


async def test_mention_alone_is_heard_where_the_message_event_does_not_come(village):
    village.slack.app.events = village.slack.app.events - {"message.channels"}
    ann = village.member("ann")
    await village.heard()
    ann.writes(village.channel, "@darkroom a fox")
    await village.done()
    assert len(village.answers()) == 1


async def test_mention_that_comes_first_and_names_no_files_waits_for_the_message_that_does(village, slack, ann, art):
    slack.app.mentions_name_files = False
    await village.heard()
    with village.driver.slacks_clock.standing():
        with slack.courier.hold() as held:
            ann.writes(art, "@darkroom a fox like this", files=[upload()])
            message, mention = held.waiting
            assert [message.kind, mention.kind] == ["message", "app_mention"]
            held.waiting = []
        slack.courier.start(mention)
        await until(lambda: village.platform.hearing._twins)  # it is there, and waits
        slack.courier.start(message)
        await message
        await mention
    await village.done()
    assert len(village.world.sent("a fox like this").payload["image"]) == 1
    assert len(village.answers()) == 1


async def test_direct_message_is_one_conversation(village, ann):
    await village.heard()
    dm = ann.dm
    ann.writes(dm, "a fox")
    await village.done()
    ann.writes(dm, "make it blue")
    await village.done()
    fox, blue = village.answers(dm)
    assert (fox.thread_ts, blue.thread_ts) == (None, None)
    assert "a fox" in str(village.world.sent("make it blue").payload["contents"])


async def test_refusals_in_a_direct_message_are_all_told_at_slacks_pace(village, ann):
    await village.heard()
    ann.writes(ann.dm, "make it wide --ar 7:5")
    ann.writes(ann.dm, "make it wider --ar 8:5")
    await village.done()
    said = sorted(html.unescape(message.text) for message in village.mine(ann.dm))
    assert said == [messages.unknown_ratio("7:5"), messages.unknown_ratio("8:5")]
    assert await village.world.jobs() == []


async def test_command_in_a_direct_message_has_its_card_there(village, ann):
    await village.heard()
    card = await village.imagine(ann, "a fox", ann.dm)
    await village.done()
    assert village.state(card) == "Done"
    [answer] = village.answers(ann.dm)
    assert answer.thread_ts is None


async def test_same_message_by_two_sockets_again_and_after_a_restart_counts_once(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    village.slack.courier.on_two_sockets(1)
    message = ann.writes(art, "make it blue", thread=card)
    await village.done()
    village.slack.courier.duplicate(1)
    for delivery in message.deliveries:
        await village.slack.courier.again(delivery)
    await village.done()
    await village.world.restart()
    for delivery in message.deliveries:
        await village.slack.courier.again(delivery)
    await village.done()
    assert len(village.world.emulator.records_of("make it blue")) == 1
    assert len(village.answers()) == 2
    assert mood(village, message) == [Mood.DONE], "a redelivery does not begin again"


async def test_plain_replies_edit_after_a_restart_with_words_with_a_file_and_with_both(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    await village.world.restart()
    await village.heard()
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    ann.writes(art, "wear this", files=[upload()], thread=card)
    await village.done()
    ann.writes(art, "", files=[upload(photos.jpeg())], thread=card)
    await village.done()
    assert len(village.answers()) == 3, "a file without words waits for them"
    await village.world.restart()
    await village.heard()
    ann.writes(art, "stand on this", thread=card)
    await village.done()
    assert len(village.answers()) == 4

    def references(words):
        parts = village.world.sent(words).payload["contents"][-1]["parts"]
        return sum("fileData" in part for part in parts)

    assert [references(words) for words in ("make it blue", "wear this", "stand on this")] == [0, 1, 1]


async def test_order_of_replies_is_kept(make_village):
    village = await make_village(max_open_jobs_per_user=10)
    ann, art = village.member("ann"), village.channel
    village.world.emulator.behave(latency=20)
    card = await village.imagine(ann, "a fox")
    await village.world.step()
    for words in ("make it blue", "add a hat", "at night"):
        ann.writes(art, words, thread=card)
        await village.heard()
    await village.done()
    shown = [ann.reads(answer) for answer in village.answers()]
    assert [text.rpartition(" · ")[2].split("\n")[0] for text in shown] == [
        "a fox", "make it blue", "add a hat", "at night",
    ]  # fmt: skip


async def test_talk_of_people_costs_nothing_and_is_not_answered(village, ann, bob, art):
    await village.heard()
    ann.writes(art, "good morning")
    root = ann.writes(art, "who wants tea?")
    bob.writes(art, "me, please", thread=root)
    await village.done()
    assert village.mine() == []
    assert await village.world.jobs() == []


async def test_guest_in_a_thread_of_people_is_heard_only_by_its_name(village, ann, bob, art):
    await village.heard()
    root = bob.writes(art, "what shall we draw?")
    ann.writes(art, "@darkroom a fox", thread=root)
    await village.done()
    assert len(village.answers()) == 1
    ann.writes(art, "nice, let us take that one", thread=root)
    await village.done()
    assert len(village.answers()) == 1
    ann.writes(art, "@darkroom make it blue", thread=root)
    await village.done()
    assert len(village.answers()) == 2


@pytest.mark.parametrize("talk", ["🎉🎉", ":tada:", "// I like it", "@bob look at this", "...", "🎉 :tada:"])
async def test_what_is_no_instruction(village, ann, bob, art, talk):
    card = await village.imagine(ann, "a fox")
    await village.done()
    message = ann.writes(art, talk, thread=card)
    await village.done()
    assert len(village.answers()) == 1
    assert mood(village, message) == []
    assert village.told(ann) == []


async def test_edited_and_deleted_messages_are_no_new_ones(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    message = ann.writes(art, "make it blue", thread=card)
    await village.done()
    ann.edits(message, "make it red")
    ann.deletes(message)
    await village.done()
    assert len(village.answers()) == 2


async def test_failed_reply_is_told_in_the_thread_and_shown_by_a_reaction(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    village.world.emulator.behave(ending="failed", error="safety")
    message = ann.writes(art, "make it worse", thread=card)
    await village.done()
    answer = village.answers()[-1]
    assert village.remark(answer) == messages.failure(FailureKind.SAFETY, job_id="")
    assert [e["action_id"] for e in answer.elements] == ["again:0"]
    assert mood(village, message) == [Mood.FAILED]


async def parents(village):
    jobs = await village.driver.jobs()
    prompts = {job.id: job.prompt for job in jobs}
    return {job.prompt: prompts.get(job.parent_id) for job in jobs}


async def test_thread_of_a_direct_message_goes_on_from_its_picture_and_is_answered_there(village, ann):
    await village.heard()
    ann.writes(ann.dm, "a fox")
    await village.done()
    [fox] = village.answers(ann.dm)
    ann.writes(ann.dm, "give it a hat")
    await village.done()
    blue = ann.writes(ann.dm, "make it blue", thread=fox)
    await village.heard()
    ann.writes(ann.dm, "and larger", thread=fox)
    await village.done()
    await village.world.restart()
    await village.heard()
    ann.writes(ann.dm, "and happy", thread=fox)
    ann.writes(ann.dm, "take the hat off")
    await village.done()
    assert await parents(village) == {
        "a fox": None, "give it a hat": "a fox", "make it blue": "a fox", "and larger": "make it blue",
        "and happy": "and larger", "take the hat off": "and happy",
    }  # fmt: skip
    assert {ann.reads(m).rpartition(" · ")[2].split("\n")[0]: m.thread_ts for m in village.answers(ann.dm)} == {
        "a fox": fox.ts, "give it a hat": None, "make it blue": fox.ts, "and larger": fox.ts, "and happy": fox.ts,
        "take the hat off": None,
    }  # fmt: skip
    assert mood(village, blue) == [Mood.DONE]


async def test_what_fails_in_a_thread_of_a_direct_message_is_told_there_and_passed_over(village, ann):
    await village.heard()
    said = ann.writes(ann.dm, "a fox")
    await village.done()
    ann.writes(ann.dm, "give it a hat")
    await village.done()
    village.world.emulator.behave(ending="failed", error="safety")
    ann.writes(ann.dm, "make it worse", thread=said)
    await village.done()
    assert village.answers(ann.dm)[-1].thread_ts == said.ts
    ann.writes(ann.dm, "make it blue", thread=said)
    await village.done()
    assert (await parents(village))["make it blue"] == "a fox"


async def test_thread_of_a_direct_message_that_closes_is_answered_beside_it(village, slack, ann):
    await village.heard()
    ann.writes(ann.dm, "a fox")
    await village.done()
    [fox] = village.answers(ann.dm)
    ann.writes(ann.dm, "make it blue", thread=fox)
    await village.heard()
    slack.inject(Fault(kind="error", method="files.completeUploadExternal", error="thread_not_found"))
    await village.done()
    assert village.answers(ann.dm)[-1].thread_ts is None
    assert [job.state for job in await village.driver.jobs()] == [JobState.SUCCEEDED] * 2


async def test_words_after_an_answer_that_came_as_a_direct_message_change_that_picture(village, ann, art):
    await village.heard()
    ann.writes(ann.dm, "a cow")
    await village.done()
    await village.imagine(ann, "a fox")
    village.world.emulator.behave(latency=30)
    await village.world.step()
    art.archived = True
    await village.done()
    for words in ("make it blue", "and larger"):
        ann.writes(ann.dm, words)
        await village.heard()
    await village.done()
    assert len(village.answers(ann.dm)) == 4, "the channel is still closed"
    assert await parents(village) == {
        "a cow": None, "a fox": None, "make it blue": "a fox", "and larger": "make it blue",
    }  # fmt: skip
    await village.imagine(ann, "a hen", ann.dm)
    await village.done()
    ann.writes(ann.dm, "make it red")
    await village.done()
    assert (await parents(village))["make it red"] == "a hen", "what was asked for since is newer"


# -- about the bot itself --------------------------------------------------------------------------------------------


@pytest.mark.parametrize("words", ["@darkroom", "@darkroom help", "@darkroom  HELP", "@darkroom ?"])
async def test_name_alone_or_help_tells_how_to_use_the_bot_and_paints_nothing(village, ann, art, words):
    await village.heard()
    ann.writes(art, words)
    await village.done()
    [sentence] = village.told(ann)
    assert all(html.unescape(text) in sentence for text in wording.how_to())
    assert village.paid() == 0
    assert village.mine() == []


async def test_help_in_a_direct_message_is_answered_there_and_paints_nothing(village, ann):
    await village.heard()
    ann.writes(ann.dm, "help")
    ann.writes(ann.dm, "limits")
    await village.done()
    how, limits = village.answers(ann.dm)
    assert how.text.startswith("*Make a picture*")
    assert "right now" in limits.text
    assert village.paid() == 0


async def test_what_was_left_is_told_to_whoever_asks_by_the_bots_name(village, ann, art):
    await village.heard()
    ann.writes(art, "@darkroom limits")
    await village.done()
    [sentence] = village.told(ann)
    assert "right now" in sentence
    assert village.paid() == 0


async def test_help_is_a_word_like_others_beside_a_picture_and_in_a_thread_without_the_bots_name(village, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    ann.writes(art, "help", thread=card)
    ann.writes(art, "@darkroom help", files=[upload()])
    await village.done()
    assert [job.prompt for job in await village.driver.jobs()].count("help") == 2


# -- files that cannot serve -----------------------------------------------------------------------------------------


async def test_file_that_is_deleted_meanwhile_is_told(village, ann, art):
    await village.heard()
    message = ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    await village.heard()
    ann.deletes(message.files[0])
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.file_unseen("cat.png")
    assert village.paid() == 0


@pytest.mark.parametrize(
    ("file", "media_type"),
    [
        (Upload(name="letter.pdf", data=b"%PDF-1.7"), "application/pdf"),
        (Upload(name="notes.txt", data=b"milk", mode="snippet"), "text/plain"),
    ],
    ids=["a PDF", "a snippet"],
)
async def test_what_is_no_picture_is_refused_in_private(village, ann, art, file, media_type):
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[file])
    await village.done()
    assert village.told(ann) == [
        messages.picture_declared_otherwise(messages.file_name(file.name), media_type=media_type)
    ]
    assert village.mine() == []


async def test_file_of_a_channel_shared_with_another_company(village, ann):
    other = village.slack.other_workspace("Elsewhere")
    eve = village.slack.member("eve", other)
    shared = village.slack.channel("shared", ann, eve)
    await village.heard()
    message = eve.writes(shared, "@darkroom a fox like this", files=[upload()])
    await village.done()
    payloads = [d.payload["event"]["files"][0] for d in message.deliveries if d.payload["event"].get("files")]
    assert payloads[0].get("file_access") == "check_file_info", "the emulator sends a stub"
    [answer] = village.answers(shared)
    assert len(village.world.sent("a fox like this").payload["image"]) == 1
    assert village.pictures(answer)


async def test_thread_of_a_channel_shared_with_another_company_is_one_conversation(village, ann):
    other = village.slack.other_workspace("Elsewhere")
    eve = village.slack.member("eve", other)
    shared = village.slack.channel("shared", ann, eve)
    card = await village.imagine(ann, "a fox", shared)
    await village.done()
    reply = eve.writes(shared, "@darkroom make it blue", thread=card)
    await village.done()
    told = [delivery.payload["team_id"] for delivery in reply.deliveries]
    assert set(told) == {other.id}, "Slack names the workspace of whoever wrote"
    _, blue = village.answers(shared)
    await eve.clicks(blue, "again:0")
    await village.done()
    jobs = await village.driver.jobs()
    assert len(jobs) == 3
    assert {job.workspace for job in jobs} == {village.slack.bot.workspace.id}
    assert len({job.conversation_id for job in jobs}) == 1


async def test_message_whose_file_is_looked_up_is_not_overtaken_by_the_next(village, ann):
    eve = village.slack.member("eve", village.slack.other_workspace("Elsewhere"))
    shared = village.slack.channel("shared", ann, eve)
    card = await village.imagine(ann, "a fox", shared)
    await village.done()
    slow = Fault(kind="hold", method="files.info", when="after")
    village.slack.inject(slow)
    ann.writes(shared, "wear this hat", thread=card, files=[upload()])
    await slow.arrived(1)
    for delivery in ann.writes(shared, "now make it blue", thread=card).deliveries:
        await delivery
    for _ in range(50):  # each a trip to the store: it had every chance to pass the first
        assert "now make it blue" not in {job.prompt for job in await village.driver.jobs()}
    slow.release()
    await village.done()
    jobs = {job.prompt: job for job in await village.driver.jobs()}
    assert jobs["now make it blue"].parent_id == jobs["wear this hat"].id


async def test_file_that_another_company_does_not_share_with_apps_is_told(village, slack, ann):
    eve = slack.member("eve", slack.other_workspace("Elsewhere"))
    shared = slack.channel("shared", ann, eve)
    slack.inject(Fault(kind="error", error="access_denied", method="files.info", times=None))
    await village.heard()
    eve.writes(shared, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    await village.done()
    [answer] = village.answers(shared)
    assert "belongs to another company's workspace" in village.remark(answer)
    assert village.paid() == 0


# -- downloads -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [200, 401, 403])
async def test_sign_in_page_instead_of_one_file_is_told_to_both_and_is_no_trouble_of_the_bot(
    village, ann, art, caplog, status
):
    village.slack.inject(Fault(kind="html", method="(download)", status=status))
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.file_behind_sign_in("cat.png")
    assert (await village.app.views.readiness()).ready
    assert any("reinstall the app" in record.getMessage() for record in caplog.records)


async def test_sign_in_page_for_want_of_the_scope_says_exactly_that_to_both(village, slack, ann, art, caplog):
    """The scope goes between the look at the file and its download: nothing but the page, with status 200, tells of it."""
    looked = Fault(kind="hold", method="files.info", when="after")
    slack.inject(looked)
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    doing = asyncio.create_task(village.done())
    await looked.arrived(1)
    slack.bot.scopes.discard("files:read")
    looked.release()
    await until(village.platform.trouble)
    assert slack.ledger.find("(download)")[-1].status == 200
    slack.bot.scopes.add("files:read")
    await doing
    [answer] = village.answers()
    assert village.remark(answer) == wording.files_scope_missing("cat.png")
    problem = (await village.app.views.readiness()).problems["slack"]
    assert "lacks the scope files:read" in problem
    assert "reinstall the app" in problem
    assert any("owner_must_act" in record.getMessage() for record in caplog.records)
    ann.writes(art, "@darkroom a hen like this", files=[upload()])
    await village.done()
    assert (await village.app.views.readiness()).ready, "it works again"


async def test_bot_is_ready_though_it_may_not_join_channels_by_itself(village, ann):
    village.slack.bot.scopes.discard("channels:join")
    den = village.slack.channel("den", ann, bot=False)
    await village.heard()
    await ann.slash("/imagine a fox", den)
    await village.done()
    assert "/invite" in village.told(ann)[0]
    assert (await village.app.views.readiness()).ready


async def test_what_the_owner_must_put_right_is_no_trouble_any_more_when_nothing_says_so_for_an_hour(village, slack):
    await village.heard()
    api = village.platform.api
    slack.inject(Fault(kind="error", method="conversations.open", error="missing_scope"))
    with pytest.raises(OwnerMustAct):
        await api.call("conversations.open", users="U1")
    assert village.platform.trouble()
    slack.advance(3_601)
    assert village.platform.trouble() is None


async def test_missing_scope_of_files_is_told_to_both(village, ann, art):
    village.slack.bot.scopes.discard("files:read")
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    await village.heard()
    await village.world.step()
    assert "files:read" in (await village.app.views.readiness()).problems["slack"]
    village.slack.bot.scopes.add("files:read")
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.files_scope_missing("cat.png")


async def test_download_that_never_ends_is_cut_and_told(village, ann, art):
    village.slack.inject(Fault(kind="huge", method="(download)"))
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    await village.done()
    [answer] = village.answers()
    assert "cat.png” has" in village.remark(answer)
    assert village.paid() == 0


@pytest.mark.parametrize("kind", ["status", "drop", "cut", "reset"])
async def test_download_in_trouble_is_tried_again(village, ann, art, kind):
    village.slack.inject(Fault(kind=kind, method="(download)", times=2))
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[upload()])
    await village.done()
    assert len(village.world.sent("a fox like this").payload["image"]) == 1
    assert village.slack.pending_faults == []
