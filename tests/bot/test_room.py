"""No more bytes at once than there is room for; first come, first served; who leaves takes nothing along."""

import asyncio
from contextlib import AsyncExitStack

from hypothesis import given
from hypothesis import strategies as st

from bot.room import Room


async def turns():
    for _ in range(3):
        await asyncio.sleep(0)


class Carrier:
    def __init__(self, room, size):
        self.size, self.inside, self.leave = size, False, asyncio.Event()
        self.task = asyncio.create_task(self.carry(room))

    async def carry(self, room):
        async with room.for_bytes(self.size):
            self.inside = True
            try:
                await self.leave.wait()
            finally:
                self.inside = False


async def test_those_behind_wait_until_there_is_room_for_the_first():
    room = Room(10)
    first, large, small = Carrier(room, 6), Carrier(room, 7), Carrier(room, 1)
    await turns()
    assert [each.inside for each in (first, large, small)] == [True, False, False], "nobody overtakes"
    first.leave.set()
    await turns()
    assert [each.inside for each in (first, large, small)] == [False, True, True]
    for each in (large, small):
        each.leave.set()
        await each.task


async def test_what_carries_nothing_waits_for_nobody():
    """A failure is told in words, however many pictures are on their way."""
    room = Room(10)
    full, waits, words = Carrier(room, 10), Carrier(room, 1), Carrier(room, 0)
    await turns()
    assert [each.inside for each in (full, waits, words)] == [True, False, True]
    for each in (words, full, waits):
        each.leave.set()
        await each.task


async def test_what_is_larger_than_all_room_goes_alone():
    room = Room(10)
    huge, small = Carrier(room, 1_000), Carrier(room, 1)
    await turns()
    assert (huge.inside, small.inside) == (True, False)
    huge.leave.set()
    await turns()
    assert small.inside
    small.leave.set()
    await small.task


@given(
    st.lists(
        st.tuples(st.sampled_from(["come", "leave", "cancel"]), st.integers(0, 14), st.integers(0, 7)), max_size=60
    )
)
def test_room_is_neither_lost_nor_exceeded_whoever_comes_leaves_and_is_cancelled(acts):
    async def run():
        room, carriers = Room(10), []
        for act, size, which in acts:
            if act == "come":
                carriers.append(Carrier(room, size))
            elif carriers:
                carrier = carriers[which % len(carriers)]
                carrier.leave.set() if act == "leave" else carrier.task.cancel()
            if which % 2:
                await turns()
            assert sum(min(each.size, 10) for each in carriers if each.inside) <= 10
        for each in carriers:
            each.leave.set()
        await asyncio.gather(*(each.task for each in carriers), return_exceptions=True)
        async with AsyncExitStack() as stack, asyncio.timeout(1):
            for _ in range(10):
                await stack.enter_async_context(room.for_bytes(1))

    asyncio.run(run())
