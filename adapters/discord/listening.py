"""Which messages are heard, from which places, and what does their author learn at once?"""

from __future__ import annotations

import asyncio
from collections import OrderedDict
from collections.abc import Coroutine
from dataclasses import replace
from typing import Any
from weakref import WeakValueDictionary

import discord
import structlog

from adapters.discord import inbound, permissions, wording
from adapters.discord.catching_up import RolesOf
from adapters.discord.cursors import Where
from adapters.discord.inbound import PLATFORM, PRIVATE_WORKSPACE
from adapters.discord.outbound import Discord
from adapters.discord.pacing import Priority
from adapters.discord.permissions import Spot
from bot.errors import GiveUp, RetryLater, UserError
from bot.model import OPEN, ConversationRef, Job, MessageRef, Mood, Person, Utterance
from bot.ports import StoreBusy
from bot.service import Service

_THREAD_TYPES = frozenset({10, 11, 12})
_KNOWN_PLACES = 5_000
_REFUSED_SECONDS = 86_400.0  # as long as what was missed is looked for


class Ears:
    """Hears messages, live and missed ones alike."""

    def __init__(self, platform: Discord, service: Service) -> None:
        self._platform = platform
        self._service = service
        self._turns: WeakValueDictionary[int, asyncio.Lock] = WeakValueDictionary()
        self._fetched: OrderedDict[int, Where] = OrderedDict()
        self._refused = service.memory(f"{PLATFORM}.refused_messages")
        self._log = structlog.get_logger("adapters.discord")

    async def hear_live(self, message: discord.Message, me: int) -> None:
        """A message as the gateway brings it, from anywhere."""
        async with self._turn(message.channel.id):
            answer = None
            try:
                if _said_by_member(message):
                    answer = await self._hear(message, await self._where(message, me), me)
            except (RetryLater, GiveUp) as error:
                self._log.info("message_not_placed", message=message.id, reason=error.reason)
                return
            self._platform.cursors.saw(str(message.channel.id), message.id)
        if answer is not None:
            await answer

    async def hear(self, message: discord.Message, where: Where, me: int, roles_of: RolesOf) -> None:
        """A message from a place that is known, as its history tells it. Nothing it can hold ends the reading.

        roles_of: its history doesn't tell what roles its author has. Raises what this raises: then it is yet to be heard.
        """
        try:
            async with self._turn(message.channel.id):
                answer = None
                if _said_by_member(message):
                    answer = await self._hear(message, self._as_live(where), me, roles_of)
            if answer is not None:
                await answer
        except (RetryLater, GiveUp):
            raise
        except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
            self._log.exception("bug_in_message", message=message.id)

    def _turn(self, channel: int) -> asyncio.Lock:
        """Messages of one place are accepted in the order in which they were written; what follows of that needs no order."""
        return self._turns.setdefault(channel, asyncio.Lock())

    async def _hear(
        self, message: discord.Message, where: Where, me: int, roles_of: RolesOf | None = None
    ) -> Coroutine[Any, Any, None] | None:
        """What the author is to be told, as work that is yet to be done."""
        my_roles = self._my_roles(where)
        private = where.ref.workspace == PRIVATE_WORKSPACE
        if not (where.own or private or inbound.addresses(message, me, my_roles)):
            return None
        if where.own:
            await self._follow(where.ref, own=True, since=message.id - 1)
        utterance = inbound.utterance(message, me=me, where=where.ref, plain_talk=where.own, my_roles=my_roles)
        if roles_of is not None and self._service.asks_for_roles and not private:
            roles = await roles_of(where.ref.workspace, message.author.id)
            if roles is None:  # they have left, and wait for nothing
                return None
            utterance = replace(utterance, roles=roles)
        return await self._said(utterance, _lacking(message, me))

    def _my_roles(self, where: Where) -> tuple[int, ...]:
        """The role that Discord made for the bot, as the gateway knows it: what history tells comes without its server."""
        workspace = where.ref.workspace
        guild = self._platform.gateway.guild(int(workspace)) if workspace.isdigit() else None
        return (guild.self_role.id,) if guild and guild.self_role else ()

    async def _said(self, utterance: Utterance, lacking: list[str]) -> Coroutine[Any, Any, None] | None:
        try:
            before = await self._refused.recall(_refusal_key(utterance))
            if before is not None:  # heard twice; what was refused is not accepted later, beside its repetition
                return None if before["told"] else self._refuse(utterance, before["sentence"])
            if lacking:
                if await self._service.is_meant(utterance):
                    raise UserError(wording.may_not_here(lacking))  # before it is paid for
                return None
            job = await self._service.reply(utterance)
            return self._took_up(job, utterance) if job is not None else None
        except UserError as error:
            sentence = str(error)
        except StoreBusy:
            return self._refuse(utterance, wording.busy())
        except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
            self._log.exception("bug_in_message", source=utterance.source_id)
            sentence = wording.broken(utterance.source_id.rpartition(":")[2])
        await self._note_refusal(utterance, sentence, told=False)
        return self._refuse(utterance, sentence)

    async def _took_up(self, job: Job, utterance: Utterance) -> None:
        if job.state in OPEN and utterance.message is not None:
            await self._react(utterance.message, Mood.WORKING)
            await self._follow(utterance.place, own=utterance.plain_talk, since=int(utterance.message.id))

    async def _follow(self, place: ConversationRef, *, own: bool, since: int) -> None:
        try:
            await self._platform.cursors.watch(place, own=own, since=since)
        except StoreBusy as error:  # it is written with the other cursors, a little later
            self._log.info("place_not_noted", channel=place.thread or place.channel, reason=str(error))

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
            else:
                await self._tell_privately(utterance.author, message, sentence)
        except (RetryLater, GiveUp) as error:
            self._log.warning("refusal_not_told", reason=error.reason)
        else:
            await self._note_refusal(utterance, sentence, told=True)

    async def _tell_privately(self, author: Person, about: MessageRef, sentence: str) -> None:
        """Who takes no direct messages is told so openly, and then for a while only by the reaction."""
        text = wording.refused_in(f"<#{about.channel}>", wording.escaped(sentence))
        if await self._platform.direct.tell(author.id, text, nonce=f"no.{about.id}"):
            return
        here = f"{about.channel}/{author.id}"
        if not await self._platform.refusals.stands("openly", here):
            await self._platform.refusals.add("openly", here, "said there")
            await self._send(about.channel, wording.cannot_tell(), about)

    async def _send(self, channel: str, text: str, about: MessageRef) -> None:
        options: dict[str, Any] = {}
        if channel == about.channel:
            options["reference"] = discord.MessageReference(
                message_id=int(about.id), channel_id=int(about.channel), fail_if_not_exists=False
            )
        async with self._platform.rest.turn(Priority.OPENING) as client:
            await client.get_partial_messageable(int(channel)).send(
                text,
                nonce=f"no.{about.id}",  # an event that comes twice is refused once
                suppress_embeds=True,
                **options,
            )

    async def _note_refusal(self, utterance: Utterance, sentence: str, *, told: bool) -> None:
        """A refused message leaves no job by which it would be known again."""
        noted = {"sentence": sentence, "told": told}
        try:
            await self._refused.remember(_refusal_key(utterance), noted, for_seconds=_REFUSED_SECONDS)
        except StoreBusy as error:
            self._log.info("refusal_not_noted", source=utterance.source_id, reason=str(error))

    # -- places -------------------------------------------------------------------------------------------------

    async def _where(self, message: discord.Message, me: int) -> Where:
        channel = message.channel
        here = str(channel.id)
        if not _of_server(message):
            ref = ConversationRef(platform=PLATFORM, workspace=PRIVATE_WORKSPACE, channel=here, thread=here)
            return Where(ref=ref, own=False)
        followed = self._platform.cursors.at(here)
        if followed is not None and followed.ref.thread is not None and followed.ref.thread != followed.ref.channel:
            made = isinstance(channel, discord.Thread) and channel.owner_id == me
            return replace(followed, own=followed.own or made)
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

    def _as_live(self, where: Where) -> Where:
        """What is followed because it was once answered in place is still a channel, where a mention begins something new."""
        ref = where.ref
        guild = self._platform.gateway.guild(int(ref.workspace)) if ref.workspace.isdigit() else None
        channel = guild.get_channel(int(ref.channel)) if guild and ref.thread == ref.channel else None
        if channel is None or permissions.spot(channel.type) is not Spot.CHANNEL:
            return where
        return replace(where, ref=replace(ref, thread=None))

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


def _said_by_member(message: discord.Message) -> bool:
    return not message.author.bot and message.webhook_id is None and inbound.spoken(message)


def _refusal_key(utterance: Utterance) -> str:
    """Under the author's id, by which the memory of somebody who wants to be forgotten is found."""
    return f"{PLATFORM}:{utterance.author.id}:{utterance.source_id.rpartition(':')[2]}"


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
