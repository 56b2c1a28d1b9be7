"""What do pages say about versions, threads and jobs?"""

from dataclasses import replace

import pytest

from adapters.web.pages.faces import Shot, Stage, Thumb, card_face, elided, fresher, shape, stage, title, turn_faces
from adapters.web.pages.jobs_table import Filter, duration, row
from bot.errors import FailureKind
from bot.model import (
    OPEN,
    Attachment,
    Conversation,
    ConversationRef,
    Failure,
    Image,
    Job,
    JobState,
    Person,
    Reference,
    Waiting,
)
from bot.views import Thread, Version

ANN = Person(id="p1", name="Ann")
BO = Person(id="p2", name="Bo")


def a_job(id, **changes):
    return replace(
        Job(
            id=id,
            conversation_id="c1",
            platform="web",
            workspace="playground",
            source_id=f"web:{id}",
            requester=ANN,
            prompt=f"words of {id}",
            aspect_ratio="3:2",
            model="m",
            accepted_at=100.0,
        ),
        **changes,
    )


def an_image(letter):
    return Image(sha256=letter * 64, media_type="image/jpeg", width=1248, height=832)


def a_thread(*jobs, head=None):
    became = (job for job in jobs if job.state is JobState.SUCCEEDED)
    numbers = {job.id: number for number, job in enumerate(became, start=1)}
    return Thread(
        conversation=Conversation(
            id="c1",
            ref=ConversationRef(platform="web", workspace="playground", channel="general", thread="t1"),
            starter=ANN,
            model="m",
            aspect_ratio="3:2",
            created_at=100.0,
        ),
        versions=tuple(
            Version(
                job=job,
                number=numbers.get(job.id),
                built_on=numbers.get(job.parent_id),
                text="…",
                is_head=job.id == head,
            )
            for job in jobs
        ),
    )


DONE = a_job("j1", state=JobState.SUCCEEDED, images=(an_image("a"), an_image("b")), finished_at=110.0)


@pytest.mark.parametrize("state", JobState)
def test_every_state_has_a_stage_and_open_states_look_open(state):
    assert stage(a_job("j1", state=state)).open == (state in OPEN)


def test_deleted_picture_is_shown_nowhere():
    deleted = replace(DONE, deleted_at=120.0)
    child = a_job("j2", parent_id="j1")
    thread = a_thread(deleted, child)
    first, second = turn_faces(thread)
    assert (first.stage, first.shots) == (Stage.DELETED, ())
    assert second.built_on_picture is None
    assert card_face(thread).picture is None


def test_a_version_shows_the_very_picture_that_it_builds_on():
    child = a_job("j2", parent_id="j1", parent_image=1, running_since=130.0, state=JobState.RUNNING)
    first, second = turn_faces(a_thread(DONE, child, head="j1"))
    assert first.shots == tuple(Shot(sha256=letter * 64, width=1248, height=832, extension="jpeg") for letter in "ab")
    assert (first.is_head, second.is_head) == (True, False)
    assert (first.number, second.number) == (1, None), "what is no picture yet is no version"
    assert (second.parent, second.built_on, second.built_on_picture) == ("j1", 1, "b" * 64)
    assert (second.stage, second.since, second.shape) == (Stage.PAINTING, 130.0, (3, 2))


def test_pictures_are_not_shown_before_they_are_posted():
    (face,) = turn_faces(a_thread(replace(DONE, state=JobState.DELIVERING)))
    assert (face.stage, face.shots) == (Stage.POSTING, ())


def test_references_are_shown_by_what_was_attached():
    attachment = Attachment(name="cat.png", address="c" * 64)
    nameless = Reference(attachment=Attachment(name="", address="d" * 64), sha256="e" * 64)
    (face,) = turn_faces(a_thread(a_job("j1", references=(Reference(attachment=attachment), nameless))))
    assert face.references == (
        Thumb(sha256="c" * 64, name="cat.png"),
        Thumb(sha256="e" * 64, name="Attached picture"),
    )


def test_a_picture_without_words_still_says_what_it_is():
    (face,) = turn_faces(a_thread(replace(DONE, prompt="")))
    assert face.alt == "Version 1, asked for without words"


