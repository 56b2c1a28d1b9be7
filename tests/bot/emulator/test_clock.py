"""Waiting for a moment that others bring nearer, and being told to stop while it comes."""

import asyncio

import pytest

from bot.emulator.clock import Clock


@pytest.mark.parametrize("turns", range(5))
async def test_cancel_that_comes_just_when_the_clock_changes_ends_the_wait(turns):
    """A change takes some turns of the loop until it is noticed; in each of them a cancel must not be forgotten."""
    clock = Clock()
    in_an_hour = clock.now().monotonic + 3600.0
    waiting = asyncio.create_task(clock.reach(lambda: in_an_hour))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.advance(1.0)
    for _ in range(turns):
        await asyncio.sleep(0)
    waiting.cancel()
    await asyncio.wait({waiting}, timeout=10)
    assert waiting.cancelled()


async def test_moment_is_reached_when_time_is_skipped_to_it():
    clock = Clock()
    moment = clock.now().monotonic + 3600.0
    waiting = asyncio.create_task(clock.reach(lambda: moment))
    await asyncio.sleep(0)
    clock.advance(1800.0)
    await asyncio.sleep(0)
    assert not waiting.done()
    clock.advance(1800.0)
    async with asyncio.timeout(10):
        await waiting


async def test_moment_that_nobody_brings_nearer_comes_by_itself():
    clock = Clock()
    moment = clock.now().monotonic + 0.01
    async with asyncio.timeout(10):
        await clock.reach(lambda: moment)
    assert clock.now().monotonic >= moment
