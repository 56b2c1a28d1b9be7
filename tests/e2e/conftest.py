"""Where do worlds live whose processes die all the time, and on which engines?"""

import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def in_memory():
    """Files that need not outlive a power cut, because only processes die here."""
    memory = Path("/dev/shm")  # noqa: S108  a folder of our own in it
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        yield Path(folder)


@pytest.fixture(params=["sqlite", "postgresql"])
def engine(request):
    """What the bot is told of its database: nothing, or where one of a server is that has just been made."""
    if request.param == "sqlite":
        return {}
    server = request.getfixturevalue("server")
    return {"database_url": server.address(server.new_database())}
