"""What does the app hear of what happens, given its subscriptions, its scopes and where it is?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.slack import text
from tests.emulators.slack.courier import Delivery
from tests.emulators.slack.model import HISTORY, Bot, Channel, Message
from tests.emulators.slack.shapes import message_json, view_json

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core
    from tests.emulators.slack.people import Member

Json = dict[str, Any]

SUBSCRIPTION = {"channel": "message.channels", "group": "message.groups", "im": "message.im", "mpim": "message.mpim"}
NEEDED = {
    "app_mention": "app_mentions:read",
    "reaction_added": "reactions:read",
    "reaction_removed": "reactions:read",
    "file_shared": "files:read",
    "file_deleted": "files:read",
    "member_joined_channel": "channels:read",
}


class Events:
    """Makes the payloads of the Events API and hands them to the courier."""

    def __init__(self, core: Core) -> None:
        self._core = core

    def emit(
        self, bot: Bot, event: Json, *, subscription: str, scope: str | None = None, channel: Channel | None = None
    ) -> Delivery | None:
        """One event for one installation; None where it is not subscribed to, or a scope is missing."""
        if subscription not in bot.app.events or (scope and scope not in bot.scopes):
            return None
        return self._core.courier.send(bot, "events_api", self._envelope(bot, event, channel))

    def posted(self, message: Message) -> None:
        """A message stands somewhere: the message event, and the mention beside it."""
        for bot in self._bots_in(message.channel):
            event = self.message_event(message)
            message.deliveries += [self._about_message(bot, message.channel, event)]
            if message.channel.kind != "im" and message.bot is not bot and bot.user.id in text.pinged(message):
                mention = {**event, "type": "app_mention"}
                for name in ("channel_type", "subtype", "parent_user_id", *self._unnamed(bot)):
                    mention.pop(name, None)
                message.deliveries += [
                    self.emit(
                        bot, mention, subscription="app_mention", scope=NEEDED["app_mention"], channel=message.channel
                    )
                ]
        message.deliveries = [delivery for delivery in message.deliveries if delivery]

    @staticmethod
    def _unnamed(bot: Bot) -> tuple[str, ...]:
        return () if bot.app.mentions_name_files else ("files",)

    def changed(self, message: Message, before: Json, subtype: str = "message_changed") -> None:
        """An edit or a deletion: the message is inside, there is no user and no text at the top."""
        for bot in self._bots_in(message.channel):
            now = self._core.ids.ts()
            event: Json = {"type": "message", "subtype": subtype, "hidden": True, "ts": now, "event_ts": now}
            event |= {"channel": message.channel.id, "channel_type": message.channel.kind, "previous_message": before}
            if subtype == "message_changed":
                event["message"] = message_json(message, self._core.base_url, thread=True)
            else:
                event["deleted_ts"] = message.ts
            self._about_message(bot, message.channel, event)

    def reacted(self, member: Member, message: Message, name: str, *, added: bool) -> None:
        kind = "reaction_added" if added else "reaction_removed"
        item = {"type": "message", "channel": message.channel.id, "ts": message.ts}
        event = {"type": kind, "user": member.id, "reaction": name, "item": item, "item_user": message.author.id}
        for bot in self._bots_in(message.channel):
            self.emit(bot, event | self._stamp(), subscription=kind, scope=NEEDED[kind], channel=message.channel)

    def joined(self, member: Member, channel: Channel) -> None:
        event = {
            "type": "member_joined_channel",
            "user": member.id,
            "channel": channel.id,
            "channel_type": "C" if channel.kind == "channel" else "G",
            "team": channel.workspace.id,
        }
        for bot in self._bots_in(channel):
            kind = "member_joined_channel"
            self.emit(bot, event | self._stamp(), subscription=kind, scope=NEEDED[kind], channel=channel)

    def home_opened(self, member: Member, tab: str) -> Delivery | None:
        bot = self._core.directory.bot_in(member.workspace)
        channel = self._core.directory.direct(member, bot.user)
        event: Json = {"type": "app_home_opened", "user": member.id, "channel": channel.id, "tab": tab, **self._stamp()}
        if member.home is not None and tab == "home":
            event["view"] = view_json(member.home)
        return self.emit(bot, event, subscription="app_home_opened")

    def file_deleted(self, bot: Bot, file_id: str, channels: list[str]) -> None:
        event = {"type": "file_deleted", "file_id": file_id, "channel_ids": channels, **self._stamp()}
        self.emit(bot, event, subscription="file_deleted", scope=NEEDED["file_deleted"])

    def left(self, bot: Bot) -> None:
        """The app was removed from the workspace: its last events."""
        self.emit(bot, {"type": "app_uninstalled", **self._stamp()}, subscription="app_uninstalled")
        tokens = {"oauth": [], "bot": [bot.user.id]}
        self.emit(bot, {"type": "tokens_revoked", "tokens": tokens, **self._stamp()}, subscription="tokens_revoked")

    def message_event(self, message: Message) -> Json:
        event = message_json(message, self._core.base_url, metadata=True)
        event |= {"channel": message.channel.id, "event_ts": message.ts, "channel_type": message.channel.kind}
        if message.channel.is_connect:
            event |= {"user_team": message.author.workspace.id, "source_team": message.author.workspace.id}
        return event

    def _about_message(self, bot: Bot, channel: Channel, event: Json) -> Delivery | None:
        return self.emit(
            bot, event, subscription=SUBSCRIPTION[channel.kind], scope=HISTORY[channel.kind], channel=channel
        )

    def _bots_in(self, channel: Channel) -> list[Bot]:
        bots = self._core.directory.bots
        return [bot for bot in bots if bot.user in channel.members and bot.standing == "active"]

    def _stamp(self) -> Json:
        return {"event_ts": self._core.ids.ts()}

    def _team_of(self, event: Json, channel: Channel | None) -> str | None:
        if channel is None or not channel.is_connect or not isinstance(event.get("user"), str):
            return None
        return self._core.directory.members[event["user"]].workspace.id

    def _envelope(self, bot: Bot, event: Json, channel: Channel | None) -> Json:
        authorization = {
            "enterprise_id": None,
            "team_id": bot.workspace.id,
            "user_id": bot.user.id,
            "is_bot": True,
            "is_enterprise_install": False,
        }
        return {
            "token": "test-verification-token",
            # In a channel of two companies it is the workspace of whoever did it; authorizations say whose app is told.
            "team_id": self._team_of(event, channel) or bot.workspace.id,
            "context_team_id": bot.workspace.id,
            "context_enterprise_id": None,
            "api_app_id": bot.app.id,
            "event": event,
            "type": "event_callback",
            "event_id": self._core.ids.new("Ev"),
            "event_time": int(self._core.clock.now()),
            "authorizations": [authorization],
            "is_ext_shared_channel": bool(channel and channel.is_connect),
            "event_context": f"4-{self._core.ids.number()}",
        }
