"""How does the bot keep everything in one file? SQLite: one writer beside a few readers, pictures as files.

DATABASE_URL is `sqlite:///relative/path.db` or `sqlite:////absolute/path.db`.
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import sqlite3
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack, ExitStack
from functools import partial
from pathlib import Path
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import make_url
from sqlalchemy.exc import ArgumentError

from bot.ports import BackedUp, News, Store, StoreBusy
from storage import _backup, _memory, _schema
from storage._faults import told
from storage._files import BlobFiles
from storage._lines import Line, Lines, opened
from storage._retention import BATCH, Removal
from storage._sql import SqlStore
from storage._tables import blobs

P = ParamSpec("P")
T = TypeVar("T")

READERS = 4
"""Reads at the same time; in WAL mode they neither wait for the writer nor keep it waiting."""

BUSY_TIMEOUT = 5.0
"""Seconds to wait for another program's lock before a call fails with StoreBusy."""

WAL_LIMIT = 64 * 1024 * 1024
"""Bytes to which the write-ahead log is cut back after a long reader let it grow."""


async def open_store(url: str, *, exclusive: bool, read_only: bool = False) -> Store:
    """Opens the database, making or migrating it first. Raises StoreBusy with a sentence when it cannot.

    exclusive: keeps every other exclusive opener out until `close`, or until this process dies however it dies.
    read_only: neither locks, makes nor migrates; works beside a running bot. Every write raises StoreBusy.
    """
    path = _path_of(url)
    return SqlStore(await (_open_for_reading(path) if read_only else _open(path, exclusive=exclusive)))


async def back_up(url: str, file: Path) -> BackedUp:
    """Makes one archive of all that is stored, also while a bot works on it. Raises StoreBusy with a sentence."""
    path = _path_of(url)
    return await asyncio.to_thread(_backup.back_up, path, blob_folder(path), file)


