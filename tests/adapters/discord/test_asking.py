"""What does a member see of /imagine, in every kind of place?"""

import re

import pytest

from adapters.discord import answering
from bot.model import ASPECT_RATIOS, JobState
from tests.adapters.discord.conftest import WRITING
from tests.emulators.discord import CallbackKind, Intents, Permission, Upload
from tests.emulators.discord.interactions import InteractionKind
from tests.emulators.discord.messages import Flag, MessageKind
from tests.world import photos

CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"


def upload(file):
    return Upload(name=file.name, data=file.data, media_type=file.said_type)


# -- the command and its card ----------------------------------------------------------------------------------------


async def test_command_offers_ratios_and_three_pictures_in_servers_and_direct_messages(place, emulator):
    await place.listening()
    commands = {command["name"]: command for command in emulator.state.commands[None]}
    assert set(commands) == {"imagine", "imagine-help", "imagine-usage", "Edit this image"}
    options = {option["name"]: option for option in commands["imagine"]["options"]}
    assert list(options) == ["prompt", "aspect_ratio", "image1", "image2", "image3"]
    assert [choice["value"] for choice in options["aspect_ratio"]["choices"]] == list(ASPECT_RATIOS)
    assert all(options[name]["type"] == 11 for name in ("image1", "image2", "image3"))
    for command in commands.values():
        assert sorted(command["contexts"]) == [0, 1]
        assert command["integration_types"] == [0]


async def test_command_is_answered_at_once_and_openly_with_the_card(world, place, ann, asks):
    answer = await asks(ann, place.channel, "a red fox", aspect_ratio="3:2")
    assert answer.kind is CallbackKind.MESSAGE
    card = answer.message
    assert not card.ephemeral
    assert not card.thinking
    assert "a red fox" in card.content
    assert "3:2" in card.content
    assert f"<@{ann.person.id}>" in card.content
    assert re.search(r"<t:\d+:R>", card.content), "the time since then, which the member's own app counts"
    assert "Queued" in card.content
    assert [button.label for button in card.buttons] == ["Cancel"]
    assert not card.pinged
    await world.settle()
    assert "Done" in card.content
    assert card.buttons == []


async def test_picture_is_posted_in_a_thread_of_the_card_and_mentions_nobody_but_the_requester(
    world, place, emulator, ann, asks, results
):
    answer = await asks(ann, place.channel, "a red fox @everyone <@1> *loud*")
    await world.settle()
    thread = answer.message.thread
    assert thread.name.startswith("a red fox")
    assert thread.thread.auto_archive == 60
    (post,) = results(thread)
    assert post.is_regular
    assert [person.id for person in post.pinged] == [int(ann.person.id)]
    (picture,) = post.pictures
    (original,) = world.painted("a red fox @everyone *loud*")
    assert picture.data == original, "the very bytes"
    assert picture.description == "a red fox @everyone *loud*"
    assert [button.label for button in post.buttons] == ["Try again", "Edit", "Delete"]


async def test_thread_is_archived_after_the_silence_that_is_set(world, place, ann, asks):
    place.settings["discord_thread_archive_minutes"] = 1440
    await world.restart()
    card = (await asks(ann, place.channel)).message
    await world.settle()
    assert card.thread.thread.auto_archive == 1440


async def test_card_shows_a_small_copy_of_the_newest_picture(world, place, ann, asks, writes, results):
    card = (await asks(ann, place.channel)).message
    await world.settle()
    (first,) = card.pictures
    assert max(photos.opened(first.data).size) <= 512
    await writes(ann, card.thread, "make it blue")
    await world.step()
    await world.settle()
    await place.quiet()
    (second,) = card.pictures
    assert second.description == "make it blue"
    assert second is not first


