"""Which kind of failure do these words and numbers mean, and how much of the words may be repeated?

Pure. What is known of the service's errors stands here and nowhere else: the places where it puts its words, the words,
and the numbers. Nothing that leaves this module holds a key, a signature or a web page.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterator, Mapping
from types import MappingProxyType
from typing import Any, NamedTuple

from bot.errors import FailureKind

LONGEST_REASON = 300  # characters
LONGEST_WORDS = 2_000  # characters that are asked for their kind
_LONGEST_PAGE = 20_000  # characters of a web page that are searched for its title

PASSING = frozenset({FailureKind.RATE, FailureKind.TIMEOUT})
"""Kinds of a failed record that may not fail again: the same payload can be asked once more, later."""


class Verdict(NamedTuple):
    """Why there is no picture. reason: in the service's own words, cleaned, at most LONGEST_REASON characters."""

    kind: FailureKind
    reason: str


# ------------------------------------------------------------------------------------------------- words to a kind


def _rule(kind: FailureKind, *patterns: str) -> tuple[re.Pattern[str], FailureKind]:
    return re.compile("|".join(patterns)), kind


# Tried in this order on lower-case words with `_` as a space; the first that is found decides. Certain signs stand
# before loose ones: "contents" alone may mean a picture's contents, "rejected" alone may mean anything.
_RULES = (
    # observed: the service's own deadline towards the model; the work may go on (it answers 500 with it)
    _rule(FailureKind.TIMEOUT, r"deadline exceeded"),
    _rule(FailureKind.CREDIT, r"insufficient (?:credit|balance|fund|quota)", r"add more credits", r"payment required"),
    # observed as "rate limit exceeded(RPM)" in failed records; a later try succeeds
    _rule(FailureKind.RATE, r"rate limit", r"too many requests", r"resource exhausted", r"quota exceeded"),
    _rule(FailureKind.HISTORY, r"thought ?signature", r"next turn contents", r"\bcontents ?[\[.(:]", r"'contents'"),
    _rule(FailureKind.HISTORY, r"(?:conversation|chat) history", r"multi-?turn", r"valid role", r"(?:number of |input )tokens?"),
    # observed; may go on with words of the prompt, so it is asked before the words that mean a refusal
    _rule(FailureKind.PAYLOAD, r"invalid payload parameter"),
    _rule(
        FailureKind.MODEL,
        r"\bmodel\b.{0,160}(?:does not exist|not found|not supported|retired|no longer|shut ?down|deprecated|not served)",
        r"do(?:es)? not have access",
        r"un(?:supported|known) model",
    ),
    _rule(
        FailureKind.REFERENCE,
        r"(?:fail\w*|unable|cannot|can't|could not|error) (?:to )?(?:\w+ )?(?:fetch|download|load|read|decod|process)\w* "
        r"(?:\w+ ){0,3}(?:image|media|picture|file|content|url|reference)",
        r"unreachable",
        r"(?:image|media|reference|file|url)\S* .{0,60}(?:does not exist|not found|not accessible)",
        r"(?:invalid|unsupported|corrupt\w*) (?:input )?(?:image|media|mime)",
        r"image (?:is )?(?:not valid|too large)",
    ),
    _rule(
        FailureKind.SAFETY,
        r"safety", r"polic(?:y|ies)", r"prohibit", r"\bblock(?:ed|list)", r"moderat", r"recitation", r"\bspii\b", r"nsfw",
        r"responsible ai", r"sensitive", r"harmful", r"inappropriate", r"content filter", r"copyright",
    ),
    _rule(FailureKind.MODEL, r"does not exist"),
    _rule(FailureKind.HISTORY, r"\bcontents\b"),
    _rule(FailureKind.NO_IMAGE, r"no image", r"image other", r"max tokens", r"without (?:an )?image"),
    _rule(FailureKind.TIMEOUT, r"timed? ?out"),
    _rule(FailureKind.RATE, r"overloaded", r"unavailable", r"at capacity", r"try again later"),
    # observed as "Generation rejected; please review the prompt and parameters then retry"
    _rule(FailureKind.SAFETY, r"reject"),
)  # fmt: skip
_OUR_KEY = re.compile(r"api ?key|unauthori[sz]ed|unauthenticated|invalid token|token (?:has )?expired")
_MODEL_ACCESS = re.compile(r"do(?:es)? not have access|no access to|not entitled")
# observed: HTTP 500 with `Backend error (400). Please try again.`; the number in brackets is the real class
_BACKEND_ERROR = re.compile(r"backend error ?\((\d{3})\)")