def test_a_card_shows_the_first_words_the_newest_state_and_the_heads_picture():
    child = a_job("j2", requester=BO, parent_id="j1", state=JobState.RUNNING, running_since=130.0, accepted_at=125.0)
    face = card_face(a_thread(DONE, child, head="j1"))
    assert (face.title, face.who, face.versions) == ("words of j1", "Ann", 1)
    assert (face.newest, face.since, face.newest_by, face.newest_at) == (Stage.PAINTING, 130.0, "Bo", 125.0)
    assert face.picture == Thumb(sha256="a" * 64, name="words of j1")


def test_a_card_counts_the_pictures_that_are_there():
    failed = a_job("j2", state=JobState.FAILED)
    gone = replace(DONE, id="j3", deleted_at=130.0)
    assert card_face(a_thread(failed)).versions == 0
    assert card_face(a_thread(DONE, failed, gone, replace(DONE, id="j4"))).versions == 2


def test_what_was_removed_says_so_and_names_nobody():
    removed = replace(DONE, requester=Person(id="p1", name=""), prompt="", images=(), deleted_at=130.0)
    thread = a_thread(removed)
    (face,) = turn_faces(thread)
    assert (face.stage, face.text, face.who) == (Stage.REMOVED, "Removed", "Someone")
    card = card_face(thread)
    assert (card.title, card.who, card.newest, card.versions) == ("Removed", "Someone", Stage.REMOVED, 0)
    assert title(a_thread(replace(DONE, prompt=""))) == "Without words"


def test_a_thread_without_versions_has_no_card():
    assert card_face(a_thread()) is None


def test_the_later_reading_of_a_thread_wins():
    early, late = a_thread(DONE), a_thread(replace(DONE, version=3))
    longer = a_thread(DONE, a_job("j2"))
    assert fresher(early, late) is late
    assert fresher(late, early) is late
    assert fresher(late, longer) is longer


@pytest.mark.parametrize(("ratio", "numbers"), [("21:9", (21, 9)), ("1:1", (1, 1)), ("", (1, 1)), ("a:b", (1, 1))])
def test_a_ratio_is_a_shape(ratio, numbers):
    assert shape(ratio) == numbers


def test_payloads_are_shown_without_the_bytes_of_pictures():
    words = "a long prompt " * 100
    payload = {
        "contents": [{"parts": [{"text": words}, {"inlineData": {"mimeType": "image/png", "data": "A" * 9_000}}]}]
    }
    shown = elided(payload)
    assert shown["contents"][0]["parts"][0]["text"] == words
    assert shown["contents"][0]["parts"][1]["inlineData"] == {
        "mimeType": "image/png",
        "data": f"{'A' * 40}… (9,000 characters)",
    }
    assert payload["contents"][0]["parts"][1]["inlineData"]["data"] == "A" * 9_000


def test_a_row_says_how_a_job_failed_and_how_long_it_took():
    failure = Failure(kind=FailureKind.SAFETY, reason="finishReason IMAGE_SAFETY", text="Reword it.")
    shown = row(a_job("j1", state=JobState.FAILED, failure=failure, finished_at=112.5))
    assert (shown.state, shown.reason, shown.took) == ("failed: safety", "finishReason IMAGE_SAFETY", 12.5)


def test_a_row_says_what_a_job_waits_for():
    assert row(a_job("j1", waiting=Waiting.PARENT)).reason == "Waiting for the picture before it"
    assert row(a_job("j1")).reason is None


@pytest.mark.parametrize(
    ("seconds", "said"), [(0.44, "0.4 s"), (9.9, "9.9 s"), (12.6, "13 s"), (185, "3:05 min"), (3600, "60:00 min")]
)
def test_durations_are_short(seconds, said):
    assert duration(seconds) == said


def test_a_filter_asks_for_one_more_than_it_shows():
    query = Filter(state="Open", platform="web", text="  fox ", limit=50).query()
    assert (query.states, query.platform, query.text, query.limit) == (OPEN, "web", "fox", 51)
    assert Filter().query().text is None
