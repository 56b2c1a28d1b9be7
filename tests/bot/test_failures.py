"""Words and numbers of the service, and what becomes of them."""

import json
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.errors import FailureKind
from bot.failures import (
    LONGEST_REASON,
    LONGEST_WORDS,
    backend_status,
    classify,
    clean,
    verdict_of_answer,
    verdict_of_record,
    words_of_answer,
)

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
TOKEN = "eyJhbGciOiJIUzI1NiJ9.eyJvcmciOiJ0ZXN0In0.c2lnbmF0dXJl"

OBSERVED = [
    (401, "invalid api key", FailureKind.KEY),
    (403, "forbidden", FailureKind.KEY),
    (403, "you do not have access to this model", FailureKind.MODEL),
    (404, "model gemini-9-image does not exist", FailureKind.MODEL),
    (404, "you do not have access to model gemini-9-image", FailureKind.MODEL),
    (404, "Model not found", FailureKind.MODEL),
    (404, "", FailureKind.MODEL),
    (400, "invalid payload parameters: image (Required parameter is missing)", FailureKind.PAYLOAD),
    (400, "invalid payload parameters: prompt 'a safety vest' (too long)", FailureKind.PAYLOAD),
    (400, "invalid payload parameters: contents (unknown role)", FailureKind.HISTORY),
    (400, "size dimensions must be multiples of 16", FailureKind.PAYLOAD),
    (400, "Generation rejected; please review the prompt and parameters then retry", FailureKind.SAFETY),
    (400, "failed to fetch image", FailureKind.REFERENCE),
    (400, "API key not valid. Please pass a valid API key.", FailureKind.KEY),
    (402, "Insufficient credits. Please add more credits to your account.", FailureKind.CREDIT),
    (402, "anything", FailureKind.CREDIT),
    (429, "blocked for now", FailureKind.RATE),
    (500, "Backend error (400). Please try again.", FailureKind.PAYLOAD),
    (500, "Backend error (402). Please try again.", FailureKind.CREDIT),
    (500, "Backend error (403). Please try again.", FailureKind.MODEL),
    (500, "Backend error (404). Please try again.", FailureKind.MODEL),
    (500, "Backend error (429). Please try again.", FailureKind.RATE),
    (500, "Backend error (400): prompt blocked by safety filters", FailureKind.SAFETY),
    (500, "Backend error (500). Please try again.", FailureKind.UNKNOWN),
    (500, "kling: context deadline exceeded", FailureKind.TIMEOUT),
    (500, "internal server error", FailureKind.UNKNOWN),
    (503, "service unavailable", FailureKind.RATE),
    (None, "", FailureKind.UNKNOWN),
    (None, "something went wrong", FailureKind.UNKNOWN),
    (None, "Music generation failed: rate limit exceeded(RPM)", FailureKind.RATE),
    (None, "RESOURCE_EXHAUSTED", FailureKind.RATE),
    (None, "The model is overloaded. Please try again later.", FailureKind.RATE),
    (None, "Failed to download media", FailureKind.REFERENCE),
    (None, "Cannot fetch content from the provided URL", FailureKind.REFERENCE),
    (None, "Unable to process input image", FailureKind.REFERENCE),
    (None, "reference image at https://example.com/a.png is unreachable", FailureKind.REFERENCE),
    (None, "failed to fetch file gs://bucket/generated.png", FailureKind.HISTORY),
    (None, "the thought signature of a part is missing or invalid", FailureKind.HISTORY),
    (None, "Function call is missing a thought_signature", FailureKind.HISTORY),
    (None, "Invalid value at 'contents[0].parts[1]'", FailureKind.HISTORY),
    (None, "Please use a valid role: user, model.", FailureKind.HISTORY),
    (None, "The input token count (40000) exceeds the maximum number of tokens allowed (32768)", FailureKind.HISTORY),
    (None, "The picture's contents violate the usage policy", FailureKind.SAFETY),
    (None, "finish reason: IMAGE_SAFETY", FailureKind.SAFETY),
    (None, "finish reason: IMAGE_PROHIBITED_CONTENT", FailureKind.SAFETY),
    (None, "finish reason: IMAGE_RECITATION", FailureKind.SAFETY),
    (None, "finish reason: BLOCKLIST", FailureKind.SAFETY),
    (None, "finish reason: SPII", FailureKind.SAFETY),
    (None, "prompt blocked: OTHER", FailureKind.SAFETY),
    (None, "content moderation", FailureKind.SAFETY),
    (None, "finish reason: NO_IMAGE", FailureKind.NO_IMAGE),
    (None, "finish reason: IMAGE_OTHER", FailureKind.NO_IMAGE),
    (None, "finish reason: MAX_TOKENS", FailureKind.NO_IMAGE),
    (None, "model gemini-2.5-flash-image does not exist", FailureKind.MODEL),
    (None, "Publisher Model `publishers/google/models/x` was not found", FailureKind.MODEL),
]


