"""Listening, and stopping at once whatever is waiting."""

import asyncio
import contextlib
import signal
import socket

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from bot.emulator import Emulator, EmulatorOptions, run
from bot.emulator.clock import Clock
from bot.emulator.wire import Listener
from tests.bot.emulator.caller import NO_TLS, QUEUE, served


async def test_run_tells_its_address_and_serves_until_cancelled():
    told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
    running = asyncio.create_task(run(EmulatorOptions(paint=False), "127.0.0.1", 0, tell=told.set_result))
    base_url = await told

    async with httpx.AsyncClient(base_url=base_url, verify=NO_TLS, trust_env=False) as http:
        assert (await http.get(f"{QUEUE}/models")).status_code == 200
        running.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await running
        with pytest.raises(httpx.ConnectError):
            await http.get(f"{QUEUE}/models")


async def test_signals_stay_with_the_program():
    before = [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)]

    async with Emulator(EmulatorOptions(paint=False)).serve():
        assert [signal.getsignal(one) for one in (signal.SIGINT, signal.SIGTERM)] == before


async def test_port_that_is_taken_is_refused():
    async with served(EmulatorOptions(paint=False)) as (emulator, _):
        port = httpx.URL(emulator.base_url).port
        assert port is not None
        with pytest.raises(OSError):
            async with Emulator().serve(port=port):
                pass


async def test_small_answers_are_sent_at_once():
    async def no_delay(request: Request) -> Response:
        connection = request.scope["transport"].get_extra_info("socket")
        return JSONResponse(connection.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY))

    clock = Clock()
    listener = Listener(Starlette(routes=[Route("/", no_delay)]), clock)
    await listener.open("127.0.0.1", 0)
    try:
        async with httpx.AsyncClient(verify=NO_TLS, trust_env=False) as http:
            assert (await http.get(f"http://127.0.0.1:{listener.port}/")).json() == 1
    finally:
        await listener.close()


async def test_emulator_stops_at_once_with_held_calls_and_unfinished_pictures(caplog: pytest.LogCaptureFixture):
    async with served(EmulatorOptions(paint=False, latency=3600.0)) as (emulator, caller):
        emulator.behave(delivery="sync")
        hold = emulator.hold("list", at="arrival")
        waiting = [asyncio.create_task(caller.post({"prompt": "a fox"})), asyncio.create_task(caller.list())]
        await hold.reached()
        await caller.http.get("/_emulator/records")

    for ended in await asyncio.gather(*waiting, return_exceptions=True):
        assert isinstance(ended, httpx.TransportError)
    assert caplog.records == []
    assert [task for task in asyncio.all_tasks() if task is not asyncio.current_task()] == []


async def test_two_emulators_share_a_loop_but_nothing_else():
    options = EmulatorOptions(paint=False)
    async with served(options) as (one, caller_of_one), served(options) as (other, _):
        await caller_of_one.ask()
        assert (one.paid, other.paid) == (1, 0)
        assert one.base_url != other.base_url
