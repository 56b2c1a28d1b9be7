"""What did the member ask for? Words as typed -> a prompt and an aspect ratio, or a sentence that says how to do it right."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

from bot import messages
from bot.errors import UserError
from bot.model import ASPECT_RATIOS, MAX_PROMPT


@dataclass(frozen=True, kw_only=True, slots=True)
class Wish:
    """What is left when the options are taken out. aspect_ratio: one of the ten, or None where none was named."""

    prompt: str
    aspect_ratio: str | None


def read(text: str, *, aspect_ratio: str | None = None, allow_empty: bool = False) -> Wish:
    """The wish in a member's words. Raises UserError with the sentence to show.

    text: as typed; a leading `/imagine`, options anywhere, and characters that nobody sees are taken out.
    aspect_ratio: from an option field of the platform; wins over the text. allow_empty: pictures speak for the member.
    """
    if len(text) > 10 * MAX_PROMPT:  # no need to read what cannot fit
        raise UserError(messages.prompt_too_long(len(text), MAX_PROMPT))
    words, typed = _options(_COMMAND.sub("", clean(text)))
    chosen = _ratio(clean(aspect_ratio)) if aspect_ratio and aspect_ratio.strip() else typed
    if not any(_is_visible(char) for char in words):
        words = ""
    if not words and not allow_empty:
        raise UserError(messages.no_prompt())
    if len(words) > MAX_PROMPT:
        raise UserError(messages.prompt_too_long(len(words), MAX_PROMPT))
    return Wish(prompt=words, aspect_ratio=chosen)


# -- characters ------------------------------------------------------------------------------------------------------

_NEW_LINES = re.compile(r"\r\n?|[\v\f\x85\u2028\u2029]")

# Invisible, or able to turn the writing of everything around: soft hyphen, zero-width space, word joiner, byte order
# mark, bidirectional embeddings, overrides, isolates. Joiners stay: emoji and several scripts are spelt with them.
_UNSEEN = frozenset("\u00ad\u200b\u2060\ufeff\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


def clean(text: str) -> str:
    """The text without control characters (line breaks and tabs stay), halves of characters, and what nobody sees."""
    return "".join(char for char in _NEW_LINES.sub("\n", text) if _is_harmless(char)).strip()


def _is_harmless(char: str) -> bool:
    return char in "\n\t" or (char not in _UNSEEN and unicodedata.category(char) not in {"Cc", "Cs"})


def _is_visible(char: str) -> bool:
    return unicodedata.category(char) not in {"Cc", "Cf", "Zs", "Zl", "Zp"}


# -- options ---------------------------------------------------------------------------------------------------------

_COMMAND = re.compile(r"\A/imagine(?!\S)\s*", re.IGNORECASE)

_NAMES = ("aspect-ratio", "aspect", "ar")

# Two hyphens before a letter are an option, known or not. Phones turn two hyphens into one dash; as people also write
# dashes between words, a dash makes an option only before a name that exists.
_OPTION = re.compile(rf"(?<!\S)(?:--(?=[^\W\d_])|[–—](?=(?:{'|'.join(_NAMES)})(?![\w-])))[\w-]+", re.IGNORECASE)
_BEFORE_VALUE = re.compile(r"[ \t]*=[ \t]*|\s+")
_COLON = r"[ \t]*[:∶：꞉/⁄∕xX×][ \t]*"
_AFTER_VALUE = ".,;!?)"
_VALUE = re.compile(rf"\d+{_COLON}\d+(?=[{_AFTER_VALUE}]*(?!\S))[{_AFTER_VALUE}]*|(?!--|[–—])\S+")
_RATIO = re.compile(rf"(\d{{1,4}}){_COLON}(\d{{1,4}})")


def _options(text: str) -> tuple[str, str | None]:
    """The words without the options, and the ratio that the options name."""
    pieces: list[str] = []
    ratio: str | None = None
    at = 0
    while found := _OPTION.search(text, at):
        option = found.group()
        if option.lstrip("-–—").lower().replace("_", "-") not in _NAMES:
            raise UserError(messages.unknown_option(option))
        gap = _BEFORE_VALUE.match(text, found.end())
        value = _VALUE.match(text, gap.end()) if gap else None
        if value is None:
            raise UserError(messages.ratio_missing(option))
        named = _ratio(value.group())
        if ratio is not None and ratio != named:
            raise UserError(messages.ratios_differ(ratio, named))
        pieces.append(text[at : found.start()])
        ratio, at = named, value.end()
    return _joined([*pieces, text[at:]]), ratio


def _joined(pieces: list[str]) -> str:
    """The pieces with one space where an option stood, or the line break that stood beside it."""
    text = pieces[0]
    for piece in pieces[1:]:
        left, right = text.rstrip(), piece.lstrip()
        space = text[len(left) :] + piece[: len(piece) - len(right)]
        text = left + ("\n" if "\n" in space else " ") + right
    return text.strip()


def _ratio(given: str) -> str:
    """One of the ten, however its two numbers are put together."""
    numbers = _RATIO.fullmatch(given.rstrip(_AFTER_VALUE))
    ratio = f"{int(numbers[1])}:{int(numbers[2])}" if numbers else None
    if ratio not in ASPECT_RATIOS:
        raise UserError(messages.unknown_ratio(given.rstrip(_AFTER_VALUE) or given))
    return ratio
