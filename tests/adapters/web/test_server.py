"""Does the server start in the bot's loop, say so or why not, tell its health, and stop at once when asked?"""

import asyncio
import signal
import socket
from contextlib import asynccontextmanager

import httpx
import pytest
from starlette.responses import PlainTextResponse
from starlette.routing import Route, WebSocketRoute
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed

from adapters.web import check
from adapters.web.heartbeat import HUNG_SECONDS, Heartbeat
from adapters.web.listening import listen, url
from adapters.web.server import Server
from adapters.web.settings import Settings
from bot.errors import GiveUp
from tests.adapters.web.site import PASSWORD, running


async def hello(scope, receive, send):
    await PlainTextResponse("hello")(scope, receive, send)


def server(app=hello, *, host="127.0.0.1", ports=(0,), lifespan=None):
    return Server(app, host=host, ports=ports, heartbeat=Heartbeat(), lifespan=lifespan)


async def get(address):
    async with httpx.AsyncClient(trust_env=False) as client:
        return await client.get(address)


@pytest.fixture
def taken():
    """A port that another program listens on."""
    with socket.create_server(("127.0.0.1", 0)) as other:
        yield other.getsockname()[1]


# -- start and stop ----------------------------------------------------------------------------------------------------


async def test_address_can_be_opened_as_soon_as_it_is_told():
    async with running(server()) as address:
        assert (await get(address)).text == "hello"


async def test_signals_stay_the_bots():
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)]
    async with running(server()):
        assert [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)] == before


async def test_port_in_use_is_told_with_what_to_do(taken):
    one = server(ports=[taken])
    serving = asyncio.create_task(one.run())
    with pytest.raises(GiveUp, match=f"Port {taken} of 127.0.0.1 is in use .* HTTP_PORT"):
        await one.started()
    with pytest.raises(GiveUp, match=f"Port {taken}"):
        await serving


async def test_first_free_port_of_several_is_taken(taken):
    async with running(server(ports=[taken, 0])) as address:
        assert (await get(address)).text == "hello"
    with pytest.raises(GiveUp, match=f"Ports {taken} to {taken} of 127.0.0.1 are all in use"):
        await listen("127.0.0.1", [taken, taken])


@pytest.mark.parametrize(
    ("host", "sentence"),
    [
        ("192.0.2.1", "HTTP_HOST=192.0.2.1 is not an address of this machine"),
        ("bot..example", "HTTP_HOST=bot..example is no name"),
    ],
)
async def test_host_that_is_not_here_is_told(host, sentence):
    with pytest.raises(GiveUp, match=sentence):
        await listen(host, [0])


async def test_server_that_was_stopped_before_it_listened_says_so():
    starting = asyncio.Event()

    @asynccontextmanager
    async def slow():
        starting.set()
        await asyncio.Event().wait()
        yield

    one = server(lifespan=slow)
    serving = asyncio.create_task(one.run())
    await starting.wait()
    serving.cancel()
    with pytest.raises(GiveUp, match="stopped before it could listen"):
        await one.started()
    with pytest.raises(asyncio.CancelledError):
        await serving


async def test_port_is_free_again_afterwards():
    async with running(server()) as address:
        port = httpx.URL(address).port
    async with running(server(ports=[port])) as again:
        assert again == address


async def test_start_that_fails_is_raised_and_ends_nothing_else():
    @asynccontextmanager
    async def broken():
        raise RuntimeError("the pages do not start")
        yield

    one = server(lifespan=broken)
    serving = asyncio.create_task(one.run())
    with pytest.raises(RuntimeError, match="the pages do not start"):
        await one.started()
    with pytest.raises(RuntimeError, match="the pages do not start"):
        await serving


async def test_pages_start_before_and_stop_after_the_requests():
    seen = []

    @asynccontextmanager
    async def lifespan():
        seen.append("start")
        yield
        seen.append("stop")

    async def app(scope, receive, send):
        seen.append("request")
        await hello(scope, receive, send)

    async with running(server(app, lifespan=lifespan)) as address:
        await get(address)
    assert seen == ["start", "request", "stop"]


async def test_stop_waits_neither_for_open_sockets_nor_for_slow_answers_nor_for_pages(serve):
    asked = asyncio.Event()

    async def talk(websocket):
        await websocket.accept()
        await websocket.receive_text()

    async def never(request):
        asked.set()
        await asyncio.Event().wait()

    def pages(app):
        app.router.routes += [WebSocketRoute("/socket", talk), Route("/never", never)]

        @asynccontextmanager
        async def lifespan(_):
            yield
            await asyncio.Event().wait()

        app.router.lifespan_context = lifespan

    async with asyncio.timeout(30):  # a guard only: it would wait for ever
        async with serve(add_pages=pages) as client:
            address = f"ws://{client.base_url.netloc.decode()}/socket"
            open_socket = await connect(address, origin=str(client.base_url), proxy=None)
            waiting = asyncio.create_task(client.get("/never"))
            await asked.wait()
        with pytest.raises(ConnectionClosed):
            await open_socket.recv()
        answer = (await asyncio.gather(waiting, return_exceptions=True))[0]
        assert isinstance(answer, httpx.TransportError) or answer.status_code == 500


