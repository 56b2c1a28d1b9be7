"""What do tests of the Slack adapter look at? One emulated Slack with one channel, and the bot in it."""

import asyncio
import html
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from starlette.applications import Starlette

from adapters.slack import hooks
from adapters.slack.cards import CARD
from adapters.slack.rendering import REMARK
from adapters.web.heartbeat import Heartbeat
from adapters.web.server import Server
from tests.emulators.slack import Channel, Fault, Member, Message, Upload
from tests.world import World, photos


class Village:
    """`done` lets everything happen that will: then nothing is on its way, neither to Slack nor from it."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.driver = world.places["slack"].driver
        self.slack = self.driver.slack
        self.channel: Channel = self.driver.channel

    @property
    def platform(self):
        return self.driver.platform

    @property
    def app(self):
        return self.world.app

    def member(self, name: str) -> Member:
        return self.driver.member(self.driver.person(name))

    async def heard(self) -> None:
        """The bot has taken up, or left alone, whatever it was told so far; nothing is painted."""
        await self.driver.listening()
        await self.driver.quiet()

    async def done(self) -> None:
        await self.heard()
        await self.world.settle()
        await self.driver.cards_settled()
        await self.heard()

    async def dies_at(self, method: str, when: str) -> None:
        """The bot dies while this call stays without an answer, and starts again. when: `before` or `after` its effect."""
        fault = Fault(kind="hang", method=method, when=when)
        self.slack.inject(fault)
        settling = asyncio.create_task(self.world.settle())
        await fault.arrived()
        await self.world.die()
        settling.cancel()
        await asyncio.gather(settling, return_exceptions=True)
        await self.world.start()

    async def imagine(self, member: Member, words: str, channel: Channel | None = None) -> Message:
        """The card of `/imagine` with these words."""
        await self.driver.listening()
        before = set((channel or self.channel).posts)
        await member.slash(f"/imagine {words}", channel or self.channel)
        await self.heard()
        new = [post for ts, post in (channel or self.channel).posts.items() if ts not in before and not post.only_for]
        assert len(new) == 1, f"{len(new)} messages; told: {member.told}"
        return new[0]

    def cards(self, channel: Channel | None = None) -> list[Message]:
        return [m for m in self.mine(channel) if (m.metadata or {}).get("event_type") == CARD]

    def answers(self, channel: Channel | None = None) -> list[Message]:
        """The bot's answers, oldest first; cards and private sentences are none."""
        return [m for m in self.mine(channel) if (m.metadata or {}).get("event_type") != CARD]

    def mine(self, channel: Channel | None = None) -> list[Message]:
        posts = (channel or self.channel).posts.values()
        return [m for m in posts if m.bot is not None and not m.deleted and m.only_for is None]

    def pictures(self, message: Message) -> list[bytes]:
        return [data for data, _ in self.slack.pictures(message)]

    @staticmethod
    def remark(message: Message) -> str:
        found = [block["text"]["text"] for block in message.blocks if block.get("block_id") == REMARK]
        return html.unescape(found[0]) if found else ""

    @staticmethod
    def state(card: Message) -> str:
        return str(card.blocks[0]["text"]["text"].split("*")[1])

    @staticmethod
    def preview(card: Message) -> str | None:
        return card.blocks[0].get("accessory", {}).get("slack_file", {}).get("id")

    @staticmethod
    def told(member: Member) -> list[str]:
        """What the bot said to this member alone."""
        return [html.unescape(message.text) for message in member.ephemerals]

    def paid(self) -> int:
        return self.world.emulator.paid


@asynccontextmanager
async def over_http(village: Village) -> AsyncIterator[None]:
    """Its Slack posts to the bot's own kind of server while the block lasts; the bot is started anew for it."""
    village.driver.settings = {
        "slack_app_token": None,
        "slack_signing_secret": village.slack.signing_secret,
        "http_port": 1,
    }
    village.slack.app.socket_mode = False
    await village.world.restart()
    server = Server(Starlette(routes=village.platform.routes()), host="127.0.0.1", ports=[0], heartbeat=Heartbeat())
    serving = asyncio.create_task(server.run())
    village.slack.app.request_url = f"{await server.started()}{hooks.PATH}"
    await village.platform.workspace.identity()
    try:
        yield
    finally:
        serving.cancel()
        await asyncio.gather(serving, return_exceptions=True)


def upload(file=None) -> Upload:
    file = file or photos.png()
    return Upload(name=file.name, data=file.data, size=file.said_size, media_type=file.said_type)


async def until(condition) -> None:
    """Until this is so, and stays so: it is looked at now and then, or the store's threads would not come to their work."""
    while not condition():  # noqa: ASYNC110  what is waited for has no event of its own
        await asyncio.sleep(0.001)
