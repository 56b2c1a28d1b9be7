"""What holds for SQLite alone: the file, its locks, its settings, and what an operator reads when it says no."""

from __future__ import annotations

import asyncio
import os
import resource
import shutil
import signal
import sqlite3
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from bot.model import JobQuery
from bot.ports import StoreBusy
from storage import _faults, _files
from storage._sql import SqlStore
from storage._tables import jobs as jobs_table
from storage.sqlite import SqliteEngine, open_store
from tests.storage.making import T0, accept, claim_ids, finish

ROOT = Path(__file__).parents[2]


@pytest.fixture
def path(tmp_path) -> Path:
    return tmp_path / "data" / "darkroom.db"


@pytest.fixture
def url(path) -> str:
    return f"sqlite:///{path}"


@pytest.fixture
async def store(url):
    opened = await open_store(url, exclusive=True)
    yield opened
    await opened.close()


def engine_of(store: SqlStore) -> SqliteEngine:
    return store._engine


# -- the address --------------------------------------------------------------------------------------------------


async def test_relative_address_makes_its_folder_for_its_owner_alone(tmp_path):
    store = await open_store("sqlite:///deep/data/darkroom.db", exclusive=True)
    await store.close()
    assert (tmp_path / "deep" / "data" / "darkroom.db").is_file()
    assert (tmp_path / "deep" / "data" / "blobs").stat().st_mode & 0o077 == 0


@pytest.mark.parametrize("url", ["sqlite://", "sqlite:///:memory:", "sqlite:///", "sqlite"])
async def test_address_without_a_file_is_refused_in_words(url):
    with pytest.raises(StoreBusy, match=r"DATABASE_URL .* Write it like sqlite:///data/darkroom.db"):
        await open_store(url, exclusive=True)


async def test_odd_characters_in_the_path_are_taken_as_they_are(tmp_path):
    store = await open_store(f"sqlite:///{tmp_path}/dätä & 100% #1/dark room.db", exclusive=True)
    await accept(store)
    await store.close()
    assert (tmp_path / "dätä & 100% #1" / "dark room.db").is_file()


# -- one bot only -------------------------------------------------------------------------------------------------

HOLDER = """
import asyncio, sys
from storage.sqlite import open_store
async def main():
    await open_store(sys.argv[1], exclusive=True)
    print("open", flush=True)
    await asyncio.Event().wait()
asyncio.run(main())
"""


@contextmanager
def running(script: str, *args: str, **options: Any) -> Iterator[subprocess.Popen[str]]:
    """A real process, killed at the end at the latest."""
    process = subprocess.Popen(
        [sys.executable, "-c", script, *args], cwd=ROOT, stdout=subprocess.PIPE, text=True, **options
    )
    try:
        yield process
    finally:
        process.kill()
        process.communicate()


async def test_second_bot_is_kept_out_in_words_until_the_first_dies_however_it_dies(url, path):
    with running(HOLDER, url) as first:
        assert first.stdout.readline() == "open\n"
        with pytest.raises(StoreBusy) as refusal:
            await open_store(url, exclusive=True)
        assert str(refusal.value) == (
            f"Another Darkroom (process {first.pid}) is using {path}. Stop that one first, or give this one another "
            "DATABASE_URL or DATA_DIR."
        )
        os.kill(first.pid, signal.SIGKILL)
        first.wait()
        store = await open_store(url, exclusive=True)
        await store.close()


async def test_second_opening_in_the_same_process_is_kept_out_until_the_first_closes(url):
    first = await open_store(url, exclusive=True)
    with pytest.raises(StoreBusy, match="Another Darkroom"):
        await open_store(url, exclusive=True)
    await first.close()
    await (await open_store(url, exclusive=True)).close()


async def test_two_names_of_one_file_meet_at_one_lock(store, path, tmp_path):
    (tmp_path / "alias").symlink_to(path.parent)
    with pytest.raises(StoreBusy, match="Another Darkroom"):
        await open_store(f"sqlite:///{tmp_path}/alias/darkroom.db", exclusive=True)


