"""The real discord.py 2.7 lives with the emulator as with Discord: commands, threads, replies, buttons, forms."""

import discord
import pytest

from tests.emulators.discord import CallbackKind, CannotDoError, Upload
from tests.emulators.discord_tests.bot import Bot, buttons, running


async def test_a_command_is_answered_and_gets_a_thread_with_a_picture_that_pings_its_author_alone(
    emulator, general, ann
):
    async with running(emulator):
        interaction = ann.slash(
            general, "imagine", prompt="a fox", ratio="16:9", reference=Upload(name="a.png", data=b"x" * 9)
        )
        answer = await interaction.answer
        assert answer.kind is CallbackKind.MESSAGE
        assert answer.message.content == "card of a fox 16:9 9"
        thread = await emulator.until(lambda: answer.message.thread)
        assert thread.id == answer.message.id
        assert thread.name == "a fox"
        post = await emulator.until(lambda: [m for m in thread.messages if m.files])
    assert post[0].pinged == {ann}
    assert [file.data for file in post[0].pictures] == [b"picture"]
    assert post[0].pictures[0].description == "a fox"
    assert emulator.recorder.refused == []


async def test_buttons_menus_and_forms_with_files_work_as_in_the_client(emulator, general, ann):
    async with running(emulator):
        card = (await ann.slash(general, "imagine", prompt="a fox").answer).message
        modal = (await ann.clicks(card, "Edit").answer).modal
        assert (modal.title, [field.label for field in modal.fields]) == ("Edit", ["Words", "Picture"])
        sent = ann.submits(modal, {"Words": "bluer", "upload": [Upload(name="b.png", data=b"xy")]})
        said = (await sent.answer).message
        assert (said.content, said.ephemeral) == ("form bluer [2]", True)
        assert said in ann.sees(general)
        assert said not in general.messages
        mine = ann.writes(general, "look", files=[Upload(name="c.png", data=b"xyz")])
        assert (await ann.uses("Edit this image", mine).answer).message.content == "look [3]"


async def test_replies_forwards_and_dms_reach_the_bot(emulator, general, ann, ben):
    async with running(emulator) as bot:
        first = ann.writes(general, "one", files=[Upload(name="a.png", data=b"1")])
        ben.writes(general, "two", reply_to=first)
        ben.writes(ben.dm, "three")
        ann.writes(ann.dm, forward=first)
        await emulator.shards.heard()
        await emulator.until(lambda: len(bot.heard) == 4)
        one, two, three, four = bot.heard
        assert one.attachments[0].filename == "a.png"
        assert two.reference is not None
        assert isinstance(two.reference.resolved, discord.Message)
        assert (two.reference.resolved.content, two.mentions) == ("one", [one.author])
        assert isinstance(three.channel, discord.DMChannel)
        assert (three.content, three.guild) == ("three", None)
        assert four.message_snapshots[0].content == "one"
        assert await four.message_snapshots[0].attachments[0].read() == b"1"
        await three.add_reaction("🎨")
        await three.remove_reaction("🎨", bot.user)
        await three.reply("hello")
    assert [message.content for message in ben.dm.messages] == ["three", "hello"]


async def test_members_cannot_do_what_the_client_does_not_offer(emulator, guild, general, ann):
    async with running(emulator):
        for options in (
            {},
            {"prompt": ""},
            {"prompt": "x", "ratio": "7:1"},
            {"prompt": "x", "reference": "y"},
            {"nope": "x"},
        ):
            with pytest.raises(CannotDoError):
                ann.slash(general, "imagine", **options)
        with pytest.raises(CannotDoError):
            ann.slash(guild.forum("ideas"), "imagine", prompt="x")
        with pytest.raises(CannotDoError):
            ann.slash(general, "draw", prompt="x")
        card = (await ann.slash(general, "imagine", prompt="a fox").answer).message
        with pytest.raises(CannotDoError):
            ann.clicks(card, "Nothing")


async def test_a_button_outlives_the_bot_that_posted_it(emulator, general, ann):
    async with running(emulator) as bot:
        channel = bot.get_partial_messageable(general.id)
        message = await channel.send("hello", view=buttons())
    async with running(emulator, Bot()):
        answer = await ann.clicks(general.log[message.id], "again:7").answer
        assert answer.message.content == "again 7"
