"""Does a command reach the running bot, wherever its socket has to be made?"""

import asyncio
import tempfile
from contextlib import suppress
from pathlib import Path

from bot import control


async def ping(arguments):
    return f"pong {arguments['to']}"


async def test_socket_is_made_in_a_folder_that_nobody_has_made_yet():
    """On a shared database nothing else is kept in DATA_DIR."""
    with tempfile.TemporaryDirectory(prefix="dr-") as short:  # the path of a socket must be
        path = Path(short) / "data" / "darkroom.sock"
        serving = asyncio.create_task(control.serve(path, {"ping": ping}))
        for _ in range(100):  # turns of the loop; it needs a few
            if path.exists():
                break
            await asyncio.sleep(0)
        assert await control.ask(path, "ping", {"to": "ann"}) == "pong ann"
        assert path.parent.stat().st_mode & 0o077 == 0
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving
        assert not path.exists()
