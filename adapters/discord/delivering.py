"""How is an answer posted exactly once, wherever it still can be posted?

Three safeguards for "once": the note lists what was posted; Discord itself refuses a second message with the same nonce for
a few minutes; and whatever may have been posted by an earlier attempt is looked for by the job's id in the buttons, where the
history may be read, because Discord returns no nonces from the past. Where an answer can go is said by `places`.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from io import BytesIO
from typing import Any

import discord
import structlog

from adapters.discord import rendering, wording
from adapters.discord.buttons import presses
from adapters.discord.faults import CANNOT_REPLY, UNKNOWN_MESSAGE, Refused
from adapters.discord.inbound import PLATFORM
from adapters.discord.pacing import Priority
from adapters.discord.places import Places
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Rest, own_id
from bot import pictures
from bot.errors import FailureKind, GiveUp
from bot.model import ConversationRef, Json, MessageRef, Picture, Reply
from bot.ports import Note

_PAGE = 100
_SMALLEST = 256_000  # bytes; a place that takes less takes no pictures


@dataclass(kw_only=True)
class _Memo:
    """The note's content. posts: by number, where and what; a message that was deleted since has no id."""

    posts: dict[str, dict[str, str]] = field(default_factory=dict)
    tried: list[str] = field(default_factory=list)
    closed: list[str] = field(default_factory=list)

    def json(self) -> Json:
        return {"posts": self.posts, "tried": self.tried, "closed": self.closed}


