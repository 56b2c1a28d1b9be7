"""How do members use Discord, and what does Discord show of it? The local Discord, behind a wire of its own."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from typing import cast

from adapters.discord.buttons import Press, presses
from tests.chaos.ledgers import Posted, sha256
from tests.chaos.members import Conversation, Notes, Request, chosen
from tests.chaos.plan import MEMBERS, ROOMS, Deed
from tests.chaos.relay import Relay
from tests.emulators.discord import (
    CallbackKind,
    CannotDoError,
    Channel,
    DiscordEmulator,
    Interaction,
    Message,
    Person,
    Upload,
)
from tests.world.driver import File

DELETION = "DELETE /channels/{channel_id}/messages/{message_id}"
REFUSED = "❌"
"""The bot's reaction to words that it refuses; the sentence comes as a direct message."""


class OnDiscord:
    """A server with a few rooms. settings: what the bot is told of it."""

    def __init__(self, notes: Notes) -> None:
        self.emulator = DiscordEmulator()
        self.wire = Relay()
        self.settings: dict[str, str] = {}
        self._notes = notes
        guild = self.emulator.guild()
        self._rooms = [guild.text(f"room-{number}") for number in range(ROOMS)]
        self._members = [guild.member(f"member{number}") for number in range(MEMBERS)]

    @asynccontextmanager
    async def serve(self) -> AsyncIterator[None]:
        await self.wire.open()
        try:
            async with self.emulator.serve(reached_at=self.wire.port):
                self.wire.leads_to(self.emulator.port)
                self.settings = {"DISCORD_TOKEN": self.emulator.token, "DISCORD_API_URL": self.emulator.url}
                yield
        finally:
            await self.wire.close()

    # -- asking -------------------------------------------------------------------------------------------------

    async def begin(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        talk = conversation.talk
        member, room = self._members[talk.member], self._rooms[talk.room]
        if talk.place != "thread":
            place = member.dm if talk.place == "direct" else room
            words = deed.words if talk.place == "direct" else f"{self.emulator.bot.mention} {deed.words}"
            conversation.began = self._write(conversation, deed, member, place, words, files)
            return True  # whether it is heard will be seen; nobody writes a message twice
        options: dict[str, str | Upload] = {"prompt": deed.words}
        options |= {f"image{number}": upload for number, upload in enumerate(_uploads(files), 1)}
        if deed.ratio:
            options["aspect_ratio"] = deed.ratio
        interaction = member.slash(room, "imagine", **options)
        self._ask(conversation, deed, interaction, "command", files)
        answer = await interaction.answer
        conversation.began = interaction.original if answer.in_time and _is_shown(interaction) else None
        return conversation.began is not None

    async def reply(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        thread = self._thread(conversation)
        if thread is None:
            return False
        member = self._members[conversation.talk.member]
        conversation.errands.append(self._write(conversation, deed, member, thread, deed.words, files))
        return True

    async def branch(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        found = self._picture(conversation, deed)
        if found is None:
            return False
        message, press = found
        member = self._members[conversation.who(deed)]
        self._write(conversation, deed, member, message.channel, deed.words, files, to=message, press=press)
        return True

    async def window(self, conversation: Conversation, deed: Deed, files: Sequence[File]) -> bool:
        found = self._picture(conversation, deed)
        if found is None:
            return False
        message, press = found
        member = self._members[conversation.who(deed)]
        try:
            asked = member.clicks(message, "Edit")
            answer = await asked.answer
            if answer.kind is not CallbackKind.MODAL:
                return False
            interaction = member.submits(answer.modal, {"words": deed.words, "pictures": _uploads(files)})
        except CannotDoError:
            return False
        self._ask(conversation, deed, interaction, "window", files, press=press)
        return True

    async def again(self, conversation: Conversation, deed: Deed) -> bool:
        found = self._answer(conversation, deed)
        if found is None:
            return False
        message, press = found
        try:
            interaction = self._members[conversation.who(deed)].clicks(message, "Try again")
        except CannotDoError:
            return False
        self._ask(conversation, deed, interaction, "button", (), again=press)
        return True

    # -- changing one's mind ------------------------------------------------------------------------------------

    async def cancel(self, conversation: Conversation, deed: Deed) -> bool:
        """By the button of a card; or by deleting the message that asked, which has no card."""
        member = self._members[conversation.talk.member]
        open_cards = [(m, press) for m in self._of_bot(conversation) for press in _presses(m, "cancel")]
        written = [m for m in conversation.errands if isinstance(m, Message) and not m.deleted]
        try:
            if open_cards and (deed.chance < 0.5 or not written):
                message, press = open_cards[-1]
                self._press(member.clicks(message, "Cancel"), press, "cancelled")
            elif written:
                member.deletes(written[-1])
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
            self._press(self._members[conversation.talk.member].clicks(found[0], "Delete"), found[1], "deleted")
        except CannotDoError:
            return False
        return True

    # -- what Discord shows -------------------------------------------------------------------------------------

    def posted(self) -> tuple[Posted, ...]:
        return tuple(
            Posted(
                platform="discord",
                job_id=press.job_id,
                message=str(message.id),
                place=str(message.channel.id),
                order=message.id,
                number=press.image,
                pictures=tuple(sha256(file.data) for file in message.pictures),
                failed=not message.pictures,
                stands=not message.deleted,
                kept=self._is_kept(message),
            )
            for message in self.emulator.state.said
            if message.author is self.emulator.bot
            for press in _presses(message, "again")
        )

    def _is_kept(self, message: Message) -> bool:
        """Whether the last word to who would delete it was no. 404: it is gone; 429: not now."""
        asked = [one for one in self.emulator.recorder.of(DELETION) if one.path.endswith(f"/{message.id}")]
        return bool(asked) and 400 <= asked[-1].status < 500 and asked[-1].status not in (404, 429)

    # -- inside -------------------------------------------------------------------------------------------------

    def _thread(self, conversation: Conversation) -> Channel | None:
        """Where the conversation lives, once that is there."""
        began = conversation.began
        if not isinstance(began, Message):
            return None
        return began.channel if began.channel.guild is None else began.thread

    def _of_bot(self, conversation: Conversation) -> list[Message]:
        thread = self._thread(conversation)
        began = [conversation.began] if isinstance(conversation.began, Message) else []
        return [m for m in (*began, *(thread.messages if thread else ())) if m.author is self.emulator.bot]

    def _picture(self, conversation: Conversation, deed: Deed) -> tuple[Message, Press] | None:
        return chosen(deed, self._with(conversation, "edit"))

    def _answer(self, conversation: Conversation, deed: Deed) -> tuple[Message, Press] | None:
        return chosen(deed, self._with(conversation, "again"))

    def _with(self, conversation: Conversation, act: str) -> list[tuple[Message, Press]]:
        """Messages of the bot that stand, with each of their buttons of this kind."""
        return [(m, p) for m in self._of_bot(conversation) for p in _presses(m, act) if not m.deleted]

    def _write(
        self,
        conversation: Conversation,
        deed: Deed,
        member: Person,
        place: Channel,
        words: str,
        files: Sequence[File],
        *,
        to: Message | None = None,
        press: Press | None = None,
    ) -> Message:
        message = member.writes(place, words, files=_uploads(files), reply_to=to)
        bot = self.emulator.bot
        self._notes.asked(
            Request(
                talk=conversation.talk,
                how="reply",
                source=f"discord:message:{message.id}",
                member=member.name,
                place=str(place.id),
                words=deed.words,
                heard=lambda: bool(set(message.moods_of(bot)) - {REFUSED}),
                refused=lambda: REFUSED if REFUSED in message.moods_of(bot) else None,
                of=press.job_id if press else None,
                image=press.image if press else 0,
                references=self._notes.looks(files),
            )
        )
        return message

    def _ask(
        self,
        conversation: Conversation,
        deed: Deed,
        interaction: Interaction,
        how: str,
        files: Sequence[File],
        *,
        press: Press | None = None,
        again: Press | None = None,
    ) -> None:
        conversation.errands.append(interaction)
        self._notes.asked(
            Request(
                talk=conversation.talk,
                how=how,
                source=f"discord:interaction:{interaction.id}",
                member=interaction.person.name,
                place=str(interaction.channel.id),
                words=None if again else deed.words,
                heard=lambda: _is_shown(interaction),
                refused=lambda: next((m.content for m in interaction.messages if m.ephemeral), None),
                of=press.job_id if press else None,
                image=press.image if press else 0,
                again_of=again.job_id if again else None,
                references=self._notes.looks(files),
            )
        )

    def _press(self, interaction: Interaction, press: Press, what: str) -> None:
        said = _said(interaction)
        self._notes.pressed(
            press.job_id, lambda: what if any(text.lower().startswith(what) for text in said()) else None
        )


def _is_shown(interaction: Interaction) -> bool:
    """It was answered with a card, for everybody to see."""
    card = interaction.original
    return interaction.acknowledged is CallbackKind.MESSAGE and card is not None and not card.ephemeral


def _said(interaction: Interaction) -> Callable[[], list[str]]:
    return lambda: [message.content for message in interaction.messages if message.ephemeral]


def _presses(message: Message, act: str) -> list[Press]:
    return [press for press in presses(message.components) if press.act == act]


def _uploads(files: Sequence[File]) -> list[Upload]:
    return [Upload(name=file.name, data=file.data, media_type=cast("str", file.said_type)) for file in files]
