"""How long do trigger ids and response URLs live, and how often may they be used?"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.emulators.slack.model import Bot, Channel, Message
from tests.emulators.slack.refusals import Refusal

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core
    from tests.emulators.slack.people import Member

TRIGGER_LIFE = 3.0  # seconds (documented)
HOOK_LIFE = 1800.0  # seconds (documented)
HOOK_USES = 5  # documented


@dataclass(kw_only=True, eq=False)
class Trigger:
    bot: Bot
    member: Member
    issued: float
    spent: bool = False


@dataclass(kw_only=True, eq=False)
class Hook:
    """One response URL. original: the message that `replace_original` and `delete_original` are about."""

    bot: Bot
    member: Member
    channel: Channel
    issued: float
    original: Message | None = None
    uses: int = 0


class Tickets:
    def __init__(self, core: Core) -> None:
        self._core = core
        self._triggers: dict[str, Trigger] = {}
        self.hooks: dict[str, Hook] = {}

    def trigger(self, bot: Bot, member: Member) -> str:
        id = f"{self._core.ids.number()}.{self._core.ids.number()}.{self._core.ids.uuid().replace('-', '')}"
        self._triggers[id] = Trigger(bot=bot, member=member, issued=self._core.clock.now())
        return id

    def spend(self, id: str, bot: Bot) -> Member:
        """Whom a view will be shown to. A trigger works once, for three seconds."""
        trigger = self._triggers.get(id)
        if trigger is None or trigger.bot is not bot:
            raise Refusal("invalid_trigger_id")
        if self._core.clock.now() - trigger.issued > TRIGGER_LIFE:
            raise Refusal("expired_trigger_id")
        if trigger.spent:
            raise Refusal("exchanged_trigger_id")
        trigger.spent = True
        return trigger.member

    def response_url(
        self, kind: str, bot: Bot, member: Member, channel: Channel, original: Message | None = None
    ) -> str:
        """kind: `commands` or `actions`, the first step of its path."""
        path = f"/{kind}/{bot.workspace.id}/{self._core.ids.number()}/{self._core.ids.uuid().replace('-', '')}"
        self.hooks[path] = Hook(
            bot=bot, member=member, channel=channel, issued=self._core.clock.now(), original=original
        )
        return self._core.base_url + path

    def use(self, path: str) -> Hook:
        """Raises Refusal: unknown, used five times, or half an hour old."""
        hook = self.hooks.get(path)
        if hook is None:
            raise Refusal("no_service")
        if self._core.clock.now() - hook.issued > HOOK_LIFE:
            raise Refusal("expired_url")
        if hook.uses >= HOOK_USES:
            raise Refusal("used_url")
        hook.uses += 1
        return hook
