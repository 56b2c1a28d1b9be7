"""What does the core ask of a platform and of a storage engine? Two protocols, every promise in words."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Protocol

from bot.figures import Figures
from bot.model import (
    Attachment,
    Card,
    Conversation,
    ConversationRef,
    Duration,
    Event,
    Glance,
    Job,
    JobQuery,
    JobState,
    Json,
    MessageRef,
    Mood,
    Opened,
    Person,
    Reply,
    Turn,
    Usage,
)

LONGEST_WAIT = 3_600.0
"""Seconds: no open job is ever due later than this from now, whatever anybody asks for."""


class Conflict(Exception):
    """A save met a newer version of the job: somebody else moved it. Load it again, or let go."""


class StoreBusy(Exception):
    """The store is in use by another bot, or cannot be opened or written. `str(error)` says what to do."""


class StoreAway(StoreBusy):
    """Its server does not answer at this moment, as while it starts: what waits for it goes on by itself."""


class Note(Protocol):
    """A small durable memo that belongs to one delivery."""

    async def load(self) -> Json | None:
        """The last memo saved under this key, by any process, or None."""

    async def save(self, memo: Json) -> None:
        """Committed before it returns; replaces the memo before it."""


class Platform(Protocol):
    """A place where people talk. Every call may raise RetryLater or GiveUp and nothing else."""

    @property
    def name(self) -> str:
        """The adapter's folder, and the `platform` of every reference it makes."""

    async def run(self, *, listens: bool = True) -> None:
        """Until cancelled: hears members, and supervises its own connection. Returns only when it can never do so again.

        listens: False where another process of this bot hears them. Then it becomes ready to post with the same tokens, and
        stays so, and does nothing of which a bot may have only one: no connection that brings events, no commands announced,
        no catching up, no word to anybody else about what was heard. Every other call works as usual, either way.
        """

    def trouble(self) -> str | None:
        """What keeps this platform from what `run` is for just now, as one sentence; None when all is well."""

    async def open(self, conversation: Conversation, card: Card) -> Opened:
        """Makes sure that the status card and the thread exist. Repeating it finds them; it makes no second one."""

    async def show(self, card: Card) -> None:
        """Updates the card: best effort, rare, dropped when late, never before a delivery."""

    async def react(self, message: MessageRef, mood: Mood) -> None:
        """Best effort. A mood replaces the bot's mood before it."""

    async def delete(self, message: MessageRef) -> None:
        """The message is gone afterwards, or was gone before."""

    async def deliver(self, to: ConversationRef, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        """Posts the reply exactly once per key, however often it is called, also across restarts.

        key: at most 25 characters. note: written before the first attempt, so that a later one knows a look is due.
        Returns the messages that carry the reply, the same ones at each call. GiveUp of the kind CONTENT says that nothing
        was posted, and that words would be taken where the pictures were not.
        """

    async def fetch(self, attachment: Attachment) -> bytes:
        """The file's bytes, with the platform's own credentials, size-capped while streaming (30 MB).

        May raise UserError too: a sentence that says which file cannot be used, and what its sender can do about it.
        """

    async def close(self) -> None:
        """Lets go of connections. Called once, after `run` has ended and the last steps have delivered what they could."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Accepted:
    """The answer of `Store.add`. is_new: False when the same source had been accepted before."""

    job: Job
    is_new: bool


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """Another process changed this job. None: anything may have changed, because nobody listened for a while; told first of
    all, too, so that who reads the store after the first news misses nothing.
    """

    job_id: str | None
    conversation_id: str | None


@dataclass(frozen=True, kw_only=True, slots=True)
class Forgotten:
    """What a removal removed."""

    jobs: int
    pictures: int


@dataclass(frozen=True, kw_only=True, slots=True)
class BackedUp:
    """What a backup holds beside the database: so many pictures. bytes: of the whole archive."""

    pictures: int
    bytes: int


class Store(Protocol):
    """Durable memory. Every write is committed before the call returns. Times are Unix seconds, given by the caller."""

    # -- life ---------------------------------------------------------------------------------------------------

    async def start(self, now: float) -> None:
        """For each process that works, before it does. Moves the deadlines of open jobs by the time that nobody worked; where
        others work at this moment, that is none. Where the clock was set back since, that time is negative: everything stays
        as far away as it was. Where one process works alone (SQLite), it frees every lease of its dead predecessor, too: what
        was due later is due now, parked jobs stay parked. Where many share a store, leases end by themselves.
        """

    async def now(self) -> float:
        """The time by the clock that all processes of this store share: the database's own, where it has one."""

    async def postpone(self, seconds: float) -> float:
        """Moves the deadlines of all open jobs: for so long this process could not work. Returns by how much they moved: where
        many share a store, by the time in which nobody else worked either, and once, however many of them say it.
        """

    def news(self) -> AsyncIterator[News]:
        """What *other* processes added, placed or changed, from the first step of the iteration on and until `close`. Never
        raises: a connection that was lost is restored by itself. Ends at once where no other process can write (SQLite).
        """

    async def close(self) -> None:
        """Lets go of files and locks."""

    async def check_writable(self) -> None:
        """Raises StoreBusy with a sentence when a write could not be committed."""

    # -- jobs ---------------------------------------------------------------------------------------------------

    async def add(
        self, job: Job, conversation: Conversation, *, follow: bool, admit: Callable[[Usage], None], day_start: float
    ) -> Accepted:
        """Accepts a job in one transaction.

        A known `source_id` changes nothing and returns the job that has it. Else `admit` sees the usage as of this very
        moment (it raises UserError to refuse; nothing is stored then); it is pure, and may run in another thread. An unknown
        conversation is stored too, unless another one lives at its place: then the job joins that one. A known one takes the
        job's aspect ratio as its own. With `follow` the job's parent is the newest open job of the conversation (by accept
        order), else its head, else none. `due_at` is kept as given; the first line of its history says
        that it was accepted. Raises ValueError for an open job without a `due_at`.
        """

    async def place(self, job_id: str, card: MessageRef, now: float) -> None:
        """The platform shows the card: a job that nobody has claimed yet keeps it and is due now."""

    async def claim(self, now: float, *, until: float, limit: int, in_flight: int) -> list[Job]:
        """Leases up to `limit` jobs until `until`, in one statement; no job goes to two callers.

        Eligible: `due_at <= now`; and jobs that wait for a slot while fewer than `in_flight` jobs hold one (such a job is
        returned with `holds_slot`), as many as slots are free. First come, round-robin by requester, those whose requester
        holds the fewest slots, then those that have been due longest; jobs that are due and jobs that wait for a slot have a
        round each. Who was given a slot goes to the end of the line with all that still waits, and a requester's jobs get
        slots in accept order. The version of a claimed job goes up by one. The list is in accept order.
        """

    async def renew(self, job: Job, *, until: float) -> bool:
        """Moves the lease of a claimed job without changing its version. False: it is no longer this claim's."""

    async def put_off(self, claimed: Sequence[Job], now: float) -> None:
        """Ends the leases of running jobs of which nothing is new, in one go: each is due again at its `due_at`, and keeps its
        `looks`. Nobody is told. A job that is no longer this claim's is left as it is.
        """

    async def save(
        self,
        job: Job,
        *,
        now: float,
        event: str | None = None,
        payload: Json | None = None,
        next_turn_contents: list[Any] | None = None,
    ) -> Job:
        """Compare-and-set: stores the job if its version is still the stored one, and returns it with the next version.

        Raises Conflict otherwise; except that a `request_id` which the stored job lacks is merged into it, and the stored
        job is returned as it now is, with the next version (its state may differ: look at it). Raises Conflict, too, for a
        `request_id` that belongs to another job. What was settled at acceptance stays: ids, place, requester, prompt, time.
        Raises ValueError for a bug: a move that NEXT does not have, a job that was never accepted, an open job without
        `due_at` and `waiting`, one that waits for a slot it cannot need. `holds_slot` ends by itself (see below).

        In the same transaction: a slot is held only in QUEUED, SUBMITTING, RUNNING and is freed when the job leaves them or
        is parked; children that wait for this job's outcome are due `now` once it left QUEUED, SUBMITTING, RUNNING, children
        that wait for its delivery once it reached an end; a job saved as waiting for a parent that no longer stands in its
        way is due `now` instead of parked; messages of `card`, `posts` and `asked_in` become findable; `event` becomes a line
        of its history; payload and contents are kept where given (contents not, if they hold words of a forgotten member).
        """

    async def next_due(self, in_flight: int) -> float | None:
        """The earliest time at which a claim could return something; None when only new work can change that.
        In the past, when something is due already.
        """

    async def get(self, job_id: str) -> Job | None: ...

    async def find_source(self, source_id: str) -> Job | None: ...

    async def find_message(self, message: MessageRef) -> tuple[Job, int] | None:
        """The job to which a card, a post or a member's message belongs, and for a post which one of its posts (else 0)."""

    async def glance(self, message: MessageRef, *, or_job: str | None = None) -> Glance | None:
        """The job to which a message belongs, or else this one; with where its thread stands at the same moment."""

    async def turn(self, job_id: str) -> Turn:
        """The payload sent and the next turn's contents; both None where there are none."""

    async def events(self, job_id: str) -> list[Event]:
        """A job's history, oldest first."""

    async def jobs(self, query: JobQuery) -> list[Job]:
        """Newest first. `person` is an id, `text` any part of the words (in any case, for ASCII letters)."""

    async def count(self) -> dict[JobState, int]:
        """How many jobs stand in each open state (a missing state has none). Cheap at any size of history."""

    async def figures(self, since: float, until: float) -> Figures:
        """What ended in that time adds up to, all of it at one moment. Both are whole hours, in seconds: multiples of 3,600."""

    async def same_payload_in_doubt(self, job: Job, payload: Json) -> list[Job]:
        """Other jobs in SUBMITTING whose last payload equals this one."""

    async def attempts_between(self, model: str, since: float, until: float) -> list[str]:
        """Ids of the jobs of a model whose `attempt_at` lies in [since, until]."""

    async def known_requests(self, request_ids: Iterable[str]) -> set[str]:
        """Those of the queue's ids that belong, or ever belonged, to a job of ours."""

    async def last_answers(self, model: str, limit: int) -> list[Job]:
        """The jobs of a model whose POST was answered last, newest first (for what its POSTs are like)."""

    async def last_durations(self, model: str, limit: int) -> list[Duration]:
        """Of the model's last requests that were waited for and succeeded, newest first."""

    # -- conversations ------------------------------------------------------------------------------------------

    async def conversation(self, conversation_id: str) -> Conversation | None: ...

    async def find_conversation(self, ref: ConversationRef) -> Conversation | None:
        """By place; `ref.thread` must be set."""

    async def opened(self, conversation_id: str, ref: ConversationRef) -> Conversation:
        """The thread exists now. If another conversation lives there already it stays findable; the newer one is kept as it is."""

    async def conversations(
        self, platform: str, *, workspace: str | None = None, channel: str | None = None, limit: int = 50
    ) -> list[Conversation]:
        """Newest first."""

    async def head(self, conversation_id: str) -> Job | None:
        """The newest succeeded job by accept order that is not deleted."""

    async def newest_open(self, conversation_id: str) -> Job | None:
        """The newest open job by accept order."""

    async def has_asked(self, conversation_id: str, person_id: str) -> bool:
        """Whether this member has a job in this conversation."""

    async def usage(self, platform: str, workspace: str, person_id: str, day_start: float) -> Usage: ...

    # -- bytes --------------------------------------------------------------------------------------------------

    async def put_blob(self, data: bytes, now: float) -> str:
        """Keeps bytes; returns their sha256 in lower-case hex. Repeating it keeps one copy."""

    async def get_blob(self, sha256: str) -> bytes | None: ...

    async def drop_pictures(self, job_id: str, now: float) -> None:
        """A deleted job's pictures and references go at once, unless another job needs the same bytes."""

    async def sweep(self, *, before: float, unused_before: float, max_bytes: int | None) -> Forgotten:
        """Retention. Ended jobs accepted before `before` lose their words, payloads, names and pictures; blobs that no job
        needs and that were last put before `unused_before` go; then, while all blobs exceed `max_bytes`, the oldest of ended
        jobs go. A succeeded job without its pictures counts as deleted. Counts for limits and statistics stay. Expired
        cursors go, and notes whose key is the id of a job that lost its words.
        """

    async def forget(self, platform: str, person_id: str, now: float) -> Forgotten:
        """Removes a member's words, names, references, payloads and pictures, memos about them, and cancels their
        open jobs. Pictures that others built on them stay; their histories no longer hold the member's words or pictures
        (those jobs will be edited by picture). Memos about a member are the notes under their jobs' ids, and the cursors whose
        key, read as parts between colons, begins with the platform and has the member's id among the others. Jobs are cancelled
        from any open state, DELIVERING too; a step that is at one meets a Conflict. In the same conversations every payload and
        history goes, also of open jobs: the step of another member's queued job that composed from one meets a Conflict.
        """

    # -- small memories -----------------------------------------------------------------------------------------

    async def load_note(self, key: str) -> Json | None: ...

    async def save_note(self, key: str, memo: Json) -> None: ...

    async def recall(self, space: str, key: str, now: float) -> Json | None:
        """A cursor: small memory of an adapter or a part of the core, in its own name space. None when unknown or expired."""

    async def remember(self, space: str, key: str, value: Json | None, *, expires_at: float | None = None) -> None:
        """None forgets."""

    async def recall_all(self, space: str, now: float) -> Sequence[tuple[str, Json]]:
        """Everything of a name space, by key."""

    async def take(self, name: str, *, rate: float, burst: float, now: float) -> float:
        """Takes one from a bucket that all processes share: it holds at most `burst`, and `rate` a second flow in.

        Returns the seconds to wait before what was taken may be used: 0.0 as long as the bucket had one. What was taken is
        gone, used or not. A clock that was set back or ahead makes nobody wait longer than the takers before them explain.
        """


def person_key(platform: str, person: Person) -> str:
    """How a member is named in settings and commands: `platform:id`."""
    return f"{platform}:{person.id}"
