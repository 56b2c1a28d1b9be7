"""auth.*, apps.*, users.*, bots.*, team.*, reactions.*: who is who, and small signs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from tests.emulators.slack.ids import is_ts
from tests.emulators.slack.methods.method import Method
from tests.emulators.slack.model import Message
from tests.emulators.slack.refusals import Refusal
from tests.emulators.slack.shapes import bot_profile, message_json, user_json

if TYPE_CHECKING:
    from tests.emulators.slack.calls import Call
    from tests.emulators.slack.core import Core

Json = dict[str, Any]

EMOJI = re.compile(r"^[a-z0-9_'+\-]+(::skin-tone-[2-6])?$")


def auth_test(core: Core, call: Call) -> Json:
    bot = call.bot
    return {
        "url": f"https://{bot.workspace.domain}.slack.com/",
        "team": bot.workspace.name,
        "user": bot.user.name,
        "team_id": bot.workspace.id,
        "user_id": bot.user.id,
        "bot_id": bot.id,
        "is_enterprise_install": False,
    }


def connections_open(core: Core, call: Call) -> Json:
    return {"url": core.sockets.ticket(call.bot.app)}


def user_info(core: Core, call: Call) -> Json:
    """Members of other workspaces are known only where a channel is shared with them."""
    member = core.directory.members.get(call.need("user"))
    if member is None:
        raise Refusal("user_not_found")
    shared = any(member in c.members and call.bot.user in c.members for c in core.directory.channels.values())
    if member.workspace is not call.bot.workspace and not shared:
        raise Refusal("user_not_found")
    return {"user": user_json(member)}


def bot_info(core: Core, call: Call) -> Json:
    id = call.text("bot") or call.bot.id
    bot = next((bot for bot in core.directory.bots if bot.id == id), None)
    if bot is None:
        raise Refusal("bot_not_found")
    return {"bot": {**bot_profile(bot), "user_id": bot.user.id}}


def team_info(core: Core, call: Call) -> Json:
    workspace = call.bot.workspace
    return {"team": {"id": workspace.id, "name": workspace.name, "domain": workspace.domain}}


def _reacted_to(core: Core, call: Call) -> tuple[Message, str]:
    name = call.need("name")
    if not call.text("channel") or not call.text("timestamp"):
        raise Refusal("no_item_specified")
    if not is_ts(call.need("timestamp")):
        raise Refusal("bad_timestamp")
    if not EMOJI.match(name):
        raise Refusal("invalid_name")
    return core.directory.message(call.bot, call.need("channel"), call.need("timestamp")), name


def reaction_add(core: Core, call: Call) -> Json:
    message, name = _reacted_to(core, call)
    if message.channel.archived:
        raise Refusal("is_archived")
    core.wall.react(call.bot.user, message, name)
    return {}


def reaction_remove(core: Core, call: Call) -> Json:
    message, name = _reacted_to(core, call)
    core.wall.unreact(call.bot.user, message, name)
    return {}


def reactions_get(core: Core, call: Call) -> Json:
    message = core.directory.message(call.bot, call.need("channel"), call.need("timestamp"))
    shown = message_json(message, core.base_url, thread=True)
    return {"type": "message", "channel": message.channel.id, "message": shown}


METHODS = {
    "auth.test": Method(run=auth_test),
    "apps.connections.open": Method(run=connections_open, scopes=("connections:write",), tier=1, app_token=True),
    "users.info": Method(run=user_info, scopes=("users:read",), tier=4, takes_json=False),
    "bots.info": Method(run=bot_info, scopes=("users:read",), tier=3, takes_json=False),
    "team.info": Method(run=team_info, scopes=("team:read",), tier=3, takes_json=False),
    "reactions.add": Method(run=reaction_add, scopes=("reactions:write",), tier=3),
    "reactions.remove": Method(run=reaction_remove, scopes=("reactions:write",), tier=2),
    "reactions.get": Method(run=reactions_get, scopes=("reactions:read",), tier=3, takes_json=False),
}
