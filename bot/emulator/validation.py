"""Is this payload one that the model accepts, and what exactly does it ask for?"""

from __future__ import annotations

import base64
import binascii
from dataclasses import dataclass
from typing import Any

from bot.emulator.catalogue import Model

KNOWN_FIELDS = ("prompt", "image", "aspect_ratio", "contents")
PART_KINDS = ("text", "fileData", "inlineData")
URL_SCHEMES = ("http://", "https://", "gs://")


class InvalidPayload(Exception):
    """The payload's shape is wrong: 400 with this text."""

    def __init__(self, field: str, reason: str) -> None:
        super().__init__(f"invalid payload parameters: {field} ({reason})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Picture:
    """A picture that a request refers to: an address to fetch, or bytes sent along."""

    uri: str | None = None
    data: bytes | None = None
    turn: int = 0
    """Index of the turn of `contents` it stands in; 0 for `image`."""
    role: str = "user"


@dataclass(frozen=True, kw_only=True, slots=True)
class Asked:
    """What a payload asks for, as the service understands it."""

    words: str
    """Text of the last user turn, or the prompt."""
    aspect_ratio: str
    pictures: tuple[Picture, ...]
    """Every picture of the request in order, history included."""
    contents: tuple[dict[str, Any], ...] | None
    """The conversation without its empty parts; None for a request by `prompt`."""
    ignored: tuple[str, ...]
    """Documented fields that had no effect because `contents` was there too."""
    unknown: tuple[str, ...]
    """Fields that the service does not know and ignored silently (observed)."""


def words_of(payload: Any) -> str:
    """The words of any payload, well-formed or not; empty when there are none."""
    if not isinstance(payload, dict):
        return ""
    if "contents" not in payload:
        prompt = payload.get("prompt")
        return prompt if isinstance(prompt, str) else ""
    turns = payload["contents"] if isinstance(payload["contents"], list) else []
    users = [turn for turn in turns if isinstance(turn, dict) and turn.get("role") == "user"]
    parts = users[-1].get("parts") if users else None
    texts = [part.get("text") for part in parts if isinstance(part, dict)] if isinstance(parts, list) else []
    return " ".join(text for text in texts if isinstance(text, str) and text)


def read(payload: Any, model: Model) -> Asked:
    """What the payload asks of the model, or InvalidPayload."""
    if not isinstance(payload, dict):
        raise InvalidPayload("payload", "Invalid type, expected object")
    ratio = payload.get("aspect_ratio", "1:1")
    if not isinstance(ratio, str) or ratio not in model.sizes:
        raise InvalidPayload("aspect_ratio", f"Value is not in the allowed options: {', '.join(model.sizes)}")
    unknown = tuple(name for name in payload if name not in KNOWN_FIELDS)
    if "contents" in payload:
        contents = _contents(payload["contents"])
        return Asked(
            words=words_of({"contents": list(contents)}),
            aspect_ratio=ratio,
            pictures=_pictures(contents),
            contents=contents,
            # Successor pages of the guide: with `contents` present, `prompt` and `image` have no effect.
            ignored=tuple(name for name in ("prompt", "image") if name in payload),
            unknown=unknown,
        )
    return Asked(
        words=_prompt(payload),
        aspect_ratio=ratio,
        pictures=tuple(Picture(uri=uri) for uri in _image(payload, model)),
        contents=None,
        ignored=(),
        unknown=unknown,
    )


def _prompt(payload: dict[str, Any]) -> str:
    prompt = payload.get("prompt")
    if prompt is None or prompt == "":
        raise InvalidPayload("prompt", "Required parameter is missing")
    if not isinstance(prompt, str):
        raise InvalidPayload("prompt", "Invalid type, expected string")
    return prompt


def _image(payload: dict[str, Any], model: Model) -> list[str]:
    if "image" not in payload:
        return []
    image = payload["image"]
    uris = [image] if isinstance(image, str) else image
    if not isinstance(uris, list) or not all(isinstance(uri, str) for uri in uris):
        raise InvalidPayload("image", "Invalid type, expected string or array of strings")
    if not uris or not all(uris):
        raise InvalidPayload("image", "Required parameter is missing")
    if len(uris) > model.max_images:
        raise InvalidPayload("image", f"Too many items, at most {model.max_images}")
    # A data URI has an acceptable shape; the model's fetcher is who cannot use it (observed).
    if not all(uri.startswith((*URL_SCHEMES, "data:")) for uri in uris):
        raise InvalidPayload("image", "Invalid URL")
    return uris


def _contents(contents: Any) -> tuple[dict[str, Any], ...]:
    if not isinstance(contents, list):
        raise InvalidPayload("contents", "Invalid type, expected array")
    if not contents:
        raise InvalidPayload("contents", "Required parameter is missing")
    turns = tuple(_turn(turn, f"contents[{index}]") for index, turn in enumerate(contents))
    if turns[-1]["role"] != "user":
        raise InvalidPayload("contents", "Last turn must have role user")
    if not turns[-1]["parts"]:
        raise InvalidPayload("contents", "Last turn is empty")
    return turns


def _turn(turn: Any, where: str) -> dict[str, Any]:
    if not isinstance(turn, dict):
        raise InvalidPayload(where, "Invalid type, expected object")
    if turn.get("role") not in ("user", "model"):
        raise InvalidPayload(f"{where}.role", "Value is not in the allowed options: user, model")
    parts = turn.get("parts")
    if not isinstance(parts, list):
        raise InvalidPayload(f"{where}.parts", "Required parameter is missing")
    for index, part in enumerate(parts):
        _check_part(part, f"{where}.parts[{index}]")
    return {**turn, "parts": [part for part in parts if not _is_empty(part)]}


def _check_part(part: Any, where: str) -> None:
    if not isinstance(part, dict):
        raise InvalidPayload(where, "Invalid type, expected object")
    kinds = [kind for kind in PART_KINDS if kind in part]
    if len(kinds) != 1:
        raise InvalidPayload(where, f"Exactly one is required: {', '.join(PART_KINDS)}")
    value = part[kinds[0]]
    if kinds[0] == "text":
        if not isinstance(value, str):
            raise InvalidPayload(f"{where}.text", "Invalid type, expected string")
        return
    content = "fileUri" if kinds[0] == "fileData" else "data"
    if not isinstance(value, dict) or not isinstance(value.get(content), str):
        raise InvalidPayload(f"{where}.{kinds[0]}.{content}", "Required parameter is missing")
    if value[content] and not isinstance(value.get("mimeType"), str):
        raise InvalidPayload(f"{where}.{kinds[0]}.mimeType", "Required parameter is missing")
    if content == "fileUri" and value[content] and not value[content].startswith(URL_SCHEMES):
        raise InvalidPayload(f"{where}.fileData.fileUri", "Invalid URL")
    if content == "data":
        _decoded(value[content], where)


def _is_empty(part: dict[str, Any]) -> bool:
    """Guide: an empty `text` or `fileUri` is filtered out."""
    if "text" in part:
        return not part["text"]
    return not (part["fileData"]["fileUri"] if "fileData" in part else part["inlineData"]["data"])


def _decoded(data: str, where: str) -> bytes:
    try:
        return base64.b64decode(data, validate=True)
    except binascii.Error as error:
        raise InvalidPayload(f"{where}.inlineData.data", "Invalid base64") from error


def _pictures(contents: tuple[dict[str, Any], ...]) -> tuple[Picture, ...]:
    found = []
    for index, turn in enumerate(contents):
        for part in turn["parts"]:
            if "fileData" in part:
                found.append(Picture(uri=part["fileData"]["fileUri"], turn=index, role=turn["role"]))
            elif "inlineData" in part:
                data = _decoded(part["inlineData"]["data"], f"contents[{index}]")
                found.append(Picture(data=data, turn=index, role=turn["role"]))
    return tuple(found)
