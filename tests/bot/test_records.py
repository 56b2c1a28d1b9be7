"""What the queue's JSON says, in every form it is known to have, and in any other."""

import base64
import contextlib
import json
import math

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from bot.errors import FailureKind
from bot.records import (
    MAX_IMAGES,
    Grant,
    Media,
    ModelInfo,
    Progress,
    Record,
    decode_grant,
    decode_model,
    decode_models,
    decode_page,
    decode_record,
    decode_record_of,
    is_whole_picture,
)

PNG = b"\x89PNG\r\n\x1a\n" + b"pixels" + b"IEND\xaeB`\x82"
URL = "https://storage.googleapis.com/b/gemini_output_0.png"
CONTENTS = [{"role": "user", "parts": [{"text": "a fox"}]}]

SCALAR = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=20)
JSON = st.recursive(
    SCALAR,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=8), inner, max_size=3),
    max_leaves=6,
)
PART = st.fixed_dictionaries(
    {}, optional={"text": SCALAR, "thought": SCALAR, "inlineData": SCALAR, "inline_data": JSON}
)
ITEM = SCALAR | st.fixed_dictionaries(
    {},
    optional={
        "url": SCALAR,
        "content": SCALAR | st.fixed_dictionaries({"parts": SCALAR | st.lists(SCALAR | PART, max_size=2)}),
        "finishReason": SCALAR,
        "message": SCALAR,
    },
)
OUTCOME = st.fixed_dictionaries(
    {},
    optional={
        name: JSON | ITEM | st.lists(ITEM, max_size=3)
        for name in ("media_urls", "candidates", "next_turn_contents", "promptFeedback", "error", "thumbnail_image_url")
    },
)
ODD_RECORDS = st.fixed_dictionaries(
    {"request_id": st.just("r1") | SCALAR, "status": st.sampled_from(["success", "failed", "cancelled"]) | SCALAR},
    optional={"outcome": SCALAR | OUTCOME, "payload": JSON, "model": JSON, "created_at": SCALAR, "error": JSON},
)


def success(**outcome: object) -> dict[str, object]:
    return {"request_id": "r1", "status": "success", "outcome": outcome}


def inline(data: bytes, *, name: str = "inlineData", **more: object) -> dict[str, object]:
    return {name: {"mimeType": "image/png", "data": base64.b64encode(data).decode()}, **more}


def candidates(*parts: object, **more: object) -> list[object]:
    return [{"content": {"parts": list(parts)}, **more}]


def test_short_answer_of_the_guide_is_a_pending_record() -> None:
    body = {
        "request_id": "7eaa77fc-bc67-4021-9f1b-96b3fd832314",
        "model": "gemini-2.5-flash-image",
        "status": "queued",
        "created_at": 1761763441,
        "updated_at": 1761763442,
        "queued_at": 1761763443,
    }
    assert decode_record(body) == Record(
        request_id="7eaa77fc-bc67-4021-9f1b-96b3fd832314",
        status="queued",
        progress=Progress.PENDING,
        model="gemini-2.5-flash-image",
        created_at=1761763441.0,
        updated_at=1761763442.0,
        queued_at=1761763443.0,
    )


def test_success_of_the_guide_has_its_picture_payload_and_history() -> None:
    payload = {"prompt": "a fox", "image": ["https://example.com/ref1.jpg"]}
    record = decode_record(
        {
            **success(
                media_urls=[{"id": "0", "url": URL}], thumbnail_image_url=URL + "?t", next_turn_contents=CONTENTS
            ),
            "payload": payload,
        }
    )
    assert record.progress is Progress.SUCCEEDED
    assert record.media == (Media(url=URL),)
    assert record.payload == payload
    assert record.next_turn_contents == CONTENTS
    assert record.failure is None