_BY_NUMBER: Mapping[int, FailureKind] = MappingProxyType(
    {
        400: FailureKind.PAYLOAD,
        401: FailureKind.KEY,
        402: FailureKind.CREDIT,
        403: FailureKind.KEY,
        404: FailureKind.MODEL,
        405: FailureKind.PAYLOAD,
        408: FailureKind.TIMEOUT,
        413: FailureKind.PAYLOAD,
        415: FailureKind.PAYLOAD,
        422: FailureKind.PAYLOAD,
        429: FailureKind.RATE,
        503: FailureKind.RATE,
        504: FailureKind.TIMEOUT,
    }
)


def backend_status(words: str) -> int | None:
    """The number in `Backend error (400)`: what the model's own provider answered to the service."""
    found = _BACKEND_ERROR.search(words.lower())
    return int(found[1]) if found else None


def classify(*, status: int | None, words: str, upstream: bool = False) -> FailureKind:
    """The kind of a failure.

    status: of the HTTP answer, or a record's error code; None where there is none. upstream: the number is the answer
    of the model's provider to the service, so a 401 or 403 is not about our key but about a model we are not given.
    """
    bracketed = backend_status(words)
    if bracketed is not None:
        status, upstream = bracketed, True
    words = words.lower().replace("_", " ")
    if status is not None and not upstream and (kind := _by_our_number(status, words)):
        return kind
    for pattern, kind in _RULES:
        if pattern.search(words):
            # only a history holds addresses of this form: its picture is gone, not one that somebody attached
            return FailureKind.HISTORY if kind is FailureKind.REFERENCE and "gs://" in words else kind
    if status is None:
        return FailureKind.UNKNOWN
    if upstream:
        return FailureKind.MODEL if status in {401, 403} else _BY_NUMBER.get(status, FailureKind.UNKNOWN)
    return FailureKind.KEY if _OUR_KEY.search(words) else _BY_NUMBER.get(status, FailureKind.UNKNOWN)


def _by_our_number(status: int, words: str) -> FailureKind | None:
    """Numbers that mean one thing whatever is said beside them."""
    if status in {401, 403}:
        return FailureKind.MODEL if _MODEL_ACCESS.search(words) else FailureKind.KEY
    return _BY_NUMBER[status] if status in {402, 429} else None


# ------------------------------------------------------------------------------------------- where the words are kept


def verdict_of_answer(status: int, content: bytes) -> Verdict:
    """Of an HTTP answer that is no success."""
    words = words_of_answer(content)
    return Verdict(
        classify(status=status, words=words), clean(f"HTTP {status}: {words}" if words else f"HTTP {status}")
    )


def words_of_answer(content: bytes) -> str:
    """The words of an error's body: `error`, `error.message`, `message`, `detail`, else its text.

    Cleaned, at most LONGEST_WORDS characters; may be "".
    """
    text = content[: 4 * _LONGEST_PAGE].decode("utf-8", "replace")
    try:
        body = json.loads(text)
    except (ValueError, RecursionError):
        return clean(text, longest=LONGEST_WORDS)
    return clean(_first_words(body, ("error", "message", "detail", "reason")) or text, longest=LONGEST_WORDS)


def verdict_of_record(record: Mapping[str, Any]) -> Verdict:
    """Of a record whose request failed, was cancelled, or brought no picture."""
    outcome = record.get("outcome")
    outcome = outcome if isinstance(outcome, Mapping) else {}
    error = outcome.get("error")
    said = (
        _first_words(error)
        or _first_words(record, ("error", "message", "reason"))
        or _first_words(outcome, ("message",))
    )
    beside = [error["status"]] if isinstance(error, Mapping) and isinstance(error.get("status"), str) else []
    stops = list(_stop_words(outcome))
    code = _number(error.get("code")) if isinstance(error, Mapping) else None
    # The record's words may be a plain "failed" while Gemini's reason stands beside it: both are asked.
    kind = classify(status=code, words=clean(" ".join((*stops, *beside, said)), longest=LONGEST_WORDS), upstream=True)
    return Verdict(kind, clean("; ".join(part for part in (said, *stops) if part)))


