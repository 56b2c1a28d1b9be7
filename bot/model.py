"""What are the nouns of this bot? Data only; every other module speaks in these words."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from types import MappingProxyType
from typing import Any

from bot.errors import FailureKind

Json = dict[str, Any]
"""A JSON object as the queue sends or receives it; its keys belong to the vendor."""

ASPECT_RATIOS = ("1:1", "3:2", "2:3", "3:4", "4:3", "4:5", "5:4", "9:16", "16:9", "21:9")
"""The ten ratios the queue accepts, in the order of the vendor's guide; the first is its default."""

DIRECT = "direct"
"""The workspace of a place that belongs to no server, as direct messages do where they stand outside of servers."""

MAX_PROMPT = 4_000  # characters
MAX_FIRST_REFERENCES = 3  # pictures beside a first prompt (vendor guide: 3 images in all)
MAX_EDIT_REFERENCES = 2  # beside an edit: the edited picture is the third


class JobState(StrEnum):
    """One job's way; the letters are those of the diagram in README.md."""

    QUEUED = "queued"  # a: stored, before the platform is told "accepted"
    SUBMITTING = "submitting"  # b: written before the POST leaves; found at claim = the fate of a POST is unknown
    RUNNING = "running"  # c: the queue's request_id is known
    DELIVERING = "delivering"  # d: the outcome is known, its images are stored
    SUCCEEDED = "succeeded"  # e: every image of it has been posted, once
    FAILED = "failed"  # f: the user has been told why not, once
    CANCELLED = "cancelled"  # h: by the user; a result that still comes is dropped


NEXT: Mapping[JobState, frozenset[JobState]] = MappingProxyType(
    {
        JobState.QUEUED: frozenset({JobState.SUBMITTING, JobState.DELIVERING, JobState.CANCELLED}),
        # back to QUEUED: the POST certainly made no request, so it may be sent again
        JobState.SUBMITTING: frozenset({JobState.QUEUED, JobState.RUNNING, JobState.DELIVERING, JobState.CANCELLED}),
        # back to QUEUED (i): the queue failed it for a passing reason, or refused the history; asked again, a few times
        JobState.RUNNING: frozenset({JobState.QUEUED, JobState.DELIVERING, JobState.CANCELLED}),
        JobState.DELIVERING: frozenset({JobState.SUCCEEDED, JobState.FAILED}),
        JobState.SUCCEEDED: frozenset(),
        JobState.FAILED: frozenset(),
        JobState.CANCELLED: frozenset(),
    }
)
"""Which state may follow which; a save keeps the state or obeys this."""

OPEN = frozenset({JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING, JobState.DELIVERING})
OUTCOME_UNKNOWN = frozenset({JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING})


class Waiting(StrEnum):
    """What a parked job waits for; a parked job has no `due_at` and the store makes it due."""

    PARENT = "parent"  # queued: for the parent's outcome; delivering: for the parent's delivery
    SLOT = "slot"  # for one of the GMI_IN_FLIGHT places at the vendor


class Mood(StrEnum):
    """How the bot reacts to a member's message."""

    WORKING = "working"
    DONE = "done"
    FAILED = "failed"


@dataclass(frozen=True, kw_only=True, slots=True)
class Person:
    """A member, as one platform knows them. `id` is the platform's, without the platform's name."""

    id: str
    name: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ConversationRef:
    """The stored address that lets the bot speak later.

    thread: None until `Platform.open` has made the thread. A platform that answers in place (a DM, an existing thread)
    sets it at once, so that the same place is found again.
    """

    platform: str
    workspace: str
    channel: str
    thread: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class MessageRef:
    """One message on one platform. `channel` is where the message lives (on Discord a thread is a channel)."""

    platform: str
    channel: str
    id: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Attachment:
    """A file that a member sent, as its platform describes it: nothing of it is proven.

    address: what the adapter's own `fetch` needs to find the bytes; opaque to the core.
    size: bytes, or None where the platform doesn't say.
    """

    name: str
    address: str
    size: int | None = None
    media_type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """An attachment on its way to the queue.

    sha256: of the picture as the queue gets it, in the blob store; None before it was fetched. media_type: of that picture.
    url: where the queue finds it; a cache of `sha256`.
    """

    attachment: Attachment
    sha256: str | None = None
    url: str | None = None
    media_type: str | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """Bytes that have been decoded once and are a whole PNG or JPEG. Pixels."""

    data: bytes
    media_type: str
    width: int
    height: int

    @property
    def extension(self) -> str:
        """`png` or `jpeg`: the ending for a file's name, and the queue's `file_type`."""
        return self.media_type.removeprefix("image/")


@dataclass(frozen=True, kw_only=True, slots=True)
class Image:
    """One picture of a result. The bytes live in the blob store under `sha256`; `url` is the queue's copy, a cache."""

    sha256: str
    media_type: str
    width: int
    height: int
    url: str | None = None
    size: int | None = None  # bytes; unknown of pictures that were made before this was kept


