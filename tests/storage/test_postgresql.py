"""What holds for PostgreSQL alone: its address and secret, sessions that are lost, leases of the living, one clock."""

from __future__ import annotations

import asyncio
import logging
import time
import traceback
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
import sqlalchemy as sa
from sqlalchemy.util import await_only

from bot.model import JobQuery, JobState, Waiting
from bot.ports import Conflict, News, Store, StoreBusy
from storage import _claims, _conversations, _jobs, _news, _server, postgresql
from storage._server import address_of
from storage._sql import SqlStore
from storage._tables import jobs as jobs_table
from storage.postgresql import PostgresEngine, open_store
from tests.storage.cutting import Cutter
from tests.storage.making import T0, a_conversation, a_job, accept, admit_all, claim_ids, finish, move, park, stored
from tests.storage.server import Server

ANYTHING = News(job_id=None, conversation_id=None)


@pytest.fixture
def engine() -> str:
    """All tests here are PostgreSQL's."""
    return "postgresql"


def engine_of(store: SqlStore) -> PostgresEngine:
    return store._engine


async def until(is_so: Callable[[], Any]) -> None:
    """Waits for what other tasks do."""
    async with asyncio.timeout(30):
        while not await is_so():  # noqa: ASYNC110  the server tells nobody
            await asyncio.sleep(0)


class Halfway:
    """A unit of work that stops in the middle of its transaction, until it may go on."""

    def __init__(self, work: Callable[..., Any], *args: Any) -> None:
        self._work = work
        self._args = args
        self.is_there = asyncio.Event()
        self.go_on = asyncio.Event()
        self.times = 0

    def __call__(self, connection: sa.Connection) -> Any:
        result = self._work(connection, *self._args)
        self.times += 1
        self.is_there.set()
        await_only(self.go_on.wait())
        return result


async def until_it_waits_for_a_lock(store: SqlStore) -> None:
    def waits(connection: sa.Connection) -> bool:
        return bool(connection.scalar(sa.text("SELECT count(*) FROM pg_locks WHERE NOT granted")))

    await until(lambda: engine_of(store).read(waits))


# -- the address and its secret -----------------------------------------------------------------------------------

SECRET = "test-key/with:every@sign?of#it%41"
ESCAPED = "test-key%2Fwith%3Aevery%40sign%3Fof%23it%2541"


@pytest.fixture
def member(server: Server, address: str) -> AsyncIterator[str]:
    """The address, of a user with a password."""
    database = address.rpartition("/darkroom_")[2].partition("?")[0]
    server.sql(f"CREATE ROLE member LOGIN PASSWORD '{SECRET}'", "GRANT darkroom TO member")
    yield address.replace("darkroom@", f"member:{ESCAPED}@", 1)
    server.sql("REASSIGN OWNED BY member TO darkroom", "DROP ROLE member", database=f"darkroom_{database}")


def everything_told(error: BaseException) -> str:
    return "".join(traceback.format_exception(error)) + repr(error) + repr(error.__cause__)


async def test_password_may_have_any_sign_and_is_shown_nowhere(member, caplog, capsys):
    caplog.set_level(logging.DEBUG)
    store = await open_store(member, exclusive=True)
    await accept(store)
    engine = engine_of(store)
    shown = [repr(engine._engine), str(engine._engine.url), repr(engine._address), str(engine._address), repr(engine)]
    await store.close()
    with pytest.raises(StoreBusy, match="closed") as closed:
        await store.get("j1")
    shown += [everything_told(closed.value), caplog.text, *capsys.readouterr()]
    assert not [text for text in shown if "test-key" in text]


async def test_wrong_password_is_told_without_it(member, server):
    wrong = member.replace(ESCAPED, "test-key-that-is-wrong")
    with pytest.raises(StoreBusy) as refusal:
        await open_store(wrong, exclusive=True)
    assert str(refusal.value) == (
        f"The PostgreSQL server at {server.folder} refuses the user or the password. Correct DATABASE_URL, or the "
        "server's pg_hba.conf."
    )
    assert "test-key" not in everything_told(refusal.value)


