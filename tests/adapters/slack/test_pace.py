"""Is Slack's pace kept over the wire, with many members at once, and do answers go first?"""

import pytest

from tests.adapters.slack.village import over_http

COMPLETE = "files.completeUploadExternal"
TOGETHER = 6


@pytest.fixture(params=["Socket Mode", "HTTP mode"])
async def busy(request, make_village):
    """A village in either mode whose queue works on many requests at once."""
    village = await make_village(gmi_in_flight=10)
    if request.param == "Socket Mode":
        yield village
    else:
        async with over_http(village):
            yield village


async def test_fifty_members_at_once_get_their_own_picture_each_at_slacks_pace(busy):
    village = busy
    people = [village.member(f"member-{number}") for number in range(50)]
    await village.heard()
    deliveries = [
        person.slash(f"/imagine a fox number {number}", village.channel) for number, person in enumerate(people)
    ]
    for delivery in deliveries:
        assert await delivery is not None
    assert village.slack.courier.late == []
    await village.done()
    cards = {card.ts: card for card in village.cards()}
    answers = village.answers()
    assert len(cards) == len(answers) == village.paid() == 50
    assert {answer.thread_ts for answer in answers} == set(cards), "one in the thread of each card"
    for answer in answers:
        words = cards[answer.thread_ts].blocks[0]["text"]["text"].rpartition("> ")[2]
        assert village.pictures(answer) == list(village.world.painted(words))
    assert {village.state(card) for card in cards.values()} == {"Done"}
    limited = [exchange for exchange in village.slack.ledger if exchange.error == "ratelimited"]
    assert limited == [], "the bot keeps Slack's pace by itself"


async def test_no_card_is_updated_while_an_answer_waits_for_its_turn(busy):
    village = busy
    village.world.emulator.behave(times=TOGETHER, latency=600)
    for number in range(TOGETHER):
        await village.imagine(village.member(f"member-{number}"), f"a fox number {number}")
    await village.world.step()
    await village.driver.cards_settled()
    began = len(village.slack.ledger)
    village.world.advance(600)
    await village.done()
    sent = [exchange.method for exchange in list(village.slack.ledger)[began:]]
    calls = [method for method in sent if method in (COMPLETE, "chat.update")]
    first, last = calls.index(COMPLETE), len(calls) - calls[::-1].index(COMPLETE)
    assert calls[first:last] == [COMPLETE] * TOGETHER, "the answers waited for each other, and the cards for them"
    assert calls[last:] == ["chat.update"] * TOGETHER
    assert {village.state(card) for card in village.cards()} == {"Done"}
