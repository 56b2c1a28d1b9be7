"""A request and the history it builds on: which payload does the queue get? And which history does an outcome leave?

Pure. A history is the queue's `next_turn_contents` and belongs to the vendor: it is copied, not rebuilt, and what is not
named here (unknown keys, thought signatures, other roles and parts) goes back exactly as it came.
"""

from __future__ import annotations

import copy
import json
from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple, TypeGuard

from bot.model import MAX_EDIT_REFERENCES, MAX_FIRST_REFERENCES, Json

MAX_IMAGES = 3  # in one request, those of its history included (vendor guide: max input images)

MAX_CONTENTS = 20_000_000  # bytes; the queue names no limit, Gemini takes 20 MB where pictures travel in the request

# The guide writes camelCase; the model's raw answers have been seen in snake_case too. Name -> where its picture is.
_MEDIA = {
    "fileData": ("fileUri", "file_uri"),
    "file_data": ("fileUri", "file_uri"),
    "inlineData": ("data",),
    "inline_data": ("data",),
}
_NO_IMAGES = ("audio/", "video/", "text/", "application/pdf")


@dataclass(frozen=True, kw_only=True, slots=True)
class Source:
    """A picture that the queue can fetch: a reference, or the picture to edit."""

    url: str
    media_type: str


class _Spot(NamedTuple):
    """Where an image stands in a history; spots compare by age."""

    turn: int
    part: int
    key: str


# -- requests --------------------------------------------------------------------------------------------------------


def first_turn(*, prompt: str, aspect_ratio: str, references: Sequence[Source]) -> Json:
    """The payload of a new picture. Raises ValueError for more than 3 references: those are refused in words before."""
    _at_most(MAX_FIRST_REFERENCES, references)
    image = {"image": [reference.url for reference in references]} if references else {}
    return {"prompt": prompt, **image, "aspect_ratio": aspect_ratio}


def by_picture(*, prompt: str, aspect_ratio: str, picture: Source, references: Sequence[Source]) -> Json:
    """The payload of an edit without its history: the picture, then at most 2 references (ValueError for more)."""
    return first_turn(prompt=prompt, aspect_ratio=aspect_ratio, references=(picture, *references))


def next_turn(
    contents: list[Any],
    *,
    prompt: str,
    aspect_ratio: str,
    references: Sequence[Source],
    picture: Source | None,
    picture_index: int = 0,
) -> Json | None:
    """The payload of an edit that builds on a history, or None when this history cannot be built on (use `by_picture`).

    contents: the parent's `next_turn_contents`; left as it is. The new words and references go where the vendor guide
    wants them: into the last user turn, behind whatever stands there. A history that ends otherwise gets a user turn.
    picture: the edited one, the `picture_index`-th image of the newest result; sent before the references where the
    history does not hold it. Raises ValueError for more than 2 references, or for neither words nor references.
    """
    _at_most(MAX_EDIT_REFERENCES, references)
    if not prompt.strip() and not references:
        raise ValueError("an edit needs words or a reference")
    if not _is_history(contents):
        return None
    try:
        turns = _with_words(copy.deepcopy(contents), prompt)
    except RecursionError:  # nested deeper than anything that could be sent
        return None
    result = _newest_result(turns)
    edited = result[picture_index] if 0 <= picture_index < len(result) else None
    if edited is None and picture is None:
        return None
    added = [picture, *references] if edited is None and picture is not None else list(references)
    *history, last = _without(turns, _unwanted(turns, result, edited, room=MAX_IMAGES - len(added)))
    last = {**last, "parts": [*last["parts"], *map(_file_part, added)]}
    return {"contents": [*history, last], "aspect_ratio": aspect_ratio} if _can_be_sent([*history, last]) else None


def _at_most(most: int, references: Sequence[Source]) -> None:
    if len(references) > most:
        raise ValueError(f"{len(references)} references where at most {most} fit")


def _file_part(source: Source) -> Json:
    return {"fileData": {"mimeType": source.media_type, "fileUri": source.url}}


def _can_be_sent(turns: list[Json]) -> bool:
    """Whether it is JSON in UTF-8 of a size that has a chance: a vendor's answer may hold half a character, or NaN."""
    try:
        return len(json.dumps(turns, ensure_ascii=False, allow_nan=False).encode()) <= MAX_CONTENTS
    except (ValueError, RecursionError):
        return False


# -- the last user turn ----------------------------------------------------------------------------------------------


def _with_words(turns: list[Json], prompt: str) -> list[Json]:
    """The turns with the new words in a user turn at their end; that turn's `parts` is a list, perhaps empty.

    Words that stand in the last user turn already are somebody's: they stay, before the new ones.
    """
    last = turns[-1]
    parts = last.get("parts") or []
    if last.get("role") != "user" or not isinstance(parts, list):
        return [*turns, {"role": "user", "parts": _filled([], prompt)}]
    return [*turns[:-1], {**last, "parts": _filled(parts, prompt)}]


