"""What can a member of a workspace do, and what do they see? As Slack's own client lets them, and no more.

Each deed happens at once and returns what came of it: a `Message`, or the `Delivery` to the app, which can be awaited for
its acknowledgement. What the client would not offer raises `CannotDoError`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.emulators.slack import interactions, text
from tests.emulators.slack.courier import Delivery
from tests.emulators.slack.model import Bot, Channel, File, Message, View, Workspace
from tests.emulators.slack.refusals import CannotDoError

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core

Json = dict[str, Any]


@dataclass(frozen=True, kw_only=True, slots=True)
class Upload:
    """A file on a member's machine. size and media_type: what Slack says of it, which need not be true. mode: `snippet`.

    address: of what is only linked to (`external`), as from somebody's drive.
    """

    name: str
    data: bytes = b""
    size: int | None = None
    media_type: str | None = None
    mode: str = "hosted"
    address: str | None = None


class Member:
    """A person, or a bot's own user. Look at `ephemerals`, `views` (open modals, topmost last), `home`, `notices`."""

    def __init__(self, core: Core, *, id: str, name: str, workspace: Workspace, is_bot: bool) -> None:
        self._core = core
        self.id = id
        self.name = name
        self.workspace = workspace
        self.is_bot = is_bot
        self.bot: Bot | None = None  # of a bot's own user
        self.deleted = False
        self.ephemerals: list[Message] = []
        self.views: list[View] = []
        self.home: View | None = None
        self.notices: list[str] = []  # what Slack itself told them: that the app did not answer, and the like

    # -- what they see --------------------------------------------------------------------------------------------

    @property
    def view(self) -> View | None:
        """The modal in front of them."""
        return self.views[-1] if self.views else None

    @property
    def told(self) -> list[str]:
        """What apps have told them privately and still stands, oldest first, as they read it."""
        return [self.reads(message) for message in self.ephemerals if not message.deleted]

    @property
    def dm(self) -> Channel:
        """Their direct message with the app."""
        return self._core.directory.direct(self, self._bot.user)

    def reads(self, message: Message) -> str:
        """The words of a message as they stand on the screen: its blocks', or its own where it has none."""
        own = [message.text] if not message.blocks or message.bot is None else list(text.visible(message.blocks))
        return "\n".join(text.read(each, self._core.directory.name_of) for each in own)

    # -- what they do in channels ---------------------------------------------------------------------------------

    def slash(self, words: str, channel: Channel, *, thread: Message | None = None) -> Delivery:
        """Type a command into a channel. Works where the app is not; not in threads (documented)."""
        self._must_be_in(channel)
        if thread is not None:
            raise CannotDoError("slash commands cannot be used in threads")
        command, _, rest = words.strip().partition(" ")
        bot = self._bot
        if command not in bot.app.commands or "commands" not in bot.scopes:
            raise CannotDoError(f"{command} is not a command of this workspace")
        payload = interactions.command(self._core, bot, self, channel, command, rest.strip())
        return self._core.courier.send(
            bot, "slash_commands", payload, lambda ack: interactions.said_by_ack(self._core, payload, ack)
        )

    def writes(
        self,
        channel: Channel,
        words: str = "",
        *,
        files: Iterable[Upload] = (),
        thread: Message | str | None = None,
        broadcast: bool = False,
    ) -> Message:
        """Post a message. `@name`, `#channel` and addresses become what Slack's client makes of them."""
        self._must_be_in(channel)
        if channel.archived:
            raise CannotDoError(f"{channel.name} is archived")
        app = self._core.app
        if channel is self._own_dm and (app.messages_read_only or not app.messages_tab):
            raise CannotDoError("sending messages to this app has been turned off")
        sent = [self.uploads(file) for file in files]
        if not words and not sent:
            raise CannotDoError("an empty message cannot be sent")
        root = thread.ts if isinstance(thread, Message) else thread
        if isinstance(thread, Message) and thread.is_reply:
            root = thread.thread_ts
        if root is not None:
            self._core.wall.thread(channel, root)
        directory = self._core.directory
        wire, rich = text.typed(words, directory.member_id, directory.channel_id)
        section = [{"type": "rich_text_section", "elements": rich}]
        subtype = "file_share" if sent else "thread_broadcast" if broadcast else None
        return self._core.wall.post(
            channel,
            self,
            wire,
            blocks=[{"type": "rich_text", "block_id": self._core.ids.new("b"), "elements": section}] if rich else [],
            files=sent,
            thread_ts=root,
            subtype=subtype,
            client_msg_id=self._core.ids.uuid(),
        )

    def uploads(self, file: Upload) -> File:
        """Put a file into Slack without sharing it yet."""
        made = self._core.uploads.by_member(
            self, file.name, file.data, size=file.size, mode=file.mode, media_type=file.media_type
        )
        made.address = file.address
        return made

    def edits(self, message: Message, words: str) -> None:
        self._must_own(message)
        directory = self._core.directory
        wire, rich = text.typed(words, directory.member_id, directory.channel_id)
        section = [{"type": "rich_text_section", "elements": rich}]
        blocks = [{"type": "rich_text", "block_id": self._core.ids.new("b"), "elements": section}]
        self._core.wall.change(message, text=wire, blocks=blocks, edited=self._core.ids.ts())

    def deletes(self, what: Message | File) -> None:
        """A message, or a file wherever it stands."""
        if isinstance(what, File):
            if what.owner is not self:
                raise CannotDoError(f"{what.name} is not {self.name}'s file")
            self._core.wall.remove_file(what)
        else:
            self._must_own(what)
            self._core.wall.remove(what)

    def reacts(self, message: Message, emoji: str) -> None:
        self._must_be_in(message.channel)
        self._core.wall.react(self, message, emoji.strip(":"))

    def invites(self, member: Member, channel: Channel) -> None:
        """`/invite @name`."""
        self._must_be_in(channel)
        if member not in channel.members:
            channel.members.append(member)
            self._core.events.joined(member, channel)

    def removes(self, member: Member, channel: Channel) -> None:
        """`/remove @name`."""
        self._must_be_in(channel)
        channel.members.remove(member)

    # -- what they do with the app's surfaces -----------------------------------------------------------------------

    def clicks(
        self, on: Message | View, action: str, *, choose: str | None = None, nth: int = 0, stale: Json | None = None
    ) -> Delivery:
        """Press a button (by `action_id`, or by what it says), or choose an option's value in a menu.

        stale: a button that stood there until a moment ago (`{"value": ...}`); a slow client still shows it.
        """
        if isinstance(on, Message):
            self._must_see(on)
        elif on not in (*self.views, self.home):
            raise CannotDoError("that view is not open")
        bot = on.bot
        if bot is None:
            raise CannotDoError("there is nothing to click on in a member's message")
        if not bot.app.interactivity:
            raise CannotDoError("the app has interactivity turned off")
        gone = {"type": "button", "action_id": action, "block_id": "gone", **(stale or {})}
        clicked = interactions.element(on, action, nth) if stale is None else gone
        payload = interactions.block_action(self._core, bot, self, on, clicked, choose)
        return self._core.courier.send(bot, "interactive", payload, None)

    def submits(
        self, view: View | None = None, values: Mapping[str, Any] | None = None, *, files: Iterable[Upload] = ()
    ) -> Delivery:
        """Fill the modal in and press its submit button.

        values: by `action_id`, `block_id` or label: words, an option's value, or a list of `Upload`. files: for its one
        file input. What stood in it before stays.
        """
        modal = view or self.view
        if modal is None or modal not in self.views:
            raise CannotDoError("no modal is open")
        interactions.fill(self._core, modal, dict(values or {}), list(files))
        payload = interactions.submission(self._core, modal)
        return self._core.courier.send(
            modal.bot, "interactive", payload, lambda ack: interactions.view_answered(self._core, modal, ack)
        )

    def closes(self, view: View | None = None) -> Delivery | None:
        """Cancel the modal. The app hears of it only if the view asks for that."""
        modal = view or self.view
        if modal is None:
            raise CannotDoError("no modal is open")
        self._core.views.close(modal)
        if not modal.json.get("notify_on_close"):
            return None
        return self._core.courier.send(modal.bot, "interactive", interactions.closing(self._core, modal), None)

    def shortcut(self, callback_id: str, message: Message | None = None) -> Delivery:
        """Choose a shortcut of the app: from a message's menu, threads too, or from the search bar."""
        bot = self._bot
        known = bot.app.shortcuts if message else bot.app.global_shortcuts
        if callback_id not in known or "commands" not in bot.scopes:
            raise CannotDoError(f"the app has no such shortcut: {callback_id}")
        if message:
            self._must_see(message)
        payload = interactions.shortcut(self._core, bot, self, callback_id, message)
        return self._core.courier.send(bot, "interactive", payload, None)

    def opens_home(self, tab: str = "home") -> Delivery | None:
        """Open the app's Home (or `messages`) tab. Returns the event, if the app listens to it."""
        if tab == "home" and not self._bot.app.home_tab:
            raise CannotDoError("the app has no home tab")
        return self._core.events.home_opened(self, tab)

    # -- inside -----------------------------------------------------------------------------------------------------

    @property
    def _bot(self) -> Bot:
        return self._core.directory.bot_in(self.workspace)

    @property
    def _own_dm(self) -> Channel | None:
        """Their direct message with the app; None where the app is not installed."""
        try:
            return self.dm
        except CannotDoError:
            return None

    def _must_be_in(self, channel: Channel) -> None:
        if self.deleted:
            raise CannotDoError(f"{self.name} is no member any more")
        if self not in channel.members:
            raise CannotDoError(f"{self.name} is not in {channel.name}")

    def _must_see(self, message: Message) -> None:
        self._must_be_in(message.channel)
        if message.deleted or (message.only_for and message.only_for is not self):
            raise CannotDoError(f"{self.name} does not see that message")

    def _must_own(self, message: Message) -> None:
        if message.author is not self or message.deleted:
            raise CannotDoError(f"{self.name} cannot change that message")

    def __repr__(self) -> str:
        return f"<{self.name} {self.id}>"
