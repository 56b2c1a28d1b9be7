"""Is the card that a channel sees of a thread always about one thing, and do its buttons and its menu mean that?"""

import pytest

from bot import messages
from bot.model import JobState
from tests.adapters.discord.conftest import PAINTING
from tests.emulators.discord import CallbackKind


@pytest.fixture
async def card(world, place, ann, asks):
    """The card of a picture that is done, in the channel; its thread is there."""
    card = (await asks(ann, place.channel)).message
    await world.settle()
    return card


@pytest.fixture
def edits(world, place, card, account):
    """Opens the window from a message's menu and sends it off."""

    async def edit(member, message, words):
        await place.listening()
        modal = (await account(member).uses("Edit this image", message).answer).modal
        await account(member).submits(modal, {"words": words}).answer
        await place.quiet()
        await world.settle()

    return edit


async def test_card_is_about_the_edit_that_is_made_and_then_about_the_thread_again(
    world, place, card, bob, writes, results
):
    world.emulator.behave(latency=PAINTING)
    await writes(bob, card.thread, "make it blue", reply_to=results(card.thread)[0])
    await world.step()
    await place.quiet()
    assert "Painting" in card.content
    assert f"asked by <@{bob.person.id}>" in card.content
    assert "make it blue" in card.content
    assert [button.label for button in card.buttons] == ["Cancel"]
    await world.settle()
    assert "Done" in card.content
    assert "> a fox" in card.content
    assert card.buttons == []


async def test_cancel_on_the_card_stops_the_edit_that_is_made(
    world, place, emulator, card, ann, bob, writes, clicks, results
):
    world.emulator.behave(latency=PAINTING)
    await writes(bob, card.thread, "make it blue", reply_to=results(card.thread)[0])
    await world.step()
    await place.quiet()
    answer = await clicks(ann, card, "Cancel")
    assert messages.not_yours() in answer.message.content, "ann's own picture is long done"
    answer = await clicks(bob, card, "Cancel")
    assert answer.kind is CallbackKind.UPDATE
    private = [m.content for m in emulator.interactions[-1].messages if m.ephemeral]
    assert [text.partition(".")[0] for text in private] == ["Cancelled"]
    fox, edit = await world.jobs()
    assert (fox.state, edit.state) == (JobState.SUCCEEDED, JobState.CANCELLED)
    assert "Done" in card.content
    assert "> a fox" in card.content
    assert card.buttons == []
    await world.settle()
    assert len(results(card.thread)) == 1


async def test_menu_of_the_card_is_about_the_picture_that_it_shows(world, place, card, ann, writes, edits, results):
    await writes(ann, card.thread, "make it blue")
    await world.settle()
    await edits(ann, card, "at night")
    blue, night = (await world.jobs())[1:]
    assert (blue.prompt, night.parent_id) == ("make it blue", blue.id)
    assert len(results(card.thread)) == 3
    assert len(place.channel.threads) == 1


async def test_menu_of_a_card_in_place_is_about_its_own_picture(world, place, ann, account, asks, edits, results):
    where = account(ann).opens_thread(place.channel, "our own")
    first = (await asks(ann, where, "a hen")).message
    await world.settle()
    await asks(ann, where, "a cow")
    await world.settle()
    await edits(ann, first, "at night")
    hen, _, night = (await world.jobs())[-3:]
    assert (hen.prompt, night.parent_id) == ("a hen", hen.id)
