"""What dies, and what is told again, where the platform is Slack?"""

from __future__ import annotations

import html
from typing import Any

from tests.e2e.crashing import OnChat
from tests.world import Member, World
from tests.world.boundary import Boundary

READS = frozenset(
    {
        "(download)", "apps.connections.open", "auth.test", "conversations.history", "conversations.info",
        "conversations.replies", "files.info", "users.info",
    }
)  # fmt: skip
REACTIONS = frozenset({"reactions.add", "reactions.remove"})


class OnSlack(OnChat):
    """Crossings are all calls but those that read, and reactions, on which nothing depends; and each acknowledgement.

    What nobody has acknowledged is told again after a minute.
    """

    looks = OnChat.looks | {"store.remember adapter.slack/listened"}  # the time, again and again
    messages_of_two = 1
    tells_again = True  # before anything else happens in the next process

    def __init__(self, world: World, boundary: Boundary, member: Member) -> None:
        super().__init__(world, boundary, member)
        self.slack = self.driver.slack
        self._settling = False
        self.slack._core.faults.onlooker = lambda method: boundary.wire(method, changes=self._changes(method))

    def _changes(self, method: str) -> bool:
        """Once everything was asked for, only what the bot itself has posted is told to it, and acknowledged."""
        return method not in READS | REACTIONS and not (method == "(ack)" and self._settling)

    async def reborn(self) -> None:
        await self.world.die()
        await self.world.let_everybody_run()
        for _ in range(2):  # the first attempt and the one after it at once
            self.slack.advance(4)
            await self.slack.quiet()
        self.boundary.heal()
        await self.world.start()
        await self.driver.listening()
        if self.tells_again:
            self.slack.advance(61)
            await self.driver.quiet()

    async def settle(self) -> None:
        self._settling = True
        try:
            await super().settle()
        finally:
            self._settling = False

    async def shown(self) -> None:
        await self.driver.cards_settled()
        await self.driver.quiet()

    def messages(self) -> dict[str, Any]:
        posts = [message for channel in self.slack.channels for message in channel.posts.values()]
        return {m.ts: m for m in posts if m.bot is not None and not m.deleted and m.only_for is None}

    def told(self) -> str | None:
        found: str | None = self.driver._newly_told(self.member.person)
        return found

    def card_of(self, message: Any) -> str:
        return html.unescape(message.blocks[0]["text"]["text"].split("*")[1])
