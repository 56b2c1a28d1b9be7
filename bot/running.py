"""In what order does the bot start, run and stop? Until SIGTERM or SIGINT; then no new work, the running steps, the pages."""

from __future__ import annotations

import asyncio
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog

from bot import commands, control
from bot.app import App, assembled, probe
from bot.config import Adapter, Settings
from bot.errors import GiveUp, RetryLater
from bot.health import Health
from bot.metrics import Metrics
from bot.ports import Platform, Store, StoreBusy
from bot.service import Service
from bot.views import Views

DAY = 86_400.0
LAG_SECONDS = 1.0  # between two looks at the event loop's lag
UNUSED_BLOB_SECONDS = DAY  # an upload that never became part of a request
MOST_BLOB_BYTES = 20_000_000_000
"""Above this the oldest ended requests lose their pictures before their time, so that a disk doesn't fill."""

MEND_SECONDS = 60.0  # until a task that a bug ended is begun again


async def run(
    settings: Settings,
    adapters: Sequence[Adapter],
    *,
    ports: range | None = None,
    tell: Callable[[str], None] | None = None,
) -> None:
    """Runs the bot until SIGTERM or SIGINT, then drains and returns.

    ports: the first free one is listened on, instead of HTTP_PORT. tell: is given the HTTP server's address, once it
    listens. Raises StoreBusy, SettingsError, and GiveUp when the server cannot listen.
    """

    def connect(service: Service, views: Views) -> dict[str, Platform]:
        return {a.name: a.module.connect(a.settings, service, views) for a in adapters}

    async with assembled(settings, connect) as app:
        stop = asyncio.Event()
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, stop.set)
        try:
            await _run_until(stop, app, await _server(app, adapters, ports), tell)
        finally:
            for number in (signal.SIGTERM, signal.SIGINT):
                loop.remove_signal_handler(number)


async def _run_until(stop: asyncio.Event, app: App, server: Any | None, tell: Callable[[str], None] | None) -> None:
    log = structlog.get_logger("app")
    serving = await _begin(server, tell) if server else None
    polling = asyncio.create_task(app.poller.run(), name="poller")
    beside = [
        *(
            asyncio.create_task(_listen(platform, app.health), name=f"platform-{name}")
            for name, platform in app.platforms.items()
        ),
        *(
            asyncio.create_task(_keep_up(name, work, app.health), name=name)
            for name, work in (
                ("control", lambda: control.serve(commands.control_socket(app.settings), commands.of(app.service))),
                ("retention", lambda: _retain(app)),
                ("loop-lag", lambda: _watch_loop(app.metrics)),
            )
        ),
        asyncio.create_task(probe(app.queue, app.health, app.settings.gmi_model, time.time), name="probe"),
    ]
    log.info("started", platforms=sorted(app.platforms), model=app.settings.gmi_model)
    stopping = asyncio.create_task(stop.wait(), name="stop")
    vital = [task for task in (polling, serving) if task]
    try:
        await asyncio.wait([stopping, *vital], return_when=asyncio.FIRST_COMPLETED)
        log.info("stopping")
    finally:
        # no new work first, then the running steps, then the pages that show them
        for task in (stopping, *beside):
            task.cancel()
        app.poller.stop()
        await asyncio.gather(stopping, *beside, return_exceptions=True)
        polled = await asyncio.gather(polling, return_exceptions=True)
        if serving:
            serving.cancel()
        served = await asyncio.gather(*([serving] if serving else []), return_exceptions=True)
        log.info("stopped")
    for result in (*polled, *served):
        if isinstance(result, Exception):
            raise result


async def _server(app: App, adapters: Sequence[Adapter], ports: range | None) -> Any | None:
    """The HTTP server runs whenever HTTP_PORT is set; the playground opens on it when PLATFORMS names it."""
    web = next((adapter for adapter in adapters if adapter.name == "web"), None)
    if web is None and app.settings.http_port is None:
        return None
    web = web or Adapter("web")
    return web.module.serve(
        web.settings,
        app.service,
        app.views,
        playground=app.platforms.get("web"),
        port=ports,
        secret=await _secret(app.store),
        data_dir=app.settings.data_dir,
        routes=_routes(app, adapters),
    )


def _routes(app: App, adapters: Sequence[Adapter]) -> list[Any]:
    """What other platforms need of the server: an adapter that is called over HTTP exports `routes(platform)`."""
    return [
        route
        for adapter in adapters
        if hasattr(adapter.module, "routes")
        for route in adapter.module.routes(app.platforms[adapter.name])
    ]


async def _begin(server: Any, tell: Callable[[str], None] | None) -> asyncio.Task[None]:
    """The HTTP server as a task, once it listens. Raises GiveUp when it cannot."""
    serving = asyncio.create_task(server.run(), name="http")
    try:
        address = await server.started()
    except BaseException:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)
        raise
    structlog.get_logger("app").info("http", address=address)
    if tell:
        tell(address)
    return serving


async def _secret(store: Store) -> str:
    """What signs the browsers' sessions; kept in the store, so that they survive a restart."""
    kept = await store.recall("app", "web_secret", time.time())
    if kept is None:
        kept = {"secret": secrets.token_urlsafe(32)}
        await store.remember("app", "web_secret", kept)
    return str(kept["secret"])


async def _listen(platform: Platform, health: Health) -> None:
    """A platform that stops listening for good is told to the operator; the others go on."""
    log = structlog.get_logger("app")
    try:
        await platform.run()
        reason = platform.trouble() or "it stopped listening"
    except (RetryLater, GiveUp) as error:
        reason = error.reason
    except Exception:
        log.exception("platform_failed", platform=platform.name)
        reason = "it stopped by a bug; see the log"
    health.failed(platform.name, reason, now=time.time(), owner=True)


async def _keep_up(name: str, work: Callable[[], Awaitable[None]], health: Health) -> None:
    """Begins again what ended by a fault: told once, never in silence."""
    log = structlog.get_logger("app")
    while True:
        try:
            await work()
        except OSError as error:
            health.failed(name, f"{name}: {error}", now=time.time(), owner=True)
        except Exception:
            log.exception("task_failed", task=name)
            health.failed(name, f"{name} stopped by a bug; see the log", now=time.time())
        await asyncio.sleep(MEND_SECONDS)
        health.worked(name, now=time.time())


async def _retain(app: App) -> None:
    """Retention, at the start and then daily."""
    while True:
        now = time.time()
        try:
            await retain(app, now)
        except StoreBusy as error:
            app.health.failed("database", str(error), now=now)
        await asyncio.sleep(DAY)


async def retain(app: App, now: float) -> None:
    """Removes what has been kept for RETENTION_DAYS, and bytes that nothing needs. Raises StoreBusy."""
    swept = await app.store.sweep(
        before=now - app.settings.retention_days * DAY,
        unused_before=now - UNUSED_BLOB_SECONDS,
        max_bytes=MOST_BLOB_BYTES,
    )
    if swept.jobs or swept.pictures:
        structlog.get_logger("app").info("retention", jobs=swept.jobs, pictures=swept.pictures)


async def _watch_loop(metrics: Metrics) -> None:
    loop = asyncio.get_running_loop()
    while True:
        began = loop.time()
        await asyncio.sleep(LAG_SECONDS)
        metrics.loop_lag(max(0.0, loop.time() - began - LAG_SECONDS))