@pytest.mark.parametrize(
    "status", ["created", "queued", "dispatched", "processing", "completed", "error", "warming_up", ""]
)
def test_status_that_is_not_known_to_be_final_is_pending(status: str) -> None:
    record = decode_record({"request_id": "r1", "status": status, "outcome": {"media_urls": [{"url": URL}]}})
    assert (record.progress, record.status, record.media) == (Progress.PENDING, status, ())


def test_status_may_be_missing_or_in_capitals() -> None:
    assert decode_record({"request_id": "r1"}).progress is Progress.PENDING
    assert decode_record({**success(media_urls=[URL]), "status": "SUCCESS"}).progress is Progress.SUCCEEDED


@pytest.mark.parametrize(
    "request_id", [None, 7, "", "a b", "a\n", "..", ".", "é", "\ud800", "x" * 201, ["r1"], {"id": "r1"}]
)
def test_what_names_no_request_is_no_record(request_id: object) -> None:
    with pytest.raises(ValueError, match="no request_id"):
        decode_record({"request_id": request_id, "status": "queued"})


def test_record_of_another_request_is_not_taken() -> None:
    assert decode_record_of("r1", {"request_id": "r1"}).request_id == "r1"
    with pytest.raises(ValueError, match="another request"):
        decode_record_of("r2", {"request_id": "r1"})


def test_empty_echo_and_missing_echo_are_told_apart() -> None:
    assert decode_record({"request_id": "r1", "payload": {}}).payload == {}
    assert decode_record({"request_id": "r1"}).payload is None
    assert decode_record({"request_id": "r1", "payload": "no object"}).payload is None


def test_media_keep_their_position_whatever_their_ids_say() -> None:
    urls = [{"id": "2", "url": "https://a/"}, "https://b/", {"id": "0", "url": "https://c/"}]
    assert [media.url for media in decode_record(success(media_urls=urls)).media] == [
        "https://a/",
        "https://b/",
        "https://c/",
    ]


def test_no_more_pictures_are_taken_than_a_prompt_can_have() -> None:
    urls = [f"https://a/{number}" for number in range(50)]
    assert len(decode_record(success(media_urls=urls)).media) == MAX_IMAGES
    many = candidates(*(inline(PNG) for _ in range(50)))
    assert len(decode_record(success(candidates=many)).media) == MAX_IMAGES


@pytest.mark.parametrize("name", ["inlineData", "inline_data"])
def test_raw_form_of_the_model_is_decoded(name: str) -> None:
    parts = ({"text": "Here it is."}, inline(PNG, name=name), inline(PNG + b"2", name=name))
    record = decode_record(success(media_urls=[], candidates=candidates(*parts, finishReason="STOP")))
    assert record.media == (Media(data=PNG), Media(data=PNG + b"2"))
    assert record.progress is Progress.SUCCEEDED


def test_addresses_win_over_inline_pictures() -> None:
    assert decode_record(success(media_urls=[URL], candidates=candidates(inline(PNG)))).media == (Media(url=URL),)


def test_what_the_model_painted_while_thinking_is_no_result() -> None:
    record = decode_record(success(candidates=candidates(inline(b"draft", thought=True), inline(PNG))))
    assert record.media == (Media(data=PNG),)


def test_base64_of_either_alphabet_is_decoded() -> None:
    data = bytes(range(250, 256)) * 3 + b"x"
    text = base64.urlsafe_b64encode(data).decode().rstrip("=")
    record = decode_record(success(candidates=candidates({"inlineData": {"data": text}})))
    assert record.media == (Media(data=data),)


@pytest.mark.parametrize("data", ["", "!!!", "a", 7, None, "ä", ["x"]])
def test_unreadable_inline_picture_is_no_picture(data: object) -> None:
    record = decode_record(success(candidates=candidates({"inlineData": {"data": data}})))
    assert record.progress is Progress.FAILED
    assert record.failure
    assert record.failure.kind is FailureKind.NO_IMAGE


