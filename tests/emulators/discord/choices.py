"""What does a member's command or form become on the way to the application?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.discord.check_components import stated
from tests.emulators.discord.files import Upload, stored
from tests.emulators.discord.refusals import CannotDoError
from tests.emulators.discord.views import attachment_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.interactions import Modal
    from tests.emulators.discord.state import State

Json = dict[str, Any]

STRING, INTEGER, BOOLEAN, NUMBER, ATTACHMENT = 3, 4, 5, 10, 11
PYTHON_TYPE: dict[int, type | tuple[type, ...]] = {
    STRING: str,
    INTEGER: int,
    BOOLEAN: bool,
    NUMBER: (int, float),
    ATTACHMENT: Upload,
}
GUILD, BOT_DM = 0, 1  # contexts
TEXT_INPUT, FILE_UPLOAD = 4, 19


def find_command(state: State, channel: Channel, name: str, *, kind: int) -> Json:
    """The command as the application has registered it for such a place; a server's own goes before a global one."""
    guild = channel.guild
    for scope in (guild.id if guild else None, None):
        for command in state.commands.get(scope, []):
            if command["name"] == name and command["type"] == kind and _offered(command, dm=guild is None):
                return command
    known = sorted(command["name"] for commands in state.commands.values() for command in commands)
    raise CannotDoError(f"no command {name!r} is offered in {channel}; registered are {known}")


def _offered(command: Json, *, dm: bool) -> bool:
    contexts = command["contexts"]
    if contexts is None:
        return not dm or bool(command["dm_permission"])
    return (BOT_DM if dm else GUILD) in contexts


def command_data(state: State, command: Json, values: Mapping[str, Any]) -> Json:
    """`data` of a chat command, judged as Discord's client judges what is typed."""
    options = {option["name"]: option for option in command["options"]}
    for name in values:
        if name not in options:
            raise CannotDoError(f"/{command['name']} has no option {name!r} but {sorted(options)}")
    for option in options.values():
        if option.get("required") and option["name"] not in values:
            raise CannotDoError(f"/{command['name']} needs {option['name']!r}")
    files: Json = {}
    sent = [
        {"type": option["type"], "name": name, "value": _value(state, option, values[name], files)}
        for name, option in options.items()
        if name in values
    ]
    data: Json = {"id": command["id"], "name": command["name"], "type": 1, "options": sent}
    if files:
        data["resolved"] = {"attachments": files}
    if command.get("guild_id"):
        data["guild_id"] = command["guild_id"]
    return data


def _value(state: State, option: Json, value: Any, files: Json) -> Any:
    kind, name = option["type"], option["name"]
    expected = PYTHON_TYPE.get(kind)
    if expected is None:
        raise CannotDoError(f"the option {name!r} is of type {kind}, which nobody here can fill in")
    if not isinstance(value, expected) or (isinstance(value, bool) and kind != BOOLEAN):
        raise CannotDoError(f"the option {name!r} does not take {value!r}")
    choices = [choice["value"] for choice in option.get("choices") or []]
    if choices and value not in choices:
        raise CannotDoError(f"the option {name!r} offers {choices}, not {value!r}")
    if isinstance(value, str):
        least = stated(option, "min_length", int(bool(option.get("required"))))
        _check_length(name, value, least, stated(option, "max_length", 6000))
    if isinstance(value, Upload):
        return _hand_over(state, value, files)
    low, high = option.get("min_value"), option.get("max_value")
    if kind in {INTEGER, NUMBER} and ((low is not None and value < low) or (high is not None and value > high)):
        raise CannotDoError(f"the option {name!r} does not take {value}")
    return value


def submitted(state: State, modal: Modal, values: Mapping[str, Any]) -> Json:
    """`data` of a form that was sent, judged as Discord's client judges it."""
    named = {key for field in modal.fields for key in (field.custom_id, field.label)}
    if not set(values) <= named:
        raise CannotDoError(f"the form has {sorted(named)}, not {sorted(set(values) - named)}")
    files: Json = {}
    sent: list[Json] = []
    for part in modal.components:
        inner = [part["component"]] if part["type"] == 18 else part.get("components") or []
        filled = [
            _filled(state, component, values.get(component["custom_id"], values.get(_label(part, component))), files)
            for component in inner
        ]
        if part["type"] == 18:
            sent.append({"type": 18, "id": part["id"], "component": filled[0]})
        elif filled:
            sent.append({"type": part["type"], "id": part["id"], "components": filled})
        else:
            sent.append({"type": part["type"], "id": part["id"]})
    data: Json = {"custom_id": modal.custom_id, "components": sent}
    if files:
        data["resolved"] = {"attachments": files}
    return data


def _filled(state: State, component: Json, value: Any, files: Json) -> Json:
    data: Json = {"type": component["type"], "id": component["id"], "custom_id": component["custom_id"]}
    must = component.get("required") is not False
    if component["type"] == TEXT_INPUT:
        text = component.get("value") or "" if value is None else value
        if text or must:
            low, high = stated(component, "min_length", int(must)), stated(component, "max_length", 4000)
            _check_length(component["custom_id"], text, low, high)
        return {**data, "value": text}
    if component["type"] == FILE_UPLOAD:
        uploads: Sequence[Upload] = value or ()
        low, high = stated(component, "min_values", 1), stated(component, "max_values", 1)
        if not (low if must or uploads else 0) <= len(uploads) <= high:
            raise CannotDoError(f"{component['custom_id']!r} takes {low} to {high} files, not {len(uploads)}")
        return {**data, "values": [_hand_over(state, upload, files) for upload in uploads]}
    return {**data, "value" if component["type"] in {21, 23} else "values": value}


def _label(part: Json, component: Json) -> str:
    return part.get("label") or component.get("label") or ""


def _check_length(name: str, text: str, low: int, high: int) -> None:
    if not low <= len(text) <= high:
        raise CannotDoError(f"{name!r} takes {low} to {high} characters, not {len(text)}")


def _hand_over(state: State, upload: Upload, files: Json) -> str:
    """A file given to the application alone; Discord removes it after a while."""
    attachment = state.acts.keep_file(
        stored(upload, id=state.ids.next(), folder=state.application.id, at=state.clock.now(), ephemeral=True)
    )
    files[str(attachment.id)] = attachment_json(state, attachment)
    return str(attachment.id)
