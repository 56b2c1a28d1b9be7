"""Which disturbances can be asked for, and which of them strikes this call?"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields, replace
from typing import Any

from bot.emulator.behaviour import REJECTED

ROUTES = ("submit", "get", "list", "upload_url", "put", "media", "models", "model")

HTML_PAGE = (
    "<html>\r\n<head><title>{title}</title></head>\r\n<body>\r\n<center><h1>{title}</h1></center>\r\n"
    "<hr><center>nginx</center>\r\n</body>\r\n</html>\r\n"
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Kind:
    """What a kind of fault does unless the fault itself says otherwise."""

    routes: tuple[str, ...] = ROUTES
    status: int | None = None
    """Answered instead of the usual answer; None: the usual answer, disturbed."""
    text: str = ""
    leaves: str = "nothing"
    """What a faulty `submit` leaves behind: nothing, a `failed` record, or a `record` that takes its usual way."""


KINDS: dict[str, Kind] = {
    # An answer of the service instead of the work. `status` and `text` can be chosen.
    "error": Kind(status=500, text="internal server error"),
    "unauthorized": Kind(status=401, text="invalid api key"),
    "forbidden": Kind(status=403, text="forbidden"),
    "not_found": Kind(status=404, text="not found"),
    "rate_limited": Kind(status=429, text="rate limit exceeded"),
    "unavailable": Kind(status=503, text="service unavailable"),
    "bad_gateway": Kind(status=502, text="502 Bad Gateway"),
    "html": Kind(status=200, text="Welcome"),
    "empty": Kind(status=200),
    "redirect": Kind(status=307),
    "no_such_model": Kind(routes=("submit",), status=404, text="model {model} does not exist"),
    "no_access": Kind(routes=("submit",), status=404, text="you do not have access to model {model}"),
    "invalid_payload": Kind(
        routes=("submit",), status=400, text="invalid payload parameters: image (Required parameter is missing)"
    ),
    "rejected": Kind(routes=("submit",), status=400, text=REJECTED, leaves="failed"),
    "no_credit": Kind(
        routes=("submit",), status=402, text="Insufficient credits. Please add more credits to your account."
    ),
    "backend_error": Kind(
        routes=("submit",), status=500, text="Backend error ({code}). Please try again.", leaves="failed"
    ),
    "bad_file_type": Kind(routes=("upload_url",), status=400, text="unsupported file_type"),
    "signature": Kind(routes=("put",), status=403),
    "expired": Kind(routes=("put",), status=400),
    "huge": Kind(routes=("media",), status=200),
    # No answer, or half of one.
    "drop": Kind(),
    "reset": Kind(),
    "hang": Kind(),
    "slow": Kind(),
    "drip": Kind(),
    "truncated": Kind(),
    "cut": Kind(),
    # The usual answer, but not what the caller hopes for.
    "status_word": Kind(routes=("get", "list"), text="warming_up"),
    "omit": Kind(routes=("list",)),
    "lag": Kind(routes=("list",)),
    "unordered": Kind(routes=("list",)),
    "capped": Kind(routes=("list",)),
    "stale": Kind(routes=("list",)),
    "bare": Kind(routes=("list",)),
}

ALTERS_LIST = ("omit", "lag", "unordered", "capped", "stale", "bare")
WITHOUT_ANSWER = ("drop", "reset", "hang")


@dataclass(frozen=True, kw_only=True, slots=True)
class Fault:
    """One disturbance of the next `times` calls of a route. `bot/emulator/README.md` tells what each kind does."""

    route: str
    kind: str
    times: int | None = 1
    """How many matching calls it strikes; None: all until `clear`."""
    prompt: str | None = None
    """Only calls about a request whose words contain this (for `list`: only these records are omitted, or late)."""
    status: int | None = None
    text: str | None = None
    """Message of an error, title of an HTML page, address of a redirect, the unknown status word."""
    body: Any = None
    """JSON to answer instead of `{"error": text}`."""
    headers: tuple[tuple[str, str], ...] = ()
    retry_after: float | None = None
    code: int = 400
    """The upstream's status in `backend_error`."""
    leaves: str | None = None
    """For `submit`: `nothing`, `failed` or `record`; None: what the kind usually leaves."""
    delay: float = 0.0
    """Seconds between the work, if any is done, and the answer; for `drip`: seconds that the body takes."""
    seconds: float = 0.0
    """For `lag`: records younger than this are not listed yet; for `stale`: the age of what the list tells of them."""
    size: int = 64_000_000
    """For `huge`: bytes of the answer; for `capped`: records of a page, at most."""

    def __post_init__(self) -> None:
        if self.route not in ROUTES:
            raise ValueError(f"no such route: {self.route!r}. There are: {', '.join(ROUTES)}")
        if self.kind not in KINDS:
            raise ValueError(f"no such kind of fault: {self.kind!r}. There are: {', '.join(KINDS)}")
        if self.route not in KINDS[self.kind].routes:
            raise ValueError(f"{self.kind} strikes only {', '.join(KINDS[self.kind].routes)}, not {self.route}")
        if self.leaves not in (None, "nothing", "failed", "record"):
            raise ValueError(f"leaves must be nothing, failed or record, not {self.leaves!r}")
        if self.leaves not in (None, "nothing") and self.route != "submit":
            raise ValueError("only a fault of submit leaves a record behind")
        if self.times is not None and self.times < 1:
            raise ValueError("times must be at least 1, or null for every call")

    @property
    def left(self) -> str:
        return self.leaves or KINDS[self.kind].leaves

    @property
    def replaces(self) -> bool:
        """Whether something else than the usual answer is given, or none at all."""
        return self.answer_status is not None or self.kind in WITHOUT_ANSWER

    @property
    def answer_status(self) -> int | None:
        return KINDS[self.kind].status if self.status is None else self.status

    def message(self, model: str = "") -> str:
        text = KINDS[self.kind].text if self.text is None else self.text
        return text.replace("{model}", model).replace("{code}", str(self.code))


def fault_from(facts: Any) -> Fault:
    """A fault told as JSON; ValueError says what is wrong with it."""
    known = [field.name for field in fields(Fault)]
    if not isinstance(facts, dict) or not set(facts) <= set(known) or not {"route", "kind"} <= set(facts):
        raise ValueError(f"a fault is an object with route, kind, and perhaps more of the fields {', '.join(known)}")
    headers = tuple((str(name), str(value)) for name, value in dict(facts.get("headers") or {}).items())
    return Fault(**{**facts, "headers": headers})


class Faults:
    """The faults asked for and not yet struck, oldest first."""

    def __init__(self) -> None:
        self._queued: list[Fault] = []

    def add(self, *faults: Fault) -> None:
        self._queued.extend(faults)

    def clear(self) -> None:
        self._queued.clear()

    def pending(self) -> list[Fault]:
        return list(self._queued)

    def facts(self) -> list[dict[str, Any]]:
        return [{**asdict(fault), "headers": dict(fault.headers)} for fault in self._queued]

    def take(self, route: str, words: str) -> Fault | None:
        """The oldest fault that matches this call, counted down."""
        for place, fault in enumerate(self._queued):
            if fault.route != route or not self._concerns(fault, words):
                continue
            if fault.times is not None:
                left = fault.times - 1
                self._queued[place : place + 1] = [replace(fault, times=left)] if left else []
            return fault
        return None

    @staticmethod
    def _concerns(fault: Fault, words: str) -> bool:
        # Calls that are about no single request (list, models, upload) have no words: `prompt` cannot narrow them.
        if fault.prompt is None or fault.route in ("list", "upload_url", "put", "models", "model"):
            return True
        return fault.prompt in words
