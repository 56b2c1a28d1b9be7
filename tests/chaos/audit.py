"""Do the three ledgers agree? Each accepted request was answered once, was paid once, and got its own picture, in order."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import TypeVar

from bot.errors import FailureKind
from bot.model import Job, JobState
from tests.chaos.ledgers import Asked, Kept, Ledgers, Made, Posted
from tests.chaos.lineage import ancestors, bases, parents

T = TypeVar("T")

MOMENT = 2.0
"""Seconds by which a time that the bot wrote down may differ from when its transaction ended."""

TAKEN = "taken by the queue as "
"""How the line of a job's history begins that names its request."""


class Kind(StrEnum):
    """What may never happen."""

    TWICE = "answered twice"
    UNANSWERED = "unanswered"
    PAID_TWICE = "paid twice"
    WRONG = "wrong picture"
    DISORDER = "order"
    LOST = "lost"  # told that nothing came of it, although its picture was made
    STANDING = "still there"  # deleted by its member, and to be seen all the same
    TROUBLE = "trouble"  # a process that ended by itself, had a bug, or wrote a secret down


@dataclass(frozen=True, kw_only=True, slots=True)
class Violation:
    """One thing that may never happen, and did. what: in words."""

    kind: Kind
    what: str
    job_id: str | None = None
    asked: Asked | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Audit:
    """accepted: requests that the bot has taken up. once: those of them with one answer; cancelled: those that their member
    took back in time, and that have none. refused: with a private sentence. unheard: what reached no process of the bot, or
    was not acknowledged by it; its member knows. withdrawn: messages that the bot itself took away again before it
    posted the answer anew.
    """

    accepted: int
    once: int
    cancelled: int
    refused: int
    unheard: int
    withdrawn: int
    records: int
    violations: tuple[Violation, ...]

    def count(self, kind: Kind) -> int:
        return sum(violation.kind is kind for violation in self.violations)


def audit(ledgers: Ledgers, troubles: Sequence[str] = ()) -> Audit:
    """troubles: of the processes, in words."""
    books = _Books(ledgers)
    found = [*books.unkept(), *books.unasked()]
    for kept in ledgers.kept:
        for check in (books.answers, books.pictures, books.base, books.order, books.removals):
            found += check(kept.job)
    found += books.payments()
    found += [Violation(kind=Kind.TROUBLE, what=trouble) for trouble in troubles]
    spoilt = {v.job_id for v in found if v.kind in (Kind.TWICE, Kind.UNANSWERED)}
    jobs = books.jobs.values()
    sources = {job.source_id for job in jobs}
    strangers = [asked for asked in ledgers.asked if asked.source not in sources]
    return Audit(
        accepted=len(jobs) + sum(asked.acknowledged for asked in strangers),
        once=sum(job.state in (JobState.SUCCEEDED, JobState.FAILED) and job.id not in spoilt for job in jobs),
        cancelled=sum(job.state is JobState.CANCELLED and job.id not in spoilt for job in jobs),
        refused=sum(not asked.acknowledged and asked.refused is not None for asked in strangers),
        unheard=sum(not asked.acknowledged and asked.refused is None for asked in strangers),
        withdrawn=sum(
            not post.stands and (job := books.jobs.get(books.job_of(post))) is not None and job.deleted_at is None
            for post in ledgers.posted
        ),
        records=len(ledgers.made),
        violations=tuple(found),
    )


