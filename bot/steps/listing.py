"""What does the queue's list say? The only way to learn about a request whose id is not known, or not found by id."""

from __future__ import annotations

from collections.abc import AsyncIterator

from bot.image_queue import ImageQueue, PageTooLarge
from bot.records import Record

PAGE = 100
MOST_PAGES = 10
"""A thousand requests: more than an organisation starts in the minutes that a search looks back."""


async def newest(queue: ImageQueue, model: str, *, since: float | None = None) -> AsyncIterator[Record]:
    """The model's requests, as the list orders them: newest first, as far as is known.

    Ends with the list, after `MOST_PAGES`, or after a whole page older than `since` (the queue's clock); a whole page and
    not one record, because the order is not documented. Raises RetryLater when a page cannot be had.
    """
    offset, limit = 0, PAGE
    for _ in range(MOST_PAGES):
        try:
            page = await queue.page(model, limit=limit, offset=offset)
        except PageTooLarge:
            # records may carry their pictures inline
            if limit == 1:
                raise
            limit = max(1, limit // 10)
            continue
        offset += limit
        for record in page.records:
            yield record
        made = [record.created_at for record in page.records if record.created_at is not None]
        if not page.has_more or not page.records or (since is not None and made and max(made) < since):
            return