@pytest.mark.parametrize(("status", "words", "kind"), OBSERVED)
def test_known_failures_have_their_kind(status: int | None, words: str, kind: FailureKind) -> None:
    assert classify(status=status, words=words) is kind


@pytest.mark.parametrize("word", ["safety", "POLICY", "prohibited", "Rejected", "blocked", "moderation", "Recitation"])
def test_each_word_of_refusal_asks_to_reword(word: str) -> None:
    assert classify(status=None, words=f"it was {word}.") is FailureKind.SAFETY


def test_a_refusal_between_the_service_and_the_model_is_not_about_our_key() -> None:
    assert classify(status=401, words="unauthorized", upstream=True) is FailureKind.MODEL
    assert classify(status=None, words="API key not valid") is FailureKind.UNKNOWN


def test_number_in_brackets_is_read_and_only_there() -> None:
    assert backend_status("Backend error (403). Please try again.") == 403
    assert backend_status("backend error") is None
    assert backend_status("size (400)") is None


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ({"error": "plain"}, "plain"),
        ({"error": {"message": "inner", "details": []}}, "inner"),
        ({"error": {"code": 7}, "message": "beside"}, "beside"),
        ({"message": "only message"}, "only message"),
        ({"detail": [{"loc": ["body"], "msg": "field required"}]}, "field required"),
        ({"error": "", "message": "second"}, "second"),
        ({"odd": 1}, '{"odd": 1}'),
        ("just text", "just text"),
    ],
)
def test_words_of_an_error_answer_are_found(body: object, words: str) -> None:
    assert words_of_answer(json.dumps(body).encode()) == words


def test_words_of_an_answer_that_is_not_json() -> None:
    assert words_of_answer(b"upstream connect error") == "upstream connect error"
    assert words_of_answer(b"") == ""
    assert words_of_answer(b"\xff\xfe broken \x00 bytes") == "�� broken bytes"
    assert verdict_of_answer(502, b"") == (FailureKind.UNKNOWN, "HTTP 502")
    assert verdict_of_answer(404, b'{"error":"model x does not exist"}') == (
        FailureKind.MODEL,
        "HTTP 404: model x does not exist",
    )


def test_deeply_nested_error_does_no_harm() -> None:
    assert len(words_of_answer(b"[" * 70_000)) == LONGEST_WORDS


@pytest.mark.parametrize(
    ("record", "kind", "reason"),
    [
        (
            {"outcome": {"error": {"code": 400, "message": "Generation rejected", "status": "INVALID_INPUT"}}},
            FailureKind.SAFETY,
            "Generation rejected",
        ),
        ({"outcome": {"error": "rate limit exceeded(RPM)"}}, FailureKind.RATE, "rate limit exceeded(RPM)"),
        ({"outcome": {"error": {"code": "400", "message": "bad"}}}, FailureKind.PAYLOAD, "bad"),
        ({"outcome": {"error": {"code": 403, "message": "denied"}}}, FailureKind.MODEL, "denied"),
        ({"outcome": {"error": {"code": True, "message": "odd"}}}, FailureKind.UNKNOWN, "odd"),
        ({"outcome": {"error": {"message": "no", "status": "RESOURCE_EXHAUSTED"}}}, FailureKind.RATE, "no"),
        ({"outcome": {"error": {"status": "INVALID_INPUT"}}}, FailureKind.UNKNOWN, "INVALID_INPUT"),
        ({"outcome": None, "error": "context deadline exceeded"}, FailureKind.TIMEOUT, "context deadline exceeded"),
        ({"error": {"message": "Failed to download media"}}, FailureKind.REFERENCE, "Failed to download media"),
        ({"message": "blocked", "reason": "unused"}, FailureKind.SAFETY, "blocked"),
        ({"reason": "last"}, FailureKind.UNKNOWN, "last"),
        ({"outcome": {"error": "first"}, "error": "second"}, FailureKind.UNKNOWN, "first"),
        ({}, FailureKind.UNKNOWN, ""),
        (
            {"outcome": {"error": "failed", "candidates": [{"finishReason": "IMAGE_SAFETY"}]}},
            FailureKind.SAFETY,
            "failed; finish reason: IMAGE_SAFETY",
        ),
        (
            {"outcome": {"promptFeedback": {"blockReason": "OTHER", "blockReasonMessage": "not this"}}},
            FailureKind.SAFETY,
            "prompt blocked: OTHER; not this",
        ),
        (
            {"outcome": {"prompt_feedback": {"block_reason": "OTHER"}, "candidates": [{"finish_reason": "STOP"}]}},
            FailureKind.SAFETY,
            "prompt blocked: OTHER",
        ),
    ],
)
def test_words_of_a_failed_record_are_found_in_every_known_place(
    record: dict[str, object], kind: FailureKind, reason: str
) -> None:
    assert verdict_of_record(record) == (kind, reason)


