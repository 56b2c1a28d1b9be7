"""When does a message edit a picture, and what does its author see of that?"""

import pytest

from adapters.discord import rest
from adapters.discord.outbound import REACTIONS
from bot import messages
from bot.emulator import Fault
from bot.model import JobState, MessageRef, Mood
from tests.adapters.discord.conftest import PAINTING
from tests.emulators.discord import Permission, Upload
from tests.emulators.discord.message_views import message_event
from tests.emulators.discord.messages import MessageKind
from tests.world import photos

WORKING, DONE, FAILED = (REACTIONS[mood] for mood in (Mood.WORKING, Mood.DONE, Mood.FAILED))


def upload(file):
    return Upload(name=file.name, data=file.data, media_type=file.said_type)


async def test_reply_is_marked_at_once_and_its_mark_changes_with_the_outcome(world, emulator, ann, fox, writes):
    said = await writes(ann, fox, "make it blue")
    assert said.moods_of(emulator.bot) == [WORKING]
    await world.settle()
    assert said.moods_of(emulator.bot) == [DONE]
    world.emulator.behave(ending="failed", error="safety")
    said = await writes(ann, fox, "make it rude")
    await world.settle()
    assert said.moods_of(emulator.bot) == [FAILED]


async def test_result_answers_the_members_message(world, ann, fox, writes, results):
    said = await writes(ann, fox, "make it blue")
    await world.settle()
    assert results(fox)[-1].replied_to is said
    assert results(fox)[-1].pictures[0].description == "make it blue"


async def test_reply_to_an_older_picture_branches_from_it(world, ann, fox, writes, results):
    await writes(ann, fox, "make it blue")
    await world.settle()
    await writes(ann, fox, "add a hat", reply_to=results(fox)[0])
    await world.settle()
    turns = world.sent("add a hat").payload["contents"]
    assert "make it blue" not in str(turns)


async def test_reply_to_a_picture_whose_post_is_in_doubt_edits_it(
    world, place, emulator, ann, bob, asks, writes, results
):
    """It stands there, and we have not heard so: the buttons of the answered message say whose it is."""
    card = (await asks(ann, place.channel)).message
    emulator.faults.lay("POST /channels/{channel_id}/messages", reset=True, after_effect=True)
    while not (card.thread and results(card.thread)):
        await world.step()
    (picture,) = results(card.thread)
    posted = MessageRef(platform="discord", channel=str(card.thread.id), id=str(picture.id))
    assert await world.app.views.job_of(posted) is None
    await writes(bob, card.thread, "add a hat", reply_to=picture)
    await world.settle()
    assert len(results(card.thread)) == 2
    assert len(world.sent("add a hat").payload["contents"]) > 1


async def test_replies_while_a_picture_is_made_run_in_their_order(world, place, ann, asks, account, results):
    world.emulator.behave(latency=PAINTING)
    card = (await asks(ann, place.channel)).message
    await world.step()
    thread = card.thread
    for words in ("one", "two"):
        account(ann).writes(thread, words)
    await place.quiet()
    await world.settle()
    assert [post.pictures[0].description for post in results(thread)] == ["a fox", "one", "two"]
    assert "one" in str(world.sent("two").payload["contents"])


async def test_forwarded_picture_goes_with_the_next_words(world, place, ann, bob, fox, writes, account):
    shown = account(bob).writes(place.channel, "my hat", files=[upload(photos.png("hat.png"))])
    await writes(ann, fox, forward=shown)
    await writes(ann, fox, "wear this")
    await world.settle()
    uploads = [part for part in world.sent("wear this").payload["contents"][-1]["parts"] if "fileData" in part]
    assert len(uploads) == 1


async def test_picture_whose_message_was_deleted_is_what_the_answer_is_about(
    world, place, ann, fox, writes, account, results
):
    said = await writes(ann, fox, files=[upload(photos.png())])
    account(ann).deletes(said)
    await place.quiet()
    await writes(ann, fox, "wear this")
    await world.settle()
    answer = results(fox)[-1]
    assert answer.pictures == []
    assert "One of the attached pictures could not be used" in answer.content


@pytest.mark.parametrize("forwarded", [False, True])
async def test_attached_picture_whose_link_has_ended_meanwhile_is_fetched_by_a_fresh_one(
    world, place, emulator, ann, fox, writes, account, forwarded
):
    """The bot was away for a day; the message is still there, and gives a new link."""
    files = [upload(photos.png("hat.png"))]
    if forwarded:
        shown = account(ann).writes(place.channel, "my hat", files=files)
        await writes(ann, fox, forward=shown)
        await writes(ann, fox, "wear this")
    else:
        await writes(ann, fox, "wear this", files=files)
    await world.die()
    world.advance(25 * 3_600)
    await world.start()
    await place.listening()
    await world.settle()
    uploads = [part for part in world.sent("wear this").payload["contents"][-1]["parts"] if "fileData" in part]
    assert len(uploads) == 1