@pytest.mark.parametrize(
    "url",
    [
        f"postgresql://member:{SECRET}@127.0.0.1/darkroom",
        "postgresql://member:test-key@with@127.0.0.1/darkroom",
        "postgresql://member:test-key/with@127.0.0.1/darkroom",
        "postgresql://member:1234/test-key@127.0.0.1/darkroom",
        "postgresql://member:test-key?with@127.0.0.1/darkroom",
        "postgresql://member:test-key#with@127.0.0.1/darkroom",
        "postgresql://member:test-key[with@127.0.0.1/darkroom",
        "postgresql://member:test-key@127.0.0.1:port/darkroom",
        "postgresql://member:test-key@127.0.0.1/",
        "postgresql://member:test-key@127.0.0.1",
        "postgresql://",
        "postgresql",
        "postgresql://member@127.0.0.1/darkroom?password=test-key",
    ],
)
async def test_address_that_cannot_be_read_is_refused_in_words_that_show_nothing_of_it(url):
    with pytest.raises(StoreBusy, match=r"DATABASE_URL .* Write it like postgresql://user:password@host") as refusal:
        await open_store(url, exclusive=True)
    assert "test-key" not in everything_told(refusal.value).replace("open_store(url", "")


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("postgresql://me:test-key@db.example:6432/bot?sslmode=require", "The database bot at db.example:6432"),
        ("postgresql+asyncpg://me@[::1]:5432/bot", "The database bot at [::1]:5432"),
        ("postgresql://me:test-key@one:5432,two:5433/bot", "The database bot at one:5432,two:5433"),
        ("postgresql://me@/bot?host=/run/postgresql", "The database bot at /run/postgresql"),
        ("postgresql:///bot", "The database bot at localhost"),
        ("postgresql://me:test:key@host/bot", "The database bot at host"),
    ],
)
def test_address_is_shown_by_its_place_alone(url, shown):
    assert str(address_of(url)) == shown
    assert repr(address_of(url)) == f"<Address {shown}>"


async def test_option_that_nobody_knows_is_told(address):
    with pytest.raises(StoreBusy, match="DATABASE_URL has an option that cannot be used"):
        await open_store(f"{address}&sslmode=perhaps", exclusive=True)


async def test_server_that_is_not_there_is_told_at_once():
    with pytest.raises(StoreBusy) as refusal:
        await open_store("postgresql://me:test-key@127.0.0.1:1/bot", exclusive=True)
    assert str(refusal.value) == (
        "The PostgreSQL server at 127.0.0.1:1 cannot be reached. Start it, or correct DATABASE_URL; the bot goes on by "
        "itself as soon as it answers."
    )


async def test_database_that_is_not_there_is_told(server):
    with pytest.raises(StoreBusy, match=r"has no database nowhere\. Make it \(createdb nowhere\)"):
        await open_store(server.address("nowhere"), exclusive=True)


async def test_user_who_may_not_make_tables_is_told(server):
    name = server.new_database()
    server.sql("CREATE ROLE guest LOGIN PASSWORD 'test-key'")
    try:
        with pytest.raises(StoreBusy, match=f"does not let this user write to the database {name}"):
            await open_store(server.address(name).replace("darkroom@", "guest:test-key@", 1), exclusive=True)
    finally:
        server.sql("DROP ROLE guest")


async def test_database_that_cannot_keep_every_language_is_refused(server):
    server.sql("CREATE DATABASE latin TEMPLATE template0 ENCODING 'LATIN1' LOCALE 'C'")
    with pytest.raises(StoreBusy, match="The database latin cannot keep every language"):
        await open_store(server.address("latin"), exclusive=True)


