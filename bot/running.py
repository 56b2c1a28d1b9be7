"""In what order does the bot start, run and stop? Until SIGTERM or SIGINT; then no new work, the running steps, the pages."""

from __future__ import annotations

import asyncio
import resource
import secrets
import signal
import time
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AsyncExitStack, suppress
from typing import Any

import structlog

from bot import commands, control
from bot.app import App, Connect, assembled, probe
from bot.config import Adapter, Settings
from bot.errors import GiveUp, RetryLater
from bot.metrics import Metrics
from bot.ports import Platform, StoreAway, StoreBusy
from bot.service import Service
from bot.views import Views

DAY = 86_400.0
LAG_SECONDS = 0.25
"""Between two samples of the event loop's lag: a thousand, of which a p99 can be told, in four minutes, for 0.1 % of a core."""

LAG_MOST_SECONDS = 60.0  # of the time in which nobody sampled, as while a laptop slept, no more counts
STORE_PAUSE_SECONDS = 1.0  # until a store that could not be asked is asked again
STORE_QUIET_SECONDS = 30.0
"""A store that can be written again has recovered when nothing else failed for so long: a full disk takes small writes."""

UNUSED_BLOB_SECONDS = DAY  # an upload that never became part of a request
MOST_BLOB_BYTES = 20_000_000_000
"""Above this the oldest ended requests lose their pictures before their time, so that a disk doesn't fill."""

REMOVAL_SECONDS = 300.0  # between two attempts to take back what its platform would not let go of

MOST_FILES = 8_192
"""Open at once: each POST that waits for its picture is one (GMI_IN_FLIGHT), and the usual soft limit is 1,024."""

MEND_SECONDS = 60.0  # until a task that a bug ended is begun again
CLOCK_SECONDS = 60.0  # between two looks at the store's clock
UNNOTICED_SECONDS = 5.0
"""Time that passed without us is downtime from here on, and counts towards no deadline."""


async def run(
    settings: Settings,
    adapters: Sequence[Adapter],
    *,
    ports: range | None = None,
    tell: Callable[[str], None] | None = None,
) -> None:
    """Runs the bot until SIGTERM or SIGINT, then drains and returns. A database server that does not answer yet is waited for.

    ports: the first free one is listened on, instead of HTTP_PORT. tell: is given the HTTP server's address, once it
    listens. Raises StoreBusy, SettingsError, and GiveUp when the server cannot listen.
    """

    def connect(service: Service, views: Views) -> dict[str, Platform]:
        return {a.name: a.module.connect(a.settings, service, views) for a in adapters}

    allow_open_files()
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    try:
        async with AsyncExitStack() as stack:
            app = await _assembled(settings, connect, stop, stack)
            if app is not None:
                await _run_until(stop, app, await _server(app, adapters, ports), tell)
    finally:
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.remove_signal_handler(number)


def allow_open_files() -> None:
    """As many as may be, up to MOST_FILES; where the system says no, what it allows has to do."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(MOST_FILES, hard)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        with suppress(ValueError, OSError):
            resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


async def _assembled(settings: Settings, connect: Connect, stop: asyncio.Event, stack: AsyncExitStack) -> App | None:
    """None where it was stopped before the store's server answered: after a power cut that one may come back later."""
    told: str | None = None
    while not stop.is_set():
        try:
            return await stack.enter_async_context(assembled(settings, connect))
        except StoreAway as error:
            if told != (told := str(error)):
                structlog.get_logger("app").warning("waiting_for_database", reason=told)
        with suppress(TimeoutError):
            async with asyncio.timeout(STORE_PAUSE_SECONDS):
                await stop.wait()
    return None


async def _run_until(stop: asyncio.Event, app: App, server: Any | None, tell: Callable[[str], None] | None) -> None:
    log = structlog.get_logger("app")
    role = app.settings.role
    serving = await _begin(server, tell) if server else None
    polling = asyncio.create_task(app.poller.run(), name="poller")
    beside = [
        *(
            asyncio.create_task(_listen(platform, app), name=f"platform-{name}")
            for name, platform in app.platforms.items()
        ),
        *(asyncio.create_task(_keep_up(name, work, app), name=name) for name, work in _beside(app)),
    ]
    if role.works:
        probing = probe(app.queue, app.health, app.settings.gmi_model, app.clock)
        beside.append(asyncio.create_task(probing, name="probe"))
    log.info("started", role=role.value, platforms=sorted(app.platforms), model=app.settings.gmi_model)
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


def _beside(app: App) -> list[tuple[str, Callable[[], Awaitable[None]]]]:
    """What goes on beside the poller and the platforms. What is for one process of a bot to do, the one that listens does."""
    everywhere: list[tuple[str, Callable[[], Awaitable[None]]]] = [
        ("clock", lambda: _keep_time(app)),
        ("database", lambda: watch_store(app)),
        ("loop-lag", lambda: watch_loop(app.metrics)),
    ]
    if not app.settings.role.listens:
        return everywhere
    socket = commands.control_socket(app.settings)
    return [
        ("control", lambda: control.serve(socket, commands.of(app.service))),
        ("retention", lambda: _retain(app)),
        ("removals", lambda: _remove(app)),
        *everywhere,
    ]


