"""Each thing that may never happen is seen by the audit when it is planted, and what may happen is not."""

from dataclasses import replace

import pytest

from bot.errors import FailureKind
from bot.model import Event, Failure, Image, Job, JobState, Person
from tests.chaos.audit import TAKEN, Kind, audit
from tests.chaos.ledgers import Asked, Kept, Ledgers, Made, Posted, Told


class Books:
    """Three ledgers that agree: a fox, and an edit of it by a plain reply. Tests then spoil one entry."""

    def __init__(self) -> None:
        self.asked: list[Asked] = []
        self.made: list[Made] = []
        self.posted: list[Posted] = []
        self.told: list[Told] = []
        self.kept: list[Kept] = []
        self.fox = self.request("a fox", how="command")
        self.blue = self.request("make it blue", how="reply", parent="a fox", built_on=("look of a fox",))

    def request(self, words, *, how="command", parent=None, built_on=(), number=None, **facts):
        """One that went well in everything; facts: of what was asked."""
        number = number or len(self.kept) + 1
        id = f"job {number}"
        asked = Asked(
            number=number, platform="discord", how=how, source=f"discord:{number}", member="ann", place="thread",
            at=float(number), words=words, acknowledged=True, **facts,
        )  # fmt: skip
        job = Job(
            id=id, conversation_id="c", platform="discord", workspace="w", source_id=asked.source,
            requester=Person(id="ann", name="Ann"), prompt=words or "a fox", aspect_ratio="1:1", model="m",
            accepted_at=100.0 * number, finished_at=100.0 * number + 50, seq=number, state=JobState.SUCCEEDED,
            submissions=1, request_id=f"request {number}", parent_id=self.id_of(parent),
            images=(Image(sha256=f"bytes {number}", media_type="image/png", width=1, height=1),),
        )  # fmt: skip
        self.asked.append(asked)
        self.kept.append(
            Kept(job=job, events=(Event(at=0.0, state=JobState.RUNNING, text=f"{TAKEN}request {number}, queued"),))
        )
        self.made.append(
            Made(
                request_id=f"request {number}", words=job.prompt, at=0.0, status="success",
                pictures=(f"bytes {number}",), shown=(f"look of {job.prompt}",), built_on=built_on,
            )
        )  # fmt: skip
        self.posted.append(
            Posted(
                platform="discord", job_id=id, message=f"message {number}", place="thread", order=float(number), number=0,
                pictures=(f"bytes {number}",),
            )
        )  # fmt: skip
        return number - 1

    def id_of(self, words):
        return next((kept.job.id for kept in self.kept if kept.job.prompt == words), None)

    def change_job(self, at, **changes):
        self.kept[at] = replace(self.kept[at], job=replace(self.kept[at].job, **changes))

    def change(self, ledger, at, **changes):
        entries = getattr(self, ledger)
        entries[at] = replace(entries[at], **changes)

    def fails(self, at, kind=FailureKind.SAFETY):
        """Instead of its picture there is the sentence that says why not."""
        failure = Failure(kind=kind, reason="", text="")
        self.change_job(at, state=JobState.FAILED, failure=failure, images=())
        self.change("posted", at, pictures=(), failed=True)
        self.change("made", at, status="failed", pictures=(), shown=())

    def ledgers(self):
        return Ledgers(**{name: tuple(getattr(self, name)) for name in ("asked", "made", "posted", "told", "kept")})

    def audited(self, troubles=()):
        return audit(self.ledgers(), troubles)

    def finds(self, *kinds):
        found = self.audited()
        assert [violation.kind for violation in found.violations] == list(kinds), found.violations
        return found


@pytest.fixture
def books():
    return Books()


# -- what may happen -------------------------------------------------------------------------------------------------


def test_ledgers_that_agree_are_without_fault(books):
    found = books.finds()
    assert (found.accepted, found.once, found.cancelled, found.records) == (2, 2, 0, 2)