async def test_other_platforms_routes_are_open_to_their_own_callers(serve):
    async def events(request):
        return PlainTextResponse("heard")

    async with serve(password=PASSWORD, routes=[Route("/slack/events", events, methods=["POST"])]) as client:
        foreign = {"Host": "tunnel.example", "Origin": "https://slack.example"}
        assert (await client.post("/slack/events", headers=foreign)).text == "heard"
        assert (await client.post("/slack/events", content=bytes(1_000_001))).status_code == 413
        assert (await client.post("/slack/eventsx")).status_code == 401


@pytest.mark.parametrize(
    ("host", "address"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),  # noqa: S104  nothing binds to it here
        ("::", "http://[::1]:80"),
        ("::1", "http://[::1]:80"),
        ("localhost", "http://localhost:80"),
    ],
)
def test_address_is_one_that_a_browser_opens(host, address):
    assert url(host, 80) == address


# -- health ------------------------------------------------------------------------------------------------------------


async def test_healthz_tells_that_the_loop_turns(serve):
    async with serve() as client:
        answer = await client.get("/healthz")
    assert answer.status_code == 200
    told = answer.json()
    assert told.keys() == {"service", "alive", "uptime_seconds", "loop_lag_seconds"}
    assert told["alive"] is True


async def test_healthz_tells_that_the_loop_hung(serve, clock):
    async with serve(heartbeat=Heartbeat(clock)) as client:
        clock.advance(HUNG_SECONDS + 3)
        answer = await client.get("/healthz")
    assert answer.status_code == 503
    assert answer.json()["alive"] is False
    assert answer.json()["uptime_seconds"] == HUNG_SECONDS + 3


async def test_readyz_names_what_is_wrong(serve, health):
    async with serve() as client:
        answer = await client.get("/readyz")
        assert (answer.status_code, answer.json()) == (200, {"ready": True, "problems": {}})
        health.failed("queue", "The key was refused", now=0, owner=True)
        answer = await client.get("/readyz")
        assert answer.status_code == 503
        assert answer.json() == {"ready": False, "problems": {"queue": "The key was refused"}}
        health.worked("queue", now=0)
        assert (await client.get("/readyz")).status_code == 200


async def test_metrics_are_prometheus_text(serve):
    async with serve() as client:
        answer = await client.get("/metrics")
    assert answer.headers["content-type"] == "text/plain; version=0.0.4; charset=utf-8"
    assert 'darkroom_jobs_open{state="queued"} 0.0' in answer.text.splitlines()


# -- darkroom check ----------------------------------------------------------------------------------------------------


async def found(*, playground=True, **settings):
    return {finding.subject: finding for finding in await check(Settings(**settings), named=playground)}


async def test_check_of_a_server_that_nobody_asked_for():
    findings = await found(playground=False)
    assert [(f.ok, "HTTP_PORT" in f.text) for f in findings.values()] == [(None, True)]


async def test_check_tells_the_address_of_a_free_port(taken):
    findings = await found(http_port=0)
    assert findings["HTTP server"].ok is True
    assert findings["WEB_PASSWORD"].ok is True
    assert "only this machine" in findings["WEB_PASSWORD"].text


async def test_check_tells_a_port_that_is_in_use():
    async with await asyncio.start_server(lambda _, writer: writer.close(), "127.0.0.1", 0) as other:
        port = other.sockets[0].getsockname()[1]
        finding = (await found(http_port=port))["HTTP server"]
    assert finding.ok is False
    assert f"Port {port}" in finding.text


async def test_check_knows_a_bot_that_runs(serve):
    async with serve(password=PASSWORD) as client:
        finding = (await found(http_port=client.base_url.port))["HTTP server"]
    assert finding.ok is True
    assert "running" in finding.text


async def test_check_refuses_a_public_host_without_a_password():
    findings = await found(http_port=0, http_host="192.0.2.1")
    assert [(f.ok, "WEB_PASSWORD" in f.text) for f in findings.values()] == [(False, True)]


@pytest.mark.parametrize(
    ("settings", "ok", "words"),
    [
        ({"web_password": "sesame"}, None, "shorter"),
        ({"web_password": "a long password"}, True, "is set"),
        ({"web_password": "a long password", "http_host": "192.0.2.1"}, None, "TLS"),
    ],
)
async def test_check_judges_the_password(settings, ok, words):
    finding = (await found(http_port=0, **settings))["WEB_PASSWORD"]
    assert finding.ok is ok
    assert words in finding.text
    assert settings["web_password"] not in finding.text
