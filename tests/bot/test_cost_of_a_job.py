"""What does one picture cost? The statements and the requests to the queue of a whole job, from its command to its post."""

from contextlib import contextmanager

import pytest
import sqlalchemy as sa

from bot.experience import FRESH_SECONDS
from bot.model import JobState

# What each part of a job may cost, which is what it costs today: statements by engine, requests to the queue by kind. On
# PostgreSQL there are locks and news beside the rest, and a picture's bytes.
MOST = {
    "accepted": {"sqlite": 9, "postgresql": 12, "queue": []},
    "sent": {"sqlite": 24, "postgresql": 29, "queue": ["submit"]},
    "looked at": {"sqlite": 6, "postgresql": 8, "queue": ["get"]},
    "fetched and posted": {"sqlite": 20, "postgresql": 27, "queue": ["get", "media"]},
}


def engines_of(store):
    engine = store._store._engine
    if hasattr(engine, "_readers"):
        return [line.connection for line in (*engine._readers._all, engine._must_write())]
    return [engine._engine.sync_engine]


@contextmanager
def statements(store):
    """What is said to the database meanwhile, BEGIN and COMMIT apart."""
    said = []

    def note(_connection, _cursor, statement, _parameters, _context, _many):
        if not statement.startswith("BEGIN"):
            said.append(" ".join(statement.split())[:150])

    for engine in engines_of(store):
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield said
    finally:
        for engine in engines_of(store):
            sa.event.remove(engine, "before_cursor_execute", note)


@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_no_part_of_a_job_costs_more_than_it_did(make_world, server, engine):
    shared = {"database_url": server.address(server.new_database())} if engine == "postgresql" else {}
    # of so many, a hundred are fetched at once from the bucket that processes share
    world = await make_world("plain", gmi_requests_per_second=1000, **shared)
    ann = world.user("ann")
    for words in ("one fox", "two foxes"):  # it knows its model, and has its statements ready
        await ann.says(f"/imagine {words}")
        await ann.sees(images=1)
    world.emulator.behave(ending="stuck")
    spent = {}

    @contextmanager
    def part(name):
        asked = len(list(world.emulator.ledger))
        with statements(world.app.store) as said:
            yield
        spent[name] = (said, [exchange.route for exchange in list(world.emulator.ledger)[asked:]])

    async def due():
        """And late enough for the bot to learn anew how long requests take, whether this machine is fast or slow."""
        world.advance(max(0.0, await world.app.store.next_due(4) - world.app.clock()) + FRESH_SECONDS)

    with part("accepted"):
        said = await ann.says("/imagine a fox")
    await due()
    with part("sent"):
        await world.app.poller.work_off()
    await due()
    with part("looked at"):
        await world.app.poller.work_off()
    world.emulator.finish()
    await due()
    with part("fetched and posted"):
        await world.app.poller.work_off()
    assert (await world.job(said)).state is JobState.SUCCEEDED
    await ann.sees(images=1)

    assert list(spent) == list(MOST)
    for name, (said, requests) in spent.items():
        listed = "\n".join(said)
        assert len(said) <= MOST[name][engine], f"{name}: {len(said)} statements\n{listed}"
        assert sorted(requests) == MOST[name]["queue"], f"{name}: {requests}"