async def test_thread_is_named_after_the_prompt_without_markup_and_cut(world, place, ann, asks):
    card = (
        await asks(ann, place.channel, "`code` **loud** <#1> ||hidden||\nand a very long story " + "about foxes " * 20)
    ).message
    await world.settle()
    name = card.thread.name
    assert name.startswith("code loud hidden and a very long story")
    assert len(name) <= 100
    assert name.endswith("…")


async def test_longest_prompt_is_told_to_its_end_to_the_queue_and_cut_for_discord(world, place, ann, asks, results):
    prompt = "a fox " * 600 + "at night"
    card = (await asks(ann, place.channel, prompt)).message
    await world.settle()
    assert world.sent(prompt)
    (post,) = results(card.thread)
    assert len(card.content) <= 2_000
    assert 1_000 < len(post.pictures[0].description) <= 1_024
    assert len(card.pictures[0].description) <= 1_024


async def test_attachments_of_the_command_go_to_the_queue(world, place, ann, asks):
    files = {f"image{n}": upload(photos.jpeg(f"{n}.jpg")) for n in (1, 3)}
    await asks(ann, place.channel, **files)
    await world.settle()
    assert len(world.sent("a fox").payload["image"]) == 2


async def test_refusal_is_private(world, place, ann, asks):
    answer = await asks(ann, place.channel, "a fox --ar 1:7")
    assert answer.message.ephemeral
    assert "1:7" in answer.message.content
    assert place.channel.messages == []
    assert await world.jobs() == []


async def test_help_and_usage_are_private(place, ann, account):
    await place.listening()
    helped = await account(ann).slash(place.channel, "imagine-help").answer
    assert helped.message.ephemeral
    assert "/imagine" in helped.message.content
    used = await account(ann).slash(place.channel, "imagine-usage").answer
    assert used.message.ephemeral
    assert "You can ask for 3 more pictures right now." in used.message.content.replace("\\", "")


async def test_help_without_the_message_content_intent_promises_no_plain_words(world, place, emulator, ann, account):
    emulator.application.enabled = Intents(0)
    await world.restart()
    await place.listening()
    helped = await account(ann).slash(place.channel, "imagine-help").answer
    assert "press **Edit**" in helped.message.content
    assert "as a reply in its thread" not in helped.message.content


async def test_command_that_has_changed_since_an_app_last_looked_is_answered(place, emulator, ann, account):
    await place.listening()
    data = {"id": "1", "name": "paint", "type": 1, "options": []}
    asked = emulator.state.acts.interact(account(ann), place.channel, InteractionKind.COMMAND, data)
    answer = await asked.answer
    assert answer.message.ephemeral
    assert "has changed" in answer.message.content


# -- where the answer goes -------------------------------------------------------------------------------------------


async def test_announcement_channel_gets_a_thread(world, place, ann, asks, results):
    card = (await asks(ann, place.guild.announcement("news"))).message
    await world.settle()
    assert len(results(card.thread)) == 1


@pytest.mark.parametrize("kind", ["thread", "post", "voice", "direct"])
async def test_answer_comes_in_place_where_there_are_no_threads(world, place, ann, account, asks, results, kind):
    match kind:
        case "thread":
            where = account(ann).opens_thread(place.channel, "our own")
        case "post":
            where = account(ann).posts(place.guild.forum("ideas"), "my idea", "look")
        case "voice":
            where = place.guild.voice("talk")
        case _:
            where = account(ann).dm
    card = (await asks(ann, where)).message
    await world.settle()
    (post,) = results(where)
    assert post.replied_to is card, "so that it is seen what it answers"
    assert card.pictures == [], "the picture itself stands there"
    assert place.channel.threads == [] or kind == "thread"


async def test_second_request_in_a_place_begins_anew(world, place, ann, asks, account, results):
    where = account(ann).opens_thread(place.channel, "our own")
    await asks(ann, where, "a fox")
    await world.settle()
    await asks(ann, where, "a hen")
    await world.settle()
    assert len(results(where)) == 2
    assert "contents" not in world.sent("a hen").payload


