"""Whatever the queue answers, by whoever stands between: a decoded answer or one of the known kinds, in bounded memory."""

from __future__ import annotations

import asyncio
import base64
import contextlib
import gzip
import json
import math
import tracemalloc
from collections.abc import AsyncIterator
from typing import Any

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from bot import bodies
from bot.answers import (
    MOST_VALUES,
    Answer,
    decoded,
    get_refused,
    look_failed,
    models_refused,
    prelude_refused,
    submit_refused,
    upload_refused,
)
from bot.errors import GiveUp, RetryLater
from bot.failures import LONGEST_REASON, words_of_answer
from bot.image_queue import FateUnknown, ImageQueue
from bot.records import (
    Media,
    Page,
    Progress,
    decode_grant,
    decode_model,
    decode_models,
    decode_page,
    decode_record,
)
from bot.turns import next_history
from bot.wire import Bounds
from tests.bot.test_image_queue import FOX, KEY, MODEL, PICTURE, PNG, RawServer, calls, http, raised
from tests.mutations import mutations

RECORD = {
    "request_id": "6c1f7a2e-0000-4000-8000-000000000001",
    "model": MODEL,
    "status": "success",
    "is_public": False,
    "org_id": "org-1",
    "payload": {"prompt": "a fox", "aspect_ratio": "1:1", "image": ["https://storage.googleapis.com/b/a.png"]},
    "outcome": {
        "media_urls": [{"id": "0", "url": "https://storage.googleapis.com/b/gemini_output_0.png"}],
        "thumbnail_image_url": "https://storage.googleapis.com/b/thumb.png",
        "candidates": [
            {
                "content": {
                    "role": "model",
                    "parts": [{"inlineData": {"mimeType": "image/png", "data": base64.b64encode(PNG).decode()}}],
                },
                "finishReason": "STOP",
            }
        ],
        "next_turn_contents": [
            {"role": "user", "parts": [{"text": "a fox"}]},
            {"role": "model", "parts": [{"fileData": {"mimeType": "image/png", "fileUri": "gs://b/0.png"}}]},
            {"role": "user", "parts": [{"text": ""}, {"fileData": {"mimeType": "", "fileUri": ""}}]},
        ],
    },
    "created_at": 1_760_000_000,
    "updated_at": 1_760_000_012,
    "queued_at": 1_760_000_001,
}
FAILED = {
    **RECORD,
    "status": "failed",
    "outcome": {
        "error": {"code": 400, "message": "blocked", "status": "INVALID_ARGUMENT", "details": [{"reason": "X"}]},
        "promptFeedback": {"blockReason": "SAFETY", "blockReasonMessage": "no"},
        "candidates": [
            {"finishReason": "IMAGE_SAFETY", "finishMessage": "no", "content": {"parts": [{"text": "sorry"}]}}
        ],
    },
}
PAGE = {"requests": [RECORD, FAILED], "total": 2, "has_more": False}
MODELS = {"model_ids": [MODEL, "seedream-4"], "models": [{"model": MODEL}, {"id": "x"}]}
ONE_MODEL = {
    "model": MODEL,
    "delivery_mode": "sync",
    "price_info": {"price": 39_000, "unit": "image"},
    "parameters": [],
}
GRANT = {"upload_url": "https://storage.googleapis.com/b/a?X-Goog-Signature=1", "public_url": "https://a.example/a.png"}


# -- what the JSON says ---------------------------------------------------------------------------------------------


@given(mutations(RECORD) | mutations(FAILED))
def test_mutated_record_is_decoded_and_can_be_kept_or_is_none(body: Any) -> None:
    try:
        record = decode_record(body)
    except ValueError:
        return
    assert (record.progress is Progress.SUCCEEDED) == bool(record.media)
    assert (record.failure is not None) == (record.progress in {Progress.FAILED, Progress.CANCELLED})
    assert record.failure is None or len(record.failure.reason) <= LONGEST_REASON
    json.dumps(record.next_turn_contents, allow_nan=False)  # as a store keeps it
    next_history(record.next_turn_contents)
    for text in (record.request_id, record.status, record.model or ""):
        assert text.isprintable()
        assert len(text.encode()) < 2_000
    for time in (record.created_at, record.updated_at, record.queued_at):
        assert time is None or math.isfinite(time)


