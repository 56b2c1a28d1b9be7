"""The queue's HTTP answer is no success, or none came: what is known of the request now, and who acts next?

Pure. Of a POST of a request (nothing below RetryLater and GiveUp leaves it open whether a request was made):

    what happened                                       a request was made?   raised
    no connection: refused, DNS, TLS, proxy, no slot    no                    NotSent
    connection cut, timeout, or no whole answer         nobody knows          FateUnknown
    2xx: not JSON, a web page, or names no request      nobody knows          FateUnknown
    3xx (redirects are never followed)                  no                    RetryLater
    401; 403                                            no                    GiveUp KEY (MODEL: "do not have access")
    402                                                 no                    GiveUp CREDIT
    404                                                 no                    GiveUp MODEL
    408                                                 nobody knows          FateUnknown
    413                                                 no                    GiveUp HISTORY (PAYLOAD: there is none)
    425; 429                                            no                    RetryLater, after Retry-After if given
    400, other 4xx                                      no, or it failed      GiveUp by its words, else PAYLOAD
    4xx whose words tell of a rate limit or a timeout   no, or it failed      RetryLater
    400, 403, 404, other 4xx with a web page            no: not the queue     RetryLater (401, 402, 413 as above)
    5xx JSON "Backend error (4xx)"                      it failed             GiveUp by the number in brackets
    5xx JSON "Backend error (408)", "(429)"             it failed             RetryLater
    5xx JSON with words of refusal                      it failed             GiveUp by its words
    other 5xx                                           nobody knows          FateUnknown, after Retry-After if given

Of a look at a request (GET by id, list), nothing but a plain 404 by id is final, because the job goes on as soon as the
service, the network or the owner's key does: 404 that is no web page -> RequestUnknown (by id) or RetryLater (list);
everything else -> RetryLater, 401 and 403 too.

Of what precedes a request and pays for nothing (leave to upload, models): 401, 403 -> GiveUp KEY; 402 -> GiveUp CREDIT;
other 4xx -> GiveUp by its words; 3xx, 408, 425, 429, 5xx, web pages, unreadable -> RetryLater. Of files (PUT,
download): an address that is not the service's, or more bytes than may come -> GiveUp; everything else -> RetryLater.
"""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import TypeVar
from urllib.parse import urlsplit

from bot.errors import FailureKind, GiveUp, RetryLater
from bot.failures import PASSING, backend_status, classify, verdict_of_answer, words_of_answer

MOST_VALUES = 500_000
"""In one answer; a full page of the list has some thousand. 64 MB of `[],` would take 1.6 GB and keep the process busy for
seconds, while the base64 of pictures, of which large answers are made, is one value however long it is.
"""

LONGEST_RETRY_AFTER = 600.0  # seconds; whatever is asked for, a look every ten minutes costs nobody anything

# Words in a 5xx that mean: refused for good. Others may come with a request that goes on.
_FINAL = frozenset({
    FailureKind.SAFETY, FailureKind.CREDIT, FailureKind.PAYLOAD, FailureKind.HISTORY, FailureKind.REFERENCE,
})  # fmt: skip

T = TypeVar("T")


class NotSent(RetryLater):
    """The connection was never made: whatever was to be sent may be sent again."""


class FateUnknown(RetryLater):
    """A POST may have reached the queue: look in its list before sending it again."""


class RequestUnknown(GiveUp):
    """The queue says that it has no request of this id. Some are in its list all the same (observed)."""


class PageTooLarge(RetryLater):
    """A page of the list carries too many bytes (inline pictures): ask for fewer records, or for single ones."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """An HTTP answer as it was read. headers: lower-case names. whole: False when reading stopped at the size limit."""

    status: int
    headers: Mapping[str, str] = field(repr=False)
    content: bytes = field(repr=False)
    whole: bool = True

    @property
    def is_success(self) -> bool:
        return 200 <= self.status < 300

    @property
    def is_web_page(self) -> bool:
        """Something that stands between us and the queue has answered in its place: the queue itself speaks JSON."""
        return "html" in self.headers.get("content-type", "").lower() or self.content[:200].lstrip()[:1] == b"<"

    @property
    def date(self) -> float | None:
        """When it was given, on the answerer's clock (whole seconds); None when unknown, or when it is from a cache."""
        return None if "age" in self.headers else _http_date(self.headers.get("date", ""))

    def retry_after(self, now: float) -> float | None:
        """Seconds to wait, where the answer names them or a date (held against its own Date, else against `now`)."""
        text = self.headers.get("retry-after", "").strip()
        if re.fullmatch(r"\d{1,12}(\.\d{1,9})?", text):
            return min(float(text), LONGEST_RETRY_AFTER)
        at = _http_date(text)
        if at is None:
            return None
        return min(max(at - (now if self.date is None else self.date), 0.0), LONGEST_RETRY_AFTER)


