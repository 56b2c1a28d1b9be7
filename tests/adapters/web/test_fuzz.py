"""Whatever is sent to the HTTP server: an answer below 500 that protects itself, nothing without the password, and the next is heard."""

import asyncio
import hashlib
import html
import json
import logging
import re
from contextlib import suppress
from random import Random
from urllib.parse import quote

import pytest
from hypothesis import settings
from starlette.responses import PlainTextResponse
from starlette.routing import Route
from websockets.exceptions import ConnectionClosed

from tests.adapters.web.site import COOKIE, PASSWORD
from tests.adapters.web.test_serving import program, socket, to_the_end
from tests.mutations import mutated
from tests.world import photos

REQUESTS = 3 * settings().max_examples
SECRET_PAGE = "what only who is signed in may see"
HEADERS = ("content-security-policy", "x-content-type-options", "referrer-policy", "x-frame-options", "cache-control")


async def page(request):
    await request.body()
    return PlainTextResponse(SECRET_PAGE)


def pages(app):
    app.router.routes += [Route("/{path:path}", page, methods=["GET", "POST"])]


# -- requests that no browser makes ---------------------------------------------------------------------------------

METHODS = ["GET", "GET", "GET", "POST", "POST", "HEAD", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "PROPFIND", "FOO"]
PATHS = [
    "/", "/login", "/login?next=//evil.example", "/logout", "/healthz", "/readyz", "/metrics", "/operator", "/c/x",
    "/pictures/", "/pictures/..", "/pictures/../../etc/passwd", "/pictures/%2e%2e%2f%2e%2e%2fetc%2fpasswd",
    "/pictures/..%5c..%5cdarkroom.db", "/pictures/%00", "/pictures/" + "a" * 64 + "/..", "/pictures/" + "A" * 64,
    "/pictures/" + "%c3%a9" * 32, "/pictures/" + "0" * 64 + "?w=" + "9" * 5_000, "/pictures/" + "0" * 64 + "?w=%d9%a3",
    "/pictures/" + "0" * 64 + "?w=-1", "/%", "/%ff%fe", "//", "/\\", "/" + "x" * 20_000, "/?" + "&".join("a" * 9_000),
    "/login?next=%0d%0aSet-Cookie:%20a=b", "/login?next=%ed%a0%80", "*", "http://evil.example/", "/%F0%9F%A6%8A",
    "/_nicegui/client/../upload/1", "/_nicegui/client/x/upload/" + "9" * 5_000,
]  # fmt: skip
VALUES = [
    "", " ", "x" * 5_000, "9" * 30, "9" * 5_000, "-1", "\xff\xfe", "\u00b2", "null", "[::", "[:::]", "evil.example", "a:99999",
    "http://evil.example", "Bearer", "Bearer \xff", "Basic !!!", "Basic " + "Og==" * 500, "Basic /w==", "gzip, gzip", "*",
    f"{COOKIE}=", f"{COOKIE}=..", f"{COOKIE}=9.9.9", f'{COOKIE}="\\377\\000"', ";" * 3_000, "=;" * 1_000, "W/" * 2_000,
]  # fmt: skip
NAMES = [
    "Cookie", "Host", "Origin", "Authorization", "Content-Type", "Accept", "X-Forwarded-For", "X-Forwarded-Host",
    "X-Forwarded-Proto", "If-None-Match", "Sec-Fetch-Site", "Sec-Fetch-Mode", "Range", "Content-Encoding", "Expect",
]  # fmt: skip
BODIES = [
    b"", b"password=", b"password=x&next=//evil.example", b"password=%ff%fe", b"\xff\xfe", b"&" * 5_000, b"a=b&" * 5_000,
    b"password=" + b"x" * 30_000, b"{}", b"[" * 10_000, b"password=%ed%a0%80", b"next=%00&password=%00",
]  # fmt: skip


def drawn(random, host):
    """One request's bytes."""
    path, body = random.choice(PATHS), random.choice(BODIES)
    if random.random() < 0.3:
        path = "/" + quote(bytes(random.randrange(256) for _ in range(random.randrange(40))), safe="/?&=.%")
    headers = [("Host", host), ("Connection", "close"), ("Content-Length", str(len(body)))]
    for _ in range(random.randrange(4)):
        name, value = random.choice(NAMES), random.choice(VALUES)
        headers = [(n, v) for n, v in headers if n != name or random.random() < 0.2] + [(name, value)]
    head = [f"{random.choice(METHODS)} {path} HTTP/1.1", *(f"{name}: {value}" for name, value in headers), "", ""]
    return "\r\n".join(head).encode("latin-1", "replace") + body


