"""What is a test's world? An emulated queue, one bot on real storage, and people on its platforms; time moves by command.

    ann = world.user("ann")
    fox = await ann.says("/imagine a fox")
    picture = await ann.sees(images=1)
    await ann.says("make it blue", to=picture)

The bot, the emulator and everybody else read one clock, which goes on by itself only as fast as the machine's and skips
what nobody waits for: `settle` does what is due, then jumps to the next due time, until nothing is open.
"""

import asyncio
import copy
import functools
import itertools
import random
import shutil
import ssl
import uuid
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import replace
from importlib import import_module
from importlib.util import find_spec
from pathlib import Path
from typing import Any, Self

import httpx
from pydantic import SecretStr

from bot import app as composition
from bot import config, running
from bot.clock import Clock
from bot.emulator import Emulator, EmulatorOptions
from bot.emulator import Record as Request
from bot.model import OPEN, Job, JobQuery, Mood, Person
from bot.ports import Platform
from bot.service import Service
from bot.views import Views
from bot.wire import Bounds
from tests.world.driver import Driver, File, Post, Said

KEY = "test-key"
MORNING = 8 * 3600.0  # every world begins at 08:00 UTC, so that no test meets midnight by chance
IN_VAIN = 0.05  # real seconds
LONGEST_SETTLE = 3 * 86_400.0  # seconds of the world's time: beyond every deadline

Wrap = Callable[[str, Any], Any]
"""Puts something around the store ("store"), the queue's client ("queue") or a platform (its name)."""


def platform_names() -> list[str]:
    """Every folder of `adapters/` that has a driver (test_platform_contract.py insists on one), and the plain square."""
    return [name for name in (*config.adapter_names(), "plain") if find_spec(f"tests.world.{name}")]


def driver_named(name: str) -> type[Driver]:
    driver: type[Driver] = import_module(f"tests.world.{name}").Driver
    return driver


class Member:
    """A person on one platform. What she says without `thread` or `to` goes into the thread that she was last in."""

    def __init__(self, place: "Place", person: Person) -> None:
        self._place = place
        self.person = person
        self.thread: str | None = None
        self.refusals: list[str] = []

    async def says(
        self,
        text: str,
        *,
        attach: Iterable[File] = (),
        to: Post | None = None,
        image: int = 0,
        thread: Said | Post | None = None,
        ratio: str | None = None,
        private: bool = False,
        again: Said | None = None,
    ) -> Said:
        """`/imagine ..` begins a picture in the channel; anything else is a message in a thread. again: delivered anew."""
        driver, files = self._place.driver, tuple(attach)
        id = again.id if again else str(uuid.uuid4())
        there = (thread or to).thread if thread or to else self.thread
        if text == "/imagine" or text.startswith("/imagine "):
            words = text.removeprefix("/imagine").strip()
            said = await driver.imagine(self.person, words, files, id=id, ratio=ratio)
        else:
            assert there, f"{self.person.name} is in no thread: begin with /imagine, or name one"
            said = await driver.say(self.person, text, files, id=id, thread=there, to=to, image=image, private=private)
        return self._heard(said)

    async def cancels(self, said: Said | Post) -> str:
        """Returns the sentence that she is told."""
        return await self._presses("cancel", said)

    async def deletes(self, said: Said | Post) -> str:
        return await self._presses("delete", said)

    async def tries_again(self, said: Said | Post) -> Said:
        return self._heard(await self._place.driver.press(self.person, "again", said.id, id=str(uuid.uuid4())))

    async def sees(
        self,
        *,
        images: int | None = None,
        text: str | None = None,
        answering: Said | None = None,
        thread: Said | None = None,
    ) -> Post:
        """The next answer in her thread that nobody has looked at yet, once all is done; it must be like this.

        text: the whole text; a picture without a remark has none.
        """
        await self._place.world.settle()
        there = thread.thread if thread else self.thread
        assert there is not None, f"{self.person.name} is in no thread"
        unseen = await self._place.unseen(there)
        assert unseen, f"nothing new in {there}:\n{await self._place.world.story()}"
        post = unseen[0]
        self._place.seen.add(post.id)
        shown = f"{len(post.images)} image(s), {post.text!r}"
        if images is not None:
            assert len(post.images) == images, f"{shown}\n{await self._place.world.story()}"
        if text is not None or images:
            assert post.text == (text or ""), f"{shown}\n{await self._place.world.story()}"
        if answering is not None and post.answers is not None:
            assert post.answers == answering.id, "it answers another message"
        return post

    async def sees_nothing_new(self) -> None:
        """All is done, and nothing was posted beside what was seen."""
        await self._place.world.settle()
        assert self.thread is None or await self._place.unseen(self.thread) == []

    def is_told(self, sentence: str) -> None:
        """The bot has just refused her something, privately and in these words."""
        assert self.refusals, f"{self.person.name} was told nothing"
        assert self.refusals.pop(0) == sentence

    async def mood_of(self, said: Said) -> Mood | None:
        return await self._place.driver.mood(said)

    async def card_of(self, said: Said) -> str | None:
        return await self._place.driver.card(said)

    async def _presses(self, button: str, said: Said | Post) -> str:
        told = await self._place.driver.press(self.person, button, said.id, id=str(uuid.uuid4()))
        assert told.refusal is not None, f"{button} said nothing"
        return told.refusal

    def _heard(self, said: Said) -> Said:
        if said.refusal is not None:
            self.refusals.append(said.refusal)
        elif said.thread is not None:
            self.thread = said.thread
        return said


