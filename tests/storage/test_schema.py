"""Do the migrations make what the code expects, and is what it does not understand refused?"""

from __future__ import annotations

import asyncio
import sqlite3
from contextlib import closing

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy.dialects import postgresql, sqlite

from bot.model import OPEN, JobQuery, JobState
from bot.ports import StoreBusy
from storage import _claims, _schema
from storage._server import address_of
from storage._tables import SCHEMA, jobs, metadata, server_metadata
from storage.postgresql import PostgresEngine
from storage.postgresql import open_store as open_store_of_server
from storage.sqlite import open_store
from tests.storage.making import accept


@pytest.fixture
def path(tmp_path):
    return tmp_path / "darkroom.db"


@pytest.fixture
async def migrated(path):
    """A database that the migrations made."""
    await (await open_store(f"sqlite:///{path}", exclusive=True)).close()
    return path


@pytest.fixture
async def on_server(server):
    """Runs a unit of work in a database of the server, which `open_store` made unless it `is_empty`."""
    opened: list[PostgresEngine] = []

    async def run(work, *, is_empty: bool = False):
        engine = PostgresEngine(address_of(server.address(server.new_database())), read_only=False)
        opened.append(engine)
        if not is_empty:
            await engine.prepare()
        return await engine.write(work)

    yield run
    for engine in opened:
        await engine.close()


def facts(connection: sa.Connection) -> set[tuple[str, ...]]:
    """Everything that PostgreSQL knows of our columns, indexes and constraints."""
    questions = (
        """SELECT table_name, column_name, data_type, collation_name, is_nullable, column_default, ordinal_position::text
        FROM information_schema.columns WHERE table_schema = 'public' AND table_name <> 'alembic_version'""",
        "SELECT indexname, indexdef FROM pg_indexes WHERE schemaname = 'public' AND tablename <> 'alembic_version'",
        """SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint
        WHERE connamespace = 'public'::regnamespace AND conrelid <> coalesce(to_regclass('alembic_version'), 0)""",
    )
    return {tuple(row) for question in questions for row in connection.execute(sa.text(question))}


async def test_migrations_make_on_postgresql_what_the_code_speaks_of(on_server):
    def make(connection: sa.Connection) -> set[tuple[str, ...]]:
        for each in (metadata, server_metadata):
            each.create_all(connection)
        return facts(connection)

    migrated, ours = await on_server(facts), await on_server(make, is_empty=True)
    assert len(ours) > 100
    assert migrated == ours


async def test_processes_that_open_an_empty_database_at_once_migrate_it_once(server):
    address = server.address(server.new_database())
    stores = await asyncio.gather(*(open_store_of_server(address, exclusive=True) for _ in range(4)))
    for number, store in enumerate(stores):
        await accept(store, f"j{number}")
    assert len(await stores[0].jobs(JobQuery())) == 4
    for store in stores:
        await store.close()


@pytest.mark.parametrize("read_only", [False, True])
async def test_database_on_a_server_that_this_version_does_not_know_is_refused(server, read_only):
    newer, foreign, empty = (server.new_database() for _ in range(3))
    await (await open_store_of_server(server.address(newer), exclusive=True)).close()
    server.sql("UPDATE alembic_version SET version_num = '9999'", database=newer)
    server.sql("CREATE TABLE recipes (name text)", database=foreign)

    async def refusal(name: str) -> str:
        with pytest.raises(StoreBusy) as refused:
            await open_store_of_server(server.address(name), exclusive=not read_only, read_only=read_only)
        return str(refused.value).replace(f"The database {name} at {server.folder} ", "")

    assert (await refusal(newer)).startswith("was written by a newer Darkroom (schema 9999; ")
    assert (await refusal(foreign)).startswith("belongs to another program.")
    tables = server.sql("SELECT tablename FROM pg_tables WHERE schemaname = 'public'", database=foreign)
    assert tables == "recipes"
    if read_only:
        assert (await refusal(empty)).startswith("is empty. Start the bot once")


def statements(engine: sa.Engine) -> dict[str, str]:
    with engine.connect() as connection:
        found = connection.exec_driver_sql("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND sql NOT NULL")
        return {row.name: " ".join(row.sql.split()) for row in found}


