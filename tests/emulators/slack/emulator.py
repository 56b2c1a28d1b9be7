"""How does one start the emulated Slack, fill it with people, steer it, and ask what has happened?"""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

from tests.emulators.clock import Clock
from tests.emulators.slack import text
from tests.emulators.slack.core import Core
from tests.emulators.slack.courier import Courier
from tests.emulators.slack.faults import Fault
from tests.emulators.slack.ledger import Exchange, Ledger
from tests.emulators.slack.model import App, Bot, Channel, File, Kind, Message, Workspace
from tests.emulators.slack.people import Member
from tests.emulators.slack.poster import Poster
from tests.emulators.slack.rates import Rates
from tests.emulators.slack.server import Server
from tests.emulators.slack.sockets import Sockets
from tests.emulators.slack.uploads import Uploads

BOT_TOKEN = "xoxb-test-bot-token"


class SlackEmulator:
    """One Slack with one app, installed in its first workspace. It outlives the bot, and its own `serve`."""

    def __init__(self, app: App | None = None, *, clock: Clock | None = None, workspace: str = "Village") -> None:
        """app: what its settings pages say; `App.of_manifest(...)` reads them from a manifest."""
        self.clock = clock or Clock()
        self._core = Core(app or App(), self.clock)
        self.bot = self.install(workspace, token=BOT_TOKEN)
        self.workspace = self.bot.workspace
        self.port = 0

    @asynccontextmanager
    async def serve(
        self, host: str = "127.0.0.1", port: int = 0, *, reached_at: int | None = None
    ) -> AsyncIterator[str]:
        """Listen while the context is open; gives `api_url`. Port 0 takes any free port.

        reached_at: the port that the bot is told, where something stands between the two; `port` tells where it leads.
        """
        server = Server(self._core)
        await server.open(host, port)
        self.port = server.port
        self._core.base_url = f"http://{host}:{reached_at or server.port}"
        await self._core.poster.open()
        try:
            yield self.api_url
        finally:
            self._core.faults.clear()
            await self._core.sockets.close()
            await self._core.poster.close()
            await server.close()
            await self._core.close()

    # -- where and as whom a bot connects ---------------------------------------------------------------------------

    @property
    def api_url(self) -> str:
        """`http://127.0.0.1:port/api/`, the base URL for slack_sdk's clients."""
        return f"{self._core.base_url}/api/"

    @property
    def app(self) -> App:
        """The app's settings; `app_token`, `signing_secret`, scopes of new installs, HTTP mode's `request_url`."""
        return self._core.app

    @property
    def bot_token(self) -> str:
        return self.bot.token

    @property
    def app_token(self) -> str:
        return self.app.token

    @property
    def signing_secret(self) -> str:
        return self.app.signing_secret

    # -- who and what is there ----------------------------------------------------------------------------------------

    def install(self, workspace: str, *, token: str) -> Bot:
        """Install the app in a workspace, which is made if need be."""
        return self._core.directory.install(self._core.directory.workspace(workspace), token)

    def uninstall(self, bot: Bot | None = None) -> None:
        """Its last events go out, and its token is good for nothing."""
        gone = bot or self.bot
        self._core.events.left(gone)
        gone.standing = "account_inactive"

    def other_workspace(self, name: str) -> Workspace:
        """A workspace without the app: for members who meet it in Slack Connect channels."""
        return self._core.directory.workspace(name)

    def member(self, name: str, workspace: Workspace | None = None) -> Member:
        """The same member for the same name."""
        return self._core.directory.member(name, workspace or self.workspace)

    def channel(self, name: str, *members: Member, kind: Kind = "channel", bot: bool = True) -> Channel:
        """The same channel for the same name; members are added to it. bot: whether the app's bot is in it.

        kind: `channel` public, `group` private, `mpim` several people. A member of another workspace makes it Slack Connect.
        """
        inside = [*members, self.bot.user] if bot else list(members)
        return self._core.directory.channel(name, self.workspace, kind, *inside)

    def dm(self, one: Member, other: Member) -> Channel:
        """A direct message between people; `member.dm` is the one with the bot."""
        return self._core.directory.direct(one, other)

    @property
    def members(self) -> list[Member]:
        return list(self._core.directory.members.values())

    @property
    def channels(self) -> list[Channel]:
        return list(self._core.directory.channels.values())

    @property
    def files(self) -> list[File]:
        """Every file that anybody has put in, deleted ones too."""
        return list(self._core.directory.files.values())

    def pinged(self, message: Message) -> set[str]:
        """Whom this message ever notified: ids of members, `@channel`, `@here`, `@everyone`, ids of user groups."""
        return set(message.notified)

    def links(self, message: Message) -> list[str]:
        """Where clicks on its words lead."""
        return text.links(message)

    def pictures(self, message: Message) -> list[tuple[bytes, str | None]]:
        """The pictures that members see in it, with their alt texts: its files, then its image blocks."""
        seen = [(file.data, file.alt_txt) for file in message.files if file.data and not file.deleted]
        shown = ((block, self._file_in(block)) for block in message.blocks if block["type"] == "image")
        return seen + [(file.data, block["alt_text"]) for block, file in shown if file and file.data]

    def _file_in(self, block: dict[str, Any]) -> File | None:
        source = block.get("slack_file", {})
        return next((f for f in self.files if f.id == source.get("id") or f.id in source.get("url", "")), None)

    # -- what shall happen --------------------------------------------------------------------------------------------

    def advance(self, seconds: float) -> None:
        """Let time pass at once."""
        self.clock.advance(seconds)

    def restart(self) -> None:
        """As after a restart of the real one: connections, the addresses given for them and what was on its way over them are
        forgotten, and events that nobody acknowledged come again when their time comes. What was said and stored stays.
        """
        self._core.sockets.forget()
        self._core.courier.forget()

    def inject(self, *faults: Fault) -> None:
        """Let these strike the next calls that match them, oldest first, one fault a call."""
        self._core.faults.add(*faults)

    @property
    def pending_faults(self) -> list[Fault]:
        return self._core.faults.pending()

    def clear(self) -> None:
        """Forget the faults that have not struck."""
        self._core.faults.clear()

    @property
    def rates(self) -> Rates:
        return self._core.rates

    @property
    def uploads(self) -> Uploads:
        return self._core.uploads

    @property
    def courier(self) -> Courier:
        """How events, commands and interactions reach the app."""
        return self._core.courier

    @property
    def sockets(self) -> Sockets:
        return self._core.sockets

    @property
    def poster(self) -> Poster:
        """HTTP mode: signatures and the check of the request URL."""
        return self._core.poster

    # -- what has happened --------------------------------------------------------------------------------------------

    async def quiet(self) -> None:
        """Wait until nothing is on its way: every delivery acknowledged or timed out, every share that is due done."""
        await self._core.quiet()

    async def until(self, condition: Callable[[], object]) -> None:
        """Wait until this is so; asked again whenever something has happened here."""
        await self._core.until(condition)

    @property
    def ledger(self) -> Ledger:
        return self._core.ledger

    def calls(self, method: str, **args: Any) -> list[Exchange]:
        """Calls of a Web API method with these arguments, oldest first."""
        return self._core.ledger.find(method, **args)