class Place:
    """One platform of the world."""

    def __init__(self, world: "World", driver: Driver) -> None:
        self.world = world
        self.driver = driver
        driver.clock = world.emulator.clock
        self.members: dict[str, Member] = {}
        self.seen: set[str] = set()

    def user(self, name: str) -> Member:
        """The same member for the same name."""
        if name not in self.members:
            self.members[name] = Member(self, self.driver.person(name))
        return self.members[name]

    async def unseen(self, thread: str) -> list[Post]:
        return [post for post in await self.driver.posts(thread) if post.id not in self.seen]

    async def leftovers(self) -> list[str]:
        """What was said to people and no test has looked at."""
        left = [f"{name} was told: {told}" for name, member in self.members.items() for told in member.refusals]
        for thread in await self.driver.threads():
            left += [f"in {thread}: {len(p.images)} image(s) {p.text!r}" for p in await self.unseen(thread)]
        return left


class World:
    """One bot and everything around it. Settings of the bot are keywords, named as in `bot.config.Settings`."""

    def __init__(
        self,
        folder: Path,
        *platforms: str,
        options: EmulatorOptions | None = None,
        wrap: Wrap | None = None,
        database: Path | None = None,
        **settings: Any,
    ) -> None:
        """database: an empty one to begin with, which saves making the tables."""
        self.folder = folder
        self._database = database
        self.emulator = Emulator(options or EmulatorOptions(keys=(KEY,), paint=False))
        self.places = {name: Place(self, driver_named(name)(folder / name)) for name in platforms or ("web",)}
        self.wrap = wrap
        self.clock_error = 0.0  # of the machine's system clock: a step of it is nothing that `advance` does
        self._settings = settings
        self._app: composition.App | None = None
        self._beside: list[asyncio.Task[None]] = []
        self.others: list[composition.App] = []  # further processes of the same bot, as long as they live
        self._life = AsyncExitStack()  # of the whole world
        self._run = AsyncExitStack()  # of one bot in it
        self._queue_life = AsyncExitStack()
        self._port = 0

    # -- people -------------------------------------------------------------------------------------------------

    def __getattr__(self, name: str) -> Place:
        try:
            return self.__dict__["places"][name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def place(self) -> Place:
        """The platform of this world, where it has one."""
        return next(iter(self.places.values()))

    @property
    def traits(self) -> Any:
        return self.place.driver.traits

    def user(self, name: str) -> Member:
        return self.place.user(name)

    # -- the bot ------------------------------------------------------------------------------------------------

    @property
    def app(self) -> composition.App:
        assert self._app is not None, "the bot is not running"
        return self._app

    @property
    def now(self) -> float:
        return self.emulator.clock.now().wall

    def advance(self, seconds: float) -> None:
        self.emulator.advance(seconds)

    def system_clock(self) -> float:
        """What the machine of the bot shows."""
        return self.now + self.clock_error

    async def job(self, said: Said) -> Job:
        """The job that came of what somebody said."""
        jobs = await self.app.store.jobs(JobQuery(person=said.who.id, limit=1000))
        found = [job for job in jobs if job.source_id.rpartition(":")[2] == said.id or job.source_id == said.id]
        assert len(found) == 1, f"{said.words!r} is {len(found)} jobs"
        return found[0]

    async def jobs(self) -> list[Job]:
        """All jobs, in accept order."""
        return (await self.app.store.jobs(JobQuery(limit=1000)))[::-1]

    def sent(self, words: str) -> Request:
        """The one request at the queue that asks for exactly these words, and so was paid once."""
        found = [record for record in self.emulator.records if record.words == words]
        assert len(found) == 1, f"{words!r} was asked {len(found)} times"
        return found[0]

    def painted(self, words: str) -> tuple[bytes, ...]:
        """The pictures that the queue made for these words."""
        result = self.sent(words).result
        assert result is not None, f"{words!r} is not painted yet"
        return tuple(self.emulator._queue.bucket.data(file) for file in result.files)

    async def settle(self) -> None:
        """Does everything that is due, then lets time pass until the next due time, until nothing is open."""
        began = self.now
        for _ in itertools.count():
            await self.step()
            due = await self.app.store.next_due(self.app.settings.gmi_in_flight)
            if due is None:
                break
            assert self.now - began < LONGEST_SETTLE, f"it never ends:\n{await self.story()}"
            self.advance(max(0.0, due - self.app.clock()) + 1e-3)
        stuck = await self.app.store.jobs(JobQuery(states=OPEN))
        assert not stuck, f"open, and waiting for nothing that will come:\n{await self.story()}"

    def uploaded(self, address: str) -> bytes:
        """What stands at an address of the queue's storage."""
        bucket = self.emulator._queue.bucket
        file = bucket.find(address)
        assert file is not None, f"nothing was ever put at {address}"
        return bucket.data(file)

    @asynccontextmanager
    async def stepping(self) -> AsyncIterator[None]:
        """Steps run while the block lasts, and end before it is left."""
        task = asyncio.create_task(self.step())
        yield
        await task

    async def claim_and_step(self) -> None:
        """Begins what is due beside the steps that run already, and waits for the new ones alone."""
        poller = self.app.poller
        before = set(poller._tasks)
        await poller._begin_due(self.now)
        await asyncio.gather(*(poller._tasks - before))

    @asynccontextmanager
    async def running(self) -> AsyncIterator[asyncio.Task[None]]:
        """The loop of each process runs while the block lasts, as it does outside of tests.

        The task is the first one's, and ends with its `poller.stop()`.
        """
        apps = (self.app, *self.others)
        tasks = [asyncio.create_task(app.poller.run(), name="world-poller") for app in apps]
        watching = [asyncio.create_task(running.watch_store(app), name="world-store") for app in apps]
        try:
            yield tasks[0]
        finally:
            for task in watching:
                task.cancel()
            for app in apps:
                app.poller.stop()
            await asyncio.gather(*tasks, *watching, return_exceptions=True)
            for task in tasks:
                task.result()
        for app in apps:
            app.poller._stopping.clear()

    async def let_everybody_run(self) -> None:
        """Everything that can go on without time passing goes on."""
        for _ in range(100):
            await asyncio.sleep(0)

    def timers_of_the_bot(self) -> list[str]:
        """What is set to happen later in this loop, but for what belongs to the emulator's server."""
        scheduled = asyncio.get_running_loop()._scheduled
        alive = [timer for timer in scheduled if not timer.cancelled()]
        return [str(timer) for timer in alive if not timer._callback.__module__.startswith("uvicorn")]

    @asynccontextmanager
    async def interrupted(self) -> AsyncIterator[None]:
        """Steps run while the block lasts, in a bot that does not live to see their end."""
        task = asyncio.create_task(self.step())
        yield
        await asyncio.gather(task, return_exceptions=True)

    async def sweep(self) -> None:
        """What the running bot does once a day."""
        await running.retain(self.app, self.now)

    async def step(self) -> None:
        """Does what is due at this moment, in whichever process, and lets no time pass."""
        await asyncio.gather(*(app.poller.work_off() for app in (self.app, *self.others)))

    async def story(self, *ids: str) -> str:
        """What happened to these jobs (or to all), line by line; for failures of tests."""
        lines = []
        for job in await self.jobs():
            if ids and job.id not in ids:
                continue
            lines.append(
                f"{job.id} {job.state} {job.prompt[:40]!r} due={job.due_at} waiting={job.waiting} {job.failure}"
            )
            lines += [
                f"    {e.at - self._began:9.1f}s {e.state}: {e.text}" for e in await self.app.store.events(job.id)
            ]
        return "\n".join(lines)

    async def stop(self) -> None:
        """The bot ends as it should."""
        for task in self._beside:
            task.cancel()
        await asyncio.gather(*self._beside, return_exceptions=True)
        self._beside = []
        run, self._run, self._app = self._run, AsyncExitStack(), None
        await run.aclose()

    async def start(self) -> None:
        """The bot starts, on what an earlier one left."""
        self._app = await self._run.enter_async_context(self._assembled(self._connect, self.system_clock))
        self._beside = _begun_beside(self._app)

    async def restart(self, **settings: Any) -> None:
        """The bot ends as it should and starts again, with other settings if there are any."""
        await self.stop()
        self._settings |= settings
        await self.start()

    async def crash(self) -> None:
        """The bot is gone in the middle of whatever it did, and starts again.

        Its tasks get no chance to save anything: their store is shut first, as SIGKILL would shut it. Only the lock
        and the sockets are given back, which the system would do.
        """
        await self.die()
        await self.start()

    async def die(self) -> None:
        """The first half of `crash`."""
        dead = self.app
        await dead.store.close()  # from here on every write of a task that still runs is refused
        tasks = [task for task in asyncio.all_tasks() if task.get_name().startswith(("step-", "lease-", "aside"))]
        for task in (*tasks, *self._beside):
            task.cancel()
        await asyncio.gather(*tasks, *self._beside, return_exceptions=True)
        self._beside = []
        run, self._run, self._app = self._run, AsyncExitStack(), None
        await run.aclose()

    async def lose(self, app: composition.App) -> None:
        """One of `others` is gone, as by SIGKILL: nothing is saved, nothing is handed back."""
        self.others.remove(app)
        await app.store.close()
        for task in app.poller._tasks:
            task.cancel()
        await asyncio.gather(*app.poller._tasks, return_exceptions=True)

    @asynccontextmanager
    async def another(self, *, clock_error: float = 0.0, **settings: Any) -> AsyncIterator[composition.App]:
        """One more process of the same bot, on the same places; as long as the block lasts. People talk to the first one.

        clock_error: of the system clock of its machine, which is another one. settings: where they differ, as `role="worker"`.
        """

        def connect(service: Service, views: Views) -> dict[str, Platform]:
            drivers = {name: copy.copy(place.driver) for name, place in self.places.items()}
            return {name: driver.connect(service, views) for name, driver in drivers.items()}

        def system_clock() -> float:
            return self.now + clock_error

        async with self._assembled(connect, system_clock, **settings) as app:
            beside = _begun_beside(app)
            self.others.append(app)
            try:
                yield app
            finally:
                if app in self.others:  # else it has died before
                    self.others.remove(app)
                for task in beside:
                    task.cancel()
                await asyncio.gather(*beside, return_exceptions=True)

    @asynccontextmanager
    async def _assembled(
        self, connect: composition.Connect, system_clock: Callable[[], float], **others: Any
    ) -> AsyncIterator[composition.App]:
        given = self._settings | others
        settings = config.load(
            platforms=tuple(self.places),
            data_dir=self.folder / "data",
            gmi_base_url=self.emulator.base_url,
            gmi_api_key=given.get("gmi_api_key", SecretStr(KEY)),
            **{name: value for name, value in given.items() if name != "gmi_api_key"},
        )
        chance = random.Random(7)
        async with AsyncExitStack() as life:
            clock = Clock(system_clock, lambda: self.emulator.clock.now().monotonic)
            # A server tells its own time, whatever the machines of those who ask it show.
            with _wrapped(self.wrap, (lambda: self.now) if settings.store_is_shared else system_clock):
                assembled = composition.assembled(settings, connect, clock=clock, rng=chance)
                made = await life.enter_async_context(assembled)
            made.queue._wire.bounds = _Bounds(made.queue._wire.bounds, self._stays_away)
            yield made

    def _connect(self, service: Service, views: Views) -> dict[str, Platform]:
        platforms = {name: place.driver.connect(service, views) for name, place in self.places.items()}
        return {name: self.wrap(name, made) if self.wrap else made for name, made in platforms.items()}

    # -- the queue ----------------------------------------------------------------------------------------------

    def _stays_away(self, route: str) -> bool:
        """Whether the next answer of the queue is one that never comes, by a fault that a test has injected."""
        return any(fault.kind == "hang" and fault.route == route for fault in self.emulator.pending_faults)

    async def queue_goes_away(self) -> None:
        """Nobody listens at the queue's address any more."""
        await self._queue_life.aclose()

    async def queue_comes_back(self) -> None:
        """The queue listens again, at the same address and with all that it knew."""
        await self._queue_life.enter_async_context(self.emulator.serve(port=self._port))

    # -- the world's own life -----------------------------------------------------------------------------------

    async def __aenter__(self) -> Self:
        self.folder.mkdir(parents=True, exist_ok=True)
        self.advance((MORNING - self.now) % 86_400.0)
        self._began = self.now
        base_url = await self._queue_life.enter_async_context(self.emulator.serve())
        self._port = int(base_url.rpartition(":")[2])
        if self._database:
            (self.folder / "data").mkdir()
            shutil.copy(self._database, self.folder / "data" / "darkroom.db")
        for name, place in self.places.items():
            (self.folder / name).mkdir(exist_ok=True)
            await place.driver.start()
            self._life.push_async_callback(place.driver.close)
        await self.start()
        return self

    async def __aexit__(self, *_: object) -> None:
        self.emulator.clear()
        if self._app is not None:
            await self.stop()
        await self._queue_life.aclose()
        await self._life.aclose()

    async def check_that_all_was_seen(self) -> None:
        """A message that nobody asserted is one too many."""
        if self._app is None:
            return
        left = [f"{name}: {what}" for name, place in self.places.items() for what in await place.leftovers()]
        assert not left, "said, and not looked at by the test:\n" + "\n".join(left)


def _begun_beside(app: composition.App) -> list[asyncio.Task[None]]:
    """What `bot.running` begins beside the loop, as far as tests have to do with it."""
    listens = app.settings.role.listens
    return [
        asyncio.create_task(app.poller.listen(), name="world-poller-listens"),
        asyncio.create_task(app.poller.hear_others(), name="world-poller-news"),
        *(
            asyncio.create_task(platform.run(listens=listens), name=f"world-{name}")
            for name, platform in app.platforms.items()
        ),
    ]


class _Bounds(dict[str, Bounds]):
    """How long the queue's client waits, in real seconds: as always, so that a machine that pauses becomes no fault that nobody
    asked for; and hardly at all for what never comes.
    """

    def __init__(self, bounds: Mapping[str, Bounds], stays_away: Callable[[str], bool]) -> None:
        super().__init__(bounds)
        self._stays_away = stays_away

    def __getitem__(self, route: str) -> Bounds:
        bounds = super().__getitem__(route)
        return replace(bounds, read=IN_VAIN) if self._stays_away(route) else bounds


@contextmanager
def _wrapped(wrap: Wrap | None, now: Callable[[], float]) -> Iterator[None]:
    """Has `assembled` put the wraps around what it makes itself, and read the system's certificates, and compile each statement,
    only once per run: a test may start a hundred bots.

    now: the time that the store has.
    """
    open_store, make_queue, context = composition.open_store, composition.make_queue, httpx.create_ssl_context

    async def wrapped_store(*args: Any, **kwargs: Any) -> Any:
        opened = await open_store(*args, **kwargs)
        _set_clock(opened, now)
        _compile_once(opened)
        return wrap("store", opened) if wrap else opened

    def wrapped_queue(*args: Any, **kwargs: Any) -> Any:
        made = make_queue(*args, **kwargs)
        return wrap("queue", made) if wrap else made

    composition.open_store, composition.make_queue = wrapped_store, wrapped_queue
    httpx.create_ssl_context = _tls_context
    try:
        yield
    finally:
        composition.open_store, composition.make_queue = open_store, make_queue
        httpx.create_ssl_context = context


def _set_clock(store: Any, now: Callable[[], float]) -> None:
    async def told() -> float:
        return now()

    store.now = told
    if hasattr(store._engine, "_ways"):  # those of a server, whose clock its transactions read, too
        store._engine._ways.now = lambda _connection: now()


def _compile_once(store: Any) -> None:
    """SQLAlchemy keeps what it has compiled with the engine that it was compiled for, and here all of one dialect are alike."""
    inside = store._engine
    if hasattr(inside, "_ways"):
        engines, connections = [inside._engine.sync_engine, inside._reading.sync_engine], []
    else:
        connections = [line.connection for line in (inside._writer, *inside._readers._all)]
        engines = [connection.engine for connection in connections]
    for engine in engines:
        known = _compiled(type(engine.dialect))
        engine.dialect, engine._compiled_cache = known.setdefault("both", (engine.dialect, engine._compiled_cache))
    for connection in connections:  # which took its dialect from its engine
        connection.dialect = connection.engine.dialect


@functools.cache
def _compiled(dialect: type[Any]) -> dict[str, tuple[Any, Any]]:
    """Of the first engine of this dialect."""
    return {}


_read_certificates = httpx.create_ssl_context


@functools.cache
def _tls_context() -> ssl.SSLContext:
    return _read_certificates()
