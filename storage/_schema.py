"""Does this code understand this database? An older one is migrated, a newer or a foreign one is refused in words."""

from __future__ import annotations

from pathlib import Path

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from bot.ports import StoreBusy
from storage._tables import SCHEMA


def upgrade(connection: Connection, name: str) -> bool:
    """Brings the database to this code's schema, in the connection's transaction. False: it has it already.

    name: how an operator knows the database, for sentences.
    """
    version = _version(connection, name)
    if version == SCHEMA:
        return False
    if version is not None:
        _refuse_newer(version, name)
    alembic = config()
    alembic.attributes["connection"] = connection
    command.upgrade(alembic, "head")
    return True


def is_current(connection: Connection, name: str) -> bool:
    """Whether the database has this code's schema already. Raises StoreBusy for one of another program."""
    return _version(connection, name) == SCHEMA


def check(connection: Connection, name: str) -> None:
    """Raises StoreBusy unless the database has this code's schema."""
    version = _version(connection, name)
    if version is None:
        raise StoreBusy(f"{name} is empty. Start the bot once: it makes its tables there.")
    if version != SCHEMA:
        _refuse_newer(version, name)
        raise StoreBusy(
            f"{name} was written by an older Darkroom. Start the bot once: it brings the database up to date."
        )


def config() -> Config:
    """Alembic's settings, without a file: the migrations lie in this package."""
    alembic = Config()
    folder = Path(__file__).with_name("migrations")
    alembic.set_main_option("script_location", str(folder).replace("%", "%%"))
    alembic.set_main_option("path_separator", "os")
    return alembic


def _refuse_newer(version: str, name: str) -> None:
    known = {revision.revision for revision in ScriptDirectory.from_config(config()).walk_revisions()}
    if version not in known:
        raise StoreBusy(
            f"{name} was written by a newer Darkroom (schema {version}; this one knows {SCHEMA}). "
            "Install that version or a later one, or name another database in DATABASE_URL."
        )


def _version(connection: Connection, name: str) -> str | None:
    """The schema's revision; None for an empty database."""
    tables = set(sa.inspect(connection).get_table_names())
    if "alembic_version" in tables:
        version: str | None = connection.scalar(sa.text("SELECT version_num FROM alembic_version"))
        return version
    if tables:
        raise StoreBusy(f"{name} belongs to another program. Name another database in DATABASE_URL.")
    return None
