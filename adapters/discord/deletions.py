"""What becomes of a request, or of a picture, whose message somebody deletes by hand?"""

from __future__ import annotations

from collections.abc import Callable, Coroutine, Sequence
from functools import partial
from typing import Any

import structlog

from adapters.discord.catching_up import id_of
from adapters.discord.inbound import PLATFORM
from bot.errors import UserError
from bot.model import OPEN, JobState, MessageRef, Person
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Views

LOOK_AGAIN_SECONDS = (5.0, 60.0)
"""A message can be deleted before it is stored what it is: words while they are taken up, a picture while those that
follow it are still being posted. So a young one that nobody knows is looked for again, this long after each other.
"""

_YOUNG_SECONDS = 600.0
_MODERATOR = Person(id="moderator", name="a moderator")  # Discord does not tell who deleted a message

Later = Callable[[str, float, Callable[[], Coroutine[Any, Any, None]]], None]
"""Does something once, under a name, after so many seconds."""


class Deletions:
    """Who takes back what they have asked for in words no longer wants it; such a request has no card to cancel it by.

    A picture that a moderator deletes as they delete everything is taken back as by its own button: else the preview on the
    card would go on showing it, and the next reply would change it.
    """

    def __init__(self, service: Service, views: Views, later: Later) -> None:
        self._service = service
        self._views = views
        self._later = later
        self._log = structlog.get_logger("adapters.discord")

    async def hear(self, channel: int, messages: Sequence[int], pauses: Sequence[float] | None = None) -> None:
        """These messages of a channel are gone, all in one event. pauses: before each further look; None: the usual ones."""
        pauses = LOOK_AGAIN_SECONDS if pauses is None else pauses
        unknown = [message for message in messages if not await self._follow(channel, message)]
        young = id_of(self._service.now() - _YOUNG_SECONDS)
        waiting = [message for message in unknown if message > young]
        if waiting and pauses:
            self._later(f"deleted-{waiting[0]}", pauses[0], partial(self.hear, channel, waiting, pauses[1:]))

    async def _follow(self, channel: int, message: int) -> bool:
        """False: nobody knows (yet) what that message was."""
        ref = MessageRef(platform=PLATFORM, channel=str(channel), id=str(message))
        try:
            job = await self._views.job_of(ref)
            if job is None:
                return False
            if job.asked_in == ref and job.state in OPEN:
                await self._service.cancel(job.id, by=job.requester)
            elif ref in job.posts and job.state is JobState.SUCCEEDED and job.deleted_at is None:
                await self._service.delete(job.id, by=_MODERATOR, moderator=True)
        except UserError as error:
            self._log.info("deletion_not_followed", message=message, reason=str(error))
        except StoreBusy as error:
            self._log.info("deletion_not_followed", message=message, reason=str(error))
            return False
        return True
