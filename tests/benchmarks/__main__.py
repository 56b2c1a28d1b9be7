"""How fast is the bot, and what does it cost? `make bench`, or `python -m tests.benchmarks --help`."""

from __future__ import annotations

import argparse
import asyncio
import itertools
import json
import os
import platform
import shlex
import sys
from collections.abc import Callable, Sequence
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from tests.benchmarks.acknowledging import PLATFORMS, ROUNDS, Acknowledged, acknowledging
from tests.benchmarks.figures import Row
from tests.benchmarks.measuring import measure
from tests.benchmarks.posting import QUICK, Post, Posted, posting
from tests.benchmarks.posting import ROWS as POSTS
from tests.benchmarks.scenarios import Scenario, chosen, read_jobs, read_latency
from tests.benchmarks.table import Circumstances, page

T = TypeVar("T")


def main() -> int:
    """The exit status: 1 when a picture was lost."""
    options = _options()
    jobs = options.jobs or ((1, 20) if options.quick else (1, 20, 60))
    latency = options.latency or ((1.0, 2.0) if options.quick else (6.0, 14.0))
    circumstances = _circumstances()
    only = options.only
    try:
        posted = asyncio.run(_posted(QUICK if options.quick else POSTS)) if only in (None, "discord") else []
        scenarios = chosen(jobs, latency, quick=options.quick) if only in (None, "playground") else []
        rows = asyncio.run(_measured(scenarios, options.folder))
        rounds = 1 if options.quick else ROUNDS
        answers = asyncio.run(_acknowledged(rounds=rounds)) if only in (None, "commands") else []
    except RuntimeError as error:
        sys.exit(f"Nothing was measured to its end: {error}.")
    except KeyboardInterrupt:
        return 130
    print(page(rows, answers, posted, circumstances))
    if options.json:
        told = {"circumstances": asdict(circumstances), "rows": [asdict(row) for row in rows]}
        told["acknowledged"] = [asdict(answer) for answer in answers]
        told["posted"] = [asdict(row) for row in posted]
        options.json.write_text(json.dumps(told, indent=2) + "\n")
    return 1 if any(row.lost for row in (*rows, *posted)) else 0


async def _measured(scenarios: list[Scenario], folder: Path | None) -> list[Row]:
    """One after another: two at once would disturb each other."""
    rows = []
    for scenario in scenarios:
        print(f"measuring: {scenario.name} ...", file=sys.stderr, flush=True)
        rows.append(await measure(scenario, folder=folder))
    return rows


async def _posted(posts: Sequence[Post]) -> list[Posted]:
    rows = []
    for post in posts:
        how = "POSTs that answer with the picture" if post.with_picture else post.schedule
        print(f"measuring: {post.jobs} on Discord, {how} ...", file=sys.stderr, flush=True)
        rows.append(await posting(post))
    return rows


async def _acknowledged(*, rounds: int) -> list[Acknowledged]:
    answers = []
    for name, at_rest in itertools.product(PLATFORMS, (True, False)):
        print(f"measuring: commands on {name} ...", file=sys.stderr, flush=True)
        answers.append(await acknowledging(name, rounds=rounds, at_rest=at_rest))
    return answers


def _circumstances() -> Circumstances:
    return Circumstances(
        cores=os.cpu_count() or 1,
        python=platform.python_version(),
        system=f"{platform.system()} {platform.machine()}",
        date=datetime.now().astimezone().strftime("%Y-%m-%d %H:%M %Z"),
        command=shlex.join(["python", "-m", "tests.benchmarks", *sys.argv[1:]]),
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.benchmarks",
        description="Measure the bot against the emulated queue and a local Discord. About half an hour.",
    )
    parser.add_argument("--only", choices=("discord", "playground", "commands"), help="a part of it (default: all)")
    parser.add_argument(
        "--jobs", type=_read(read_jobs), help="how many at once, one row each; 1: one after another (default 1,20,60)"
    )
    parser.add_argument(
        "--latency", type=_read(read_latency), help="seconds that the queue takes for a picture (default 6-14)"
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there, too")
    parser.add_argument("--folder", type=Path, help="where the bot's data is put (default: where temporary files are)")
    parser.add_argument(
        "--quick", action="store_true", help="20 jobs at most, 1-2 s, few rounds: whether it works, not how fast"
    )
    options = parser.parse_args()
    # said now, not after two minutes
    if options.json and not options.json.parent.is_dir():
        parser.error(f"--json: there is no folder {options.json.parent} to write into")
    if options.folder and not options.folder.is_dir():
        parser.error(f"--folder: there is no folder {options.folder}")
    return options


def _read(reader: Callable[[str], T]) -> Callable[[str], T]:
    """The same for argparse, which shows only this kind of error's own words."""

    def read(text: str) -> T:
        try:
            return reader(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


if __name__ == "__main__":
    sys.exit(main())