def test_migrations_make_the_tables_that_the_code_speaks_of(migrated):
    engine = sa.create_engine(f"sqlite:///{migrated}")
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True, "compare_server_default": True})
        assert compare_metadata(context, metadata) == []
    engine.dispose()


def test_migrations_make_the_same_indexes_with_the_same_conditions(migrated):
    """Alembic does not compare the conditions of partial indexes, and the plans depend on them."""
    engine, ours = sa.create_engine(f"sqlite:///{migrated}"), sa.create_engine("sqlite://")
    metadata.create_all(ours)
    assert statements(engine) == statements(ours)
    engine.dispose()
    ours.dispose()


def test_newest_migration_is_the_schema_that_the_code_names():
    assert ScriptDirectory.from_config(_schema.config()).get_current_head() == SCHEMA


async def test_opening_twice_migrates_once_and_keeps_everything(migrated):
    for number in range(2):
        store = await open_store(f"sqlite:///{migrated}", exclusive=True)
        await accept(store, f"j{number}")
        await store.close()
    with closing(sqlite3.connect(migrated)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [(SCHEMA,)]
        assert connection.execute("SELECT count(*) FROM jobs").fetchone() == (2,)


@pytest.mark.parametrize("read_only", [False, True])
async def test_database_of_a_newer_version_is_refused_and_left_as_it_is(migrated, read_only):
    with closing(sqlite3.connect(migrated)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    with pytest.raises(StoreBusy, match=rf"was written by a newer Darkroom \(schema 9999; this one knows {SCHEMA}\)"):
        await open_store(f"sqlite:///{migrated}", exclusive=not read_only, read_only=read_only)
    with closing(sqlite3.connect(migrated)) as connection:
        assert connection.execute("SELECT version_num FROM alembic_version").fetchall() == [("9999",)]


@pytest.mark.parametrize("read_only", [False, True])
async def test_database_of_another_program_is_refused_and_left_as_it_is(path, read_only):
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(StoreBusy, match="belongs to another program"):
        await open_store(f"sqlite:///{path}", exclusive=not read_only, read_only=read_only)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == [("recipes",)]


async def test_reading_an_empty_file_is_refused_in_words(path):
    path.touch()
    with pytest.raises(StoreBusy, match=r"is empty\. Start the bot once"):
        await open_store(f"sqlite:///{path}", exclusive=False, read_only=True)


async def test_migration_that_is_cut_short_leaves_the_database_as_it_was(path, monkeypatch):
    def half(config: Config, _revision: str) -> None:
        config.attributes["connection"].exec_driver_sql("CREATE TABLE half (name)")
        raise RuntimeError("cut short")

    monkeypatch.setattr(_schema.command, "upgrade", half)
    with pytest.raises(RuntimeError, match="cut short"):
        await open_store(f"sqlite:///{path}", exclusive=True)
    with closing(sqlite3.connect(path)) as connection:
        assert connection.execute("SELECT name FROM sqlite_master").fetchall() == []
    monkeypatch.undo()
    await (await open_store(f"sqlite:///{path}", exclusive=True)).close()


def test_claim_is_one_statement_that_skips_rows_which_others_hold_where_the_engine_can():
    claim = _claims.claim_statement()
    assert "FOR NO KEY UPDATE OF jobs SKIP LOCKED" in str(claim.compile(dialect=postgresql.dialect()))
    assert "SKIP LOCKED" not in str(claim.compile(dialect=sqlite.dialect()))


def test_tables_can_be_made_on_postgresql_too():
    for table in (*metadata.sorted_tables, *server_metadata.sorted_tables):
        assert str(sa.schema.CreateTable(table).compile(dialect=postgresql.dialect()))
        for index in table.indexes:
            assert "= 1" not in str(sa.schema.CreateIndex(index).compile(dialect=postgresql.dialect()))


def test_check_of_the_table_names_every_ended_state():
    [check] = [each for each in jobs.constraints if isinstance(each, sa.CheckConstraint)]
    for state in JobState:
        assert (f"'{state.value}'" in str(check.sqltext)) is (state not in OPEN)
