"""The queue's client on the wire: every row of the table in bot/answers.py, against the emulated queue and raw sockets."""

import asyncio
import inspect
import io
import logging
import threading
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import astuple
from typing import Any, NamedTuple

import httpx
import pytest
from PIL import Image

import bot.image_queue
from bot.emulator import Behaviour, Emulator, EmulatorOptions, Fault
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.image_queue import FateUnknown, ImageQueue, NotSent, PageTooLarge, RequestUnknown
from bot.model import Picture
from bot.records import Media, Progress, is_whole_picture
from bot.wire import RESULTS, Bounds

KEY = "test-key-0123456789"
MODEL = "gemini-2.5-flash-image"
FOX = {"prompt": "a fox", "aspect_ratio": "1:1"}
HISTORY = {"contents": [{"role": "user", "parts": [{"text": "a fox"}]}], "aspect_ratio": "1:1"}


def encoded(kind: str) -> bytes:
    buffer = io.BytesIO()
    Image.new("RGB", (8, 8), "orange").save(buffer, kind)
    return buffer.getvalue()


PNG = encoded("PNG")
PICTURE = Picture(data=PNG, media_type="image/png", width=8, height=8)
JPEG_PICTURE = Picture(data=encoded("JPEG"), media_type="image/jpeg", width=8, height=8)


@pytest.fixture
async def emulator() -> AsyncIterator[Emulator]:
    emulator = Emulator(EmulatorOptions(keys=(KEY,), paint=False))
    async with emulator.serve():
        yield emulator


@pytest.fixture
async def queue(emulator: Emulator) -> AsyncIterator[ImageQueue]:
    async with ImageQueue(base_url=emulator.base_url, key=KEY) as queue:
        yield queue


async def raised(call: Awaitable[Any]) -> RetryLater | GiveUp:
    """What the call raises; anything but the two kinds fails the test."""
    with pytest.raises((RetryLater, GiveUp)) as caught:
        await call
    return caught.value


class RawServer:
    """Answers each connection with bytes that no well-behaved server would send, and keeps what was asked."""

    def __init__(self, *answers: bytes, keep_open: bool = False) -> None:
        self.connections = 0
        self.asked: list[bytes] = []
        self.base_url = ""
        self._answers = list(answers)
        self._keep_open = keep_open

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        try:
            while True:
                head = await reader.readuntil(b"\r\n\r\n")
                length = next(
                    (int(line[15:]) for line in head.lower().split(b"\r\n") if line.startswith(b"content-length:")), 0
                )
                self.asked.append(head + await reader.readexactly(length))
                writer.write(self._answers.pop(0) if len(self._answers) > 1 else self._answers[0])
                await writer.drain()
                if not self._keep_open:
                    break
        except (asyncio.IncompleteReadError, ConnectionError):
            pass
        finally:
            writer.close()

    @asynccontextmanager
    async def serve(self) -> AsyncIterator["RawServer"]:
        server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.base_url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
        async with server:
            yield self


def http(body: bytes, *lines: str, status: str = "200 OK") -> bytes:
    head = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", "Content-Type: application/json", *lines]
    return "\r\n".join(head).encode() + b"\r\n\r\n" + body


@asynccontextmanager
async def closed_port() -> AsyncIterator[str]:
    """An address where nobody listens any more."""
    async with RawServer(b"").serve() as server:
        address = server.base_url
    yield address


# -- what is sent and what comes back ---------------------------------------------------------------------------------


async def test_request_is_queued_looked_at_and_its_picture_downloaded(emulator: Emulator, queue: ImageQueue) -> None:
    taken = await queue.submit(MODEL, FOX)
    assert (taken.progress, taken.status, taken.model) == (Progress.PENDING, "queued", MODEL)
    record = await queue.get(taken.request_id)
    assert (record.progress, record.payload) == (Progress.SUCCEEDED, FOX)
    assert record.next_turn_contents
    assert is_whole_picture(await queue.download(record.media[0]))
    [post] = emulator.ledger.find("submit")
    assert post.body == {"model": MODEL, "payload": FOX}


async def test_answer_that_comes_only_with_the_picture_is_terminal(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.behave(delivery="sync", images=2)
    record = await queue.submit(MODEL, FOX)
    assert record.progress is Progress.SUCCEEDED
    assert len({await queue.download(media) for media in record.media}) == 2


async def test_as_many_posts_are_open_at_once_as_the_caller_wants(emulator: Emulator, queue: ImageQueue) -> None:
    """Each of them may be answered only after minutes: none waits for the connection of another."""
    many = 100
    with emulator.hold("submit", at="arrival") as hold:
        async with asyncio.TaskGroup() as group:  # a POST that gives up ends it
            posts = [group.create_task(queue.submit(MODEL, FOX)) for _ in range(many)]
            await hold.reached(many)
            hold.release()
    assert len({post.result().request_id for post in posts}) == many


@pytest.mark.parametrize("outcome", ["objects", "strings", "candidates"])
@pytest.mark.parametrize("image_format", ["png", "jpeg", "webp"])
async def test_picture_comes_in_every_form(
    emulator: Emulator, queue: ImageQueue, outcome: str, image_format: str
) -> None:
    emulator.behave(outcome=outcome, image_format=image_format, thumbnail=True)
    record = await queue.get((await queue.submit(MODEL, FOX)).request_id)
    [media] = record.media
    with Image.open(io.BytesIO(await queue.download(media))) as image:
        assert (image.format or "").lower() == image_format


@pytest.mark.parametrize("outcome", ["empty", "none"])
async def test_success_without_a_picture_is_a_failure(emulator: Emulator, queue: ImageQueue, outcome: str) -> None:
    emulator.behave(outcome=outcome)
    record = await queue.get((await queue.submit(MODEL, FOX)).request_id)
    assert record.progress is Progress.FAILED
    assert record.failure
    assert record.failure.kind is FailureKind.NO_IMAGE


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        ("safety", FailureKind.SAFETY),
        ("prohibited", FailureKind.SAFETY),
        ("recitation", FailureKind.SAFETY),
        ("no-image", FailureKind.NO_IMAGE),
        ("rate", FailureKind.RATE),
        ("timeout", FailureKind.TIMEOUT),
        ("reference", FailureKind.REFERENCE),
        ("rejected", FailureKind.SAFETY),
        ("signature", FailureKind.HISTORY),
    ],
)
@pytest.mark.parametrize("form", ["object", "string", "error", "message", "reason"])
async def test_failed_record_has_its_kind_wherever_the_words_are(
    emulator: Emulator, queue: ImageQueue, error: str, form: str, kind: FailureKind
) -> None:
    behaviour = Behaviour(ending="failed", error=error, error_form=form)
    emulator.behaviour = behaviour
    record = await queue.get((await queue.submit(MODEL, FOX)).request_id)
    assert record.progress is Progress.FAILED
    assert record.failure
    assert record.failure.kind is kind
    assert behaviour.error_text in record.failure.reason