@pytest.mark.parametrize("code", sorted(_server._SENTENCES))
def test_each_fault_of_a_server_has_a_sentence_that_says_what_to_do(code):
    error = asyncpg.PostgresError.new({"C": code.ljust(5, "0"), "M": "as PostgreSQL says", "S": "ERROR"})
    with pytest.raises(StoreBusy, match=r"^The .*\. [A-Z].*\w$|\.$"), _server.told(address_of("postgresql:///bot")):
        raise error


async def test_bug_in_a_statement_is_no_fault_of_the_server(store):
    with pytest.raises(sa.exc.ProgrammingError, match="nonsense"):
        await engine_of(store).read(lambda connection: connection.execute(sa.text("SELECT nonsense")))
    await accept(store)
    with pytest.raises(sa.exc.IntegrityError, match="due_or_parked"):
        await engine_of(store).write(lambda connection: connection.execute(jobs_table.update().values(due_at=None)))


async def test_errors_carry_no_words_of_a_member(store):
    def second(connection: sa.Connection) -> None:
        connection.execute(sa.text("INSERT INTO notes (key, memo) VALUES (:key, NULL)"), {"key": "my secret fox"})

    with pytest.raises(sa.exc.IntegrityError) as failure:
        await engine_of(store).write(second)
    assert "my secret fox" not in str(failure.value)


# -- sessions -----------------------------------------------------------------------------------------------------


async def test_sessions_let_go_of_locks_that_a_stopped_process_would_hold_for_ever(store):
    def settings(connection: sa.Connection) -> dict[str, str]:
        names = (
            "idle_in_transaction_session_timeout",
            "lock_timeout",
            "statement_timeout",
            "jit",
            "transaction_isolation",
        )
        return {name: connection.scalar(sa.text(f"SHOW {name}")) for name in names}

    shown = await engine_of(store).write(settings)
    assert shown == {
        "idle_in_transaction_session_timeout": "5s",  # shorter than a lease, and than anybody's wait for a lock
        "lock_timeout": "10s",
        "statement_timeout": "30s",
        "jit": "off",
        "transaction_isolation": "read committed",
    }


async def test_a_reading_sees_one_moment_and_cannot_write(store):
    first = Halfway(_jobs.get, "j1")

    def twice(connection: sa.Connection) -> Any:
        return first(connection), _jobs.get(connection, "j1")

    reading = asyncio.create_task(engine_of(store).read(twice))
    await first.is_there.wait()
    await accept(store)
    first.go_on.set()
    assert await reading == (None, None)
    with pytest.raises(StoreBusy, match="takes no writes"):
        await engine_of(store).read(lambda connection: connection.execute(jobs_table.delete()))


async def test_every_write_to_a_store_for_reading_is_refused_in_words(store, address):
    reader = await open_store(address, exclusive=False, read_only=True)
    job = await accept(store)
    assert await reader.get("j1") == job
    for write in (reader.check_writable(), accept(reader), reader.put_blob(b"pixels", T0), reader.start(T0)):
        with pytest.raises(StoreBusy, match="was opened for reading only"):
            await write
    await reader.close()


async def test_words_with_a_nul_are_kept_and_found(store):
    await accept(store, "j1", prompt="a \x00fox", requester=a_job().requester)
    assert (await store.get("j1")).prompt == "a \ufffdfox"
    assert [job.id for job in await store.jobs(JobQuery(text="\x00FOX"))] == ["j1"]
    assert await store.find_source("test:\x00") is None


async def test_more_units_of_work_than_sessions_wait_their_turn(store):
    held = [Halfway(_jobs.count) for _ in range(postgresql.SESSIONS)]
    reading = [asyncio.create_task(engine_of(store).read(each)) for each in held]
    for each in held:
        await each.is_there.wait()
    late = asyncio.create_task(store.count())
    done, _ = await asyncio.wait({late}, timeout=0.05)
    assert not done
    for each in held:
        each.go_on.set()
    assert await late == {}
    await asyncio.gather(*reading)


# -- side by side -------------------------------------------------------------------------------------------------


