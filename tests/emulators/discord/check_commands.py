"""May an application register these commands?"""

from __future__ import annotations

import re
from collections import Counter
from typing import Any

from tests.emulators.discord.check_embeds import check_list, check_string, too_long
from tests.emulators.discord.refusals import Json, invalid, not_a_choice, required

CHAT_INPUT, USER, MESSAGE = 1, 2, 3
MOST = {CHAT_INPUT: 100, USER: 15, MESSAGE: 15}  # since 2026-03-03
MAX_CHARACTERS = 8000  # of names, descriptions and values of one command
MAX_STRING = 6000
OPTION_TYPES = range(1, 12)
STRING, INTEGER, NUMBER = 3, 4, 10
CHAT_NAME = re.compile(r"[-_'\w]{1,32}", re.UNICODE)


def read_commands(body: Any) -> list[Json]:
    """A bulk overwrite, judged: each command with every key that it answers with, ids apart."""
    commands = check_list("", body, 130)
    made = [read_command(command, f"{number}.") for number, command in enumerate(commands)]
    names = Counter((command["type"], command["name"]) for command in made)
    for number, command in enumerate(made):
        if names[command["type"], command["name"]] > 1:
            raise invalid(
                f"{number}.name", "APPLICATION_COMMANDS_DUPLICATE_NAME", "Application command names must be unique"
            )
    for kind, most in MOST.items():
        if sum(command["type"] == kind for command in made) > most:
            raise invalid("", "MAX_APPLICATION_COMMANDS", f"Maximum number of application commands reached ({most})")
    return made


def read_command(command: Any, path: str = "") -> Json:
    if not isinstance(command, dict):
        raise invalid(path, "MODEL_TYPE_CONVERT", "Only dictionaries may be used in a ModelType")
    kind = command.get("type") or CHAT_INPUT
    if kind not in MOST:
        raise not_a_choice(f"{path}type", tuple(MOST))
    _check_name(f"{path}name", command.get("name"), chat=kind == CHAT_INPUT)
    if kind == CHAT_INPUT:
        check_string(f"{path}description", command.get("description") or "", 100, least=1)
    elif command.get("description") or command.get("options"):
        raise invalid(
            f"{path}description", "APPLICATION_COMMAND_INVALID_DESCRIPTION", "Context menu commands cannot have one"
        )
    options = check_list(f"{path}options", command.get("options") or [], 25)
    _check_options(f"{path}options", options)
    if _characters(command) > MAX_CHARACTERS:
        raise invalid(path, "APPLICATION_COMMAND_TOO_LARGE", f"Command exceeds maximum size ({MAX_CHARACTERS})")
    needed = command.get("default_member_permissions")
    if needed is not None and not str(needed).isdecimal():
        raise invalid(f"{path}default_member_permissions", "NUMBER_TYPE_COERCE", f'Value "{needed}" is not int.')
    return {
        "type": kind,
        "name": command["name"],
        "description": command.get("description") or "",
        "options": options,
        "default_member_permissions": None if needed is None else str(needed),
        "dm_permission": command.get("dm_permission", True),
        "contexts": _places(f"{path}contexts", command.get("contexts"), (0, 1, 2)),
        "integration_types": _places(f"{path}integration_types", command.get("integration_types"), (0, 1)) or [0],
        "nsfw": bool(command.get("nsfw")),
        **{key: command[key] for key in ("name_localizations", "description_localizations") if command.get(key)},
    }


def _check_name(path: str, name: Any, *, chat: bool) -> None:
    if name is None:
        raise required(path)
    check_string(path, name, 32, least=1)
    if chat and (not CHAT_NAME.fullmatch(name) or name != name.lower()):
        raise invalid(path, "APPLICATION_COMMAND_INVALID_NAME", "Command name is invalid")


def _check_options(path: str, options: list[Json]) -> None:
    seen: set[str] = set()
    optional = False
    for number, option in enumerate(options):
        here = f"{path}.{number}"
        if option.get("type") not in OPTION_TYPES:
            raise not_a_choice(f"{here}.type", tuple(OPTION_TYPES))
        _check_name(f"{here}.name", option.get("name"), chat=True)
        check_string(f"{here}.description", option.get("description") or "", 100, least=1)
        if option["name"] in seen:
            raise invalid(here, "APPLICATION_COMMAND_OPTIONS_NAME_INVALID", "Option names must be unique")
        if option.get("required") and optional:
            raise invalid(
                here,
                "APPLICATION_COMMAND_OPTIONS_REQUIRED_INVALID",
                "Required options must be placed before non-required options",
            )
        seen.add(option["name"])
        optional = optional or not option.get("required")
        _check_choices(here, option)
        _check_lengths(here, option)
        if option.get("options"):
            _check_options(f"{here}.options", check_list(f"{here}.options", option["options"], 25))


def _check_choices(path: str, option: Json) -> None:
    choices = check_list(f"{path}.choices", option.get("choices") or [], 25)
    if choices and option.get("autocomplete"):
        raise invalid(
            path, "APPLICATION_COMMAND_OPTIONS_CHOICES_AUTOCOMPLETE", "Choices and autocomplete exclude each other"
        )
    if choices and option["type"] not in {STRING, INTEGER, NUMBER}:
        raise invalid(
            f"{path}.choices", "APPLICATION_COMMAND_OPTIONS_CHOICES_INVALID", "This option type takes no choices"
        )
    for number, choice in enumerate(choices):
        check_string(f"{path}.choices.{number}.name", choice.get("name"), 100, least=1)
        if option["type"] == STRING:
            check_string(f"{path}.choices.{number}.value", choice.get("value"), 100)
    names = [choice["name"] for choice in choices]
    if len(set(names)) < len(names):
        raise invalid(
            f"{path}.choices", "APPLICATION_COMMAND_OPTIONS_CHOICE_NAME_DUPLICATE", "Choice names must be unique"
        )


def _check_lengths(path: str, option: Json) -> None:
    low, high = option.get("min_length"), option.get("max_length")
    if option["type"] != STRING and (low is not None or high is not None):
        raise invalid(path, "APPLICATION_COMMAND_OPTIONS_LENGTH_INVALID", "Only strings have a length")
    if low is not None and not 0 <= low <= MAX_STRING:
        raise too_long(f"{path}.min_length", MAX_STRING)
    if high is not None and not 1 <= high <= MAX_STRING:
        raise too_long(f"{path}.max_length", MAX_STRING)
    if low is not None and high is not None and low > high:
        raise invalid(f"{path}.min_length", "NUMBER_TYPE_MAX", "The least is more than the most.")


def _characters(command: Json) -> int:
    """Names, descriptions and values, of options and choices too; the longest localization counts (Discord's docs)."""
    total = 0
    for key in ("name", "description"):
        texts = [command.get(key) or "", *(command.get(f"{key}_localizations") or {}).values()]
        total += max(len(text) for text in texts)
    total += sum(len(choice["name"]) + len(str(choice["value"])) for choice in command.get("choices") or [])
    return total + sum(_characters(option) for option in command.get("options") or [])


def _places(path: str, value: Any, known: tuple[int, ...]) -> list[int] | None:
    if value is None:
        return None
    places: list[int] = check_list(path, value, len(known))
    if not places:
        raise invalid(path, "BASE_TYPE_MIN_LENGTH", "Must be 1 or more in length.")
    if any(place not in known for place in places) or len(set(places)) < len(places):
        raise not_a_choice(path, known)
    return places
