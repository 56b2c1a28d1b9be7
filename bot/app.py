"""What belongs to a bot, and how is it put together? The composition root: everything is made here."""

from __future__ import annotations

import importlib
import random
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from bot.changes import Changes
from bot.clock import Clock
from bot.config import Settings, SettingsError
from bot.errors import GiveUp, RetryLater
from bot.experience import Experience
from bot.health import Health, watched
from bot.image_queue import ImageQueue
from bot.metrics import Metrics
from bot.pace import Pace
from bot.poller import Poller
from bot.ports import BackedUp, Platform, Store
from bot.room import Room
from bot.rounds import Rounds
from bot.service import Service
from bot.steps.step import World
from bot.views import Views

DOWNLOADS, UPLOADS = 32_000_000, 64_000_000
"""Bytes of results that are in memory at once while they are fetched and stored, and while they are posted: a platform takes
pictures more slowly than the queue can finish them.
"""

NO_KEY = "GMI_API_KEY is not set. Put the key of your GMI Cloud account into the environment or into .env."


Connect = Callable[[Service, Views], Mapping[str, Platform]]


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """A bot that is put together and not yet running."""

    settings: Settings
    clock: Clock
    store: Store
    queue: ImageQueue
    health: Health
    metrics: Metrics
    service: Service
    views: Views
    poller: Poller
    platforms: Mapping[str, Platform]


async def open_store(url: str, *, exclusive: bool = False, read_only: bool = False) -> Store:
    """Raises StoreBusy, SettingsError."""
    store: Store = await _engine(url).open_store(url, exclusive=exclusive, read_only=read_only)
    return store


async def back_up(url: str, file: Path) -> BackedUp:
    """Archives everything that is stored, also while a bot works on it. Raises StoreBusy, SettingsError."""
    engine = _engine(url)
    if not hasattr(engine, "back_up"):
        raise SettingsError(
            "The database server has its own way, which needs no pause either: `pg_dump --format=custom --file=FILE "
            "DATABASE_URL`. It takes the pictures along; `pg_restore` puts everything back into an empty database."
        )
    done: BackedUp = await engine.back_up(url, file)
    return done


def _engine(url: str) -> ModuleType:
    """The engine is the file of `storage/` that has the URL's scheme for its name."""
    scheme = url.partition("://")[0].partition("+")[0]
    try:
        return importlib.import_module(f"storage.{scheme}")
    except ModuleNotFoundError as error:
        if error.name not in (f"storage.{scheme}", "storage"):
            raise
        raise SettingsError(
            f"DATABASE_URL: there is no storage for {scheme!r}. Use sqlite:///path/to/darkroom.db, or "
            "postgresql://user:password@host:5432/darkroom."
        ) from None


def make_queue(
    settings: Settings,
    metrics: Metrics | None = None,
    *,
    clock: Callable[[], float] | None = None,
    pace: Pace | None = None,
) -> ImageQueue:
    """Raises SettingsError without a key, but for a gateway, which asks the queue nothing."""
    if settings.gmi_api_key is None and settings.role.works:
        raise SettingsError(NO_KEY)
    try:
        return ImageQueue(
            base_url=settings.gmi_base_url,
            key=settings.gmi_api_key.get_secret_value() if settings.gmi_api_key else "",
            wall=clock or Clock(),
            observe=metrics.queue_request if metrics else None,
            pace=pace,
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


@asynccontextmanager
async def assembled(
    settings: Settings,
    connect: Connect,
    *,
    clock: Clock | None = None,
    rng: random.Random | None = None,
) -> AsyncIterator[App]:
    """Opens the store and wires everything that the process' role needs; closes it all at the end.

    clock: follows the store's from here on.
    Raises StoreBusy (another bot has the store, or it cannot be used) and SettingsError.
    """
    amounts = settings.limits()
    clock = clock or Clock()
    metrics = Metrics()
    role, pace = settings.role, Pace(settings.gmi_requests_per_second)
    changes, health = Changes(), Health()
    queue = make_queue(settings, metrics, clock=clock, pace=pace)
    try:
        opened = await open_store(settings.store_url, exclusive=True)
    except BaseException:
        await queue.aclose()  # a server that is waited for is tried again and again
        raise
    store = watched(opened, lambda reason: health.failed("database", reason, now=clock()))
    if settings.store_is_shared:
        pace.share(lambda rate, burst: store.take("queue", rate=rate, burst=burst, now=clock()))
    platforms: Mapping[str, Platform] = {}
    try:
        clock.move(await clock.gap(store.now))
        if role.works:
            await store.start(clock())
        service = Service(store, changes, metrics, limits=amounts, model=settings.gmi_model, clock=clock)
        views = Views(
            store,
            changes,
            health,
            metrics,
            clock=clock,
            probe_queue=(lambda: probe(queue, health, settings.gmi_model, clock)) if role.works else None,
            queue_seen_at=lambda: queue.seen_at,
            describe=queue.model if role.works else None,
        )
        platforms = connect(service, views)
        views.watch(tuple(platforms.values()))
        world = World(
            store=store,
            queue=queue,
            platforms=platforms,
            changes=changes,
            health=health,
            metrics=metrics,
            clock=clock,
            rng=rng or random.Random(),
            rounds=Rounds(queue, store, Experience(store, clock), clock),
            downloads=Room(DOWNLOADS),
            uploads=Room(UPLOADS),
        )
        poller = Poller(world, in_flight=settings.gmi_in_flight, claims=role.works, listens=role.listens)
        yield App(
            settings=settings,
            clock=clock,
            store=store,
            queue=queue,
            health=health,
            metrics=metrics,
            service=service,
            views=views,
            poller=poller,
            platforms=platforms,
        )
    finally:
        for platform in platforms.values():
            await platform.close()
        await queue.aclose()
        await store.close()


async def probe(queue: ImageQueue, health: Health, model: str, clock: Callable[[], float]) -> None:
    """Asks the queue for its models, which costs nothing: is it there, is the key good, is the model served?"""
    try:
        served = await queue.models()
    except RetryLater as error:
        health.failed("queue", error.reason, now=clock())
    except GiveUp as error:
        health.failed("queue", f"{error.kind.value}: {error.reason}", now=clock(), owner=True)
    else:
        if model in served and queue.trouble is None:
            health.worked("queue", now=clock())
        elif model not in served:
            reason = f"model: {model} is not among the models served to this account; set GMI_MODEL to one of them"
            health.failed("queue", reason, now=clock(), owner=True)
