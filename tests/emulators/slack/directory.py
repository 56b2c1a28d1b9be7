"""Who and what is there, and what may the app know of it?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.emulators.slack.model import Bot, Channel, File, Kind, Message, Workspace
from tests.emulators.slack.people import Member
from tests.emulators.slack.refusals import CannotDoError, Refusal

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core

PREFIX: dict[Kind, str] = {"channel": "C", "group": "C", "im": "D", "mpim": "C"}


class Directory:
    """Workspaces, members, channels, bots and files, by id and by name."""

    def __init__(self, core: Core) -> None:
        self._core = core
        self.workspaces: list[Workspace] = []
        self.members: dict[str, Member] = {}
        self.channels: dict[str, Channel] = {}
        self.bots: list[Bot] = []
        self.files: dict[str, File] = {}

    # -- making ---------------------------------------------------------------------------------------------------

    def workspace(self, name: str) -> Workspace:
        """The same workspace for the same name."""
        for workspace in self.workspaces:
            if workspace.name == name:
                return workspace
        made = Workspace(id=self._core.ids.new("T"), name=name, domain=name.lower().replace(" ", "-"))
        self.workspaces.append(made)
        return made

    def member(self, name: str, workspace: Workspace, *, is_bot: bool = False, id: str | None = None) -> Member:
        """The same member for the same name, in one workspace."""
        for member in self.members.values():
            if member.name == name and member.workspace is workspace:
                return member
        made = Member(self._core, id=id or self._core.ids.new("U"), name=name, workspace=workspace, is_bot=is_bot)
        self.members[made.id] = made
        return made

    def install(self, workspace: Workspace, token: str) -> Bot:
        app = self._core.app
        bot = Bot(
            app=app,
            workspace=workspace,
            user=self.member(app.bot_name, workspace, is_bot=True),
            id=self._core.ids.new("B"),
            token=token,
            scopes=set(app.scopes),
        )
        bot.user.bot = bot
        self.bots.append(bot)
        return bot

    def channel(self, name: str, workspace: Workspace, kind: Kind, *members: Member) -> Channel:
        """The same channel for the same name, in one workspace; new members are added to it."""
        found = next((c for c in self.channels.values() if c.name == name and c.workspace is workspace), None)
        if found is None:
            found = Channel(
                id=self._core.ids.new(PREFIX[kind]),
                name=name,
                kind=kind,
                workspace=workspace,
                teams={workspace.id},
                created=int(self._core.clock.now()),
            )
            self.channels[found.id] = found
        found.members += [member for member in dict.fromkeys(members) if member not in found.members]
        found.teams |= {member.workspace.id for member in members}
        return found

    def direct(self, one: Member, other: Member) -> Channel:
        """The direct message of two."""
        for channel in self.channels.values():
            if channel.kind == "im" and set(channel.members) == {one, other}:
                return channel
        name = "-".join(sorted((one.id, other.id)))
        return self.channel(name, one.workspace, "im", one, other)

    # -- finding, for members -------------------------------------------------------------------------------------

    def member_id(self, name: str) -> str | None:
        """Who is meant by `@name`."""
        return next((m.id for m in self.members.values() if m.name == name and not m.deleted), None)

    def channel_id(self, name: str) -> str | None:
        """What is meant by `#name`."""
        return next((c.id for c in self.channels.values() if c.name == name and c.kind in ("channel", "group")), None)

    def name_of(self, id: str) -> str:
        return self.members[id].name if id in self.members else id

    def bot_in(self, workspace: Workspace) -> Bot:
        bot = next((bot for bot in self.bots if bot.workspace is workspace and bot.standing == "active"), None)
        if bot is None:
            raise CannotDoError(f"the app is not installed in {workspace.name}")
        return bot

    # -- finding, for the app -------------------------------------------------------------------------------------

    def bot_of(self, token: str) -> Bot | None:
        return next((bot for bot in self.bots if bot.token == token), None)

    def seen(self, bot: Bot, id: str) -> Channel:
        """A channel that the app may know of. Raises channel_not_found: private ones without it are hidden."""
        channel = self.channels.get(id)
        if channel is None or bot.workspace.id not in channel.teams:
            raise Refusal("channel_not_found")
        if channel.kind != "channel" and bot.user not in channel.members:
            raise Refusal("channel_not_found")
        return channel

    def posting_place(self, bot: Bot, target: str) -> Channel:
        """Where `chat.postMessage` posts to: a channel's id or name, or a member's id, whose DM is opened."""
        if target in self.members:
            if self.members[target].workspace is not bot.workspace or self.members[target].deleted:
                raise Refusal("channel_not_found")
            channel = self.direct(self.members[target], bot.user)
        else:
            named = [c.id for c in self.channels.values() if target in (f"#{c.name}", c.name)]
            channel = self.seen(bot, named[0] if named else target)
        if channel.archived:
            raise Refusal("is_archived")
        if channel.kind == "im" and not bot.app.messages_tab:
            raise Refusal("messages_tab_disabled")
        if bot.user not in channel.members and "chat:write.public" not in bot.scopes:
            raise Refusal("not_in_channel")
        if channel.id in bot.blocked_from:
            raise Refusal("restricted_action")
        return channel

    def message(self, bot: Bot, channel_id: str, ts: str) -> Message:
        """A message that stands in a channel the app is in. Raises message_not_found and the like."""
        channel = self.seen(bot, channel_id)
        if bot.user not in channel.members:
            raise Refusal("not_in_channel")
        message = channel.posts.get(ts)
        if message is None or message.deleted or message.only_for:
            raise Refusal("message_not_found")
        return message

    def file(self, bot: Bot, id: str) -> File:
        """A file that the app may know of: its own, one in a channel that it is in, or one handed to it in a modal."""
        file = self.files.get(id)
        if file is not None and file.deleted:
            raise Refusal("file_deleted")
        if file is None or not self.may_see(bot, file):
            raise Refusal("file_not_found")
        return file

    @staticmethod
    def may_see(bot: Bot, file: File) -> bool:
        if file.owner is bot.user or bot.id in file.given:
            return True
        return any(bot.user in message.channel.members or message.channel.kind == "channel" for message in file.shares)