async def test_channel_with_too_many_threads_is_answered_in_place(world, place, ann, asks, results):
    place.guild.max_active_threads = 0
    card = (await asks(ann, place.channel)).message
    await world.settle()
    (post,) = results(place.channel)
    assert post.replied_to is card


@pytest.mark.parametrize("missing", [Permission.CREATE_PUBLIC_THREADS, Permission.SEND_MESSAGES_IN_THREADS])
async def test_channel_in_which_no_thread_can_be_used_is_answered_in_place(
    world, place, emulator, ann, asks, results, missing
):
    place.channel.deny(emulator.bot, missing)
    await asks(ann, place.channel)
    await world.settle()
    assert len(results(place.channel)) == 1
    assert place.channel.threads == []


@pytest.mark.parametrize(
    ("denied", "named"),
    [
        (Permission.ATTACH_FILES, "Attach Files"),
        (Permission.READ_MESSAGE_HISTORY, "Read Message History"),
        (WRITING, "Send Messages"),
    ],
)
async def test_missing_permission_is_told_before_anything_is_paid(world, place, emulator, ann, asks, denied, named):
    place.channel.deny(emulator.bot, denied)
    answer = await asks(ann, place.channel)
    assert answer.message.ephemeral
    assert named in answer.message.content
    await world.settle()
    assert await world.jobs() == []
    assert emulator.recorder.refused == []


async def test_channel_in_which_only_threads_can_be_written_in_is_answered_there(
    world, place, emulator, ann, asks, results
):
    """As channels for announcements are set up; the card can't have a preview there, and is kept up to date without."""
    place.channel.deny(emulator.bot, Permission.SEND_MESSAGES)
    card = (await asks(ann, place.channel)).message
    assert not card.ephemeral
    await world.settle()
    assert len(results(card.thread)) == 1
    assert "Done" in card.content
    assert card.pictures == []


async def test_permission_that_goes_before_the_thread_is_made_sends_the_picture_to_its_member(
    world, place, emulator, ann, asks, account, results
):
    """Neither the channel nor its threads can be written to when the poller gets to it: a thread is made all the same."""
    card = (await asks(ann, place.channel)).message
    place.channel.deny(emulator.bot, WRITING)
    await world.settle()
    (job,) = await world.jobs()
    assert job.state is JobState.SUCCEEDED
    (post,) = results(account(ann).dm)
    assert post.pictures[0].data == world.painted("a fox")[0]
    assert post.content == f"<@{ann.person.id}> I could not post this in <#{card.thread.id}>."


async def test_channel_that_closes_before_there_is_a_card_costs_nothing(
    world, place, emulator, ann, account, told, results
):
    await place.listening()
    hold = emulator.faults.hold("POST /interactions/{interaction_id}/{interaction_token}/callback")
    account(ann).slash(place.channel, "imagine", prompt="a fox")
    await hold.arrived()
    await world.die()
    emulator.clock.advance(4)
    hold.release()
    place.channel.deny(emulator.bot, Permission.VIEW_CHANNEL)
    world.advance(10)
    await world.start()
    await place.listening()
    await world.settle()
    assert (await world.jobs())[0].state is JobState.FAILED
    assert told(ann) == [f"<@{ann.person.id}> I could not post this in <#{place.channel.id}>."]
    assert world.emulator.paid == 0


# -- commands and events that come twice, or at the wrong moment -----------------------------------------------------


async def test_command_that_the_gateway_repeats_is_one_job_and_one_card(world, place, emulator, ann, asks):
    await asks(ann, place.channel)
    emulator.interactions[0].redeliver()
    await place.quiet()
    await world.settle()
    emulator.interactions[0].redeliver()
    await place.quiet()
    await world.settle()
    assert len(await world.jobs()) == 1
    assert len([m for m in place.channel.messages if m.author is emulator.bot]) == 1
    assert len(place.channel.threads) == 1


