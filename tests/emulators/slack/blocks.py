"""Which blocks and views does Slack take? Block Kit's rules, as its reference states them.

What the reference only implies (that unknown fields are refused, for one) is known from answers of the real API; see README.md.
"""

import json
from collections.abc import Callable, Iterable
from typing import Any

from tests.emulators.slack.checks import (
    Check,
    Fields,
    anything,
    at,
    fields,
    flag,
    items,
    number,
    one_of,
    optional,
    required,
    string,
    typed,
)

Json = dict[str, Any]

MAX_MESSAGE_BLOCKS = 50
MAX_VIEW_BLOCKS = 100
MAX_ALL_TEXT = 13_200  # characters of all blocks of a message: observed by others, not documented
MAX_VIEW_BYTES = 250_000


def text_of(most: int, *, plain: bool = False) -> Check:
    """A text object."""
    kinds: dict[str, Fields] = {"plain_text": {"text": required(string(most)), "emoji": optional(flag)}}
    if not plain:
        kinds["mrkdwn"] = {"text": required(string(most)), "verbatim": optional(flag)}
    return typed(kinds)


ID = string(255)
CONFIRM = fields(
    {
        "title": required(text_of(100, plain=True)),
        "text": required(text_of(300)),
        "confirm": required(text_of(30, plain=True)),
        "deny": required(text_of(30, plain=True)),
        "style": optional(one_of("primary", "danger")),
    }
)
OPTION = fields(
    {
        "text": required(text_of(75)),
        "value": required(string(150)),
        "description": optional(text_of(75)),
        "url": optional(string(3000)),
    }
)
GROUP = fields({"label": required(text_of(75, plain=True)), "options": required(items(OPTION, 100))})
SLACK_FILE = fields({"id": optional(string(255)), "url": optional(string(3000))})
IMAGE: Fields = {
    "image_url": optional(string(3000)),
    "slack_file": optional(SLACK_FILE),
    "alt_text": required(string(2000)),
}
ACTING: Fields = {"action_id": optional(ID), "confirm": optional(CONFIRM), "focus_on_load": optional(flag)}
HOLDER: Fields = {**ACTING, "placeholder": optional(text_of(150, plain=True))}
MANY: Fields = {"max_selected_items": optional(number(1, 1000))}
OPTIONS: Fields = {"options": optional(items(OPTION, 100)), "option_groups": optional(items(GROUP, 100))}
DISPATCH = fields({"trigger_actions_on": optional(anything)})
TYPING: Fields = {**HOLDER, "initial_value": optional(string(3000, 0)), "dispatch_action_config": optional(DISPATCH)}
LENGTHS: Fields = {"min_length": optional(number(0, 3000)), "max_length": optional(number(1, 3000))}

ELEMENTS: dict[str, Fields] = {
    "button": {
        "action_id": optional(ID),
        "confirm": optional(CONFIRM),
        "text": required(text_of(75, plain=True)),
        "url": optional(string(3000)),
        "value": optional(string(2000)),
        "style": optional(one_of("primary", "danger")),
        "accessibility_label": optional(string(75)),
    },
    "image": IMAGE,
    "static_select": {**HOLDER, **OPTIONS, "initial_option": optional(OPTION)},
    "external_select": {**HOLDER, "initial_option": optional(OPTION), "min_query_length": optional(number(0, 100))},
    "users_select": {**HOLDER, "initial_user": optional(string(255))},
    "channels_select": {**HOLDER, "initial_channel": optional(string(255)), "response_url_enabled": optional(flag)},
    "conversations_select": {
        **HOLDER,
        "initial_conversation": optional(string(255)),
        "default_to_current_conversation": optional(flag),
        "response_url_enabled": optional(flag),
        "filter": optional(anything),
    },
    "multi_static_select": {**HOLDER, **OPTIONS, **MANY, "initial_options": optional(items(OPTION, 100))},
    "multi_users_select": {**HOLDER, **MANY, "initial_users": optional(anything)},
    "overflow": {"action_id": optional(ID), "confirm": optional(CONFIRM), "options": required(items(OPTION, 5))},
    "datepicker": {**HOLDER, "initial_date": optional(string(10))},
    "checkboxes": {**ACTING, "options": required(items(OPTION, 10)), "initial_options": optional(items(OPTION, 10))},
    "radio_buttons": {**ACTING, "options": required(items(OPTION, 10)), "initial_option": optional(OPTION)},
    "plain_text_input": {**TYPING, **LENGTHS, "multiline": optional(flag)},
    "number_input": {**TYPING, "is_decimal_allowed": required(flag), "min_value": optional(anything)},
    "url_text_input": TYPING,
    "email_text_input": TYPING,
    "file_input": {
        "action_id": optional(ID),
        "filetypes": optional(items(string(20), 100)),
        "max_files": optional(number(1, 10)),
    },
}
SELECTS = [name for name in ELEMENTS if name.endswith(("_select", "picker"))]
INPUTS = [*SELECTS, "checkboxes", "radio_buttons", *(name for name in ELEMENTS if name.endswith("_input"))]
ACTIONS = [*SELECTS, "button", "overflow", "checkboxes", "radio_buttons"]