async def test_cancelled_and_unknown_words_of_status(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.behave(ending="cancelled")
    taken = await queue.submit(MODEL, FOX)
    emulator.inject(Fault(route="get", kind="status_word"))
    assert (await queue.get(taken.request_id)).progress is Progress.PENDING
    assert (await queue.get(taken.request_id)).progress is Progress.CANCELLED


@pytest.mark.parametrize(("echo", "payload"), [("full", FOX), ("empty", {}), ("absent", None)])
async def test_payload_echo(emulator: Emulator, queue: ImageQueue, echo: str, payload: object) -> None:
    emulator.behave(payload_echo=echo)
    assert (await queue.get((await queue.submit(MODEL, FOX)).request_id)).payload == payload


async def test_list_is_paged(emulator: Emulator, queue: ImageQueue) -> None:
    taken = [(await queue.submit(MODEL, {"prompt": f"fox {number}"})).request_id for number in range(3)]
    first = await queue.page(MODEL, limit=2)
    assert (len(first.records), first.has_more, first.total) == (2, True, 3)
    assert first.size > 0
    second = await queue.page(MODEL, limit=2, offset=2)
    assert (len(second.records), second.has_more) == (1, False)
    assert {record.request_id for record in (*first.records, *second.records)} == set(taken)


async def test_page_that_is_too_large_says_so(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.behaviour = Behaviour(outcome="candidates")
    await queue.submit(MODEL, FOX)
    queue._wire.bounds = {**queue._wire.bounds, "list": Bounds(read=30, total=60, size=1000)}
    assert type(await raised(queue.page(MODEL))) is PageTooLarge


async def test_request_that_is_unknown_by_id_is_found_in_the_list(emulator: Emulator, queue: ImageQueue) -> None:
    taken = await queue.submit(MODEL, FOX)
    emulator.inject(Fault(route="get", kind="not_found"))
    assert type(await raised(queue.get(taken.request_id))) is RequestUnknown
    found = await queue.find(MODEL, taken.request_id)
    assert found
    assert found.request_id == taken.request_id
    assert await queue.find(MODEL, "00000000-0000-0000-0000-000000000000") is None


async def test_search_in_the_list_ends_after_its_pages() -> None:
    page = http(b'{"requests":[{"request_id":"other"}],"has_more":true}')
    async with RawServer(page).serve() as server, ImageQueue(base_url=server.base_url, key=KEY) as queue:
        assert await queue.find(MODEL, "mine", pages=3) is None
    assert [asked.split()[1].partition(b"offset=")[2] for asked in server.asked] == [b"0", b"100", b"200"]


@pytest.mark.parametrize("picture", [PICTURE, JPEG_PICTURE], ids=["png", "jpeg"])
async def test_uploaded_picture_is_where_the_queue_finds_it(
    emulator: Emulator, queue: ImageQueue, picture: Picture
) -> None:
    address = await queue.upload(picture)
    assert await queue.download(Media(url=address)) == picture.data
    assert [exchange.key for exchange in emulator.ledger.find("put")] == ["missing"]
    assert [exchange.key for exchange in emulator.ledger.find("media")] == ["missing"]


async def test_models_with_and_without_key(emulator: Emulator, queue: ImageQueue) -> None:
    assert MODEL in await queue.models()
    info = await queue.model(MODEL)
    assert (info.id, info.delivery_mode, info.price) == (MODEL, "async", 0.039)
    async with ImageQueue(base_url=emulator.base_url, key="") as stranger:
        assert MODEL in await stranger.public_models()
        assert (await raised(stranger.models())).kind is FailureKind.KEY
    assert [exchange.key for exchange in emulator.ledger.find("models")] == ["good", "missing", "missing"]


async def test_public_models_are_asked_without_the_key_even_where_there_is_one(
    emulator: Emulator, queue: ImageQueue
) -> None:
    await queue.public_models()
    assert emulator.ledger.find("models")[0].key == "missing"


def told(value: object) -> str | None:
    """A fault as the name of a test: its kind, and what was chosen of it."""
    if not isinstance(value, Fault):
        return None
    usual = astuple(Fault(route=value.route, kind=value.kind))
    chosen = [str(one) for one, other in zip(astuple(value), usual, strict=True) if one != other]
    return "-".join([value.route, value.kind, *chosen])


# -- the table: the POST of a request ---------------------------------------------------------------------------------

SUBMIT_REFUSED = [
    (Fault(route="submit", kind="unauthorized"), FailureKind.KEY),
    (Fault(route="submit", kind="forbidden"), FailureKind.KEY),
    (Fault(route="submit", kind="error", status=403, text="you do not have access"), FailureKind.MODEL),
    (Fault(route="submit", kind="no_credit"), FailureKind.CREDIT),
    (Fault(route="submit", kind="no_such_model"), FailureKind.MODEL),
    (Fault(route="submit", kind="no_access"), FailureKind.MODEL),
    (Fault(route="submit", kind="not_found"), FailureKind.MODEL),
    (Fault(route="submit", kind="invalid_payload"), FailureKind.PAYLOAD),
    (Fault(route="submit", kind="rejected"), FailureKind.SAFETY),
    (Fault(route="submit", kind="error", status=400, text="failed to fetch image"), FailureKind.REFERENCE),
    (Fault(route="submit", kind="error", status=400, text="thought signature is invalid"), FailureKind.HISTORY),
    (Fault(route="submit", kind="error", status=422, text="odd"), FailureKind.PAYLOAD),
    (Fault(route="submit", kind="error", status=409, text="odd"), FailureKind.UNKNOWN),
    (Fault(route="submit", kind="error", status=413, text="too large"), FailureKind.PAYLOAD),
    (Fault(route="submit", kind="html", status=413, text="413 Request Entity Too Large"), FailureKind.PAYLOAD),
    (Fault(route="submit", kind="html", status=401, text="401 Unauthorized"), FailureKind.KEY),
    (Fault(route="submit", kind="html", status=402, text="402 Payment Required"), FailureKind.CREDIT),
    (Fault(route="submit", kind="backend_error", code=400), FailureKind.PAYLOAD),
    (Fault(route="submit", kind="backend_error", code=402), FailureKind.CREDIT),
    (Fault(route="submit", kind="backend_error", code=403), FailureKind.MODEL),
    (Fault(route="submit", kind="backend_error", code=404), FailureKind.MODEL),
    (Fault(route="submit", kind="error", text="prompt blocked by the safety filter"), FailureKind.SAFETY),
    (Fault(route="submit", kind="error", text="Insufficient credits."), FailureKind.CREDIT),
]

SUBMIT_LATER = [
    (Fault(route="submit", kind="rate_limited"), None),
    (Fault(route="submit", kind="rate_limited", retry_after=7), 7.0),
    (Fault(route="submit", kind="rate_limited", retry_after=90_000), 600.0),
    (Fault(route="submit", kind="html", status=429, text="Slow down"), None),
    (Fault(route="submit", kind="error", status=425, text="too early"), None),
    (Fault(route="submit", kind="error", status=400, text="rate limit exceeded(RPM)"), None),
    (Fault(route="submit", kind="error", status=400, text="context deadline exceeded"), None),
    (Fault(route="submit", kind="html", status=400, text="400 Bad Request"), None),
    (Fault(route="submit", kind="html", status=403, text="Sorry, you have been blocked"), None),
    (Fault(route="submit", kind="html", status=404, text="404 Not Found"), None),
    (Fault(route="submit", kind="backend_error", code=429), None),
    (Fault(route="submit", kind="backend_error", code=408), None),
    (Fault(route="submit", kind="redirect"), None),
    (Fault(route="submit", kind="redirect", status=301, text="https://elsewhere.example/x?a=b"), None),
]

SUBMIT_UNKNOWN = [
    (Fault(route="submit", kind="error"), None),
    (Fault(route="submit", kind="error", text="kling: context deadline exceeded"), None),
    (Fault(route="submit", kind="error", text="model temporarily unavailable"), None),
    (Fault(route="submit", kind="backend_error", code=500), None),
    (Fault(route="submit", kind="html", status=500, text="blocked by policy"), None),
    (Fault(route="submit", kind="bad_gateway"), None),
    (Fault(route="submit", kind="unavailable"), None),
    (Fault(route="submit", kind="unavailable", retry_after=3), 3.0),
    (Fault(route="submit", kind="error", status=504, text="timeout"), None),
    (Fault(route="submit", kind="error", status=408, text="timeout"), None),
    (Fault(route="submit", kind="html"), None),
    (Fault(route="submit", kind="empty"), None),
    (Fault(route="submit", kind="empty", status=204), None),
    (Fault(route="submit", kind="error", status=200, body={"error": "odd"}), None),
    (Fault(route="submit", kind="error", status=200, body={"status": "queued"}), None),
    (Fault(route="submit", kind="error", status=200, body=["r1"]), None),
    (Fault(route="submit", kind="truncated", leaves="record"), None),
    (Fault(route="submit", kind="cut", leaves="record"), None),
    (Fault(route="submit", kind="drop", leaves="record"), None),
    (Fault(route="submit", kind="drop"), None),
    (Fault(route="submit", kind="reset"), None),
]


@pytest.mark.parametrize(("fault", "kind"), SUBMIT_REFUSED, ids=told)
async def test_refused_request_is_given_up_with_its_kind(
    emulator: Emulator, queue: ImageQueue, fault: Fault, kind: FailureKind
) -> None:
    emulator.inject(fault)
    error = await raised(queue.submit(MODEL, FOX))
    assert (type(error), getattr(error, "kind", None)) == (GiveUp, kind)
    assert error.reason.startswith(f"HTTP {fault.answer_status}")


@pytest.mark.parametrize(("fault", "after"), SUBMIT_LATER, ids=told)
async def test_request_that_was_not_made_is_sent_later(
    emulator: Emulator, queue: ImageQueue, fault: Fault, after: float | None
) -> None:
    emulator.inject(fault)
    error = await raised(queue.submit(MODEL, FOX))
    assert (type(error), getattr(error, "after", None)) == (RetryLater, after)
    assert emulator.ledger.count() == 1, "a redirect was followed, or the request repeated"


@pytest.mark.parametrize(("fault", "after"), SUBMIT_UNKNOWN, ids=told)
async def test_request_that_may_have_been_made_has_an_unknown_fate(
    emulator: Emulator, queue: ImageQueue, fault: Fault, after: float | None
) -> None:
    emulator.inject(fault)
    error = await raised(queue.submit(MODEL, FOX))
    assert (type(error), getattr(error, "after", None)) == (FateUnknown, after)
    assert emulator.ledger.count("submit") == 1, "never a blind second POST"


async def test_too_large_a_request_with_a_history_is_the_historys_fault(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.inject(Fault(route="submit", kind="html", status=413, text="413 Request Entity Too Large"))
    assert (await raised(queue.submit(MODEL, HISTORY))).kind is FailureKind.HISTORY


async def test_request_is_not_sent_where_nobody_listens() -> None:
    async with closed_port() as address, ImageQueue(base_url=address, key=KEY) as queue:
        calls = (queue.submit(MODEL, FOX), queue.get("r1"), queue.page(MODEL), queue.upload(PICTURE), queue.models())
        for call in (*calls, queue.download(Media(url=f"{address}/a.png"))):
            assert type(await raised(call)) is NotSent


async def test_silent_queue_leaves_the_fate_of_a_request_unknown(emulator: Emulator) -> None:
    emulator.inject(Fault(route="submit", kind="hang"))
    async with ImageQueue(base_url=emulator.base_url, key=KEY, read_timeout=0.05) as queue:
        assert type(await raised(queue.submit(MODEL, FOX))) is FateUnknown


async def test_answer_that_drips_for_ever_is_not_waited_for(emulator: Emulator, queue: ImageQueue) -> None:
    for route in ("submit", "get"):
        emulator.inject(Fault(route=route, kind="hang"))
        queue._wire.bounds = {**queue._wire.bounds, route: Bounds(read=30, total=0.05, size=1000)}
    assert type(await raised(queue.submit(MODEL, FOX))) is FateUnknown
    assert type(await raised(queue.get("r1"))) is RetryLater


@pytest.mark.parametrize(
    "answer",
    [
        b"",
        b"\x00\x01\x02",
        b"SSH-2.0-OpenSSH_9.2\r\n",
        b"HTTP/1.1 200 OK\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: 50\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
        b"HTTP/1.1 200 OK\r\nContent-Length: x\r\n\r\n{}",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nabcd",
        b"HTTP/1.1 200 OK\r\n" + b"X: " + b"a" * 200_000 + b"\r\n\r\n",
        http(b'{"request_id":"r1"}', "Content-Length: 99999999999999999999"),
        http(b"\xff\xfe"),
        http(b"[" * 100_000),
        http(b'{"request_id": "../models", "status": "queued"}'.replace(b"../", b"\\ud800")),
    ],
)
async def test_nonsense_leaves_the_fate_of_a_request_unknown_and_is_asked_again_by_a_look(answer: bytes) -> None:
    async with RawServer(answer).serve() as server, ImageQueue(base_url=server.base_url, key=KEY) as queue:
        assert type(await raised(queue.submit(MODEL, FOX))) is FateUnknown
        for call in (queue.get("r1"), queue.page(MODEL), queue.models(), queue.upload(PICTURE)):
            assert type(await raised(call)) is RetryLater


async def test_larger_answer_than_may_come_is_not_read_to_its_end() -> None:
    endless = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + b"ffff\r\n" + b" " * 0xFFFF + b"\r\n"
    server = RawServer(endless, keep_open=True)
    async with server.serve(), ImageQueue(base_url=server.base_url, key=KEY) as queue:
        queue._wire.bounds = {route: Bounds(read=30, total=60, size=1000) for route in queue._wire.bounds}
        assert type(await raised(queue.submit(MODEL, FOX))) is FateUnknown
        assert type(await raised(queue.get("r1"))) is RetryLater
        assert type(await raised(queue.page(MODEL))) is PageTooLarge
        assert type(await raised(queue.download(Media(url=f"{server.base_url}/a.png")))) is GiveUp


# -- the table: looks ------------------------------------------------------------------------------------------------

LOOKS: dict[str, Callable[[ImageQueue, str], Awaitable[Any]]] = {
    "get": lambda queue, request_id: queue.get(request_id),
    "list": lambda queue, _: queue.page(MODEL),
}


@pytest.mark.parametrize("route", LOOKS)
@pytest.mark.parametrize(
    ("kind", "chosen"),
    [
        ("unauthorized", {}),
        ("forbidden", {}),
        ("error", {"status": 400, "text": "bad request"}),
        ("error", {"status": 402, "text": "Insufficient credits."}),
        ("error", {"status": 408, "text": "timeout"}),
        ("html", {"status": 404, "text": "404 Not Found"}),
        ("rate_limited", {}),
        ("error", {}),
        ("error", {"text": "Backend error (400). Please try again."}),
        ("bad_gateway", {}),
        ("unavailable", {}),
        ("html", {}),
        ("empty", {}),
        ("error", {"status": 200, "body": {"request_id": "another", "requests": "none"}}),
        ("redirect", {}),
        ("truncated", {}),
        ("cut", {}),
        ("drop", {}),
        ("reset", {}),
    ],
)
async def test_look_is_never_final(
    emulator: Emulator, queue: ImageQueue, route: str, kind: str, chosen: dict[str, Any]
) -> None:
    taken = await queue.submit(MODEL, FOX)
    emulator.inject(Fault(route=route, kind=kind, **chosen))
    error = await raised(LOOKS[route](queue, taken.request_id))
    assert type(error) is RetryLater
    assert queue.trouble
    assert emulator.ledger.count() == 2, "a redirect was followed, or the look repeated"
    await LOOKS[route](queue, taken.request_id)
    assert queue.trouble is None


async def test_look_waits_as_long_as_it_is_told(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.inject(
        Fault(route="get", kind="rate_limited", retry_after=9), Fault(route="list", kind="unavailable", retry_after=4)
    )
    assert (await raised(queue.get("r1"))).after == 9.0
    assert (await raised(queue.page(MODEL))).after == 4.0


async def test_only_the_queue_itself_says_that_a_request_is_unknown(emulator: Emulator, queue: ImageQueue) -> None:
    assert type(await raised(queue.get("00000000-0000-0000-0000-000000000000"))) is RequestUnknown
    emulator.inject(Fault(route="list", kind="not_found"))
    assert type(await raised(queue.page(MODEL))) is RetryLater


# -- the table: uploads, downloads, models -----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        (Fault(route="upload_url", kind="unauthorized"), FailureKind.KEY),
        (Fault(route="upload_url", kind="error", status=402, text="Insufficient credits."), FailureKind.CREDIT),
        (Fault(route="upload_url", kind="bad_file_type"), FailureKind.PAYLOAD),
        (Fault(route="upload_url", kind="not_found"), None),
        (Fault(route="upload_url", kind="rate_limited"), None),
        (Fault(route="upload_url", kind="error"), None),
        (Fault(route="upload_url", kind="html"), None),
        (Fault(route="upload_url", kind="empty"), None),
        (Fault(route="upload_url", kind="redirect"), None),
        (Fault(route="upload_url", kind="drop"), None),
        (Fault(route="upload_url", kind="error", status=200, body={"upload_url": "https://a/"}), None),
        (Fault(route="put", kind="signature"), None),
        (Fault(route="put", kind="expired"), None),
        (Fault(route="put", kind="redirect"), None),
        (Fault(route="put", kind="unavailable"), None),
        (Fault(route="put", kind="drop"), None),
        (Fault(route="put", kind="reset"), None),
    ],
    ids=told,
)
async def test_failed_upload(emulator: Emulator, queue: ImageQueue, fault: Fault, kind: FailureKind | None) -> None:
    emulator.inject(fault)
    error = await raised(queue.upload(PICTURE))
    assert (type(error), getattr(error, "kind", None)) == (GiveUp if kind else RetryLater, kind)
    await queue.upload(PICTURE)


@pytest.mark.parametrize("field", ["upload_url", "public_url"])
async def test_picture_is_never_put_to_a_strange_address(emulator: Emulator, queue: ImageQueue, field: str) -> None:
    good = f"{emulator.base_url}/_gcs/a.png"
    grant = {"upload_url": good, "public_url": good, field: "https://evil.example/a?X-Goog-Signature=sesame"}
    emulator.inject(Fault(route="upload_url", kind="error", status=200, body=grant))
    error = await raised(queue.upload(PICTURE))
    assert type(error) is GiveUp
    assert error.reason == "not an address of the service: https://evil.example/a"
    assert emulator.ledger.count() == 1


@pytest.mark.parametrize(
    "fault",
    [
        Fault(route="media", kind="not_found"),
        Fault(route="media", kind="forbidden"),
        Fault(route="media", kind="rate_limited"),
        Fault(route="media", kind="unavailable"),
        Fault(route="media", kind="bad_gateway"),
        Fault(route="media", kind="html"),
        Fault(route="media", kind="empty"),
        Fault(route="media", kind="redirect"),
        Fault(route="media", kind="truncated"),
        Fault(route="media", kind="cut"),
        Fault(route="media", kind="drop"),
        Fault(route="media", kind="reset"),
        Fault(route="media", kind="huge", size=1000),  # the right size of the wrong bytes
    ],
    ids=told,
)
async def test_picture_that_did_not_come_whole_is_fetched_again(
    emulator: Emulator, queue: ImageQueue, fault: Fault
) -> None:
    address = await queue.upload(PICTURE)
    emulator.inject(fault)
    assert type(await raised(queue.download(Media(url=address)))) is RetryLater
    assert emulator.ledger.count("media") == 1, "a redirect was followed"
    assert await queue.download(Media(url=address)) == PNG


async def test_too_large_a_picture_is_given_up(emulator: Emulator, queue: ImageQueue) -> None:
    address = await queue.upload(PICTURE)
    emulator.inject(Fault(route="media", kind="huge", size=32_000_001))
    error = await raised(queue.download(Media(url=address)))
    assert (type(error), error.reason) == (GiveUp, "the picture has more than 32,000,000 bytes")
    assert emulator.ledger.find("media")[0].sent < 32_000_001, "it was read to its end"


@pytest.mark.parametrize(
    "address",
    [
        "",
        "a.png",
        "//storage.googleapis.com/a.png",
        "http://storage.googleapis.com/a.png",
        "https://storage.googleapis.com:8443/a.png",
        "https://evilstorage.googleapis.com/a.png",
        "https://storage.googleapis.com.evil.example/a.png",
        "https://storage.googleapis.com@evil.example/a.png",
        "https://storage.googleapis.com\\@evil.example/a.png",
        "https://me:secret@storage.googleapis.com/a.png",
        "http://127.0.0.1:1/a.png",
        "http://169.254.169.254/latest/meta-data",
        "http://[::1",
        "file:///etc/passwd",
        "data:image/png;base64,AAAA",
        "https://exa\x00mple.com/",
    ],
)
async def test_picture_is_never_fetched_from_a_strange_address(queue: ImageQueue, address: str) -> None:
    error = await raised(queue.download(Media(url=address)))
    assert type(error) is GiveUp
    assert "secret" not in error.reason


@pytest.mark.parametrize(
    "address",
    [
        "https://storage.googleapis.com/b/a.png",
        "https://STORAGE.googleapis.com:443/a",
        "https://some-bucket.storage.googleapis.com/a",
    ],
)
async def test_googles_storage_is_trusted(queue: ImageQueue, address: str) -> None:
    assert queue._wire.trusts(address)


async def test_inline_bytes_that_are_no_picture_are_given_up(queue: ImageQueue) -> None:
    assert await queue.download(Media(data=PNG)) == PNG
    error = await raised(queue.download(Media(data=b"<html>")))
    assert (type(error), error.kind) == (GiveUp, FailureKind.NO_IMAGE)


@pytest.mark.parametrize(
    ("kind", "chosen", "expected"),
    [
        ("unauthorized", {}, FailureKind.KEY),
        ("forbidden", {}, FailureKind.KEY),
        ("not_found", {}, FailureKind.UNKNOWN),
        ("html", {"status": 404}, None),
        ("unavailable", {}, None),
        ("html", {}, None),
        ("drop", {}, None),
    ],
)
async def test_models_that_cannot_be_had(
    emulator: Emulator, queue: ImageQueue, kind: str, chosen: dict[str, Any], expected: FailureKind | None
) -> None:
    for ask in (queue.models, queue.public_models):
        emulator.inject(Fault(route="models", kind=kind, **chosen))
        error = await raised(ask())
        assert (type(error), getattr(error, "kind", None)) == (GiveUp if expected else RetryLater, expected)


async def test_unknown_model_is_said_to_be_unknown(queue: ImageQueue) -> None:
    assert (await raised(queue.model("no-such/model?"))).kind is FailureKind.MODEL


# -- nothing of httpx leaves ------------------------------------------------------------------------------------------


def calls(queue: ImageQueue, media: str) -> dict[str, Callable[[], Awaitable[Any]]]:
    return {
        "submit": lambda: queue.submit(MODEL, FOX),
        "get": lambda: queue.get("r1"),
        "list": lambda: queue.page(MODEL),
        "upload_url": lambda: queue.upload(PICTURE),
        "models": queue.models,
        "model": lambda: queue.model(MODEL),
        "media": lambda: queue.download(Media(url=media)),
    }


def exceptions_of_httpx() -> set[type[Exception]]:
    found = {value for value in vars(httpx).values() if inspect.isclass(value) and issubclass(value, Exception)}
    return {kind for kind in found if not any(other is not kind and issubclass(other, kind) for other in found)}


def made(kind: type[Exception], words: str) -> Exception:
    request = httpx.Request("GET", "http://127.0.0.1/")
    if kind is httpx.HTTPStatusError:
        return httpx.HTTPStatusError(words, request=request, response=httpx.Response(500))
    if issubclass(kind, httpx.StreamError):
        return kind(words) if kind is httpx.StreamError else kind()
    return kind(words)


def test_every_exception_of_httpx_has_a_meaning() -> None:
    assert exceptions_of_httpx() == set(RESULTS)


@pytest.mark.parametrize(
    "kind", [*RESULTS, OSError, ConnectionResetError, TimeoutError], ids=lambda kind: kind.__name__
)
async def test_no_exception_of_the_transport_escapes(
    queue: ImageQueue, emulator: Emulator, monkeypatch: pytest.MonkeyPatch, kind: type[Exception]
) -> None:
    async def broken(transport: httpx.AsyncHTTPTransport, request: httpx.Request) -> httpx.Response:
        raise made(kind, f"Illegal header value b'Bearer {KEY}'")

    monkeypatch.setattr(httpx.AsyncHTTPTransport, "handle_async_request", broken)
    for route, call in calls(queue, f"{emulator.base_url}/a.png").items():
        error = await raised(call())
        expected = NotSent if RESULTS.get(kind) == "not_sent" else FateUnknown if route == "submit" else RetryLater
        assert type(error) is expected
        assert not any(KEY in text for text in whole_story(error))


class Story(NamedTuple):
    """Everything a log could show of an exception: what it says, and its traceback with the locals of our own frames."""

    words: str
    frames: str


def whole_story(error: BaseException) -> Story:
    assert error.__cause__ is None
    assert error.__context__ is None
    told = traceback.TracebackException.from_exception(error, capture_locals=True)
    told.stack = traceback.StackSummary.from_list([frame for frame in told.stack if "/tests/" not in frame.filename])
    assert not any("/httpx/" in frame.filename or "/httpcore/" in frame.filename for frame in told.stack)
    words = [str(error), repr(error), repr(vars(error)), *traceback.format_exception(error)]
    return Story("\n".join(words), "\n".join(told.format()))


SECRET_FAULTS = [
    ("error", {"status": status, "text": f"bad key {KEY} in https://a.example/b?X-Goog-Signature=sesame"})
    for status in (400, 401, 402, 403, 404, 408, 409, 413, 422, 425, 429, 500, 503)
] + [
    ("html", {"text": f"key {KEY}"}),
    ("html", {"status": 403, "text": f"key {KEY}"}),
    ("error", {"status": 200, "body": {"key": KEY}}),
    ("redirect", {"text": f"https://{KEY}.example/{KEY}?key={KEY}"}),
    ("redirect", {}),
    ("signature", {}),
    ("drop", {}),
    ("cut", {}),
    ("truncated", {}),
]


@pytest.mark.parametrize(("kind", "chosen"), SECRET_FAULTS)
async def test_key_and_signatures_are_never_shown(
    emulator: Emulator, queue: ImageQueue, caplog: pytest.LogCaptureFixture, kind: str, chosen: dict[str, Any]
) -> None:
    caplog.set_level(logging.DEBUG)
    address = await queue.upload(PICTURE)
    asked = calls(queue, address) | {"put": lambda: queue.upload(PICTURE)}
    for route, call in asked.items():
        try:
            emulator.inject(Fault(route=route, kind=kind, **chosen))
        except ValueError:
            continue  # this fault does not strike this route
        try:
            await call()
        except (RetryLater, GiveUp) as error:
            story = whole_story(error)
        else:
            # the answer to a put has no body to be cut, and none that anybody reads
            assert route == "put", "this fault does no harm: nothing is tested"
            continue
        ours = [record.getMessage() for record in caplog.records if not record.name.startswith("uvicorn")]
        for text in (*story, repr(queue), str(queue.trouble), *ours):
            assert KEY not in text
            assert "sesame" not in text
        for text in (story.words, *ours):
            assert "X-Goog-Signature=" not in text.replace("X-Goog-Signature=[hidden]", "")


async def test_key_in_a_record_is_hidden(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.behave(ending="failed", error=f"upstream refused {KEY}")
    record = await queue.get((await queue.submit(MODEL, {"prompt": "a fox"})).request_id)
    assert record.failure
    assert record.failure.reason == "upstream refused [hidden]"


@pytest.mark.parametrize("key", ["two words", "line\nbreak", "schlüssel", "tab\tkey", "nul\x00key"])
def test_key_that_cannot_be_sent_is_refused_without_being_shown(key: str) -> None:
    with pytest.raises(ValueError, match="GMI_API_KEY") as caught:
        ImageQueue(base_url="http://127.0.0.1:1", key=key)
    assert key not in str(caught.value)
    assert repr(key) not in repr(caught.value)


async def test_blanks_around_a_key_are_no_part_of_it(emulator: Emulator) -> None:
    async with ImageQueue(base_url=emulator.base_url, key=f" {KEY}\n") as queue:
        assert MODEL in await queue.models()


@pytest.mark.parametrize(
    "address",
    [
        "",
        "console.gmicloud.ai",
        "ftp://a.example",
        "https://",
        "https://me:pw@a.example",
        "https://a.example/?x=1",
        "http://[::1",
    ],
)
def test_address_that_cannot_be_the_services_is_refused(address: str) -> None:
    with pytest.raises(ValueError, match="GMI_BASE_URL must be an address like"):
        ImageQueue(base_url=address, key=KEY)


# -- connections --------------------------------------------------------------------------------------------------------


async def test_posts_never_travel_on_a_used_connection_and_looks_do() -> None:
    server = RawServer(http(b'{"request_id":"r1","status":"queued"}'), keep_open=True)
    async with server.serve(), ImageQueue(base_url=server.base_url, key=KEY) as queue:
        await queue.submit(MODEL, FOX)
        await queue.submit(MODEL, FOX)
        assert server.connections == 2
        for _ in range(3):
            await queue.get("r1")
        assert server.connections == 3


async def test_requests_name_the_bot_and_carry_the_key() -> None:
    server = RawServer(http(b'{"request_id":"r1"}'))
    async with server.serve(), ImageQueue(base_url=f"{server.base_url}/gateway/", key=KEY) as queue:
        await queue.get("r1")
    [asked] = server.asked
    assert asked.startswith(b"GET /gateway/api/v1/ie/requestqueue/apikey/requests/r1 HTTP/1.1\r\n")
    assert f"\r\nAuthorization: Bearer {KEY}\r\n".encode() in asked
    assert b"\r\nUser-Agent: darkroom" in asked


async def test_proxy_of_the_environment_is_used_but_not_for_this_machine(
    emulator: Emulator, monkeypatch: pytest.MonkeyPatch
) -> None:
    async with RawServer(http(b'{"model_ids":["far"]}')).serve() as proxy:
        monkeypatch.setenv("HTTP_PROXY", proxy.base_url)
        async with ImageQueue(base_url="http://queue.example", key=KEY) as queue:
            assert await queue.models() == ("far",)
        async with ImageQueue(base_url=emulator.base_url, key=KEY) as queue:
            assert MODEL in await queue.models()
    assert [asked.split()[1] for asked in proxy.asked] == [b"http://queue.example/api/v1/ie/requestqueue/apikey/models"]


async def test_proxy_that_refuses_means_not_sent(monkeypatch: pytest.MonkeyPatch) -> None:
    async with RawServer(b"HTTP/1.1 407 Proxy Authentication Required\r\nContent-Length: 0\r\n\r\n").serve() as proxy:
        monkeypatch.setenv("HTTPS_PROXY", proxy.base_url.replace("//", "//ann:proxy-password@"))
        async with ImageQueue(base_url="https://queue.example", key=KEY) as queue:
            error = await raised(queue.submit(MODEL, FOX))
    assert type(error) is NotSent
    assert not any("proxy-password" in text for text in whole_story(error))


@pytest.mark.parametrize("proxy", ["gopher://secret:1", "http://[::1", "socks5://secret:1080"])
def test_proxy_that_cannot_be_used_is_refused_without_being_shown(monkeypatch: pytest.MonkeyPatch, proxy: str) -> None:
    monkeypatch.setenv("HTTPS_PROXY", proxy)
    with pytest.raises(ValueError, match="HTTPS_PROXY") as caught:
        ImageQueue(base_url="https://queue.example", key=KEY)
    assert "secret" not in str(caught.value)
    assert (caught.value.__cause__, caught.value.__context__) == (None, None)


async def test_large_answers_are_parsed_off_the_loop(
    emulator: Emulator, queue: ImageQueue, monkeypatch: pytest.MonkeyPatch
) -> None:
    on_loop: list[bool] = []

    def watched(answer: Any, decode: Any) -> Any:
        on_loop.append(threading.current_thread() is threading.main_thread())
        return decoded(answer, decode)

    decoded = bot.image_queue.decoded
    monkeypatch.setattr(bot.image_queue, "decoded", watched)
    taken = await queue.submit(MODEL, FOX)
    assert (await queue.get(taken.request_id)).media
    emulator.behaviour = Behaviour(outcome="candidates")
    taken = await queue.submit(MODEL, {"prompt": "fox " * 40_000})
    record = await queue.get(taken.request_id)
    assert record.media
    assert on_loop == [True, True, True, False]


async def test_each_exchange_is_observed(emulator: Emulator) -> None:
    seen: list[tuple[str, str]] = []

    def observe(route: str, result: str, seconds: float) -> None:
        assert seconds >= 0
        seen.append((route, result))

    emulator.inject(Fault(route="submit", kind="drop"), Fault(route="get", kind="bad_gateway"))
    async with ImageQueue(base_url=emulator.base_url, key=KEY, read_timeout=5, observe=observe) as queue:
        await raised(queue.submit(MODEL, FOX))
        await raised(queue.get("r1"))
        await queue.download(Media(url=await queue.upload(PICTURE)))
        await queue.page(MODEL)
        await queue.models()
        await queue.model(MODEL)
        emulator.inject(Fault(route="submit", kind="hang"))
        queue._wire.bounds = {**queue._wire.bounds, "submit": Bounds(read=30, total=0.05, size=1000)}
        await raised(queue.submit(MODEL, FOX))
    async with closed_port() as address, ImageQueue(base_url=address, key=KEY, observe=observe) as queue:
        await raised(queue.get("r1"))
    assert seen == [
        ("submit", "cut"),
        ("get", "502"),
        ("upload_url", "200"),
        ("put", "200"),
        ("media", "200"),
        ("list", "200"),
        ("models", "200"),
        ("model", "200"),
        ("submit", "timeout"),
        ("get", "not_sent"),
    ]


# -- what is known of the queue -----------------------------------------------------------------------------------------


async def test_clock_is_the_queues_once_it_has_told_the_time() -> None:
    date = "Date: Sun, 22 Nov 2026 12:00:00 GMT"
    ours, theirs = 1_000_000.0, 1_795_348_800.0
    page = b"HTTP/1.1 200 OK\r\nContent-Type: text/html\r\nContent-Length: 2\r\n" + date.encode() + b"\r\n\r\nhi"
    answers = (
        page,
        http(b'{"model_ids":[]}'),
        http(b'{"model_ids":[]}', date, "Age: 90"),
        http(b'{"model_ids":[]}', date),
    )
    server = RawServer(*answers)
    async with server.serve(), ImageQueue(base_url=server.base_url, key=KEY, wall=lambda: ours) as queue:
        assert queue.now() == ours
        await raised(queue.models())  # a page of something between us has a clock of its own
        assert (queue.now(), queue.seen_at) == (ours, None)
        await queue.models()
        await queue.models()
        assert (queue.now(), queue.seen_at) == (ours, ours)
        await queue.models()
        assert queue.now() == theirs + 0.5
        ours += 30
        assert queue.now() == theirs + 30.5


async def test_trouble_is_told_until_it_is_over(emulator: Emulator, queue: ImageQueue) -> None:
    assert (queue.trouble, queue.seen_at) == (None, None)
    emulator.inject(Fault(route="models", kind="bad_gateway"))
    await raised(queue.models())
    assert queue.trouble == "HTTP 502: 502 Bad Gateway (a web page)"
    await queue.models()
    assert queue.trouble is None
    assert queue.seen_at is not None


async def test_refused_key_is_told_even_where_a_job_goes_on(emulator: Emulator, queue: ImageQueue) -> None:
    taken = await queue.submit(MODEL, FOX)
    emulator.account.keys = ("another-key",)
    assert type(await raised(queue.get(taken.request_id))) is RetryLater
    assert queue.trouble == "the queue refuses the key: put a valid one into GMI_API_KEY (HTTP 401: invalid api key)"
    await queue.public_models()
    assert queue.trouble
    assert "GMI_API_KEY" in queue.trouble
    emulator.account.keys = (KEY,)
    await queue.get(taken.request_id)
    assert queue.trouble is None


async def test_missing_credit_is_told_until_a_request_is_taken(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.account.credit = 0
    await raised(queue.submit(MODEL, FOX))
    await queue.models()
    assert queue.trouble
    assert queue.trouble.startswith("the account at GMI Cloud has no credit: add some")
    assert queue.seen_at is not None, "the queue is there, and says no as it should"
    emulator.account.credit = 1
    await queue.submit(MODEL, FOX)
    assert queue.trouble is None


async def test_refusal_of_one_request_is_no_trouble(emulator: Emulator, queue: ImageQueue) -> None:
    emulator.inject(Fault(route="submit", kind="rejected"))
    await raised(queue.submit(MODEL, FOX))
    assert queue.trouble is None
    assert queue.seen_at is not None


async def test_fault_of_the_bucket_is_no_trouble_of_the_queue(emulator: Emulator, queue: ImageQueue) -> None:
    address = await queue.upload(PICTURE)
    emulator.inject(Fault(route="media", kind="unavailable"))
    await raised(queue.download(Media(url=address)))
    assert queue.trouble is None


def test_longest_post_covers_the_read_timeout() -> None:
    assert ImageQueue(base_url="http://127.0.0.1:1", key=KEY, read_timeout=300).longest_post == 360
