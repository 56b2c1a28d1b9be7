"""What time is it at an emulated platform, and who waits for a moment to come?

The clock runs with the machine's until it is stopped, and jumps forward when told to: seconds of silence, the life of a
token or a day pass without waiting.
"""

import asyncio
import time
from collections.abc import Callable


class Clock:
    """Unix seconds. `stop` freezes it, `advance` moves it, `run` lets it go on from where it stands."""

    def __init__(self) -> None:
        self._behind = time.time() - time.monotonic()
        self._skipped = 0.0
        self._stopped_at: float | None = None
        self._waiting: set[asyncio.Future[None]] = set()
        self._listeners: list[Callable[[], None]] = []

    def now(self) -> float:
        return self._running_now() if self._stopped_at is None else self._stopped_at

    def ticks(self) -> float:
        """Seconds for rate limits: never stops, since a client waits for a window with its own, real clock."""
        return time.monotonic() + self._skipped

    def stop(self) -> None:
        self._stopped_at = self.now()

    def run(self) -> None:
        if self._stopped_at is not None:
            self._behind -= self._running_now() - self._stopped_at
            self._stopped_at = None
            self._wake()

    def advance(self, seconds: float) -> None:
        """Let `seconds` pass at once; what falls due in them happens before this returns or at the next await."""
        if seconds < 0:
            raise ValueError("time goes forward only")
        self._skipped += seconds
        if self._stopped_at is not None:
            self._stopped_at += seconds
        for listener in self._listeners:
            listener()
        self._wake()

    def on_advance(self, listener: Callable[[], None]) -> None:
        self._listeners.append(listener)

    async def until(self, moment: float) -> None:
        """Return when `now()` has reached `moment`: by advancing, or by waiting while the clock runs."""
        while (left := moment - self.now()) > 0:
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.add(future)
            try:
                await asyncio.wait({future}, timeout=left if self._stopped_at is None else None)
            finally:
                self._waiting.discard(future)
                future.cancel()

    def _running_now(self) -> float:
        return time.monotonic() + self._behind + self._skipped

    def _wake(self) -> None:
        for future in self._waiting:
            if not future.done():
                future.set_result(None)
