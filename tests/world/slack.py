"""How do people meet the bot on Slack? Through a local Slack that speaks the wire; the bot's side is real slack-bolt.

What Slack's own client would not let a member do (a third picture in an edit, a button that has gone meanwhile) is done as an
old client would do it: the bot must stand that, too.
"""

import asyncio
import functools
import html
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import AsyncExitStack, contextmanager
from pathlib import Path
from typing import Any

import yaml

from adapters.slack.cards import CARD
from adapters.slack.inbound import PLATFORM
from adapters.slack.outbound import MOODS
from adapters.slack.platform import Slack
from adapters.slack.rendering import REMARK
from adapters.slack.settings import Settings
from adapters.slack.timing import Timing
from bot.emulator.clock import Clock as TheWorlds
from bot.model import Job, JobQuery, MessageRef, Mood, Person
from bot.service import Service
from bot.views import Views
from tests.emulators.slack import App, Clock, Delivery, Member, Message, SlackEmulator, Upload, View
from tests.emulators.slack.interactions import block_action
from tests.world.driver import File, Post, Said, Traits

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"
MOST_IN_WINDOW = 3
TURNS = 100
BRIEF = 2.0  # seconds that may pass before something is acknowledged, which may be what the bot waits for


def our_app() -> App:
    """The app as its manifest declares it."""
    return App.of_manifest(_manifest())


@functools.cache
def _manifest() -> dict[str, Any]:
    loaded: dict[str, Any] = yaml.safe_load(MANIFEST.read_text())
    return loaded


class WorldClock(Clock):
    """Slack's clock. Limits of rates and all pauses of the bot's adapter go by the world's time, which may run ahead here: what
    the bot sleeps through takes no time, since time jumps to its end as soon as nothing is on its way any more. A rest
    ends when the world's time, or such a jump, has brought it to its end.

    quiet: returns when nothing is on its way.
    """

    def __init__(self, world: Callable[[], TheWorlds]) -> None:
        super().__init__()
        self._world = world
        self.quiet: Callable[[], Awaitable[None]]
        self._pauses: dict[object, tuple[float, bool]] = {}  # until when, and whether it is a rest
        self._hurry = False
        self._stands = False
        self._jumping: asyncio.Task[None] | None = None

    def ticks(self) -> float:
        """Unix seconds."""
        return self._world().now().wall + self._skipped

    def advance(self, seconds: float) -> None:
        super().advance(seconds)
        self._world().changed()

    async def sleep(self, seconds: float) -> None:
        """For the bot."""
        await self._pause(seconds, resting=False)

    async def rest(self, seconds: float) -> None:
        """For the bot."""
        await self._pause(seconds, resting=True)

    @contextmanager
    def hurrying(self) -> Iterator[None]:
        """Whoever rests sleeps, while the block lasts."""
        self._hurry = True
        self._jump_soon()
        try:
            yield
        finally:
            self._hurry = False

    @contextmanager
    def standing(self) -> Iterator[None]:
        """No pause of the bot's ends while the block lasts: what it waits for can take as long as a slow machine needs."""
        self._stands = True
        try:
            yield
        finally:
            self._stands = False
            self._world().changed()
            self._jump_soon()

    async def _pause(self, seconds: float, *, resting: bool) -> None:
        pause, until, world = object(), self.ticks() + seconds, self._world()
        self._pauses[pause] = until, resting
        self._jump_soon()
        try:
            await world.reach(lambda: float("inf") if self._stands else until - self.ticks() + world.now().monotonic)
        finally:
            del self._pauses[pause]

    def _waited_for(self) -> float | None:
        """The first moment that time may jump to."""
        if self._stands:
            return None
        return min((until for until, resting in self._pauses.values() if self._hurry or not resting), default=None)

    def _jump_soon(self) -> None:
        if self._jumping is None and self._waited_for() is not None:
            self._jumping = asyncio.create_task(self._jump(), name="slack-time-jumps")

    async def _jump(self) -> None:
        try:
            while self._waited_for() is not None:
                for _ in range(TURNS):  # whatever can go on without time passing goes on
                    await asyncio.sleep(0)
                moment = self._waited_for()
                if moment is not None and moment - self.ticks() > BRIEF:
                    await self.quiet()
                    moment = self._waited_for()
                if moment is not None:
                    self.advance(max(0.0, moment - self.ticks()) + 1e-6)
        finally:
            self._jumping = None