WRITER = """
import asyncio, sys
from storage.sqlite import open_store
from tests.storage.making import T0, accept
async def main():
    store = await open_store(sys.argv[1], exclusive=True)
    number = 0
    while True:
        job = await accept(store, f"j{number}")
        await store.save(job, now=T0, event="sent", payload={"prompt": "a fox"})
        sha256 = await store.put_blob(str(number).encode() * 1000, T0)
        print(job.id, sha256, flush=True)
        number += 1
asyncio.run(main())
"""


@pytest.mark.parametrize("lines", [1, 7, 20])
async def test_everything_that_was_promised_before_a_sigkill_is_there_after_it(url, lines):
    with running(WRITER, url) as writer:
        promised = [writer.stdout.readline().split() for _ in range(lines)]
        writer.kill()
        promised += [line.split() for line in writer.stdout.read().splitlines()]
    store = await open_store(url, exclusive=True)
    try:
        assert len(promised) >= lines
        for job_id, sha256 in promised:
            assert (await store.get(job_id)).version == 1
            assert (await store.turn(job_id)).payload == {"prompt": "a fox"}
            assert await store.get_blob(sha256) == job_id.removeprefix("j").encode() * 1000
        everything = await store.jobs(JobQuery(limit=10_000))
        assert len(promised) <= len(everything) <= len(promised) + 1
    finally:
        await store.close()


# -- settings -----------------------------------------------------------------------------------------------------


async def test_writer_is_durable_and_checks_references(store):
    def pragmas(connection: sa.Connection) -> dict[str, Any]:
        names = ("journal_mode", "synchronous", "foreign_keys", "busy_timeout")
        return {name: connection.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}

    assert await engine_of(store).write(pragmas) == {
        "journal_mode": "wal",
        "synchronous": 2,  # FULL
        "foreign_keys": 1,
        "busy_timeout": 5000,
    }


async def test_readers_cannot_write(store):
    with pytest.raises(StoreBusy, match="cannot be written"):
        await engine_of(store).read(lambda connection: connection.execute(sa.delete(jobs_table)).rowcount)


async def test_a_job_without_its_conversation_is_refused_by_the_database(store):
    def orphan(connection: sa.Connection) -> None:
        connection.exec_driver_sql("INSERT INTO turns (job_id) VALUES ('nobody')")

    with pytest.raises(sa.exc.IntegrityError):
        await engine_of(store).write(orphan)


@pytest.mark.parametrize(
    "change",
    [
        {"due_at": None},
        {"waiting": "slot"},
        {"state": "failed"},
        {"due_at": None, "state": "failed", "holds_slot": True},
    ],
)
async def test_database_itself_loses_no_open_job_and_wakes_no_ended_one(store, change):
    await accept(store)

    def tamper(connection: sa.Connection) -> None:
        connection.execute(jobs_table.update().values(**change))

    with pytest.raises(sa.exc.IntegrityError, match="due_or_parked"):
        await engine_of(store).write(tamper)


async def test_errors_carry_no_words_of_a_member(store):
    await accept(store)

    def second(connection: sa.Connection) -> None:
        connection.execute(
            sa.text("INSERT INTO notes (key, memo) VALUES (:key, :memo)"), [{"key": "my secret fox", "memo": None}]
        )

    with pytest.raises(sa.exc.IntegrityError) as failure:
        await engine_of(store).write(second)
    assert "my secret fox" not in str(failure.value)


# -- reading beside a running bot ---------------------------------------------------------------------------------


async def test_reading_works_while_the_bot_runs_and_sees_what_it_writes(store, url):
    reader = await open_store(url, exclusive=False, read_only=True)
    job = await accept(store)
    assert await reader.get("j1") == job
    await reader.close()


