"""Which messages are heard, from which places, and what does their author learn at once?"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from typing import Any
from weakref import WeakValueDictionary

import discord
import structlog

from adapters.discord import inbound, permissions, wording
from adapters.discord.catching_up import Where
from adapters.discord.inbound import PLATFORM, PRIVATE_WORKSPACE
from adapters.discord.outbound import Discord
from adapters.discord.pacing import Priority
from adapters.discord.permissions import Spot
from bot.errors import GiveUp, RetryLater, UserError
from bot.model import OPEN, ConversationRef, Job, MessageRef, Mood, Utterance
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

_THREAD_TYPES = frozenset({10, 11, 12})
_KNOWN_PLACES = 5_000


class Ears:
    """Hears messages, live and missed ones alike."""

    def __init__(self, platform: Discord, service: Service, views: Views) -> None:
        self._platform = platform
        self._service = service
        self._views = views
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._fetched: OrderedDict[int, Where] = OrderedDict()
        self._log = structlog.get_logger("adapters.discord")

    async def hear_live(self, message: discord.Message, me: int) -> None:
        """A message as the gateway brings it, from anywhere."""
        if message.author.bot or message.webhook_id is not None or not inbound.spoken(message):
            self._platform.cursors.saw(str(message.channel.id), message.id)
            return
        async with self._turn(message.channel.id):
            try:
                where = await self._where(message, me)
            except (RetryLater, GiveUp) as error:
                self._log.info("message_not_placed", message=message.id, reason=error.reason)
                return
            meant = where.own or where.ref.workspace == PRIVATE_WORKSPACE or inbound.addresses(message, me)
            answer = await self._hear(message, where, me) if meant else None
        if answer is not None:
            await answer

    async def hear(self, message: discord.Message, where: Where, me: int) -> None:
        """A message from a place that is known. Nothing it can hold ends the listening."""
        async with self._turn(message.channel.id):
            answer = await self._hear(message, where, me)
        if answer is not None:
            await answer

    async def hear_deletion(self, channel: int, message: int) -> None:
        """Who takes back what they have asked for in words no longer wants it; such a request has no card to cancel it by."""
        ref = MessageRef(platform=PLATFORM, channel=str(channel), id=str(message))
        try:
            job = await self._views.job_of(ref)
            if job is not None and job.asked_in == ref and job.state in OPEN:
                await self._service.cancel(job.id, by=job.requester)
        except (UserError, StoreBusy) as error:
            self._log.info("not_cancelled", message=message, reason=str(error))

    def _turn(self, channel: int) -> asyncio.Lock:
        """Messages of one place are accepted in the order in which they were written; what follows of that needs no order."""
        return self._turns.setdefault(channel, asyncio.Lock())

    async def _hear(self, message: discord.Message, where: Where, me: int) -> Coroutine[Any, Any, None] | None:
        """What the author is to be told, as work that is yet to be done."""
        answer = None
        if message.author.id != me and inbound.spoken(message):
            guild = message.guild
            own_role = guild.self_role.id if guild and guild.self_role else None
            utterance = inbound.utterance(
                message, me=me, where=where.ref, plain_talk=where.own, my_roles=[own_role] if own_role else ()
            )
            answer = await self._said(utterance, _lacking(message, me))
        self._platform.cursors.saw(str(message.channel.id), message.id)
        return answer

    async def _said(self, utterance: Utterance, lacking: list[str]) -> Coroutine[Any, Any, None] | None:
        try:
            if lacking:
                if await self._is_for_us(utterance):
                    raise UserError(wording.may_not_here(lacking))
                return None
            job = await self._service.reply(utterance)
            return self._took_up(job, utterance) if job is not None else None
        except UserError as error:
            return self._refuse(utterance, str(error))
        except StoreBusy:
            return self._refuse(utterance, wording.busy())
        except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
            self._log.exception("bug_in_message", source=utterance.source_id)
            return self._refuse(utterance, wording.broken(utterance.source_id.rpartition(":")[2]))

    async def _is_for_us(self, utterance: Utterance) -> bool:
        """Whether somebody waits for an answer, where the bot could not post it: then they are told, before it is paid for."""
        if utterance.mentions_bot or utterance.replied_to_bot:
            return True
        thread = await self._views.thread_at(utterance.place) if utterance.plain_talk else None
        return thread is not None and any(v.job.requester.id == utterance.author.id for v in thread.versions)

    async def _took_up(self, job: Job, utterance: Utterance) -> None:
        if job.state in OPEN and utterance.message is not None:
            await self._react(utterance.message, Mood.WORKING)
            place = utterance.place
            await self._platform.cursors.watch(place, own=utterance.plain_talk, since=int(utterance.message.id))

    async def _react(self, message: MessageRef, mood: Mood) -> None:
        try:
            await self._platform.react(message, mood)
        except (RetryLater, GiveUp) as error:
            self._log.debug("not_reacted", reason=error.reason)

    # -- refusals are private -----------------------------------------------------------------------------------

    async def _refuse(self, utterance: Utterance, sentence: str) -> None:
        """A message can't be answered to one person alone where it was said, so the sentence comes as a direct message."""
        message = utterance.message
        if message is None:
            return
        await self._react(message, Mood.FAILED)
        try:
            if utterance.private:
                await self._send(message.channel, wording.escaped(sentence), message)
                return
            try:
                async with self._platform.rest.turn(Priority.OPENING) as client:
                    private = await client.http.start_private_message(int(utterance.author.id))
                text = wording.refused_in(f"<#{message.channel}>", wording.escaped(sentence))
                await self._send(str(private["id"]), text, None)
            except GiveUp:
                await self._send(message.channel, wording.cannot_tell(), message)
        except (RetryLater, GiveUp) as error:
            self._log.warning("refusal_not_told", reason=error.reason)

    async def _send(self, channel: str, text: str, answers: MessageRef | None) -> None:
        options: dict[str, Any] = {}
        if answers is not None:
            options["reference"] = discord.MessageReference(
                message_id=int(answers.id), channel_id=int(answers.channel), fail_if_not_exists=False
            )
            options["nonce"] = f"no.{answers.id}"  # an event that comes twice is refused once
        async with self._platform.rest.turn(Priority.OPENING) as client:
            await client.get_partial_messageable(int(channel)).send(text, suppress_embeds=True, **options)

    # -- places -------------------------------------------------------------------------------------------------

    async def _where(self, message: discord.Message, me: int) -> Where:
        channel = message.channel
        here = str(channel.id)
        if not _of_server(message):
            ref = ConversationRef(platform=PLATFORM, workspace=PRIVATE_WORKSPACE, channel=here, thread=here)
            return Where(ref=ref, own=False)
        followed = self._platform.cursors.at(here)
        if followed is not None and followed.ref.thread is not None and followed.ref.thread != followed.ref.channel:
            return followed
        if isinstance(channel, discord.Thread):
            ref = _in_thread(_workspace(message), str(channel.parent_id), here)
            return Where(ref=ref, own=channel.owner_id == me)
        kind = getattr(channel, "type", None)
        if kind is None:
            return await self._fetch_place(channel.id, _workspace(message), me)
        # in a channel that has threads, what is not about an earlier picture gets a thread of its own
        thread = None if permissions.spot(kind) is Spot.CHANNEL else here
        ref = ConversationRef(platform=PLATFORM, workspace=_workspace(message), channel=here, thread=thread)
        return Where(ref=ref, own=False)

    async def _fetch_place(self, channel: int, workspace: str, me: int) -> Where:
        """The library forgets threads when they are archived; a message from one tells nothing but its id."""
        known = self._fetched.get(channel)
        if known is None:
            async with self._platform.rest.turn(Priority.READING) as client:
                found: Any = await client.http.get_channel(channel)
            if found.get("type") in _THREAD_TYPES:
                ref = _in_thread(workspace, str(found["parent_id"]), str(channel))
                known = Where(ref=ref, own=str(found.get("owner_id")) == str(me))
            else:
                thread = None if found.get("type") in (0, 5) else str(channel)
                ref = ConversationRef(platform=PLATFORM, workspace=workspace, channel=str(channel), thread=thread)
                known = Where(ref=ref, own=False)
            self._fetched[channel] = known
            while len(self._fetched) > _KNOWN_PLACES:
                self._fetched.popitem(last=False)
        return known


def _in_thread(workspace: str, parent: str, thread: str) -> ConversationRef:
    return ConversationRef(platform=PLATFORM, workspace=workspace, channel=parent, thread=thread)


def _of_server(message: discord.Message) -> bool:
    return bool(message.guild) or getattr(message.channel, "guild_id", None) is not None


def _workspace(message: discord.Message) -> str:
    return str(message.guild.id if message.guild else getattr(message.channel, "guild_id", None))


def _lacking(message: discord.Message, me: int) -> list[str]:
    """What the bot may not do there, as far as the gateway has told; a place that nobody knows is tried."""
    member = message.guild.get_member(me) if message.guild else None
    channel = message.channel
    if member is None or not isinstance(channel, discord.Thread | discord.abc.GuildChannel):
        return []
    if isinstance(channel, discord.Thread) and channel.parent is None:
        return []
    return permissions.missing(permissions.spot(channel.type), channel.permissions_for(member))
