"""Where do worlds live whose processes die all the time, and on which engines; and whom does a real process talk to?"""

import tempfile
from pathlib import Path

import pytest

from bot.emulator import Emulator, EmulatorOptions
from tests.e2e.program import KEY
from tests.emulators.discord import DiscordEmulator
from tests.emulators.slack import SlackEmulator
from tests.world.slack import our_app


@pytest.fixture
def in_memory():
    """Files that need not outlive a power cut, because only processes die here."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request):
    """What the bot is told of its database: nothing, or where an empty one of a server is."""
    if request.param == "sqlite":
        return {}
    server, database = request.getfixturevalue("server"), request.getfixturevalue("shared_database")
    server.empty(database)
    return {"database_url": server.address(database)}


@pytest.fixture
async def queue():
    made = Emulator(EmulatorOptions(keys=(KEY,), paint=False))
    async with made.serve():
        yield made


@pytest.fixture
async def discord():
    made = DiscordEmulator()
    async with made.serve():
        yield made


@pytest.fixture
async def slack():
    made = SlackEmulator(our_app())
    async with made.serve():
        yield made


def painted(queue, words):
    """The one picture that was made and paid for these words."""
    (record,) = [record for record in queue.records if record.words == words]
    (file,) = record.result.files
    return queue._queue.bucket.data(file)
