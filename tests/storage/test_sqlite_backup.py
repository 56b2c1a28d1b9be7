"""Is a backup whole, whatever the bot does meanwhile; and can it be made at any time, and be put back?"""

import asyncio
import hashlib
import os
import sqlite3
import tarfile
from contextlib import closing

import pytest

from bot.model import JobQuery
from bot.ports import StoreBusy
from storage.sqlite import back_up, open_store
from tests.storage.making import T0, accept, finish


@pytest.fixture
def url(tmp_path):
    return f"sqlite:///{tmp_path}/data/darkroom.db"


@pytest.fixture
async def store(url):
    opened = await open_store(url, exclusive=True)
    yield opened
    await opened.close()


@pytest.fixture
def file(tmp_path):
    return tmp_path / "backup.tar"


async def restored(file, folder):
    """What the archive holds, as a store."""
    folder.mkdir()
    with tarfile.open(file) as tar:
        tar.extractall(folder, filter="data")
    return await open_store(f"sqlite:///{folder}/darkroom.db", exclusive=True)


async def paint(store, number):
    """A finished job with a picture of its own."""
    data = f"pixels of {number}".encode()
    sha256 = await store.put_blob(data, T0)
    await finish(store, await accept(store, f"j{number}"), sha256=sha256)
    return sha256, data


async def test_backup_beside_a_running_bot_holds_every_job_and_picture(store, url, file, tmp_path):
    pictures = [await paint(store, number) for number in range(3)]
    done = await back_up(url, file)
    assert (done.pictures, done.bytes) == (3, file.stat().st_size)
    await paint(store, 4)  # it goes on, and what comes later is not in it
    copy = await restored(file, tmp_path / "copy")
    try:
        assert [job.id for job in await copy.jobs(JobQuery())] == ["j2", "j1", "j0"]
        assert [await copy.get_blob(sha256) for sha256, _ in pictures] == [data for _, data in pictures]
        assert (await accept(copy, "later")).seq == 4
    finally:
        await copy.close()


async def test_backup_while_jobs_are_written_is_of_one_moment(store, url, file, tmp_path):
    """Of every finished job the picture is there, and no job is half there."""
    begun, ended = asyncio.Event(), asyncio.Event()

    async def write():
        number = 0
        while not ended.is_set():
            await paint(store, number)
            begun.set()
            number += 1
        return number

    writing = asyncio.create_task(write())
    await begun.wait()
    await back_up(url, file)
    ended.set()
    assert await writing >= 1
    copy = await restored(file, tmp_path / "copy")
    try:
        jobs = await copy.jobs(JobQuery(limit=1000))
        assert jobs
        for job in jobs:
            for image in job.images:
                data = await copy.get_blob(image.sha256)
                assert data is not None
                assert hashlib.sha256(data).hexdigest() == image.sha256
    finally:
        await copy.close()


async def test_backup_without_a_bot_is_the_same(store, url, file, tmp_path):
    await paint(store, 1)
    await store.close()
    await back_up(url, file)
    copy = await restored(file, tmp_path / "copy")
    assert len(await copy.jobs(JobQuery())) == 1
    await copy.close()


async def test_backup_is_its_owners_alone_and_leaves_nothing_beside_it(store, url, file, tmp_path):
    await paint(store, 1)
    before = {path.name for path in tmp_path.iterdir()}
    await back_up(url, file)
    assert file.stat().st_mode & 0o777 == 0o600
    assert {path.name for path in tmp_path.iterdir()} == before | {"backup.tar"}
    with tarfile.open(file) as tar:
        assert {member.mode & 0o077 for member in tar} == {0}
        assert tar.getnames()[0] == "darkroom.db"


async def test_picture_that_was_removed_meanwhile_is_left_out(store, url, file, tmp_path):
    """A member was forgotten between the copy of the list and that of the file."""
    sha256, _ = await paint(store, 1)
    (tmp_path / "data" / "blobs" / sha256[:2] / sha256[2:]).unlink()
    assert (await back_up(url, file)).pictures == 0


async def test_backup_of_a_database_of_another_version_is_made_too(store, url, file, tmp_path):
    """Before an upgrade is when one is needed most."""
    await paint(store, 1)
    await store.close()
    path = tmp_path / "data" / "darkroom.db"
    with closing(sqlite3.connect(path)) as connection, connection:
        connection.execute("UPDATE alembic_version SET version_num = '9999'")
    assert (await back_up(url, file)).pictures == 1


async def test_backup_replaces_nothing_and_says_what_is_in_its_way(store, url, file, tmp_path):
    file.write_text("an older backup")
    with pytest.raises(StoreBusy, match=r"backup\.tar exists already, and a backup replaces nothing"):
        await back_up(url, file)
    assert file.read_text() == "an older backup"
    with pytest.raises(StoreBusy, match=r"No backup was made: .*nowhere.*No such file or directory"):
        await back_up(url, tmp_path / "nowhere" / "backup.tar")
    with pytest.raises(StoreBusy, match="There is no database at"):
        await back_up(f"sqlite:///{tmp_path}/nothing.db", tmp_path / "other.tar")
    with closing(sqlite3.connect(tmp_path / "recipes.db")) as connection, connection:
        connection.execute("CREATE TABLE recipes (name)")
    with pytest.raises(StoreBusy, match="holds nothing of Darkroom's"):
        await back_up(f"sqlite:///{tmp_path}/recipes.db", tmp_path / "other.tar")
    assert not (tmp_path / "other.tar").exists()


async def test_damaged_database_is_not_backed_up_as_if_it_were_whole(store, url, file, tmp_path):
    for number in range(50):
        await accept(store, f"j{number}", prompt="a fox " * 200)
    await store.close()
    path = tmp_path / "data" / "darkroom.db"
    whole = path.read_bytes()
    path.write_bytes(whole[:4096] + os.urandom(len(whole) - 4096))
    with pytest.raises(StoreBusy, match="is damaged"):
        await back_up(url, file)
    assert not file.exists()
