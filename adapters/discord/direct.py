"""How is one member told something alone? In direct messages, which not everybody takes; that is remembered."""

from __future__ import annotations

from collections import OrderedDict

from adapters.discord.faults import Refused
from adapters.discord.pacing import Priority
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Rest

_REMEMBERED = 5_000  # channels; one that is forgotten is asked for once more


class DirectMessages:
    """The channels that the bot has with single members."""

    def __init__(self, rest: Rest, refusals: Refusals) -> None:
        self._rest = rest
        self._refusals = refusals
        self._channels: OrderedDict[str, str] = OrderedDict()  # by member

    async def channel(self, member: str, priority: Priority) -> str | None:
        """None where Discord opens none. That there is one doesn't mean that the member takes messages in it."""
        if member not in self._channels:
            if await self._refusals.stands("direct", member):
                return None
            try:
                async with self._rest.turn(priority) as client:
                    opened = await client.http.start_private_message(int(member))
            except Refused as refused:
                await self._refusals.add("direct", member, refused.reason)
                return None
            self._channels[member] = str(opened["id"])
            while len(self._channels) > _REMEMBERED:
                self._channels.popitem(last=False)
        return self._channels[member]

    async def tell(self, member: str, text: str, *, nonce: str) -> bool:
        """Whether it could be said. nonce: so that what is said twice within minutes is said once. Raises RetryLater."""
        channel = await self.channel(member, Priority.OPENING)
        if channel is None or await self._refusals.stands("post", channel):
            return False
        try:
            async with self._rest.turn(Priority.OPENING) as client:
                partial = client.get_partial_messageable(int(channel))
                await partial.send(text, suppress_embeds=True, nonce=nonce)
        except Refused as refused:
            if refused.closes_place:
                await self._refusals.add("post", channel, refused.reason)
            return False
        return True