@dataclass(frozen=True, kw_only=True, slots=True)
class Failure:
    """Why there is no picture. reason: for operators, in the vendor's words; text: the sentence for the member."""

    kind: FailureKind
    reason: str
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Conversation:
    """One thread of pictures: where it lives, who began it, and what it keeps from turn to turn."""

    id: str
    ref: ConversationRef
    starter: Person
    model: str
    aspect_ratio: str
    created_at: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Job:
    """One request for a picture, from acceptance to its one answer. Times are Unix seconds.

    The payload that was sent and the `next_turn_contents` of the outcome can be megabytes; they are kept beside the job
    (`Store.turn`) and are not part of it.
    """

    id: str
    conversation_id: str
    platform: str
    workspace: str
    source_id: str  # the member's message or interaction; unique
    requester: Person
    prompt: str
    aspect_ratio: str
    model: str
    accepted_at: float
    seq: int = 0  # accept order; given by the store
    references: tuple[Reference, ...] = ()
    parent_id: str | None = None  # the job whose picture this one edits
    parent_image: int = 0  # which image of the parent's result, when it has several
    passed_over: str | None = None  # the job that was to be edited and came to nothing; its answer goes first
    asked_in: MessageRef | None = None  # the member's message, to react to and to answer
    card: MessageRef | None = None  # the status card
    opened: bool = False  # the thread is known to exist
    state: JobState = JobState.QUEUED
    due_at: float | None = None  # poll time, back-off and lease at once; None while parked or at the end
    waiting: Waiting | None = None
    holds_slot: bool = False
    deadline_at: float | None = None
    version: int = 0
    attempts: int = 0  # failures in a row of the step the job is at
    submissions: int = 0  # POSTs that may have reached the queue
    attempt_at: float | None = None  # when the last POST left, on the queue's clock
    absent_since: float | None = None  # since when the queue's list is known to lack it
    answered_after: float | None = None  # seconds that the queue took to answer the POST
    answered_terminal: bool = False  # the POST answered only after the work was done
    by_picture: bool = False  # the history was refused: ask with prompt and picture instead
    request_id: str | None = None  # the queue's; unique
    running_since: float | None = None
    working_since: float | None = None  # when it was last seen to wait at the queue, where that was long
    vendor_status: str | None = None  # the queue's own word, last seen
    looks: int = 0  # how often the queue was asked about it
    ready_at: float | None = None  # when it was finished, as far as the queue's whole seconds tell
    known_at: float | None = None  # when we learned the outcome
    images: tuple[Image, ...] = ()
    failure: Failure | None = None
    remark: str | None = None  # a sentence that goes with the answer ("built on an earlier picture, because ..")
    posts: tuple[MessageRef, ...] = ()
    finished_at: float | None = None
    deleted_at: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Turn:
    """The heavy part of a job. payload: as sent last; next_turn_contents: of its own outcome."""

    payload: Json | None = None
    next_turn_contents: list[Any] | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Glance:
    """A job and where its thread stands: the newest open job, and the newest picture that is not deleted."""

    job: Job
    newest_open: Job | None
    head: Job | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Duration:
    """What a request took, in seconds. whole: from "accepted" to ready; work: without a long wait before it, where there was one."""

    whole: float
    work: float | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Event:
    """One line of a job's history."""

    at: float
    state: JobState
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class ImageRequest:
    """What an adapter makes of a command: a wish for a new picture, nothing checked yet.

    text: as typed, options such as `--ar 3:2` included. aspect_ratio: from an option field of the platform, wins over the text.
    roles: of the requester in this workspace. placed: False when the platform is yet to be told (the job then waits a few
    seconds for `Service.placed`).
    """

    source_id: str
    requester: Person
    place: ConversationRef
    text: str
    aspect_ratio: str | None = None
    attachments: tuple[Attachment, ...] = ()
    message: MessageRef | None = None
    roles: tuple[str, ...] = ()
    placed: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Utterance:
    """A message in a place where the bot listens; whether it is meant for the bot is for the core to say.

    replied_to: the message it explicitly answers. replied_to_bot: that message is the bot's own. answered_job: the job, and which
    of its pictures, that this message itself says it shows: it stands there before the store knows that it was posted.
    mentions_bot / begins_with_mention: of the bot; of any human as the first thing said. private: a DM with the bot.
    plain_talk: plain words here may be meant for the bot, because it made the place; False where it is only a guest.
    """

    source_id: str
    author: Person
    author_is_bot: bool
    place: ConversationRef
    text: str
    attachments: tuple[Attachment, ...] = ()
    message: MessageRef | None = None
    replied_to: MessageRef | None = None
    replied_to_bot: bool = False
    answered_job: tuple[str, int] | None = None
    mentions_bot: bool = False
    begins_with_mention: bool = False
    private: bool = False
    roles: tuple[str, ...] = ()
    plain_talk: bool = True


@dataclass(frozen=True, kw_only=True, slots=True)
class Card:
    """The status card: what a channel sees of a job while it is open. `message` is None before it was posted."""

    job_id: str
    conversation: ConversationRef
    message: MessageRef | None
    requester: Person
    prompt: str
    aspect_ratio: str
    state: JobState
    accepted_at: float
    text: str  # the state in the bot's words
    preview: Picture | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Reply:
    """The one answer of a job: its pictures, or the sentence that says why there are none.

    prompt: also the alt text. answers: the member's message that this replies to, where there is one.
    """

    job_id: str
    requester: Person
    prompt: str
    images: tuple[Picture, ...]
    text: str
    failed: bool
    answers: MessageRef | None = None
    card: MessageRef | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Opened:
    """The answer of `Platform.open`: the place, now with its thread, and the card's message where there is one."""

    ref: ConversationRef
    card: MessageRef | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Usage:
    """What counts against the limits, at one moment. Days are UTC days; failed and unpaid cancelled jobs don't count."""

    open_by_person: int
    today_by_person: int
    today_by_workspace: int
    today: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Finding:
    """One line of `darkroom check`. ok: None = a warning. text: what is so and, if it isn't well, what to do about it."""

    subject: str
    ok: bool | None
    text: str


@dataclass(frozen=True, kw_only=True, slots=True)
class JobQuery:
    """Which jobs an operator wants to see, newest first. None = any."""

    states: frozenset[JobState] | None = None
    failures: frozenset[FailureKind] | None = None
    platform: str | None = None
    person: str | None = None
    conversation_id: str | None = None
    text: str | None = None
    before_seq: int | None = None
    limit: int = 100
