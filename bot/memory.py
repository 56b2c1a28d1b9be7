"""What small things must outlive a restart? Cursors and tokens of adapters, removals that are under way, and images that wait
for their words.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from bot.model import Attachment, Json, Utterance
from bot.ports import Store

KEPT_SECONDS = 600.0
"""How long an image without words is kept for its author's next words in the same place."""

REMOVED_SECONDS = 400 * 86_400.0
"""How long it is tried to remove what could not be removed at once: longer than any bot is away and comes back, for its member
was told that the picture is gone. Not for ever, because what was noted and then not deleted, the process having died in
between, is ended by nothing else.
"""


class Memory:
    """An adapter's own small durable memory: cursors, tokens, what was seen last. Values are JSON objects."""

    def __init__(self, store: Store, space: str, clock: Callable[[], float]) -> None:
        self._store = store
        self._space = space
        self._clock = clock

    @property
    def now(self) -> float:
        """By the clock that expiry is judged by."""
        return self._clock()

    async def recall(self, key: str) -> Json | None:
        """None when unknown or expired."""
        return await self._store.recall(self._space, key, self._clock())

    async def recall_all(self) -> Sequence[tuple[str, Json]]:
        """Everything remembered, by key."""
        return await self._store.recall_all(self._space, self._clock())

    async def remember(self, key: str, value: Json | None, *, for_seconds: float | None = None) -> None:
        """Committed before it returns. for_seconds: until it expires; None as value forgets."""
        expires_at = None if for_seconds is None else self._clock() + for_seconds
        await self._store.remember(self._space, key, value, expires_at=expires_at)


class Removals:
    """Results that are taken back, from before that is stored until their posts are gone from their platform.

    Who was told that a picture is deleted does not look again: neither a crash nor an outage may leave it standing there.
    """

    def __init__(self, store: Store, clock: Callable[[], float]) -> None:
        self._memory = Memory(store, "removals", clock)

    async def begin(self, job_id: str) -> None:
        await self._memory.remember(job_id, {}, for_seconds=REMOVED_SECONDS)

    async def end(self, job_id: str) -> None:
        await self._memory.remember(job_id, None)

    async def are_due(self, job_id: str) -> bool:
        """Whether posts of this job may still stand."""
        return await self._memory.recall(job_id) is not None

    async def left(self) -> list[str]:
        """Ids of jobs."""
        return [job_id for job_id, _ in await self._memory.recall_all()]


class KeptImages:
    """Images that came without words: references for what their author says next in the same place."""

    def __init__(self, memory: Memory) -> None:
        self._memory = memory

    async def keep(self, utterance: Utterance) -> None:
        """Instead of any that were kept before."""
        images = [
            {"name": a.name, "address": a.address, "size": a.size, "media_type": a.media_type}
            for a in utterance.attachments
        ]
        await self._memory.remember(_key(utterance), {"images": images}, for_seconds=KEPT_SECONDS)

    async def of(self, utterance: Utterance) -> tuple[Attachment, ...]:
        """What is kept for this author here."""
        kept = await self._memory.recall(_key(utterance))
        return tuple(Attachment(**image) for image in kept["images"]) if kept else ()

    async def drop(self, utterance: Utterance) -> None:
        """They have gone with their author's words."""
        await self._memory.remember(_key(utterance), None)


def _key(utterance: Utterance) -> str:
    place = utterance.place
    return f"{place.platform}:{place.channel}:{place.thread}:{utterance.author.id}"
