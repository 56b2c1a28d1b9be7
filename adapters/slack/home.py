"""What does a member see on the bot's own page? How to use it, what is left of the limits, their newest pictures."""

from __future__ import annotations

import structlog

from adapters.slack import rendering
from adapters.slack.api import Api
from adapters.slack.inbound import PLATFORM
from adapters.slack.rendering import Recent
from adapters.slack.workspace import Workspace
from bot.errors import GiveUp, RetryLater
from bot.model import Job, JobQuery, JobState, Person
from bot.service import Service
from bot.views import Views

MOST_RECENT = 10


class Home:
    """The App Home, written anew at each visit."""

    def __init__(self, api: Api, workspace: Workspace, service: Service, views: Views) -> None:
        self._api = api
        self._workspace = workspace
        self._service = service
        self._views = views

    async def opened(self, user: str) -> None:
        """Best effort: the page is drawn again at the next visit."""
        query = JobQuery(platform=PLATFORM, person=user, states=frozenset({JobState.SUCCEEDED}), limit=5 * MOST_RECENT)
        jobs = [job for job in await self._views.jobs(query) if job.posts and job.deleted_at is None]
        recent = [await self._recent(job) for job in jobs[:MOST_RECENT]]
        workspace = (await self._workspace.identity()).team
        limits = await self._service.usage(PLATFORM, workspace, Person(id=user, name=user))
        try:
            await self._api.call("views.publish", user_id=user, view=rendering.home(recent, limits))
        except (RetryLater, GiveUp) as error:
            structlog.get_logger("slack").info("home_not_shown", reason=error.reason)

    async def _recent(self, job: Job) -> Recent:
        me, post = await self._workspace.identity(), job.posts[0]
        page = await self._views.page(job.id)
        thread = page.conversation.ref.thread if page and page.conversation else None
        return Recent(job=job, link=me.link(post.channel, post.id, thread))