class Delivery:
    """One call of `Platform.deliver`. limit: bytes that one file may have there."""

    def __init__(
        self,
        rest: Rest,
        refusals: Refusals,
        places: Places,
        limit: int,
        *,
        to: ConversationRef,
        reply: Reply,
        key: str,
        note: Note,
    ) -> None:
        self._rest = rest
        self._refusals = refusals
        self._places = places
        self._limit = limit
        self._to = to
        self._reply = reply
        self._key = key
        self._note = note
        self._memo = _Memo()
        self._before: frozenset[str] = frozenset()  # places that an earlier call has tried
        self._why = ""
        self._log = structlog.get_logger("adapters.discord").bind(job=reply.job_id)

    async def post(self) -> tuple[MessageRef, ...]:
        """Raises RetryLater, or GiveUp when no place takes it."""
        saved = await self._note.load()
        self._memo = _Memo(**saved) if saved else self._memo
        self._before = frozenset(self._memo.tried)
        async for channel in self._places.of(self._to, self._reply.requester.id):
            if not await self._is_worth_trying(channel):
                continue
            try:
                await self._post_in(channel)
            except Refused as refused:
                if not refused.closes_place:
                    raise
                self._why = refused.reason
                self._log.warning("place_closed", channel=channel, reason=refused.reason)
                await self._refusals.add("post", channel, refused.reason)
                await self._close(channel)
            else:
                posts = (self._memo.posts[number] for number in sorted(self._memo.posts, key=int))
                return tuple(MessageRef(platform=PLATFORM, channel=p["channel"], id=p["id"]) for p in posts if p["id"])
        raise GiveUp(f"no place takes the answer: {self._why or 'all were refused before'}", kind=FailureKind.PLACE)

    async def _is_worth_trying(self, channel: str) -> bool:
        """Not where this answer was refused, nor where another one was not long ago: unless it may have landed there."""
        if channel in self._memo.closed:
            return False
        if channel in self._before or not await self._refusals.stands("post", channel):
            return True
        self._why = self._why or f"channel {channel} was refused not long ago"
        return False

    async def _close(self, channel: str) -> None:
        self._memo.closed.append(channel)
        await self._note.save(self._memo.json())

    # -- one place ----------------------------------------------------------------------------------------------

    async def _post_in(self, channel: str) -> None:
        if channel in self._before:
            await self._look(channel)
        elif channel not in self._memo.tried:
            self._memo.tried.append(channel)
            await self._note.save(self._memo.json())  # before the first attempt: a later one knows that a look is due
        refused: dict[int, str] = {}
        for number, picture in enumerate(self._reply.images or (None,)):
            if str(number) in self._memo.posts:
                continue
            try:
                await self._posted(channel, number, await self._send(channel, number, picture))
            except Refused as no:
                if picture is None or no.closes_place:
                    raise
                refused[number] = no.reason
        if refused and not self._memo.posts:
            raise GiveUp(next(iter(refused.values())), kind=FailureKind.CONTENT)
        for number, reason in refused.items():
            self._log.warning("picture_refused", number=number, reason=reason)
            await self._posted(channel, number, await self._send(channel, number, None))

    async def _posted(self, channel: str, number: int, id: str) -> None:
        self._memo.posts[str(number)] = {"channel": channel, "id": id}
        await self._note.save(self._memo.json())

    async def _send(self, channel: str, number: int, picture: Picture | None) -> str:
        """The message's id; "" for one that was posted by an earlier attempt and deleted since."""
        limit = self._limit
        fitting = picture
        while True:
            if picture is not None:
                fitting = await pictures.to_limit(picture.data, max_bytes=limit)
            try:
                return await self._attempt(channel, number, fitting)
            except Refused as refused:
                if refused.code == UNKNOWN_MESSAGE:
                    # the nonce is known and its message is gone: somebody deleted it, so it had been delivered
                    return ""
                if not refused.too_large or limit <= _SMALLEST or fitting is None:
                    raise
                limit = min(limit, len(fitting.data)) // 2

    async def _attempt(self, channel: str, number: int, picture: Picture | None) -> str:
        try:
            return await self._message(channel, number, picture, answers=self._answered(channel))
        except Refused as refused:
            if refused.code != CANNOT_REPLY:
                raise
            return await self._message(channel, number, picture, answers=None)

    async def _message(self, channel: str, number: int, picture: Picture | None, *, answers: MessageRef | None) -> str:
        show = rendering.result if picture is not None or self._reply.failed else rendering.unshown
        sheet = show(self._reply, index=number, elsewhere=self._elsewhere(channel))
        options: dict[str, Any] = {}
        if picture is not None:
            options["file"] = discord.File(
                BytesIO(picture.data),
                filename=f"image.{picture.extension}",
                description=wording.cut(self._reply.prompt, wording.LONGEST_ALT) or None,
            )
        if answers is not None:
            options["reference"] = discord.MessageReference(
                message_id=int(answers.id), channel_id=int(answers.channel), fail_if_not_exists=False
            )
        if view := sheet.view():
            options["view"] = view
        async with self._rest.turn(Priority.DELIVERY) as client:
            message = await client.get_partial_messageable(int(channel)).send(
                sheet.content or None,
                nonce=self._key if number == 0 else f"{self._key}.{number}",  # at most 25 characters (docs)
                allowed_mentions=sheet.allowed_mentions(),
                suppress_embeds=True,
                **options,
            )
        return str(message.id)

    def _answered(self, channel: str) -> MessageRef | None:
        """What the message visibly answers: the member's words, else the card, where they stand in the same channel."""
        for message in (self._reply.answers, self._reply.card):
            if message is not None and message.channel == channel:
                return message
        return None

    def _elsewhere(self, channel: str) -> str | None:
        wanted = self._to.thread or self._to.channel
        return None if channel == wanted else wording.posted_elsewhere(f"<#{wanted}>")

    # -- what an earlier attempt has posted ---------------------------------------------------------------------

    async def _look(self, channel: str) -> None:
        """Notes what is there already. Where the history may not be read, the nonce has to do."""
        try:
            async for message in self._own_since_the_request(channel):
                for press in presses(message.get("components")):
                    if press.job_id == self._reply.job_id and press.act == "again":
                        self._memo.posts[str(press.image)] = {"channel": channel, "id": str(message["id"])}
        except Refused as refused:
            if refused.status == 404:
                raise
            return
        await self._note.save(self._memo.json())

    async def _own_since_the_request(self, channel: str) -> AsyncIterator[Any]:
        """The bot's messages in a channel, oldest first, from the request on: ids grow with time, in all channels alike.

        To the end, however much was said since: a second copy would be worse than some seconds.
        """
        asked = [int(message.id) for message in (self._reply.answers, self._reply.card) if message is not None]
        after = max(asked, default=None)  # of a request that left no message, the newest page has to do
        while True:
            async with self._rest.turn(Priority.READING) as client:
                page = await client.http.logs_from(int(channel), _PAGE, after=after)
                me = own_id(client)
            for message in sorted(page, key=lambda message: int(message["id"])):
                after = int(message["id"])
                if message["author"]["id"] == me:
                    yield message
            if len(page) < _PAGE or not asked:
                return
