"""How does the playground post? By keeping a memo: its pages show the store, and hear of every change by themselves."""

from __future__ import annotations

import asyncio
from dataclasses import replace

from adapters.web.inbound import PLATFORM
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import Attachment, Card, Conversation, ConversationRef, MessageRef, Mood, Opened, Reply
from bot.ports import Note, StoreBusy
from bot.views import Views


class Playground:
    """The platform `web`: channels and threads that live in the bot's own store."""

    name = PLATFORM

    def __init__(self, views: Views) -> None:
        self._views = views

    async def run(self, *, listens: bool = True) -> None:
        """Waits until cancelled: visitors are heard by the pages, which call the core themselves."""
        await asyncio.Event().wait()

    def trouble(self) -> str | None:
        return None

    async def open(self, conversation: Conversation, card: Card) -> Opened:
        """A thread needs nothing but a name."""
        thread = conversation.ref.thread or conversation.id
        return Opened(
            ref=replace(conversation.ref, thread=thread),
            card=card.message
            or MessageRef(platform=PLATFORM, channel=conversation.ref.channel, id=f"card:{card.job_id}"),
        )

    async def show(self, card: Card) -> None:
        """Pages show a job's state from the store."""

    async def react(self, message: MessageRef, mood: Mood) -> None:
        """Pages show a job's state from the store."""

    async def delete(self, message: MessageRef) -> None:
        """A deleted job's pictures leave the store, and with it the pages."""

    async def deliver(self, to: ConversationRef, reply: Reply, *, key: str, note: Note) -> tuple[MessageRef, ...]:
        """The memo is the post: one message for each picture, or one for the sentence that says why there is none."""
        memo = await note.load()
        if memo is None:
            memo = {"posts": [f"{key}:{number}" for number in range(max(1, len(reply.images)))]}
            await note.save(memo)
        place = to.thread or to.channel
        return tuple(MessageRef(platform=PLATFORM, channel=place, id=post) for post in memo["posts"])

    async def close(self) -> None:
        """There is nothing to let go of."""

    async def fetch(self, attachment: Attachment) -> bytes:
        """The bytes that the page has put into the store when they were attached. address: their sha256."""
        try:
            data = await self._views.picture(attachment.address)
        except StoreBusy as error:
            raise RetryLater(str(error)) from error
        if data is None:
            raise GiveUp(
                f"The attached picture {attachment.address[:12]} is no longer kept", kind=FailureKind.REFERENCE
            )
        return data
