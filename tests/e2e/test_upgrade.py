"""A bot is replaced by a newer one while jobs are open: is each of them answered, once?"""

import sqlite3
from collections import Counter
from contextlib import closing
from pathlib import Path

import pytest

from bot.model import OPEN, JobState
from tests.storage.old_database import PNG
from tests.world import World

FIXTURES = sorted((Path(__file__).parents[1] / "storage" / "fixtures").glob("*.sql"))


@pytest.mark.parametrize("written", FIXTURES, ids=lambda path: path.stem)
async def test_what_an_older_version_left_open_is_answered_once(tmp_path, written):
    old = tmp_path / "old.db"
    with closing(sqlite3.connect(old)) as connection:
        connection.executescript(written.read_text())
    async with World(tmp_path / "world", "plain", database=old) as world:
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
