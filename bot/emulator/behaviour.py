"""How does the emulated service treat one accepted request: how it delivers, answers, echoes and ends?"""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import Any, Literal, get_args, get_type_hints

REJECTED = "Generation rejected; please review the prompt and parameters then retry"
UNFETCHABLE = "Failed to download media"

ERRORS = {
    "safety": "The image was blocked: finishReason IMAGE_SAFETY. The generated image violates safety policies.",
    "prohibited": "The prompt was blocked: blockReason PROHIBITED_CONTENT.",
    "recitation": "No image was generated: finishReason IMAGE_RECITATION.",
    "no-image": "The model answered without an image: finishReason NO_IMAGE.",
    "rate": "Image generation failed: rate limit exceeded(RPM)",
    "timeout": "context deadline exceeded",
    "reference": UNFETCHABLE,
    "rejected": REJECTED,
    "signature": "Invalid value at contents: the thought signature of a part is missing or invalid.",
}
"""Upstream failures by a short name. The RPM text, "context deadline exceeded" and the rejection were observed; others
carry Google's documented finish reasons in words of ours, because nobody has recorded how the queue phrases them."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Behaviour:
    """The life of one accepted request. Defaults are what the vendor's guide describes."""

    delivery: Literal["async", "sync"] = "async"
    """`sync`: the POST answers only when the picture is made (observed for most image models)."""
    post_answer: Literal["short", "full"] = "short"
    payload_echo: Literal["full", "empty", "absent"] = "full"
    outcome: Literal["objects", "strings", "candidates", "empty", "none"] = "objects"
    """Where a success carries its pictures: `media_urls` of objects or of strings, `candidates` with inline data,
    an empty `media_urls`, or an outcome that is null."""
    thumbnail: bool = False
    images: int = 1
    image_format: Literal["png", "jpeg", "webp"] = "png"
    """The bytes behind the address, which ends in `.png` whatever they are (observed)."""
    next_turn: Literal["template", "absent", "untemplated", "signed", "garbage"] = "template"
    """`template`: ends with an empty user turn (guide). `untemplated`: ends with the model's turn. `signed`: the template
    plus unknown keys and thought signatures. `garbage`: not a list."""
    ending: Literal["success", "failed", "cancelled", "stuck"] = "success"
    """`stuck`: stays `queued` for ever (observed for dead model ids)."""
    error: str = REJECTED
    """Text of a failure, or one of the names in `ERRORS`."""
    error_form: Literal["object", "string", "error", "message", "reason"] = "object"
    """Where a failed record carries its text: `outcome.error` as an object or a string, else the top-level field named."""
    first_status: str = "queued"
    """The status word of the POST's answer when it is not terminal."""
    latency: float | None = None
    """Seconds from acceptance to the picture; None draws from the emulator's own latency."""

    def __post_init__(self) -> None:
        hints = get_type_hints(type(self))
        for field in fields(self):
            allowed, value = get_args(hints[field.name]), getattr(self, field.name)
            if allowed and all(isinstance(choice, str) for choice in allowed) and value not in allowed:
                raise ValueError(f"{field.name} must be one of {', '.join(allowed)}, not {value!r}")
        if not 1 <= self.images <= 10:
            raise ValueError("images must be 1 to 10: the model makes at most ten per prompt")

    @property
    def error_text(self) -> str:
        return ERRORS.get(self.error, self.error)

    def changed(self, changes: dict[str, Any]) -> Behaviour:
        """This behaviour with some fields changed; unknown names and values raise ValueError with the names there are."""
        known = [field.name for field in fields(self)]
        unknown = sorted(set(changes) - set(known))
        if unknown:
            raise ValueError(f"no such behaviour: {', '.join(unknown)}. There are: {', '.join(known)}")
        return replace(self, **changes)


@dataclass(slots=True, kw_only=True)
class Change:
    """A behaviour for the next `times` accepted requests (None: all) whose words contain `prompt` (None: any)."""

    changes: dict[str, Any]
    times: int | None = 1
    prompt: str | None = None


class Behaviours:
    """The behaviour of the next request: the default, changed by what is queued and matches, in the order queued."""

    def __init__(self, default: Behaviour) -> None:
        self.default = default
        self._queued: list[Change] = []

    def add(self, change: Change) -> None:
        self.default.changed(change.changes)
        self._queued.append(change)

    def clear(self) -> None:
        self._queued.clear()

    def take(self, words: str) -> Behaviour:
        taken = self.default
        for change in list(self._queued):
            if change.prompt is not None and change.prompt not in words:
                continue
            taken = taken.changed(change.changes)
            if change.times is not None:
                change.times -= 1
                if change.times <= 0:
                    self._queued.remove(change)
        return taken
