"""What must an operator do when the disk, the file or its permissions say no? One sentence for each."""

from __future__ import annotations

import errno
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from sqlalchemy.exc import DBAPIError

from bot.ports import StoreBusy

_LOCKED = "{path} is locked by another program. Close what has it open (a database browser, a copy), then try again."
_FULL = "The disk that holds {path} is full. Make room; the bot goes on by itself once there is some."
_NOT_WRITABLE = "{path} cannot be written. Let the user who runs the bot write to this file and its folder."
_NOT_OPENED = (
    "{path} cannot be opened. Let the user who runs the bot read and write this file and its folder, "
    "or name another place in DATABASE_URL or DATA_DIR."
)
_BROKEN_DISK = "The disk that holds {path} answered with an error ({error}). Check the disk, then start the bot again."
_DAMAGED = "{path} is damaged ({error}). Stop the bot and put a backup in its place."
_FOREIGN = "{path} is not a SQLite database. Name another file in DATABASE_URL."

# By SQLite's primary result codes (https://sqlite.org/rescode.html). A code that is not here is a bug of ours.
_OF_SQLITE = {
    "BUSY": _LOCKED,
    "LOCKED": _LOCKED,
    "PROTOCOL": _LOCKED,
    "FULL": _FULL,
    "READONLY": _NOT_WRITABLE,
    "PERM": _NOT_OPENED,
    "AUTH": _NOT_OPENED,
    "CANTOPEN": _NOT_OPENED,
    "IOERR": _BROKEN_DISK,
    "CORRUPT": _DAMAGED,
    "NOTADB": _FOREIGN,
}

_OF_SYSTEM = {
    errno.ENOSPC: _FULL,
    errno.EDQUOT: _FULL,
    errno.EROFS: _NOT_WRITABLE,
    errno.EACCES: _NOT_OPENED,
    errno.EPERM: _NOT_OPENED,
    errno.ENOTDIR: _NOT_OPENED,
    errno.EISDIR: _NOT_OPENED,
    errno.EEXIST: _NOT_OPENED,
    errno.ENOENT: _NOT_OPENED,
}


@contextmanager
def told(path: Path) -> Iterator[None]:
    """Raises StoreBusy in place of what the database or the system raises about `path`; a bug stays what it is."""
    try:
        yield
    except DBAPIError as error:
        raise _busy(error.orig, path) or error from error
    except sqlite3.Error as error:
        raise _busy(error, path) or error from error
    except OSError as error:
        sentence = _OF_SYSTEM.get(error.errno or 0, _BROKEN_DISK)
        raise StoreBusy(sentence.format(path=path, error=error.strerror)) from error


def _busy(error: BaseException | None, path: Path) -> StoreBusy | None:
    # e.g. SQLITE_IOERR_WRITE; errors that Python's module raises by itself have no name
    name = getattr(error, "sqlite_errorname", None) or ""
    sentence = _OF_SQLITE.get(name.removeprefix("SQLITE_").split("_")[0])
    return StoreBusy(sentence.format(path=path, error=error)) if sentence else None
