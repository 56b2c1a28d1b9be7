"""With WEB_PASSWORD, does nobody see a page, a picture or a socket without it, and does whoever has it see them all?"""

import asyncio
import re
from urllib.parse import parse_qs, urlsplit

import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from adapters.web.sessions import PER_ADDRESS, SESSION_SECONDS
from tests.adapters.web.site import COOKIE, PASSWORD, handshake

HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}


async def page(request):
    return PlainTextResponse("the page")


async def echo(websocket):
    await websocket.accept()
    async for text in websocket.iter_text():
        await websocket.send_text(text)


def pages(app):
    app.router.routes += [
        WebSocketRoute("/_nicegui_ws/socket.io/", echo),
        Route("/{path:path}", page, methods=["GET", "POST"]),
    ]


@pytest.fixture
async def client(serve):
    async with serve(password=PASSWORD, add_pages=pages) as client:
        yield client


async def log_in(client, password=PASSWORD, **fields):
    return await client.post("/login", data={"password": password} | fields)


def socket(client):
    url = f"ws://{client.base_url.netloc.decode()}/_nicegui_ws/socket.io/"
    return connect(url, origin=str(client.base_url), additional_headers={"Cookie": cookies(client)}, proxy=None)


def cookies(client):
    return "; ".join(f"{name}={value}" for name, value in client.cookies.items())


PATHS = (
    "/",
    "/jobs",
    f"/pictures/{'0' * 64}",
    "/_nicegui/3.18.0/static/nicegui.js",
    "/_nicegui/client/x/upload/1",
    "/_nicegui_ws/socket.io/?EIO=4&transport=polling",
    "/readyz",
    "/metrics",
    "/logout",
    "//healthz",
    "/healthz/",
    "/healthz/..",
    "/%2e/healthz",
    "/login/x",
    "/HEALTHZ",
)


async def test_nothing_is_shown_without_the_password(client):
    for path in PATHS:
        url = str(client.base_url).rstrip("/") + path  # else httpx would join `//healthz` to the address
        assert (await client.get(url)).status_code == 401, path
        assert (await client.post(url)).status_code == 401, path
        to_people = await client.get(url, headers=HTML)
        assert to_people.status_code == 303, path
        assert to_people.headers["location"].startswith("/login?next="), path


async def test_health_check_needs_no_password(client):
    assert (await client.get("/healthz")).status_code == 200


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH"])
async def test_what_is_open_is_open_for_its_own_methods_only(client, method):
    for path in ("/healthz", "/metrics", *([] if method == "POST" else ["/login"])):
        response = await client.request(method, path, headers={"Authorization": f"Bearer {PASSWORD}"})
        assert (response.status_code, response.text) == (401, "Sign in at /login first.\n")


async def test_socket_does_not_open_without_the_password(client):
    origin = str(client.base_url)
    assert await handshake(client, "/_nicegui_ws/socket.io/", Origin=origin) == 403
    forged = {"Origin": origin, "Cookie": f"{COOKIE}=9999999999.x.{'0' * 64}"}
    assert await handshake(client, "/_nicegui_ws/socket.io/", **forged) == 403
    await log_in(client)
    assert await handshake(client, "/_nicegui_ws/socket.io/", Origin=origin, Cookie=cookies(client)) == 101


async def test_password_leads_to_the_page_that_was_asked_for(client):
    refused = await client.get("/jobs/0123?state=failed&x=a b", headers=HTML)
    login = await client.get(refused.headers["location"])
    assert login.status_code == 200
    hidden = re.search(r'name="next" value="([^"]*)"', login.text)[1]
    opened = await log_in(client, next=hidden.replace("&amp;", "&"))
    assert opened.status_code == 303
    target = urlsplit(opened.headers["location"])
    assert (target.path, parse_qs(target.query)) == ("/jobs/0123", {"state": ["failed"], "x": ["a b"]})
    assert (await client.get(opened.headers["location"])).text == "the page"


async def test_cookie_is_out_of_reach_of_scripts_and_foreign_forms(client):
    cookie = (await log_in(client)).headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=lax" in cookie
    assert f"max-age={SESSION_SECONDS}" in cookie
    assert "path=/" in cookie
    assert "secure" not in cookie, "a browser would not send it back over plain HTTP"


@pytest.mark.parametrize(
    "headers",
    [{"X-Forwarded-Proto": "https"}, {"Origin": "https://bot.example", "Host": "bot.example"}],
    ids=["told by the proxy", "told by the browser"],
)
async def test_cookie_that_came_by_https_goes_back_by_https_only(client, headers):
    answer = await client.post("/login", data={"password": PASSWORD}, headers=headers)
    assert answer.status_code == 303
    assert "; secure" in answer.headers["set-cookie"].lower()


async def test_wrong_password_is_told_so_and_opens_nothing(client):
    answer = await log_in(client, "wrong")
    assert answer.status_code == 403
    assert "That is not the password." in answer.text
    assert 'role="alert"' in answer.text
    assert "set-cookie" not in answer.headers
    assert (await client.get("/")).status_code == 401


async def test_odd_forms_are_wrong_passwords(client):
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    for body in (b"", b"password=%ff", b"password", b"&" * 5_000 + b"password", b"password=" + b"x" * 30_000):
        assert (await client.post("/login", content=body, headers=headers)).status_code == 403, body[:20]


