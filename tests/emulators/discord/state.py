"""What is there at the emulated Discord: people, servers, channels, commands, interactions?"""

from __future__ import annotations

import asyncio
import base64
import contextlib
import secrets
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, TypeVar

from tests.emulators.clock import Clock
from tests.emulators.discord.acts import Acts
from tests.emulators.discord.cdn import Signer
from tests.emulators.discord.channels import Channel, ChannelKind
from tests.emulators.discord.files import Attachment
from tests.emulators.discord.guilds import Guild, furnish
from tests.emulators.discord.intents import Intents
from tests.emulators.discord.interactions import Interaction
from tests.emulators.discord.limits import OldEdits
from tests.emulators.discord.messages import Message
from tests.emulators.discord.people import Person
from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.snowflakes import Snowflakes
from tests.emulators.discord.tell import Tell

Found = TypeVar("Found")
Json = dict[str, Any]

LOOK_AGAIN = 0.02  # real seconds
PATIENCE = 60.0  # real seconds after which something that a test waits for will not come any more
BOT_PERMISSIONS = (
    Permission.VIEW_CHANNEL
    | Permission.SEND_MESSAGES
    | Permission.SEND_MESSAGES_IN_THREADS
    | Permission.CREATE_PUBLIC_THREADS
    | Permission.ATTACH_FILES
    | Permission.EMBED_LINKS
    | Permission.READ_MESSAGE_HISTORY
    | Permission.ADD_REACTIONS
)


@dataclass(kw_only=True, slots=True)
class Application:
    """The application as its portal page has it. enabled: the privileged intents that are switched on there."""

    id: int
    name: str
    token: str
    owner: Person
    enabled: Intents = Intents.MESSAGE_CONTENT
    public: bool = True
    interactions_endpoint_url: str | None = None


class State:
    """Everything that Discord remembers. `acts` changes it by Discord's rules, `tell` lets the gateway know."""

    def __init__(self, clock: Clock, *, token: str, name: str) -> None:
        self.clock = clock
        self.ids = Snowflakes(clock)
        self.people: dict[int, Person] = {}
        self.guilds: dict[int, Guild] = {}
        self.channels: dict[int, Channel] = {}
        self.commands: dict[int | None, list[Json]] = {None: []}  # by server; None: global
        self.command_creates: list[float] = []
        self.interactions: dict[int, Interaction] = {}
        self.by_token: dict[str, Interaction] = {}
        self.attachments: dict[int, Attachment] = {}
        self.said: list[Message] = []  # every message there ever was, deleted ones too
        self.nonces: dict[tuple[int, str], tuple[float, Message]] = {}
        self.answers_join_threads = False  # whether an answer to a command makes the bot a member of a private thread
        self.nonce_window = 180.0  # seconds; Discord says "the past few minutes"
        self.old_edits = OldEdits(clock)
        self.signer = Signer(clock)
        self.bot = self.new_person(name, bot=True)
        self.application = Application(id=self.bot.id, name=name, token=token, owner=self.new_person("owner"))
        self.tell = Tell(self)
        self.acts = Acts(self)
        self.tasks: set[asyncio.Task[None]] = set()
        self._changed = asyncio.Event()
        clock.on_advance(self.acts.archive_the_silent)

    # -- making -------------------------------------------------------------------------------------------------

    def new_person(self, name: str, *, bot: bool = False) -> Person:
        person = Person(state=self, id=self.ids.next(), name=name, bot=bot)
        self.people[person.id] = person
        return person

    def new_guild(self, name: str, *, tier: int, features: tuple[str, ...], bot_permissions: Permission) -> Guild:
        guild = Guild(state=self, id=self.ids.next(), name=name, tier=tier, features=features)
        furnish(guild, bot_permissions=bot_permissions)
        self.guilds[guild.id] = guild
        self.tell.guild_created(guild)
        return guild

    def dm(self, person: Person) -> Channel:
        """The one conversation of a person with the application."""
        for channel in self.channels.values():
            if channel.kind == ChannelKind.DM and channel.recipient is person:
                return channel
        made = Channel(state=self, id=self.ids.next(), kind=ChannelKind.DM, recipient=person)
        self.channels[made.id] = made
        return made

    def new_token(self) -> str:
        """Of an interaction: base64 of `interaction:` and more (observed), so that it is known wherever it turns up."""
        return base64.urlsafe_b64encode(f"interaction:{secrets.token_urlsafe(48)}".encode()).decode().rstrip("=")

    # -- waiting ------------------------------------------------------------------------------------------------

    def changed(self) -> None:
        """Something happened that a test may wait for."""
        self._changed.set()
        self._changed = asyncio.Event()

    async def until(self, look: Callable[[], Found], what: str) -> Found:
        """The first true value of `look`. Asks again whenever something changed here, and often besides, since what a
        test waits for may be the bot's. Raises AssertionError when it never comes.
        """
        try:
            async with asyncio.timeout(PATIENCE):
                while not (found := look()):
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(LOOK_AGAIN):
                            await self._changed.wait()
        except TimeoutError:
            raise AssertionError(f"waited in vain for {what}") from None
        return found

    def start(self, interaction: Interaction) -> None:
        """Let an interaction's three seconds run."""
        task = asyncio.get_running_loop().create_task(interaction.give_up())
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)
        interaction.answered.add_done_callback(lambda _: task.cancel())

    async def close(self) -> None:
        tasks = list(self.tasks)
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