@pytest.mark.parametrize(
    "outcome",
    [
        None,
        {},
        {"media_urls": []},
        {"media_urls": None},
        {"media_urls": [{"id": "0"}, {"url": ""}, 7, None]},
        {"thumbnail_image_url": URL},
        {"url": URL, "images": [URL]},
        {"candidates": [{"content": {"parts": [{"text": "I cannot paint that."}]}, "finishReason": "STOP"}]},
    ],
)
def test_success_without_a_picture_is_a_failure(outcome: object) -> None:
    record = decode_record({"request_id": "r1", "status": "success", "payload": {"image": [URL]}, "outcome": outcome})
    assert record.progress is Progress.FAILED
    assert record.status == "success"
    assert record.failure
    assert record.failure.kind is FailureKind.NO_IMAGE
    assert record.failure.reason


def test_what_the_model_said_instead_of_painting_is_kept_for_the_operator() -> None:
    record = decode_record(success(candidates=candidates({"text": "Which fox?"}, finishReason="STOP")))
    assert record.failure == (FailureKind.NO_IMAGE, "the model answered without a picture: Which fox?")


@pytest.mark.parametrize(
    "outcome",
    [
        {"candidates": [{"finishReason": "IMAGE_SAFETY"}]},
        {"candidates": [{"finishReason": "PROHIBITED_CONTENT", "content": {"parts": []}}]},
        {"promptFeedback": {"blockReason": "OTHER"}, "media_urls": []},
        {"promptFeedback": {"blockReason": "SAFETY"}},
    ],
)
def test_success_that_was_refused_says_so(outcome: dict[str, object]) -> None:
    record = decode_record(success(**outcome))
    assert record.progress is Progress.FAILED
    assert record.failure
    assert record.failure.kind is FailureKind.SAFETY


def test_failed_and_cancelled_records_say_why() -> None:
    failed = decode_record({"request_id": "r1", "status": "failed", "outcome": {"error": "rate limit exceeded(RPM)"}})
    assert (failed.progress, failed.failure) == (Progress.FAILED, (FailureKind.RATE, "rate limit exceeded(RPM)"))
    silent = decode_record({"request_id": "r1", "status": "failed"})
    assert silent.failure == (FailureKind.UNKNOWN, "the queue says failed and no more")
    cancelled = decode_record({"request_id": "r1", "status": "cancelled", "outcome": None})
    assert cancelled.progress is Progress.CANCELLED
    assert cancelled.failure == (FailureKind.UNKNOWN, "the queue says cancelled and no more")


@pytest.mark.parametrize("contents", [None, [], "text", {"role": "user"}])
def test_history_that_is_none_is_none(contents: object) -> None:
    assert decode_record(success(media_urls=[URL], next_turn_contents=contents)).next_turn_contents is None


@pytest.mark.parametrize("time", [None, True, "1761763441", -1, math.nan, math.inf, 10**400])
def test_time_that_cannot_be_one_is_unknown(time: object) -> None:
    assert decode_record({"request_id": "r1", "created_at": time}).created_at is None


@given(JSON)
def test_any_json_is_a_record_or_a_value_error(body: object) -> None:
    for decode in (decode_record, decode_models, decode_grant):
        with contextlib.suppress(ValueError):
            decode(body)


@given(ODD_RECORDS)
@example(json.loads('{"request_id": "r1", "status": "success", "created_at": 1e999}'))
def test_any_record_is_decoded_and_keeps_its_promises(body: dict[str, object]) -> None:
    try:
        record = decode_record(body)
    except ValueError:
        assert not isinstance(body["request_id"], str) or body["request_id"] != "r1"
        return
    assert (record.progress is Progress.SUCCEEDED) == bool(record.media)
    assert (record.failure is not None) == (record.progress in {Progress.FAILED, Progress.CANCELLED})
    assert all((media.url is None) != (media.data is None) for media in record.media)
    assert record.next_turn_contents != []


