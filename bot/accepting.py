"""What becomes of a request that was understood? A job, if its attachments and its member's limits allow, stored once."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Sequence
from dataclasses import replace

import structlog

from bot import limits, messages, pictures, prompts
from bot.changes import Changes
from bot.errors import UserError
from bot.metrics import Metrics
from bot.model import (
    ASPECT_RATIOS,
    MAX_EDIT_REFERENCES,
    MAX_FIRST_REFERENCES,
    Attachment,
    Conversation,
    ImageRequest,
    Job,
    Reference,
    Usage,
)
from bot.ports import Store

PLACING_SECONDS = 5.0
"""How long a job waits to hear from its adapter that the platform shows the card, before the poller sees to it."""


class Accepting:
    """One per process. Whatever it raises is a UserError, whose sentence is for the member, or StoreBusy."""

    def __init__(
        self,
        store: Store,
        changes: Changes,
        metrics: Metrics,
        *,
        limits: limits.Limits,
        model: str,
        clock: Callable[[], float],
    ) -> None:
        self._store = store
        self._changes = changes
        self._metrics = metrics
        self._limits = limits
        self._model = model
        self._clock = clock
        self._log = structlog.get_logger("service")

    async def accept(
        self,
        request: ImageRequest,
        wish: prompts.Wish,
        conversation: Conversation | None,
        *,
        parent: Job | None,
        parent_image: int = 0,
        follow: bool,
    ) -> Job:
        """A wish for a picture. conversation: None begins one. parent: whose picture is edited; follow: the newest one's."""
        self.check_attachments(
            request.attachments, editing=parent is not None or await self._has_picture(conversation, follow=follow)
        )
        now = self._clock()
        ratio = wish.aspect_ratio or (conversation.aspect_ratio if conversation else ASPECT_RATIOS[0])
        conversation = conversation or Conversation(
            id=_new_id(now),
            ref=request.place,
            starter=request.requester,
            model=self._model,
            aspect_ratio=ratio,
            created_at=now,
        )
        job = self.new_job(request, conversation, prompt=wish.prompt, aspect_ratio=ratio)
        if parent:
            job = replace(job, parent_id=parent.id, parent_image=parent_image)
        return await self.add(job, conversation, request, follow=follow)

    async def _has_picture(self, conversation: Conversation | None, *, follow: bool) -> bool:
        if conversation is None or not follow:
            return False
        return (
            await self._store.newest_open(conversation.id) is not None
            or await self._store.head(conversation.id) is not None
        )

    @staticmethod
    def check_attachments(attachments: Sequence[Attachment], *, editing: bool) -> None:
        """Raises UserError for what their number or their listing already shows to be too much."""
        most = MAX_EDIT_REFERENCES if editing else MAX_FIRST_REFERENCES
        if len(attachments) > most:
            raise UserError(messages.too_many_references(len(attachments), editing=editing))
        for attachment in attachments:
            refusal = pictures.too_large_by_metadata(attachment.name, attachment.size, attachment.media_type)
            if refusal:
                raise UserError(refusal)

    def new_job(self, request: ImageRequest, conversation: Conversation, *, prompt: str, aspect_ratio: str) -> Job:
        """Not stored yet; due at once, or in a few seconds when it is yet to be placed."""
        now = self._clock()
        return Job(
            id=_new_id(now),
            conversation_id=conversation.id,
            platform=request.place.platform,
            workspace=request.place.workspace,
            source_id=request.source_id,
            requester=request.requester,
            prompt=prompt,
            aspect_ratio=aspect_ratio,
            model=self._model,
            accepted_at=now,
            references=tuple(Reference(attachment=attachment) for attachment in request.attachments),
            asked_in=request.message,
            due_at=now if request.placed else now + PLACING_SECONDS,
        )

    async def add(
        self, job: Job, conversation: Conversation, request: ImageRequest, *, follow: bool, unlimited: bool = False
    ) -> Job:
        """Stores it, if the member's limits allow; what is known by its source already is returned as it stands."""
        now = self._clock()

        def admit(usage: Usage) -> None:
            if not unlimited:
                self._limits.admit(request, prompt=job.prompt, usage=usage, now=now)

        try:
            accepted = await self._store.add(
                job, conversation, follow=follow, admit=admit, day_start=limits.day_start(now)
            )
        except UserError:
            self._metrics.refused(job.platform)
            raise
        if accepted.is_new:
            self._metrics.accepted(accepted.job)
            self._log.info(
                "accepted",
                job=accepted.job.id,
                conversation=conversation.id,
                platform=job.platform,
                state=accepted.job.state,
            )
            self._changes.tell(accepted.job)
        return accepted.job


def _new_id(now: float) -> str:
    """16 characters, sortable by time, hard to guess: 9 of milliseconds and 7 of chance, each five bits (no i, l, o, u)."""
    alphabet = "0123456789abcdefghjkmnpqrstvwxyz"
    value = (int(now * 1000) & (1 << 45) - 1) << 35 | secrets.randbits(35)
    return "".join(alphabet[value >> shift & 31] for shift in range(75, -1, -5))
