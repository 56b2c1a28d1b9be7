"""The contract of every engine: a process hears what others changed, and nothing of its own. Where it is alone, nothing."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import replace

import pytest

from bot.model import JobState
from bot.ports import News, Store
from tests.storage.conftest import ALONE
from tests.storage.making import ANN, T0, a_message, accept, claim_ids, finish, move

ANYTHING = News(job_id=None, conversation_id=None)
LAST = "the last one"


class Hearer:
    """Keeps what a store hears."""

    def __init__(self, store: Store) -> None:
        self._news = store.news()
        self._next: asyncio.Task[News | None] | None = None

    async def next(self) -> News | None:
        """None: the news have ended."""
        return await asyncio.wait_for(anext(self._news, None), 30)

    async def everything(self) -> list[str]:
        """The jobs heard of, up to the last one's acceptance."""
        heard = []
        while news := await self.next():
            assert news.job_id
            if news.job_id == LAST:
                break
            heard.append(news.job_id)
        return heard


@asynccontextmanager
async def hearing(store: Store, engine: str) -> AsyncIterator[Hearer]:
    """Somebody who hears already."""
    hearer = Hearer(store)
    assert await hearer.next() == (None if engine in ALONE else ANYTHING)
    yield hearer
    await hearer._news.aclose()


@pytest.fixture
async def teller(another):
    """The same store in another process."""
    return await another()


async def test_other_process_hears_of_each_thing_that_happens_to_a_job_and_of_which(store, teller, engine):
    async with hearing(store, engine) as hearer:
        job = await accept(teller, "j1", conversation="c7", due_at=T0 + 5)
        first = await hearer.next()
        assert first == (None if engine in ALONE else News(job_id="j1", conversation_id="c7"))
        await teller.place("j1", a_message("card"), T0)
        job = await teller.get("j1")
        job = await teller.save(replace(job, looks=1), now=T0, event="an event")
        job = await teller.save(replace(job, state=JobState.SUBMITTING), now=T0)
        await teller.save(replace(job, state=JobState.CANCELLED), now=T0)
        await teller.save(replace(job, state=JobState.RUNNING, request_id="r1"), now=T0)  # merged
        await accept(teller, LAST)
        assert await hearer.everything() == ([] if engine in ALONE else ["j1"] * 5)


async def test_looks_and_leases_are_no_news(store, teller, engine):
    async with hearing(store, engine) as hearer:
        await accept(teller)
        job = await move(teller, await teller.get("j1"), JobState.RUNNING)
        for look in range(3):
            job = await teller.save(replace(job, looks=look), now=T0)
        await claim_ids(teller, T0 + 1e6)
        await teller.renew(job, until=T0)
        await teller.save_note("k", {"v": 1})
        await accept(teller, LAST)
        accepted_sent_running = ["j1", "j1", "j1"]
        assert await hearer.everything() == ([] if engine in ALONE else accepted_sent_running)


async def test_what_was_not_stored_is_no_news(store, teller, engine):
    async with hearing(store, engine) as hearer:
        job = await accept(teller)
        with pytest.raises(ValueError, match="due_at"):
            await accept(teller, "never", due_at=None)
        with pytest.raises(ValueError, match="cannot go"):
            await teller.save(replace(job, state=JobState.SUCCEEDED), now=T0, event="no")
        await accept(teller, "again", source_id=job.source_id)
        await teller.place("nobody", a_message("card"), T0)
        await accept(teller, LAST)
        assert await hearer.everything() == ([] if engine in ALONE else ["j1"])


async def test_deleting_and_forgetting_are_news_of_each_job(store, teller, engine):
    done = await finish(store, await accept(store, "done"))
    await accept(store, "open")
    async with hearing(store, engine) as hearer:
        deleted = await teller.save(replace(done, deleted_at=T0), now=T0)
        await teller.drop_pictures(deleted.id, T0)
        await teller.forget("test", ANN.id, T0)
        await accept(teller, LAST)
        heard = await hearer.everything()
        assert heard[:2] == ([] if engine in ALONE else ["done", "done"])
        assert sorted(heard[2:]) == ([] if engine in ALONE else ["done", "open"])


async def test_process_hears_nothing_of_its_own(store, teller, engine):
    async with hearing(store, engine) as hearer, hearing(teller, engine) as beside:
        await move(store, await accept(store, "mine"), JobState.RUNNING)
        await accept(teller, "yours")
        await accept(store, LAST)
        await accept(teller, f"yours is {LAST}")
        alone = engine in ALONE
        assert [await hearer.next() for _ in range(2)] == (
            [None, None] if alone else [News(job_id=job, conversation_id="c1") for job in ("yours", f"yours is {LAST}")]
        )
        assert await beside.everything() == ([] if alone else ["mine"] * 3)


async def test_all_who_listen_in_a_process_hear(store, teller, engine):
    async with hearing(store, engine) as first, hearing(store, engine) as second:
        await accept(teller, "j1")
        await accept(teller, LAST)
        for hearer in (first, second):
            assert await hearer.everything() == ([] if engine in ALONE else ["j1"])


async def test_news_end_when_the_store_is_closed(store, engine):
    async with hearing(store, engine) as hearer:
        waiting = asyncio.create_task(hearer.next())
        await asyncio.sleep(0)
        await store.close()
        assert await waiting is None
    assert await Hearer(store).next() is None
