"""What can an operator tell the bot, running or not? retry and forget; each is done by the bot, or alone where none runs."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from uuid import uuid4

from bot import control, limits, messages
from bot.app import open_store
from bot.changes import Changes
from bot.clock import Clock
from bot.config import Settings
from bot.metrics import Metrics
from bot.service import Service


def control_socket(settings: Settings) -> Path:
    """Where the running bot on this store takes commands: beside an SQLite database, else in DATA_DIR of the machine on which
    the process runs that hears members.
    """
    return control.socket_path(settings.data_dir if settings.store_is_shared else _folder(settings.store_url))


def _folder(url: str) -> Path:
    return Path(url.partition("///")[2] or ".").parent


def of(service: Service) -> dict[str, control.Command]:
    """What a bot does when it is asked."""

    async def ping(_: dict[str, Any]) -> str:
        return "I am running."

    return {
        "ping": ping,
        "retry": lambda asked: retry(service, asked["job"]),
        "forget": lambda asked: forget(service, asked["user"]),
    }


async def give(settings: Settings, name: str, arguments: dict[str, Any]) -> str:
    """Has the running bot do it, or does it alone where none runs on this machine: processes that share the store hear of
    it, so that workers make what is to be made, and the gateway shows what was cancelled. Raises UserError, StoreBusy,
    SettingsError.
    """
    try:
        return await control.ask(control_socket(settings), name, arguments)
    except control.NoBot:
        pass
    store = await open_store(settings.store_url, exclusive=True)
    try:
        clock = Clock()
        clock.move(await clock.gap(store.now))
        alone = Service(store, Changes(), Metrics(), limits=limits.Limits(), model=settings.gmi_model, clock=clock)
        return await of(alone)[name](arguments)
    finally:
        await store.close()


async def retry(service: Service, job_id: str) -> str:
    """Makes a new job with the same request, whatever the member's limits say."""
    job = await service.again(job_id, source_id=f"cli:{uuid4()}", unlimited=True)
    return f"Job {job.id} asks for the same again."


async def forget(service: Service, user: str) -> str:
    """user: `platform:id`."""
    platform, _, person_id = user.partition(":")
    forgotten = await service.forget(platform, person_id)
    if not forgotten.jobs and not forgotten.pictures:
        return f"Nothing of {user} is kept. `darkroom jobs` shows how members are called."
    return messages.forgotten(user, forgotten.jobs, forgotten.pictures)