async def test_guessing_is_slowed_down_even_for_the_right_password(client, clock):
    for _ in range(PER_ADDRESS.at_once):
        assert (await log_in(client, "wrong")).status_code == 403
    answer = await log_in(client)
    assert answer.status_code == 429
    assert answer.headers["retry-after"] == "60"
    assert "Try again in 60 seconds" in answer.text
    clock.advance(60)
    assert (await log_in(client)).status_code == 303


async def test_right_password_costs_no_guess(client):
    for _ in range(3 * PER_ADDRESS.at_once):
        assert (await log_in(client)).status_code == 303


async def test_guesses_count_by_the_address_that_the_proxy_names(client):
    async def guess(address):
        data = {"password": "wrong"}
        return (await client.post("/login", data=data, headers={"X-Forwarded-For": address})).status_code

    for number in range(PER_ADDRESS.at_once):
        assert await guess(f"203.0.113.{number}, 192.0.2.1") == 403  # what stands left of the last may be made up
    assert await guess("203.0.113.77, 192.0.2.1") == 429
    assert await guess("192.0.2.2") == 403


async def test_who_is_signed_in_notices_nothing_of_guessing(client):
    await log_in(client)
    for _ in range(PER_ADDRESS.at_once + 1):
        await log_in(client, "wrong")
    assert (await client.get("/")).text == "the page"
    assert (await client.get("/login?next=/jobs")).headers["location"] == "/jobs"


async def test_sign_out_ends_the_session_for_good(client):
    await log_in(client)
    stolen = cookies(client)
    assert '<form method="post" action="/logout">' in (await client.get("/logout")).text
    answer = await client.post("/logout")
    assert (answer.status_code, answer.headers["location"]) == (303, "/login")
    assert not client.cookies
    assert (await client.get("/", headers={"Cookie": stolen})).status_code == 401


async def test_open_socket_ends_with_its_session(client):
    await log_in(client)
    async with socket(client) as open_socket:
        await open_socket.send("one")
        assert await open_socket.recv() == "one"
        await client.post("/logout")
        await open_socket.send("two")
        with pytest.raises(ConnectionClosed) as closed:
            await open_socket.recv()
        assert closed.value.rcvd.code == 1008


async def test_session_outlives_its_server(serve):
    async with serve(password=PASSWORD, add_pages=pages) as client:
        await log_in(client)
        kept = cookies(client)
    async with serve(password=PASSWORD, add_pages=pages) as client:
        assert (await client.get("/", headers={"Cookie": kept})).status_code == 200
    async with serve(password="another password", add_pages=pages) as client:
        assert (await client.get("/", headers={"Cookie": kept})).status_code == 401


ELSEWHERE = (
    "https://evil.example/",
    "//evil.example",
    "/\\evil.example",
    "\\\\evil.example",
    "javascript:alert(1)",
    "",
    "x",
    "/\t/evil.example",
    "/x\r\nSet-Cookie: a=b",
)


async def test_login_leads_nowhere_but_here(client):
    for target in ELSEWHERE:
        assert (await log_in(client, next=target)).headers["location"] == "/", target


async def test_login_page_shows_what_it_was_given_as_text(client):
    login = await client.get("/login", params={"next": '/"><script>alert(1)</script>'})
    assert "<script" not in login.text
    assert "script-src" not in login.headers["content-security-policy"]
    assert "default-src 'none'" in login.headers["content-security-policy"]


async def test_monitoring_takes_the_password_itself(client):
    for path in ("/readyz", "/metrics"):
        assert (await client.get(path, headers={"Authorization": f"Bearer {PASSWORD}"})).status_code == 200
        assert (await client.get(path, auth=("prometheus", PASSWORD))).status_code == 200
        await log_in(client)
        assert (await client.get(path)).status_code == 200
        client.cookies.clear()


async def test_monitoring_refuses_anything_else(client, clock):
    for credentials in ("Bearer wrong", "Bearer", "Basic !!!", "Basic d3Jvbmc=", "Digest x", ""):
        answer = await client.get("/metrics", headers={"Authorization": credentials})
        assert answer.status_code == 401, credentials
        assert answer.headers["www-authenticate"].startswith("Bearer"), credentials
        clock.advance(PER_ADDRESS.every)


async def test_monitoring_guesses_are_slowed_down_too(client):
    for _ in range(PER_ADDRESS.at_once):
        await client.get("/metrics", headers={"Authorization": "Bearer wrong"})
    answer = await client.get("/metrics", headers={"Authorization": f"Bearer {PASSWORD}"})
    assert answer.status_code == 429
    assert (await log_in(client)).status_code == 429


async def test_password_in_a_header_opens_monitoring_only(client):
    assert (await client.get("/", headers={"Authorization": f"Bearer {PASSWORD}"})).status_code == 401


async def test_without_a_password_there_is_nothing_to_sign_in_to(serve):
    async with serve() as client:
        assert (await client.get("/login")).status_code == 404
        assert (await client.get("/readyz")).status_code == 200
        assert (await client.get("/metrics")).status_code == 200


async def test_concurrent_guesses_are_counted_one_by_one(client):
    statuses = [answer.status_code for answer in await asyncio.gather(*(log_in(client, "wrong") for _ in range(20)))]
    assert statuses.count(403) == PER_ADDRESS.at_once
    assert statuses.count(429) == 20 - PER_ADDRESS.at_once


async def test_password_is_never_logged(client, capfd, caplog):
    await log_in(client, "a mistyped secret")
    await log_in(client)
    out, err = capfd.readouterr()
    assert "wrong_password" in out + err + caplog.text
    for secret in ("a mistyped secret", PASSWORD, client.cookies[COOKIE]):
        assert secret not in out + err + caplog.text