TEXTS: dict[str, Fields] = {
    "plain_text": {"text": required(string(3000)), "emoji": optional(flag)},
    "mrkdwn": {"text": required(string(3000)), "verbatim": optional(flag)},
}
BLOCK_ID: Fields = {"block_id": optional(ID)}
BLOCKS: dict[str, Fields] = {
    "section": {
        **BLOCK_ID,
        "text": optional(text_of(3000)),
        "fields": optional(items(text_of(2000), 10)),
        "accessory": optional(typed(ELEMENTS, [*ACTIONS, "image"])),
        "expand": optional(flag),
    },
    "divider": BLOCK_ID,
    "header": {**BLOCK_ID, "text": required(text_of(150, plain=True)), "level": optional(number(1, 6))},
    "image": {**BLOCK_ID, **IMAGE, "title": optional(text_of(2000, plain=True))},
    "actions": {**BLOCK_ID, "elements": required(items(typed(ELEMENTS, ACTIONS), 25))},
    "context": {**BLOCK_ID, "elements": required(items(typed({**TEXTS, "image": IMAGE}), 10))},
    "input": {
        **BLOCK_ID,
        "label": required(text_of(2000, plain=True)),
        "element": required(typed(ELEMENTS, INPUTS)),
        "dispatch_action": optional(flag),
        "hint": optional(text_of(2000, plain=True)),
        "optional": optional(flag),
    },
    "rich_text": {**BLOCK_ID, "elements": required(items(anything, 1000))},
    "markdown": {**BLOCK_ID, "text": required(string(12_000))},
}
ON_MESSAGES = ["section", "divider", "header", "image", "actions", "context", "input", "rich_text", "markdown"]
ON_VIEWS = [name for name in ON_MESSAGES if name != "markdown"]

FindFile = Callable[[Json], bool]
"""Whether this `slack_file` can be shown: it is there, the app may see it, and Slack has found it to be a picture."""


def complaints(blocks: Any, shown: FindFile, *, on: str = "message") -> list[str]:
    """What is wrong with blocks; nothing, if Slack takes them. on: `message`, `modal` or `home`."""
    kinds, most = (ON_MESSAGES, MAX_MESSAGE_BLOCKS) if on == "message" else (ON_VIEWS, MAX_VIEW_BLOCKS)
    found = list(items(typed(BLOCKS, kinds), most, 0 if on == "message" else 1)(blocks, "/blocks"))
    if found:
        return found
    return [*_together(blocks, on), *_pictures(blocks, shown), *_unique(blocks)]


def _together(blocks: list[Json], on: str) -> Iterable[str]:
    """Rules about more than one field."""
    for place, block in enumerate(blocks):
        pointer = f"/blocks/{place}"
        match block["type"]:
            case "section" if not block.get("text") and not block.get("fields"):
                yield at("missing required field: text or fields", pointer)
            case "input" if on != "modal" and block["element"]["type"] == "file_input":
                yield at("unsupported type: file_input", f"{pointer}/element/type")
        for menu in _inside(block):
            lists = bool(menu.get("options")), bool(menu.get("option_groups"))
            if menu.get("type") in ("static_select", "multi_static_select") and lists[0] == lists[1]:
                yield at("must provide either options or option_groups", pointer)


