"""Is what a foreign web page makes a browser send refused, and what people and their tools send let in?"""

from itertools import product

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute

from tests.adapters.web.site import PASSWORD, handshake


async def take(request):
    return PlainTextResponse(str(len(await request.body())))


async def talk(websocket):
    await websocket.accept()
    await websocket.close()


def pages(app):
    app.router.routes += [Route("/form", take, methods=["GET", "POST"]), WebSocketRoute("/socket", talk)]


@pytest.fixture
async def client(serve):
    async with serve(add_pages=pages) as client:
        yield client


def own(client):
    """(Host, Origin) as a browser sends them that has the page open under the server's own address."""
    authority = client.base_url.netloc.decode()
    return authority, f"http://{authority}"


async def test_this_machine_by_any_of_its_names_is_answered(client):
    for name in ("127.0.0.1", "localhost", "LocalHost", "[::1]", "bot.localhost", "127.0.0.1:9999"):
        assert (await client.get("/healthz", headers={"Host": name})).status_code == 200, name


FOREIGN_NAMES = (
    "evil.example",
    "evil.example:8080",
    "127.0.0.1.evil.example",
    "192.0.2.1",
    "user@127.0.0.1",
    "127.0.0.1/x",
    "localhost:x",
)


async def test_rebound_name_is_refused(client):
    for path, name in product(("/healthz", "/readyz", "/metrics", "/pictures/x", "/form"), FOREIGN_NAMES):
        answer = await client.get(path, headers={"Host": name})
        assert answer.status_code == 403, (path, name)
        assert "WEB_PASSWORD" in answer.text or "names no host" in answer.text, (path, name)


async def test_proxy_that_hides_a_public_name_is_refused_without_a_password(client):
    answer = await client.get("/healthz", headers={"X-Forwarded-Host": "bot.example"})
    assert answer.status_code == 403
    assert "WEB_PASSWORD" in answer.text


async def test_own_page_and_tools_may_post(client):
    host, origin = own(client)
    assert (await client.post("/form", content=b"x", headers={"Origin": origin})).text == "1"
    assert (await client.post("/form", content=b"x")).text == "1", "curl names no origin"
    fetched = {"Origin": origin, "Sec-Fetch-Site": "same-origin", "Sec-Fetch-Mode": "cors"}
    assert (await client.post("/form", content=b"x", headers=fetched)).status_code == 200
    assert (await client.get("/form", headers={"Origin": origin.upper(), "Host": host.upper()})).status_code == 200


FOREIGN_ORIGINS = ("http://evil.example", "null", "https://127.0.0.1", "http://127.0.0.1", "file://", "")


async def test_foreign_origin_is_refused_whatever_the_method(client):
    for method, origin in product(("GET", "POST", "PUT", "OPTIONS"), FOREIGN_ORIGINS):
        answer = await client.request(method, "/form", headers={"Origin": origin})
        assert answer.status_code == 403, (method, origin)
        assert "another site" in answer.text, (method, origin)


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_site_may_link_here_and_nothing_else(client, site):
    async def status(method, mode):
        headers = {"Sec-Fetch-Site": site, "Sec-Fetch-Mode": mode}
        return (await client.request(method, "/form", headers=headers)).status_code

    assert await status("GET", "navigate") == 200
    assert await status("GET", "no-cors") == 403, "as an image or a script"
    assert await status("POST", "navigate") == 403, "as a form"


async def test_websocket_opens_for_our_own_page_only(client):
    _, origin = own(client)
    assert await handshake(client, "/socket", Origin=origin) == 101
    assert await handshake(client, "/socket", Origin="http://evil.example") == 403
    assert await handshake(client, "/socket") == 403, "browsers always name the origin"
    assert await handshake(client, "/socket", Origin="http://evil.example", Host="evil.example") == 403
    assert await handshake(client, "/socket", Origin=f"http://localhost:{client.base_url.port}") == 403
    localhost = f"localhost:{client.base_url.port}"
    assert await handshake(client, "/socket", Origin=f"http://{localhost}", Host=localhost) == 101


async def test_with_a_password_any_name_will_do_but_the_origin_must_still_be_it(serve):
    async with serve(password=PASSWORD) as client:

        async def told(host, origin, **others):
            """What the login answers to a password: it takes none from another site."""
            headers = {"Host": host, "Origin": origin} | others
            return (await client.post("/login", data={"password": "wrong"}, headers=headers)).text

        assert (await client.get("/healthz", headers={"Host": "bot.example"})).status_code == 200
        assert "not the password" in await told("bot.example", "https://bot.example")
        assert "not the password" in await told("bot.example:443", "https://bot.example")
        assert "not the password" in await told("10.0.0.7:80", "https://b.example", **{"X-Forwarded-Host": "b.example"})
        for origin in ("https://evil.example", "https://bot.example:8443", "null"):
            assert "another site" in await told("bot.example", origin)
