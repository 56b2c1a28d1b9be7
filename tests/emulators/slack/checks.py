"""In which words does Slack complain about a field of a JSON argument? The small checks that Block Kit's rules are made of.

A check takes a value and its JSON pointer and yields complaints. Their wording follows answers of the real API.
"""

from collections.abc import Callable, Iterable, Mapping
from typing import Any

Check = Callable[[Any, str], Iterable[str]]
Fields = Mapping[str, tuple[Check, bool]]
"""Name of a field: its check, and whether it is required. Any other field is a complaint."""


def at(complaint: str, pointer: str) -> str:
    return f"{complaint} [json-pointer:{pointer}]"


def anything(_value: Any, _pointer: str) -> Iterable[str]:
    return ()


def flag(value: Any, pointer: str) -> Iterable[str]:
    if not isinstance(value, bool):
        yield at("must provide a boolean", pointer)


def string(most: int, least: int = 1) -> Check:
    def check(value: Any, pointer: str) -> Iterable[str]:
        if not isinstance(value, str):
            yield at("must provide a string", pointer)
        elif len(value) > most:
            yield at(f"must be less than {most + 1} characters", pointer)
        elif len(value) < least:
            yield at(f"must be more than {least - 1} characters", pointer)

    return check


def number(least: int, most: int) -> Check:
    def check(value: Any, pointer: str) -> Iterable[str]:
        if not isinstance(value, int) or isinstance(value, bool):
            yield at("must provide an integer", pointer)
        elif not least <= value <= most:
            yield at(f"must be between {least} and {most}", pointer)

    return check


def one_of(*values: str) -> Check:
    def check(value: Any, pointer: str) -> Iterable[str]:
        if value not in values:
            yield at(f"must be a valid enum value: {', '.join(values)}", pointer)

    return check


def items(each: Check, most: int, least: int = 1) -> Check:
    def check(value: Any, pointer: str) -> Iterable[str]:
        if not isinstance(value, list):
            yield at("must provide an array", pointer)
            return
        if len(value) > most:
            yield at(f"no more than {most} items allowed", pointer)
        if len(value) < least:
            yield at(f"no fewer than {least} items allowed", pointer)
        for number_, item in enumerate(value):
            yield from each(item, f"{pointer}/{number_}")

    return check


def fields(spec: Fields) -> Check:
    def check(value: Any, pointer: str) -> Iterable[str]:
        if not isinstance(value, dict):
            yield at("must provide an object", pointer)
            return
        for name, (_, required) in spec.items():
            if required and value.get(name) is None:
                yield at(f"missing required field: {name}", pointer)
        for name, inner in value.items():
            if name not in spec:
                yield at(f"invalid additional property: {name}", pointer)
            elif inner is not None:
                yield from spec[name][0](inner, f"{pointer}/{name}")

    return check


def typed(kinds: Mapping[str, Fields], only: Iterable[str] | None = None) -> Check:
    """An object whose `type` says which fields it has. only: the types that may stand here."""
    allowed = frozenset(kinds if only is None else only)
    each = {name: fields({"type": (anything, True), **kinds[name]}) for name in allowed}

    def check(value: Any, pointer: str) -> Iterable[str]:
        if not isinstance(value, dict):
            yield at("must provide an object", pointer)
        elif "type" not in value:
            yield at("missing required field: type", pointer)
        elif value["type"] not in allowed:
            yield at(f"unsupported type: {value['type']}", f"{pointer}/type")
        else:
            yield from each[value["type"]](value, pointer)

    return check


def required(check: Check) -> tuple[Check, bool]:
    return check, True


def optional(check: Check) -> tuple[Check, bool]:
    return check, False
