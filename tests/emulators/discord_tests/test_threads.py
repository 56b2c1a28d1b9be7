"""Where can threads be, who may write in them, and what ends them?"""

import pytest

from tests.emulators.discord import CannotDoError, ChannelKind, MessageKind, Permission


@pytest.fixture
def open_thread(rest):
    """The bot makes a thread of a message; gives status and body."""

    async def make(message, **fields):
        path = f"/channels/{message.channel.id}/messages/{message.id}/threads"
        return await rest("POST", path, {"name": "a fox", **fields})

    return make


@pytest.fixture
async def thread(open_thread, general, ann, emulator):
    message = ann.writes(general, "hello")
    await open_thread(message, auto_archive_duration=60)
    return emulator.state.channels[message.id]


def send(rest, channel, body=None):
    return rest("POST", f"/channels/{channel.id}/messages", body or {"content": "x"})


async def test_a_thread_has_its_message_s_id_and_there_is_one(open_thread, general, ann):
    message = ann.writes(general, "hello")
    status, thread = await open_thread(message)
    assert (status, thread["id"], thread["type"], thread["parent_id"]) == (201, str(message.id), 11, str(general.id))
    assert thread["thread_metadata"]["auto_archive_duration"] == 1440
    status, answer = await open_thread(message)
    assert (status, answer["code"]) == (400, 160004)


async def test_where_there_are_no_threads_none_can_be_made(open_thread, guild, thread, ann, emulator):
    for place in (thread, guild.voice("lounge"), guild.stage("stage"), ann.dm):
        status, answer = await open_thread(ann.writes(place, "x"))
        assert (status, answer["code"]) == (400, 50024), place
    _, made = await open_thread(ann.writes(guild.announcement("news"), "x"))
    assert made["type"] == 10


@pytest.mark.parametrize("fields", [{"name": ""}, {"name": "x" * 101}, {"name": None}, {"auto_archive_duration": 61}])
async def test_a_thread_s_name_and_silence_are_judged(open_thread, general, ann, fields):
    status, answer = await open_thread(ann.writes(general, "x"), **fields)
    assert (status, answer["code"]) == (400, 50035)


async def test_too_many_threads_are_refused_until_one_is_archived(open_thread, guild, general, ann, thread):
    guild.max_active_threads = 1
    message = ann.writes(general, "x")
    assert (await open_thread(message))[1]["code"] == 160006
    assert (await open_thread(ann.writes(guild.announcement("news"), "x")))[1]["code"] == 160007
    thread.archive()
    assert (await open_thread(message))[0] == 201


