"""What does the operator see? Every job of every platform, live, and whether the bot can do its work."""

from __future__ import annotations

from collections.abc import Sequence

from nicegui import Client, ui
from nicegui.events import GenericEventArguments

from adapters.web.pages.elements import Line, Tag, button
from adapters.web.pages.figures import FiguresPage, Sums, hours_of
from adapters.web.pages.job import JobDetails
from adapters.web.pages.jobs_table import PAGE, STATES, Filter, JobsTable
from adapters.web.pages.live import REST, Live, Reading
from adapters.web.pages.theme import RESPONSE_SECONDS, VIEWPORT, bar, furnish
from bot.model import Job
from bot.service import Service
from bot.views import Readiness, Views

HEALTH_SECONDS = 10.0
READ_SECONDS = 0.3  # at most so often is the table read anew, however many jobs change


class JobsPage:
    """One open table."""

    def __init__(self, client: Client, views: Views, live: Live) -> None:
        self._client = client
        self._views = views
        self._filter = Filter()
        self._platforms: set[str] = set()
        # to look for words, the store may have to read all that were ever said
        self._reading = Reading(client, self.read, pause=READ_SECONDS, rest=REST)
        with Tag("div", "filters", role="search", aria_label="Filter the jobs"):
            with Tag("div", "segments", role="group", aria_label="State"):
                self._states = {name: self._state_button(name) for name in STATES}
            self._select = Tag("select", "select", aria_label="Platform")
            self._select.on("change", self._platform_chosen, js_handler="(event) => emit(event.target.value)")
            with self._select:
                Tag("option", "", "All platforms", value="")
            Line("Words in the prompt", placeholder="Search the prompts", quiet=True).on("answer", self._searched)
        self._table = JobsTable()
        self._older = button("Show older ones", classes="ghost earlier").on("click", self._show_older)
        self._tell_state()
        live.jobs(client, self._hear)

    async def read(self) -> None:
        """Shows what the filter finds; an answer to a filter that was changed meanwhile is dropped."""
        query = self._filter.query()
        jobs = await self._views.jobs(query)
        if self._client.is_deleted or query != self._filter.query():
            return
        self._table.show(jobs[: self._filter.limit])
        self._older.visible = len(jobs) > self._filter.limit
        self._offer_platforms(jobs)

    def _hear(self, _: Sequence[Job]) -> None:
        """A row may come, go or change by any change, so the same question is asked again."""
        self._reading.soon()

    # -- the filter ---------------------------------------------------------------------------------------------

    def _state_button(self, name: str) -> Tag:
        made = Tag("button", "segment", name, type="button")
        made.on("click", lambda: self._choose_state(name))
        return made

    async def _choose_state(self, name: str) -> None:
        self._filter.state, self._filter.limit = name, PAGE
        self._tell_state()
        await self.read()

    def _tell_state(self) -> None:
        for name, made in self._states.items():
            made.set("aria-pressed", "true" if name == self._filter.state else "false")

    async def _platform_chosen(self, event: GenericEventArguments) -> None:
        self._filter.platform, self._filter.limit = str(event.args or "") or None, PAGE
        await self.read()

    async def _searched(self, event: GenericEventArguments) -> None:
        self._filter.text, self._filter.limit = str(event.args or ""), PAGE
        await self.read()

    async def _show_older(self) -> None:
        self._filter.limit += PAGE
        await self.read()

    def _offer_platforms(self, jobs: Sequence[Job]) -> None:
        for platform in sorted({job.platform for job in jobs} - self._platforms):
            self._platforms.add(platform)
            with self._select:
                Tag("option", "", platform, value=platform)


class HealthStrip:
    """One line: can the bot do its work, and what keeps it?"""

    def __init__(self, client: Client, views: Views) -> None:
        self._client = client
        self._views = views
        self._strip = Tag("div", "health", role="status")
        self._shown: Readiness | None = None

    async def watch(self) -> None:
        """Looks now, and again every few seconds while the page is open."""
        await self._look()
        ui.timer(HEALTH_SECONDS, self._look, immediate=False)

    async def _look(self) -> None:
        found = await self._views.readiness()
        if found == self._shown or self._client.is_deleted:
            return
        self._shown = found
        self._strip.set("data-ready", "yes" if found.ready else "no")
        self._strip.clear()
        with self._strip:
            Tag("span", "health-light", aria_hidden="true")
            if found.ready:
                Tag("span", "", "Ready")
            for name, problem in found.problems.items():
                with Tag("span", "problem"):
                    Tag("strong", "", name)
                    Tag("span", "", problem)


def register_operator(service: Service, views: Views, live: Live, *, playground: bool) -> None:
    """`/operator`, `/operator/jobs/{id}` and `/operator/figures`. playground: it is open too, and is linked to."""
    home = "/" if playground else "/operator"
    links = {"Playground": "/"} if playground else {}
    sums = Sums(views)

    @ui.page("/operator", response_timeout=RESPONSE_SECONDS, viewport=VIEWPORT)
    async def jobs_page(client: Client) -> None:
        furnish("Jobs · Darkroom")
        with bar(home=home, links={"Figures": "/operator/figures", **links}):
            Tag("h1", "bar-title", "Jobs")
        with Tag("div", "office"):
            strip = HealthStrip(client, views)
            page = JobsPage(client, views, live)
        await page.read()
        await strip.watch()

    @ui.page("/operator/jobs/{job_id}", response_timeout=RESPONSE_SECONDS, viewport=VIEWPORT)
    async def job_page(client: Client, job_id: str) -> None:
        furnish(f"Job {job_id} · Darkroom")
        with bar(home=home, links={"All jobs": "/operator", **links}):
            Tag("h1", "bar-title", "Job")
        with Tag("div", "office"):
            details = JobDetails(client, job_id, service=service, views=views)
        live.jobs(client, details.hear)
        await details.read()

    @ui.page("/operator/figures", response_timeout=RESPONSE_SECONDS, viewport=VIEWPORT)
    async def figures_page(client: Client, hours: str = "") -> None:
        furnish("Figures · Darkroom")
        with bar(home=home, links={"All jobs": "/operator", **links}):
            Tag("h1", "bar-title", "Figures")
        with Tag("div", "office"):
            page = FiguresPage(client, views, live, sums, hours=hours_of(hours))
        await page.read()
