"""Do the buttons, the window and the menu work, today and after any restart?"""

import pytest

from adapters.discord import pacing
from bot import messages
from bot.model import JobState
from tests.emulators.discord import CallbackKind, Permission, Upload
from tests.world import photos

DELETE = "DELETE /channels/{channel_id}/messages/{message_id}"


def upload(file):
    return Upload(name=file.name, data=file.data, media_type=file.said_type)


@pytest.fixture
def submits(world, place, account):
    async def submit(member, modal, **values):
        await place.listening()
        answer = await account(member).submits(modal, values).answer
        await place.quiet()
        return answer

    return submit


async def test_try_again_makes_a_new_picture_with_a_card_of_its_own(world, bob, fox, clicks, results):
    answer = await clicks(bob, results(fox)[0], "Try again")
    assert answer.kind is CallbackKind.MESSAGE
    assert not answer.message.ephemeral
    assert answer.message.channel is fox
    await world.settle()
    assert len(results(fox)) == 2
    assert results(fox)[1].replied_to is answer.message
    first, second = await world.jobs()
    assert (second.prompt, second.requester.id) == (first.prompt, bob.person.id)


@pytest.mark.parametrize("denied", [Permission.ATTACH_FILES, Permission.SEND_MESSAGES_IN_THREADS])
async def test_missing_permission_is_told_before_a_button_or_a_window_costs_anything(
    world, place, emulator, ann, fox, clicks, submits, results, account, denied
):
    post = results(fox)[0]
    modal = (await clicks(ann, post, "Edit")).modal
    place.channel.deny(emulator.bot, denied)
    await place.quiet()
    answers = [await clicks(ann, post, "Try again"), await clicks(ann, post, "Edit")]
    answers.append(await account(ann).uses("Edit this image", post).answer)
    answers.append(await submits(ann, modal, words="make it night"))
    for answer in answers:
        assert answer.message.ephemeral
        assert "I can't post pictures here" in answer.message.content
    assert len(await world.jobs()) == 1
    assert len(results(fox)) == 1


async def test_edit_opens_a_window_whose_words_and_files_become_an_edit(
    world, place, ann, fox, clicks, submits, results
):
    modal = (await clicks(ann, results(fox)[0], "Edit")).modal
    assert len(modal.title) <= 45
    answer = await submits(ann, modal, words="wear this", pictures=[upload(photos.png("hat.png"))])
    assert not answer.message.ephemeral
    await world.settle()
    request = world.sent("wear this")
    assert len([part for part in request.payload["contents"][-1]["parts"] if "fileData" in part]) == 1
    assert len(results(fox)) == 2


async def test_window_that_was_open_over_a_restart_still_works(world, ann, fox, clicks, submits, results):
    modal = (await clicks(ann, results(fox)[0], "Edit")).modal
    await world.restart()
    await submits(ann, modal, words="make it night")
    await world.settle()
    assert len(results(fox)) == 2


async def test_window_that_is_refused_says_so_privately(world, ann, fox, clicks, submits, results):
    modal = (await clicks(ann, results(fox)[0], "Edit")).modal
    answer = await submits(ann, modal, words="make it night --ar 1:7")
    assert answer.message.ephemeral
    assert len(await world.jobs()) == 1


async def test_buttons_work_after_a_restart(world, ann, fox, clicks, results):
    await world.restart()
    await clicks(ann, results(fox)[0], "Try again")
    await world.settle()
    assert len(results(fox)) == 2


async def test_edit_of_the_second_of_several_pictures_is_about_that_one(
    world, place, ann, asks, clicks, submits, results
):
    world.emulator.behave(images=3)
    card = (await asks(ann, place.channel)).message
    await world.settle()
    second = results(card.thread)[1]
    modal = (await clicks(ann, second, "Edit")).modal
    await submits(ann, modal, words="make it night")
    await world.settle()
    (_, edit) = await world.jobs()
    assert edit.parent_image == 1


async def test_delete_takes_message_bytes_and_preview_away(world, place, ann, fox, clicks, writes, results):
    await writes(ann, fox, "make it blue")
    await world.settle()
    card = next(m for m in place.channel.messages if m.id == fox.id)
    sha256 = (await world.jobs())[1].images[0].sha256
    answer = await clicks(ann, results(fox)[1], "Delete")
    assert answer.message.ephemeral
    assert answer.message.content == messages.deleted(back_to_earlier=True)
    await world.settle()
    assert len(results(fox)) == 1
    assert await world.app.views.picture(sha256) is None
    assert card.pictures[0].description == "a fox", "the picture before it is the newest again"
    await clicks(ann, results(fox)[0], "Delete")
    await world.settle()
    assert card.pictures == []