async def test_reading_works_while_no_bot_runs(url):
    store = await open_store(url, exclusive=True)
    job = await accept(store)
    sha256 = await store.put_blob(b"pixels", T0)
    await store.close()
    reader = await open_store(url, exclusive=False, read_only=True)
    assert await reader.get("j1") == job
    assert await reader.get_blob(sha256) == b"pixels"
    await (await open_store(url, exclusive=True)).close()  # it keeps nobody out
    await reader.close()


async def test_every_write_to_a_store_for_reading_is_refused_in_words(store, url, path):
    reader = await open_store(url, exclusive=False, read_only=True)
    for write in (reader.check_writable(), accept(reader), reader.put_blob(b"pixels", T0), reader.start(T0)):
        with pytest.raises(StoreBusy, match="was opened for reading only"):
            await write
    await reader.close()
    assert [file for file in (path.parent / "blobs").rglob("*") if file.is_file()] == []


async def test_reading_a_database_that_is_not_there_is_refused_and_makes_nothing(url, path):
    with pytest.raises(StoreBusy, match=f"There is no database at {path} yet"):
        await open_store(url, exclusive=False, read_only=True)
    assert not path.parent.exists()


async def test_claimers_in_two_openings_of_one_file_get_different_jobs(store, url):
    for number in range(20):
        await accept(store, f"j{number}")
    other = await open_store(url, exclusive=False)
    taken = await asyncio.gather(*(claim_ids(each, T0, limit=3) for each in (store, other) * 4))
    assert sorted(job_id for ids in taken for job_id in ids) == sorted(f"j{number}" for number in range(20))
    await other.close()


async def test_two_writers_of_one_file_wait_for_each_other_and_lose_nothing(store, url):
    """Each reads before it writes: had they not taken their turn before they read, one would find the other's write."""
    other = await open_store(url, exclusive=False)
    await asyncio.gather(
        *(accept(each, f"{name}{n}") for n in range(60) for name, each in (("a", store), ("b", other)))
    )
    await other.close()
    assert len(await store.jobs(JobQuery(limit=1000))) == 120


async def test_closed_store_says_so(url):
    store = await open_store(url, exclusive=True)
    await store.close()
    with pytest.raises(StoreBusy, match="closed"):
        await store.get("j1")


# -- what an operator reads ---------------------------------------------------------------------------------------


async def test_cursor_that_is_no_json_is_forgotten_and_keeps_nobody_from_the_rest(store):
    for key in ("spoilt", "good"):
        await store.remember("a", key, {"v": 1})
    await store._engine.write(
        lambda connection: connection.exec_driver_sql("UPDATE memory SET value = 'no JSON' WHERE key = 'spoilt'")
    )
    assert await store.recall("a", "spoilt", T0) is None
    with structlog.testing.capture_logs() as log:
        assert list(await store.recall_all("a", T0)) == [("good", {"v": 1})]
    assert [(entry["event"], entry["key"]) for entry in log] == [("cursor_unreadable", "spoilt")]
    await store.remember("a", "spoilt", {"v": 2})
    assert await store.recall("a", "spoilt", T0) == {"v": 2}


async def test_file_that_is_no_database_is_refused_and_left_as_it_is(url, path):
    path.parent.mkdir()
    path.write_bytes(b"These are notes, and long enough not to be taken for an empty file." * 99)
    before = path.read_bytes()
    for read_only in (False, True):
        with pytest.raises(StoreBusy, match="is not a SQLite database"):
            await open_store(url, exclusive=not read_only, read_only=read_only)
    assert path.read_bytes() == before


async def test_lock_is_free_again_after_a_refused_opening(url, path):
    path.parent.mkdir()
    path.write_bytes(b"not a database" * 99)
    with pytest.raises(StoreBusy):
        await open_store(url, exclusive=True)
    path.unlink()
    await (await open_store(url, exclusive=True)).close()


async def test_file_where_a_folder_should_be_is_named(tmp_path):
    (tmp_path / "data").write_text("a file")
    with pytest.raises(StoreBusy, match=r"data/darkroom.db cannot be opened.* DATABASE_URL or DATA_DIR"):
        await open_store(f"sqlite:///{tmp_path}/data/darkroom.db", exclusive=True)


