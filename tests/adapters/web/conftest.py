"""The HTTP server with everything before the pages, on real sockets; the pages themselves are tested in a browser."""

from contextlib import asynccontextmanager

import httpx
import pytest

from adapters.web.auth import Auth
from adapters.web.heartbeat import Heartbeat
from adapters.web.server import Server
from adapters.web.sessions import Brake, Sessions
from adapters.web.site import build
from bot.changes import Changes
from bot.health import Health
from bot.metrics import Metrics
from bot.views import Views
from storage import sqlite
from tests.adapters.web.site import COOKIE, SECRET, Clock, running


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
async def store(tmp_path):
    opened = await sqlite.open_store(f"sqlite:///{tmp_path}/data/darkroom.db", exclusive=True)
    yield opened
    await opened.close()


@pytest.fixture
def health():
    return Health()


@pytest.fixture
def views(store, health, clock):
    async def probe_queue():
        pytest.fail("a queue that was just seen needs no probe")

    return Views(
        store, Changes(), health, Metrics(), clock=clock, probe_queue=probe_queue, queue_seen_at=lambda: clock.now
    )


@pytest.fixture
def serve(views, clock):
    """Makes servers, each with a client of its own, to enter with `async with`."""

    @asynccontextmanager
    async def served(*, password=None, add_pages=None, routes=(), heartbeat=None):
        heartbeat = heartbeat or Heartbeat()
        auth = Auth(Sessions(password, secret=SECRET, clock=clock), Brake(clock), cookie=COOKIE) if password else None
        app, lifespan = build(views, heartbeat, auth=auth, add_pages=add_pages, routes=routes)
        server = Server(app, host="127.0.0.1", ports=[0], heartbeat=heartbeat, lifespan=lifespan)
        async with running(server) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
            yield client

    return served
