"""What is to be known about one job? Its facts, its pictures, what was sent, and its history line by line."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Any
from uuid import uuid4

from nicegui import Client, ui

from adapters.web.inbound import source_id
from adapters.web.pages.elements import Moment, Tag, button, picture_url, reference_thumb
from adapters.web.pages.faces import SOMEBODY, elided, seconds_taken, stage
from adapters.web.pages.jobs_table import duration
from adapters.web.pages.live import Reading
from bot import messages
from bot.errors import UserError
from bot.model import OPEN, ConversationRef, Event, Job, JobState, Person, Turn
from bot.service import Service
from bot.views import JobPage, Views

OPERATOR = Person(id="operator", name="Operator")
READ_SECONDS = 0.2  # at most so often is the job read anew
CANCELLABLE = frozenset({JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING})


class JobDetails:
    """One open job. Each part is written anew only when it has changed, so that what was unfolded stays unfolded."""

    def __init__(self, client: Client, job_id: str, *, service: Service, views: Views) -> None:
        self._client = client
        self._job_id = job_id
        self._service = service
        self._views = views
        self._shown: JobPage | None = None
        self._reading = Reading(client, self.read, pause=READ_SECONDS)
        self._head = Tag("section", "", aria_label="Request")
        self._buttons = Tag("div", "job-buttons")
        self._said = Tag("p", "said", "", role="status")
        with Tag("div", "job"):
            with Tag("div", "job-side"):
                self._pictures = Tag("section", "", aria_label="Pictures")
                self._parents = Tag("section", "", aria_label="What it builds on")
            with Tag("div", "job-main"):
                self._facts = Tag("section", "", aria_label="Facts")
                self._history = Tag("section", "", aria_label="History")
                self._payload = Tag("section", "", aria_label="Payload")

    def hear(self, changed: Sequence[Job]) -> None:
        known = {self._job_id, *(parent.id for parent in self._shown.parents)} if self._shown else {self._job_id}
        if any(job.id in known for job in changed):
            self._reading.soon()

    async def read(self) -> None:
        page = await self._views.page(self._job_id)
        if self._client.is_deleted:
            return
        if page is None:
            self._client.status_code = 404
            self._facts.clear()
            with self._facts:
                Tag("p", "none", "There is no such job, or it is no longer kept.")
            return
        old, self._shown = self._shown, page
        job = page.job
        if old is None or old.job != job:
            self._write(self._head, lambda: _write_head(job))
            self._write(self._buttons, lambda: self._write_buttons(job))
            self._write(self._facts, lambda: _write_facts(page))
            self._write(self._pictures, lambda: _write_pictures(job))
        if old is None or old.parents != page.parents:
            self._write(self._parents, lambda: _write_parents(page.parents))
        if old is None or old.events != page.events:
            self._write(self._history, lambda: _write_history(page.events))
        if old is None or old.turn != page.turn:
            self._write(self._payload, lambda: _write_turn(page.turn))

    @staticmethod
    def _write(section: Tag, write: Any) -> None:
        section.clear()
        with section:
            write()

    def _write_buttons(self, job: Job) -> None:
        if job.state in CANCELLABLE:
            button("Cancel this job", "close").on("click", self._cancel)
        if job.state not in OPEN:
            button("Ask again", "again").on("click", self._again)
        if job.platform == "web":
            Tag("a", "ghost", "Open its thread", href=f"/t/{job.conversation_id}")

    async def _cancel(self) -> None:
        try:
            self._said.text = await self._service.cancel(self._job_id, by=OPERATOR, moderator=True)
        except UserError as error:
            self._said.text = str(error)

    async def _again(self) -> None:
        try:
            job = await self._service.again(self._job_id, source_id=source_id(str(uuid4())), unlimited=True)
        except UserError as error:
            self._said.text = str(error)
        else:
            ui.navigate.to(f"/operator/jobs/{job.id}")


def _write_head(job: Job) -> None:
    with Tag("div", "job-head"):
        Tag("span", "pill", job.state.value, data_stage=stage(job).value)
        Tag("p", "job-prompt", job.prompt or "(no words)")
        if job.failure:
            Tag("p", "failure", messages.state(job))


def _write_facts(page: JobPage) -> None:
    job, conversation = page.job, page.conversation
    took = seconds_taken(job)
    facts: list[tuple[str, str | float | None]] = [
        ("Job", job.id),
        ("Vendor's request", job.request_id),
        ("Vendor's status" if job.state in OPEN else "Vendor's status, last seen", job.vendor_status),
        ("Why it failed", f"{job.failure.kind.value}: {job.failure.reason}" if job.failure else None),
        ("Remark", job.remark),
        ("Asked for by", f"{job.requester.name or SOMEBODY} ({job.platform}:{job.requester.id})"),
        ("Where", _place(conversation.ref) if conversation else None),
        ("Model", job.model),
        ("Aspect ratio", job.aspect_ratio),
        ("Accepted", job.accepted_at),
        ("Painting since", job.running_since),
        ("Ended", job.finished_at),
        ("Took", duration(took) if took is not None else None),
        ("Waits for", job.waiting.value if job.waiting else None),
        ("Submissions", str(job.submissions)),
        ("Looks at the queue", str(job.looks)),
        ("Asked by picture", "yes, because its history was refused" if job.by_picture else None),
        ("Deleted", job.deleted_at),
    ]
    with Tag("dl", "facts"):
        for name, value in facts:
            if value is not None:
                Tag("dt", "", name)
                with Tag("dd"):
                    if isinstance(value, float):
                        Moment(value, "precise")
                    else:
                        Tag("span", "", value)


def _place(ref: ConversationRef) -> str:
    return " / ".join(part for part in (ref.platform, ref.workspace, ref.channel, ref.thread) if part)


def _write_pictures(job: Job) -> None:
    for image in job.images if job.deleted_at is None else ():
        with (
            Tag("figure", "print"),
            Tag("a", "print-link", href=picture_url(image.sha256), target="_blank").style(
                f"--w: {image.width}; --h: {image.height}"
            ),
        ):
            Tag(
                "img",
                "",
                src=picture_url(image.sha256),
                alt=job.prompt or "Result",
                width=image.width,
                height=image.height,
            )
    if job.deleted_at is not None:
        Tag("p", "none", "Its pictures were deleted.")
    elif not job.images:
        Tag("p", "none", "No picture yet." if job.state in OPEN else "There is no picture.")
    sources = [(r, r.sha256 or (r.attachment.address if job.platform == "web" else None)) for r in job.references]
    if sources:
        Tag("h2", "", "References")
        with Tag("div", "references"):
            for reference, sha256 in sources:
                name = reference.attachment.name or "attached picture"
                if sha256 is None:
                    Tag("span", "none", f"{name} (not fetched yet)")
                    continue
                reference_thumb(sha256, name, width=256)


def _write_parents(parents: Sequence[Job]) -> None:
    if not parents:
        return
    Tag("h2", "", "Builds on")
    with Tag("ol", "parents"):
        for parent in parents:
            with Tag("li"), Tag("a", "", href=f"/operator/jobs/{parent.id}"):
                if parent.images and parent.deleted_at is None:
                    Tag("img", "", src=picture_url(parent.images[0].sha256, width=128), alt="", loading="lazy")
                Tag("span", "", parent.prompt or "(no words)")
                Tag("span", "pill", parent.state.value, data_stage=stage(parent).value)


def _write_history(events: Sequence[Event]) -> None:
    Tag("h2", "", "History")
    with Tag("ol", "history"):
        for event in events:
            with Tag("li"):
                Moment(event.at, "precise")
                Tag("span", "history-state", event.state.value)
                Tag("span", "", event.text)


def _write_turn(turn: Turn) -> None:
    Tag("h2", "", "Payload sent")
    _write_json(turn.payload, "Nothing was sent yet.", unfolded=True)
    if turn.next_turn_contents is not None:
        Tag("h2", "", "Contents for the next turn")
        _write_json(turn.next_turn_contents, "", unfolded=False)


def _write_json(value: Any, nothing: str, *, unfolded: bool) -> None:
    if value is None:
        Tag("p", "none", nothing)
        return
    text = json.dumps(elided(value), indent=2, ensure_ascii=False)
    folder = Tag("details", "json")
    folder.set("open", unfolded or None)
    with folder:
        Tag("summary", "", f"{len(text):,} characters")
        Tag("pre", "", text, tabindex="0")