async def test_file_that_is_larger_than_it_is_said_to_be_is_not_read_to_its_end(
    world, ann, fox, writes, results, monkeypatch
):
    monkeypatch.setattr(rest, "MAX_RECEIVED_BYTES", 10_000)
    liar = Upload(name="hat.png", data=photos.png().data + b"x" * 10_000, size=500, media_type="image/png")
    await writes(ann, fox, "wear this", files=[liar])
    await world.settle()
    assert results(fox)[-1].pictures == []
    assert "One of the attached pictures could not be used" in results(fox)[-1].content
    assert world.emulator.paid == 1


async def test_attached_picture_of_a_reply_is_sent_along(world, ann, fox, writes):
    await writes(ann, fox, "wear this", files=[upload(photos.heic())])
    await world.settle()
    assert len([p for p in world.sent("wear this").payload["contents"][-1]["parts"] if "fileData" in p]) == 1


async def test_talk_is_left_alone(world, emulator, ann, fox, writes):
    said = [await writes(ann, fox, talk) for talk in ("// nice", "🎉", "<:fox:123456789012345678>", "...")]
    await world.settle()
    assert [message.content for message in said if message.reactions] == []
    assert len(await world.jobs()) == 1


async def test_talk_between_people_is_left_alone(world, ann, bob, fox, writes, account):
    hers = await writes(ann, fox, "make it blue")
    await world.settle()
    await writes(bob, fox, "I like that", reply_to=hers)
    await writes(ann, fox, f"{account(bob).mention} do you?")
    await writes(bob, fox, "yes")
    await world.settle()
    assert len(await world.jobs()) == 2


async def test_mention_of_the_bot_is_no_word_of_the_prompt(world, emulator, ann, fox, writes):
    await writes(ann, fox, f"{emulator.bot.mention} make it blue")
    await world.settle()
    assert world.sent("make it blue")


async def test_refusal_of_a_reply_comes_as_a_direct_message(world, emulator, ann, fox, writes, told):
    said = await writes(ann, fox, "make it blue --ar 1:7")
    assert said.moods_of(emulator.bot) == [FAILED]
    (sentence,) = told(ann)
    assert f"<#{fox.id}>" in sentence
    assert "1:7" in sentence
    assert [m for m in fox.messages if m.author is emulator.bot and m.content.startswith("I can't")] == []


async def test_refusal_for_somebody_who_takes_no_direct_messages_gives_nothing_away(
    world, emulator, ann, fox, writes, account
):
    account(ann).accepts_dms = False
    said = await writes(ann, fox, "make it blue --ar 1:7")
    (answer,) = (m for m in fox.messages if m.replied_to is said)
    assert "1:7" not in answer.content
    assert "press Edit" in answer.content


# -- other places ----------------------------------------------------------------------------------------------------


async def test_words_in_a_direct_message_begin_and_edit(world, ann, account, writes, results):
    dm = account(ann).dm
    await writes(ann, dm, "a fox")
    await world.settle()
    await writes(ann, dm, "make it blue")
    await world.settle()
    assert len(results(dm)) == 2
    assert "contents" in world.sent("make it blue").payload


async def test_direct_messages_of_different_members_share_no_servers_limit(world, ann, bob, account, writes, results):
    await world.restart(max_images_per_server_per_day=1)
    for member in (ann, bob):
        await writes(member, account(member).dm, "a fox")
        await world.settle()
        assert len(results(account(member).dm)) == 1


async def test_refusal_in_a_direct_message_answers_there(world, emulator, ann, account, writes):
    said = await writes(ann, account(ann).dm, "a fox --ar 1:7")
    (answer,) = (m for m in account(ann).dm.messages if m.author is emulator.bot)
    assert answer.replied_to is said


async def test_plain_words_in_a_thread_of_others_are_talk_and_replies_and_mentions_are_not(
    world, place, emulator, ann, account, asks, writes, results
):
    where = account(ann).opens_thread(place.channel, "our own")
    await asks(ann, where)
    await world.settle()
    await writes(ann, where, "what a nice fox")
    await world.settle()
    assert len(await world.jobs()) == 1
    await writes(ann, where, "make it blue", reply_to=results(where)[0])
    await world.settle()
    await writes(ann, where, f"{emulator.bot.mention} add a hat")
    await world.settle()
    assert len(results(where)) == 3
    assert "make it blue" in str(world.sent("add a hat").payload)


async def test_mention_in_a_channel_begins_a_thread_of_that_message(world, place, emulator, ann, writes, results):
    said = await writes(ann, place.channel, f"{emulator.bot.mention} a fox")
    await world.settle()
    assert len(results(said.thread)) == 1
    assert said.moods_of(emulator.bot) == [DONE]
    assert [m for m in place.channel.messages if m.author is emulator.bot] == []
    await writes(ann, said.thread, "make it blue")
    await world.settle()
    assert len(results(said.thread)) == 2


