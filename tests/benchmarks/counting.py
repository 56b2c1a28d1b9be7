"""What does the bot ask of its store, how much of the machine does it take, and how late is its event loop?"""

from __future__ import annotations

import asyncio
import functools
import inspect
import re
import resource
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from bot.ports import Store

SAMPLE_SECONDS = 0.05

PORT = tuple(name for name, member in vars(Store).items() if inspect.iscoroutinefunction(member))
"""The names of the port's calls, of every engine."""


class StoreCounts:
    """Calls of the port by name, and SQL statements of whatever engine, since this was made; once per process."""

    def __init__(self) -> None:
        self.calls: Counter[str] = Counter()
        self.statements = 0
        sa.event.listen(sa.Engine, "before_cursor_execute", self._statement)

    def watch(self, store: Store) -> Store:
        """The same store, whose calls are counted from now on."""
        for name in PORT:
            setattr(store, name, self._counted(name, getattr(store, name)))
        return store

    def _counted(self, name: str, call: Callable[..., Awaitable[Any]]) -> Callable[..., Awaitable[Any]]:
        @functools.wraps(call)
        def counted(*args: Any, **kwargs: Any) -> Awaitable[Any]:
            self.calls[name] += 1
            return call(*args, **kwargs)

        return counted

    def _statement(self, _connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if not statement.startswith("BEGIN"):  # only SQLite's are seen here
            self.statements += 1


@asynccontextmanager
async def loop_lags() -> AsyncIterator[list[float]]:
    """Fills a list with how many seconds late the event loop was, twenty times a second."""
    lags: list[float] = []

    async def sample() -> None:
        loop = asyncio.get_running_loop()
        while True:
            began = loop.time()
            await asyncio.sleep(SAMPLE_SECONDS)
            lags.append(max(0.0, loop.time() - began - SAMPLE_SECONDS))

    sampling = asyncio.create_task(sample(), name="loop-lags")
    try:
        yield lags
    finally:
        sampling.cancel()


def peak_rss() -> int:
    """Bytes of memory that this process has had at most."""
    status = Path("/proc/self/status")
    if status.exists():
        # Linux: getrusage would count what the process that started this one had at that moment, too.
        found = re.search(r"^VmHWM:\s+(\d+) kB", status.read_text(), re.MULTILINE)
        if found:
            return int(found[1]) * 1024
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * 1024  # bytes on macOS, kB elsewhere