async def test_claim_waits_for_another_one_before_it_counts_slots(store, another):
    other = await another()
    await park(store, await accept(store, "first"), Waiting.SLOT, now=T0 + 1)
    claiming = Halfway(_claims.claim, T0 + 2, T0 + 17, 1, 1)
    mine = asyncio.create_task(engine_of(store).write(claiming))
    await claiming.is_there.wait()
    await park(other, await accept(other, "second"), Waiting.SLOT, now=T0)  # it has waited longer
    theirs = asyncio.create_task(claim_ids(other, T0 + 2, in_flight=1))
    waiting = asyncio.create_task(until_it_waits_for_a_lock(store))
    await asyncio.wait({theirs, waiting}, return_when=asyncio.FIRST_COMPLETED)
    claiming.go_on.set()
    assert [job.id for job in await mine] == ["first"]
    assert await theirs == []
    await asyncio.gather(waiting)


async def test_sweep_passes_by_bytes_that_are_just_put_again(store, another):
    other = await another()
    sha256 = await store.put_blob(b"pixels", T0)
    putting = Halfway(postgresql._put_again, sha256, T0 + 10)
    put = asyncio.create_task(engine_of(store).write(putting))
    await putting.is_there.wait()
    sweep = asyncio.create_task(other.sweep(before=0, unused_before=T0 + 5, max_bytes=None))
    waiting = asyncio.create_task(until_it_waits_for_a_lock(store))
    await asyncio.wait({sweep, waiting}, return_when=asyncio.FIRST_COMPLETED)
    waiting.cancel()
    putting.go_on.set()
    assert await put
    assert (await sweep).pictures == 0
    assert await store.get_blob(sha256) == b"pixels"


async def test_deadlock_is_undone_and_done_again_inside(store, another):
    other = await another()
    for job_id in ("j1", "j2"):
        await accept(store, job_id)
    touched = 0
    both = asyncio.Event()

    def touch(*job_ids: str) -> Callable[[sa.Connection], None]:
        def work(connection: sa.Connection) -> None:
            nonlocal touched
            for job_id in job_ids:
                connection.execute(
                    jobs_table.update().where(jobs_table.c.id == job_id).values(looks=jobs_table.c.looks + 1)
                )
                touched += 1
                if touched == 2:
                    both.set()
                await_only(both.wait())

        return work

    await asyncio.gather(engine_of(store).write(touch("j1", "j2")), engine_of(other).write(touch("j2", "j1")))
    assert [(await store.get(job_id)).looks for job_id in ("j1", "j2")] == [2, 2]
    assert touched == 4 + 1, "one of them began anew"


async def test_rows_that_two_processes_insert_at_once_are_one(store, another):
    """Neither finds what the other has not committed yet."""
    other = await another()
    for name in ("c1", "c2"):
        await accept(store, f"of {name}", conversation=name)
    ref = replace(a_conversation().ref, thread="t1")
    opening = Halfway(_conversations.opened, "c1", ref)
    mine = asyncio.create_task(engine_of(store).write(opening))
    await opening.is_there.wait()
    theirs = asyncio.create_task(other.opened("c2", ref))
    await until_it_waits_for_a_lock(store)
    opening.go_on.set()
    assert (await mine).ref == ref
    assert (await theirs).ref.thread is None
    assert (await store.find_conversation(ref)).id == "c1"


async def test_error_that_comes_again_each_time_is_told(store, monkeypatch):
    tried = 0

    def twice(connection: sa.Connection) -> None:
        nonlocal tried
        tried += 1
        for _ in range(2):
            connection.execute(sa.text("INSERT INTO notes (key, memo) VALUES ('same', '{}')"))

    with pytest.raises(sa.exc.IntegrityError):
        await engine_of(store).write(twice)
    assert tried == postgresql.ATTEMPTS


# -- sessions and servers that are lost ---------------------------------------------------------------------------

OURS = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = 'darkroom'"