@given(mutations(PAGE), mutations(MODELS), mutations(ONE_MODEL), mutations(GRANT))
def test_mutated_lists_and_grants_are_decoded_or_are_none(page: Any, models: Any, model: Any, grant: Any) -> None:
    with contextlib.suppress(ValueError):
        assert isinstance(decode_page(page, limit=100, offset=0), Page)
    with contextlib.suppress(ValueError):
        assert all(name.isprintable() for name in decode_models(models))
    with contextlib.suppress(ValueError):
        decode_model(model, MODEL)
    with contextlib.suppress(ValueError):
        decode_grant(grant)


@pytest.mark.parametrize("number", ["NaN", "-Infinity", "1e999"])
def test_history_with_a_number_that_json_does_not_have_is_dropped_and_its_picture_kept(number: str) -> None:
    turn = f'{{"role": "model", "parts": [{{"score": {number}}}]}}'
    body = json.dumps(RECORD).replace('"next_turn_contents": [', f'"next_turn_contents": [{turn}, ')
    record = decoded(answer(body.encode()), decode_record)
    assert record.next_turn_contents is None
    assert record.media


def test_history_that_is_nested_absurdly_is_dropped_and_its_picture_kept() -> None:
    deep = "[" * 500 + "]" * 500
    body = json.dumps({**RECORD, "outcome": {**RECORD["outcome"], "next_turn_contents": ["deep"]}})  # type: ignore[dict-item]
    record = decoded(answer(body.replace('"deep"', deep).encode()), decode_record)
    assert record.next_turn_contents is None
    assert record.media


# -- what an HTTP answer says ---------------------------------------------------------------------------------------


def answer(content: bytes, status: int = 200, **headers: str) -> Answer:
    return Answer(
        status=status, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=content
    )


HEADER = st.text(st.characters(max_codepoint=255), max_size=40) | st.sampled_from(
    ["text/html", "application/json", "-1", "9" * 30, "Wed, 21 Oct 2015 07:28:00 GMT", "Fri, 99 Foo 99999 99:99:99 GMT", "//[", "https://[::1"]
)  # fmt: skip
CONTENT = (
    st.binary(max_size=200)
    | (mutations(FAILED) | mutations(RECORD)).map(lambda body: json.dumps(body).encode())
    | mutations({"error": {"code": 429, "message": "Backend error (429)", "details": [{"detail": "x"}]}}).map(
        lambda body: json.dumps(body).encode()
    )
    | st.text(max_size=80).map(lambda text: f"<html><title>{text}</title><script>{text}".encode("utf-8", "replace"))
)


@given(
    st.integers(100, 599),
    st.fixed_dictionaries(
        {}, optional=dict.fromkeys(("content-type", "retry-after", "date", "location", "age"), HEADER)
    ),
    CONTENT,
)
@example(302, {"location": "https://[::1"}, b"")
@example(500, {"retry-after": "9" * 13}, b"[" * 100_000)
def test_whatever_is_answered_somebody_acts_next(status: int, headers: dict[str, str], content: bytes) -> None:
    told = Answer(status=status, headers=headers, content=content)
    for error in (
        submit_refused(told, now=1e9, history=True),
        prelude_refused(told, now=1e9),
        upload_refused(told, now=1e9),
        models_refused(told, now=1e9),
        get_refused(told, now=1e9),
        look_failed(told, now=1e9),
    ):
        assert isinstance(error, RetryLater | GiveUp)
        assert len(error.reason) <= LONGEST_REASON + 200
        assert error.reason.isprintable()
        assert not isinstance(error, RetryLater) or error.after is None or 0 <= error.after <= 600
    for decode in (decode_record, decode_models, decode_grant):
        with contextlib.suppress(ValueError):
            decoded(told, decode)
    words_of_answer(content)


@pytest.mark.parametrize("value", [b"[]", b"{}", b"0", b'{"a":[]}'])
def test_answer_of_millions_of_values_is_not_built(value: bytes) -> None:
    told = answer(b"[" + (value + b",") * MOST_VALUES + value + b"]")
    tracemalloc.start()
    try:
        with pytest.raises(ValueError, match="more values than an answer has"):
            decoded(told, decode_record)
        assert tracemalloc.get_traced_memory()[1] < 100_000
    finally:
        tracemalloc.stop()


# -- how its bytes come ---------------------------------------------------------------------------------------------


async def pieces(*parts: bytes) -> AsyncIterator[bytes]:
    for part in parts:
        yield part


def cut_up(body: bytes, size: int) -> AsyncIterator[bytes]:
    return pieces(*(body[at : at + size] for at in range(0, len(body), size)))