def _stop_words(outcome: Mapping[str, Any]) -> Iterator[str]:
    """Gemini's own reasons: why the prompt was blocked, why a candidate ended (unless it ended as it should)."""
    feedback = _either(outcome, "promptFeedback", "prompt_feedback")
    if isinstance(feedback, Mapping):
        if reason := _first_words(_either(feedback, "blockReason", "block_reason")):
            yield f"prompt blocked: {reason}"
        if message := _first_words(_either(feedback, "blockReasonMessage", "block_reason_message")):
            yield message
    candidates = outcome.get("candidates")
    for candidate in candidates[:10] if isinstance(candidates, list) else ():
        if isinstance(candidate, Mapping):
            reason = _first_words(_either(candidate, "finishReason", "finish_reason"))
            if reason and reason.upper() not in {"STOP", "FINISH_REASON_UNSPECIFIED"}:
                yield f"finish reason: {reason}"
            if message := _first_words(_either(candidate, "finishMessage", "finish_message")):
                yield message


def _either(part: Mapping[str, Any], camel: str, snake: str) -> Any:
    return part[camel] if camel in part else part.get(snake)


def _first_words(
    value: Any, keys: tuple[str, ...] = ("message", "detail", "msg", "error", "status"), depth: int = 3
) -> str:
    """The first words found in a string, an object under `keys`, or a list; "" where there are none."""
    if isinstance(value, str):
        return value.strip()
    if depth and isinstance(value, Mapping):
        return next((words for key in keys if (words := _first_words(value.get(key), depth=depth - 1))), "")
    if depth and isinstance(value, list):
        return next((words for item in value[:10] if (words := _first_words(item, depth=depth - 1))), "")
    return ""


def _number(code: Any) -> int | None:
    """An error's code: an int or a string of digits (the service's type for it is not known)."""
    if isinstance(code, str) and re.fullmatch(r"[1-5][0-9]{2}", code):
        return int(code)
    return code if isinstance(code, int) and 100 <= code < 600 else None


# ------------------------------------------------------------------------------------------------ what may be repeated

_LOOKS_LIKE_A_PAGE = re.compile(r"\s*(?:<\?xml|<!doctype|<!--|<[a-z]+[\s>])", re.IGNORECASE)
_TITLE = re.compile(r"<title[^<>]*>([^<]*)</title", re.IGNORECASE)
# Google Cloud Storage's errors are XML; the elements after <Message> repeat the signed request.
_XML_ERROR = re.compile(r"<Error>\s*<Code>([^<]*)</Code>\s*(?:<Message>([^<]*)</Message>)?")
_NOT_WORDS = re.compile(r"<(script|style)\b.*?(?:</\1\s*>|\Z)|<[^>]*(?:>|\Z)", re.IGNORECASE | re.DOTALL)
_SECRETS: tuple[tuple[re.Pattern[str], str], ...] = (
    (re.compile(r"\beyJ[\w-]{5,}(?:\.[\w-]*)*"), "[hidden]"),  # a JSON web token, which is what real keys are
    (re.compile(r"\b(bearer|basic)\s+[^\s,;\"']+", re.IGNORECASE), r"\1 [hidden]"),
    (re.compile(r"://[^\s/@\"'<>]+@"), "://"),  # a name and password in an address
    (re.compile(r"(://[^\s?#\"'<>]{1,1000})[?#][^\s\"'<>]+"), r"\1"),  # a query: it may be a signature
    (re.compile(r"\b(x-goog-\w+|signature)=[^\s&\"'<>]+", re.IGNORECASE), r"\1=[hidden]"),
)


def clean(text: str, *, longest: int = LONGEST_REASON) -> str:
    """One line that may be logged, stored and shown: no secrets, no markup, no control characters, not too long."""
    if _LOOKS_LIKE_A_PAGE.match(text):
        text = _words_of_page(text[:_LONGEST_PAGE])
    text = text[: 2 * LONGEST_WORDS]  # bounds the work of what follows; nothing of the rest is shown
    text = "".join(" " if unicodedata.category(letter)[0] in "CZ" else letter for letter in text)
    for pattern, shown in _SECRETS:
        text = pattern.sub(shown, text)
    text = " ".join(text.split())
    return text if len(text) <= longest else text[: longest - 1].rstrip() + "…"


def _words_of_page(page: str) -> str:
    if error := _XML_ERROR.search(page):
        return ": ".join(part for part in error.groups() if part)
    title = _TITLE.search(page)
    return title[1] if title and title[1].strip() else _NOT_WORDS.sub(" ", page)
