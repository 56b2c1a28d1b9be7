"""The whole web side in a process of its own, because NiceGUI is one per process. Says its address; ends with stdin.

Arguments: the folder for data; then, if there is to be one, the password.
"""

import asyncio
import sys
from contextlib import suppress
from pathlib import Path

from adapters import web
from bot.app import assembled
from bot.config import Settings


def say(line):
    sys.stdout.write(line + "\n")
    sys.stdout.flush()


async def main(data_dir, password=None):
    settings = web.Settings(web_password=password)
    core = Settings(gmi_api_key="test-key", gmi_base_url="http://127.0.0.1:9", data_dir=data_dir)

    def connect(service, views):
        return {"web": web.connect(settings, service, views)}

    async with assembled(core, connect) as app:
        server = web.serve(
            settings, app.service, app.views,
            playground=app.platforms["web"], port=0, secret="a test secret", data_dir=data_dir,
        )  # fmt: skip
        serving = asyncio.create_task(server.run())
        say(await server.started())
        await asyncio.to_thread(sys.stdin.read)
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
    say("stopped")


if __name__ == "__main__":
    asyncio.run(main(Path(sys.argv[1]), *sys.argv[2:]))