class _Books:
    """The ledgers, opened at the pages that are needed."""

    def __init__(self, ledgers: Ledgers) -> None:
        self._ledgers = ledgers
        self._doubt = MOMENT + ledgers.longest_pause
        self.jobs: Mapping[str, Job] = {kept.job.id: kept.job for kept in ledgers.kept}
        self._asked = {asked.source: asked for asked in ledgers.asked}
        self._made = {made.request_id: made for made in ledgers.made}
        self._by_picture = {picture: made for made in ledgers.made for picture in made.pictures}
        self.owners = {id: kept.job for kept in ledgers.kept for id in _requests(kept)}
        self._posts = _grouped(ledgers.posted, self.job_of)
        self._families = _grouped(self.jobs.values(), lambda job: job.conversation_id)

    def job_of(self, post: Posted) -> str:
        """What its buttons say, or, where it has none, whose record its picture is."""
        made = next((self._by_picture[picture] for picture in post.pictures if picture in self._by_picture), None)
        owner = self.owners.get(made.request_id) if made else None
        return post.job_id or (owner.id if owner else "")

    # -- was everything kept, and nothing made up? --------------------------------------------------------------

    def unkept(self) -> Iterator[Violation]:
        sources = {job.source_id for job in self.jobs.values()}
        for asked in self._ledgers.asked:
            if asked.acknowledged and asked.source not in sources:
                yield Violation(
                    kind=Kind.UNANSWERED, what="taken up before the eyes of its member, and not stored", asked=asked
                )
        for told in self._ledgers.told:
            job = self.jobs.get(told.job_id)
            if told.what == "cancelled" and job is not None and job.state is not JobState.CANCELLED:
                yield self._violation(Kind.TWICE, job, "its member was told that it is cancelled, and it was not")
            if told.what == "deleted" and job is not None and job.deleted_at is None:
                yield self._violation(Kind.STANDING, job, "its member was told that it is deleted, and it was not")

    def unasked(self) -> Iterator[Violation]:
        for job in self.jobs.values():
            if job.source_id not in self._asked:
                yield self._violation(Kind.TWICE, job, f"nobody asked for it ({job.source_id})")
        for job_id, posts in self._posts.items():
            if job_id not in self.jobs:
                yield Violation(
                    kind=Kind.TWICE, what=f"an answer to a job that is not stored: {posts[0]}", job_id=job_id
                )

    # -- one answer ---------------------------------------------------------------------------------------------

    def answers(self, job: Job) -> Iterator[Violation]:
        posts = self._posts.get(job.id, [])
        if job.state is JobState.CANCELLED:
            if posts:
                yield self._violation(Kind.TWICE, job, "it was cancelled, and answered all the same")
            return
        if job.finished_at is None:
            yield self._violation(Kind.UNANSWERED, job, f"it is {job.state.value} for ever")
            return
        standing = [post for post in posts if post.stands or job.deleted_at is not None]
        pictured = {post.number for post in standing if not post.failed}
        if any(post.failed for post in standing) and pictured:
            yield self._violation(Kind.TWICE, job, "it was answered by a picture, and by a failure")
        for number, times in Counter((post.number, post.failed) for post in standing).items():
            if times > 1:
                yield self._violation(Kind.TWICE, job, f"{times} messages for its answer number {number[0]}")
        if not standing:
            yield self._violation(Kind.UNANSWERED, job, f"it has ended as {job.state.value}, and nothing was posted")
        elif job.state is JobState.SUCCEEDED and sum(len(post.pictures) for post in standing) < len(job.images):
            yield self._violation(Kind.UNANSWERED, job, "a part of its pictures was not posted")

    def removals(self, job: Job) -> Iterator[Violation]:
        """Nothing stands of what was taken back, but for what its platform would not let go of."""
        for post in self._posts.get(job.id, []) if job.deleted_at is not None else ():
            if post.stands and not post.kept:
                yield self._violation(Kind.STANDING, job, f"it was deleted, and {post.message} stands all the same")

    # -- its own picture ----------------------------------------------------------------------------------------

    def pictures(self, job: Job) -> Iterator[Violation]:
        words = self._words(job)
        if words is not None and words != job.prompt:
            yield self._violation(Kind.WRONG, job, f"its member asked for {words!r}, and it paints {job.prompt!r}")
        for post in self._posts.get(job.id, []):
            for picture in post.pictures:
                made = self._by_picture.get(picture)
                if made is None:
                    yield self._violation(Kind.WRONG, job, f"the queue never made what stands in {post.message}")
                elif made.request_id != job.request_id:
                    yield self._violation(Kind.WRONG, job, f"in {post.message} stands the picture of {made.request_id}")
                elif made.words != job.prompt:
                    yield self._violation(Kind.WRONG, job, f"its record was asked for {made.words!r}")

    def _words(self, job: Job) -> str | None:
        """What its member typed; of a button that asks again, what was typed then."""
        asked = self._asked.get(job.source_id)
        if asked is None or asked.again_of is None:
            return asked.words if asked else None
        before = self.jobs.get(asked.again_of)
        return self._words(before) if before else None

    def base(self, job: Job) -> Iterator[Violation]:
        """The record was made of what it should be made of, and of nothing else."""
        asked, made = self._asked.get(job.source_id), self._made.get(job.request_id or "")
        if asked is None or made is None or not made.pictures or job.state is not JobState.SUCCEEDED:
            return
        allowed = self._allowed_parents(job, asked)
        if job.parent_id not in allowed:
            right = ", ".join(sorted(map(str, allowed)))
            yield self._violation(Kind.WRONG, job, f"built on {job.parent_id}; right would be {right}")
        parent = self.jobs.get(job.parent_id or "")
        edited = self._shown(parent, job.parent_image) if parent else None
        if edited is not None and edited not in made.built_on:
            yield self._violation(
                Kind.WRONG, job, f"its record does not know the picture of its parent {job.parent_id}"
            )
        own = self._references(job)
        if not set(own) <= set(made.built_on):
            yield self._violation(Kind.WRONG, job, "its record does not know a picture that its member attached")
        known = set(own).union(*(self._all_of(one) for one in ancestors(job, self.jobs)))
        if not set(made.built_on) <= known:
            yield self._violation(Kind.WRONG, job, "its record knows a picture that has nothing to do with it")

    def _allowed_parents(self, job: Job, asked: Asked) -> set[str | None]:
        if asked.again_of is not None:
            before = self.jobs.get(asked.again_of)
            return bases(before.parent_id if before else None, self.jobs)
        if asked.of is not None:
            return bases(asked.of, self.jobs) - {None}
        if asked.how != "reply":
            return {None}
        family = self._families[job.conversation_id]
        return set().union(*(bases(one, self.jobs) for one in parents(job, family, doubt=self._doubt)))

    def _shown(self, parent: Job, image: int) -> str | None:
        made = self._made.get(parent.request_id or "")
        return made.shown[min(image, len(made.shown) - 1)] if made and made.shown else None

    def _references(self, job: Job) -> tuple[str, ...]:
        asked = self._asked.get(job.source_id)
        if asked is not None and asked.again_of is not None:
            before = self.jobs.get(asked.again_of)
            return self._references(before) if before else ()
        return asked.references if asked else ()

    def _all_of(self, job: Job) -> set[str]:
        made = self._made.get(job.request_id or "")
        return {*self._references(job), *(made.shown if made else ())}

    # -- in order -----------------------------------------------------------------------------------------------

    def order(self, job: Job) -> Iterator[Violation]:
        """After the picture that it edits, and after the answer to the words that stood before it."""
        posts = self._posts.get(job.id, [])
        asked = self._asked.get(job.source_id)
        if not posts or asked is None:
            return
        before = {job.parent_id}
        if asked.how == "reply" and asked.of is None and asked.again_of is None:
            targets = parents(job, self._families[job.conversation_id], doubt=self._doubt)
            before |= targets if len(targets) == 1 else set()
        for parent in sorted(filter(None, before)):
            theirs = self._posts.get(parent, [])
            if theirs and min(p.order for p in posts) < min(p.order for p in theirs):
                yield self._violation(Kind.DISORDER, job, f"it was answered before {parent}, on which it follows")

    # -- paid once ----------------------------------------------------------------------------------------------

    def payments(self) -> Iterator[Violation]:
        """No job has two records that count, and no record is nobody's."""
        paid = [made for made in self._ledgers.made if made.is_paid]
        theirs = Counter(self.owners[made.request_id].id for made in paid if made.request_id in self.owners)
        for job_id, number in theirs.items():
            if number > 1:
                yield self._violation(Kind.PAID_TWICE, self.jobs[job_id], f"{number} records were made for it")
        asking = _grouped(self.jobs.values(), lambda job: job.prompt)
        strays = _grouped((made for made in paid if made.request_id not in self.owners), lambda made: made.words)
        for words, records in strays.items():
            without = [job for job in asking.get(words, []) if not theirs[job.id] and job.submissions]
            yield from self._strays(without, records)

    def _strays(self, without: list[Job], records: list[Made]) -> Iterator[Violation]:
        """Records that no job has adopted. without: the jobs that asked for the same words, and have none."""
        # of a job that was cancelled while its POST was on its way nobody needs to know what became
        without.sort(key=lambda job: job.state is JobState.CANCELLED)
        for made in records:
            job = without.pop() if without else None
            if job is None:
                what = f"the record {made.request_id} of {made.words!r} belongs to no job, and nobody lacks one"
                same = next((one.id for one in self.jobs.values() if one.prompt == made.words), None)
                yield Violation(kind=Kind.PAID_TWICE, what=what, job_id=same)
            elif job.failure is not None and job.failure.kind in (FailureKind.LOST, FailureKind.TIMEOUT):
                yield self._violation(Kind.LOST, job, f"its record {made.request_id} was made, and never found")
            elif job.state is not JobState.CANCELLED:
                yield self._violation(Kind.PAID_TWICE, job, f"its record {made.request_id} was never adopted")

    def _violation(self, kind: Kind, job: Job, what: str) -> Violation:
        return Violation(kind=kind, what=what, job_id=job.id, asked=self._asked.get(job.source_id))


def _requests(kept: Kept) -> set[str]:
    """Every id that the queue gave to requests of this job, those that failed and were asked again too."""
    told = {event.text.removeprefix(TAKEN).partition(",")[0] for event in kept.events if event.text.startswith(TAKEN)}
    return told | ({kept.job.request_id} if kept.job.request_id else set())


def _grouped(things: Iterable[T], key: Callable[[T], str]) -> dict[str, list[T]]:
    found: defaultdict[str, list[T]] = defaultdict(list)
    for thing in things:
        found[key(thing)].append(thing)
    return found