async def test_session_that_was_lost_at_rest_is_replaced_unnoticed(store, server):
    await asyncio.gather(*(store.count() for _ in range(20)))
    server.sql(OURS)
    job = await accept(store)
    assert await stored(store, job) == job
    server.stop()
    server.start()
    assert (await store.save(replace(job, looks=1), now=T0)).looks == 1


async def test_session_that_is_lost_in_the_middle_of_a_transaction_is_replaced_and_the_work_done_once(store, server):
    adding = Halfway(_jobs.add, a_job(), a_conversation(), False, admit_all, 0.0)

    def work(connection: sa.Connection) -> Any:
        accepted = adding(connection)
        return accepted, _jobs.count(connection)

    call = asyncio.create_task(engine_of(store).write(work))
    await adding.is_there.wait()
    server.sql(OURS)
    adding.go_on.set()
    accepted, counted = await call
    assert (accepted.is_new, counted) == (True, {JobState.QUEUED: 1})
    assert adding.times == 2
    assert [event.text for event in await store.events("j1")] == ["accepted"]


@pytest.mark.parametrize("at_once", [False, True])
async def test_server_that_is_gone_is_told_and_nothing_is_lost_when_it_is_back(store, server, at_once):
    job = await accept(store)
    adding = Halfway(_jobs.add, a_job("never"), a_conversation(), False, admit_all, 0.0)
    call = asyncio.create_task(engine_of(store).write(adding))
    await adding.is_there.wait()
    server.stop(at_once=at_once)
    try:
        adding.go_on.set()
        sentence = f"The PostgreSQL server at {server.folder} cannot be reached. Start it"
        for each in (
            call,
            store.get("j1"),
            store.next_due(4),
            store.now(),
            accept(store, "no"),
            store.put_blob(b"", T0),
        ):
            with pytest.raises(StoreBusy, match=sentence):
                await each
    finally:
        server.start()
    assert await store.get("j1") == job
    assert await store.get("never") is None
    await store.check_writable()
    assert await claim_ids(store, T0) == ["j1"]


async def test_accepted_job_outlives_a_crash_of_the_server(store, server):
    jobs = [await accept(store, f"j{number}") for number in range(5)]
    sha256 = await store.put_blob(b"pixels", T0)
    server.stop(at_once=True)
    server.start()
    assert [await stored(store, job) for job in jobs] == jobs
    assert await store.get_blob(sha256) == b"pixels"


@pytest.fixture
async def cutter(server: Server) -> AsyncIterator[Cutter]:
    async with Cutter(server.folder) as cutter:
        yield cutter


@pytest.fixture
async def cut_store(address: str, server: Server, cutter: Cutter, store: Store) -> AsyncIterator[Store]:
    """The same store by a line that can be cut."""
    opened = await open_store(address.replace(str(server.folder), str(cutter.folder)), exclusive=True)
    yield opened
    await opened.close()


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_job_whose_commit_nobody_knows_of_is_accepted_once(store, cut_store, cutter, moment):
    def ask() -> Any:
        return cut_store.add(a_job(), a_conversation(), follow=False, admit=admit_all, day_start=0.0)

    cutter.cut(moment)
    with pytest.raises(StoreBusy, match="cannot be reached"):
        await ask()
    again = await ask()
    assert again.is_new is (moment == "before")
    assert cutter.cuts == 1
    assert [event.text for event in await store.events("j1")] == ["accepted"]
    assert len(await store.jobs(JobQuery())) == 1


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_save_whose_commit_nobody_knows_of_is_done_once(store, cut_store, cutter, moment):
    job = await move(store, await accept(store), JobState.SUBMITTING)
    wanted = replace(job, state=JobState.RUNNING, request_id="r1")
    cutter.cut(moment)
    with pytest.raises(StoreBusy, match="cannot be reached"):
        await cut_store.save(wanted, now=T0, event="sent")
    if moment == "after":
        with pytest.raises(Conflict):
            await cut_store.save(wanted, now=T0, event="sent")
    else:
        await cut_store.save(wanted, now=T0, event="sent")
    left = await stored(store, job)
    assert (left.state, left.request_id, left.version) == (JobState.RUNNING, "r1", job.version + 1)
    assert [event.text for event in await store.events("j1")] == ["accepted", "sent"]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_claim_whose_commit_nobody_knows_of_ends_with_its_lease(store, cut_store, cutter, moment):
    await accept(store)
    cutter.cut(moment)
    with pytest.raises(StoreBusy, match="cannot be reached"):
        await claim_ids(cut_store, T0, lease=15)
    assert await claim_ids(cut_store, T0 + 14.9) == ([] if moment == "after" else ["j1"])
    assert await claim_ids(store, T0 + 30) == ["j1"]


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_picture_whose_commit_nobody_knows_of_is_put_again(store, cut_store, cutter, moment):
    cutter.cut(moment)
    with pytest.raises(StoreBusy, match="cannot be reached"):
        await cut_store.put_blob(b"pixels", T0)
    sha256 = await cut_store.put_blob(b"pixels", T0)
    assert await store.get_blob(sha256) == b"pixels"