def test_failure_is_an_answer_and_its_record_is_not_paid(books):
    books.fails(books.blue)
    assert books.finds().once == 2


def test_request_that_was_cancelled_in_time_needs_no_answer_and_may_have_cost(books):
    books.change_job(books.blue, state=JobState.CANCELLED, request_id=None)
    books.kept[books.blue] = replace(books.kept[books.blue], events=())
    del books.posted[books.blue]
    assert books.finds().cancelled == 1


def test_failed_record_that_was_asked_again_is_paid_once(books):
    books.made.append(Made(request_id="earlier", words="a fox", at=0.0, status="failed"))
    books.finds()


def test_what_was_neither_acknowledged_nor_kept_was_not_heard(books):
    books.asked.append(replace(books.asked[0], source="discord:lost", acknowledged=False))
    books.asked.append(replace(books.asked[0], source="discord:no", acknowledged=False, refused="Too many."))
    found = books.finds()
    assert (found.accepted, found.unheard, found.refused) == (2, 1, 1)


def test_picture_that_its_member_deleted_was_answered(books):
    books.change_job(books.blue, deleted_at=900.0)
    books.change("posted", books.blue, stands=False)
    books.finds()


def test_picture_that_its_platform_would_not_delete_may_stand(books):
    books.change_job(books.blue, deleted_at=900.0)
    books.change("posted", books.blue, kept=True)
    books.finds()


def test_two_members_with_the_same_words_have_a_record_each(books):
    books.request("a fox", how="command")
    books.finds()


def test_child_of_what_failed_is_built_on_what_was_before_that(books):
    books.fails(books.blue)
    books.change_job(books.blue, parent_id=books.id_of("a fox"))
    books.request("add snow", how="reply", parent="a fox", built_on=("look of a fox",))
    books.finds()


def test_button_that_asks_again_asks_in_the_words_of_then(books):
    books.request(None, how="button", again_of=books.id_of("a fox"))
    books.finds()


def test_picture_whose_buttons_stand_elsewhere_is_known_by_its_bytes(books):
    books.change("posted", books.blue, job_id="")
    assert books.finds().once == 2


# -- what may not ----------------------------------------------------------------------------------------------------


def test_second_message_with_the_answer(books):
    books.posted.append(replace(books.posted[books.blue], message="another"))
    books.finds(Kind.TWICE)


def test_second_message_without_buttons(books):
    books.posted.append(replace(books.posted[books.blue], message="another", job_id=""))
    books.finds(Kind.TWICE)


def test_failure_beside_a_picture(books):
    books.posted.append(replace(books.posted[books.blue], message="another", failed=True, pictures=()))
    books.finds(Kind.TWICE)


def test_answer_although_cancelled(books):
    books.change_job(books.blue, state=JobState.CANCELLED)
    books.finds(Kind.TWICE)


def test_answer_although_its_member_was_told_that_it_is_cancelled(books):
    books.told.append(Told(job_id=books.id_of("a fox"), what="cancelled"))
    books.finds(Kind.TWICE)


def test_picture_that_stands_although_it_was_deleted(books):
    books.change_job(books.blue, deleted_at=900.0)
    books.finds(Kind.STANDING)
    books.posted.append(replace(books.posted[books.blue], message="without buttons", job_id=""))
    books.change("posted", books.blue, stands=False)
    assert books.audited().count(Kind.STANDING) == 1


def test_picture_that_was_kept_although_its_member_was_told_that_it_is_deleted(books):
    books.told.append(Told(job_id=books.id_of("a fox"), what="deleted"))
    books.finds(Kind.STANDING)


def test_job_that_nobody_asked_for(books):
    del books.asked[books.fox]
    books.finds(Kind.TWICE)


def test_answer_to_a_job_that_is_not_stored(books):
    books.posted.append(replace(books.posted[0], job_id="unknown"))
    books.finds(Kind.TWICE)


