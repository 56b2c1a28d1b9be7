"""Where are the bytes of pictures beside a database file? One file per blob, whole or not there."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterable, Iterator
from pathlib import Path


class BlobFiles:
    """Files `ab/cdef..` in one folder, named by sha256. All of it waits for the disk: call it off the event loop."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder

    def has(self, sha256: str, size: int) -> bool:
        """Whether these bytes are kept."""
        try:
            return self._path(sha256).stat().st_size == size
        except FileNotFoundError:
            return False

    def read(self, sha256: str) -> bytes | None:
        """The bytes, or None."""
        try:
            return self._path(sha256).read_bytes()
        except FileNotFoundError:
            return None

    def write_aside(self, sha256: str, data: bytes) -> Path:
        """Writes the bytes to the disk under a name that nobody reads; `adopt` gives them theirs."""
        path = self._path(sha256)
        if not path.parent.is_dir():
            path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            for parent in (self._folder, self._folder.parent):
                _sync_folder(parent)
        aside = path.with_name(f"{path.name}.{secrets.token_hex(4)}.part")
        try:
            with aside.open("xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
        except OSError:
            aside.unlink(missing_ok=True)  # a full disk needs every byte
            raise
        return aside

    def adopt(self, aside: Path, sha256: str) -> None:
        """After this the bytes are found, and survive a power cut."""
        aside.replace(self._path(sha256))
        _sync_folder(aside.parent)

    def remove(self, ids: Iterable[str]) -> None:
        """The bytes are gone afterwards."""
        for sha256 in ids:
            self._path(sha256).unlink(missing_ok=True)

    def old(self, before: float) -> Iterator[tuple[str, Path]]:
        """Every file last written before `before`, with the blob's id (`aside` files have the id of theirs)."""
        for path in self._folder.glob("??/*"):
            try:
                is_old = path.stat().st_mtime < before
            except FileNotFoundError:
                continue
            if is_old:
                yield path.parent.name + path.name, path

    def _path(self, sha256: str) -> Path:
        return self._folder / sha256[:2] / sha256[2:]


def _sync_folder(folder: Path) -> None:
    """Without it a rename may be forgotten in a power cut, though the file's bytes are not."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