async def test_delete_is_asked_of_discord_once_and_holds_up_nobody(
    world, emulator, ann, fox, results, account, place, monkeypatch
):
    # whatever waits for an acknowledgement to end waits long
    monkeypatch.setattr(pacing, "STEP_BACK_SECONDS", 3_600.0)
    await place.listening()
    await account(ann).clicks(results(fox)[0], "Delete").answer
    await emulator.until(lambda: not results(fox), "the picture to be gone")
    await place.quiet()
    assert [exchange.status for exchange in emulator.recorder.of(DELETE)] == [204]


async def test_delete_that_is_pressed_again_takes_away_what_the_first_press_left(
    world, place, emulator, ann, fox, clicks, results
):
    emulator.faults.lay(DELETE, status=503)
    await clicks(ann, results(fox)[0], "Delete")
    assert len(results(fox)) == 1
    await clicks(ann, results(fox)[0], "Delete")
    assert results(fox) == []


async def test_only_the_requester_and_moderators_may_delete(world, place, ann, bob, fox, clicks, results, account):
    answer = await clicks(bob, results(fox)[0], "Delete")
    assert answer.message.ephemeral
    assert messages.not_yours() in answer.message.content
    assert len(results(fox)) == 1
    place.guild.give(account(bob), place.guild.role("moderators", permissions=Permission.MANAGE_MESSAGES))
    await clicks(bob, results(fox)[0], "Delete")
    await world.settle()
    assert results(fox) == []


async def test_cancel_changes_the_card_at_once_and_tells_only_who_pressed(
    world, place, ann, bob, asks, clicks, emulator
):
    card = (await asks(ann, place.channel)).message
    answer = await clicks(bob, card, "Cancel")
    assert messages.not_yours() in answer.message.content
    answer = await clicks(ann, card, "Cancel")
    assert answer.kind is CallbackKind.UPDATE
    assert "Cancelled" in card.content
    assert card.buttons == []
    private = [m for m in emulator.interactions[-1].messages if m.ephemeral]
    assert [m.content for m in private] == ["Cancelled."]
    assert (await world.jobs())[0].state is JobState.CANCELLED
    await world.settle()
    assert world.emulator.paid == 0


async def test_moderator_may_cancel_what_another_asked_for(world, place, bob, ann, asks, clicks, account):
    card = (await asks(ann, place.channel)).message
    place.guild.give(account(bob), place.guild.role("moderators", permissions=Permission.MANAGE_MESSAGES))
    await clicks(bob, card, "Cancel")
    assert "Cancelled" in card.content
    assert (await world.jobs())[0].state is JobState.CANCELLED


async def test_menu_of_a_picture_of_ours_branches_from_it(world, place, ann, bob, fox, submits, account, results):
    await place.listening()
    modal = (await account(bob).uses("Edit this image", results(fox)[0]).answer).modal
    await submits(bob, modal, words="make it night")
    await world.settle()
    assert "contents" in world.sent("make it night").payload


async def test_menu_of_anybodys_picture_begins_a_thread_with_it(world, place, ann, bob, submits, account, results):
    shown = account(bob).writes(place.channel, "my dog", files=[upload(photos.jpeg())])
    await place.listening()
    modal = (await account(ann).uses("Edit this image", shown).answer).modal
    await world.restart()
    answer = await submits(ann, modal, words="as a painting")
    await world.settle()
    assert len(results(answer.message.thread)) == 1
    assert len(world.sent("as a painting").payload["image"]) == 1


async def test_menu_of_a_message_without_a_picture_says_so(place, ann, bob, account):
    said = account(bob).writes(place.channel, "only words")
    await place.listening()
    answer = await account(ann).uses("Edit this image", said).answer
    assert answer.message.ephemeral
    assert "no picture" in answer.message.content


async def test_press_that_the_gateway_repeats_is_one_job(world, place, emulator, ann, fox, clicks, results):
    await clicks(ann, results(fox)[0], "Try again")
    emulator.interactions[-1].redeliver()
    await place.quiet()
    await world.settle()
    assert len(await world.jobs()) == 2
    assert len(results(fox)) == 2


async def test_button_of_something_forgotten_says_so(world, place, ann, fox, clicks, results, monkeypatch):
    async def nothing(*_):
        return None

    monkeypatch.setattr(world.app.store, "get", nothing)
    answer = await clicks(ann, results(fox)[0], "Try again")
    assert answer.message.ephemeral
    assert answer.message.content == messages.no_longer_known(), "nothing that only an operator could do"


async def test_buttons_in_an_archived_threads_card_still_answer(
    world, place, emulator, ann, fox, writes, clicks, results
):
    """A member's own message opens it again; the buttons of yesterday are still there."""
    emulator.clock.advance(86_400)
    await writes(ann, fox, "// good morning")
    await clicks(ann, results(fox)[0], "Try again")
    await world.settle()
    assert len(results(fox)) == 2
