"""A bot is replaced by a newer one while jobs are open: is each of them answered, once?"""

import sqlite3
from collections import Counter
from contextlib import closing

import pytest

from bot.model import OPEN, JobState
from tests.storage.old_database import PNG
from tests.storage.test_upgrade import FIXTURES, REVISIONS
from tests.world import World


@pytest.fixture
def old_sqlite(tmp_path):
    def make(text):
        with closing(sqlite3.connect(tmp_path / "old.db")) as connection:
            connection.executescript(text)
        return {"database": tmp_path / "old.db"}

    return make


@pytest.fixture
def old_postgresql(request):
    def make(text):
        server = request.getfixturevalue("server")
        name = server.new_database()
        server.script(text, database=name)
        return {"database_url": server.address(name)}

    return make


@pytest.mark.parametrize("revision", REVISIONS)
@pytest.mark.parametrize("engine", ["sqlite", "postgresql"])
async def test_what_an_older_version_left_open_is_answered_once(tmp_path, request, engine, revision):
    text = (FIXTURES / f"{revision}.{engine}.sql").read_text()
    old = request.getfixturevalue(f"old_{engine}")(text)
    async with World(tmp_path / "world", "plain", **old) as world:
        await world.app.store.put_blob(PNG, world.now)
        left_open = {job.id for job in await world.jobs() if job.state in OPEN}
        assert len(left_open) == 8
        await world.settle()
        square = world.place.driver.square
        marks = [message.mark for message in square.messages.values() if message.place == "t-old"]
        posts = Counter(mark for mark in marks if not mark.startswith("card:"))
        ends = {job.id: job.state for job in await world.jobs() if job.id in left_open}
    assert posts == {f"{job_id}:0": 1 for job_id in left_open}
    # what waited for a picture whose request the queue knows nothing of has no picture to change
    failed = {"running", "untold", "after"}
    assert ends == {job: JobState.FAILED if job in failed else JobState.SUCCEEDED for job in left_open}
