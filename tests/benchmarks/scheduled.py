"""The real program, with its own schedule or with another one in its place: what does the schedule make of it?

`python -m tests.benchmarks.scheduled SCHEDULE REPORT run`; REPORT is a file, into which this process writes how late its event
loop was, and how much memory it took, when it ends.
"""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Any

from bot import cli, running
from bot.model import Job
from bot.rounds import Rounds
from tests.benchmarks.counting import loop_lags, peak_rss

OURS = "this bot"
OTHERS: Mapping[str, Callable[[int], float]] = MappingProxyType(
    {
        "every 5 s": lambda _: 5.0,
        "every second": lambda _: 1.0,
        "back-off 1 to 15 s": lambda looks: min(15.0, 2.0**looks),
    }
)
"""Seconds until the next look, after so many; each request is looked at by itself."""


def replace_schedule(seconds: Callable[[int], float]) -> None:
    """In this process alone."""

    async def pause(_: Rounds, job: Job, *, rng: float) -> float:
        return seconds(job.looks)

    async def record(_: Rounds, job: Job) -> None:
        return None

    Rounds.pause = pause  # type: ignore[method-assign]
    Rounds.record = record  # type: ignore[method-assign]
    Rounds.early = lambda _, job: None  # type: ignore[method-assign]  # noqa: ARG005


def beside_the_run(around: Callable[[], AbstractAsyncContextManager[None]]) -> None:
    """Whatever the program runs goes on within this. Its process may end by a signal: nothing comes after the run."""
    run: Callable[..., Coroutine[Any, Any, Any]] = running.run

    async def within(*args: Any, **kwargs: Any) -> Any:
        async with around():
            return await run(*args, **kwargs)

    running.run = within


@asynccontextmanager
async def reporting(path: Path) -> AsyncIterator[None]:
    """The loop's lag is sampled, and written when all is over."""
    async with loop_lags() as lags:
        try:
            yield
        finally:
            report = json.dumps({"loop_lags": lags, "peak_rss": peak_rss()})
            await asyncio.to_thread(path.write_text, report)


def main() -> None:
    _, schedule, report, *arguments = sys.argv
    if schedule != OURS:
        replace_schedule(OTHERS[schedule])
    beside_the_run(partial(reporting, Path(report)))
    sys.argv = ["darkroom", *arguments]
    cli.main()


if __name__ == "__main__":
    main()
