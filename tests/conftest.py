"""What holds for every test: a clean environment, an empty working directory, and no network but loopback."""

import asyncio
import os
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import hypothesis
import hypothesis.configuration
import pytest
import structlog

from tests.loopback import LoopbackGuard
from tests.secrets import LogWatch

GUARD = pytest.StashKey[LoopbackGuard]()
LOG = pytest.StashKey[LogWatch]()

SETTING_PREFIXES = ("DISCORD_", "GMI_", "SLACK_", "HTTP_", "MAX_", "ALLOWED_")
SETTINGS = {
    "BLOCKED_WORDS_FILE",
    "DATABASE_URL",
    "DATA_DIR",
    "LOG_LEVEL",
    "OWNERS",
    "PLATFORMS",
    "RETENTION_DAYS",
    "ROLE",
    "WEB_PASSWORD",
}
PROXIES = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}


def is_foreign(name: str) -> bool:
    """Whether an environment variable would let the developer's own machine into a test."""
    upper = name.upper()
    return upper in SETTINGS or upper in PROXIES or upper.startswith(SETTING_PREFIXES)


def pytest_configure(config: pytest.Config) -> None:
    # For the whole run, before any fixture: fixtures of a session start servers and browsers too.
    for name in [name for name in os.environ if is_foreign(name)]:
        del os.environ[name]

    config.stash[GUARD] = guard = LoopbackGuard()
    guard.install()
    config.stash[LOG] = watch = LogWatch()
    watch.install()

    # Tests run in empty folders (below); found counterexamples must outlive those.
    hypothesis.configuration.set_hypothesis_home_dir(config.rootpath / ".hypothesis")
    hypothesis.settings.register_profile("developer", deadline=None)  # no test measures time
    hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, database=None, print_blob=True)
    hypothesis.settings.load_profile("ci" if os.environ.get("CI") else "developer")


@pytest.fixture(autouse=True)
def _empty_working_directory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No developer's .env is read, and nothing is written into the source tree."""
    monkeypatch.chdir(tmp_path)


@pytest.fixture(autouse=True)
def _no_network(pytestconfig: pytest.Config):
    """A refusal fails the test even where the code under test took it for a fault of the network and went on."""
    guard = pytestconfig.stash[GUARD]
    guard.take()
    yield
    assert guard.take() == [], "this test tried to reach hosts beyond this machine"


@pytest.fixture(autouse=True)
def _no_secret_in_the_log(pytestconfig: pytest.Config):
    """Whatever the bot says about this test, it says without keys, tokens and addresses that work for whoever has them."""
    watch = pytestconfig.stash[LOG]
    watch.take()
    yield
    assert watch.take() == [], "a secret was logged"


@pytest.fixture(scope="session")
def empty_database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with its tables and nothing in them; to be copied."""
    from storage import sqlite  # noqa: PLC0415  see below

    async def make(path: Path) -> None:
        await (await sqlite.open_store(f"sqlite:///{path}", exclusive=True)).close()

    path = tmp_path_factory.mktemp("empty") / "darkroom.db"
    asyncio.run(make(path))
    return path


@pytest.fixture
def log():
    """What is logged from here on: an entry is a dict with its `event`."""
    with structlog.testing.capture_logs() as entries:
        yield entries


@pytest.fixture(scope="session")
def server():
    """A PostgreSQL server: one for the whole run (of a worker, with pytest-xdist); it is up in a second."""
    from tests.storage.server import Server  # noqa: PLC0415  most runs of a few tests have no need of it

    server = Server()
    try:
        yield server
    finally:
        server.close()


@pytest.fixture(scope="session")
def shared_database(server) -> str:
    """The name of the server's database that tests use one after the other; it has its tables. Who comes next empties it."""
    from storage import postgresql  # noqa: PLC0415  see below

    async def make(address: str) -> None:
        await (await postgresql.open_store(address, exclusive=True)).close()

    name: str = server.new_database()
    asyncio.run(make(server.address(name)))
    return name


@pytest.fixture
async def make_world(request: pytest.FixtureRequest, tmp_path: Path, empty_database: Path):
    """Makes a `tests.world.World`, which ends with the test; what was said in it and nobody looked at fails the test."""
    from tests.world import World  # noqa: PLC0415  loads every platform, which most tests have no need of

    failed_before = request.session.testsfailed
    async with AsyncExitStack() as worlds:
        made: list[World] = []

        async def make(*platforms: str, folder: Path = tmp_path, **settings: Any) -> World:
            world = World(folder / f"world-{len(made)}", *platforms, database=empty_database, **settings)
            made.append(await worlds.enter_async_context(world))
            return world

        yield make
        if request.session.testsfailed == failed_before:  # a test that failed has more important things to say
            for world in made:
                await world.check_that_all_was_seen()


@pytest.fixture
async def world(make_world):
    """A world with the playground and a bot with its usual settings."""
    return await make_world()
