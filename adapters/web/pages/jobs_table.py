"""How does the operator's table of jobs look, and what does its filter mean?"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.web.pages.elements import Moment, Tag
from adapters.web.pages.faces import seconds_taken, since, stage
from bot import messages
from bot.model import OPEN, Job, JobQuery, JobState

PAGE = 50  # jobs that are shown at first, and that each wish for older ones adds
COLUMNS = ("State", "Age", "Platform", "User", "Duration", "Prompt")
STATES: dict[str, frozenset[JobState] | None] = {
    "All": None,
    "Open": OPEN,
    "Done": frozenset({JobState.SUCCEEDED}),
    "Failed": frozenset({JobState.FAILED}),
    "Cancelled": frozenset({JobState.CANCELLED}),
}


@dataclass(kw_only=True, slots=True)
class Filter:
    """What the operator wants to see. state: one of STATES."""

    state: str = "All"
    platform: str | None = None
    text: str = ""
    limit: int = PAGE

    def query(self) -> JobQuery:
        """One more than is shown, so that it is known whether there are older ones."""
        return JobQuery(
            states=STATES[self.state], platform=self.platform, text=self.text.strip() or None, limit=self.limit + 1
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Row:
    """One job in the table. took: seconds; None while it is open."""

    job_id: str
    stage: str
    state: str
    at: float
    platform: str
    user: str
    since: float
    took: float | None
    prompt: str
    reason: str | None


def row(job: Job) -> Row:
    return Row(
        job_id=job.id,
        stage=stage(job).value,
        state=job.state.value if job.failure is None else f"failed: {job.failure.kind.value}",
        at=job.accepted_at,
        platform=job.platform,
        user=job.requester.name or job.requester.id,
        since=since(job),
        took=seconds_taken(job),
        prompt=job.prompt,
        reason=job.failure.reason if job.failure else (messages.state(job) if job.waiting else None),
    )


def duration(seconds: float) -> str:
    """For a table: "0.4 s", "12 s", "3:05 min"."""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 60:
        return f"{seconds:.0f} s"
    return f"{int(seconds) // 60}:{int(seconds) % 60:02} min"


class JobsTable:
    """Rows that are written once and then only changed where a job has changed."""

    def __init__(self) -> None:
        self._rows: dict[str, RowView] = {}
        self._order: list[str] = []
        with Tag("div", "table-frame"):
            with Tag("table", "jobs"):
                with Tag("thead"), Tag("tr"):
                    for column in COLUMNS:
                        Tag("th", f"col-{column.lower()}", column, scope="col")
                self._body = Tag("tbody")
            self._none = Tag("p", "none", "No job matches.")

    def show(self, jobs: Sequence[Job]) -> None:
        """These jobs, in this order."""
        wanted = [job.id for job in jobs]
        for gone in set(self._order) - set(wanted):
            self._rows.pop(gone).element.delete()
        self._order = [id for id in self._order if id in self._rows]
        for place, job in enumerate(jobs):
            shown = row(job)
            view = self._rows.get(job.id)
            if view:
                view.show(shown)
            else:
                with self._body:
                    view = self._rows[job.id] = RowView(shown)
                self._order.append(job.id)
            if self._order[place] != job.id:
                view.element.move(target_index=place)
                self._order.remove(job.id)
                self._order.insert(place, job.id)
        self._none.visible = not jobs


class RowView:
    """One job, as a row on a wide screen and as a block on a phone."""

    def __init__(self, shown: Row) -> None:
        self._row = shown
        with Tag("tr", data_stage=shown.stage) as self.element:
            with Tag("td", "col-state"):
                self._state = Tag("span", "pill", shown.state, data_stage=shown.stage)
            with Tag("td", "col-age"):
                Moment(shown.at, "age")
            Tag("td", "col-platform", shown.platform)
            Tag("td", "col-user", shown.user)
            self._took = Tag("td", "col-duration")
            with Tag("td", "col-prompt"):
                self._link = Tag("a", "", shown.prompt or "(no words)", href=f"/operator/jobs/{shown.job_id}")
                self._reason = Tag("span", "reason", shown.reason or "")
        self._tell_duration()

    def show(self, shown: Row) -> None:
        old, self._row = self._row, shown
        if old == shown:
            return
        self.element.set("data-stage", shown.stage)
        self._state.set("data-stage", shown.stage)
        self._state.text = shown.state
        self._link.text = shown.prompt or "(no words)"
        self._reason.text = shown.reason or ""
        if (old.took, old.since) != (shown.took, shown.since):
            self._tell_duration()

    def _tell_duration(self) -> None:
        self._took.clear()
        with self._took:
            if self._row.took is None:
                Moment(self._row.since, "elapsed")
            else:
                Tag("span", "", duration(self._row.took))