async def _server(app: App, adapters: Sequence[Adapter], ports: range | None) -> Any | None:
    """The HTTP server runs whenever HTTP_PORT is set; the playground opens on it when PLATFORMS names it.

    A worker's has no pages, and so runs for nothing but a port of its own.
    """
    if not app.settings.role.listens:
        return _watched(app) if app.settings.http_port is not None else None
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
        secret=await _secret(app),
        data_dir=app.settings.data_dir,
        routes=_routes(app, adapters),
    )


def _watched(app: App) -> Any:
    web = Adapter("web")
    return web.module.watch(web.settings, app.views)


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


async def _secret(app: App) -> str:
    """What signs the browsers' sessions; kept in the store, so that they survive a restart."""
    kept = await app.store.recall("app", "web_secret", app.clock())
    if kept is None:
        kept = {"secret": secrets.token_urlsafe(32)}
        await app.store.remember("app", "web_secret", kept)
    return str(kept["secret"])


async def _listen(platform: Platform, app: App) -> None:
    """A platform that stops listening for good is told to the operator; the others go on."""
    log = structlog.get_logger("app")
    try:
        await platform.run(listens=app.settings.role.listens)
        reason = platform.trouble() or "it stopped listening"
    except (RetryLater, GiveUp) as error:
        reason = error.reason
    except Exception:
        log.exception("platform_failed", platform=platform.name)
        reason = "it stopped by a bug; see the log"
    app.health.failed(platform.name, reason, now=app.clock(), owner=True)


async def _keep_up(name: str, work: Callable[[], Awaitable[None]], app: App) -> None:
    """Begins again what ended by a fault: told once, never in silence."""
    log = structlog.get_logger("app")
    while True:
        try:
            await work()
        except OSError as error:
            app.health.failed(name, f"{name}: {error}", now=app.clock(), owner=True)
        except Exception:
            log.exception("task_failed", task=name)
            app.health.failed(name, f"{name} stopped by a bug; see the log", now=app.clock())
        await asyncio.sleep(MEND_SECONDS)
        app.health.worked(name, now=app.clock())


async def watch_store(app: App) -> None:
    """A store in trouble is tried until it can be written again; then all that waits for it goes on at once."""
    while True:
        trouble = await app.health.trouble_of("database")
        await asyncio.sleep(STORE_PAUSE_SECONDS)
        with suppress(StoreBusy):
            await app.store.check_writable()
            if app.clock() - trouble.seen_at >= STORE_QUIET_SECONDS:
                app.health.worked("database", now=app.clock())
                app.poller.wake()


async def _keep_time(app: App) -> None:
    while True:
        try:
            await keep_time(app)
        except StoreBusy:
            await asyncio.sleep(STORE_PAUSE_SECONDS)
            continue
        with suppress(TimeoutError):
            async with asyncio.timeout(CLOCK_SECONDS):
                await app.clock.stepped.wait()


async def keep_time(app: App) -> None:
    """Lets the bot's clock follow the store's. Time that passed without us, as while a laptop slept, is downtime: the
    deadlines move before anybody can see that they have passed. Raises StoreBusy.
    """
    gap = await app.clock.gap(app.store.now)
    if gap > UNNOTICED_SECONDS:
        await app.poller.postpone(gap)
    step = app.clock.move(gap)
    if gap > 0:
        app.queue.clock_moved(gap)
    if abs(step) > UNNOTICED_SECONDS:
        structlog.get_logger("app").warning("clock_stepped", seconds=round(step, 1))
        if app.settings.role.works:
            await probe(app.queue, app.health, app.settings.gmi_model, app.clock)  # it tells the queue's time
        app.poller.wake()


async def _remove(app: App) -> None:
    while True:
        await asyncio.sleep(REMOVAL_SECONDS)
        app.poller.showing.remove_what_is_left()


async def _retain(app: App) -> None:
    """Retention, at the start and then daily."""
    while True:
        with suppress(StoreBusy):
            await retain(app, app.clock())
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


async def watch_loop(
    metrics: Metrics,
    *,
    clock: Callable[[], float] = time.monotonic,
    sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
) -> None:
    """Samples how late the loop does what is due. What became due while it stood still is sampled, too, each by its own
    lateness: whoever wanted something in that time waited for so long, and one sample of it would hide in a percentile.
    """
    due = clock()
    while True:
        due = max(due + LAG_SECONDS, clock() - LAG_MOST_SECONDS)
        await sleep(due - clock())
        metrics.loop_lag(max(0.0, clock() - due))
