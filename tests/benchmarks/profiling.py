"""Where does the bot's time go? `make profile`: sixty pictures on a local Discord, with Python's own profiler in the bot's process.

`python -m tests.benchmarks.profiling [FILE]` writes the profile there, too, for viewers of its format.
"""

from __future__ import annotations

import asyncio
import cProfile
import pstats
import sys
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path

from tests.benchmarks import scheduled
from tests.benchmarks.posting import Post, posting

POST = Post(jobs=60)
LINES = 40
PROFILED = "profiled"


@asynccontextmanager
async def profiled(file: str) -> AsyncIterator[None]:
    """In the bot's process: what its event loop does with its time is written there when all is over."""
    profile = cProfile.Profile()
    profile.enable()
    try:
        yield
    finally:
        profile.disable()
        profile.dump_stats(file)


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="darkroom-profile-") as folder:
        file = Path(sys.argv[1]).absolute() if len(sys.argv) > 1 else Path(folder) / "profile"
        row = asyncio.run(posting(POST, under=("tests.benchmarks.profiling", PROFILED, str(file))))
        stats = pstats.Stats(str(file))
        for order in ("tottime", "cumulative"):
            stats.strip_dirs().sort_stats(order).print_stats(LINES)
    print(
        f"{POST.jobs} pictures took {row.cpu * 1000:.0f} ms of CPU each, of which the profiler itself is a good part."
    )


if __name__ == "__main__":
    if sys.argv[1:2] == [PROFILED]:
        _, _, where, *sys.argv[1:] = sys.argv
        scheduled.beside_the_run(partial(profiled, where))
        scheduled.main()
    else:
        main()