async def test_bot_that_dies_before_it_acknowledges_posts_one_card(world, place, emulator, ann, account, results):
    await place.listening()
    hold = emulator.faults.hold("POST /interactions/{interaction_id}/{interaction_token}/callback")
    interaction = account(ann).slash(place.channel, "imagine", prompt="a fox")
    await hold.arrived()
    await world.die()
    emulator.clock.advance(4)
    hold.release()
    assert not (await interaction.answer).in_time
    world.advance(10)
    await world.start()
    await place.listening()
    await world.settle()
    cards = [m for m in place.channel.messages if m.author is emulator.bot]
    assert len(cards) == 1
    assert len(results(cards[0].thread)) == 1


async def test_bot_that_dies_after_it_acknowledged_finds_its_card(world, place, emulator, ann, account, results):
    await place.listening()
    hold = emulator.faults.hold("POST /interactions/{interaction_id}/{interaction_token}/callback", after_effect=True)
    interaction = account(ann).slash(place.channel, "imagine", prompt="a fox")
    await hold.arrived()
    await world.die()
    hold.release()
    card = (await interaction.answer).message
    world.advance(10)
    await world.start()
    await place.listening()
    await world.settle()
    assert [m for m in place.channel.messages if m.author is emulator.bot] == [card]
    assert len(results(card.thread)) == 1
    assert "Done" in card.content


async def test_acknowledgement_that_comes_too_late_leaves_one_card(world, place, emulator, ann, account, results):
    await place.listening()
    hold = emulator.faults.hold("POST /interactions/{interaction_id}/{interaction_token}/callback")
    interaction = account(ann).slash(place.channel, "imagine", prompt="a fox")
    await hold.arrived()
    emulator.clock.advance(4)
    hold.release()
    await interaction.answer
    await place.quiet()
    world.advance(10)
    await world.settle()
    (card,) = (m for m in place.channel.messages if m.author is emulator.bot)
    assert len(results(card.thread)) == 1


async def test_job_that_takes_an_hour_is_still_answered(world, place, emulator, ann, asks, results):
    """An interaction's token is dead by then: everything after the acknowledgement goes by the bot's own."""
    card = (await asks(ann, place.channel)).message
    emulator.clock.advance(3_600)
    await world.settle()
    assert len(results(card.thread)) == 1
    assert "Done" in card.content
    webhooks = [e for e in emulator.recorder.exchanges if e.path.startswith("/webhooks/")]
    assert webhooks == []


async def test_ten_commands_at_once_are_ten_pictures(world, place, emulator, account, results):
    """Twice as many as may leave at once; fifty at a real process are a test of their own."""
    await place.listening()
    people = [world.user(f"member{n}") for n in range(10)]
    asked = [account(p).slash(place.channel, "imagine", prompt=f"fox {n}") for n, p in enumerate(people)]
    answers = [await interaction.answer for interaction in asked]
    assert all(answer.kind is CallbackKind.MESSAGE for answer in answers)
    await place.quiet()
    await world.settle()
    for answer in answers:
        assert len(results(answer.message.thread)) == 1
    assert emulator.gatekeeper.refused == []


async def test_command_whose_acknowledgement_hangs_keeps_nobody_else_waiting_for_longer_than_it_could_be_in_time(
    world, place, emulator, ann, bob, asks, account, monkeypatch
):
    monkeypatch.setattr(answering, "AT_ONCE", 1)
    monkeypatch.setattr(answering, "LATE_SECONDS", 0.0)
    await world.restart()
    await place.listening()
    hold = emulator.faults.hold(CALLBACK, times=1)
    account(ann).slash(place.channel, "imagine", prompt="a fox")
    await hold.arrived()
    answer = await account(bob).slash(place.channel, "imagine", prompt="a hen").answer
    assert "a hen" in answer.message.content
    hold.release()
    await world.settle()


