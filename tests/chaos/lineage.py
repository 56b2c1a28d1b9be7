"""Which picture may a request have been built on? What the rules of a thread allow, given when everything happened.

A plain reply edits the newest open request of its thread, by accept order, else the newest picture; an explicit one edits
the picture that it names. Where that one comes to nothing, its newest ancestor that became a picture takes its place. When
exactly a request ended is known to within a moment only, so that a few answers may be right.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from bot.model import Job, JobState


def parents(job: Job, family: Iterable[Job], *, doubt: float) -> set[str | None]:
    """The jobs that a plain reply may have taken as its parent when it was accepted; None: none was there.

    family: the jobs of its conversation. doubt: seconds by which two moments may be the other way round.
    """
    earlier = sorted((other for other in family if other.seq < job.seq), key=lambda other: -other.seq)
    found: set[str | None] = set()
    for other in earlier:
        if _was_open(other, job.accepted_at, doubt):
            found.add(other.id)
        if _was_open(other, job.accepted_at, -doubt):
            return found
    for other in earlier:
        if other.state is JobState.SUCCEEDED and not _was_deleted(other, job.accepted_at, -doubt):
            found.add(other.id)
            if not _was_open(other, job.accepted_at, doubt) and not _was_deleted(other, job.accepted_at, doubt):
                return found
    return found | {None}


def bases(parent: str | None, jobs: Mapping[str, Job]) -> set[str | None]:
    """What an edit of this job may have been built on in the end: it, or the newest ancestor that was a picture then."""
    found: set[str | None] = set()
    at = parent
    while at is not None and at in jobs:
        job = jobs[at]
        if job.state is JobState.SUCCEEDED:
            found.add(at)
            if job.deleted_at is None:
                return found
        at = job.parent_id
    return found | {None}


def ancestors(job: Job, jobs: Mapping[str, Job]) -> Iterable[Job]:
    """Its parent, the parent of that, and so on."""
    at = job.parent_id
    while at is not None and at in jobs:
        yield jobs[at]
        at = jobs[at].parent_id


def _was_open(job: Job, at: float, doubt: float) -> bool:
    """doubt: above 0 asks whether it may have been open then, below 0 whether it was for certain."""
    return job.finished_at is None or job.finished_at > at - doubt


def _was_deleted(job: Job, at: float, doubt: float) -> bool:
    """doubt: above 0 asks whether it may have been deleted by then, below 0 whether it was for certain."""
    return job.deleted_at is not None and job.deleted_at < at + doubt