async def test_making_a_thread_and_writing_in_it_are_two_permissions(emulator, rest, open_thread, general, ann):
    general.deny(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    message = ann.writes(general, "x")
    assert (await open_thread(message))[1]["code"] == 50013
    general.allow(emulator.bot, Permission.CREATE_PUBLIC_THREADS)
    general.deny(emulator.bot, Permission.SEND_MESSAGES_IN_THREADS)
    status, _ = await open_thread(message)
    assert status == 201
    assert (await send(rest, message.thread))[1]["code"] == 50013
    general.deny(emulator.bot, Permission.SEND_MESSAGES)
    general.allow(emulator.bot, Permission.SEND_MESSAGES_IN_THREADS)
    assert (await send(rest, message.thread))[0] == 200  # the one has no effect in the other's place


async def test_silence_archives_a_thread_and_a_message_opens_it_again(emulator, rest, thread):
    emulator.clock.advance(59 * 60)
    assert not thread.thread.archived
    emulator.clock.advance(60)
    assert thread.thread.archived
    status, _ = await send(rest, thread)
    assert (status, thread.thread.archived) == (200, False)


async def test_in_an_archived_thread_nothing_can_be_changed_but_messages_deleted(rest, thread, ann):
    _, mine = await send(rest, thread)
    thread.archive()
    path = f"/channels/{thread.id}/messages/{mine['id']}"
    assert (await rest("PATCH", path, {"content": "y"}))[1]["code"] == 50083
    assert (await rest("PUT", f"{path}/reactions/%F0%9F%8E%A8/@me"))[1]["code"] == 50083
    assert (await rest("PATCH", f"/channels/{thread.id}", {"name": "other"}))[1]["code"] == 50083
    assert (await rest("DELETE", path))[0] == 204


async def test_a_locked_thread_takes_no_messages_and_only_moderators_open_it(emulator, rest, thread, general, ann):
    thread.lock()
    assert (await send(rest, thread))[1]["code"] == 160005
    assert (await rest("PATCH", f"/channels/{thread.id}", {"archived": False}))[1]["code"] == 50013
    with pytest.raises(CannotDoError):
        ann.writes(thread, "x")
    general.allow(emulator.bot, Permission.MANAGE_THREADS)
    assert (await rest("PATCH", f"/channels/{thread.id}", {"archived": False, "locked": False}))[0] == 200
    assert (await send(rest, thread))[0] == 200


async def test_who_may_write_may_open_an_archived_thread_but_not_rename_it(rest, guild, general, ann):
    theirs = ann.opens_thread(general, "theirs")
    theirs.archive()
    assert (await rest("PATCH", f"/channels/{theirs.id}", {"archived": False}))[0] == 200
    assert (await rest("PATCH", f"/channels/{theirs.id}", {"name": "mine"}))[1]["code"] == 50013


async def test_a_rename_is_told_in_the_thread(rest, thread):
    assert (await rest("PATCH", f"/channels/{thread.id}", {"name": "a red fox"}))[0] == 200
    assert (thread.name, thread.messages[-1].kind) == ("a red fox", MessageKind.CHANNEL_NAME_CHANGE)
    assert (await rest("PATCH", f"/channels/{thread.id}", {"name": "x" * 101}))[1]["code"] == 50035


async def test_a_deleted_thread_leaves_its_message_and_a_deleted_message_its_thread(
    rest, general, thread, ann, open_thread
):
    starter = general.log[thread.id]
    thread.delete()
    assert (await send(rest, thread))[1]["code"] == 10003
    assert not starter.deleted
    other = ann.writes(general, "x")
    await open_thread(other)
    kept = other.thread
    other.delete()
    assert (await send(rest, kept))[0] == 200
    assert (await rest("GET", f"/channels/{general.id}/messages/{other.id}"))[1]["code"] == 10008


async def test_a_deleted_channel_takes_its_threads_with_it(rest, general, thread):
    general.delete()
    assert (await send(rest, thread))[1]["code"] == 10003


async def test_a_thread_begins_with_a_pointer_back_that_counts_for_nothing(rest, thread):
    _, history = await rest("GET", f"/channels/{thread.id}/messages")
    assert [message["type"] for message in history] == [21]
    assert history[0]["referenced_message"]["content"] == "hello"
    assert (await rest("GET", f"/channels/{thread.id}"))[1]["message_count"] == 0


async def test_a_forum_takes_posts_whose_first_message_has_their_id(emulator, rest, guild, ann):
    forum = guild.forum("ideas")
    theirs = ann.posts(forum, "foxes", "let us draw")
    assert (theirs.kind, list(theirs.log)) == (ChannelKind.PUBLIC_THREAD, [theirs.id])
    assert (await send(rest, theirs))[0] == 200
    status, post = await rest("POST", f"/channels/{forum.id}/threads", {"name": "mine", "message": {"content": "x"}})
    assert (status, post["message"]["id"], post["message"]["channel_id"]) == (201, post["id"], post["id"])
    assert (await rest("POST", f"/channels/{forum.id}/threads", {"name": "mine"}))[1]["code"] == 50035


async def test_a_thread_of_nothing_is_private_unless_it_says_so(emulator, rest, general, ann):
    general.allow(emulator.bot, Permission.CREATE_PRIVATE_THREADS)
    _, private = await rest("POST", f"/channels/{general.id}/threads", {"name": "x"})
    _, public = await rest("POST", f"/channels/{general.id}/threads", {"name": "x", "type": 11})
    assert (private["type"], public["type"]) == (12, 11)
    assert [(message.kind, message.content) for message in general.messages] == [(MessageKind.THREAD_CREATED, "x")]
    assert ann.sees(emulator.state.channels[int(private["id"])]) == []


async def test_a_private_thread_is_seen_by_those_who_are_mentioned_there(emulator, rest, general, ann, ben):
    thread = ann.opens_thread(general, "secret", private=True)
    assert (await send(rest, thread))[1]["code"] == 50001
    ann.writes(thread, f"{ben.mention} {emulator.bot.mention} look")
    assert thread.sees(ben)
    assert (await send(rest, thread))[0] == 200


@pytest.mark.parametrize("joins", [False, True], ids=["stays outside", "joins"])
async def test_whether_an_answer_makes_the_bot_a_member_of_a_private_thread_is_for_the_test_to_say(
    emulator, asked, answers, general, ann, joins
):
    emulator.state.answers_join_threads = joins
    thread = ann.opens_thread(general, "secret", private=True)
    await answers(ann.slash(thread, "imagine", prompt="x"), 4, {"content": "x"})
    assert thread.sees(emulator.bot) is joins


async def test_threads_are_listed_open_ones_and_archived_ones(rest, guild, general, thread, ann):
    other = ann.opens_thread(general, "other")
    other.archive()
    _, active = await rest("GET", f"/guilds/{guild.id}/threads/active")
    _, archived = await rest("GET", f"/channels/{general.id}/threads/archived/public")
    assert [found["id"] for found in active["threads"]] == [str(thread.id)]
    assert [found["id"] for found in archived["threads"]] == [str(other.id)]
    assert archived["has_more"] is False


async def test_typing_needs_the_permission_to_write(emulator, rest, general):
    assert (await rest("POST", f"/channels/{general.id}/typing"))[0] == 204
    general.deny(emulator.bot, Permission.SEND_MESSAGES)
    assert (await rest("POST", f"/channels/{general.id}/typing"))[1]["code"] == 50013


# -- members in archived threads -----------------------------------------------------------------------------------


@pytest.fixture
async def card(asked, answers, thread, ann):
    """A message with a button in the thread, by the bot."""
    interaction = ann.slash(thread, "imagine", prompt="x")
    button = {"type": 2, "style": 1, "label": "Go", "custom_id": "go"}
    await answers(interaction, 4, {"content": "card", "components": [{"type": 1, "components": [button]}]})
    return (await interaction.answer).message


async def test_the_client_opens_an_archived_thread_before_it_sends_a_command_or_a_click(card, thread, ann):
    for act in (lambda: ann.clicks(card, "Go"), lambda: ann.slash(thread, "imagine", prompt="x")):
        thread.archive()
        act()
        assert not thread.thread.archived


async def test_in_a_locked_thread_buttons_are_grey_and_commands_cannot_be_answered(card, thread, ann, answers):
    thread.lock()
    with pytest.raises(CannotDoError):
        ann.clicks(card, "Go")
    for kind, data in ((4, {"content": "x", "flags": 64}), (5, None)):
        status, body = await answers(ann.slash(thread, "imagine", prompt="x"), kind, data)
        assert (status, body["code"]) == (403, 50083)


async def test_an_answer_that_comes_after_its_thread_was_archived_opens_it_but_an_edit_does_not(
    rest, card, thread, ann, answers
):
    said = ann.slash(thread, "imagine", prompt="x")
    clicked = ann.clicks(card, "Go")
    thread.archive()
    assert (await answers(clicked, 7, {"content": "y"}))[1]["code"] == 50083
    assert (await answers(said, 4, {"content": "y"}))[0] == 200
    assert not thread.thread.archived
    thread.archive()
    path = f"/webhooks/{said.state.application.id}/{said.token}/messages/@original"
    assert (await rest("PATCH", path, {"content": "z"}))[1]["code"] == 50083
