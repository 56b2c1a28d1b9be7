"""The contract of every engine: a bucket that all processes share gives no more than flows into it."""

from __future__ import annotations

import pytest

from storage import _memory
from tests.storage.making import T0


async def take(store, *, at: float = T0, name: str = "queue", rate: float = 2.0, burst: float = 3.0) -> float:
    return await store.take(name, rate=rate, burst=burst, now=at)


async def test_full_bucket_gives_what_it_holds_at_once_and_then_as_it_fills(store):
    assert [await take(store) for _ in range(6)] == [0.0, 0.0, 0.0, 0.5, 1.0, 1.5]


async def test_bucket_fills_again_and_never_beyond_its_rim(store):
    for _ in range(3):
        await take(store)
    assert await take(store, at=T0 + 0.25) == 0.25
    assert await take(store, at=T0 + 1.0) == 0.0
    assert [await take(store, at=T0 + 1e6) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]


async def test_each_name_is_a_bucket_of_its_own(store):
    assert [await take(store, burst=1) for _ in range(2)] == [0.0, 0.5]
    assert await take(store, name="another", burst=1) == 0.0


async def test_bucket_may_be_slow_and_hold_parts(store):
    assert [await take(store, rate=0.1, burst=1.5) for _ in range(3)] == [0.0, 5.0, 15.0]


async def test_bucket_is_as_empty_after_a_restart_of_one_process(store, another):
    other = await another()
    for _ in range(4):
        await take(store)
    await store.close()
    assert await take(other) == 1.0


async def test_clocks_that_differ_a_little_let_nothing_more_through(store):
    """Two processes by turns, of which one is always a hundredth of a second behind."""
    waits = [await take(store, at=T0 + (0.01 if turn % 2 else 0.0), rate=1.0, burst=1.0) for turn in range(40)]
    assert waits[-1] == pytest.approx(39.0 - 0.01)


async def test_clock_that_was_set_back_keeps_nobody_waiting_for_it(store):
    for _ in range(4):
        await take(store)
    assert await take(store, at=T0 - 3600) == 1.0
    assert await take(store, at=T0 - 3600 + 1.5) == 0.0


async def test_bucket_that_is_full_again_leaves_nothing_behind(store):
    await take(store)
    assert await store.recall(_memory.OURS, "bucket:queue", T0 + 0.4) is not None
    await store.sweep(before=0, unused_before=T0 + 0.5, max_bytes=None)
    assert await store.recall(_memory.OURS, "bucket:queue", T0) is None
    assert [await take(store, at=T0 + 0.5) for _ in range(4)] == [0.0, 0.0, 0.0, 0.5]
