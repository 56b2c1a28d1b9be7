"""Does a channel see how its jobs go: rarely, truly, behind every picture, and also when the bot dies in between?"""

import itertools

import pytest

from adapters.discord import cards as showing
from adapters.discord import outbound
from adapters.discord.pacing import CARD_SECONDS, Bucket, Budget
from bot import messages
from tests.adapters.discord.conftest import PAINTING

POST = "POST /channels/{channel_id}/messages"
CARD = "PATCH /channels/{channel_id}/messages/{message_id}"
CALLBACK = "POST /interactions/{interaction_id}/{interaction_token}/callback"


@pytest.fixture
def edits(emulator):
    """Every request to edit this card, whatever came of it."""
    return lambda card: [e for e in emulator.recorder.of(CARD) if e.path.endswith(f"/{card.id}")]


@pytest.fixture
async def paced(world, place, emulator):
    """Cards wait for their time, and Discord's clock stands still."""
    place.paced = True
    emulator.clock.stop()
    await world.restart()
    await place.listening()


@pytest.fixture
def shows(emulator):
    """Until a card says this."""
    return lambda card, words: emulator.until(lambda: words in card.content, f"a card that says {words!r}")


@pytest.fixture
async def ended(paced, world, place, emulator, ann, asks, shows):
    """The card of a picture that is posted. It says that one is being made, and may not be edited yet."""
    world.emulator.behave(latency=PAINTING)
    card = (await asks(ann, place.channel)).message
    await world.step()
    await shows(card, messages.state((await world.jobs())[0]))
    await world.settle()
    assert "Done" not in card.content
    return card


async def died_before(_card):
    """Instead of showing it."""


async def noted(place):
    return [name for name, _ in await place.platform.cards._memory.recall_all()]


# -- how often, and when ---------------------------------------------------------------------------------------------


@pytest.mark.usefixtures("paced")
async def test_card_is_edited_once_in_five_seconds_and_what_it_missed_is_never_sent(
    world, emulator, ann, place, asks, writes, edits, shows, results
):
    card = (await asks(ann, place.channel)).message
    await world.step()
    await emulator.until(lambda: edits(card), "its first edit")
    await world.settle()
    for words in ("make it blue", "add a hat", "at night"):
        await writes(ann, card.thread, words)
        await world.settle()
    assert len(results(card.thread)) == 4
    assert len(edits(card)) == 1, "for some ten states"
    emulator.clock.advance(CARD_SECONDS - 0.1)
    await world.let_everybody_run()
    assert len(edits(card)) == 1
    emulator.clock.advance(0.1)
    await shows(card, "Done")
    assert [picture.description for picture in card.pictures] == ["at night"]
    await writes(ann, card.thread, "in oil")
    await world.settle()
    emulator.clock.advance(CARD_SECONDS)
    await emulator.until(lambda: card.pictures[0].description == "in oil", "the newest picture on the card")
    moments = [edit.at for edit in edits(card)]
    assert len(moments) == 3
    assert min(after - before for before, after in itertools.pairwise(moments)) >= CARD_SECONDS


class Turns:
    """Requests leave one by one, when the test says so."""

    def __init__(self, emulator):
        self.now = 0.0
        self.budget = Budget(1, 1.0, clock=lambda: self.now)
        self.budget._bucket.take(self.now)
        self._emulator = emulator

    async def let_one_go(self):
        sent = len(self._emulator.recorder.exchanges)
        self.now += 1.0
        self.budget._woken()
        await self._emulator.until(lambda: len(self._emulator.recorder.exchanges) == sent + 1, "one request")

    async def some_wait(self, count):
        await self._emulator.until(lambda: len(self.budget._waiting) == count, f"{count} requests that wait")

    def end(self):
        self.budget._bucket = Bucket(1_000, 1.0)
        self.budget._woken()


@pytest.fixture
def turns(emulator):
    made = Turns(emulator)
    yield made
    made.end()


async def test_pictures_overtake_the_edits_that_wait_and_each_card_is_edited_once(
    world, place, emulator, asks, edits, turns
):
    world.emulator.behave(times=None, latency=PAINTING)
    people = [world.user(name) for name in ("ann", "bob", "cara")]
    cards = [(await asks(member, place.channel, f"fox of {member.person.name}")).message for member in people]
    await world.step()
    await place.quiet()
    place.platform.rest.budget = turns.budget
    before = len(emulator.recorder.exchanges)
    for job in await world.jobs():
        page = await world.app.views.page(job.id)
        await place.platform.show(messages.card(job, page.conversation.ref))
    await turns.some_wait(3)
    world.advance(PAINTING)
    async with world.stepping():
        await turns.some_wait(6)
        for _ in cards:
            await turns.let_one_go()
        assert [exchange.route for exchange in emulator.recorder.exchanges[before:]] == [POST] * 3
    await world.app.poller.showing.settled()
    for _ in cards:
        await turns.let_one_go()
    turns.end()
    await place.quiet()
    later = [exchange.route for exchange in emulator.recorder.exchanges[before + 3 :]]
    assert later == [CARD] * 3, "and no card twice for what one edit has shown"
    assert all("Done" in card.content for card in cards)
    assert all(len(edits(card)) == 2 for card in cards), "with the one from before"


# -- what a dead bot has left ----------------------------------------------------------------------------------------


async def test_last_state_that_still_waited_when_the_bot_died_is_shown_by_the_next(
    world, place, ended, edits, shows, results
):
    before = len(edits(ended))
    await world.die()
    assert len(edits(ended)) == before, "a dead bot does nothing more"
    await world.start()
    await shows(ended, "Done")
    assert ended.buttons == []
    assert len(ended.pictures) == 1
    await place.listening()
    assert len(edits(ended)) == before + 1
    await world.restart()
    await place.listening()
    assert len(edits(ended)) == before + 1, "what is right is left alone"
    assert await noted(place) == []


