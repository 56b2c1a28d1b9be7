"""What belongs to a bot, and how is it put together? The composition root: everything is made here."""

from __future__ import annotations

import importlib
import random
import time
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass

from bot.changes import Changes
from bot.config import Settings, SettingsError
from bot.errors import GiveUp, RetryLater
from bot.health import Health
from bot.image_queue import ImageQueue
from bot.metrics import Metrics
from bot.poller import Poller
from bot.ports import Platform, Store
from bot.service import Service
from bot.steps.step import World
from bot.views import Views

NO_KEY = "GMI_API_KEY is not set. Put the key of your GMI Cloud account into the environment or into .env."

READ_TIMEOUT = 300.0
"""Seconds that a POST may take to answer: some models answer only when the picture is made."""


Connect = Callable[[Service, Views], Mapping[str, Platform]]


@dataclass(frozen=True, kw_only=True, slots=True)
class App:
    """A bot that is put together and not yet running."""

    settings: Settings
    store: Store
    queue: ImageQueue
    health: Health
    metrics: Metrics
    service: Service
    views: Views
    poller: Poller
    platforms: Mapping[str, Platform]


async def open_store(url: str, *, exclusive: bool = False, read_only: bool = False) -> Store:
    """The engine is the file of `storage/` that has the URL's scheme for its name. Raises StoreBusy, SettingsError."""
    scheme = url.partition("://")[0].partition("+")[0]
    try:
        engine = importlib.import_module(f"storage.{scheme}")
    except ModuleNotFoundError as error:
        if error.name not in (f"storage.{scheme}", "storage"):
            raise
        raise SettingsError(
            f"DATABASE_URL: there is no storage for {scheme!r}. Use sqlite:///path/to/darkroom.db."
        ) from None
    store: Store = await engine.open_store(url, exclusive=exclusive, read_only=read_only)
    return store


def make_queue(
    settings: Settings,
    metrics: Metrics | None = None,
    *,
    read_timeout: float = READ_TIMEOUT,
    clock: Callable[[], float] = time.time,
) -> ImageQueue:
    """Raises SettingsError without a key."""
    if settings.gmi_api_key is None:
        raise SettingsError(NO_KEY)
    try:
        return ImageQueue(
            base_url=settings.gmi_base_url,
            key=settings.gmi_api_key.get_secret_value(),
            read_timeout=read_timeout,
            wall=clock,
            observe=metrics.queue_request if metrics else None,
        )
    except ValueError as error:
        raise SettingsError(str(error)) from None


@asynccontextmanager
async def assembled(
    settings: Settings,
    connect: Connect,
    *,
    clock: Callable[[], float] = time.time,
    rng: random.Random | None = None,
    read_timeout: float = READ_TIMEOUT,
) -> AsyncIterator[App]:
    """Opens the store for this process alone and wires everything; closes it all at the end.

    Raises StoreBusy (another bot has the store, or it cannot be used) and SettingsError.
    """
    amounts = settings.limits()
    metrics = Metrics()
    queue = make_queue(settings, metrics, read_timeout=read_timeout, clock=clock)
    store = await open_store(settings.store_url, exclusive=True)
    platforms: Mapping[str, Platform] = {}
    try:
        await store.start(clock())
        changes, health = Changes(), Health()
        service = Service(store, changes, metrics, limits=amounts, model=settings.gmi_model, clock=clock)
        views = Views(
            store,
            changes,
            health,
            metrics,
            clock=clock,
            probe_queue=lambda: probe(queue, health, settings.gmi_model, clock),
            queue_seen_at=lambda: queue.seen_at,
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
        )
        poller = Poller(world, in_flight=settings.gmi_in_flight)
        yield App(
            settings=settings,
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
