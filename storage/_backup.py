"""How does an operator get a copy that is whole while the bot goes on? One tar archive: the database, and its pictures."""

from __future__ import annotations

import os
import sqlite3
import tarfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

from bot.ports import BackedUp, StoreBusy
from storage._faults import told


def back_up(path: Path, blobs: Path, file: Path) -> BackedUp:
    """Copies the database at `path`, as it is at one moment, and every picture that it lists, into a new archive.

    Unpacked into an empty folder the archive is a store. Nothing is locked, and a database that an older or a newer version
    wrote is copied as well. Raises StoreBusy; then there is no archive.
    """
    if not path.exists():
        raise StoreBusy(f"There is no database at {path} to back up. Name the right one in DATABASE_URL or DATA_DIR.")
    with _telling_of(file):
        if file.exists():
            raise StoreBusy(f"{file} exists already, and a backup replaces nothing. Name another file.")
        # Beside the archive, so that its last step is a rename: what bears its name is whole.
        aside = TemporaryDirectory(prefix=".darkroom-backup-", dir=file.parent)
    with aside as folder:
        copy = Path(folder) / path.name
        with told(path):
            _copy(path, copy)
            listed = _listed(copy)
        with _telling_of(file):
            archive = Path(folder) / "archive"
            kept = _pack(archive, copy, blobs, listed)
            size = archive.stat().st_size
            archive.rename(file)
            _sync(file.parent)
    return BackedUp(pictures=kept, bytes=size)


def _copy(path: Path, copy: Path) -> None:
    """SQLite's own way, in one step: in WAL mode it neither waits for the bot's writes nor keeps them waiting."""
    os.close(os.open(copy, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(f"{path.as_uri()}?mode=ro", uri=True)) as source,
        closing(sqlite3.connect(copy)) as target,
    ):
        source.backup(target)
        target.execute("PRAGMA journal_mode = DELETE")  # one file, without a log beside it; the bot sets WAL again
        damage = target.execute("PRAGMA quick_check(1)").fetchone()[0]
    if damage != "ok":
        raise StoreBusy(f"{path} is damaged ({damage}), so it was not backed up. Keep the backups that you have.")


def _listed(copy: Path) -> list[str]:
    with closing(sqlite3.connect(copy)) as connection:
        known = connection.execute("SELECT 1 FROM sqlite_master WHERE name = 'blobs'").fetchone()
        if known is None:
            raise StoreBusy("The database holds nothing of Darkroom's. Name the right one in DATABASE_URL or DATA_DIR.")
        return [sha256 for (sha256,) in connection.execute("SELECT sha256 FROM blobs ORDER BY sha256")]


def _pack(archive: Path, copy: Path, blobs: Path, listed: list[str]) -> int:
    """Returns how many pictures went along: one may have been removed since, and is no more to be kept than before."""
    kept = 0
    with os.fdopen(os.open(archive, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as out:
        with tarfile.open(fileobj=out, mode="w") as tar:
            tar.add(copy, arcname=copy.name)
            for sha256 in listed:
                name = f"{sha256[:2]}/{sha256[2:]}"
                try:
                    tar.add(blobs / name, arcname=f"blobs/{name}", filter=_private)
                except FileNotFoundError:
                    continue
                kept += 1
        out.flush()
        os.fsync(out.fileno())
    return kept


def _private(member: tarfile.TarInfo) -> tarfile.TarInfo:
    """A store's folder keeps others out; where the archive is unpacked, nobody promises that."""
    member.mode = 0o600
    return member


def _sync(folder: Path) -> None:
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


@contextmanager
def _telling_of(file: Path) -> Iterator[None]:
    try:
        yield
    except OSError as error:
        raise StoreBusy(
            f"No backup was made: {error.filename or file}: {error.strerror}. Name a file in a folder that exists, has room "
            "for all pictures, and may be written by you."
        ) from error