def _filled(parts: list[Any], prompt: str) -> list[Any]:
    """The parts with the words in the template's empty text, or behind everything where there is no such place."""
    if not prompt.strip():
        return parts
    for index in reversed(range(len(parts))):
        part = parts[index]
        if not isinstance(part, dict) or _speaks(part):
            break
        if "text" in part:
            return [*parts[:index], {**part, "text": prompt}, *parts[index + 1 :]]
    return [*parts, {"text": prompt}]


def _speaks(part: Json) -> bool:
    """Whether a part holds words or media."""
    text = part.get("text")
    blank = text is None or (isinstance(text, str) and not text.strip())
    return not blank or any(key in part and not _is_empty(key, part[key]) for key in _MEDIA)


# -- images of a history ---------------------------------------------------------------------------------------------


def _newest_result(turns: list[Json]) -> list[_Spot]:
    """The images of the newest answer: the model's last turns up to the user's words before them, thoughts left out."""
    found: list[_Spot] = []
    answered = False
    for index in reversed(range(len(turns))):
        role = turns[index].get("role")
        if role == "model":
            answered = True
            shown = [spot for spot in _images(index, turns[index]) if not _part(turns, spot).get("thought")]
            found = [*shown, *found]
        elif role == "user" and answered:
            break
    return found


def _images(index: int, turn: Json) -> list[_Spot]:
    """Every image of a turn, thoughts included: they all count at the model."""
    parts = turn.get("parts")
    return [
        _Spot(index, place, key)
        for place, part in enumerate(parts if isinstance(parts, list) else ())
        if isinstance(part, dict)
        for key in _MEDIA
        if key in part and _is_image(key, part[key])
    ]


def _part(turns: list[Json], spot: _Spot) -> Json:
    part: Json = turns[spot.turn]["parts"][spot.part]
    return part


def _is_image(key: str, media: Any) -> bool:
    if not isinstance(media, dict) or _is_empty(key, media):
        return False
    media_type = str(media.get("mimeType") or media.get("mime_type") or "")
    return not media_type.lower().startswith(_NO_IMAGES)  # an unnamed kind counts, so that the limit holds


def _is_empty(key: str, media: Any) -> bool:
    """Whether a media object names no file and holds no bytes; one of an unknown shape is not ours to judge."""
    if not isinstance(media, dict):
        return media is None
    return not any(str(media.get(name) or "").strip() for name in _MEDIA[key])


def _unwanted(turns: list[Json], result: list[_Spot], edited: _Spot | None, *, room: int) -> set[_Spot]:
    """The images to leave out so that at most `room` stay, the edited one among them: the oldest, and its rivals.

    Rivals are the images of the same result behind the edited one. Nothing but the order tells the model which of several
    is meant, and it works on the last.
    """
    rivals = {spot for spot in result if edited is not None and spot > edited}
    others = [
        spot
        for index, turn in enumerate(turns)
        for spot in _images(index, turn)
        if spot != edited and spot not in rivals
    ]
    room -= edited is not None
    return rivals | set(others[: max(0, len(others) - room)])


# -- leaving out -----------------------------------------------------------------------------------------------------


def _without(turns: list[Json], unwanted: Collection[_Spot]) -> list[Json]:
    """The turns without these images, without empty parts, and without turns that hold no part, the last one excepted."""
    kept = []
    for index, turn in enumerate(turns):
        parts = turn.get("parts")
        if isinstance(parts, list):
            parts = [
                part
                for place, part in enumerate(parts)
                for part in _kept(part, {spot.key for spot in unwanted if spot[:2] == (index, place)})
            ]
            if parts or index == len(turns) - 1:
                kept.append({**turn, "parts": parts})
        elif parts is not None or turn.keys() - {"role", "parts"}:
            kept.append(turn)
    return kept


def _kept(part: Any, unwanted: Collection[str]) -> list[Any]:
    """What remains of a part, as a list of one or none.

    Beside an empty text, other keys keep their part as it is: Gemini sends thought signatures so, wants them back
    verbatim, and refuses a part that has neither text nor media. What stood beside a picture described it and goes with it.
    """
    if not isinstance(part, dict):
        return [part]
    rest = {
        key: value for key, value in part.items() if key not in _MEDIA or not (key in unwanted or _is_empty(key, value))
    }
    lost_media = len(rest) < len(part)
    beside = [key for key, value in rest.items() if key != "text" and value is not None]
    if _holds_text(rest) or any(key in _MEDIA for key in beside):
        return [rest]
    return [rest] if beside and ("text" in rest or not lost_media) else []


def _holds_text(part: Json) -> bool:
    return part.get("text") not in (None, "")


# -- outcomes --------------------------------------------------------------------------------------------------------


def next_history(outcome_contents: Any) -> list[Any] | None:
    """What an outcome gave as `next_turn_contents`, if later turns can build on it: turns, and an image by the model."""
    if not _is_history(outcome_contents):
        return None
    shows = any(turn.get("role") == "model" and _images(0, turn) for turn in outcome_contents)
    return outcome_contents if shows else None


def _is_history(contents: Any) -> TypeGuard[list[Json]]:
    return isinstance(contents, list) and bool(contents) and all(isinstance(turn, dict) for turn in contents)
