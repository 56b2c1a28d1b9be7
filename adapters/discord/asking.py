"""What happens when somebody uses a command, a button or the window? Stored first, answered at once, everything else later."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import discord
import structlog

from adapters.discord import faults, inbound, modals, permissions, rendering, wording
from adapters.discord.buttons import Press
from adapters.discord.inbound import PLATFORM
from adapters.discord.modals import Change, Take
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
        self._beginning: set[asyncio.Task[None]] = set()
        self._log = structlog.get_logger("adapters.discord")

    # -- asking for a picture -----------------------------------------------------------------------------------

    async def imagine(
        self, interaction: Interaction, prompt: str, aspect_ratio: str | None, images: Sequence[discord.Attachment]
    ) -> None:
        async with self._answering(interaction):
            await self._may_post(interaction)
            files = [inbound.attached(image) for image in images]
            job = await self._service.imagine(inbound.request(interaction, prompt, files, aspect_ratio=aspect_ratio))
            await self._acknowledge(interaction, job, inbound.place(interaction))

    async def submitted(self, interaction: Interaction) -> None:
        """The window for editing was sent off, whichever process had opened it."""
        entered = inbound.submitted(interaction.data or {})
        purpose = modals.read(entered.custom_id)
        if purpose is None:
            return
        async with self._answering(interaction):
            await self._may_post(interaction)
            request = inbound.request(interaction, entered.words, entered.pictures)
            if isinstance(purpose, Change):
                job = await self._service.edit(request, of=purpose.job_id, image=purpose.image)
            else:
                job = await self._service.imagine(await self._with_taken(request, purpose.interaction_id))
            await self._acknowledge(interaction, job, request.place)

    async def _with_taken(self, request: ImageRequest, interaction_id: str) -> ImageRequest:
        noted = await self._taken.recall(interaction_id)
        if noted is None:
            raise UserError(wording.outdated())
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
        await self._platform.refusals.lift(str(interaction.channel_id))

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
        self._begin(job, card)

    def _begin(self, job: Job, card: MessageRef) -> None:
        """The job begins when nobody else waits for an acknowledgement; if we die before that, its card is found."""
        task = asyncio.create_task(self._placed(job, card), name=f"discord-aside-{job.id}")
        self._beginning.add(task)
        task.add_done_callback(self._beginning.discard)

    async def _placed(self, job: Job, card: MessageRef) -> None:
        await self._platform.rest.budget.calm()
        try:
            await self._service.placed(job.id, card)
        except StoreBusy as error:
            self._log.warning("not_placed", job=job.id, reason=str(error))

    # -- buttons ------------------------------------------------------------------------------------------------

    async def pressed(self, interaction: Interaction, press: Press) -> None:
        """A button under a card or a result, of today or of last year."""
        acts = {"again": self._again, "edit": self._edit, "delete": self._delete, "cancel": self._cancel}
        async with self._answering(interaction):
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
        await self._acknowledge(interaction, job, inbound.place(interaction))

    async def _edit(self, interaction: Interaction, press: Press) -> None:
        await self._open_window(interaction, Change(job_id=press.job_id, image=press.image))

    async def _delete(self, interaction: Interaction, press: Press) -> None:
        said = await self._service.delete(
            press.job_id, by=inbound.person(interaction.user), moderator=interaction.permissions.manage_messages
        )
        await self._tell(interaction, said)
        message = interaction.message
        if message is not None:  # also where an earlier press has left it standing
            await self._platform.delete(
                MessageRef(platform=PLATFORM, channel=str(message.channel.id), id=str(message.id))
            )

    async def _cancel(self, interaction: Interaction, press: Press) -> None:
        """The card itself changes at once, by the answer to the press; the sentence is for whoever pressed."""
        said = await self._service.cancel(
            press.job_id, by=inbound.person(interaction.user), moderator=interaction.permissions.manage_messages
        )
        job = await self._views.job(press.job_id)
        if job is None:
            await self._tell(interaction, said)
            return
        sheet = rendering.card(messages.card(job, inbound.place(interaction)))
        await interaction.response.edit_message(
            content=sheet.content, view=sheet.view(), allowed_mentions=sheet.allowed_mentions()
        )
        await interaction.followup.send(wording.escaped(said), ephemeral=True)

    async def _open_window(self, interaction: Interaction, purpose: Change | Take) -> None:
        await interaction.response.send_modal(modals.window(purpose))

    # -- the other commands -------------------------------------------------------------------------------------

    async def take(self, interaction: Interaction, message: discord.Message) -> None:
        """The command "Edit this image", on any message: a picture of ours branches its thread, another one begins a new one.

        What the message holds is noted now: without the message content intent Discord shows it only this once.
        """
        async with self._answering(interaction):
            ref = MessageRef(platform=PLATFORM, channel=str(message.channel.id), id=str(message.id))
            job = await self._views.job_of(ref)
            if job is not None and ref in job.posts:
                await self._open_window(interaction, Change(job_id=job.id, image=job.posts.index(ref)))
                return
            file = next(iter(inbound.pictures(message)), None)
            if file is None:
                raise UserError(wording.no_picture_there())
            noted = [{"name": file.name, "address": file.address, "size": file.size, "media_type": file.media_type}]
            await self._taken.remember(str(interaction.id), {"files": noted}, for_seconds=_TAKEN_SECONDS)
            await self._open_window(interaction, Take(interaction_id=str(interaction.id)))

    async def explain(self, interaction: Interaction) -> None:
        async with self._answering(interaction):
            await self._tell(interaction, wording.how_to(), markup=True)

    async def usage(self, interaction: Interaction) -> None:
        async with self._answering(interaction):
            workspace = inbound.place(interaction).workspace
            await self._tell(
                interaction, await self._service.usage(PLATFORM, workspace, inbound.person(interaction.user))
            )

    # -- answers ------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _answering(self, interaction: Interaction) -> AsyncIterator[None]:
        """Whatever goes wrong is said in private, and ends nothing but this one interaction."""
        try:
            with self._platform.rest.budget.first():
                yield
        except UserError as error:
            await self._tell_if_possible(interaction, str(error))
        except StoreBusy:
            await self._tell_if_possible(interaction, wording.busy())
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            # Too late, answered already by another process, or unreachable. What was stored is seen to by the poller.
            meaning = faults.meant(error)
            self._log.warning("not_acknowledged", interaction=interaction.id, reason=meaning.reason if meaning else "")
        except (RetryLater, GiveUp) as error:
            self._log.info("not_done", interaction=interaction.id, reason=error.reason)
        except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
            self._log.exception("bug_in_interaction", interaction=interaction.id)
            await self._tell_if_possible(interaction, wording.broken(str(interaction.id)))

    async def _tell_if_possible(self, interaction: Interaction, sentence: str) -> None:
        try:
            await self._tell(interaction, sentence)
        except (discord.DiscordException, aiohttp.ClientError, OSError) as error:
            self._log.warning("refusal_not_told", interaction=interaction.id, reason=type(error).__name__)

    async def _tell(self, interaction: Interaction, sentence: str, *, markup: bool = False) -> None:
        text = sentence if markup else wording.escaped(sentence)
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True, suppress_embeds=True)
        else:
            await interaction.response.send_message(text, ephemeral=True, suppress_embeds=True)
