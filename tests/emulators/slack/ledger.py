"""What went over the wire, in which order?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]


@dataclass(kw_only=True, slots=True, eq=False)
class Exchange:
    """One request and its answer, from either side.

    method: a Web API method (`chat.postMessage`), or `(upload)`, `(download)`, `(response_url)`; of what Slack sends:
    `(envelope)` and `(post)`, with the `type` of its payload in `kind`. token: `bot`, `app`, `none`, `unknown`; the
    token itself is never kept. at: Unix seconds of the emulator's clock. fault: the kind of an injected fault.
    """

    method: str
    at: float
    args: Json
    kind: str = ""
    token: str = "none"
    verb: str = ""
    content_type: str = ""
    status: int = 0
    answer: Any = None
    fault: str | None = None

    @property
    def ok(self) -> bool:
        return self.status == 200 and (not isinstance(self.answer, dict) or self.answer.get("ok", True))

    @property
    def error(self) -> str | None:
        return self.answer.get("error") if isinstance(self.answer, dict) else None


class Ledger:
    """Every exchange, oldest first."""

    def __init__(self) -> None:
        self._exchanges: list[Exchange] = []

    def __iter__(self) -> Iterator[Exchange]:
        return iter(self._exchanges)

    def __len__(self) -> int:
        return len(self._exchanges)

    def note(self, exchange: Exchange) -> Exchange:
        self._exchanges.append(exchange)
        return exchange

    def find(
        self, method: str | None = None, *, kind: str | None = None, ok: bool | None = None, **args: Any
    ) -> list[Exchange]:
        """Exchanges of this method whose arguments have these values. ok: only answered so."""
        return [
            exchange
            for exchange in self._exchanges
            if (method is None or exchange.method == method)
            and (kind is None or exchange.kind == kind)
            and (ok is None or exchange.ok is ok)
            and all(exchange.args.get(name) == value for name, value in args.items())
        ]

    def count(self, method: str | None = None, *, ok: bool | None = None, **args: Any) -> int:
        return len(self.find(method, ok=ok, **args))
