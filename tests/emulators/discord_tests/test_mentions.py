"""Who is notified, and by what?"""

import pytest

from tests.emulators.discord import Permission


@pytest.fixture
def say(rest, general):
    async def say(content, **fields):
        status, answer = await rest("POST", f"/channels/{general.id}/messages", {"content": content, **fields})
        assert status == 200, answer
        return general.log[int(answer["id"])]

    return say


async def test_a_message_notifies_all_that_it_names_unless_it_says_otherwise(emulator, say, guild, general, ann, ben):
    painters = guild.role("painters", mentionable=True)
    guild.give(ben, painters)
    words = f"{ann.mention} <@&{painters.id}> @everyone"
    assert (await say(words)).pinged == {ann, ben}
    assert (await say(words, allowed_mentions={"parse": []})).pinged == set()
    assert (await say(words, allowed_mentions={"parse": ["roles"]})).pinged == {ben}
    assert (await say(words, allowed_mentions={"users": [str(ann.id)]})).pinged == {ann}
    assert (await say(words, allowed_mentions={"roles": [painters.id]})).pinged == {ben}


async def test_everyone_and_closed_roles_need_a_permission(emulator, say, guild, general, ann, ben):
    painters = guild.role("painters")
    guild.give(ben, painters)
    words = f"@here <@&{painters.id}>"
    assert (await say(words)).pinged == set()
    general.allow(emulator.bot, Permission.MENTION_EVERYONE)
    assert (await say(words)).pinged == {ann, ben}


async def test_a_reply_notifies_whom_it_answers_unless_told_not_to(say, general, ann):
    hers = ann.writes(general, "hello")
    reference = {"message_reference": {"message_id": str(hers.id)}}
    assert (await say("x", **reference)).pinged == {ann}
    assert (await say("x", **reference, allowed_mentions={"parse": []})).pinged == set()
    assert (await say("x", **reference, allowed_mentions={"parse": [], "replied_user": True})).pinged == {ann}


async def test_an_edit_that_does_not_say_so_notifies_again(rest, say, general, ann):
    message = await say("x", allowed_mentions={"parse": []})
    path = f"/channels/{general.id}/messages/{message.id}"
    await rest("PATCH", path, {"content": ann.mention, "allowed_mentions": {"parse": []}})
    assert message.pinged == set()
    await rest("PATCH", path, {"content": ann.mention})
    assert message.pinged == {ann}


async def test_an_interaction_s_answer_notifies_people_only(emulator, rest, asked, answers, general, guild, ann, ben):
    general.allow(emulator.bot, Permission.MENTION_EVERYONE)
    await answers(asked, 4, {"content": "@everyone"})
    message = (await asked.answer).message
    assert message.pinged == set()
    path = f"/webhooks/{emulator.application.id}/{asked.token}/messages/@original"
    await rest("PATCH", path, {"content": f"{ben.mention} @everyone"}, headers={"Authorization": ""})
    assert message.pinged == {ben}


async def test_embeds_notify_nobody_but_text_components_do(rest, general, ann):
    for body, pinged in (
        ({"embeds": [{"description": ann.mention}]}, set()),
        ({"flags": 32768, "components": [{"type": 10, "content": ann.mention}]}, {ann}),
    ):
        _, answer = await rest("POST", f"/channels/{general.id}/messages", body)
        assert general.log[int(answer["id"])].pinged == pinged


async def test_who_does_not_see_the_channel_is_not_notified(say, general, ann):
    general.deny(ann, Permission.VIEW_CHANNEL)
    assert (await say(ann.mention)).pinged == set()
