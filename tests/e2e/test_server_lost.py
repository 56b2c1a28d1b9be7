"""The database's server goes away under everything that the bot is at, and comes back: what do members and the operator see?

A real PostgreSQL is stopped here, or killed, while a job stands in each of its states with a step under way in it.
"""

import asyncio
from contextlib import AsyncExitStack

import httpx
import pytest
from starlette.applications import Starlette

from adapters.web.heartbeat import Heartbeat
from adapters.web.routes import monitoring
from bot import poller, running
from bot.model import JobState, Waiting
from bot.ports import StoreBusy
from tests.world import photos
from tests.world.boundary import Gate

WAYS = {"stopped, one process": ("all", False), "killed, a gateway and two workers": ("gateway", True)}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(poller, "STORE_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(running, "STORE_PAUSE_SECONDS", 0.02)


async def readyz(app):
    """What the process answers its monitoring."""
    transport = httpx.ASGITransport(Starlette(routes=monitoring(app.views, Heartbeat())))
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        answer = await client.get("/readyz")
        return answer.status_code, answer.json()["problems"]


async def all_see(world, log, event, apps):
    """Each process tells it once."""
    while sum(entry["event"] == event and entry.get("dependency") == "database" for entry in log) < len(apps):
        await world.let_everybody_run()


async def become(world, said, name, value):
    while getattr(await world.job(said), name) != value:
        await world.let_everybody_run()


STATES = {
    "a cow": JobState.DELIVERING,
    "a hen": JobState.RUNNING,
    "a fox": JobState.SUBMITTING,
    "make it blue": JobState.QUEUED,  # until the hen is there
    "a dog": JobState.QUEUED,  # until there is a slot
    "an owl": JobState.QUEUED,  # its picture is being fetched
}


async def begin_in_every_state(world, works):
    """Each job of `STATES` stands in its state, with a step under way where there can be one.

    Returns who said what, and what lets all of these steps go on.
    """
    ann, bob, cat, dan, eve = (world.user(name) for name in ("ann", "bob", "cat", "dan", "eve"))
    world.emulator.behave(latency=1, prompt="a hen")
    plain = [app.platforms["plain"] for app in works]
    posting, fetching = Gate(plain, "deliver"), Gate(plain, "fetch")
    cow = await cat.says("/imagine a cow")
    await posting.reached.wait()
    looking = world.emulator.hold("get")
    hen = await bob.says("/imagine a hen")
    await become(world, hen, "state", JobState.RUNNING)
    world.advance(2)
    for app in works:
        app.poller.wake()
    await looking.reached()
    sending = world.emulator.hold("submit", at="answer", prompt="a fox")
    fox = await ann.says("/imagine a fox")
    await sending.reached()
    blue = await bob.says("make it blue")
    await become(world, blue, "waiting", Waiting.PARENT)
    dog = await dan.says("/imagine a dog")
    await become(world, dog, "waiting", Waiting.SLOT)
    owl = await eve.says("/imagine an owl", attach=[photos.jpeg()])
    await fetching.reached.wait()
    said = {cow: cat, hen: bob, fox: ann, blue: bob, dog: dan, owl: eve}
    assert {one.words: (await world.job(one)).state for one in said} == STATES
    return said, [posting.open.set, fetching.open.set, looking.release, sending.release]


@pytest.mark.parametrize("way", WAYS)
async def test_whatever_a_job_is_at_it_is_answered_and_paid_once_when_the_server_is_back(make_world, server, log, way):
    role, at_once = WAYS[way]
    world = await make_world("plain", database_url=server.address(server.new_database()), role=role, gmi_in_flight=2)
    fay = world.user("fay")
    async with AsyncExitStack() as others:
        for _ in range(2 if role == "gateway" else 0):
            await others.enter_async_context(world.another(role="worker"))
        apps = (world.app, *world.others)
        works = world.others or [world.app]
        async with world.running() as loop:
            said, go_on = await begin_in_every_state(world, works)
            server.stop(at_once=at_once)
            try:
                with pytest.raises(StoreBusy, match=r"cannot be reached\. Start it"):
                    await fay.says("/imagine a gnu")
                for let in go_on:
                    let()
                await asyncio.gather(*(step for app in works for step in app.poller._tasks))
                await all_see(world, log, "dependency_failed", apps)
                for app in apps:
                    status, problems = await readyz(app)
                    assert status == 503
                    assert "cannot be reached. Start it" in problems["database"]
                assert not loop.done()
            finally:
                server.start()
            for app in apps:
                await app.store.check_writable()  # when it returns, nothing fails any more that was begun before
            world.advance(running.STORE_QUIET_SECONDS + 1)
            await all_see(world, log, "dependency_recovered", apps)
            assert [await readyz(app) for app in apps] == [(200, {})] * len(apps)

        for one, member in said.items():
            assert (await member.sees(images=1, thread=one)).images == world.painted(one.words)
            assert (await world.job(one)).state is JobState.SUCCEEDED
        gnu = await fay.says("/imagine a gnu")
        assert (await fay.sees(images=1)).images == world.painted(gnu.words)
    assert world.emulator.paid == len(world.emulator.records) == 7, "each was paid once"
    assert world.place.driver.square.calls.count("deliver") == 7, "each was posted once"
    assert [entry for entry in log if entry["event"].startswith(("bug", "task_failed"))] == []