# -- leases of the living, one clock ------------------------------------------------------------------------------


async def test_start_beside_a_living_process_moves_no_deadline_and_takes_no_lease(store, another):
    first, second, third = store, await another(), await another()
    await accept(first, deadline_at=T0 + 600)
    await first.start(T0)
    [claimed] = await first.claim(T0, until=T0 + 15, limit=1, in_flight=4)
    await second.start(T0 + 14)
    assert await stored(first, claimed) == claimed
    assert await claim_ids(second, T0 + 14.9) == []
    await first.close()
    await third.start(T0 + 100)  # the second one works
    assert await stored(third, claimed) == claimed


async def test_start_after_the_last_process_moves_deadlines_by_the_time_that_nobody_worked(store, another):
    first, second, third = store, await another(), await another()
    job = await accept(first, deadline_at=T0 + 600)
    await first.start(T0)
    await second.start(T0 + 50)
    await first.close()
    await second.close()
    await third.start(T0 + 80)
    assert (await stored(third, job)).deadline_at == T0 + 600 + 30


async def test_process_that_died_is_seen_at_work_no_more(store, another, server):
    first, second = store, await another()
    job = await accept(first, deadline_at=T0 + 600)
    await first.start(T0)
    session = engine_of(first)._ear.session
    await first._engine._ear.close()  # as if its process were gone
    await until(lambda: engine_of(second).read(_is_gone, session))
    await second.start(T0 + 80)
    assert (await stored(second, job)).deadline_at == T0 + 600 + 80


def _is_gone(connection: sa.Connection, session: int) -> bool:
    return connection.scalar(sa.text("SELECT count(*) FROM pg_stat_activity WHERE pid = :pid"), {"pid": session}) == 0


async def test_process_whose_session_was_restored_is_seen_at_work_again(store, another, server):
    first, second = store, await another()
    job = await accept(first, deadline_at=T0 + 600)
    await first.start(T0)
    news = first.news()
    assert await anext(news) == ANYTHING
    server.sql(OURS)
    assert await asyncio.wait_for(anext(news), 30) == ANYTHING
    await second.start(T0 + 80)
    assert (await stored(second, job)).deadline_at == T0 + 600


async def test_postponing_is_done_once_however_many_processes_see_the_same_gap(store, another):
    stores = [store, await another(), await another()]
    job = await accept(store, deadline_at=T0 + 600)
    moved = await asyncio.gather(*(each.postpone(3600.0) for each in stores))
    assert max(moved) == 3600.0
    assert sum(moved) == pytest.approx(3600.0, abs=30)
    assert (await stored(store, job)).deadline_at == pytest.approx(T0 + 600 + 3600, abs=30)


async def test_process_that_slept_while_others_worked_postpones_nothing(store, another):
    other = await another()
    now = await store.now()
    job = await accept(store, at=now, deadline_at=now + 600)
    await claim_ids(other, now)
    assert await store.postpone(3600.0) == pytest.approx(0.0, abs=30)
    assert (await stored(store, job)).deadline_at == pytest.approx(now + 600, abs=30)


