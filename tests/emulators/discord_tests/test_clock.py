"""Does time stand still, run and jump as told?"""

import asyncio

import pytest

from tests.emulators.discord import Clock


async def test_a_stopped_clock_moves_only_when_advanced():
    clock = Clock()
    clock.stop()
    before = clock.now()
    waiting = asyncio.create_task(clock.until(before + 60))
    await asyncio.sleep(0)
    clock.advance(59)
    await asyncio.sleep(0)
    assert (clock.now(), waiting.done()) == (before + 59, False)
    clock.advance(1)
    await waiting


async def test_a_clock_that_runs_again_goes_on_from_where_it_stood():
    clock = Clock()
    clock.stop()
    stood = clock.now()
    clock.advance(1000)
    clock.run()
    assert 1000 <= clock.now() - stood < 1060


async def test_a_running_clock_reaches_a_moment_by_itself():
    clock = Clock()
    await clock.until(clock.now() + 0.01)


def test_time_does_not_go_back():
    with pytest.raises(ValueError):
        Clock().advance(-1)
