"""What do tests of the Slack adapter look at? One emulated Slack with one channel, and the bot in it."""

import asyncio
import html

from adapters.slack.cards import CARD
from adapters.slack.rendering import REMARK
from tests.emulators.slack import Channel, Member, Message, Upload
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
        await self.platform.cards.settled()
        await self.heard()

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


def upload(file=None) -> Upload:
    file = file or photos.png()
    return Upload(name=file.name, data=file.data, size=file.said_size, media_type=file.said_type)


async def until(condition) -> None:
    """Turns of the loop, until this is so."""
    while not condition():  # noqa: ASYNC110  what is waited for has no event of its own
        await asyncio.sleep(0)
