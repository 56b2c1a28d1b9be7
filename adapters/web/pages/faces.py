"""What does a page show of a version, a thread, a job? Pure: read models -> plain values that can be compared."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from bot.model import OPEN, Job, JobState
from bot.views import Thread, Version

SHAPE_OF_NOTHING = (1, 1)
SOMEBODY = "Someone"
"""Who asked for what is removed."""


class Stage(StrEnum):
    """How a version looks."""

    WAITING = "waiting"
    PAINTING = "painting"
    POSTING = "posting"
    DONE = "done"
    FAILED = "failed"
    CANCELLED = "cancelled"
    DELETED = "deleted"
    REMOVED = "removed"  # at the member's wish, or because it is no longer kept: words, name and pictures are gone

    @property
    def open(self) -> bool:
        return self in {Stage.WAITING, Stage.PAINTING, Stage.POSTING}


_STAGES = {
    JobState.QUEUED: Stage.WAITING,
    JobState.SUBMITTING: Stage.WAITING,
    JobState.RUNNING: Stage.PAINTING,
    JobState.DELIVERING: Stage.POSTING,
    JobState.SUCCEEDED: Stage.DONE,
    JobState.FAILED: Stage.FAILED,
    JobState.CANCELLED: Stage.CANCELLED,
}


def stage(job: Job) -> Stage:
    if not job.requester.name and job.state not in OPEN:
        return Stage.REMOVED
    return Stage.DELETED if job.deleted_at is not None else _STAGES[job.state]


@dataclass(frozen=True, kw_only=True, slots=True)
class Thumb:
    """A picture, small. name: for those who cannot see it."""

    sha256: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Shot:
    """A picture of a result, large. Pixels."""

    sha256: str
    width: int
    height: int
    extension: str


@dataclass(frozen=True, kw_only=True, slots=True)
class TurnFace:
    """One request as a thread shows it. number: of the picture that it became. parent: the job that it builds on, and
    built_on that one's number. since: when it began to wait or to be painted.
    """

    job_id: str
    number: int | None
    parent: str | None
    built_on: int | None
    built_on_picture: str | None
    who: str
    person_id: str
    at: float
    prompt: str
    stage: Stage
    text: str
    remark: str | None
    since: float
    shape: tuple[int, int]
    references: tuple[Thumb, ...]
    shots: tuple[Shot, ...]
    is_head: bool

    @property
    def alt(self) -> str:
        """What the picture is said to show."""
        return self.prompt or f"Version {self.number}, asked for without words"


@dataclass(frozen=True, kw_only=True, slots=True)
class CardFace:
    """A thread as its channel shows it. versions: pictures that are there. newest: the last version's stage; since: of the last version, while it is open."""

    conversation_id: str
    who: str
    person_id: str
    at: float
    title: str
    versions: int
    newest: Stage
    text: str
    since: float
    newest_by: str
    newest_at: float
    picture: Thumb | None


def turn_faces(thread: Thread) -> list[TurnFace]:
    """The versions of a thread, oldest first."""
    jobs = {version.job.id: version.job for version in thread.versions}
    return [_turn(version, jobs) for version in thread.versions]


def _turn(version: Version, jobs: dict[str, Job]) -> TurnFace:
    job = version.job
    parent = jobs.get(job.parent_id) if job.parent_id else None
    shown = stage(job)
    return TurnFace(
        job_id=job.id,
        number=version.number,
        parent=parent.id if parent else None,
        built_on=version.built_on,
        built_on_picture=_picture_of(parent, job.parent_image) if parent else None,
        who=job.requester.name or SOMEBODY,
        person_id=job.requester.id,
        at=job.accepted_at,
        prompt=job.prompt,
        stage=shown,
        text="Removed" if shown is Stage.REMOVED else version.text,
        remark=job.remark,
        since=since(job),
        shape=shape(job.aspect_ratio),
        references=tuple(
            Thumb(sha256=sha256, name=reference.attachment.name or "Attached picture")
            for reference in job.references
            if (sha256 := reference.sha256 or reference.attachment.address)
        ),
        shots=tuple(
            Shot(
                sha256=image.sha256,
                width=image.width,
                height=image.height,
                extension=image.media_type.removeprefix("image/"),
            )
            for image in job.images
        )
        if shown is Stage.DONE
        else (),
        is_head=version.is_head,
    )


def card_face(thread: Thread) -> CardFace | None:
    """None: a thread without versions has nothing to show."""
    if not thread.versions:
        return None
    first, last = thread.versions[0].job, thread.versions[-1].job
    head = next((version.job for version in thread.versions if version.is_head), None)
    sha256 = _picture_of(head, 0) if head else None
    return CardFace(
        conversation_id=thread.conversation.id,
        who=first.requester.name or SOMEBODY,
        person_id=first.requester.id,
        at=first.accepted_at,
        title=title(thread),
        versions=sum(stage(version.job) is Stage.DONE for version in thread.versions),
        newest=stage(last),
        text=thread.versions[-1].text,
        since=since(last),
        newest_by=last.requester.name or SOMEBODY,
        newest_at=last.finished_at or last.accepted_at,
        picture=Thumb(sha256=sha256, name=head.prompt) if head and sha256 else None,
    )


def title(thread: Thread) -> str:
    """What a thread is called: by the words that began it."""
    if thread.versions and stage(thread.versions[0].job) is Stage.REMOVED:
        return "Removed"
    return thread.title or "Without words"


def fresher(one: Thread, other: Thread) -> Thread:
    """Of two readings of a thread the later one: versions only come, and their rows' versions only grow."""

    def age(thread: Thread) -> tuple[int, int]:
        return len(thread.versions), sum(version.job.version for version in thread.versions)

    return max(one, other, key=age)


def since(job: Job) -> float:
    """When the stage that the job is in began to count for who waits."""
    return job.running_since or job.accepted_at


def shape(aspect_ratio: str) -> tuple[int, int]:
    """A ratio as two numbers."""
    width, _, height = aspect_ratio.partition(":")
    return (int(width), int(height)) if width.isdigit() and height.isdigit() else SHAPE_OF_NOTHING


def seconds_taken(job: Job) -> float | None:
    """From acceptance to the answer; None while there is none."""
    return job.finished_at - job.accepted_at if job.finished_at is not None else None


def elided(value: Any, *, longest: int = 400) -> Any:
    """JSON with long strings cut, so that a page can show a payload which carries whole pictures."""
    if isinstance(value, dict):
        return {key: elided(item, longest=longest) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [elided(item, longest=longest) for item in value]
    if isinstance(value, str) and len(value) > longest and " " not in value[:longest]:
        return f"{value[:40]}… ({len(value):,} characters)"
    return value


def _picture_of(job: Job, number: int) -> str | None:
    if job.deleted_at is not None or not job.images:
        return None
    return job.images[number if number < len(job.images) else 0].sha256