@given(
    st.fixed_dictionaries(
        {"requests": st.lists(JSON | ODD_RECORDS, max_size=3)}, optional={"has_more": JSON, "total": JSON}
    )
)
def test_any_page_is_decoded(body: dict[str, list[object]]) -> None:
    page = decode_page(body, limit=100, offset=0)
    assert len(page.records) <= len(body["requests"])
    assert not (page.has_more and not body["requests"])


def test_page_leaves_out_what_is_no_record() -> None:
    page = decode_page(
        {"requests": [{"request_id": "r1"}, {"status": "odd"}, None], "has_more": False}, limit=3, offset=0, size=9
    )
    assert [record.request_id for record in page.records] == ["r1"]
    assert (page.has_more, page.total, page.size) == (False, None, 9)


@pytest.mark.parametrize(
    ("more", "expected"),
    [
        ({"has_more": True}, True),
        ({"has_more": False, "total": 99}, False),
        ({"total": 12}, False),
        ({"total": 13}, True),
        ({"total": "many"}, True),  # as many came as were asked for
        ({}, True),
    ],
)
def test_whether_there_is_more_is_told_or_worked_out(more: dict[str, object], *, expected: bool) -> None:
    requests = [{"request_id": "r1"}, {"request_id": "r2"}]
    assert decode_page({"requests": requests, **more}, limit=2, offset=10).has_more is expected


def test_empty_page_has_nothing_after_it() -> None:
    for body in ({"requests": [], "has_more": True, "total": 7}, {"requests": None}):
        assert decode_page(body, limit=100, offset=0).has_more is False


@pytest.mark.parametrize("body", [None, [], "x", {}, {"requests": {}}, {"requests": "r1"}])
def test_what_is_no_page_is_refused(body: object) -> None:
    with pytest.raises(ValueError, match="no list of requests"):
        decode_page(body, limit=100, offset=0)


def test_models_are_ids_in_order_once_each() -> None:
    assert decode_models({"model_ids": ["b", "a", "b", "", 7]}) == ("b", "a")
    assert decode_models({"model_ids": []}) == ()
    assert decode_models({"models": [{"model": "a"}, {"id": "b"}, {}]}) == ("a", "b")
    with pytest.raises(ValueError, match="no list of models"):
        decode_models({"error": "x"})


def test_price_is_told_in_micro_dollars() -> None:
    body = {"model": "m", "delivery_mode": "sync", "price_info": {"price": 39000, "unit": "image"}}
    assert decode_model(body, "m") == ModelInfo(id="m", delivery_mode="sync", price=0.039)
    assert decode_model({"parameters": []}, "m") == ModelInfo(id="m")
    with pytest.raises(ValueError, match="no description"):
        decode_model({"error": "x"}, "m")


def test_grant_needs_both_addresses_and_hides_the_signed_one() -> None:
    grant = decode_grant({"upload_url": "https://a/?X-Goog-Signature=secret", "public_url": "https://a/"})
    assert grant == Grant(upload_url="https://a/?X-Goog-Signature=secret", public_url="https://a/")
    assert "secret" not in repr(grant)
    with pytest.raises(ValueError, match="upload_url"):
        decode_grant({"upload_url": "https://a/"})


JPEG = b"\xff\xd8\xff\xe0" + b"preview\xff\xda..\xff\xd9" + b"\xff\xda" + b"scan" + b"\xff\xd9"
WEBP = b"RIFF" + (12).to_bytes(4, "little") + b"WEBPVP8 data"
GIF = b"GIF89a" + b"pixels" + b";"


@pytest.mark.parametrize("picture", [PNG, JPEG, WEBP[:20], GIF])
def test_picture_that_was_cut_is_told_from_a_whole_one(picture: bytes) -> None:
    assert is_whole_picture(picture)
    assert not is_whole_picture(picture[: len(picture) - 5])


@pytest.mark.parametrize("data", [b"", b"<html></html>", b"{}", b"\x89PNG", b"\xff\xd8\xff", b"RIFF", b"%PDF-1.7 IEND"])
def test_what_is_no_picture_is_told(data: bytes) -> None:
    assert not is_whole_picture(data)