class SqliteEngine:
    """`storage._sql.Engine` on lines: one that writes, in the order of the calls, and a few that read."""

    def __init__(self, path: Path, *, readers: Lines, writer: Line | None, lock: int | None) -> None:
        self._path = path
        self._files = BlobFiles(blob_folder(path))
        self._readers = readers
        # A single line is the queue of writers: nothing it does is interleaved, so blobs need no lock of their own.
        self._writer = writer
        self._lock = lock
        self._is_closed = False

    async def read(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        self._must_be_open()
        async with self._readers.one() as line:
            self._must_be_open()
            return await line.run(self._told, line.transact, partial(_call, work, args, kwargs))

    async def write(self, work: Callable[Concatenate[Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        line = self._must_write()
        return await line.run(self._told, line.transact, partial(_call, work, args, kwargs))

    async def put_blob(self, sha256: str, data: bytes, now: float) -> None:
        line = self._must_write()
        if await line.run(self._told, self._keep, sha256, len(data), now, None):
            return
        aside = await asyncio.to_thread(self._told, self._files.write_aside, sha256, data)
        line = self._must_write()  # it may have been closed meanwhile
        await line.run(self._told, self._keep, sha256, len(data), now, aside)

    async def get_blob(self, sha256: str) -> bytes | None:
        self._must_be_open()
        return await asyncio.to_thread(self._told, self._files.read, sha256)

    async def remove(
        self, work: Callable[Concatenate[Connection, P], Removal], *args: P.args, **kwargs: P.kwargs
    ) -> Removal:
        return await self._must_write().run(self._told, self._take_away, partial(_call, work, args, kwargs))

    async def remove_strays(self, before: float) -> None:
        old = await asyncio.to_thread(self._told, lambda: list(self._files.old(before)))
        for start in range(0, len(old), BATCH):
            await self._must_write().run(self._told, self._remove_unlisted, old[start : start + BATCH])

    async def now(self) -> float:
        return time.time()  # one process at a time works, on one machine

    async def work(self) -> None:
        """Nobody else can: the lock is held since the store was opened."""

    async def news(self) -> AsyncIterator[News]:
        return
        yield  # never; it makes this an iterator

    async def close(self) -> None:
        if self._is_closed:
            return
        self._is_closed = True
        await self._readers.close()
        if self._writer is not None:
            await self._writer.close()
        if self._lock is not None:
            os.close(self._lock)

    def _must_be_open(self) -> None:
        if self._is_closed:
            raise StoreBusy("The store was closed; the bot is stopping.")

    def _must_write(self) -> Line:
        self._must_be_open()
        if self._writer is None:
            raise StoreBusy(f"{self._path} was opened for reading only.")
        return self._writer

    # -- in the threads -----------------------------------------------------------------------------------------

    def _told(self, task: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        with told(self._path):
            return task(*args, **kwargs)

    def _in_transaction(self, work: Callable[[Connection], T]) -> T:
        return self._must_write().transact(work)

    def _keep(self, sha256: str, size: int, now: float, aside: Path | None) -> bool:
        """Lists the blob once its file stands. False: there is no file yet, nor one to adopt."""
        if aside is not None:
            self._files.adopt(aside, sha256)
        elif not self._files.has(sha256, size):
            return False
        self._in_transaction(lambda connection: _memory.keep_blob(connection, sha256, size, now))
        return True

    def _take_away(self, work: Callable[[Connection], Removal]) -> Removal:
        removal = self._in_transaction(work)
        # Rows first: should the process die here, `remove_strays` finds files without rows, but nothing is listed that
        # is not there.
        self._files.remove(removal.blobs)
        self._empty_log()
        return removal

    def _empty_log(self) -> None:
        """What was removed still stands in the write-ahead log; written back, it is gone from there as well.

        Best effort: a reader that is at work keeps the log, and the next removal or the end empties it.
        """
        self._must_write().connection.exec_driver_sql("PRAGMA wal_checkpoint(TRUNCATE)").all()

    def _remove_unlisted(self, old: list[tuple[str, Path]]) -> None:
        def listed(connection: Connection) -> set[str]:
            ids = [sha256 for sha256, _ in old]
            return set(connection.scalars(sa.select(blobs.c.sha256).where(blobs.c.sha256.in_(ids))))

        known = self._in_transaction(listed)
        for sha256, path in old:
            if sha256 not in known:
                path.unlink(missing_ok=True)


def blob_folder(path: Path) -> Path:
    """Where the pictures of a database file live."""
    return path.parent / "blobs"


def _call(work: Callable[..., T], args: Any, kwargs: Any, connection: Connection) -> T:
    return work(connection, *args, **kwargs)


def _path_of(url: str) -> Path:
    example = "Write it like sqlite:///data/darkroom.db."
    try:
        name = make_url(url).database
    except ArgumentError:
        raise StoreBusy(f"DATABASE_URL is not an address of a database. {example}") from None
    if name is None or name in ("", ":memory:"):
        raise StoreBusy(f"DATABASE_URL names no file, and memory would forget accepted requests. {example}")
    # Resolved, so that two names of one file meet at one lock.
    return Path(name).resolve()


async def _open(path: Path, *, exclusive: bool) -> SqliteEngine:
    async with AsyncExitStack() as undo:
        lock = await asyncio.to_thread(_prepare_place, path, exclusive=exclusive)
        if lock is not None:
            undo.callback(os.close, lock)
        writer = await _line(path, "rwc", _prepare_writer, "BEGIN IMMEDIATE")
        undo.push_async_callback(writer.close)
        await writer.run(_migrate, writer, path)
        readers = await _readers(path, undo)
        undo.pop_all()
        return SqliteEngine(path, readers=readers, writer=writer, lock=lock)


async def _open_for_reading(path: Path) -> SqliteEngine:
    if not await asyncio.to_thread(path.exists):
        raise StoreBusy(
            f"There is no database at {path} yet. "
            "Start the bot once, or name the right file in DATABASE_URL or DATA_DIR."
        )
    async with AsyncExitStack() as undo:
        readers = await _readers(path, undo)
        async with readers.one() as line:
            await line.run(_check, line, path)
        undo.pop_all()
        return SqliteEngine(path, readers=readers, writer=None, lock=None)


async def _readers(path: Path, undo: AsyncExitStack) -> Lines:
    lines: list[Line] = []
    for _ in range(READERS):
        lines.append(await _line(path, "ro", _prepare_reader, "BEGIN"))
        undo.push_async_callback(lines[-1].close)
    return Lines(lines)


async def _line(path: Path, mode: str, prepare: Callable[[sqlite3.Connection], None], begin: str) -> Line:
    def connect() -> sqlite3.Connection:
        with told(path):
            connection = _connect(path, mode)
            try:
                prepare(connection)
            except BaseException:
                connection.close()
                raise
            return connection

    return await opened(connect, begin=begin)


def _prepare_place(path: Path, *, exclusive: bool) -> int | None:
    """Makes the folders, and takes the lock if it is asked for: its descriptor."""
    with told(path), ExitStack() as undo:
        for folder in (path.parent, blob_folder(path)):
            folder.mkdir(parents=True, exist_ok=True, mode=0o700)  # words and pictures are the members' own
        # SQLite would make its files readable for everybody; those beside the database take after it.
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        lock = _lock(path, undo) if exclusive else None
        undo.pop_all()
        return lock


def _check(line: Line, path: Path) -> None:
    with told(path):
        line.transact(lambda connection: _schema.check(connection, str(path)))


def _migrate(writer: Line, path: Path) -> None:
    def work(connection: Connection) -> None:
        if _schema.upgrade(connection, str(path)) and (
            lost := connection.exec_driver_sql("PRAGMA foreign_key_check").first()
        ):
            raise RuntimeError(f"the migration of {path} left rows of {lost[0]} without what they refer to")

    with told(path):
        # Batch mode copies tables and drops the originals, which foreign keys would forbid. SQLite takes this setting
        # only outside a transaction.
        writer.connection.exec_driver_sql("PRAGMA foreign_keys = OFF")
        try:
            writer.transact(work)
        finally:
            writer.connection.exec_driver_sql("PRAGMA foreign_keys = ON")


def _lock(path: Path, undo: ExitStack) -> int:
    """Takes the lock file beside the database, and returns its descriptor: the lock lives as long as that is open.

    Not the database itself: closing any descriptor of that file would drop SQLite's own locks on it. Not a file that
    merely exists: it would outlive SIGKILL.
    """
    descriptor = os.open(path.with_name(path.name + ".lock"), os.O_RDWR | os.O_CREAT, 0o600)
    undo.callback(os.close, descriptor)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        owner = os.pread(descriptor, 20, 0).decode(errors="replace").strip()
        raise StoreBusy(
            f"Another Darkroom (process {owner}) is using {path}. Stop that one first, or give this one another "
            "DATABASE_URL or DATA_DIR."
        ) from None
    os.ftruncate(descriptor, 0)
    os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)
    return descriptor


def _connect(path: Path, mode: str) -> sqlite3.Connection:
    # isolation_level=None: Python's module begins no transactions of its own; we say when one begins, and how.
    return sqlite3.connect(
        f"{path.as_uri()}?mode={mode}", uri=True, timeout=BUSY_TIMEOUT, isolation_level=None, check_same_thread=False
    )


def _prepare_writer(connection: sqlite3.Connection) -> None:
    if connection.execute("PRAGMA journal_mode = WAL").fetchone()[0] != "wal":
        raise StoreBusy("The folder of the database does not support SQLite's WAL mode. Put DATA_DIR on a local disk.")
    connection.execute("PRAGMA synchronous = FULL")  # a job that was accepted survives a power cut
    connection.execute("PRAGMA foreign_keys = ON")
    connection.execute("PRAGMA secure_delete = ON")  # what was forgotten is gone from the file, too
    connection.execute(f"PRAGMA journal_size_limit = {WAL_LIMIT}")


def _prepare_reader(connection: sqlite3.Connection) -> None:
    connection.execute("PRAGMA query_only = ON")