async def test_reply_in_a_channel_that_was_answered_in_place(world, place, emulator, ann, asks, writes, results):
    place.channel.deny(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    await asks(ann, place.channel)
    await world.settle()
    await writes(ann, place.channel, "just talking")
    await writes(ann, place.channel, "make it blue", reply_to=results(place.channel)[0])
    await world.settle()
    assert len(results(place.channel)) == 2
    assert "contents" in world.sent("make it blue").payload


async def test_thread_that_was_archived_is_heard_and_opened_again(world, place, emulator, ann, fox, writes, results):
    emulator.clock.advance(3 * 3_600)
    assert fox.thread.archived
    await writes(ann, fox, "make it blue")
    await world.settle()
    assert len(results(fox)) == 2


async def test_thread_that_is_archived_while_a_picture_is_made_is_opened_by_posting(
    world, place, ann, fox, writes, results
):
    world.emulator.behave(latency=PAINTING)
    await writes(ann, fox, "make it blue")
    await world.step()
    fox.archive()
    await world.settle()
    assert len(results(fox)) == 2
    assert not fox.thread.archived


async def test_missing_permission_is_told_before_an_edit_is_paid(world, place, emulator, ann, fox, writes, told):
    place.channel.deny(emulator.bot, Permission.ATTACH_FILES)
    await place.quiet()
    await writes(ann, fox, "make it blue")
    await world.settle()
    assert len(await world.jobs()) == 1
    assert "Attach Files" in told(ann)[0]


async def test_talk_where_the_bot_may_not_post_is_left_alone(
    world, place, emulator, ann, bob, fox, writes, results, account, told
):
    """She has asked here before; not all that she says is about that."""
    his = await writes(bob, fox, "what a day")
    place.channel.deny(emulator.bot, Permission.ATTACH_FILES)
    await place.quiet()
    said = [await writes(ann, fox, talk) for talk in ("// nice", "🎉", f"{account(bob).mention} do you like it?")]
    said.append(await writes(ann, fox, "a long one", reply_to=his))
    assert told(ann) == []
    assert [message for message in said if message.reactions] == []
    await writes(ann, fox, "make it blue", reply_to=results(fox)[0])
    assert "Attach Files" in told(ann)[0]
    assert len(await world.jobs()) == 1


# -- events that come twice or in another order ----------------------------------------------------------------------


async def test_message_that_the_gateway_repeats_is_one_job(world, place, emulator, ann, fox, writes, results):
    said = await writes(ann, fox, "make it blue")
    said.redeliver()
    await place.quiet()
    await world.settle()
    said.redeliver()
    await place.quiet()
    await world.settle()
    assert len(results(fox)) == 2
    assert said.moods_of(emulator.bot) == [DONE]


async def test_messages_of_bots_webhooks_and_the_system_are_not_heard(
    world, place, emulator, ann, fox, writes, account
):
    robot = place.guild.member("robot", bot=True)
    robot.writes(fox, "make it blue")
    emulator.state.acts.change_thread(fox, name="make it red", by=account(ann))
    said = await writes(ann, fox, "// by hand")
    posted = {**message_event(said, reads=True), "id": str(said.id + 1), "content": "make it green"}
    emulator.shards.send_raw("MESSAGE_CREATE", {**posted, "webhook_id": "4242"})
    await place.quiet()
    await world.settle()
    assert [message.kind for message in fox.messages].count(MessageKind.CHANNEL_NAME_CHANGE) == 1
    assert len(await world.jobs()) == 1


async def test_limit_is_told_by_direct_message_and_a_failed_job_has_its_own_answer(
    world, ann, fox, writes, told, results
):
    world.emulator.inject(Fault(route="submit", kind="rejected"))
    await writes(ann, fox, "make it rude")
    await world.settle()
    assert told(ann) == []
    assert messages.failure(world.jobs and (await world.jobs())[-1].failure.kind, job_id="") in results(fox)[-1].content
    assert [button.label for button in results(fox)[-1].buttons] == ["Try again"]
    assert (await world.jobs())[-1].state is JobState.FAILED


async def test_message_that_is_deleted_while_it_is_worked_on_is_cancelled(
    world, place, ann, fox, writes, results, account
):
    world.emulator.behave(latency=PAINTING)
    said = await writes(ann, fox, "make it blue")
    await world.step()
    account(ann).deletes(said)
    await place.quiet()
    assert (await world.jobs())[-1].state is JobState.CANCELLED
    await world.settle()
    assert len(results(fox)) == 1


async def test_message_that_is_deleted_afterwards_takes_nothing_back(world, place, ann, fox, writes, results, account):
    said = await writes(ann, fox, "make it blue")
    await world.settle()
    account(ann).deletes(said)
    await place.quiet()
    await world.settle()
    assert len(results(fox)) == 2