def test_web_page_is_shown_by_its_title() -> None:
    page = "<!DOCTYPE html><html><head><title>502 Bad\n Gateway</title></head><body><h1>x</h1></body></html>"
    assert clean(page) == "502 Bad Gateway"


def test_web_page_without_title_is_shown_by_its_first_words() -> None:
    page = "<html><style>p { color: red }</style><script>let a = 1 < 2</script><body><p>Please <b>log in</b>.</p></body></html>"
    assert clean(page) == "Please log in ."


def test_storage_error_does_not_repeat_the_signed_request() -> None:
    xml = (
        "<?xml version='1.0' encoding='UTF-8'?><Error><Code>SignatureDoesNotMatch</Code><Message>Access denied.</Message>"
        "<StringToSign>GOOG4-RSA-SHA256 20261122T000000Z 0123abcd</StringToSign></Error>"
    )
    assert clean(xml) == "SignatureDoesNotMatch: Access denied."


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        (f"token {TOKEN} is bad", "token [hidden] is bad"),
        ("Authorization: Bearer test-key-123, sorry", "Authorization: Bearer [hidden], sorry"),
        (
            "PUT https://storage.googleapis.com/b/a.png?X-Goog-Signature=0123abcd&x=1 failed",
            "PUT https://storage.googleapis.com/b/a.png failed",
        ),
        ("proxy http://ann:password@10.0.0.1:3128 refused", "proxy http://10.0.0.1:3128 refused"),
        ("X-Goog-Signature=0123abcd", "X-Goog-Signature=[hidden]"),
        ("one\r\n\ttwo\x1b[31m\x00three\u202efour\ud800five", "one two [31m three four five"),
    ],
)
def test_secrets_and_control_characters_are_removed(text: str, shown: str) -> None:
    assert clean(text) == shown


@given(st.text())
def test_cleaned_text_is_short_printable_and_can_be_stored(text: str) -> None:
    cleaned = clean(text * 20)
    assert len(cleaned) <= LONGEST_REASON
    assert all(unicodedata.category(letter)[0] != "C" for letter in cleaned)
    cleaned.encode("utf-8")


def test_long_words_are_asked_for_their_kind_beyond_what_is_repeated_of_them() -> None:
    message = "word " * 100 + "thought signature"
    kind, reason = verdict_of_answer(400, json.dumps({"error": message}).encode())
    assert kind is FailureKind.HISTORY
    assert len(reason) == LONGEST_REASON
    assert reason.endswith("…")
    long = {"outcome": {"error": "word " * 1000, "candidates": [{"finishReason": "IMAGE_SAFETY"}]}}
    assert verdict_of_record(long).kind is FailureKind.SAFETY


def test_secret_at_the_end_of_what_is_read_is_not_shown_in_part() -> None:
    for length in (280, 1980, 3980):
        assert "abcd" not in clean("x" * length + f" https://a.example/b?sig={'abcd' * 500}", longest=4000)
        assert "eyJ" not in clean(". " * (length // 2) + TOKEN * 20, longest=4000)


@pytest.mark.parametrize("piece", ["<", "a", "eyJ", "://", "a://b@", "a://b?", "<script ", "<title>", "bearer ", "\n"])
def test_hostile_repetition_is_shortened(piece: str) -> None:
    # Patterns that read such text in quadratic time would hang here, and hold the event loop there.
    assert len(clean(piece * 1_000_000)) <= LONGEST_REASON
    assert classify(status=None, words=clean(piece * 1_000_000, longest=LONGEST_WORDS)) in FailureKind


@given(status=st.none() | st.integers(0, 999), words=st.text(), upstream=st.booleans())
def test_any_words_have_a_kind(*, status: int | None, words: str, upstream: bool) -> None:
    assert classify(status=status, words=words, upstream=upstream) in FailureKind


@given(st.dictionaries(st.sampled_from(["outcome", "error", "message", "reason", "candidates"]), JSON))
def test_any_record_has_a_verdict(record: dict[str, object]) -> None:
    for shape in (record, {"outcome": record}, {"outcome": {"error": record, "candidates": [record]}}):
        kind, reason = verdict_of_record(shape)
        assert kind in FailureKind
        assert len(reason) <= LONGEST_REASON


@given(st.binary(), st.integers(100, 599))
def test_any_bytes_have_a_verdict(content: bytes, status: int) -> None:
    kind, reason = verdict_of_answer(status, content)
    assert kind in FailureKind
    assert reason.startswith(f"HTTP {status}")