async def answered(client, request):
    """(status, headers, body) of one answer; status 0 where the connection was closed without one."""
    reader, writer = await asyncio.open_connection(client.base_url.host, client.base_url.port)
    try:
        writer.write(request)
        raw = await asyncio.wait_for(reader.read(), 20)
    finally:
        writer.close()
    head, _, body = raw.partition(b"\r\n\r\n")
    first, *lines = head.decode("latin-1").split("\r\n")
    headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
    return int(first.split()[1]) if first else 0, headers, body


@pytest.mark.parametrize("password", [None, PASSWORD])
async def test_absurd_requests_are_answered_safely(serve, store, password, caplog):
    caplog.set_level(logging.WARNING)
    picture = photos.png("a.png").data
    await store.put_blob(picture, 0.0)
    random = Random(8)
    seen = set()
    async with serve(password=password, add_pages=pages) as client:
        for _ in range(REQUESTS):
            request = drawn(random, client.base_url.netloc.decode())
            status, headers, body = await answered(client, request)
            seen.add(status)
            assert status < 500, request[:200]
            assert "evil.example" not in headers.get("location", "").removeprefix("/login?next="), request[:200]
            if b"Invalid HTTP request" not in body:  # what is no HTTP is answered before anything of ours
                assert status == 0 or all(name in headers for name in HEADERS), (request[:200], headers)
            if password:
                assert SECRET_PAGE.encode() not in body, request[:200]
        assert (await client.get("/healthz")).status_code == 200
        path = f"/pictures/{hashlib.sha256(picture).hexdigest()}"
        assert (await client.get(path)).status_code == (401 if password else 200)
    assert {200, 403, 404, 405} & seen
    assert not [record for record in caplog.records if record.exc_info]


# -- what open pages send -------------------------------------------------------------------------------------------

SENDING = {
    "id": "01234567-89ab-cdef-0123-456789abcdef",
    "text": "a fox",
    "files": [{"name": "a.png", "size": 9}],
    "image": 0,
}
ARGS = [SENDING, "Ann", "/c/general", {"path": "/t/x"}, [SENDING], None, 7, {"job": "0123456789abcdef", "image": 0}]


def listeners(page):
    """(element, listener) of everything on a page that tells the server something."""
    elements = json.loads(html.unescape(re.search(r"parseElements\(String\.raw`(.*?)`\)", page, re.DOTALL)[1]))
    return [(int(id), event["listener_id"]) for id, element in elements.items() for event in element.get("events", ())]


async def test_mutated_messages_of_pages_end_nothing(tmp_path):
    random = Random(9)
    async with program(tmp_path) as client:
        client.cookies.set("darkroom_name", "Ann")
        page = (await client.get("/")).text
        known, id = listeners(page), re.search(r"client_id\W+([0-9a-f-]{36})", page)[1]
        shake = {"client_id": id, "tab_id": "tab", "document_id": "document", "next_message_id": 0}
        async with socket(client, page) as opened:
            await opened.recv()
            await opened.send("40")
            await opened.send("420" + json.dumps(["handshake", shake]))
            async for frame in opened:
                if frame.startswith("430"):
                    assert json.loads(frame[3:]) == [True]
                    break
            answers = asyncio.create_task(to_the_end(opened))
            for _ in range(settings().max_examples):
                element, listener = random.choice(known)
                args = mutated(random.choice(ARGS), random)
                event = {"id": element, "client_id": id, "listener_id": listener, "args": args}
                kind = random.choice(["event"] * 8 + ["ack", "log", "javascript_response", "handshake", "no such"])
                event = mutated(event, random, most=1) if random.random() < 0.3 else event
                await opened.send("42" + json.dumps([kind, event]))
            for frame in ("42", "42{}", "42[]", "4", "9", "x", "51-[", '451-["event",{"_placeholder":true,"num":7}]'):
                with suppress(ConnectionClosed):  # what is no packet may cost this one its connection
                    await opened.send(frame)
            answers.cancel()
        assert (await client.get("/healthz")).json()["alive"]
        again = (await client.get("/")).text
        async with socket(client, again) as opened:
            assert json.loads((await opened.recv()).removeprefix("0"))["sid"]
        for upload in (f"{id}/upload/{'9' * 5_000}", f"{id}/upload/x", f"{id}/upload/1", "..%2f..%2fx/upload/1"):
            answer = await client.post(f"/_nicegui/client/{upload}", content=b"\x89PNG")
            assert answer.status_code in {404, 405, 410, 422}, upload
