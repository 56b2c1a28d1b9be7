"""Does a database that a released version wrote open in this one, with everything in it? `old_database.py` tells how they are made."""

import sqlite3
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import pytest
from alembic.script import ScriptDirectory

from bot.model import JobQuery, JobState, Waiting
from bot.ports import StoreBusy
from storage import _schema
from storage._tables import SCHEMA
from tests.storage import old_database
from tests.storage.conftest import ENGINES, open_at
from tests.storage.old_database import CONTENTS, PICTURE, T0
from tests.storage.server import Server

FIXTURES = Path(__file__).parent / "fixtures"
REVISIONS = sorted({path.name.partition(".")[0] for path in FIXTURES.glob("*.sql")})


@dataclass(frozen=True)
class Old:
    """What a release wrote, in a database of its engine."""

    address: str
    revision: str
    server: Server | None = None
    name: str = ""

    def sql(self, question: str) -> list[str]:
        if self.server is not None:
            return self.server.sql(question, database=self.name).splitlines()
        with closing(sqlite3.connect(self.address.removeprefix("sqlite:///"))) as connection:
            return ["|".join(map(str, row)) for row in connection.execute(question)]


@pytest.fixture(params=REVISIONS)
def revision(request):
    return request.param


@pytest.fixture
def old(engine, revision, request, tmp_path):
    text = (FIXTURES / f"{revision}.{engine}.sql").read_text()
    if engine == "sqlite":
        with closing(sqlite3.connect(tmp_path / "darkroom.db")) as connection:
            connection.executescript(text)
        return Old(f"sqlite:///{tmp_path}/darkroom.db", revision)
    server = request.getfixturevalue("server")
    name = server.new_database()
    server.script(text, database=name)
    return Old(server.address(name), revision, server, name)


@pytest.fixture
async def store(old):
    opened = await open_at(old.address)
    yield opened
    await opened.close()


def contents(dump):
    """Every table and index as it was declared, and every row."""
    with closing(sqlite3.connect(":memory:")) as connection:
        connection.executescript(dump)
        declared = connection.execute("SELECT name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name").fetchall()
        tables = [name for name, sql in declared if sql.startswith("CREATE TABLE")]
        return declared, {name: sorted(connection.execute(f"SELECT * FROM {name}"), key=repr) for name in tables}


def test_every_schema_has_its_databases():
    known = {script.revision for script in ScriptDirectory.from_config(_schema.config()).walk_revisions()}
    made = {f"{revision}.{engine}.sql" for revision in known for engine in ENGINES}
    assert {path.name for path in FIXTURES.iterdir()} == made, "make them with tests/storage/old_database.py"


def test_database_of_this_schema_is_what_this_code_writes(tmp_path):
    """So that the next version is tested against what was really released."""
    assert contents(old_database.of_sqlite(tmp_path)) == contents((FIXTURES / f"{SCHEMA}.sqlite.sql").read_text())


def test_database_of_this_schema_on_a_server_is_what_this_code_writes(server):
    released = (FIXTURES / f"{SCHEMA}.postgresql.sql").read_text()
    assert old_database.of_postgresql(server).splitlines() == released.splitlines()


async def test_old_database_has_the_tables_and_the_version_of_this_code(old, store, tmp_path_factory):
    assert old.sql("SELECT version_num FROM alembic_version") == [SCHEMA]
    if old.server is None:
        assert (old.sql("PRAGMA foreign_key_check"), old.sql("PRAGMA integrity_check")) == ([], ["ok"])
        folder = tmp_path_factory.mktemp("fresh")
        fresh = Old(f"sqlite:///{folder}/darkroom.db", SCHEMA)
        await (await open_at(fresh.address)).close()
        declared = "SELECT name, sql FROM sqlite_master WHERE sql NOT NULL ORDER BY name"
        assert old.sql(declared) == fresh.sql(declared)
        return
    fresh = old.server.new_database()
    await (await open_at(old.server.address(fresh))).close()
    assert shape(old.server.dump(old.name)) == shape(old.server.dump(fresh))


def shape(dump):
    """What is declared, without what the tables hold."""
    rows = ("INSERT INTO ", "SELECT pg_catalog.setval(")
    return [line for line in dump.splitlines() if not line.startswith(rows)]


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


async def test_old_database_opened_for_reading_asks_for_a_start_and_changes_nothing(old):
    if old.revision == SCHEMA:
        await (await open_at(old.address, exclusive=False, read_only=True)).close()
        return
    with pytest.raises(StoreBusy, match=r"was written by an older Darkroom\. Start the bot once"):
        await open_at(old.address, exclusive=False, read_only=True)
    assert old.sql("SELECT version_num FROM alembic_version") == [old.revision]