def decoded(answer: Answer, decode: Callable[[object], T]) -> T:
    """What a success says. Raises ValueError, which says why it cannot be read."""
    if not answer.whole:
        raise ValueError("larger than it may be")
    if answer.is_web_page:
        raise ValueError(f"a web page: {words_of_answer(answer.content)}")
    if sum(map(answer.content.count, (b",", b"[", b"{"))) > MOST_VALUES:  # at least as many as there are values
        raise ValueError("more values than an answer has")
    try:
        body = json.loads(answer.content)
    except RecursionError:
        raise ValueError("nested too deeply") from None
    return decode(body)


def submit_refused(answer: Answer, *, now: float, history: bool) -> RetryLater | GiveUp:
    """Of the POST of a request. history: its payload holds `contents`, which is what can grow too large."""
    if answer.is_success:
        return FateUnknown(f"HTTP {answer.status}, but not an answer of the queue")
    if answer.status >= 500:
        return _submit_broke(answer, now=now)
    if answer.status == 408:
        return FateUnknown(_reason(answer))
    if answer.status == 413:
        return GiveUp(_reason(answer), kind=FailureKind.HISTORY if history else FailureKind.PAYLOAD)
    return prelude_refused(answer, now=now)


def _submit_broke(answer: Answer, *, now: float) -> RetryLater | GiveUp:
    after = answer.retry_after(now)
    if not answer.is_web_page:
        words = words_of_answer(answer.content)
        bracketed = backend_status(words)
        kind = classify(status=None, words=words, upstream=True)
        if bracketed is not None and bracketed < 500:
            return RetryLater(_reason(answer), after=after) if kind in PASSING else GiveUp(_reason(answer), kind=kind)
        if kind in _FINAL:
            return GiveUp(_reason(answer), kind=kind)
    return FateUnknown(_reason(answer), after=after)


def prelude_refused(answer: Answer, *, now: float) -> RetryLater | GiveUp:
    """Of a request that leaves nothing behind and that no running job depends on."""
    later = RetryLater(_reason(answer), after=answer.retry_after(now))
    if not 400 <= answer.status < 500 or answer.status in {408, 425, 429}:
        return later
    if answer.is_web_page and answer.status not in {401, 402}:
        return later
    kind, reason = verdict_of_answer(answer.status, answer.content)
    return later if kind in PASSING else GiveUp(reason, kind=kind)


def upload_refused(answer: Answer, *, now: float) -> RetryLater | GiveUp:
    """Of the leave to upload. Its address names no model: a 404 is a fault of the service."""
    return look_failed(answer, now=now) if answer.status == 404 else prelude_refused(answer, now=now)


def models_refused(answer: Answer, *, now: float) -> RetryLater | GiveUp:
    """Of the list of models. A 404 means that something else than the queue answers there."""
    if answer.status == 404 and not answer.is_web_page:
        return GiveUp(f"{_reason(answer)}; GMI_BASE_URL must name the queue itself")
    return prelude_refused(answer, now=now)


def get_refused(answer: Answer, *, now: float) -> RetryLater | GiveUp:
    """Of a look at one request."""
    if answer.status == 404 and not answer.is_web_page:
        return RequestUnknown(_reason(answer))
    return look_failed(answer, now=now)


def look_failed(answer: Answer, *, now: float) -> RetryLater:
    """Of a look at what may be running: never final."""
    return RetryLater(_reason(answer), after=answer.retry_after(now))


def _reason(answer: Answer) -> str:
    if 300 <= answer.status < 400:
        # Of the address only its host: a path or a query may hold what should not be repeated.
        try:
            host = urlsplit(answer.headers.get("location", "")).hostname
        except ValueError:
            host = None
        return f"HTTP {answer.status}: redirected to {(host or 'another address')[:100]}; GMI_BASE_URL must name the queue itself"
    reason = verdict_of_answer(answer.status, answer.content).reason
    is_xml = answer.content.startswith(b"<?xml")  # the bucket's own errors are
    return f"{reason} (a web page)" if answer.is_web_page and not is_xml else reason


def _http_date(text: str) -> float | None:
    try:
        date = parsedate_to_datetime(text)
        return (date if date.tzinfo else date.replace(tzinfo=UTC)).timestamp()
    except (ValueError, TypeError, OverflowError, IndexError):
        return None
