"""Where can an answer go, best first, and who would see it there?"""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import discord

from adapters.discord.direct import DirectMessages
from adapters.discord.faults import Refused
from adapters.discord.inbound import PLATFORM, PRIVATE_WORKSPACE
from adapters.discord.pacing import Priority
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Rest
from bot.model import ConversationRef, MessageRef
from bot.views import Views


class Places:
    """The thread, its channel, the member's direct messages: each is found only when the one before it is closed."""

    def __init__(self, rest: Rest, refusals: Refusals, views: Views) -> None:
        self._rest = rest
        self._views = views
        self.direct = DirectMessages(rest, refusals)

    async def of(self, to: ConversationRef, member: str) -> AsyncIterator[str]:
        """Channels."""
        here = to.thread or to.channel
        yield here
        if here != to.channel and await self._is_as_open_as_its_channel(to):
            yield to.channel
        if to.workspace != PRIVATE_WORKSPACE:
            direct = await self.direct.channel(member, Priority.DELIVERY)
            if direct is not None:
                yield direct

    async def _is_as_open_as_its_channel(self, to: ConversationRef) -> bool:
        """Whether whoever sees the channel sees the thread, too: what is asked for in a private one is nobody else's.

        A thread made of a message is never private (docs). Of others Discord is asked; what it no longer knows counts as one.
        """
        starter = thread_card(to)
        if starter is None or await self._views.job_of(starter) is not None:
            return True
        try:
            async with self._rest.turn(Priority.DELIVERY) as client:
                thread: Any = await client.http.get_channel(int(starter.id))
        except Refused:
            return False
        return bool(thread["type"] != discord.ChannelType.private_thread.value)


def thread_card(ref: ConversationRef) -> MessageRef | None:
    """The message from which a thread was made, if it was: it stands in the channel and has the thread's id (docs)."""
    if ref.thread is None or ref.thread == ref.channel:
        return None
    return MessageRef(platform=PLATFORM, channel=ref.channel, id=ref.thread)