class Driver:
    """A workspace with one channel."""

    name = PLATFORM
    traits = Traits(talk=True, moods=True, cards=True)

    def __init__(self, folder: Path) -> None:
        self.clock: TheWorlds
        self.slacks_clock = WorldClock(lambda: self.clock)
        self.slack = SlackEmulator(our_app(), clock=self.slacks_clock)
        self.slacks_clock.quiet = self.slack.quiet
        self.slack.poster.time = time.time  # by which bolt judges the age of a signature
        self.channel = self.slack.channel("general")
        self.platform: Slack
        self.settings: dict[str, Any] = {}
        self._views: Views
        self._life = AsyncExitStack()
        self._deeds: dict[str, Delivery | Message] = {}
        self._told: dict[str, int] = {}  # member -> private sentences read

    async def start(self) -> None:
        await self._life.enter_async_context(self.slack.serve())

    async def close(self) -> None:
        await self._life.aclose()

    def connect(self, service: Service, views: Views) -> Slack:
        tokens = {"slack_bot_token": self.slack.bot_token, "slack_app_token": self.slack.app_token}
        settings = Settings(slack_api_url=self.slack.api_url, **{**tokens, **self.settings})
        self._views = views
        clock = self.slacks_clock
        timing = Timing(now=clock.ticks, sleep=clock.sleep, rest=clock.rest)
        self.platform = Slack(settings, service, views, timing)
        return self.platform

    def person(self, name: str) -> Person:
        member = self.slack.member(name)
        self.slack.channel("general", member)
        return Person(id=member.id, name=member.name)

    def member(self, who: Person) -> Member:
        return next(member for member in self.slack.members if member.id == who.id)

    # -- what people do -----------------------------------------------------------------------------------------

    async def imagine(self, who: Person, words: str, files: tuple[File, ...], *, id: str, ratio: str | None) -> Said:
        await self.listening()
        member = self.member(who)
        if id in self._deeds:
            await self.again(id)
            return await self._asked(who, words, id)
        if len(files) > MOST_IN_WINDOW:
            message = member.writes(self.channel, f"@darkroom {words}", files=_uploads(files))
            return await self._wrote(who, message)
        if words and not files and not ratio:
            delivery = member.slash(f"/imagine {words}", self.channel)
            id = delivery.trigger_id
        else:
            await member.slash("/imagine", self.channel)
            await self.quiet()
            values = {"prompt": words or " "} | ({"ratio": ratio} if ratio else {})
            delivery, id = self._submit(member, values, files)
        self._deeds[id] = delivery
        await delivery
        return await self._asked(who, words, id)

    def _submit(self, member: Member, values: dict[str, str], files: tuple[File, ...]) -> tuple[Delivery, str]:
        view = member.view
        assert view is not None, f"no window was opened; {member.name} was told {member.told}"
        _take_any_number(view)
        return member.submits(view, values, files=_uploads(files)), view.id

    async def _asked(self, who: Person, words: str, id: str) -> Said:
        await self.quiet()
        refusal = self._newly_told(who)
        if refusal:
            return Said(id=id, who=who, words=words, thread=None, refusal=refusal)
        job = await self.job_of(id)
        assert job is not None, "it was neither refused nor taken up"
        page = await self._views.page(job.id)
        thread = page.conversation.ref.thread or (job.card.id if job.card else None)
        return Said(id=id, who=who, words=words, thread=thread, heard=True)

    async def say(
        self,
        who: Person,
        words: str,
        files: tuple[File, ...],
        *,
        id: str,
        thread: str,
        to: Post | None,
        image: int,
        private: bool = False,
    ) -> Said:
        await self.listening()
        member = self.member(who)
        if id in self._deeds:
            await self.again(id)
            return await self._said(who, words, id, thread)
        if to:  # there is no answer to one message of a thread: its Edit button is the way
            await member.clicks(self.message(to.id), f"edit:{image}")
            await self.quiet()
            delivery, id = self._submit(member, {"prompt": words or " "}, files)
            self._deeds[id] = delivery
            await delivery
            return await self._said(who, words, id, thread)
        text = f"@darkroom {words}" if private else words
        return await self._wrote(who, member.writes(self.channel, text, files=_uploads(files), thread=thread))

    async def _wrote(self, who: Person, message: Message) -> Said:
        id = f"{message.channel.id}-{message.ts}"
        self._deeds[id] = message
        return await self._said(who, message.text, id, message.thread_ts or message.ts)

    async def _said(self, who: Person, words: str, id: str, thread: str) -> Said:
        await self.quiet()
        job = await self.job_of(id)
        return Said(id=id, who=who, words=words, thread=thread, refusal=self._newly_told(who), heard=job is not None)

    async def press(self, who: Person, button: str, of: str, *, id: str) -> Said:
        await self.listening()
        member, message = self.member(who), self.channel.posts.get(of)
        job = await self._views.job_of(_ref(message)) if message else await self.job_of(of)
        assert job is not None, f"the bot knows nothing of {of}"
        before = {known.id for known in await self.jobs()}
        on = message or (self.channel.posts.get(job.card.id) if job.card else None)
        if on is not None:
            delivery = self._click(member, on, button, job)
        else:
            asked = self._deeds[of]
            assert isinstance(asked, Message), "there is nothing to press on"
            assert button == "cancel", f"there is no {button} for a message that somebody wrote"
            delivery = member.shortcut("cancel_request", asked)
        await delivery
        await self.quiet()
        if button != "again":
            return Said(id=id, who=who, words=button, thread=None, refusal=self._newly_told(who))
        new = next(known for known in await self.jobs() if known.id not in before)
        thread = on.thread_ts or on.ts if on else None
        return Said(id=new.source_id, who=who, words=new.prompt, thread=thread, heard=True)

    def _click(self, member: Member, on: Message, button: str, job: Job) -> Delivery:
        if any(element["action_id"] == f"{button}:0" for element in on.elements):
            return member.clicks(on, f"{button}:0")
        gone = {"type": "button", "action_id": f"{button}:0", "block_id": "b", "value": job.id}
        payload = block_action(self.slack._core, self.slack.bot, member, on, gone, None)
        return self.slack.courier.send(self.slack.bot, "interactive", payload, None)

    # -- what people see ----------------------------------------------------------------------------------------

    async def posts(self, thread: str) -> list[Post]:
        await self.quiet()
        root = self.channel.posts.get(thread)
        return [self._post(thread, message) for message in (root.replies if root else ()) if _is_answer(message)]

    def _post(self, thread: str, message: Message) -> Post:
        remarks = [block["text"]["text"] for block in message.blocks if block.get("block_id") == REMARK]
        pictures = self.slack.pictures(message)
        return Post(
            id=message.ts,
            thread=thread,
            text=html.unescape(remarks[0]) if remarks else "",
            images=tuple(data for data, _ in pictures),
            answers=None,
            alt=pictures[0][1] if pictures else None,
        )

    async def threads(self) -> list[str]:
        return [
            message.ts
            for message in self.channel.messages
            if message.thread_ts is None or message.thread_ts == message.ts
        ]

    async def card(self, said: Said) -> str | None:
        await self.cards_settled()
        job = await self.job_of(said.id)
        card = self.channel.posts.get(job.card.id) if job and job.card else None
        return html.unescape(card.blocks[0]["text"]["text"].split("*")[1]) if card else None

    async def mood(self, said: Said) -> Mood | None:
        await self.quiet()
        message = self._deeds.get(said.id)
        if not isinstance(message, Message):
            return None
        bot = self.slack.bot.user.id
        shown = [mood for mood, emoji in MOODS.items() if bot in message.reactions.get(emoji, ())]
        assert len(shown) < 2, shown
        return shown[0] if shown else None

    # -- inside -------------------------------------------------------------------------------------------------

    async def listening(self) -> None:
        if self.slack.app.socket_mode:
            await self.slack.sockets.connected()
        await self.platform.workspace.identity()

    async def quiet(self) -> None:
        """Nothing is on its way to the bot, and it has ended what it took up."""
        while True:
            await self.slack.quiet()
            tasks = [task for task in self.platform.listener._tasks if not task.done()]
            if not tasks:
                return
            await asyncio.wait(tasks)

    async def cards_settled(self) -> None:
        """Every card shows what it will show."""
        with self.slacks_clock.hurrying():
            await self.platform.cards.settled()

    async def again(self, id: str) -> None:
        deed = self._deeds[id]
        for delivery in deed.deliveries if isinstance(deed, Message) else [deed]:
            await self.slack.courier.again(delivery)

    def message(self, ts: str) -> Message:
        return self.channel.posts[ts]

    async def jobs(self) -> list[Job]:
        return await self._views.jobs(JobQuery(platform=PLATFORM, limit=1000))

    async def job_of(self, id: str) -> Job | None:
        return next((job for job in await self.jobs() if id in (job.source_id, job.source_id.rpartition(":")[2])), None)

    def _newly_told(self, who: Person) -> str | None:
        """The private sentence that came last and was not read yet; or what a window says is wrong."""
        member = self.member(who)
        view = member.view
        if view is not None and view.errors:
            error = next(iter(view.errors.values()))
            member.closes(view)
            return error
        told = [html.unescape(message.text) for message in member.ephemerals]
        new, self._told[who.id] = told[self._told.get(who.id, 0) :], len(told)
        assert len(new) < 2, f"told more than once: {new}"
        return new[0] if new else None


def _take_any_number(view: View) -> None:
    for block in view.blocks:
        if block.get("element", {}).get("type") == "file_input":
            block["element"]["max_files"] = 10


def _is_answer(message: Message) -> bool:
    mine = message.bot is not None and not message.deleted and message.only_for is None
    return mine and (message.metadata or {}).get("event_type") != CARD


def _ref(message: Message) -> MessageRef:
    return MessageRef(platform=PLATFORM, channel=message.channel.id, id=message.ts)


def _uploads(files: tuple[File, ...]) -> list[Upload]:
    return [Upload(name=f.name, data=f.data, size=f.said_size, media_type=f.said_type) for f in files]
