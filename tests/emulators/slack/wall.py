"""What happens when somebody posts, changes, deletes or reacts? State first, then events."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.slack.model import Bot, Channel, File, Message
from tests.emulators.slack.refusals import Refusal
from tests.emulators.slack.shapes import message_json
from tests.emulators.slack.text import pinged

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core
    from tests.emulators.slack.people import Member

Json = dict[str, Any]

MAX_REACTIONS = 23  # different emoji on one message by all (documented as too_many_emoji; the number is believed)


class Wall:
    def __init__(self, core: Core) -> None:
        self._core = core

    def post(self, channel: Channel, author: Member, text: str, *, events: bool = True, **facts: Any) -> Message:
        """A new message, by a member or a bot. facts: further fields of `Message`."""
        files: list[File] = facts.get("files", [])
        message = Message(channel=channel, ts=self._core.ids.ts(), author=author, text=text, **facts)
        channel.posts[message.ts] = message
        message.notified = pinged(message)
        if message.only_for:
            message.only_for.ephemerals.append(message)
            self._core.changed()
            return message
        if message.is_reply:
            root = channel.posts[message.thread_ts or ""]
            root.thread_ts = root.ts
        for file in files:
            file.shares.append(message)
        self._core.changed()
        if events:
            self._core.events.posted(message)
        return message

    def thread(self, channel: Channel, thread_ts: str) -> Message:
        """The root that a reply may be put under. Raises what Slack answers to other timestamps."""
        root = channel.posts.get(thread_ts)
        if root is None or root.only_for or (root.deleted and not root.replies):
            raise Refusal("thread_not_found")
        if root.is_reply:
            raise Refusal("cannot_reply_to_message")
        return root

    def change(self, message: Message, **facts: Any) -> None:
        before = message_json(message, self._core.base_url)
        for name, value in facts.items():
            setattr(message, name, value)
        message.notified |= pinged(
            message
        )  # Slack notifies of no edit, but a ping that an edit smuggles in is one too many
        if not message.only_for:
            self._core.events.changed(message, before)

    def remove(self, message: Message) -> None:
        """It is gone; with replies under it a tombstone stays in its place."""
        before = message_json(message, self._core.base_url)
        message.deleted = True
        for file in message.files:
            if message in file.shares:
                file.shares.remove(message)
        if not message.only_for:
            self._core.events.changed(message, before, "message_changed" if message.replies else "message_deleted")

    def remove_file(self, file: File) -> None:
        """A file is deleted: messages keep a tombstone of it, and those that were nothing but the file are gone."""
        shares = list(file.shares)
        before = {message.ts: message_json(message, self._core.base_url) for message in shares}
        file.deleted, file.data = True, None
        for message in shares:
            if not message.text and not message.blocks and all(each.deleted for each in message.files):
                self.remove(message)
            else:
                self._core.events.changed(message, before[message.ts])
        for bot in self._core.directory.bots:
            if bot.standing == "active":
                self._core.events.file_deleted(bot, file.id, [message.channel.id for message in shares])

    def react(self, member: Member, message: Message, name: str) -> None:
        users = message.reactions.get(name, [])
        if member.id in users:
            raise Refusal("already_reacted")
        if not users and len(message.reactions) >= MAX_REACTIONS:
            raise Refusal("too_many_emoji")
        message.reactions.setdefault(name, []).append(member.id)
        self._core.events.reacted(member, message, name, added=True)

    def unreact(self, member: Member, message: Message, name: str) -> None:
        if member.id not in message.reactions.get(name, []):
            raise Refusal("no_reaction")
        message.reactions[name].remove(member.id)
        if not message.reactions[name]:
            del message.reactions[name]
        self._core.events.reacted(member, message, name, added=False)

    def say(self, bot: Bot, channel: Channel, text: str, **facts: Any) -> Message:
        """A message by a bot."""
        return self.post(channel, bot.user, text, bot=bot, **facts)
