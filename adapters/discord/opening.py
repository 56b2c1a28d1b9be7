"""How does a request get its card and its thread, once each, whatever has happened before?"""

from __future__ import annotations

import datetime as dt
from dataclasses import replace
from typing import Any

import discord
import structlog

from adapters.discord import inbound, rendering, wording
from adapters.discord.buttons import presses
from adapters.discord.faults import HAS_THREAD, LACKS_PERMISSION, Refused
from adapters.discord.inbound import PLATFORM
from adapters.discord.pacing import Priority
from adapters.discord.refusals import Refusals
from adapters.discord.rest import Rest, own_id
from bot.errors import FailureKind, GiveUp
from bot.model import Card, Conversation, ConversationRef, Job, MessageRef, Opened
from bot.service import Memory

_PAGE = 100
_PAGES = 5
ASKED_SECONDS = 86_400.0
"""How long it is known where a job was asked for: its opening is not put off for longer."""

_EARLIER = dt.timedelta(minutes=10)  # by which the two clocks may differ


class Opening:
    """Cards and threads."""

    def __init__(self, rest: Rest, refusals: Refusals, asked_from: Memory, *, archive_minutes: int) -> None:
        """asked_from: by job, the channel in which a button was pressed for it, where that may be another than its own."""
        self._rest = rest
        self._refusals = refusals
        self._asked_from = asked_from
        self._archive_minutes = archive_minutes
        self._log = structlog.get_logger("adapters.discord")

    async def open(self, conversation: Conversation, card: Card, job: Job) -> Opened:
        """What asked by a message needs no card: its own reactions show how it goes."""
        message = card.message
        if message is None and job.asked_in is None:
            message = await self._card(conversation.ref, card, job)
        ref = conversation.ref
        starter = message or job.asked_in
        if ref.thread is None:
            ref = replace(ref, thread=await self._thread(ref, starter, card.prompt))
        return Opened(ref=ref, card=message)

    # -- the card -----------------------------------------------------------------------------------------------

    async def _card(self, ref: ConversationRef, card: Card, job: Job) -> MessageRef:
        """The command's acknowledgement is the card. We died around it, or were late: it is there, or is posted now.

        By now Discord takes no acknowledgement any more (3 seconds), so that no second card can come.
        """
        noted = await self._asked_from.recall(job.id)
        channel = noted["channel"] if noted else ref.thread or ref.channel
        if await self._refusals.stands("post", channel):
            raise GiveUp(f"channel {channel} was refused not long ago", kind=FailureKind.PLACE)
        try:
            id = await self._find_card(channel, job) or await self._post_card(channel, card)
        except Refused as refused:
            if refused.closes_place:
                await self._refusals.add("post", channel, refused.reason)
            raise
        return MessageRef(platform=PLATFORM, channel=channel, id=id)

    async def _find_card(self, channel: str, job: Job) -> str | None:
        interaction = inbound.interaction_of(job.source_id)
        accepted = dt.datetime.fromtimestamp(job.accepted_at, dt.UTC)
        after = interaction or discord.utils.time_snowflake(accepted - _EARLIER)
        for _ in range(_PAGES):
            async with self._rest.turn(Priority.OPENING) as client:
                page: list[Any] = list(await client.http.logs_from(int(channel), _PAGE, after=after))
                me = own_id(client)
            for message in page:
                if message["author"]["id"] == me and any(
                    press.act == "cancel" and press.job_id == job.id for press in presses(message.get("components"))
                ):
                    return str(message["id"])
            if len(page) < _PAGE:
                break
            after = max(int(message["id"]) for message in page)
        return None

    async def _post_card(self, channel: str, card: Card) -> str:
        sheet = rendering.card(card)
        view = sheet.view()
        options: dict[str, Any] = {"view": view} if view else {}
        async with self._rest.turn(Priority.OPENING) as client:
            message = await client.get_partial_messageable(int(channel)).send(
                sheet.content,
                nonce=f"card.{card.job_id}",
                allowed_mentions=sheet.allowed_mentions(),
                suppress_embeds=True,
                **options,
            )
        return str(message.id)

    # -- the thread ---------------------------------------------------------------------------------------------

    async def _thread(self, ref: ConversationRef, starter: MessageRef | None, prompt: str) -> str:
        """The thread's id, which is its first message's (docs); the channel's own where there can be no thread."""
        if starter is None or await self._refusals.stands("thread", ref.channel):
            return ref.channel
        try:
            async with self._rest.turn(Priority.OPENING) as client:
                made = await client.http.start_thread_with_message(
                    int(starter.channel),
                    int(starter.id),
                    name=wording.thread_name(prompt),
                    auto_archive_duration=self._archive_minutes,  # type: ignore[arg-type]  # Settings lets through its four
                )
        except Refused as refused:
            if refused.code == HAS_THREAD:
                return starter.id
            if refused.code in LACKS_PERMISSION:
                await self._refusals.add("thread", ref.channel, refused.reason)
            # no right to make one, too many are active, a kind of channel without threads, the card was deleted: in place
            self._log.info("answered_in_place", channel=ref.channel, reason=refused.reason)
            return ref.channel
        return str(made["id"])
