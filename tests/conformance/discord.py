"""Does the local Discord speak as Discord's own OpenAPI document says, and does the library to it?

A session of the real discord.py is played and recorded; every request and answer in it is held against the document.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from tests.conformance.discord_session import play
from tests.conformance.openapi import Disagreement, Document
from tests.emulators.discord.recorder import Exchange, load

SCHEMA = "discord-openapi.json"


async def check(schemas: Path, recorded: Iterable[Path] = ()) -> tuple[int, list[Disagreement]]:
    """How many exchanges were held against the document, and where they part. recorded: files of other sessions.

    Raises FileNotFoundError where `schemas` lacks the document.
    """
    document = Document(json.loads((schemas / SCHEMA).read_text()))
    exchanges = list(await play())
    for file in recorded:
        exchanges += load(file)
    told = [exchange for exchange in exchanges if not _is_anothers_page(exchange)]
    return len(told), list(document.judge(without_known_disagreements(exchange) for exchange in told))


def _is_anothers_page(exchange: Exchange) -> bool:
    """A refusal without JSON comes from somebody between the bot and Discord, as tests lay it; Discord's document has none."""
    return exchange.status >= 400 and exchange.response is None


def without_known_disagreements(exchange: Exchange) -> Exchange:
    """The exchange, put in the document's words where Discord itself is known to take or say what those words lack.

    Taken: numbers for ids, and `use_nested_fields`, which the library adds to forum posts. Said: the words that
    are the inner codes of 50035, and messages that pass another one on (`message_reference.type` 1).
    """
    return replace(
        exchange,
        query={name: value for name, value in exchange.query.items() if name != "use_nested_fields"},
        request=_with_text_ids(exchange.request),
        response=_without_new_features(_with_known_references(_with_number_codes(exchange.response))),
    )


def _without_new_features(value: Any) -> Any:
    """Servers that take larger files say so by features that the document's list lacks."""
    if not isinstance(value, dict) or not isinstance(value.get("features"), list):
        return value
    return value | {"features": [name for name in value["features"] if not str(name).startswith("MAX_FILE_SIZE_")]}


def _with_text_ids(value: Any) -> Any:
    match value:
        case dict():
            return {key: _id_text(inner) if _names_ids(key) else _with_text_ids(inner) for key, inner in value.items()}
        case list():
            return [_with_attachment_id(inner) for inner in map(_with_text_ids, value)]
        case _:
            return value


def _names_ids(key: str) -> bool:
    return key in {"users", "roles"} or (key.endswith("_id") and key != "custom_id")


def _id_text(value: Any) -> Any:
    if isinstance(value, list):
        return [_id_text(inner) for inner in value]
    return str(value) if isinstance(value, int) else value


def _with_attachment_id(value: Any) -> Any:
    """An entry of `attachments`; components have numbers for ids too, and keep them."""
    if isinstance(value, dict) and "id" in value and "type" not in value:
        return {**value, "id": str(value["id"])}
    return value


def _with_number_codes(value: Any) -> Any:
    match value:
        case {"_errors": list(errors)}:
            return {"_errors": [{**error, "code": 0} for error in errors]}
        case dict():
            return {key: _with_number_codes(inner) for key, inner in value.items()}
        case _:
            return value


def _with_known_references(value: Any) -> Any:
    match value:
        case {"message_reference": {"type": 1}, **rest}:
            return {**rest, "message_reference": {**value["message_reference"], "type": 0}}
        case list():
            return [_with_known_references(inner) for inner in value]
        case _:
            return value