async def test_time_is_the_servers(store, server):
    before = float(server.sql("SELECT extract(epoch FROM clock_timestamp())"))
    told = await store.now()
    after = float(server.sql("SELECT extract(epoch FROM clock_timestamp())"))
    assert before <= told <= after
    assert abs(told - time.time()) < 60


# -- news ---------------------------------------------------------------------------------------------------------


async def heard(news: AsyncIterator[News]) -> News:
    return await asyncio.wait_for(anext(news), 30)


async def test_listening_is_restored_and_says_that_anything_may_have_changed(store, another, server):
    other = await another()
    news = store.news()
    assert await heard(news) == ANYTHING
    server.sql(OURS)
    await accept(other, "missed")
    assert await heard(news) == ANYTHING
    assert await store.get("missed")
    await accept(other, "heard")
    while (told := await heard(news)).job_id != "heard":
        assert told.job_id == "missed", "after all"


async def test_listening_begins_by_itself_when_the_server_is_back(store, another, server):
    other = await another()
    news = store.news()
    assert await heard(news) == ANYTHING
    waiting = asyncio.create_task(heard(news))
    server.stop()
    with pytest.raises(StoreBusy):
        await store.count()
    assert not waiting.done()
    server.start()
    assert await waiting == ANYTHING
    await accept(other, "j1")
    assert await heard(news) == News(job_id="j1", conversation_id="c1")


async def test_who_listens_while_there_is_no_server_hears_as_soon_as_there_is_one(store, server):
    server.stop()
    news = store.news()
    waiting = asyncio.create_task(heard(news))
    with pytest.raises(StoreBusy):
        await store.count()
    assert not waiting.done()
    server.start()
    assert await waiting == ANYTHING


async def test_silent_session_is_looked_at(store, monkeypatch, server):
    """A network may lose a session without a word: an answer, or a new session, tells that it is alive."""
    monkeypatch.setattr(postgresql.Ear.__init__.__globals__["_until_lost"], "__defaults__", (0.001,))
    news = store.news()
    assert await heard(news) == ANYTHING
    looks = "SELECT count(*) FROM pg_stat_activity WHERE query = 'SELECT 1' AND application_name = 'darkroom'"
    await until(lambda: asyncio.to_thread(lambda: server.sql(looks) == "1"))


async def test_closing_ends_every_session(store, address, server):
    await store.start(T0)
    await asyncio.gather(*(store.count() for _ in range(20)), finish(store, await accept(store)))
    await store.close()
    name = address.partition("?")[0].rpartition("/")[2]
    count = f"SELECT count(*) FROM pg_stat_activity WHERE datname = '{name}'"
    await until(lambda: asyncio.to_thread(lambda: server.sql(count) == "0"))


@pytest.mark.parametrize("turns", range(6))
async def test_closing_ends_although_the_session_is_lost_at_this_moment(another, turns):
    """As when the server is told to stop in the same second. A cancel must not be forgotten in any turn of the loop."""
    store = await another()
    assert await heard(store.news()) == ANYTHING
    await store.count()  # by now somebody waits for the end of the session
    engine_of(store)._ear._connection.terminate()
    for _ in range(turns):
        await asyncio.sleep(0)
    async with asyncio.timeout(10):
        await store.close()


async def test_closing_waits_for_no_server_that_answers_nobody(store, server, monkeypatch):
    monkeypatch.setattr(postgresql, "CLOSE_SECONDS", 0.05)
    monkeypatch.setattr(_news, "LEAVE_SECONDS", 0.05)
    await store.start(T0)
    await asyncio.gather(*(store.count() for _ in range(20)))
    with server.frozen():
        call = asyncio.create_task(store.count())
        await asyncio.sleep(0)
        async with asyncio.timeout(10):
            await store.close()
    with pytest.raises(asyncio.CancelledError):
        await call
