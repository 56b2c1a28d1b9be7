"""What is the app told when a member uses its command, its buttons, its modals and shortcuts, and what do its answers do?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.slack import blocks, text
from tests.emulators.slack.model import Bot, Channel, File, Message, View
from tests.emulators.slack.refusals import CannotDoError, Refusal
from tests.emulators.slack.shapes import file_json, message_json, view_json

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core
    from tests.emulators.slack.people import Member

Json = dict[str, Any]

MAX_FILE_INPUT = 10_000_000  # bytes of one file in a modal (documented as 10 MB)
VERIFICATION = "test-verification-token"


def command(core: Core, bot: Bot, member: Member, channel: Channel, name: str, words: str) -> Json:
    place = {"im": "directmessage", "group": "privategroup", "mpim": channel.name}.get(channel.kind, channel.name)
    return {
        "token": VERIFICATION,
        "team_id": member.workspace.id,
        "team_domain": member.workspace.domain,
        "channel_id": channel.id,
        "channel_name": place,
        "user_id": member.id,
        "user_name": member.name,
        "command": name,
        "text": text.escaped(words),
        "api_app_id": bot.app.id,
        "is_enterprise_install": "false",
        "response_url": core.tickets.response_url("commands", bot, member, channel),
        "trigger_id": core.tickets.trigger(bot, member),
    }


def _common(core: Core, bot: Bot, member: Member, type_: str) -> Json:
    return {
        "type": type_,
        "token": VERIFICATION,
        "team": {"id": member.workspace.id, "domain": member.workspace.domain},
        "user": {"id": member.id, "username": member.name, "name": member.name, "team_id": member.workspace.id},
        "api_app_id": bot.app.id,
        "is_enterprise_install": False,
        "enterprise": None,
        "trigger_id": core.tickets.trigger(bot, member),
    }


def element(on: Message | View, action: str, nth: int) -> Json:
    """The nth element with this action_id, or whose button says this."""
    found = [e for e in on.elements if e["action_id"] == action or e.get("text", {}).get("text") == action]
    if len(found) <= nth:
        there = [e["action_id"] for e in on.elements]
        raise CannotDoError(f"there is no {action!r} to click on; there are {there}")
    return found[nth]


def block_action(core: Core, bot: Bot, member: Member, on: Message | View, clicked: Json, choose: str | None) -> Json:
    payload = _common(core, bot, member, "block_actions")
    payload["actions"] = [_action(clicked, choose) | {"action_ts": core.ids.ts()}]
    if isinstance(on, View):
        payload["container"] = {"type": "view", "view_id": on.id}
        payload["view"] = view_json(on)
        return payload
    channel = on.channel
    container: Json = {"type": "message", "message_ts": on.ts, "channel_id": channel.id}
    container["is_ephemeral"] = on.only_for is not None
    if on.thread_ts:
        container["thread_ts"] = on.thread_ts
    payload |= {
        "container": container,
        "channel": {"id": channel.id, "name": "directmessage" if channel.kind == "im" else channel.name},
        "state": {"values": {}},
        "response_url": core.tickets.response_url("actions", bot, member, channel, on),
    }
    if on.only_for is None:  # an ephemeral message is not told again
        payload["message"] = message_json(on, core.base_url)
    return payload


def _action(clicked: Json, choose: str | None) -> Json:
    action = {name: clicked[name] for name in ("type", "action_id", "block_id")}
    if clicked["type"] == "button":
        action |= {name: clicked[name] for name in ("text", "value", "style") if name in clicked}
        return action
    return action | {"selected_option": _option(clicked, choose)}


def _option(menu: Json, choose: str | None) -> Json:
    options = [*menu.get("options", ()), *(o for group in menu.get("option_groups", ()) for o in group["options"])]
    for option in options:
        if choose in (option["value"], option["text"]["text"]):
            return dict(option)
    raise CannotDoError(f"there is no option {choose!r}; there are {[option['value'] for option in options]}")


def shortcut(core: Core, bot: Bot, member: Member, callback_id: str, message: Message | None) -> Json:
    payload = _common(core, bot, member, "message_action" if message else "shortcut")
    payload |= {"callback_id": callback_id, "action_ts": core.ids.ts()}
    if message:
        channel = message.channel
        payload |= {
            "channel": {"id": channel.id, "name": "directmessage" if channel.kind == "im" else channel.name},
            "message_ts": message.ts,
            "message": message_json(message, core.base_url),
            "response_url": core.tickets.response_url("actions", bot, member, channel, message),
        }
    return payload


# -- modals ---------------------------------------------------------------------------------------------------------


def fill(core: Core, view: View, values: Json, files: list[Any]) -> None:
    """Type into a modal's inputs; raises CannotDoError where the client would not let them submit."""
    inputs = [block for block in view.blocks if block["type"] == "input"]
    for block in inputs:
        names = (block["element"]["action_id"], block["block_id"], block["label"]["text"])
        given = next((values.pop(name) for name in names if name in values), None)
        if given is None and files and block["element"]["type"] == "file_input":
            given, files = files, []
        slot = view.state.setdefault(block["block_id"], {})
        if given is not None:
            slot[block["element"]["action_id"]] = _typed(core, view, block["element"], given)
        elif block["element"]["action_id"] not in slot:
            slot[block["element"]["action_id"]] = _untouched(block["element"])
        if not block.get("optional") and _empty(slot[block["element"]["action_id"]]):
            raise CannotDoError(f"the modal asks for {block['label']['text']!r}")
    if values or files:
        raise CannotDoError(f"the modal has no input for {sorted(values) or 'files'}")


