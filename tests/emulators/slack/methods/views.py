"""views.*: modals and the App Home tab."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.slack.methods.method import Method
from tests.emulators.slack.refusals import Refusal
from tests.emulators.slack.shapes import view_json

if TYPE_CHECKING:
    from tests.emulators.slack.calls import Call
    from tests.emulators.slack.core import Core

Json = dict[str, Any]


def open_(core: Core, call: Call) -> Json:
    """The view is judged before the trigger is spent, so that a view that is refused can be corrected."""
    core.views.check(call.bot, call.json("view"), "modal")
    member = core.tickets.spend(call.need("trigger_id"), call.bot)
    return {"view": view_json(core.views.open(call.bot, member, call.json("view")))}


def push(core: Core, call: Call) -> Json:
    core.views.check(call.bot, call.json("view"), "modal")
    member = core.tickets.spend(call.need("trigger_id"), call.bot)
    return {"view": view_json(core.views.open(call.bot, member, call.json("view"), push=True))}


def update(core: Core, call: Call) -> Json:
    view = core.views.find(call.bot, call.text("view_id"), call.text("external_id"))
    return {"view": view_json(core.views.update(call.bot, view, call.json("view"), call.text("hash")))}


def publish(core: Core, call: Call) -> Json:
    member = core.directory.members.get(call.need("user_id"))
    if member is None or member.workspace is not call.bot.workspace:
        raise Refusal("user_not_found")
    return {"view": view_json(core.views.publish(call.bot, member, call.json("view"), call.text("hash")))}


METHODS = {
    "views.open": Method(run=open_, tier=4),
    "views.push": Method(run=push, tier=4),
    "views.update": Method(run=update, tier=4),
    "views.publish": Method(run=publish, tier=4),
}
