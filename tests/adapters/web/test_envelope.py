"""Is a body that is too large refused before it is kept, and does every answer tell browsers how to protect it?"""

import asyncio

import pytest
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.responses import PlainTextResponse
from starlette.routing import Route

from adapters.web.envelope import MAX_BODY, MAX_UPLOAD
from tests.adapters.web.site import status_of_head

UPLOAD = "/_nicegui/client/3c9a/upload/17"


@pytest.fixture
def heard():
    """What the application came to see of a body: its length, or that the client has gone."""
    return []


@pytest.fixture
async def client(serve, heard):
    async def take(request):
        try:
            heard.append(len(await request.body()))
        except ClientDisconnect:
            heard.append("gone")
            raise
        return PlainTextResponse("taken")

    async def hasty(request):
        raise HTTPException(400, "no")

    def pages(app):
        app.router.routes += [
            Route("/form", take, methods=["GET", "POST"]),
            Route("/hasty", hasty, methods=["POST"]),
            Route("/_nicegui/client/{client}/upload/{element}", take, methods=["POST"]),
        ]

    async with serve(add_pages=pages) as client:
        yield client


async def chunks(size):
    for _ in range(size // 100_000):
        yield bytes(100_000)
    yield bytes(size % 100_000)


async def test_body_up_to_the_limit_is_taken(client, heard):
    assert (await client.post("/form", content=bytes(MAX_BODY))).text == "taken"
    assert (await client.post("/form", content=chunks(MAX_BODY))).text == "taken"
    assert heard == [MAX_BODY, MAX_BODY]


async def test_body_that_says_it_is_too_large_is_refused_unread(client, heard):
    answer = await client.post("/form", content=bytes(MAX_BODY + 1))
    assert answer.status_code == 413
    assert "at most 1 MB" in answer.text
    assert heard == []


async def test_body_that_turns_out_too_large_is_refused(client, heard):
    answer = await client.post("/form", content=chunks(MAX_BODY + 1))
    assert answer.status_code == 413
    assert "at most 1 MB" in answer.text
    assert heard == ["gone"]


async def test_uploads_may_be_larger_and_are_limited_too(client, heard):
    assert (await client.post(UPLOAD, content=chunks(MAX_BODY + 1))).text == "taken"
    assert await status_of_head(client, f"POST {UPLOAD}", {"Content-Length": str(MAX_UPLOAD + 1)}) == 413
    assert (await client.post(UPLOAD + "/x", content=bytes(MAX_BODY + 1))).status_code == 413
    assert (await client.post("/x" + UPLOAD, content=bytes(MAX_BODY + 1))).status_code == 413
    assert heard == [MAX_BODY + 1]


async def test_answer_that_needs_no_body_is_given_without_it(client):
    assert (await client.post("/hasty", content=chunks(MAX_BODY - 1))).status_code == 400


async def test_every_answer_protects_itself(client):
    refused = {"Host": "evil.example"}
    answers = [
        await client.get("/form"),
        await client.get("/nowhere"),
        await client.get("/healthz"),
        await client.get("/healthz", headers=refused),
        await client.post("/form", content=bytes(MAX_BODY + 1)),
    ]
    assert [answer.status_code for answer in answers] == [200, 404, 200, 403, 413]
    for answer in answers:
        assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
        assert "default-src 'self'" in answer.headers["content-security-policy"]
        assert answer.headers["x-content-type-options"] == "nosniff"
        assert answer.headers["x-frame-options"] == "DENY"
        assert answer.headers["referrer-policy"] == "same-origin"
        assert answer.headers["cross-origin-resource-policy"] == "same-origin"
        assert answer.headers["cache-control"] == "no-store"
        assert "server" not in answer.headers


async def test_client_that_goes_in_the_middle_harms_nobody(client, heard):
    url = client.base_url
    reader, writer = await asyncio.open_connection(url.host, url.port)
    writer.write(b"POST /form HTTP/1.1\r\nHost: localhost\r\nContent-Length: 1000\r\n\r\nonly this")
    await writer.drain()
    writer.close()
    await writer.wait_closed()
    assert await reader.read() == b""
    assert (await client.get("/form")).text == "taken"
    assert heard[-1] == 0
