"""What happens when somebody uses a command, a button or the window? Stored first, answered at once, everything else later."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Sequence
from contextlib import suppress
from typing import Any

import discord
import structlog

from adapters.discord import faults, inbound, modals, permissions, rendering, wording
from adapters.discord.answering import Answers
from adapters.discord.buttons import Press
from adapters.discord.inbound import PLATFORM
from adapters.discord.modals import Change, Take
from adapters.discord.opening import ASKED_SECONDS
from adapters.discord.outbound import Discord
from bot import messages
from bot.errors import GiveUp, RetryLater, UserError
from bot.model import Attachment, ConversationRef, ImageRequest, Job, MessageRef
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

Interaction = discord.Interaction[Any]

_TAKEN_SECONDS = 86_400.0  # links to files of messages expire about then


class Asking:
    """The answers to interactions. None of them waits for the queue, for a file or for a picture."""

    def __init__(self, platform: Discord, service: Service, views: Views) -> None:
        self._platform = platform
        self._service = service
        self._views = views
        self._taken = service.memory(f"{PLATFORM}.taken")
        self._answers = Answers(platform.rest)
        self._asides: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("adapters.discord")

    # -- asking for a picture -----------------------------------------------------------------------------------

    async def imagine(
        self, interaction: Interaction, prompt: str, aspect_ratio: str | None, images: Sequence[discord.Attachment]
    ) -> None:
        async with self._answers.to(interaction):
            await self._may_post(interaction)
            files = [inbound.attached(image) for image in images]
            job = await self._service.imagine(inbound.request(interaction, prompt, files, aspect_ratio=aspect_ratio))
            await self._acknowledge(interaction, job, inbound.place(interaction))

    async def submitted(self, interaction: Interaction) -> None:
        """The window for editing was sent off, whichever process had opened it."""
        async with self._answers.to(interaction):
            entered = inbound.submitted(interaction.data or {})
            purpose = modals.read(entered.custom_id)
            if purpose is None:
                return
            await self._may_post(interaction)
            request = inbound.request(interaction, entered.words, entered.pictures)
            if isinstance(purpose, Change):
                job = await self._service.edit(request, of=purpose.job_id, image=purpose.image)
                await self._note_place(interaction, job)
            else:
                job = await self._service.imagine(await self._with_taken(request, purpose.interaction_id))
            await self._acknowledge(interaction, job, request.place)

    async def _with_taken(self, request: ImageRequest, interaction_id: str) -> ImageRequest:
        noted = await self._taken.recall(interaction_id)
        if noted is None:
            raise UserError(messages.no_longer_known())
        taken = tuple(Attachment(**file) for file in noted["files"])
        return ImageRequest(
            source_id=request.source_id,
            requester=request.requester,
            place=request.place,
            text=request.text,
            attachments=(*taken, *request.attachments),
            roles=request.roles,
            placed=False,
        )

    async def _may_post(self, interaction: Interaction) -> None:
        """Before anything is paid for. Discord says with each interaction what the bot may do there."""
        where = permissions.spot(getattr(interaction.channel, "type", None))
        missing = permissions.missing(where, interaction.app_permissions)
        if missing:
            raise UserError(wording.may_not_here(missing))
        if not await self._sees(interaction):
            raise UserError(wording.add_me())

    async def _sees(self, interaction: Interaction) -> bool:
        """A command can be used in a private thread that the bot is no member of, and only its answer could be written there."""
        guild, channel = interaction.guild, interaction.channel
        if guild is None or channel is None or channel.type is not discord.ChannelType.private_thread:
            return True
        if guild.get_thread(channel.id) is not None:  # the gateway tells of those that the bot sees
            return True
        here = str(channel.id)
        if await self._platform.refusals.stands("look", here):
            return False
        try:
            with faults.mapped():
                await interaction.client.http.get_channel(channel.id)
        except faults.Refused as refused:
            await self._platform.refusals.add("look", here, refused.reason)
            return False
        except RetryLater:
            pass  # nobody can tell just now; where it cannot be posted after all, it comes as a direct message
        return True

    async def _note_place(self, interaction: Interaction, job: Job) -> None:
        """Buttons are also where an answer came that could not be posted in its thread. If we die while we acknowledge, the card
        is looked for there.
        """
        with suppress(StoreBusy):
            noted = {"channel": str(interaction.channel_id)}
            await self._platform.asked_from.remember(job.id, noted, for_seconds=ASKED_SECONDS)

    async def _acknowledge(self, interaction: Interaction, job: Job, place: ConversationRef) -> None:
        """With the status card itself. An event that comes again finds the card there and says nothing."""
        if job.card is not None:
            return
        sheet = rendering.card(messages.card(job, place))
        view = sheet.view()
        options: dict[str, Any] = {"view": view} if view else {}
        answer = await interaction.response.send_message(
            sheet.content, allowed_mentions=sheet.allowed_mentions(), suppress_embeds=True, **options
        )
        card = MessageRef(platform=PLATFORM, channel=str(interaction.channel_id), id=str(answer.message_id))
        self._aside(self._placed(job, card))

    def _aside(self, work: Coroutine[Any, Any, None]) -> None:
        """What follows an answer, and must not hold it up."""
        task = asyncio.create_task(work, name="discord-aside-asking")
        self._asides.add(task)
        task.add_done_callback(self._asides.discard)

    async def _placed(self, job: Job, card: MessageRef) -> None:
        """The job begins when nobody else waits for an acknowledgement; if we die before that, its card is found."""
        await self._platform.rest.budget.calm()
        await self._platform.refusals.lift(card.channel)
        try:
            await self._service.placed(job.id, card)
        except StoreBusy as error:
            self._log.warning("not_placed", job=job.id, reason=str(error))

    # -- buttons ------------------------------------------------------------------------------------------------

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """A button under a card or a result, of today or of last year."""
        acts = {"again": self._again, "edit": self._edit, "delete": self._delete, "cancel": self._cancel}
        async with self._answers.to(interaction):
            await acts[press.act](interaction, press)

    async def _again(self, interaction: Interaction, press: Press) -> None:
        await self._may_post(interaction)
        job = await self._service.again(
            press.job_id,
            source_id=inbound.source_id(interaction),
            by=inbound.person(interaction.user),
            roles=inbound.roles(interaction.user),
            placed=False,
        )
        await self._note_place(interaction, job)
        await self._acknowledge(interaction, job, inbound.place(interaction))

    async def _edit(self, interaction: Interaction, press: Press) -> None:
        await self._open_window(interaction, Change(job_id=press.job_id, image=press.image))

    async def _delete(self, interaction: Interaction, press: Press) -> None:
        """The poller removes the posts of a job that is deleted now; what an earlier press has left standing goes here."""
        before = await self._views.job(press.job_id)
        said = await self._service.delete(
            press.job_id, by=inbound.person(interaction.user), moderator=interaction.permissions.manage_messages
        )
        await self._answers.tell(interaction, said)
        message = _ref(interaction.message) if interaction.message else None
        if message is not None and (before is None or before.deleted_at is not None or message not in before.posts):
            self._aside(self._removed(message))

    async def _removed(self, message: MessageRef) -> None:
        try:
            await self._platform.delete(message)
        except (RetryLater, GiveUp) as error:
            self._log.info("not_removed", message=message.id, reason=error.reason)

    async def _cancel(self, interaction: Interaction, press: Press) -> None:
        """The card itself changes at once, by the answer to the press; the sentence is for whoever pressed."""
        if interaction.message is not None:  # should we die before that, the next process changes it
            await self._platform.cards.begun(_ref(interaction.message), press.job_id)
        said = await self._service.cancel(
            press.job_id, by=inbound.person(interaction.user), moderator=interaction.permissions.manage_messages
        )
        sheet = await self._card_after(interaction, press)
        if sheet is None:
            await self._answers.tell(interaction, said)
            return
        await interaction.response.edit_message(
            content=sheet.content, view=sheet.view(), allowed_mentions=sheet.allowed_mentions()
        )
        await interaction.followup.send(wording.escaped(said), ephemeral=True)

    async def _card_after(self, interaction: Interaction, press: Press) -> rendering.Sheet | None:
        """How the card is now whose Cancel was pressed; None where that cannot be told, which changes nothing about it."""
        job = await self._views.job(press.job_id)
        if job is None or interaction.message is None:
            return None
        try:
            return await self._platform.cards.sheet(_ref(interaction.message), job)
        except (RetryLater, GiveUp):
            return None

    async def _open_window(self, interaction: Interaction, purpose: Change | Take) -> None:
        """Not where nothing could come of it: what had been written and uploaded there would be lost."""
        await self._may_post(interaction)
        await interaction.response.send_modal(modals.window(purpose))

    # -- the other commands -------------------------------------------------------------------------------------

    async def take(self, interaction: Interaction, message: discord.Message) -> None:
        """The command "Edit this image", on any message: a picture of ours branches its thread, another one begins a new one.

        What the message holds is noted now: without the message content intent Discord shows it only this once.
        """
        async with self._answers.to(interaction):
            ref = _ref(message)
            job = await self._views.job_of(ref)
            if job is not None and ref in job.posts:
                await self._open_window(interaction, Change(job_id=job.id, image=job.posts.index(ref)))
                return
            if job is not None and ref == job.card:  # its preview is small, and of a picture that is here in full
                pictured = await self._platform.cards.pictured(ref, job)
                await self._open_window(interaction, Change(job_id=pictured.id, image=0))
                return
            file = next(iter(inbound.pictures(message)), None)
            if file is None:
                raise UserError(wording.no_picture_there())
            noted = [{"name": file.name, "address": file.address, "size": file.size, "media_type": file.media_type}]
            await self._taken.remember(str(interaction.id), {"files": noted}, for_seconds=_TAKEN_SECONDS)
            await self._open_window(interaction, Take(interaction_id=str(interaction.id)))

    async def explain(self, interaction: Interaction) -> None:
        async with self._answers.to(interaction):
            await self._answers.tell(
                interaction, wording.how_to(message_content=interaction.client.intents.message_content), markup=True
            )

    async def not_understood(self, interaction: Interaction) -> None:
        """An old app may still send a command in a form that was changed since."""
        async with self._answers.to(interaction):
            raise UserError(wording.changed_command())

    async def usage(self, interaction: Interaction) -> None:
        async with self._answers.to(interaction):
            workspace = inbound.place(interaction).workspace
            await self._answers.tell(
                interaction, await self._service.usage(PLATFORM, workspace, inbound.person(interaction.user))
            )


def _ref(message: discord.Message) -> MessageRef:
    return MessageRef(platform=PLATFORM, channel=str(message.channel.id), id=str(message.id))
