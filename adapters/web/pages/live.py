"""How do open pages hear of each other's work? One listener for all of them; each is told only what it shows."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from contextlib import ExitStack
from typing import TypeVar

import structlog
from nicegui import Client, background_tasks

from adapters.web.inbound import PLATFORM
from bot.model import Job
from bot.views import Listener, Thread, Views

T = TypeVar("T")

HearJobs = Callable[[Sequence[Job]], None]
HearThread = Callable[[Thread], None]


REST = 4.0
"""Times as long as a reading took, where that can be long: no more than a fifth of the time goes into it."""


class Reading:
    """Reads again after each change, one reading at a time, at most once per pause (seconds), while its page is open.

    rest: the pause is at least so many times as long as the reading took, where that can take long.
    """

    def __init__(self, client: Client, read: Callable[[], Awaitable[None]], *, pause: float, rest: float = 0.0) -> None:
        self._client = client
        self._read = read
        self._pause = pause
        self._rest = rest
        self._stale = False
        self._task: asyncio.Task[None] | None = None

    def soon(self) -> None:
        self._stale = True
        if self._task is None:
            self._task = background_tasks.create(self._until_fresh(), name="page reads again", context=self._client)

    async def _until_fresh(self) -> None:
        loop = asyncio.get_running_loop()
        try:
            while self._stale and not self._client.is_deleted:
                self._stale = False
                began = loop.time()
                await self._read()
                await asyncio.sleep(max(self._pause, self._rest * (loop.time() - began)))
        finally:
            self._task = None


class Live:
    """Listens while at least one page is open. Callbacks run inside their page's client, and must not wait."""

    def __init__(self, views: Views) -> None:
        self._views = views
        self._jobs: dict[Client, HearJobs] = {}
        self._threads: dict[Client, HearThread] = {}
        self._listening: ExitStack | None = None
        self._log = structlog.get_logger("web.pages")

    def jobs(self, client: Client, hear: HearJobs) -> None:
        """Tells a page of every job that changes, until the page is gone."""
        self._jobs[client] = hear
        self._begin(client)

    def threads(self, client: Client, hear: HearThread) -> None:
        """Tells a page of every thread of the playground that changes, as it is now, until the page is gone."""
        self._threads[client] = hear
        self._begin(client)

    def _begin(self, client: Client) -> None:
        client.on_delete(lambda: self._leave(client))
        if self._listening is None:
            self._listening = ExitStack()
            listener = self._listening.enter_context(self._views.listen())
            task = background_tasks.create(self._listen(listener), name="pages listen to changes")
            self._listening.callback(task.cancel)

    def _leave(self, client: Client) -> None:
        self._jobs.pop(client, None)
        self._threads.pop(client, None)
        if not self._jobs and not self._threads and self._listening:
            self._listening.close()
            self._listening = None

    async def _listen(self, listener: Listener) -> None:
        while True:
            changed = await listener.changed()
            try:
                await self._tell(changed)
            except Exception:  # noqa: BLE001  the next change must be heard all the same
                self._log.exception("pages_not_told", jobs=[job.id for job in changed])

    async def _tell(self, changed: Sequence[Job]) -> None:
        for client, hear in tuple(self._jobs.items()):
            self._inside(client, hear, changed)
        if not self._threads:
            return
        for conversation_id in {job.conversation_id: None for job in changed if job.platform == PLATFORM}:
            thread = await self._views.thread(conversation_id)
            if thread:
                for client, hear_thread in tuple(self._threads.items()):
                    self._inside(client, hear_thread, thread)

    def _inside(self, client: Client, hear: Callable[[T], None], news: T) -> None:
        if client.is_deleted:
            return
        try:
            with client:
                hear(news)
        except Exception:  # noqa: BLE001  one page's fault must not keep the others from hearing
            self._log.exception("page_not_told", page=client.page.path)