async def test_folder_where_the_file_should_be_is_named(path, url):
    path.mkdir(parents=True)
    with pytest.raises(StoreBusy, match="cannot be opened"):
        await open_store(url, exclusive=True)


OPENER = """
import asyncio, concurrent.futures.thread, os, sys  # the folder of Python may be closed to nobody, too
from bot.ports import StoreBusy
from storage.sqlite import open_store
async def main():
    try:
        store = await open_store(sys.argv[1], exclusive=True)
        await store.check_writable()
    except StoreBusy as error:
        print(error)
if os.geteuid() == 0:  # root may write anywhere, so it becomes nobody
    os.setgroups([]), os.setgid(65534), os.setuid(65534)
asyncio.run(main())
"""


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that another user can reach; pytest's own is its owner's alone."""
    folder = Path(tempfile.mkdtemp())
    folder.chmod(0o755)
    yield folder
    shutil.rmtree(folder)


def said_without_permission(url: str) -> str:
    """What opening says to a user who owns nothing there."""
    with running(OPENER, url) as opener:
        return opener.stdout.read()


def test_folder_that_may_not_be_written_is_named(open_folder):
    place = open_folder / "closed"
    place.mkdir(mode=0o555)
    assert said_without_permission(f"sqlite:///{place}/data/darkroom.db") == (
        f"{place}/data/darkroom.db cannot be opened. Let the user who runs the bot read and write this file and its "
        "folder, or name another place in DATABASE_URL or DATA_DIR.\n"
    )


async def test_database_that_may_not_be_written_is_named(open_folder):
    path = open_folder / "data" / "darkroom.db"
    await (await open_store(f"sqlite:///{path}", exclusive=True)).close()
    path.with_name("darkroom.db.lock").chmod(0o666)
    path.parent.chmod(0o777)
    path.chmod(0o444)
    assert said_without_permission(f"sqlite:///{path}").startswith(f"{path} cannot be")


async def test_locked_database_is_told_and_the_store_goes_on_afterwards(store, path):
    def hurry(connection: sa.Connection) -> None:
        connection.connection.dbapi_connection.execute("PRAGMA busy_timeout = 1")

    await engine_of(store).write(hurry)
    with closing(sqlite3.connect(path, isolation_level=None)) as browser:
        browser.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreBusy, match=f"{path} is locked by another program. Close what has it open"):
            await accept(store)
        browser.execute("ROLLBACK")
    assert (await accept(store)).seq == 1


async def test_full_disk_is_told_and_the_store_goes_on_once_there_is_room(store, path):
    def limit(pages: int):
        return lambda connection: connection.exec_driver_sql(f"PRAGMA max_page_count = {pages}").scalar()

    await engine_of(store).write(limit(1))  # SQLite keeps the pages there are and takes no more
    with pytest.raises(StoreBusy, match=f"The disk that holds {path} is full"):
        await accept(store, prompt="a fox " * 100_000)
    known = len(await store.jobs(JobQuery(limit=1000)))
    await engine_of(store).write(limit(1_000_000))
    await accept(store, "later")
    assert len(await store.jobs(JobQuery(limit=1000))) == known + 1


async def test_disk_that_fills_while_a_picture_is_written_is_told_and_leaves_nothing(store, path):
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    before = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (4 * 1024 * 1024, hard))
    try:
        with pytest.raises(StoreBusy, match=r"The disk that holds .*darkroom.db"):
            await store.put_blob(os.urandom(5 * 1024 * 1024), T0)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, before)
    assert [file for file in (path.parent / "blobs").rglob("*") if file.is_file()] == []
    assert await store.get_blob(await store.put_blob(b"pixels", T0)) == b"pixels"


async def test_damaged_database_is_told(url, path):
    store = await open_store(url, exclusive=True)
    for number in range(50):
        await accept(store, f"j{number}", prompt="a fox " * 200)
    await store.close()
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))

    async def read() -> None:
        opened = await open_store(url, exclusive=True)
        try:
            await opened.jobs(JobQuery())
        finally:
            await opened.close()

    with pytest.raises(StoreBusy, match=r"darkroom.db is damaged"):
        await read()


@pytest.mark.parametrize("code", sorted(_faults._OF_SQLITE))
def test_each_fault_of_the_disk_has_a_sentence_that_says_what_to_do(code):
    error = sqlite3.OperationalError("as SQLite says")
    error.sqlite_errorname = f"SQLITE_{code}_DETAIL"
    with pytest.raises(StoreBusy, match=r"/data/x.db .*\. [A-Z].*\.$"), _faults.told(Path("/data/x.db")):
        raise error


def test_bug_in_a_statement_is_no_fault_of_the_disk():
    with (
        closing(sqlite3.connect(":memory:")) as connection,
        pytest.raises(sqlite3.OperationalError, match="nonsense"),
        _faults.told(Path("/data/x.db")),
    ):
        connection.execute("SELECT nonsense")


# -- files of pictures --------------------------------------------------------------------------------------------


async def test_picture_is_a_file_named_by_its_sum(store, path):
    sha256 = await store.put_blob(b"pixels", T0)
    assert (path.parent / "blobs" / sha256[:2] / sha256[2:]).read_bytes() == b"pixels"


async def test_picture_is_on_the_disk_before_it_has_its_name_and_its_name_before_it_is_listed(store, path, monkeypatch):
    synced: list[int] = []
    real = os.fsync

    def fsync(descriptor: int) -> None:
        synced.append(os.fstat(descriptor).st_ino)
        real(descriptor)

    monkeypatch.setattr(_files.os, "fsync", fsync)
    sha256 = await store.put_blob(b"pixels", T0)
    file = path.parent / "blobs" / sha256[:2] / sha256[2:]
    assert synced[-2:] == [file.stat().st_ino, file.parent.stat().st_ino]
    assert (path.parent / "blobs").stat().st_ino in synced  # which names the new folder


async def test_files_of_a_process_that_died_half_way_are_removed_when_they_are_old(store, path):
    kept = await store.put_blob(b"kept", T0)
    await finish(store, await accept(store), sha256=kept)
    unlisted, part, fresh = (
        path.parent / "blobs" / "ab" / name for name in ("c" * 62, "c" * 62 + ".0a0a0a0a.part", "d" * 62)
    )
    unlisted.parent.mkdir(exist_ok=True)
    for file in (unlisted, part, fresh):
        file.write_bytes(b"?")
    kept_file = path.parent / "blobs" / kept[:2] / kept[2:]
    for file in (unlisted, part, kept_file):
        os.utime(file, (T0, T0))
    await store.sweep(before=0, unused_before=T0 + 1, max_bytes=None)
    assert [file.exists() for file in (unlisted, part, fresh, kept_file)] == [False, False, True, True]


async def test_file_that_was_kept_and_never_listed_is_taken_over_by_the_next_put(store, path):
    sha256 = await store.put_blob(b"pixels", T0)

    def unlist(connection: sa.Connection) -> None:
        connection.exec_driver_sql("DELETE FROM blobs")

    await engine_of(store).write(unlist)
    assert await store.put_blob(b"pixels", T0) == sha256
    assert await store.sweep(before=0, unused_before=T0 + 1, max_bytes=None) != await store.sweep(
        before=0, unused_before=T0 + 1, max_bytes=None
    )


async def test_a_put_that_meets_a_sweep_never_loses_the_bytes(store):
    for _ in range(20):
        await store.put_blob(b"pixels", T0)
        sha256, _ = await asyncio.gather(
            store.put_blob(b"pixels", T0 + 10), store.sweep(before=0, unused_before=T0 + 5, max_bytes=None)
        )
        assert await store.get_blob(sha256) == b"pixels"
