"""How do jobs look on a terminal? Plain text for `darkroom jobs` and `darkroom show`; what members wrote cannot steer it."""

from __future__ import annotations

import unicodedata
from collections.abc import Sequence
from datetime import UTC, datetime

from bot.model import Event, Job

_WORDS = 48


def table(jobs: Sequence[Job], now: float) -> str:
    """One line a job: id, state, age, duration, member, words."""
    if not jobs:
        return "No jobs."
    rows = [("JOB", "STATE", "AGE", "TOOK", "MEMBER", "NAME", "WORDS")]
    rows += [
        (
            job.id,
            f"{job.state.value}:{job.failure.kind.value}" if job.failure else job.state.value,
            span(now - job.accepted_at),
            span(job.finished_at - job.accepted_at) if job.finished_at is not None else "",
            f"{job.platform}:{_clean(job.requester.id)}",
            _cut(job.requester.name, 16),
            _cut(job.prompt, _WORDS),
        )
        for job in jobs
    ]
    widths = [max(len(row[column]) for row in rows) for column in range(len(rows[0]))]
    return "\n".join(
        "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip() for row in rows
    )


def page(job: Job, events: Sequence[Event]) -> str:
    """Everything about one job that is not heavy."""
    facts = [
        ("job", job.id),
        ("state", job.state.value),
        ("platform", f"{job.platform}, workspace {job.workspace}"),
        ("member", f"{job.platform}:{job.requester.id} {job.requester.name}".rstrip()),
        ("words", job.prompt),
        ("ratio", job.aspect_ratio),
        ("model", job.model),
        ("references", ", ".join(reference.attachment.name for reference in job.references)),
        ("built on", job.parent_id or ""),
        ("request id", job.request_id or ""),
        ("sent", "once" if job.submissions == 1 else f"{job.submissions} times"),
        ("looks", str(job.looks)),
        ("pictures", ", ".join(f"{image.width}x{image.height} {image.sha256[:12]}" for image in job.images)),
        ("failure", f"{job.failure.kind.value}: {job.failure.reason}" if job.failure else ""),
        ("said", job.failure.text if job.failure else ""),
        ("took", span(job.finished_at - job.accepted_at) if job.finished_at is not None else ""),
    ]
    width = max(len(name) for name, _ in facts)
    lines = [f"{name.ljust(width)}  {_clean(value)}" for name, value in facts if value]
    history = [
        f"{datetime.fromtimestamp(e.at, UTC):%Y-%m-%d %H:%M:%S} UTC  {e.state.value:<10}  {_clean(e.text)}"
        for e in events
    ]
    return "\n".join([*lines, "", *history])


def span(seconds: float) -> str:
    """A duration, short: 0.8s, 12s, 3m 20s, 5h 2m, 4d 3h."""
    if seconds < 10:
        return f"{max(0.0, seconds):.1f}s"
    whole = int(seconds)
    for unit, size, below, name in (("d", 86_400, 3_600, "h"), ("h", 3_600, 60, "m"), ("m", 60, 1, "s")):
        if whole >= size:
            return f"{whole // size}{unit} {whole % size // below}{name}"
    return f"{whole}s"


def _clean(text: str) -> str:
    """Without anything that a terminal would obey."""
    return "".join(" " if unicodedata.category(char)[0] == "C" else char for char in text)


def _cut(text: str, most: int) -> str:
    text = " ".join(_clean(text).split())
    return text if len(text) <= most else text[: most - 1] + "…"
