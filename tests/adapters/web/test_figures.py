"""Does the page of figures follow the store, through its troubles too, and does it know what pictures cost?"""

import asyncio

import pytest
from nicegui import Client, core, ui

from adapters.web.pages.figures import FiguresPage, Sums, hours_of
from adapters.web.pages.live import Live
from bot.changes import Changes
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.figures import Figures
from bot.health import Health
from bot.metrics import Metrics
from bot.ports import StoreBusy
from bot.records import ModelInfo
from bot.views import Views
from tests.storage.making import T0, accept, finish

GUARD_SECONDS = 60  # against hanging only


class Queue:
    """What it is asked about models; it answers with prices, or with the failures that it was given."""

    def __init__(self, **answers):
        self.answers = answers
        self.asked = []

    async def describe(self, model):
        self.asked.append(model)
        await asyncio.sleep(0)
        answer = self.answers[model]
        if isinstance(answer, Exception):
            raise answer
        return ModelInfo(id=model, price=answer)


@pytest.fixture
def queue():
    return Queue(dear=0.25, silent=None, away=RetryLater("away"), gone=GiveUp("gone", kind=FailureKind.MODEL))


@pytest.fixture
def changes():
    return Changes()


@pytest.fixture
def views(store, clock, queue, changes):
    clock.now = T0
    return Views(
        store, changes, Health(), Metrics(),
        clock=clock, probe_queue=None, queue_seen_at=lambda: None, describe=queue.describe,
    )  # fmt: skip


@pytest.fixture
async def opened(views, monkeypatch):
    """Opens the page as NiceGUI would for a browser."""
    monkeypatch.setattr(core, "loop", asyncio.get_running_loop())
    clients = []
    sums = Sums(views)

    def of(views, *, hours=24):
        client = Client(ui.page("/operator/figures"), request=None)
        clients.append(client)
        with client:
            return FiguresPage(client, views, Live(views), sums, hours=hours)

    yield of
    for client in clients:
        client.delete()


def shown(page):
    """The large numbers, by their names."""
    return {name: value.text for name, (value, _) in page._tiles._shown.items()}


async def test_figures_are_those_of_whole_hours_up_to_this_one(views, store, clock):
    await finish(store, await accept(store, "now"), now=T0)
    await finish(store, await accept(store, "a day ago"), now=T0 - 24 * 3600)
    day, week = await views.figures(24), await views.figures(168)
    assert day.until - 3600 <= clock.now < day.until == week.until
    assert (day.until - day.since, week.until - week.since) == (24 * 3600, 168 * 3600)
    assert [sum(each.completed for each in of.ended) for of in (day, week)] == [1, 2]


async def test_price_is_asked_for_once_and_again_when_it_is_old(views, queue, clock):
    models = ["dear", "silent", "away", "gone"]
    assert views.prices(models) == {}
    await asyncio.gather(views.learn_prices(models), views.learn_prices(models))
    await views.learn_prices(models)
    assert sorted(queue.asked) == sorted(models)
    assert views.prices(["dear"]) == {"dear": 0.25}
    assert views.prices(models) == {"dear": 0.25, "silent": None, "away": None, "gone": None}
    clock.advance(60)
    assert views.prices(models) == {"dear": 0.25, "silent": None}, "what could not be told is asked again soon"
    clock.advance(3600)
    assert views.prices(models) == {}


async def test_process_that_asks_the_queue_nothing_knows_no_price(store, clock):
    views = Views(
        store, Changes(), Health(), Metrics(), clock=clock, probe_queue=None, queue_seen_at=lambda: None
    )  # fmt: skip
    assert views.prices(["dear"]) == {"dear": None}
    await views.learn_prices(["dear"])
    assert views.prices(["dear"]) == {"dear": None}


async def test_page_says_what_will_be_seen_and_then_shows_it(opened, views, store):
    page = opened(views)
    await page.read()
    assert (page._nothing.visible, page._all.visible) == (True, False)
    await finish(store, await accept(store, "j", model="dear"), now=T0)
    await page.read()
    assert (page._nothing.visible, page._all.visible) == (False, True)
    assert (shown(page)["Completed"], shown(page)["Estimated cost"]) == ("1", "being asked")
    await page._learn_prices()
    assert shown(page)["Estimated cost"] == "$0.25"


async def test_only_an_end_makes_the_page_read_again(opened, views, store):
    page = opened(views)
    job = await accept(store, "j")
    page._hear([job])
    assert page._reading._task is None
    page._hear([await finish(store, job, now=T0)])
    assert page._reading._task is not None


class Busy:
    """Views of a store that is in trouble for so many calls."""

    def __init__(self, views, *, times):
        self._views = views
        self._left = times
        self.recovered = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._views, name)

    async def figures(self, hours):
        if self._left:
            self._left -= 1
            raise StoreBusy("The disk is full. Make room.")
        self.recovered.set()
        return await self._views.figures(hours)


async def test_store_in_trouble_is_told_in_a_sentence_and_what_was_shown_stays(opened, views, store):
    await finish(store, await accept(store, "j"), now=T0)
    page = opened(views)
    await page.read()
    busy = page._sums._views = Busy(views, times=1)
    await page.read()
    assert (page._trouble.visible, page._trouble.text) == (True, "The disk is full. Make room.")
    assert shown(page)["Completed"] == "1"
    await asyncio.wait_for(busy.recovered.wait(), GUARD_SECONDS)  # by itself
    await page.read()
    assert not page._trouble.visible


class Slow:
    """Views that add up when they are told to; each time that they were asked to is noted by its hours."""

    def __init__(self):
        self.asked = []
        self.began = asyncio.Event()
        self.may_end = asyncio.Event()

    async def figures(self, hours):
        self.asked.append(hours)
        self.began.set()
        await self.may_end.wait()
        if hours == 168:
            raise StoreBusy("The disk is full. Make room.")
        return Figures(since=float(len(self.asked)), until=0.0)


async def test_pages_that_ask_at_once_cost_one_reading_and_none_sees_an_older_one():
    views = Slow()
    sums = Sums(views)
    first = [asyncio.create_task(sums.of(24)) for _ in range(10)]
    await views.began.wait()
    later = [asyncio.create_task(sums.of(24)) for _ in range(10)]
    other = [asyncio.create_task(sums.of(168)) for _ in range(2)]
    left = asyncio.create_task(sums.of(24))
    await asyncio.sleep(0)
    left.cancel()
    assert views.asked == [24], "one at a time"
    views.may_end.set()
    async with asyncio.timeout(GUARD_SECONDS):
        assert {(await each).since for each in first} == {1.0}
        assert {(await each).since for each in later} == {2.0}, "an older one may lack what they heard of"
        for each in other:
            with pytest.raises(StoreBusy):
                await each
    assert views.asked == [24, 24, 168]


@pytest.mark.parametrize(("wish", "hours"), [("", 24), ("24", 24), ("168", 168), ("7", 24), ("<b>", 24), ("9e99", 24)])
def test_address_asks_for_a_time_that_is_offered(wish, hours):
    assert hours_of(wish) == hours
