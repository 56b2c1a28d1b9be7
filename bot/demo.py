"""How does one try the bot without a token? Emulated queue, SQLite and playground in one process, on this machine alone."""

from __future__ import annotations

from collections.abc import Callable

from pydantic import SecretStr

from bot import config, running
from bot.emulator import Emulator, EmulatorOptions

FOLDER = "demo"
KEY = "emulator-key"
PORTS_TRIED = 50


async def run(*, port: int, latency: tuple[float, float], tell: Callable[[str], None]) -> None:
    """Serves until SIGTERM or SIGINT. port: 0 takes any free one; a taken one gives way to the next free.

    latency: seconds that the emulated queue takes for a picture, from and to. tell: is given the playground's address.
    """
    data_dir = config.load().data_dir / FOLDER
    data_dir.mkdir(parents=True, exist_ok=True)
    options = EmulatorOptions(latency=latency, directives=True, keys=(KEY,), folder=data_dir / "emulator")
    async with Emulator(options).serve() as base_url:
        settings = config.load(
            platforms=("web",),
            data_dir=data_dir,
            database_url=None,
            gmi_base_url=base_url,
            gmi_api_key=SecretStr(KEY),
            gmi_model=config.DEFAULT_MODEL,
        )
        web = config.Adapter("web", http_host="127.0.0.1", web_password=None)
        ports = range(port, port + PORTS_TRIED if port else 1)
        await running.run(settings, [web], ports=ports, tell=tell)