def test_nothing_posted(books):
    del books.posted[books.blue]
    books.finds(Kind.UNANSWERED)


def test_answer_that_was_taken_away_again(books):
    books.change("posted", books.blue, stands=False)
    assert books.finds(Kind.UNANSWERED).withdrawn == 1


def test_one_of_two_pictures_missing(books):
    job = books.kept[books.blue].job
    books.change_job(books.blue, images=job.images * 2)
    books.finds(Kind.UNANSWERED)


def test_job_that_stays_open(books):
    books.change_job(books.blue, state=JobState.DELIVERING, finished_at=None)
    del books.posted[books.blue]
    books.finds(Kind.UNANSWERED)


def test_acknowledged_and_not_stored(books):
    books.asked.append(replace(books.asked[0], source="discord:lost"))
    found = books.finds(Kind.UNANSWERED)
    assert found.accepted == 3


def test_second_record_for_one_job_adopted_or_not(books):
    books.made.append(replace(books.made[books.blue], request_id="second", pictures=("other bytes",)))
    books.finds(Kind.PAID_TWICE)
    taken = Event(at=0.0, state=JobState.RUNNING, text=f"{TAKEN}second, queued")
    books.kept[books.blue] = replace(books.kept[books.blue], events=(*books.kept[books.blue].events, taken))
    books.finds(Kind.PAID_TWICE)


def test_record_of_words_that_nobody_asked_for(books):
    books.made.append(Made(request_id="stray", words="a stray", at=0.0, status="success"))
    books.finds(Kind.PAID_TWICE)


def test_picture_that_was_made_and_told_as_lost(books):
    books.fails(books.blue, FailureKind.LOST)
    books.change("made", books.blue, status="success")
    books.change_job(books.blue, request_id=None)
    books.kept[books.blue] = replace(books.kept[books.blue], events=())
    books.finds(Kind.LOST)


def test_picture_of_another_request(books):
    books.change("posted", books.blue, pictures=("bytes 1",))
    books.finds(Kind.WRONG)


def test_picture_that_the_queue_never_made(books):
    books.change("posted", books.blue, pictures=("bytes of nobody",))
    books.finds(Kind.WRONG)


def test_record_made_of_other_words(books):
    books.change("made", books.fox, words="a hen")
    books.finds(Kind.WRONG)


def test_words_that_were_changed_on_their_way(books):
    books.change("asked", books.fox, words="a fox and a hen")
    books.finds(Kind.WRONG)


def test_edit_that_does_not_know_the_picture_that_it_edits(books):
    books.change("made", books.blue, built_on=())
    books.finds(Kind.WRONG)


def test_edit_of_an_older_picture_than_the_newest(books):
    books.request("add snow", how="reply", parent="a fox", built_on=("look of a fox",))
    books.finds(Kind.WRONG)


def test_edit_of_another_picture_than_the_one_replied_to(books):
    books.request(
        "add snow", how="reply", parent="make it blue", built_on=("look of make it blue",), of=books.id_of("a fox")
    )
    books.finds(Kind.WRONG)


def test_attached_picture_that_never_arrived_and_one_that_is_anothers(books):
    books.change("asked", books.fox, references=("look of a dog",))
    books.finds(Kind.WRONG)
    books.change("made", books.fox, built_on=("look of a dog", "look of a cat"))
    books.finds(Kind.WRONG)


def test_edit_that_was_posted_before_its_picture(books):
    books.change("posted", books.fox, order=9.0)
    books.finds(Kind.DISORDER)


def test_reply_that_was_answered_before_the_failure_of_the_one_before_it(books):
    books.fails(books.blue)
    books.request("add snow", how="reply", parent="a fox", built_on=("look of a fox",))
    books.change_job(books.blue, finished_at=999.0)
    books.change("posted", books.blue, order=9.0)
    books.finds(Kind.DISORDER)


def test_trouble_of_a_process(books):
    assert books.audited(["it had a bug"]).count(Kind.TROUBLE) == 1
