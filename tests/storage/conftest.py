"""Which engines does the contract hold for? Every test that takes `store` runs on each of them."""

from __future__ import annotations

import importlib
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.ports import Store

ENGINES = ["sqlite"]


@pytest.fixture(params=ENGINES)
def address(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """The address of a new, empty database."""
    return {"sqlite": f"sqlite:///{tmp_path}/data/darkroom.db"}[request.param]


@pytest.fixture
async def store(address: str) -> AsyncIterator[Store]:
    """A new store."""
    opened = await open_at(address)
    yield opened
    await opened.close()


async def open_at(address: str) -> Store:
    """Opens a store as `bot.app` does."""
    engine = importlib.import_module(f"storage.{address.partition('://')[0]}")
    store: Store = await engine.open_store(address, exclusive=True)
    return store
