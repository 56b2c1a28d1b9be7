"""What works, and what is to be done about what doesn't? The lines of `darkroom check`."""

from __future__ import annotations

from collections.abc import AsyncIterator

from pydantic import SecretStr

from bot import app, commands, config, control
from bot.errors import GiveUp, RetryLater, UserError
from bot.image_queue import ImageQueue
from bot.model import Finding
from bot.ports import StoreBusy

RETIRED = {
    "gemini-2.5-flash-image": (
        "Google announced the end of this model for 2 October 2026; the queue may still serve it. If jobs stay queued, set "
        "GMI_MODEL to a successor such as gemini-3.1-flash-image."
    )
}
"""What is known of a model's end, by its id; from Google's own page of deprecations, as of November 2026."""


_ROLES = {
    config.Role.ALL: "all: this process hears members, makes their pictures and posts them.",
    config.Role.GATEWAY: "gateway: this process hears members and stores what they ask; pictures are made by workers.",
    config.Role.WORKER: "worker: this process makes pictures and posts them; members are heard by the gateway.",
}


async def findings() -> AsyncIterator[Finding]:
    """One finding after the other, as they become known."""
    try:
        settings = config.load()
        settings.limits()
        yield Finding(subject="settings", ok=True, text="All settings can be read.")
        for sentence in config.misspelt():
            yield Finding(subject="settings", ok=None, text=sentence)
    except config.SettingsError as error:
        yield Finding(subject="settings", ok=False, text=str(error))
        return
    yield Finding(subject="role", ok=True, text=_ROLES[settings.role])
    yield await _database(settings)
    if settings.role.works:
        async for finding in _queue(settings):
            yield finding
    try:
        adapters = config.chosen_adapters(settings)
    except config.SettingsError as error:
        yield Finding(subject="platforms", ok=False, text=str(error))
        return
    yield Finding(subject="platforms", ok=True, text=f"Runs {', '.join(adapter.name for adapter in adapters)}.")
    for name in config.left_out(settings):
        text = f"The token of {name} is set, but PLATFORMS does not name it, so it stays off. Name it there to run it: PLATFORMS={{}}"
        yield Finding(subject="platforms", ok=None, text=text.format(",".join((*settings.platforms, name))))
    if settings.http_port is not None and all(adapter.name != "web" for adapter in adapters):
        adapters.append(config.Adapter("web"))
    for adapter in adapters:
        named = adapter.name in settings.platforms
        for finding in await adapter.module.check(adapter.settings, named=named, listens=settings.role.listens):
            yield finding


async def _is_running(settings: config.Settings) -> bool:
    try:
        await control.ask(commands.control_socket(settings), "ping", {})
    except control.NoBot:
        return False
    except UserError:
        return True  # somebody answers, if only an older version
    return True


async def _database(settings: config.Settings) -> Finding:
    if not settings.store_is_shared and await _is_running(settings):
        return Finding(subject="database", ok=True, text=f"{settings.shown_store_url} is in use by the running bot.")
    try:
        store = await app.open_store(settings.store_url, exclusive=True)
    except (StoreBusy, config.SettingsError) as error:
        return Finding(subject="database", ok=False, text=str(error))
    try:
        await store.check_writable()
    except StoreBusy as error:
        return Finding(subject="database", ok=False, text=str(error))
    finally:
        await store.close()
    return Finding(subject="database", ok=True, text=f"{settings.shown_store_url} can be written.")


async def _queue(settings: config.Settings) -> AsyncIterator[Finding]:
    keyless = settings.model_copy(update={"gmi_api_key": SecretStr("")})
    try:
        queue = app.make_queue(settings if settings.gmi_api_key else keyless)
    except config.SettingsError as error:
        yield Finding(subject="queue", ok=False, text=str(error))
        return
    async with queue:
        reachable = await _reachable(queue, settings)
        yield reachable
        if settings.gmi_api_key is None:
            yield Finding(subject="key", ok=False, text=app.NO_KEY)
        if not reachable.ok or settings.gmi_api_key is None:
            return
        try:
            served = await queue.models()
        except GiveUp as error:
            yield Finding(
                subject="key",
                ok=False,
                text=f"The queue refuses the key ({error.reason}). Put a valid one into GMI_API_KEY.",
            )
            return
        except RetryLater as error:
            yield Finding(subject="key", ok=None, text=f"The key could not be tried: {error.reason}. Try again.")
            return
        yield Finding(subject="key", ok=True, text="The queue accepts the key.")
        yield _model(settings.gmi_model, served)


async def _reachable(queue: ImageQueue, settings: config.Settings) -> Finding:
    try:
        await queue.public_models()
    except RetryLater as error:
        text = f"{settings.gmi_base_url}: {error.reason}. Look at GMI_BASE_URL, the network and a proxy's settings."
        return Finding(subject="queue", ok=False, text=text)
    except GiveUp as error:
        # it answers, if only to refuse what needs no key; the key decides
        return Finding(subject="queue", ok=True, text=f"{settings.gmi_base_url} answers ({error.reason}).")
    return Finding(subject="queue", ok=True, text=f"{settings.gmi_base_url} answers.")


def _model(model: str, served: tuple[str, ...]) -> Finding:
    if model not in served:
        some = ", ".join(sorted(served)[:12]) or "none"
        return Finding(
            subject="model", ok=False, text=f"{model} is not served to this account. Set GMI_MODEL to one of: {some}."
        )
    warning = RETIRED.get(model)
    return Finding(
        subject="model", ok=None if warning else True, text=f"{model} is served." + (f" {warning}" if warning else "")
    )
