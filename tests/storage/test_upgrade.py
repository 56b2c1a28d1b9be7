"""Does a database that a released version wrote open in this one, with everything in it? `old_database.py` tells how they are made."""

import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory

from bot.model import JobQuery, JobState, Waiting
from bot.ports import StoreBusy
from storage import _schema
from storage._tables import SCHEMA, metadata
from storage.sqlite import open_store
from tests.storage import old_database
from tests.storage.old_database import CONTENTS, PICTURE, T0

FIXTURES = sorted((Path(__file__).parent / "fixtures").glob("*.sql"))


@pytest.fixture(params=FIXTURES, ids=lambda path: path.stem)
def written(request):
    """What a release wrote."""
    return request.param


@pytest.fixture
def path(written, tmp_path):
    made = tmp_path / "darkroom.db"
    with closing(sqlite3.connect(made)) as connection:
        connection.executescript(written.read_text())
    return made


@pytest.fixture
async def store(path):
    opened = await open_store(f"sqlite:///{path}", exclusive=True)
    yield opened
    await opened.close()


def contents(dump):
    """Every table and index as it was declared, and every row."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(dump)
        declared = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name").fetchall()
        tables = [name for name, sql in declared if sql.startswith("CREATE TABLE")]
        return declared, {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


def test_every_schema_has_its_database():
    known = {script.revision for script in ScriptDirectory.from_config(_schema.config()).walk_revisions()}
    assert {path.stem for path in FIXTURES} == known, "make one with tests/storage/old_database.py"


def test_database_of_this_schema_is_what_this_code_writes(tmp_path):
    """So that the next version is tested against what was really released."""
    released = Path(__file__).parent / "fixtures" / f"{SCHEMA}.sql"
    assert contents(old_database.dump(tmp_path)) == contents(released.read_text())


async def test_old_database_has_the_tables_and_the_version_of_this_code(store, path):
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
        assert connection.exec_driver_sql("SELECT version_num FROM alembic_version").all() == [(SCHEMA,)]
        assert connection.exec_driver_sql("PRAGMA foreign_key_check").all() == []
        assert connection.exec_driver_sql("PRAGMA integrity_check").all() == [("ok",)]
    engine.dispose()


async def test_jobs_of_every_state_and_what_belongs_to_them_are_there(store):
    jobs = {job.id: job for job in await store.jobs(JobQuery(limit=1000))}
    assert {job.state for job in jobs.values()} == set(JobState)
    assert {job.waiting for job in jobs.values()} == {None, Waiting.PARENT, Waiting.SLOT}
    fox = jobs["fox"]
    assert (fox.prompt, fox.aspect_ratio, fox.requester.name) == ("a picture, fox", "3:2", "ann")
    assert fox.references[0].sha256 == fox.images[0].sha256 == PICTURE
    assert [post.id for post in fox.posts] == ["post-fox"]
    assert (await store.turn("fox")).next_turn_contents == CONTENTS
    assert (await store.turn("running")).payload == {"prompt": "a picture, running", "aspect_ratio": "3:2"}
    assert [event.text for event in await store.events("running")][1:] == ["is now submitting", "is now running"]
    assert jobs["refused"].failure.reason == "SAFETY"
    assert jobs["gone"].deleted_at == T0 + 50
    assert jobs["running"].holds_slot
    head = await store.head("c1")
    assert head.id == "fox"
    assert await store.known_requests(["request-of-running", "another"]) == {"request-of-running"}
    assert await store.load_note("delivering") == {"begun": True}
    assert await store.recall("adapter.plain", "cursor:village", T0) == {"at": 7}


async def test_old_database_opened_for_reading_asks_for_a_start_and_changes_nothing(path, written):
    if written.stem == SCHEMA:
        await (await open_store(f"sqlite:///{path}", exclusive=False, read_only=True)).close()
        return
    with pytest.raises(StoreBusy, match=r"was written by an older Darkroom\. Start the bot once"):
        await open_store(f"sqlite:///{path}", exclusive=False, read_only=True)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchone() == (written.stem,)