async def test_store_out_of_order_is_said_privately(world, place, ann, asks, monkeypatch):
    from bot.ports import StoreBusy  # noqa: PLC0415

    async def busy(*_, **__):
        raise StoreBusy("the disk is full")

    monkeypatch.setattr(world.app.store, "add", busy)
    answer = await asks(ann, place.channel)
    assert answer.message.ephemeral
    assert "not taken this up" in answer.message.content


async def test_bug_is_said_privately_with_a_number(world, place, emulator, ann, asks, monkeypatch):
    async def broken(*_, **__):
        raise ValueError("a bug")

    monkeypatch.setattr(world.app.store, "add", broken)
    answer = await asks(ann, place.channel)
    assert answer.message.ephemeral
    assert str(emulator.interactions[0].id) in answer.message.content


# -- what must never happen ------------------------------------------------------------------------------------------


async def test_acknowledgement_waits_for_no_file(world, place, emulator, ann, asks, results):
    hold = emulator.faults.hold("CDN")
    answer = await asks(ann, place.channel, image1=upload(photos.jpeg()))
    assert answer.in_time
    hold.release()
    await world.settle()
    assert len(results(answer.message.thread)) == 1


async def test_nothing_in_a_prompt_pings_anybody(
    world, place, emulator, ann, bob, asks, writes, clicks, account, results
):
    rude = f"https://evil.example @everyone @here {account(bob).mention} <@&{place.guild.bot_role.id}>"
    card = (await asks(ann, place.channel, f"a fox {rude}")).message
    await world.settle()
    await writes(ann, card.thread, f"make it blue {rude}")
    await world.settle()
    modal = (await clicks(ann, results(card.thread)[0], "Edit")).modal
    await account(ann).submits(modal, {"words": f"at night {rude}"}).answer
    await place.quiet()
    await clicks(ann, results(card.thread)[0], "Try again")
    await world.settle()
    said = [m for c in (place.channel, card.thread) for m in c.messages if m.author is emulator.bot]
    assert len(results(card.thread)) == 4
    assert {person.id for message in said for person in message.pinged} == {int(ann.person.id)}
    assert {person.id for person in card.pinged} == set()
    shown = [message for message in said if message.kind is not MessageKind.THREAD_STARTER]
    assert all(message.flags & Flag.SUPPRESS_EMBEDS for message in shown), "nor does a link in it show a page"


async def test_narrow_buckets_of_discord_are_kept_to(world, place, emulator, asks, writes, results):
    """The library reads them from the headers; nothing runs into them, and nothing is lost by waiting."""
    emulator.gatekeeper.limits.buckets |= {
        "POST /channels/{channel_id}/messages": (2, 0.1),
        "PATCH /channels/{channel_id}/messages/{message_id}": (2, 0.1),
        "PUT /channels/{channel_id}/messages/{message_id}/reactions/{emoji_name}/@me": (1, 0.03),
        "POST /channels/{channel_id}/messages/{message_id}/threads": (2, 0.1),
    }
    people = [world.user(f"member{n}") for n in range(4)]
    cards = [(await asks(member, place.channel, f"fox {n}")).message for n, member in enumerate(people)]
    await world.settle()
    for member, card in zip(people, cards, strict=True):
        await writes(member, card.thread, "make it blue")
    await world.settle()
    assert [len(results(card.thread)) for card in cards] == [2, 2, 2, 2]
    assert len(emulator.gatekeeper.refused) <= 4, "at most once for each kind of request, before its headers are known"


async def test_platform_that_is_stopped_leaves_the_others_running(make_world):
    from pydantic import SecretStr  # noqa: PLC0415

    world = await make_world("discord", "web")
    await world.stop()
    world.discord.driver.settings["discord_token"] = SecretStr("another")
    await world.start()
    cara = world.web.user("cara")
    await cara.says("/imagine a fox")
    await cara.sees(images=1)
    assert "Discord refuses the token" in world.discord.driver.platform.trouble()
