"""Do results go first, and does Discord's global limit hold?"""

import asyncio

from adapters.discord.pacing import AT_ONCE, PER_SECOND, STEP_BACK_SECONDS, Bucket, Budget, Paced, Priority
from bot.errors import GiveUp, RetryLater
from tests.adapters.discord import golden


def test_bucket_lets_a_few_through_at_once_and_then_evenly():
    bucket = Bucket(3, 2.0)
    for _ in range(3):
        assert bucket.pause(10.0) == 0
        bucket.take(10.0)
    assert bucket.pause(10.0) == 0.5
    assert bucket.pause(10.25) == 0.25
    bucket.take(10.5)
    assert bucket.pause(10.5) == 0.5
    assert bucket.pause(100.0) == 0


def test_discords_global_limit_holds_in_every_second():
    bucket, now, sent = Bucket(AT_ONCE, PER_SECOND), 0.0, []
    while now < 5:
        now += bucket.pause(now)
        bucket.take(now)
        sent.append(now)
    assert max(sum(start <= moment < start + 1 for moment in sent) for start in sent) < 50


async def test_results_overtake_cards_that_wait():
    now = 0.0
    budget = Budget(1, 1.0, clock=lambda: now)
    await budget.turn(Priority.CARD)
    order = []

    async def wait(priority):
        await budget.turn(priority)
        order.append(priority)

    wanted = [Priority.CARD, Priority.REACTION, Priority.DELIVERY, Priority.OPENING, Priority.DELIVERY]
    tasks = [asyncio.create_task(wait(priority)) for priority in wanted]
    await asyncio.sleep(0)
    assert order == [], "the second's only place is taken"
    for _ in wanted:
        now += 1.0
        budget._woken()
        await asyncio.sleep(0)
    await asyncio.gather(*tasks)
    assert order == sorted(wanted)


async def test_cancelled_request_takes_no_place():
    now = 0.0
    budget = Budget(1, 1.0, clock=lambda: now)
    await budget.turn(Priority.CARD)
    gone = asyncio.create_task(budget.turn(Priority.DELIVERY))
    waits = asyncio.create_task(budget.turn(Priority.CARD))
    await asyncio.sleep(0)
    gone.cancel()
    now = 1.0
    budget._woken()
    await waits


async def test_other_requests_step_back_behind_acknowledgements_for_a_moment():
    now = 0.0
    budget = Budget(5, 1.0, clock=lambda: now)
    order = []

    async def wait(priority):
        await budget.turn(priority)
        order.append(priority)

    with budget.first():
        tasks = [asyncio.create_task(wait(priority)) for priority in (Priority.OPENING, Priority.DELIVERY)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)
        assert order == [Priority.DELIVERY], "a result steps back behind nothing"
        late = asyncio.create_task(wait(Priority.CARD))
        now = STEP_BACK_SECONDS + 0.1
        budget._woken()
        await asyncio.sleep(0)
        assert order[1:] == [Priority.OPENING], "but not for long, however many commands there are"
    await asyncio.gather(*tasks, late)


async def test_result_does_not_wait_for_the_alarm_of_somebody_who_steps_back():
    now = 0.0
    loop = asyncio.get_running_loop()
    budget = Budget(1, 100.0, clock=lambda: now)
    budget._bucket.take(now)
    with budget.first():
        stepping_back = asyncio.create_task(budget.turn(Priority.CARD))
        await asyncio.sleep(0)
        assert budget._alarm.when() - loop.time() > 1.0
        result = asyncio.create_task(budget.turn(Priority.DELIVERY))
        await asyncio.sleep(0)
        assert budget._alarm.when() - loop.time() <= 0.01
        now = 0.01
        budget._woken()
        await result
        assert not stepping_back.done()
    now = 0.02
    budget._woken()
    await stepping_back


class Edits:
    """What was sent. errors: raised by the next edits, one each."""

    def __init__(self, *errors):
        self.sent = []
        self.errors = list(errors)

    async def __call__(self, name, card):
        self.sent.append((name, card.text))
        if self.errors:
            raise self.errors.pop(0)


async def test_state_that_is_overtaken_is_never_sent():
    edits = Edits()
    cards = Paced(edits, gap=3600)
    for text in ("first", "second", "third"):
        cards.show("card", golden.card(text=text))
    await asyncio.sleep(0)
    assert edits.sent == [("card", "third")]
    cards.show("card", golden.card(text="fourth"))
    cards.show("card", golden.card(text="fifth"))
    for _ in range(5):
        await asyncio.sleep(0)
    assert edits.sent == [("card", "third")], "the next edit waits for its time"
    await cards.close(within=1.0)
    assert edits.sent == [("card", "third"), ("card", "fifth")], "at the end the last state goes out at once"


async def test_edit_that_fails_for_now_is_tried_again_a_few_times():
    edits = Edits(*[RetryLater("busy")] * 9)
    cards = Paced(edits, gap=0)
    cards.show("card", golden.card(text="job"))
    await cards.settled()
    assert len(edits.sent) == 3


async def test_edit_waits_as_long_as_discord_says_before_it_is_tried_again():
    waited = []

    async def wait(_event, seconds):
        waited.append(seconds)

    edits = Edits(RetryLater("too often", after=60.0), RetryLater("busy", after=1.0))
    cards = Paced(edits, gap=5.0, wait=wait)
    cards.show("card", golden.card(text="job"))
    await cards.settled()
    assert waited == [60.0, 5.0, 5.0]


async def test_what_an_edit_has_shown_needs_no_other():
    shown = []

    async def edit(name, card):
        await asyncio.sleep(0)  # it waits for its turn, and is asked for more meanwhile
        cards.covers(name)
        shown.append(card.text)

    cards = Paced(edit, gap=0)
    cards.show("card", golden.card(text="first"))
    await asyncio.sleep(0)
    cards.show("card", golden.card(text="second"))
    await cards.settled()
    assert shown == ["first"], "by looking up the newest state itself"


async def test_edit_that_is_refused_is_not_tried_again():
    edits = Edits(GiveUp("gone"), ValueError("a bug"))
    cards = Paced(edits, gap=0)
    cards.show("card", golden.card(text="job"))
    await cards.settled()
    cards.show("card", golden.card(text="job"))
    await cards.settled()
    assert len(edits.sent) == 2
