"""What can be asked of a process without pages: whether it is alive, whether it can work, its figures; and nothing else."""

import httpx
import pytest

from adapters import web
from bot.changes import Changes
from bot.errors import GiveUp
from bot.health import Health
from bot.metrics import Metrics
from bot.views import Views
from tests.adapters.web.site import PASSWORD, running


def settings(**given):
    return web.Settings(**{"http_host": "127.0.0.1", "http_port": 0, **given})


async def test_only_monitoring_is_answered(views):
    async with running(web.watch(settings(), views)) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        assert (await client.get("/healthz")).json()["alive"]
        assert (await client.get("/readyz")).json() == {"ready": True, "problems": {}}
        assert b"darkroom" in (await client.get("/metrics")).content
        for path in ("/", "/operator", "/pictures/" + "0" * 64, "/login", "/t/abc"):
            assert (await client.get(path)).status_code == 404, path


async def test_it_stands_behind_the_same_password(views):
    server = web.watch(settings(web_password=PASSWORD), views)
    async with running(server) as url, httpx.AsyncClient(base_url=url, trust_env=False) as client:
        assert (await client.get("/healthz")).status_code == 200
        assert (await client.get("/metrics")).status_code == 401
        assert (await client.get("/readyz", headers={"Authorization": f"Bearer {PASSWORD}"})).status_code == 200


def test_public_host_without_a_password_is_refused():
    with pytest.raises(GiveUp, match="set WEB_PASSWORD"):
        web.watch(settings(http_host="192.0.2.7"), None)


async def test_process_that_asks_the_queue_nothing_is_ready_without_it(store, health, clock):
    views = Views(store, Changes(), Health(), Metrics(), clock=clock, probe_queue=None, queue_seen_at=lambda: None)
    assert (await views.readiness()).ready
