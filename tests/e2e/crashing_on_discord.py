"""What dies, and what is told again, where the platform is Discord?"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from bot.model import Job, JobState
from tests.e2e.crashing import OnChat
from tests.emulators.discord.messages import MessageKind
from tests.world import Member, World
from tests.world.boundary import Boundary
from tests.world.discord import shown


class OnDiscord(OnChat):
    """Crossings are all requests of the API but GETs, and reactions, on which nothing depends. Messages are found in the history."""

    messages_of_two = 2

    def __init__(self, world: World, boundary: Boundary, member: Member) -> None:
        super().__init__(world, boundary, member)
        self.emulator = self.driver.emulator
        self.nonces_are_forgotten = not world.app.settings.store_is_shared
        """By the time that the next process begins; the other way round on the other engine."""
        self.emulator.faults.onlooker = lambda route: boundary.wire(route, changes=_changes(route))

    async def reborn(self) -> None:
        if self.nonces_are_forgotten:
            self.emulator.clock.advance(self.emulator.state.nonce_window + 1)
        await super().reborn()

    async def before(self) -> None:
        for thread in self.driver.guild.threads:  # each process reads all that there are, so the old ones go
            if str(thread.id) != self.member.thread:
                thread.delete()
        await self.driver.quiet()
        await super().before()

    def messages(self) -> dict[str, Any]:
        mine = [message for message in self.emulator.state.said if message.author is self.emulator.bot]
        return {str(m.id): m for m in mine if not (m.deleted or m.ephemeral or m.kind is MessageKind.THREAD_STARTER)}

    def told(self) -> str | None:
        said = [message.content for message in self.emulator.interactions[-1].messages if message.ephemeral]
        return shown(said[0]) if said else None

    def card_of(self, message: Any) -> str:
        assert not message.thinking
        return str(message.content.split("**")[1])

    def last(self, job: Job, jobs: Sequence[Job]) -> str:
        """The card of a thread tells how the thread is; why something failed stands below it."""
        begins = job.card is not None and self.messages()[job.card.id].thread is not None
        told = jobs[-1] if begins else job
        return "Failed" if told.state is JobState.FAILED else super().last(told, jobs)


def _changes(route: str) -> bool:
    return not route.startswith("GET") and "reactions" not in route
