"""A short seed on each engine: whatever dies and misbehaves, each request is answered once, paid once, with its own picture."""

import pytest

from tests.chaos.engines import Engine, Postgresql, Sqlite
from tests.chaos.plan import plan
from tests.chaos.seed import run
from tests.chaos.table import table

SECONDS = 6.0
TALKS = 10
ENGINES = {"sqlite": (Sqlite, 33), "postgresql": (lambda: Postgresql(workers=1), 11)}
"""The seed of 33 kills the bot and restarts Discord, that of 11 kills the database and restarts Slack."""


@pytest.mark.timeout(400)  # against hanging: two cores may be busy with other tests
@pytest.mark.parametrize("name", ENGINES)
async def test_whatever_dies_each_request_is_answered_once(name, capsys):
    make, seed = ENGINES[name]
    engine: Engine = make()
    short = plan(seed, seconds=SECONDS, talks=TALKS, longest_pause=2.0, database=engine.restart is not None, brief=True)
    assert short.blows
    finished = await run(short, engine, print)
    assert finished.violations == (), "\n".join([table([finished.outcome]), *short.told(), *finished.violations])
    assert finished.outcome.audit.once >= 4, "two requests on each platform had nothing in their way"
