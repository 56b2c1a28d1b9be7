"""What do the last hours add up to? Charts that follow the store while the page is open."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Sequence

from nicegui import Client, ui
from nicegui.element import Element

from adapters.web.pages.charts import Bill, Chart, Tile, bills, charts, tiles
from adapters.web.pages.elements import Tag
from adapters.web.pages.live import REST, Live, Reading
from bot.figures import Figures
from bot.model import OPEN, Job
from bot.ports import StoreBusy
from bot.views import Views

SPANS = {"24 hours": 24, "7 days": 168}
READ_SECONDS = 3.0  # at most so often are the figures added up anew, however many jobs end
PRICE_SECONDS = 60.0
TURN_SECONDS = 60.0  # between two looks while nothing ends: the hours go on


class ChartView(Element, component="assets/chart.js"):
    """One chart, and the same as a table. The browser writes its hours in the visitor's time zone."""

    def __init__(self) -> None:
        super().__init__()
        self._shown: Chart | None = None

    def show(self, chart: Chart) -> None:
        if chart != self._shown:
            self._shown = chart
            self.props["chart"] = dataclasses.asdict(chart)


class Sums:
    """Adds up once for all open pages that ask meanwhile, one time after the other, and rests in between."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._asked: dict[int, asyncio.Task[Figures]] = {}  # hours: to be added up, and not begun yet
        self._turn = asyncio.Lock()
        self._rests_until = 0.0

    async def of(self, hours: int) -> Figures:
        """As the store has it at a moment after the question. Raises StoreBusy."""
        task = self._asked.get(hours)
        if task is None:
            task = self._asked[hours] = asyncio.create_task(self._add_up(hours), name="figures are added up")
            # The pages may have left meanwhile.
            task.add_done_callback(lambda done: done.cancelled() or done.exception())
        return await asyncio.shield(task)

    async def _add_up(self, hours: int) -> Figures:
        loop = asyncio.get_running_loop()
        async with self._turn:
            await asyncio.sleep(self._rests_until - loop.time())
            del self._asked[hours]  # from here on, what a page has heard of may be missing
            began = loop.time()
            try:
                return await self._views.figures(hours)
            finally:
                ended = loop.time()
                # a week of very many jobs takes the store half a second
                self._rests_until = ended + REST * (ended - began)


class FiguresPage:
    """One open page of figures."""

    def __init__(self, client: Client, views: Views, live: Live, sums: Sums, *, hours: int) -> None:
        self._client = client
        self._views = views
        self._sums = sums
        self._hours = hours
        self._figures: Figures | None = None
        self._reading = Reading(client, self.read, pause=READ_SECONDS)
        self._pricing = Reading(client, self._learn_prices, pause=PRICE_SECONDS)
        with Tag("div", "filters"), Tag("div", "segments", role="group", aria_label="Time"):
            self._spans = {hours: self._span_button(name, hours) for name, hours in SPANS.items()}
        self._trouble = Tag("p", "failure", "", role="status")
        self._trouble.visible = False
        with Tag("div", "nothing no-figures") as self._nothing:
            Tag("span", "nothing-lamp", aria_hidden="true")
            Tag("h2", "", "Nothing has ended in this time")
            Tag(
                "p",
                "",
                "As soon as pictures are posted, you see here how many were completed and how many failed in each hour, "
                "how long they took, how late they were, and what they cost.",
            )
        with Tag("div", "figures") as self._all:
            self._tiles = TilesView()
            with Tag("div", "charts"):
                self._charts = [ChartView() for _ in range(4)]
            self._bills = BillsView()
        self._nothing.visible = self._all.visible = False
        self._tell_span()
        live.jobs(client, self._hear)
        ui.timer(TURN_SECONDS, self._reading.soon, immediate=False)

    async def read(self) -> None:
        """Adds up anew. While the store cannot tell, what was shown stays, and the page says why and tries again."""
        hours = self._hours
        try:
            figures = await self._sums.of(hours)
        except StoreBusy as error:
            self._trouble.text = str(error)
            self._trouble.visible = True
            self._reading.soon()
            return
        if self._client.is_deleted or hours != self._hours:
            return
        self._trouble.visible = False
        self._figures = figures
        self._show(figures)
        if _models(figures) - self._views.prices(_models(figures)).keys():
            self._pricing.soon()

    async def _learn_prices(self) -> None:
        if self._figures is None:
            return
        await self._views.learn_prices(_models(self._figures))
        if not self._client.is_deleted:
            self._show(self._figures)

    def _show(self, figures: Figures) -> None:
        self._all.visible = bool(figures.ended)
        self._nothing.visible = not figures.ended
        prices = self._views.prices(_models(figures))
        self._tiles.show(tiles(figures, prices))
        for view, chart in zip(self._charts, charts(figures, prices), strict=True):
            view.show(chart)
        self._bills.show(bills(figures, prices))

    def _hear(self, changed: Sequence[Job]) -> None:
        if any(job.state not in OPEN for job in changed):
            self._reading.soon()

    # -- the time -----------------------------------------------------------------------------------------------

    def _span_button(self, name: str, hours: int) -> Tag:
        made = Tag("button", "segment", name, type="button")
        made.on("click", lambda: self._choose(hours))
        return made

    async def _choose(self, hours: int) -> None:
        self._hours = hours
        self._tell_span()
        self._client.run_javascript(f"history.replaceState(null, '', '/operator/figures?hours={hours}')")
        await self.read()

    def _tell_span(self) -> None:
        for hours, made in self._spans.items():
            made.set("aria-pressed", "true" if hours == self._hours else "false")


class TilesView:
    """The sums, as large numbers."""

    def __init__(self) -> None:
        self._list = Tag("dl", "tiles")
        self._shown: dict[str, tuple[Tag, Tag]] = {}

    def show(self, shown: Sequence[Tile]) -> None:
        for tile in shown:
            if tile.name not in self._shown:
                with self._list, Tag("div", "tile"):
                    Tag("dt", "", tile.name)
                    self._shown[tile.name] = Tag("dd", "tile-value", ""), Tag("dd", "tile-note", "")
            value, note = self._shown[tile.name]
            value.text, note.text = tile.value, tile.note


class BillsView:
    """What each model made and costs."""

    def __init__(self) -> None:
        with Tag("section", "bills", aria_label="Cost by model"):
            with Tag("div", "table-frame"), Tag("table", "sums"):
                with Tag("thead"), Tag("tr"):
                    for column in ("Model", "Pictures", "Price of one", "Estimated cost"):
                        Tag("th", "", column, scope="col")
                self._body = Tag("tbody")
            Tag(
                "p",
                "none",
                "Estimated from the price that the queue tells now, where it tells one. What was cancelled or failed there "
                "may cost as well.",
            )
        self._shown: tuple[Bill, ...] = ()

    def show(self, shown: tuple[Bill, ...]) -> None:
        if shown == self._shown:
            return
        self._shown = shown
        self._body.clear()
        with self._body:
            for bill in shown:
                with Tag("tr"):
                    Tag("th", "", bill.model, scope="row")
                    for cell in (f"{bill.pictures:,}", bill.price, bill.cost):
                        Tag("td", "", cell)


def hours_of(wish: str) -> int:
    """What an address asks for, or a day."""
    return next((hours for hours in SPANS.values() if str(hours) == wish), 24)


def _models(figures: Figures) -> set[str]:
    return {each.model for each in figures.ended if each.pictures}
