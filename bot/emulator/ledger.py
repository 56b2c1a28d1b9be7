"""What was asked of the emulator, when, and what did it answer?"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from bot.emulator.clock import Moment


@dataclass(slots=True, kw_only=True)
class Exchange:
    """One call of the vendor's API. The Authorization header is judged on arrival and never kept."""

    number: int
    route: str
    method: str
    path: str
    query: dict[str, str]
    arrived: Moment
    key: str
    """`good`, `wrong`, `missing`: what the Authorization header was, whether or not the route wants one."""
    body: Any = None
    """JSON as parsed; None when there was none or it was not JSON."""
    size: int = 0
    """Bytes of the request's body."""
    words: str = ""
    """What the user asked for, where the call is about one request (or about a file of one)."""
    request_id: str | None = None
    """The record that the call made, looked at, or whose picture it fetched."""
    status: int | None = None
    """The status answered; None: no answer (yet, or the connection was dropped)."""
    answered: Moment | None = None
    """When the last byte of the answer was handed to the network."""
    sent: int = 0
    """Bytes of the answer's body that were sent."""
    fault: str | None = None
    """Kind of the fault that struck this call."""

    def facts(self) -> dict[str, Any]:
        """This exchange as JSON; times are seconds."""
        return {
            "number": self.number,
            "route": self.route,
            "method": self.method,
            "path": self.path,
            "query": self.query,
            "arrived": self.arrived.wall,
            "arrived_monotonic": self.arrived.monotonic,
            "key": self.key,
            "body": self.body,
            "size": self.size,
            "words": self.words,
            "request_id": self.request_id,
            "status": self.status,
            "answered": self.answered and self.answered.wall,
            "answered_monotonic": self.answered and self.answered.monotonic,
            "sent": self.sent,
            "fault": self.fault,
        }


class Ledger:
    """Every exchange in the order of arrival; the oldest are forgotten beyond `keep`."""

    def __init__(self, keep: int) -> None:
        self._exchanges: deque[Exchange] = deque(maxlen=keep)
        self._next = 1

    def __iter__(self) -> Iterator[Exchange]:
        return iter(tuple(self._exchanges))

    def __len__(self) -> int:
        return len(self._exchanges)

    def open(self, **facts: Any) -> Exchange:
        exchange = Exchange(number=self._next, **facts)
        self._next += 1
        self._exchanges.append(exchange)
        return exchange

    def find(
        self,
        route: str | None = None,
        *,
        prompt: str | None = None,
        request_id: str | None = None,
        status: int | None = None,
        since: int = 0,
    ) -> list[Exchange]:
        """Exchanges of a route whose words contain `prompt`, oldest first; `since` is the last number already seen."""
        return [
            exchange
            for exchange in self
            if exchange.number > since
            and route in (None, exchange.route)
            and (prompt is None or prompt in exchange.words)
            and request_id in (None, exchange.request_id)
            and status in (None, exchange.status)
        ]

    def count(self, route: str | None = None, *, prompt: str | None = None, request_id: str | None = None) -> int:
        return len(self.find(route, prompt=prompt, request_id=request_id))

    def clear(self) -> None:
        self._exchanges.clear()