def _inside(block: Json) -> list[Json]:
    """The elements of a block."""
    every = [*block.get("elements", ()), block.get("accessory"), block.get("element")]
    return [element for element in every if isinstance(element, dict)]


def _pictures(blocks: list[Json], shown: FindFile) -> Iterable[str]:
    for pointer, part in _walk(blocks, "/blocks"):
        if part.get("type") == "image" and "alt_text" in part:
            sources = [name for name in ("image_url", "slack_file") if part.get(name)]
            if len(sources) != 1:
                yield at("must provide either image_url or slack_file", pointer)
            elif sources == ["slack_file"] and not shown(part["slack_file"]):
                yield at("invalid slack file", f"{pointer}/slack_file")
            elif sources == ["image_url"] and not part["image_url"].startswith(("https://", "http://")):
                yield at("must be a valid URL", f"{pointer}/image_url")


def _unique(blocks: list[Json]) -> Iterable[str]:
    seen: set[str] = set()
    for place, block in enumerate(blocks):
        if (id := block.get("block_id")) is not None:
            if id in seen:
                yield at(f"`block_id` {id!r} already exists", f"/blocks/{place}/block_id")
            seen.add(id)
        actions = [e.get("action_id") for e in block.get("elements", ()) if isinstance(e, dict)]
        named = [action for action in actions if action]
        for action in {action for action in named if named.count(action) > 1}:
            yield at(f"`action_id` {action!r} already exists for this block", f"/blocks/{place}/elements")


def _walk(value: Any, pointer: str) -> Iterable[tuple[str, Json]]:
    if isinstance(value, dict):
        yield pointer, value
        for name, inner in value.items():
            yield from _walk(inner, f"{pointer}/{name}")
    elif isinstance(value, list):
        for place, inner in enumerate(value):
            yield from _walk(inner, f"{pointer}/{place}")


def all_text(blocks: list[Json]) -> int:
    """Characters of all texts of a message's blocks."""
    return sum(len(part["text"]) for _, part in _walk(blocks, "") if isinstance(part.get("text"), str))


VIEW_TEXT = text_of(24, plain=True)
VIEW: Fields = {
    "type": required(one_of("modal", "home")),
    "blocks": required(anything),
    "callback_id": optional(string(255, 0)),
    "private_metadata": optional(string(3000, 0)),
    "external_id": optional(string(255, 0)),
}
MODAL: Fields = {
    **VIEW,
    "title": required(VIEW_TEXT),
    "submit": optional(VIEW_TEXT),
    "close": optional(VIEW_TEXT),
    "clear_on_close": optional(flag),
    "notify_on_close": optional(flag),
    "submit_disabled": optional(flag),
}


def view_complaints(view: Any, kind: str, shown: FindFile) -> list[str]:
    """What is wrong with a view. kind: `modal` or `home`."""
    if isinstance(view, dict) and view.get("type") not in (kind, None):
        return [at(f"unsupported type: {view['type']}, must be {kind}", "/view/type")]
    found = list(fields(MODAL if kind == "modal" else VIEW)(view, "/view"))
    if found:
        return found
    found = [
        text.replace("json-pointer:/blocks", "json-pointer:/view/blocks")
        for text in complaints(view["blocks"], shown, on=kind)
    ]
    inputs = any(block.get("type") == "input" for block in view["blocks"])
    if not found and kind == "modal" and inputs and not view.get("submit"):
        found.append(at("missing required field: submit", "/view"))
    return found


def too_large(view: Json) -> bool:
    return len(json.dumps(view)) > MAX_VIEW_BYTES


def completed(blocks: list[Json], mint: Callable[[], str]) -> list[Json]:
    """Blocks as Slack keeps them: with ids where the app gave none, and defaults of texts."""
    kept: list[Json] = json.loads(json.dumps(blocks))
    for block in kept:
        block.setdefault("block_id", mint())
        for element in _inside(block):
            if element.get("type") in (*ACTIONS, *INPUTS):
                element.setdefault("action_id", mint())
    for _, part in _walk(kept, ""):
        if part.get("type") == "plain_text":
            part.setdefault("emoji", True)
        elif part.get("type") == "mrkdwn":
            part.setdefault("verbatim", False)
    return kept