def _typed(core: Core, view: View, input_: Json, given: Any) -> Json:
    kind = input_["type"]
    if kind == "file_input":
        return {"type": kind, "files": [file_json(f, core.base_url) for f in _handed(core, view, input_, given)]}
    if kind in ("static_select", "radio_buttons"):
        return {"type": kind, "selected_option": _option(input_, given)}
    if kind == "checkboxes":
        return {"type": kind, "selected_options": [_option(input_, each) for each in given]}
    if kind in ("conversations_select", "channels_select"):
        return {"type": kind, f"selected_{kind.partition('s_')[0]}": given}
    most, least = input_.get("max_length", 3000), input_.get("min_length", 0)
    if not least <= len(given) <= most:
        raise CannotDoError(f"the input takes {least} to {most} characters")
    return {"type": kind, "value": given}


def _handed(core: Core, view: View, input_: Json, uploads: list[Any]) -> list[File]:
    if len(uploads) > input_.get("max_files", 10):
        raise CannotDoError(f"the input takes {input_.get('max_files', 10)} files")
    endings = input_.get("filetypes")
    files = []
    for upload in uploads:
        if endings and upload.name.rpartition(".")[2].lower() not in endings:
            raise CannotDoError(f"the input takes {endings} only, not {upload.name}")
        if len(upload.data) > MAX_FILE_INPUT:
            raise CannotDoError("a file in a modal may have 10 MB")
        file = view.member.uploads(upload)
        file.given.add(view.bot.id)
        files.append(file)
    return files


def _untouched(input_: Json) -> Json:
    kind = input_["type"]
    match kind:
        case "file_input":
            return {"type": kind, "files": []}
        case "static_select" | "radio_buttons":
            return {"type": kind, "selected_option": input_.get("initial_option")}
        case "checkboxes":
            return {"type": kind, "selected_options": input_.get("initial_options", [])}
        case "conversations_select" | "channels_select":
            name = kind.partition("s_")[0]
            return {"type": kind, f"selected_{name}": input_.get(f"initial_{name}")}
    return {"type": kind, "value": input_.get("initial_value")}


def _empty(state: Json) -> bool:
    return not any(value for name, value in state.items() if name != "type")


def submission(core: Core, view: View) -> Json:
    payload = _common(core, view.bot, view.member, "view_submission")
    urls = []
    for block in view.blocks:
        input_ = block.get("element", {})
        if input_.get("response_url_enabled"):
            chosen = view.state[block["block_id"]][input_["action_id"]]
            channel = core.directory.channels[next(v for name, v in chosen.items() if name != "type")]
            url = core.tickets.response_url("app", view.bot, view.member, channel)
            place = {"block_id": block["block_id"], "action_id": input_["action_id"]}
            urls.append({**place, "channel_id": channel.id, "response_url": url})
    return payload | {"view": view_json(view), "response_urls": urls}


def closing(core: Core, view: View) -> Json:
    payload = _common(core, view.bot, view.member, "view_closed")
    payload.pop("trigger_id")
    return payload | {"view": view_json(view), "is_cleared": False}


# -- what acknowledgements do -----------------------------------------------------------------------------------------


def view_answered(core: Core, view: View, ack: Any) -> None:
    """`response_action` of a view_submission; without one the modal closes."""
    answer = ack if isinstance(ack, dict) else {}
    match answer.get("response_action"):
        case None:
            core.views.close(view)
        case "clear":
            core.views.close_all(view.member)
        case "errors":
            unknown = set(answer["errors"]) - {block["block_id"] for block in view.blocks if block["type"] == "input"}
            if unknown or not answer["errors"]:
                view.member.notices.append(f"We had some trouble connecting: errors for {sorted(unknown)}")
            view.errors = dict(answer["errors"])
        case "update":
            _try(view, lambda: core.views.update(view.bot, view, answer["view"], None))
        case "push":
            _try(view, lambda: core.views.open(view.bot, view.member, answer["view"], push=True))
        case unknown:
            view.member.notices.append(f"We had some trouble connecting: response_action {unknown}")


def _try(view: View, act: Any) -> None:
    try:
        act()
    except Refusal as refusal:
        view.member.notices.append(f"We had some trouble connecting: {refusal}")


def said_by_ack(core: Core, payload: Json, ack: Any) -> None:
    """A command may be answered with a message in its acknowledgement, private unless `in_channel`."""
    if not isinstance(ack, dict) or not (ack.get("text") or ack.get("blocks")):
        return
    hook = core.tickets.hooks[payload["response_url"].removeprefix(core.base_url)]
    try:
        say(core, hook.bot, hook.member, hook.channel, ack)
    except Refusal as refusal:
        hook.member.notices.append(f"{payload['command']} failed with the error {refusal.error!r}")


def say(core: Core, bot: Bot, member: Member, channel: Channel, said: Json, original: Message | None = None) -> Message:
    """A message by acknowledgement or response URL: no membership is needed, files cannot be sent."""
    body = said.get("blocks")
    if body:
        found = blocks.complaints(body, lambda file: core.views.shown(bot, file))
        if found:
            raise Refusal("invalid_blocks", errors=found)
        body = blocks.completed(body, lambda: core.ids.new("b"))
    elif not said.get("text"):
        raise Refusal("no_text")
    facts: Json = {"text": text.stored(said.get("text", "")), "blocks": body or []}
    if original is not None and said.get("replace_original"):
        core.wall.change(original, **facts)
        return original
    if thread := said.get("thread_ts"):
        core.wall.thread(channel, thread)
    words = facts.pop("text")
    private = said.get("response_type", "ephemeral") != "in_channel"
    return core.wall.say(bot, channel, words, thread_ts=thread, only_for=member if private else None, **facts)