@pytest.mark.usefixtures("paced")
async def test_card_that_was_never_edited_before_the_bot_died_is_edited_by_the_next(
    world, emulator, ann, place, asks, shows, monkeypatch
):
    monkeypatch.setattr(outbound, "_CLOSE_SECONDS", 0.01)
    card = (await asks(ann, place.channel)).message
    hold = emulator.faults.hold(CARD)
    hold.fault.reset = True
    await world.settle()
    await hold.arrived()
    await world.die()
    hold.release()
    assert "Queued" in card.content
    await world.start()
    await shows(card, "Done")


async def test_card_whose_job_ended_without_a_word_to_it_is_shown_by_the_next(
    world, place, ann, asks, shows, edits, monkeypatch
):
    """A bot can die between the end of a job and everything that follows of it."""
    monkeypatch.setattr(place.platform.cards, "show", died_before)
    card = (await asks(ann, place.channel)).message
    await world.settle()
    assert edits(card) == []
    await world.crash()
    await shows(card, "Done")


@pytest.mark.parametrize("opened", [False, True], ids=["before anything", "while it is made"])
async def test_cancelled_card_says_so_though_the_bot_died_before_it_could_answer_the_press(
    world, place, emulator, ann, account, asks, shows, opened, monkeypatch
):
    monkeypatch.setattr(place.platform.cards, "show", died_before)
    world.emulator.behave(latency=PAINTING)
    card = (await asks(ann, place.channel)).message
    if opened:
        await world.step()
        await place.quiet()
    hold = emulator.faults.hold(CALLBACK)
    hold.fault.reset = True
    account(ann).clicks(card, "Cancel")
    await hold.arrived()
    await world.die()
    hold.release()
    assert "Cancelled" not in card.content
    await world.start()
    await shows(card, "Cancelled")
    assert card.buttons == []


async def test_threads_card_shows_the_newest_picture_though_the_bot_died_before_it_could(
    world, place, emulator, ann, account, asks, writes, shows
):
    card = (await asks(ann, place.channel)).message
    await world.settle()
    place.paced = True
    emulator.clock.stop()
    await world.restart()
    await writes(ann, card.thread, "make it blue")
    await world.settle()
    assert card.pictures[0].description == "a fox"
    await world.die()
    await world.start()
    await emulator.until(lambda: card.pictures[0].description == "make it blue", "the newest picture")
    assert "Done" in card.content


@pytest.mark.usefixtures("paced")
async def test_one_session_puts_only_so_many_cards_right_the_newest_first(
    world, place, emulator, asks, edits, monkeypatch
):
    world.emulator.behave(times=None, latency=PAINTING)
    cards = [(await asks(world.user(name), place.channel)).message for name in ("ann", "bob")]
    await world.step()
    await emulator.until(lambda: all(edits(card) for card in cards), "the first edits")
    await world.settle()
    await world.die()
    monkeypatch.setattr(showing, "_RESUMED", 1)
    place.paced = False
    await world.start()
    await place.listening()
    assert [len(edits(card)) for card in cards] == [1, 2]
    await world.restart()
    await place.listening()
    assert [len(edits(card)) for card in cards] == [2, 2]
    assert all("Done" in card.content for card in cards)


async def test_card_of_an_open_job_costs_a_new_session_nothing(world, place, ann, asks, edits):
    world.emulator.behave(latency=PAINTING)
    card = (await asks(ann, place.channel)).message
    await world.step()
    await place.quiet()
    before = len(edits(card))
    await world.crash()
    await place.listening()
    assert len(edits(card)) == before
    await world.settle()
    assert "Done" in card.content


async def test_old_card_that_was_edited_too_often_holds_up_no_picture_and_is_put_right_by_the_next_session(
    world, place, emulator, ann, asks, writes, edits, shows, results
):
    """Discord limits how often messages of more than an hour are edited."""
    card = (await asks(ann, place.channel)).message
    await world.settle()
    world.advance(7_200)
    emulator.state.old_edits.most, emulator.state.old_edits.seconds = 0, 60.0
    before = len(edits(card))
    await writes(ann, card.thread, "make it blue")
    await world.settle()
    assert len(results(card.thread)) == 2
    assert card.pictures[0].description == "a fox"
    assert {edit.status for edit in edits(card)[before:]} == {429}
    assert len(edits(card)) - before <= 6, "three attempts for what is shown"
    emulator.state.old_edits.most = 1
    await world.restart()
    await place.listening()
    assert card.pictures[0].description == "make it blue"
    assert "Done" in card.content


async def test_card_that_was_deleted_meanwhile_is_tried_once(world, place, ended, edits):
    place.paced = False
    before = len(edits(ended))
    await world.die()
    ended.delete()
    for _ in range(2):
        await world.start()
        await place.listening()
        await world.stop()
    await world.start()
    assert [edit.status for edit in edits(ended)[before:]] == [404]


@pytest.mark.usefixtures("quick_library")
async def test_card_that_discord_refused_too_often_is_shown_in_the_next_session(
    world, place, emulator, ann, asks, edits
):
    card = (await asks(ann, place.channel)).message
    fault = emulator.faults.lay(CARD, times=1_000, status=503)
    await world.settle()
    assert "Done" not in card.content
    assert len(edits(card)) <= 6, "three attempts for what is shown"
    fault.left = 0
    identifies = emulator.shards.identifies
    emulator.shards.invalidate()
    await emulator.until(lambda: emulator.shards.identifies > identifies, "a new session")
    await emulator.until(lambda: "Done" in card.content, "its last state")