@given(
    st.binary(max_size=500),
    st.integers(1, 60),
    st.integers(0, 600),
    st.sampled_from(["", "identity", "gzip", "X-GZIP"]),
)
def test_body_is_read_whole_or_is_too_large(body: bytes, size: int, most: int, encoding: str) -> None:
    zipped = "gzip" in encoding.lower()
    sent = gzip.compress(body) if zipped else body
    too_large = max(len(body), len(sent)) > most
    assert asyncio.run(bodies.read(cut_up(sent, size), encoding=encoding, most=most)) == (None if too_large else body)


@given(st.binary(max_size=200), st.text(st.characters(max_codepoint=255), max_size=12) | st.just("gzip"))
def test_body_of_anything_is_read_or_unreadable(body: bytes, encoding: str) -> None:
    with contextlib.suppress(bodies.Unreadable):
        asyncio.run(bodies.read(cut_up(body, 7), encoding=encoding, most=1_000))


async def test_body_that_was_cut_is_not_taken_for_whole() -> None:
    whole = gzip.compress(b'{"request_id": "r1"}' * 100)
    with pytest.raises(bodies.Unreadable):
        await bodies.read(pieces(whole[:-9]), encoding="gzip", most=10_000)
    assert await bodies.read(pieces(), encoding="gzip", most=10) == b""  # an answer without a body may say so, too


def bomb(layers: int) -> bytes:
    """60 MB of nothing, zipped, and zipped again."""
    body = bytes(60_000_000)
    for _ in range(layers):
        body = gzip.compress(body)
    return body


@pytest.mark.parametrize("layers", [1, 2, 3])
async def test_bomb_of_gzip_takes_no_memory_and_leaves_the_fate_of_a_request_unknown(layers: int) -> None:
    body = http(bomb(layers), f"Content-Encoding: {', '.join(['gzip'] * layers)}")
    async with RawServer(body).serve() as server, ImageQueue(base_url=server.base_url, key=KEY) as queue:
        queue._wire.bounds = {route: Bounds(read=30, total=60, size=5_000_000) for route in queue._wire.bounds}
        tracemalloc.start()
        try:
            assert type(await raised(queue.submit(MODEL, FOX))) is FateUnknown
            for call in (queue.get("r1"), queue.page(MODEL), queue.models(), queue.upload(PICTURE)):
                assert isinstance(await raised(call), RetryLater)
            assert isinstance(await raised(queue.download(Media(url=f"{server.base_url}/a.png"))), RetryLater | GiveUp)
            assert tracemalloc.get_traced_memory()[1] < 20_000_000
        finally:
            tracemalloc.stop()


async def test_answer_that_is_zipped_is_read() -> None:
    body = http(gzip.compress(json.dumps({**RECORD, "request_id": "r1"}).encode()), "Content-Encoding: gzip")
    server = RawServer(body)
    async with server.serve(), ImageQueue(base_url=server.base_url, key=KEY) as queue:
        assert (await queue.get("r1")).progress is Progress.SUCCEEDED
    assert b"accept-encoding: gzip\r\n" in server.asked[0].lower()


STATUS = ["200 OK", "204 No Content", "302 Found", "401 No", "404 Not Found", "500 Oh", "599 ?", "099 ?"]
MEDIA_TYPE = ["application/json", "text/html", "image/png", "application/json; charset=utf-16", ""]
MORE = ["", "Content-Encoding: gzip", "Content-Encoding: br", "Location: http://[::1", "Retry-After: x"]


def test_client_ends_every_exchange_in_one_of_the_known_ways() -> None:
    """Over the wire: mutated answers of any status, type and encoding, with any address to go to instead."""
    answers = [b""]
    with asyncio.Runner() as runner:

        async def exchange() -> None:
            server = RawServer()
            server._answers = answers
            async with server.serve(), ImageQueue(base_url=server.base_url, key=KEY) as queue:
                for call in calls(queue, f"{server.base_url}/a.png").values():
                    with contextlib.suppress(RetryLater, GiveUp):
                        await call()

        @settings(max_examples=max(5, settings().max_examples // 10))  # each is seven exchanges
        @given(st.sampled_from(STATUS), CONTENT, st.sampled_from(MEDIA_TYPE), st.sampled_from(MORE))
        def hold(status: str, content: bytes, media_type: str, more: str) -> None:
            lines = [line for line in (f"Content-Type: {media_type}", more) if line]
            answers[0] = http(content, *lines, status=status)
            runner.run(exchange())

        hold()
