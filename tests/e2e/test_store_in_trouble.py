"""The disk fills, another program locks the database, its folder becomes read-only: what do members and the operator see?

A real SQLite says no here, to a bot that runs, and the bot goes on by itself when it says yes again.
"""

import sqlite3
from contextlib import asynccontextmanager, contextmanager, suppress
from importlib import import_module

import pytest

from bot import poller, running
from bot.model import JobState
from bot.ports import StoreBusy
from storage import sqlite
from tests.world.boundary import Boundary

MANY_WORDS = "狐狐狐 " * 990  # three pages: one or the other may become free while the disk is full

SAID = {
    "full": "is full. Make room; the bot goes on by itself",
    "locked": "is locked by another program. Close what has it open",
    "read-only": "cannot be written. Let the user who runs the bot write",
}


@pytest.fixture(autouse=True)
def quick(monkeypatch):
    monkeypatch.setattr(sqlite, "BUSY_TIMEOUT", 0.02)
    monkeypatch.setattr(poller, "STORE_PAUSE_SECONDS", 0.02)
    monkeypatch.setattr(running, "STORE_PAUSE_SECONDS", 0.02)


def lines(log, event):
    return [entry for entry in log if entry["event"] == event and entry.get("dependency") == "database"]


async def pragma(world, statement):
    """Straight to the connection that writes: no transaction, which a read-only one could not even begin."""
    line = world.app.store._engine._writer
    await line.run(lambda: line._conn.execute(f"PRAGMA {statement}").fetchall())


async def use_up(world):
    """The pages that were let go of before: how many there are depends on all that was written until now."""
    line = world.app.store._engine._writer

    def note():
        with suppress(sqlite3.OperationalError):
            for number in range(1_000):
                (left,) = line._conn.execute("PRAGMA freelist_count").fetchone()
                if not left:
                    return
                row = f"filler:{number}", f'"{"x" * 3_500}"'
                line._conn.execute("INSERT INTO notes (key, memo) VALUES (?, ?)", row)

    await line.run(note)


@contextmanager
def locked(world):
    other = sqlite3.connect(world.folder / "data" / "darkroom.db", isolation_level=None)
    try:
        other.execute("BEGIN EXCLUSIVE")
        yield
        other.execute("ROLLBACK")
    finally:
        other.close()


@asynccontextmanager
async def trouble(world, kind):
    match kind:
        case "full":
            await pragma(world, "max_page_count = 1")  # SQLite keeps the pages there are, and takes no more
            await use_up(world)
            yield
            await pragma(world, "max_page_count = 1000000")
        case "locked":
            with locked(world):
                yield
        case "read-only":
            await pragma(world, "query_only = ON")
            yield
            await pragma(world, "query_only = OFF")


async def seen(world, log, event):
    while not lines(log, event):
        await world.let_everybody_run()


async def recovered(world, log):
    """The operator reads so, as soon as nothing has failed for a while."""
    assert lines(log, "dependency_recovered") == []
    world.advance(running.STORE_QUIET_SECONDS + 1)
    await seen(world, log, "dependency_recovered")


@pytest.mark.parametrize("kind", SAID)
@pytest.mark.parametrize("platform", ["discord", "slack"])
async def test_members_get_a_sentence_the_operator_a_line_and_nothing_is_lost(make_world, log, platform, kind):
    world = await make_world(platform)
    ann, bob = world.user("ann"), world.user("bob")
    world.emulator.behave(latency=60, prompt="a hen")
    hen = await ann.says("/imagine a hen")
    await world.step()
    async with world.running():
        world.advance(70)  # her picture is ready, and cannot be kept
        async with trouble(world, kind):
            await bob.says(f"/imagine {MANY_WORDS}")
            bob.is_told(import_module(f"adapters.{platform}.wording").busy())
            world.app.poller.wake()
            await seen(world, log, "dependency_failed")
            readiness = await world.app.views.readiness()
            assert SAID[kind] in readiness.problems["database"]
        await recovered(world, log)
        assert (await world.app.views.readiness()).ready
    assert (await ann.sees(images=1, thread=hen)).images == world.painted("a hen")
    assert world.emulator.paid == 1, "what could not be written down was not asked for"
    await bob.says(f"/imagine {MANY_WORDS}")
    await bob.sees(images=1)
    assert len(lines(log, "dependency_failed")) == len(lines(log, "dependency_recovered")) == 1


@pytest.mark.parametrize("kind", SAID)
async def test_whatever_a_job_is_at_it_goes_on_when_the_store_can_be_written_again(make_world, log, kind):
    """Steps that are under way when it begins, in every state; their calls have gone out and cannot be called back."""
    boundary = Boundary()
    world = await make_world("plain", wrap=boundary)
    square = world.place.driver.square
    members = [world.user(name) for name in ("ann", "bob", "cat")]
    hen = f"hen {MANY_WORDS}".strip()
    with world.emulator.hold("submit", prompt="a fox") as submit, world.emulator.hold("get") as get:
        world.emulator.behave(latency=1, prompt=hen)
        said = [await members[0].says("/imagine a fox"), await members[1].says(f"/imagine {hen}")]
        async with world.running():
            await submit.reached()
            world.advance(2)
            world.app.poller.wake()
            await get.reached()
            async with trouble(world, kind):
                with pytest.raises(StoreBusy):
                    await members[2].says(f"/imagine {MANY_WORDS}")
                submit.release()
                get.release()
                await boundary.saw("store.save", StoreBusy)  # one at least: the other may have been quicker
            await recovered(world, log)
    for member, one in zip(members, said, strict=False):
        assert (await member.sees(images=1, thread=one)).images == world.painted(one.words)
        assert (await world.job(one)).state is JobState.SUCCEEDED
    assert square.calls.count("deliver") == 2


@pytest.mark.parametrize("kind", SAID)
async def test_bot_that_has_nothing_to_do_notices_the_trouble_when_it_is_asked(make_world, log, kind):
    """And its end by itself, with nobody asking again."""
    world = await make_world("plain")
    async with world.running():
        async with trouble(world, kind):
            with pytest.raises(StoreBusy):
                await world.user("ann").says(f"/imagine {MANY_WORDS}")
            assert len(lines(log, "dependency_failed")) == 1
        await recovered(world, log)
