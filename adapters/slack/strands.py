"""Which picture is meant, and where is it answered, where a direct message alone does not tell?

A direct message is one conversation as a whole. Inside of it there are strands: a thread, and what follows an answer that
could not be posted in its channel. Words in a strand mean its newest picture, and those in a thread are answered there.

Each strand is a memory of its own with an entry for each message, by its timestamp: what the process that listens and those
that post add at the same moment is all kept.
"""

from __future__ import annotations

from collections.abc import Sequence

from adapters.slack.inbound import PLATFORM, is_direct, message_ref, place
from bot.model import OPEN, Job, JobState, Json, MessageRef
from bot.service import Memory, Service
from bot.views import Views

_ASKED_KEPT = 3 * 86_400.0  # seconds that it is known where an answer goes; longer than any job stays open
_STRAND_KEPT = 400 * 86_400.0
_MOST = 20  # messages of a strand: as many as can have failed or been deleted, one after the other, and there is still its newest


class Strands:
    """Only direct messages have any."""

    def __init__(self, service: Service, views: Views) -> None:
        self._service = service
        self._asked = service.memory(f"{PLATFORM}.strands")
        self._views = views

    async def meant(self, event: Json, workspace: str) -> MessageRef | None:
        """The message whose picture these words are about; None: whatever is newest in the conversation."""
        channel, thread = event["channel"], event.get("thread_ts")
        if not is_direct(channel):
            return None
        strand = await self._strand(channel, thread).recall_all()
        if thread is None and not await self._is_newest(strand, workspace, channel):
            return None
        newest_first = [ts for ts, _ in reversed(strand)][:_MOST]
        for ts in (*newest_first, *([thread] if thread else ())):
            job = await self._views.job_of(message_ref(channel, ts))
            if job is not None and _can_be_changed(job):
                return message_ref(channel, ts)
        return None

    async def said(self, event: Json, meant: MessageRef | None) -> None:
        """Written down before it is taken up: should nothing come of it, it is passed over."""
        channel, ts, thread = event["channel"], event["ts"], event.get("thread_ts")
        if not is_direct(channel) or (thread is None and meant is None):
            return
        if thread is not None:
            await self._asked.remember(f"asked:{channel}-{ts}", {"thread": thread}, for_seconds=_ASKED_KEPT)
        await self._add(channel, thread, ts)

    async def thread_of(self, asked_in: MessageRef | None) -> str | None:
        """The thread of a direct message in which something was asked."""
        if asked_in is None or not is_direct(asked_in.channel):
            return None
        asked = await self._asked.recall(f"asked:{asked_in.channel}-{asked_in.id}")
        return str(asked["thread"]) if asked else None

    async def came(self, direct: str, ts: str, answers: MessageRef | None) -> None:
        """An answer that belongs elsewhere came into this direct message; what was asked for there is known already."""
        if answers is None or answers.channel != direct:
            await self._add(direct, None, ts, begins=True)

    async def _add(self, channel: str, thread: str | None, ts: str, *, begins: bool = False) -> None:
        strand = self._strand(channel, thread)
        if await strand.recall(ts) is None:
            entry = {"began_at": self._service.now()} if begins else {}
            await strand.remember(ts, entry, for_seconds=_STRAND_KEPT)

    async def _is_newest(self, strand: Sequence[tuple[str, Json]], workspace: str, channel: str) -> bool:
        """Whether nothing was asked for in the conversation itself since the strand began."""
        began_at = max((entry["began_at"] for _, entry in strand if "began_at" in entry), default=None)
        if began_at is None:
            return False
        own = await self._views.thread_at(place(workspace, channel, None))
        return own is None or all(version.job.accepted_at < began_at for version in own.versions[-1:])

    def _strand(self, channel: str, thread: str | None) -> Memory:
        return self._service.memory(f"{PLATFORM}.strands.{channel}-{thread or ''}")


def _can_be_changed(job: Job) -> bool:
    return job.deleted_at is None and (job.state in OPEN or job.state is JobState.SUCCEEDED)
