"""What small things are kept beside jobs: notes of deliveries, cursors, and the list of blobs?"""

from __future__ import annotations

import secrets
from collections.abc import Sequence

import sqlalchemy as sa
import structlog
from sqlalchemy import Connection

from bot.model import Json
from storage._tables import Spoilt, blobs, memory, notes, upsert

OURS = "store"
"""The name space of the store itself."""

CLOCK_STEP = 60.0
"""Seconds by which a bucket may have been used later than now: processes tell the same time no better than to some
milliseconds. More, and the clock was set back."""


def load_note(connection: Connection, key: str) -> Json | None:
    """The last memo saved under this key."""
    memo: Json | None = connection.scalar(sa.select(notes.c.memo).where(notes.c.key == key))
    return memo


def save_note(connection: Connection, key: str, memo: Json) -> None:
    """Replaces the memo before it."""
    upsert(connection, notes, {"key": key, "memo": memo}, replace=["memo"])


def recall(connection: Connection, space: str, key: str, now: float) -> Json | None:
    """A cursor that has not expired. One that expires at `now` has."""
    value: Json | None = connection.scalar(
        sa.select(memory.c.value).where(memory.c.space == space, memory.c.key == key, _lasts(now))
    )
    return value if _is_readable(key, value) else None


def remember(connection: Connection, space: str, key: str, value: Json | None, expires_at: float | None) -> None:
    """Keeps a cursor; None forgets it."""
    if value is None:
        connection.execute(memory.delete().where(memory.c.space == space, memory.c.key == key))
        return
    row = {"space": space, "key": key, "value": value, "expires_at": expires_at}
    upsert(connection, memory, row, replace=["value", "expires_at"])


def recall_all(connection: Connection, space: str, now: float) -> Sequence[tuple[str, Json]]:
    """All cursors of a name space that have not expired, by key."""
    found = connection.execute(
        sa.select(memory.c.key, memory.c.value).where(memory.c.space == space, _lasts(now)).order_by(memory.c.key)
    )
    return [(row.key, row.value) for row in found if _is_readable(row.key, row.value)]


def beat(connection: Connection) -> None:
    """Writes something that was not there before, to see that it can be written."""
    remember(connection, OURS, "beat", {"nonce": secrets.token_hex(4)}, None)


def take(connection: Connection, name: str, rate: float, burst: float, now: float) -> float:
    """Seconds to wait for one from the bucket, which a row keeps until it is full again: no row is a full bucket."""
    key = f"bucket:{name}"
    full = {"space": OURS, "key": key, "value": {"left": burst, "at": now}, "expires_at": now}
    upsert(connection, memory, full)
    row = sa.and_(memory.c.space == OURS, memory.c.key == key)
    kept: dict[str, float] = connection.execute(sa.select(memory.c.value).where(row).with_for_update()).scalar_one()
    at = max(now, kept["at"]) if kept["at"] - now < CLOCK_STEP else now
    left = min(burst, kept["left"] + max(0.0, at - kept["at"]) * rate) - 1.0
    connection.execute(
        memory.update().where(row).values(value={"left": left, "at": at}, expires_at=at + (burst - left) / rate)
    )
    return max(0.0, -left / rate)


def keep_blob(connection: Connection, sha256: str, size: int, now: float) -> None:
    """Lists a blob whose bytes are safe, or says that it was put again."""
    upsert(connection, blobs, {"sha256": sha256, "size": size, "put_at": now}, replace=["put_at"])


def _is_readable(key: str, value: object) -> bool:
    """What a stranger's hand has spoilt is as good as forgotten, and keeps nobody from the rest."""
    if isinstance(value, Spoilt):
        structlog.get_logger("storage").error("cursor_unreadable", key=key)
        return False
    return True


def _lasts(now: float) -> sa.ColumnElement[bool]:
    return sa.or_(memory.c.expires_at.is_(None), memory.c.expires_at > now)
