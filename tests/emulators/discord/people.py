"""What can a member do, and what do they then see?

Everything that Discord's own client would not let them do raises CannotDoError: a scenario that asks for it is wrong.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.discord.channels import THREAD_OF, Channel, ChannelKind
from tests.emulators.discord.choices import command_data, find_command, submitted
from tests.emulators.discord.drafts import Changes, Draft
from tests.emulators.discord.files import Attachment, Upload, stored
from tests.emulators.discord.guilds import UPLOAD_LIMIT
from tests.emulators.discord.interaction_views import pointed_at
from tests.emulators.discord.interactions import Interaction, InteractionKind, Modal
from tests.emulators.discord.mentions import ANYTHING, Allowed
from tests.emulators.discord.messages import Button, Message, reference_to, snapshot
from tests.emulators.discord.permissions import Permission
from tests.emulators.discord.refusals import CannotDoError

if TYPE_CHECKING:
    from collections.abc import Sequence

    from tests.emulators.discord.state import State

Json = dict[str, Any]
LINK_BUTTON = 5
MOST_PURGED = 100
PURGEABLE_SECONDS = 14 * 86_400.0
SILENT_REPLY = Allowed(kinds=ANYTHING.kinds, replied_user=False)


@dataclass(eq=False, kw_only=True, slots=True)
class Person:
    """Somebody with an account. upload_limit: bytes per file that their own subscription gives them."""

    state: State
    id: int
    name: str
    bot: bool = False
    locale: str = "en-US"
    upload_limit: int = UPLOAD_LIMIT
    accepts_dms: bool = True
    blocks_bot: bool = False

    def __repr__(self) -> str:
        return f"<{self.name}>"

    @property
    def display_name(self) -> str:
        return self.name.title()

    @property
    def mention(self) -> str:
        return f"<@{self.id}>"

    @property
    def dm(self) -> Channel:
        """Their conversation with the application."""
        return self.state.dm(self)

    def sees(self, channel: Channel) -> list[Message]:
        """What stands in a channel before their eyes, oldest first: what is private to them too."""
        if not channel.sees(self):
            return []
        return [message for message in channel.log.values() if message.visible_to in (None, self)]

    # -- words --------------------------------------------------------------------------------------------------

    def writes(
        self,
        channel: Channel,
        text: str = "",
        *,
        files: Sequence[Upload] = (),
        reply_to: Message | None = None,
        ping: bool = True,
        forward: Message | None = None,
    ) -> Message:
        """A message. ping: whether a reply notifies whom it answers. forward: a message that is passed on."""
        self._may_write(channel, files)
        if not (text or files or forward):
            raise CannotDoError("a message needs words, a file or a message to forward")
        if reply_to is not None and (reply_to.deleted or reply_to.channel is not channel):
            raise CannotDoError(f"{reply_to} does not stand in {channel}")
        pointed = reply_to or forward
        draft = Draft(
            content=text,
            files=[self._upload(channel, file) for file in files],
            reference=reference_to(pointed, forward=forward is not None) if pointed else None,
            answers=reply_to,
            snapshots=(snapshot(forward),) if forward else (),
            allowed=ANYTHING if ping else SILENT_REPLY,
        )
        return self.state.acts.post(channel, self, draft)

    def edits(self, message: Message, text: str) -> None:
        if message.author is not self:
            raise CannotDoError("only one's own messages can be edited")
        self.state.acts.edit(message, Changes(content=text))

    def deletes(self, message: Message) -> None:
        if message.author is not self and not message.channel.permissions_of(self) & Permission.MANAGE_MESSAGES:
            raise CannotDoError(f"{self} may not delete {message}")
        self.state.acts.delete_message(message)

    def purges(self, channel: Channel, messages: Sequence[Message]) -> None:
        """Deletes many at once, by one of the bots that moderators have for that: 2 to 100, of the last two weeks (Discord's docs)."""
        if not channel.permissions_of(self) & Permission.MANAGE_MESSAGES:
            raise CannotDoError(f"{self} may not purge {channel}")
        oldest = self.state.clock.now() - PURGEABLE_SECONDS
        if not 2 <= len(messages) <= MOST_PURGED or any(message.created_at < oldest for message in messages):
            raise CannotDoError("2 to 100 messages of the last two weeks can be purged at once")
        self.state.acts.delete_messages(channel, messages)

    def reacts(self, message: Message, emoji: str) -> None:
        if not message.channel.permissions_of(self) & Permission.ADD_REACTIONS:
            raise CannotDoError(f"{self} may not react in {message.channel}")
        self.state.acts.react(message, self, emoji)

    def opens_thread(self, channel: Channel, name: str, *, of: Message | None = None, private: bool = False) -> Channel:
        """A thread made by hand, of a message or of nothing. private: for those whom its members mention there."""
        if channel.kind not in THREAD_OF or (private and channel.kind is not ChannelKind.TEXT):
            raise CannotDoError(f"there are no such threads in {channel}")
        kind = ChannelKind.PRIVATE_THREAD if private else THREAD_OF[channel.kind]
        return self.state.acts.open_thread(channel, self, name, kind=kind, starter=of)

    def posts(self, forum: Channel, title: str, text: str, *, files: Sequence[Upload] = ()) -> Channel:
        """A post in a forum; its first message has the post's id (Discord's docs)."""
        if forum.kind not in {ChannelKind.FORUM, ChannelKind.MEDIA}:
            raise CannotDoError(f"{forum} takes no posts")
        post = self.state.acts.open_thread(forum, self, title, kind=ChannelKind.PUBLIC_THREAD)
        first = Draft(content=text, files=[self._upload(post, file) for file in files])
        self.state.acts.post(post, self, first, id=post.id)
        return post

    # -- commands, buttons, forms -------------------------------------------------------------------------------

    def slash(self, channel: Channel, name: str, /, **options: str | float | bool | Upload) -> Interaction:
        """A command with its options; a file is an `Upload`. The bot must have registered it."""
        self._may_command(channel)
        command = find_command(self.state, channel, name, kind=1)
        self._may_run(command, channel)
        data = command_data(self.state, command, options)
        return self.state.acts.interact(self, channel, InteractionKind.COMMAND, data)

    def uses(self, name: str, message: Message) -> Interaction:
        """A command from a message's menu."""
        channel = message.channel
        self._may_command(channel)
        if not channel.permissions_of(self) & _sending(channel):
            raise CannotDoError(f"{self} may not write in {channel}, so its messages' menus have no commands")
        command = find_command(self.state, channel, name, kind=3)
        self._may_run(command, channel)
        data: Json = {
            "id": command["id"],
            "name": command["name"],
            "type": 3,
            "target_id": str(message.id),
            "resolved": {"messages": {str(message.id): pointed_at(message)}},
        }
        if channel.guild is not None:
            data["guild_id"] = str(channel.guild.id)
        return self.state.acts.interact(self, channel, InteractionKind.COMMAND, data)

    def clicks(self, message: Message, button: str) -> Interaction:
        """A button, by its label or its custom_id."""
        if message not in self.sees(message.channel):
            raise CannotDoError(f"{self} does not see {message}")
        if not self._reopens(message.channel):
            raise CannotDoError(f"{message.channel} is locked, and its buttons are grey")
        found = _button(message, button)
        data: Json = {"component_type": 2, "custom_id": found.custom_id, "id": _component_id(message, found)}
        return self.state.acts.interact(self, message.channel, InteractionKind.COMPONENT, data, message=message)

    def submits(self, modal: Modal, values: dict[str, str | Sequence[Upload] | Sequence[str] | bool]) -> Interaction:
        """A form, filled by custom_id or label; what is left out keeps the words that stood there."""
        if modal.asked_by.person is not self:
            raise CannotDoError("the form stands open before somebody else")
        return self.state.acts.interact(
            self,
            modal.asked_by.channel,
            InteractionKind.MODAL,
            submitted(self.state, modal, values),
            message=modal.asked_by.message,
            asked_by=modal.asked_by,
        )

    # -- inside -------------------------------------------------------------------------------------------------

    def _upload(self, channel: Channel, file: Upload) -> Attachment:
        return stored(file, id=self.state.ids.next(), folder=channel.id, at=self.state.clock.now())

    def _may_write(self, channel: Channel, files: Sequence[Upload]) -> None:
        if channel.deleted or not channel.sees(self):
            raise CannotDoError(f"{self} does not see {channel}")
        allowed = channel.permissions_of(self)
        if not allowed & _sending(channel) or (files and not allowed & Permission.ATTACH_FILES):
            raise CannotDoError(f"{self} may not write that in {channel}")
        if channel.kind in {ChannelKind.FORUM, ChannelKind.MEDIA, ChannelKind.CATEGORY}:
            raise CannotDoError(f"nobody can write in {channel} itself")
        if channel.life and channel.life.locked and not allowed & Permission.MANAGE_THREADS:
            raise CannotDoError(f"{channel} is locked")

    def _may_command(self, channel: Channel) -> None:
        if channel.deleted or not channel.sees(self):
            raise CannotDoError(f"{self} does not see {channel}")
        if not channel.permissions_of(self) & Permission.USE_APPLICATION_COMMANDS:
            raise CannotDoError(f"{self} may not use commands in {channel}")
        if channel.kind in {ChannelKind.FORUM, ChannelKind.MEDIA, ChannelKind.CATEGORY}:
            raise CannotDoError(f"there is no place for a command in {channel}")
        if channel.guild is not None and not channel.guild.has_bot:
            raise CannotDoError("the application is not in this server")
        self._reopens(channel)  # a command is sent from a locked thread, too (discord-api-docs issue 5517)

    def _may_run(self, command: Json, channel: Channel) -> None:
        """default_member_permissions: what a member needs in this channel, where no server has set it otherwise."""
        needed = command["default_member_permissions"]
        if needed is None or channel.guild is None:
            return
        allowed = channel.permissions_of(self)
        if allowed & Permission.ADMINISTRATOR:
            return
        if int(needed) == 0 or int(allowed) & int(needed) != int(needed):
            raise CannotDoError(f"{self} lacks what {command['name']} asks of those who use it")

    def _reopens(self, channel: Channel) -> bool:
        """Before anything is sent from an archived thread, the client opens it (discord-api-docs issue 8474). False: it
        may not.
        """
        if channel.life is None or not channel.life.archived:
            return True
        allowed = channel.permissions_of(self)
        if channel.life.locked and not allowed & Permission.MANAGE_THREADS:
            return False
        if not allowed & Permission.SEND_MESSAGES_IN_THREADS:
            raise CannotDoError(f"{self} may not open {channel} again")
        self.state.acts.change_thread(channel, archived=False)
        return True


def _sending(channel: Channel) -> Permission:
    return Permission.SEND_MESSAGES_IN_THREADS if channel.is_thread else Permission.SEND_MESSAGES


def _button(message: Message, name: str) -> Button:
    found = [button for button in message.buttons if name in (button.custom_id, button.label)]
    if len(found) != 1:
        raise CannotDoError(f"{len(found)} buttons {name!r} among {[button.label for button in message.buttons]}")
    if found[0].disabled or found[0].style == LINK_BUTTON:
        raise CannotDoError(f"the button {name!r} cannot be clicked for the application")
    return found[0]


def _component_id(message: Message, button: Button) -> int:
    return next(int(part["id"]) for part in message.parts if part.get("custom_id") == button.custom_id)
