"""What can happen at Discord, and what follows from it?

Nobody is asked for permission here: members are judged in `people`, the application in its routes.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from tests.emulators.discord.channels import THREAD_OF, Channel, ChannelKind, ThreadLife
from tests.emulators.discord.drafts import Changes, Draft
from tests.emulators.discord.interactions import Interaction, InteractionKind
from tests.emulators.discord.mentions import Pings, notified, pings
from tests.emulators.discord.messages import Flag, Message, MessageKind, Reaction, Reference, reference_to
from tests.emulators.discord.permissions import Permission

if TYPE_CHECKING:
    from tests.emulators.discord.files import Attachment
    from tests.emulators.discord.people import Person
    from tests.emulators.discord.state import State

Json = dict[str, Any]


class Acts:
    """Every change to the state; each tells the gateway."""

    def __init__(self, state: State) -> None:
        self._state = state

    # -- messages -----------------------------------------------------------------------------------------------

    def post(
        self,
        channel: Channel,
        author: Person,
        draft: Draft,
        *,
        kind: MessageKind | None = None,
        by: Interaction | None = None,
        visible_to: Person | None = None,
        id: int | None = None,
    ) -> Message:
        """Say something. A thread that was archived is opened again by it. id: where it is not a new one."""
        if channel.is_thread:
            self._wake(channel, author, joins=by is None or self._state.answers_join_threads)
        found = pings(channel, author, draft.words, draft.allowed, replied_to=draft.answers)
        if channel.kind is ChannelKind.PRIVATE_THREAD:
            self._bring_in(channel, found.users)
        message = Message(
            id=id or self._state.ids.next(),
            channel=channel,
            author=author,
            created_at=self._state.clock.now(),
            kind=kind if kind is not None else _kind_of(draft),
            content=draft.content,
            embeds=draft.embeds,
            components=draft.components,
            files=draft.files,
            flags=draft.flags | (Flag.EPHEMERAL if visible_to else Flag(0)),
            reference=draft.reference,
            snapshots=draft.snapshots,
            pings=found,
            by=by,
            visible_to=visible_to,
            nonce=draft.nonce,
            tts=draft.tts,
        )
        self._notify(message, found)
        self._keep(message)
        self._state.tell.message_created(message)
        return message

    def edit(self, message: Message, changes: Changes) -> None:
        """Change a message; a placeholder becomes an answer by it."""
        if changes.content is not None:
            message.content = changes.content
        if changes.embeds is not None:
            message.embeds = changes.embeds
        if changes.components is not None:
            message.components = changes.components
        if changes.files is not None:
            self._replace_files(message, changes.files)
        if changes.flags is not None:
            message.flags = changes.flags
        message.flags &= ~Flag.LOADING
        message.edits.append(self._state.clock.now())
        words = Draft(content=message.content, components=message.components).words
        message.pings = pings(message.channel, message.author, words, changes.allowed, replied_to=message.pings.replied)
        self._notify(message, message.pings)
        self._state.tell.message_updated(message)

    def delete_message(self, message: Message) -> None:
        """What was made of it, a thread or a forwarded copy, stays."""
        if not message.deleted:
            self._take_away(message)
            del message.channel.log[message.id]
            self._state.tell.message_deleted(message)

    def delete_messages(self, channel: Channel, messages: Sequence[Message]) -> None:
        """Many of one channel at once; one event tells of all."""
        gone = [message for message in messages if not message.deleted]
        for message in gone:
            self._take_away(message)
            del channel.log[message.id]
        self._state.tell.messages_deleted(channel, gone)

    def react(self, message: Message, person: Person, emoji: str) -> None:
        reaction = message.reaction(emoji)
        if reaction is None:
            reaction = Reaction(emoji=emoji)
            message.reactions.append(reaction)
        if person not in reaction.by:
            reaction.by.append(person)
            self._state.tell.reaction(message, person, emoji, added=True)

    def unreact(self, message: Message, person: Person, emoji: str) -> None:
        reaction = message.reaction(emoji)
        if reaction is not None and person in reaction.by:
            reaction.by.remove(person)
            if not reaction.by:
                message.reactions.remove(reaction)
            self._state.tell.reaction(message, person, emoji, added=False)

    # -- threads and channels -----------------------------------------------------------------------------------

    def open_thread(
        self,
        parent: Channel,
        owner: Person,
        name: str,
        *,
        kind: ChannelKind,
        auto_archive: int = 1440,
        starter: Message | None = None,
    ) -> Channel:
        """A thread of a message has its id, and begins with a pointer back to it."""
        now = self._state.clock.now()
        life = ThreadLife(
            owner=owner,
            auto_archive=auto_archive,
            created_at=now,
            active_at=now,
            archive_changed_at=now,
            members={owner.id},
        )
        thread = Channel(
            state=self._state,
            id=starter.id if starter else self._state.ids.next(),
            kind=kind,
            name=name,
            guild=parent.guild,
            parent=parent,
            life=life,
        )
        self._state.channels[thread.id] = thread
        self._state.tell.thread_created(thread)
        if starter is not None:
            starter.flags |= Flag.HAS_THREAD
            self._state.tell.message_updated(starter)
            self._point_back(thread, starter)
        elif parent.kind in THREAD_OF and kind is not ChannelKind.PRIVATE_THREAD:
            self._announce(thread)
        return thread

    def change_thread(
        self,
        thread: Channel,
        *,
        archived: bool | None = None,
        locked: bool | None = None,
        name: str | None = None,
        auto_archive: int | None = None,
        by: Person | None = None,
    ) -> None:
        life = thread.thread
        if archived is not None and archived != life.archived:
            life.archived = archived
            life.active_at = life.archive_changed_at = self._state.clock.now()
        life.locked = life.locked if locked is None else locked
        life.auto_archive = life.auto_archive if auto_archive is None else auto_archive
        renamed = name is not None and name != thread.name
        thread.name = thread.name if name is None else name
        self._state.tell.thread_updated(thread)
        if renamed:
            self.post(thread, by or self._state.bot, Draft(content=thread.name), kind=MessageKind.CHANNEL_NAME_CHANGE)

    def archive_the_silent(self) -> None:
        """Close every thread in which nobody wrote for as long as it was told to stay open."""
        now = self._state.clock.now()
        for channel in list(self._state.channels.values()):
            if (
                channel.life
                and not channel.life.archived
                and now >= channel.life.active_at + channel.life.auto_archive * 60
            ):
                self.change_thread(channel, archived=True)

    def join_thread(self, thread: Channel, person: Person) -> None:
        if person.id not in thread.thread.members:
            thread.thread.members.add(person.id)
            self._state.tell.thread_members_updated(thread, added=person)

    def leave_thread(self, thread: Channel, person: Person) -> None:
        if person.id in thread.thread.members:
            thread.thread.members.discard(person.id)
            self._state.tell.thread_members_updated(thread, removed=person)

    def delete_channel(self, channel: Channel) -> None:
        """With its messages and threads. The message that a thread began with stays."""
        for gone in (*channel.threads, channel):
            del self._state.channels[gone.id]
            for message in gone.log.values():
                self._take_away(message)
        self._state.tell.channel_deleted(channel)

    # -- interactions -------------------------------------------------------------------------------------------

    def interact(
        self,
        person: Person,
        channel: Channel,
        kind: InteractionKind,
        data: Json,
        *,
        message: Message | None = None,
        asked_by: Interaction | None = None,
    ) -> Interaction:
        """A member wants something of the application, which has three seconds to answer."""
        interaction = Interaction(
            state=self._state,
            id=self._state.ids.next(),
            token=self._state.new_token(),
            kind=kind,
            person=person,
            channel=channel,
            data=data,
            created_at=self._state.clock.now(),
            began=self._state.clock.ticks(),
            message=message,
            asked_by=asked_by,
            answered=asyncio.get_running_loop().create_future(),
        )
        self._state.interactions[interaction.id] = interaction
        self._state.by_token[interaction.token] = interaction
        self._state.start(interaction)
        self._state.tell.interaction_created(interaction)
        return interaction

    def keep_file(self, attachment: Attachment) -> Attachment:
        self._state.attachments[attachment.id] = attachment
        return attachment

    # -- inside -------------------------------------------------------------------------------------------------

    def _keep(self, message: Message) -> None:
        channel = message.channel
        channel.log[message.id] = message
        self._state.said.append(message)
        for file in message.files:
            self.keep_file(file)
        if message.visible_to is None:
            channel.last_message_id = message.id
            if channel.life:
                channel.life.sent += 1
                channel.life.active_at = message.created_at

    def _replace_files(self, message: Message, files: list[Attachment]) -> None:
        for file in message.files:
            file.removed = file not in files
        for file in files:
            self.keep_file(file)
        message.files = files

    def _take_away(self, message: Message) -> None:
        """A message goes with its files, but for those that a forwarded copy shows."""
        message.deleted = True
        shown = [copy.attachments for said in self._state.said if not said.deleted for copy in said.snapshots]
        for file in message.files:
            file.removed = not any(file in files for files in shown)

    def _notify(self, message: Message, found: Pings) -> None:
        if not message.ephemeral:
            message.pinged |= notified(message.channel, message.author, found)

    def _wake(self, thread: Channel, author: Person, *, joins: bool) -> None:
        """joins: who writes in a thread is a member of it from then on; of an answer to an interaction nobody knows."""
        if thread.thread.archived:
            self.change_thread(thread, archived=False)
        if joins:
            self.join_thread(thread, author)

    def _bring_in(self, thread: Channel, mentioned: tuple[Person, ...]) -> None:
        """Who is mentioned in a private thread becomes a member of it, if they see its channel (Discord's docs)."""
        for person in mentioned:
            if thread.permissions_of(person) & Permission.VIEW_CHANNEL:
                self.join_thread(thread, person)

    def _announce(self, thread: Channel) -> None:
        """A thread of no message is announced where it was made, by a message of its own kind (Discord's docs)."""
        assert thread.parent is not None
        assert thread.guild is not None
        reference = Reference(channel_id=thread.id, message_id=None, guild_id=thread.guild.id)
        said = Draft(content=thread.name, reference=reference)
        self.post(thread.parent, thread.thread.owner, said, kind=MessageKind.THREAD_CREATED)

    def _point_back(self, thread: Channel, starter: Message) -> None:
        pointer = Draft(reference=reference_to(starter))
        self.post(thread, starter.author, pointer, kind=MessageKind.THREAD_STARTER)
        thread.thread.sent = 0


def _kind_of(draft: Draft) -> MessageKind:
    if draft.reference is not None and not draft.reference.forward:
        return MessageKind.REPLY
    return MessageKind.DEFAULT
