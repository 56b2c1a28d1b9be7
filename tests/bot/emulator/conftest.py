"""An emulator on loopback that paints quickly, and someone to call it."""

from collections.abc import AsyncIterator

import httpx
import pytest

from bot.emulator import Emulator, EmulatorOptions
from tests.bot.emulator.caller import NO_TLS, Caller


@pytest.fixture
def options() -> EmulatorOptions:
    """What a test overrides when it wants another emulator."""
    return EmulatorOptions(paint=False)


@pytest.fixture
async def emulator(options: EmulatorOptions) -> AsyncIterator[Emulator]:
    emulator = Emulator(options)
    async with emulator.serve():
        yield emulator


@pytest.fixture
async def caller(emulator: Emulator) -> AsyncIterator[Caller]:
    async with httpx.AsyncClient(base_url=emulator.base_url, verify=NO_TLS, trust_env=False) as http:
        yield Caller(http)
