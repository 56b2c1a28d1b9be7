"""Which engines does the contract hold for? Every test that takes `store` runs on each of them."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack
from pathlib import Path

import pytest

from bot.ports import Store
from tests.storage.server import Server

ENGINES = ["sqlite", "postgresql"]
ALONE = {"sqlite"}
"""Engines on which one process works at a time, so that it may free what its dead predecessor held."""

NewAddress = Callable[[str], str]


@pytest.fixture
def new_address(request: pytest.FixtureRequest, tmp_path: Path) -> NewAddress:
    """Makes addresses of empty databases of an engine, one at a time: the next one empties the last."""
    numbers = iter(range(1_000_000))

    def new(engine: str) -> str:
        if engine == "sqlite":
            return f"sqlite:///{tmp_path}/data{next(numbers)}/darkroom.db"
        server: Server = request.getfixturevalue("server")
        database: str = request.getfixturevalue("shared_database")
        server.empty(database)
        return server.address(database)

    return new


@pytest.fixture(params=ENGINES)
def engine(request: pytest.FixtureRequest) -> str:
    """The name of an engine."""
    name: str = request.param
    return name


@pytest.fixture
def address(engine: str, new_address: NewAddress) -> str:
    """The address of a new, empty database."""
    return new_address(engine)


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    """A new store."""
    opened = await open_at(address)
    yield opened
    await opened.close()


@pytest.fixture
async def another(address: str) -> AsyncIterator[Callable[[], Awaitable[Store]]]:
    """Opens the same store once more, as another process would (on SQLite: one that is not the bot)."""
    async with AsyncExitStack() as opened:

        async def open_another() -> Store:
            store = await open_at(address, exclusive=False)
            opened.push_async_callback(store.close)
            return store

        yield open_another


async def open_at(address: str, *, exclusive: bool = True, read_only: bool = False) -> Store:
    """Opens a store as `bot.app` does."""
    engine = importlib.import_module(f"storage.{address.partition('://')[0]}")
    store: Store = await engine.open_store(address, exclusive=exclusive, read_only=read_only)
    return store
