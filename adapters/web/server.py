"""How does a web server live inside the bot? In the bot's own event loop, without taking its signals or its log."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Callable, Iterable, Iterator
from contextlib import AbstractAsyncContextManager, asynccontextmanager, contextmanager, suppress

import structlog
import uvicorn
from starlette.types import ASGIApp

from adapters.web.heartbeat import Heartbeat
from adapters.web.listening import BACKLOG, listen, url
from bot.errors import GiveUp

STOP_SECONDS = 1
"""How long answers under way may take at the end, and then the pages' own clean-up."""

_MAX_WEBSOCKET_MESSAGE = 2_000_000  # bytes; socket.io's own limit is one million

Lifespan = Callable[[], AbstractAsyncContextManager[object]]


class Server:
    """The HTTP server of one process. host and ports: the first port that is free is taken (0: any)."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        host: str,
        ports: Iterable[int],
        heartbeat: Heartbeat,
        lifespan: Lifespan | None = None,
    ) -> None:
        self._app = app
        self._host = host
        self._ports = ports
        self._heartbeat = heartbeat
        self._lifespan = lifespan or _nothing
        self._settled = asyncio.Event()
        self._url: str | None = None
        self._why_not: Exception | None = None
        self._log = structlog.get_logger("web")

    async def started(self) -> str:
        """The base URL, `http://127.0.0.1:8080`, as soon as it can be opened.

        Raises GiveUp with a sentence when the address cannot be had, for example because the port is in use.
        """
        await self._settled.wait()
        if self._url is None:
            raise self._why_not or GiveUp("The HTTP server was stopped before it could listen.")
        return self._url

    async def run(self) -> None:
        """Serves until cancelled, then stops within two seconds, whatever pages are open. Raises GiveUp like `started`."""
        beating = asyncio.create_task(self._heartbeat.run())
        try:
            await self._serve()
        except Exception as error:
            self._why_not = error
            raise
        finally:
            self._settled.set()
            beating.cancel()
            with suppress(asyncio.CancelledError):
                await beating

    async def _serve(self) -> None:
        with await listen(self._host, self._ports) as listener:
            async with _bounded_exit(self._lifespan()):
                server = _Uvicorn(_config(self._app), lambda: self._listening(listener.getsockname()[1]))
                serving = asyncio.create_task(server.serve(sockets=[listener]))
                try:
                    await asyncio.shield(serving)
                finally:
                    await _stop(server, serving)

    def _listening(self, port: int) -> None:
        self._url = url(self._host, port)
        self._settled.set()
        self._log.info("web_listening", url=self._url)


class _Uvicorn(uvicorn.Server):
    """Draining is for the bot as a whole to do, so this neither takes the signals nor ends the interpreter."""

    def __init__(self, config: uvicorn.Config, on_started: Callable[[], None]) -> None:
        super().__init__(config)
        self._on_started = on_started
        self._asked_to_stop = asyncio.Event()

    def stop(self) -> None:
        self.should_exit = True
        self._asked_to_stop.set()

    async def main_loop(self) -> None:
        """Uvicorn looks ten times a second whether it should stop; this waits, and renews the Date header each second."""
        while not await self.on_tick(0):
            with suppress(TimeoutError):
                async with asyncio.timeout(1.0):
                    await self._asked_to_stop.wait()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self._on_started()


def _config(app: ASGIApp) -> uvicorn.Config:
    return uvicorn.Config(
        app,
        lifespan="off",  # ours is entered beside it: uvicorn would answer a failure with sys.exit
        log_config=None,
        access_log=False,
        server_header=False,
        backlog=BACKLOG,
        ws_max_size=_MAX_WEBSOCKET_MESSAGE,
        forwarded_allow_ips="127.0.0.1,::1",  # only a proxy on this machine is believed whose request it passes on
        timeout_graceful_shutdown=STOP_SECONDS,
    )


async def _stop(server: _Uvicorn, serving: asyncio.Task[None]) -> None:
    server.stop()
    _, late = await asyncio.wait({serving}, timeout=2 * STOP_SECONDS)
    if late:
        serving.cancel()
        await asyncio.wait({serving})


@asynccontextmanager
async def _bounded_exit(context: AbstractAsyncContextManager[object]) -> AsyncIterator[None]:
    """The same context, whose end may take a second and no more."""
    await context.__aenter__()
    try:
        yield
    finally:
        with suppress(TimeoutError):
            async with asyncio.timeout(STOP_SECONDS):
                await context.__aexit__(None, None, None)


@asynccontextmanager
async def _nothing() -> AsyncIterator[None]:
    yield
