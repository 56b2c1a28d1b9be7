"""How do members use Slack, and what does Slack show of it? The local Slack, behind a wire of its own."""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import yaml

from adapters.slack.listening import STORE_SECONDS
from tests.chaos.ledgers import Posted, sha256
from tests.chaos.members import Conversation, Notes, Request, chosen
from tests.chaos.plan import MEMBERS, ROOMS, Deed
from tests.chaos.relay import Relay
from tests.chaos.seen_on_slack import buttons, is_card_of, refusal, source, told_instead, uploads
from tests.emulators.slack import App, CannotDoError, Channel, Delivery, Member, Message, SlackEmulator, View
from tests.world.driver import File

MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"
SPEED = 5.0
"""Slack lets an app connect ten times a minute; here it is started anew more often than any operator would."""

WINDOW_SECONDS = 4.0  # how long somebody waits for a window
MOMENT = 0.2  # seconds by which two clocks of this machine may differ
REFUSED = "x"
"""The bot's reaction to words that it refuses, and to a request that failed."""


class OnSlack:
    """A workspace with a few channels. settings: what the bot is told of it."""

    def __init__(self, notes: Notes) -> None:
        self.emulator = SlackEmulator(App.of_manifest(yaml.safe_load(MANIFEST.read_text())))
        self.emulator.rates.speed = SPEED
        self.wire = Relay()
        self.settings: dict[str, str] = {}
        self._notes = notes
        self._members = [self.emulator.member(f"member{number}") for number in range(MEMBERS)]
        self._rooms = [self.emulator.channel(f"room-{number}", *self._members) for number in range(ROOMS)]
        self._at_a_window: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        await self.wire.open()
        try:
            async with self.emulator.serve(reached_at=self.wire.port) as url:
                self.wire.leads_to(self.emulator.port)
                tokens = {"SLACK_BOT_TOKEN": self.emulator.bot_token, "SLACK_APP_TOKEN": self.emulator.app_token}
                self.settings = tokens | {"SLACK_API_URL": url}
                yield
        finally:
            await self.wire.close()

    # -- asking -------------------------------------------------------------------------------------------------

    async def begin(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        talk = conversation.talk
        member, room = self._members[talk.member], self._rooms[talk.room]
        if talk.place == "direct":
            conversation.began = self._write(conversation, deed, member, member.dm, deed.words, files)
            return True  # whether it is heard will be seen; nobody writes a message twice
        if talk.place == "mention" or files:
            conversation.began = self._write(conversation, deed, member, room, f"@darkroom {deed.words}", files)
            return True
        try:
            delivery = await self._command(member, deed, room)
        except CannotDoError:
            delivery = None
        if delivery is None:
            return False
        self._ask(conversation, deed, delivery, "command", source(delivery), member, room.id, ())
        ack = await delivery
        conversation.began = (room, member, deed.words) if ack and not refusal(delivery) else None
        return conversation.began is not None

    async def _command(self, member: Member, deed: Deed, room: Channel) -> Delivery | None:
        """With its words; or without any, which opens the window."""
        if not deed.ratio:
            return member.slash(f"/imagine {deed.words}", room)
        async with self._at_a_window[member.id]:
            await member.slash("/imagine", room)
            return await self._sent_off(member, deed, (), ratio=deed.ratio)

    async def reply(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        found = self._thread(conversation)
        if found is None:
            return False
        channel, root = found
        member = self._members[conversation.talk.member]
        conversation.errands.append(self._write(conversation, deed, member, channel, deed.words, files, thread=root))
        return True

    async def branch(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        """Slack has no answer to one message inside a thread: the window is the way."""
        return await self.window(conversation, deed, files)

    async def window(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        found = self._picture(conversation, deed)
        if found is None:
            return False
        message, job_id, number = found
        member = self._members[conversation.who(deed)]
        try:
            async with self._at_a_window[member.id]:
                await member.clicks(message, f"edit:{number}")
                delivery = await self._sent_off(member, deed, files)
        except CannotDoError:
            return False
        if delivery is None:
            return False
        place = message.channel.id
        self._ask(conversation, deed, delivery, "window", source(delivery), member, place, files, of=(job_id, number))
        return True

    async def again(self, conversation: Conversation, deed: Deed) -> bool:
        found = chosen(deed, [(m, job) for m in self._of_bot(conversation) for job, _ in buttons(m, "again")])
        if found is None:
            return False
        message, job_id = found
        member = self._members[conversation.who(deed)]
        try:
            delivery = member.clicks(message, "again:0")
        except CannotDoError:
            return False
        place = message.channel.id
        self._ask(conversation, deed, delivery, "button", source(delivery), member, place, (), again_of=job_id)
        return True

    # -- changing one's mind ------------------------------------------------------------------------------------

    async def cancel(self, conversation: Conversation, deed: Deed) -> bool:
        """By the button of a card, or from the menu of the message that asked."""
        member = self._members[conversation.talk.member]
        cards = [m for m in self._of_bot(conversation) if buttons(m, "cancel")]
        written = [m for m in conversation.errands if isinstance(m, Message) and not m.deleted]
        try:
            if cards and (deed.chance < 0.5 or not written):
                member.clicks(cards[-1], "cancel:0")
            elif written:
                member.shortcut("cancel_request", written[-1])
            else:
                return False
        except CannotDoError:
            return False
        return True

    async def delete(self, conversation: Conversation, deed: Deed) -> bool:
        found = self._picture(conversation, deed)
        if found is None:
            return False
        try:
            self._members[conversation.talk.member].clicks(found[0], "delete:0")
        except CannotDoError:
            return False
        return True

    # -- what Slack shows ---------------------------------------------------------------------------------------

    def posted(self) -> tuple[Posted, ...]:
        """Pictures with their buttons; pictures whose buttons are in a message of their own, which is no answer; failures."""
        return tuple(
            Posted(
                platform="slack",
                job_id=next((job_id for job_id, _ in buttons(message, "again")), ""),
                message=message.ts,
                place=f"{channel.id}-{message.thread_ts}" if message.thread_ts else channel.id,
                order=float(message.ts),
                number=0,
                pictures=tuple(sha256(file.data) for file in message.files if file.data),
                failed=not message.files,
                stands=not message.deleted,
                kept=self._is_kept(message),
            )
            for channel in self.emulator.channels
            for message in channel.posts.values()
            if message.bot is not None and message.only_for is None
            if message.files or (buttons(message, "again") and not buttons(message, "edit"))
        )

    def _is_kept(self, message: Message) -> bool:
        """Whether the last word to who would delete it was no."""
        asked = self.emulator.calls("chat.delete", ts=message.ts)
        return bool(asked) and asked[-1].error == "cant_delete_message"

    # -- inside -------------------------------------------------------------------------------------------------

    def _thread(self, conversation: Conversation) -> tuple[Channel, str | None] | None:
        """Where the conversation lives, once that is there."""
        match conversation.began:
            case Message() as message:
                return (message.channel, None if message.channel.kind == "im" else message.ts)
            case (Channel() as channel, Member() as member, str(words)):
                card = next((m for m in channel.messages if m.bot and is_card_of(m, member, words)), None)
                return (channel, card.ts) if card else None
        return None

    def _of_bot(self, conversation: Conversation) -> list[Message]:
        found = self._thread(conversation)
        if found is None:
            return []
        channel, root = found
        if root is None:
            return [m for m in channel.everything if m.bot]
        return [m for m in channel.everything if m.bot and root in (m.ts, m.thread_ts)]

    def _picture(self, conversation: Conversation, deed: Deed) -> tuple[Message, str, int] | None:
        return chosen(deed, [(m, job, n) for m in self._of_bot(conversation) for job, n in buttons(m, "edit")])

    async def _sent_off(
        self, member: Member, deed: Deed, files: Sequence[File], *, ratio: str | None = None
    ) -> Delivery | None:
        """The window that has just been asked for, filled in; None when it did not open."""
        view = await self._opened(member)
        if view is None:
            return None
        values = {"prompt": deed.words} | ({"ratio": ratio} if ratio else {})
        delivery = member.submits(view, values, files=uploads(files))
        await delivery
        if view in member.views:
            member.closes(view)
        return delivery

    async def _opened(self, member: Member) -> View | None:
        try:
            async with asyncio.timeout(WINDOW_SECONDS):
                await self.emulator.until(lambda: member.view)
        except TimeoutError:
            return None
        return member.view

    def _write(
        self,
        conversation: Conversation,
        deed: Deed,
        member: Member,
        channel: Channel,
        words: str,
        files: Sequence[File],
        *,
        thread: str | None = None,
    ) -> Message:
        message = member.writes(channel, words, files=uploads(files), thread=thread)
        self._notes.asked(
            Request(
                talk=conversation.talk,
                how="reply",
                source=f"slack:message:{channel.id}-{message.ts}",
                member=member.name,
                place=f"{channel.id}-{thread}" if thread else channel.id,
                words=deed.words,
                heard=lambda: bool(self._moods(message) - {REFUSED}),
                refused=lambda: REFUSED if REFUSED in self._moods(message) else None,
                references=self._notes.looks(files),
            )
        )
        return message

    def _moods(self, message: Message) -> set[str]:
        me = self.emulator.bot.user.id
        return {emoji for emoji, members in message.reactions.items() if me in members}

    def _ask(
        self,
        conversation: Conversation,
        deed: Deed,
        delivery: Delivery,
        how: str,
        source: str,
        member: Member,
        place: str,
        files: Sequence[File],
        *,
        of: tuple[str, int] | None = None,
        again_of: str | None = None,
    ) -> None:
        self._notes.asked(
            Request(
                talk=conversation.talk,
                how=how,
                source=source,
                member=member.name,
                place=place,
                words=None if again_of else deed.words,
                heard=lambda: _is_in_time(delivery) and self._refusal(delivery, member) is None,
                refused=lambda: self._refusal(delivery, member),
                of=of[0] if of else None,
                image=of[1] if of else 0,
                again_of=again_of,
                references=self._notes.looks(files),
            )
        )

    def _refusal(self, delivery: Delivery, member: Member) -> str | None:
        if delivery.kind != "block_actions":
            return refusal(delivery)
        return told_instead(delivery, member, self.emulator.courier.deliveries)


def _is_in_time(delivery: Delivery) -> bool:
    """An acknowledgement that comes when the store was waited for in vain says only that the bot lives."""
    return delivery.ack is not None and delivery.ack.after < STORE_SECONDS - MOMENT
