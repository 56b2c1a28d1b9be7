"""Which modals and App Home tabs do members see, and who may open, change and close them?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.slack import blocks
from tests.emulators.slack.model import Bot, View
from tests.emulators.slack.refusals import Refusal, invalid_arguments
from tests.emulators.slack.uploads import shown_as_picture

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core
    from tests.emulators.slack.people import Member

Json = dict[str, Any]

MAX_STACK = 3  # documented


class Views:
    def __init__(self, core: Core) -> None:
        self._core = core
        self.all: dict[str, View] = {}

    def open(self, bot: Bot, member: Member, json: Any, *, push: bool = False) -> View:
        """A modal in front of a member; `push` puts it on those that are there."""
        self.check(bot, json, "modal")
        below = [view for view in member.views if view.bot is bot]
        if push and not below:
            raise Refusal("not_found")
        if push and len(below) >= MAX_STACK:
            raise Refusal("push_limit_reached")
        if not push:
            self.close_all(member)
        view = self._new(bot, member, json)
        if push:
            view.root_id, view.previous_id = below[0].root_id, below[-1].id
        member.views.append(view)
        return view

    def update(self, bot: Bot, view: View, json: Any, seen: str | None) -> View:
        self.check(bot, json, "modal" if view.json["type"] == "modal" else "home", view)
        if seen and seen != view.hash:
            raise Refusal("hash_conflict")
        if not view.open:
            raise Refusal("not_found")
        self._show(view, json)
        return view

    def publish(self, bot: Bot, member: Member, json: Any, seen: str | None) -> View:
        if not bot.app.home_tab:
            raise Refusal("not_enabled")
        self.check(bot, json, "home")
        if member.home is None:
            member.home = self._new(bot, member, json)
        elif seen and seen != member.home.hash:
            raise Refusal("hash_conflict")
        else:
            self._show(member.home, json)
        return member.home

    def find(self, bot: Bot, id: str | None, external_id: str | None) -> View:
        for view in self.all.values():
            if view.bot is bot and (view.id == id or (external_id and view.json.get("external_id") == external_id)):
                return view
        raise Refusal("not_found")

    def close(self, view: View) -> None:
        view.open = False
        if view in view.member.views:
            view.member.views.remove(view)

    def close_all(self, member: Member) -> None:
        for view in list(member.views):
            self.close(view)

    def check(self, bot: Bot, json: Any, kind: str, instead: View | None = None) -> None:
        if not isinstance(json, dict):
            raise invalid_arguments("must provide an object [json-pointer:/view]")
        found = blocks.view_complaints(json, kind, lambda file: self.shown(bot, file))
        if found:
            raise invalid_arguments(*found)
        if blocks.too_large(json):
            raise Refusal("view_too_large")
        takes_files = any(b.get("element", {}).get("type") == "file_input" for b in json["blocks"])
        if takes_files and "files:read" not in bot.scopes:
            raise invalid_arguments("file_input requires the files:read scope [json-pointer:/view/blocks]")
        outer = json.get("external_id")
        others = (view for view in self.all.values() if view is not instead and view.open and view.bot is bot)
        if outer and any(view.json.get("external_id") == outer for view in others):
            raise Refusal("duplicate_external_id")

    def shown(self, bot: Bot, slack_file: Json) -> bool:
        """Whether an image block can show this file now."""
        directory = self._core.directory
        url = slack_file.get("url", "")
        id = slack_file.get("id") or next((f.id for f in directory.files.values() if f.id and f.id in url), "")
        file = directory.files.get(id)
        return file is not None and not file.deleted and directory.may_see(bot, file) and shown_as_picture(file)

    def _new(self, bot: Bot, member: Member, json: Json) -> View:
        id = self._core.ids.new("V")
        view = View(id=id, bot=bot, member=member, json={}, hash="", root_id=id)
        self._show(view, json)
        self.all[id] = view
        return view

    def _show(self, view: View, json: Json) -> None:
        """What was typed stays only where the same block and action stay (documented)."""
        kept = blocks.completed(json["blocks"], lambda: self._core.ids.new("b"))
        view.json = {**json, "blocks": kept}
        view.hash = f"{int(self._core.clock.now())}.{self._core.ids.number()}"
        view.errors = {}
        here = {(element["block_id"], element["action_id"]) for element in view.elements}
        view.state = {
            block: {action: value for action, value in actions.items() if (block, action) in here}
            for block, actions in view.state.items()
        }
        view.state = {block: actions for block, actions in view.state.items() if actions}
