"""Messages, mentions and direct messages, over the wire: what is meant for the bot, and each of it once."""

import pytest

from adapters.slack import wording
from adapters.slack.outbound import MOODS
from bot import messages
from bot.errors import FailureKind
from bot.model import Mood
from tests.adapters.slack.village import upload
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
    ann.writes(dm, "make it wide --ar 7:5")
    await village.done()
    assert village.told(ann) == [] or village.told(ann) == [messages.unknown_ratio("7:5")]


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


# -- files that cannot serve -----------------------------------------------------------------------------------------


async def test_file_that_is_deleted_meanwhile_is_told(village, ann, art):
    await village.heard()
    message = ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    await village.heard()
    ann.deletes(message.files[0])
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.file_gone("cat.png")
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


# -- downloads -------------------------------------------------------------------------------------------------------


async def test_sign_in_page_is_told_to_the_member_and_to_the_operator(village, ann, art):
    village.slack.inject(Fault(kind="html", method="(download)", status=200, times=None))
    await village.heard()
    ann.writes(art, "@darkroom a fox like this", files=[upload(photos.png("cat.png"))])
    await village.done()
    [answer] = village.answers()
    assert village.remark(answer) == wording.files_scope_missing("cat.png")
    assert (await village.app.views.readiness()).problems["slack"] == wording.FILES_SCOPE_MISSING
    village.slack.clear()
    ann.writes(art, "@darkroom a hen like this", files=[upload()])
    await village.done()
    assert (await village.app.views.readiness()).ready


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
