"""Does the promise hold whatever dies? `make chaos`, or `python -m tests.chaos --help`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from collections.abc import Callable, Sequence
from datetime import datetime
from pathlib import Path

from tests.chaos.engines import Engine, Postgresql, Sqlite
from tests.chaos.plan import Plan, plan
from tests.chaos.seed import run
from tests.chaos.table import Outcome, table

TALKS_PER_SECOND = 2.5
ENGINES: dict[str, Callable[[int], Engine]] = {"sqlite": lambda _: Sqlite(), "postgresql": Postgresql}
"""How each is made, with so many workers."""


def main() -> int:
    """The exit status: 1 when anything happened that may never happen."""
    options = _options()
    engines = [ENGINES[name](options.workers) for name in ENGINES if options.engine in (name, "both")]
    planned = [(engine, _plan(seed, engine, options)) for seed in options.seeds for engine in engines]
    if options.plan:
        for engine, one in planned:
            print("\n".join([_headline(one, engine), *one.told()]))
        return 0
    try:
        outcomes = asyncio.run(_all(planned, options.logs))
    except KeyboardInterrupt:
        return 130
    print(table(outcomes))
    return 0 if all(outcome.is_good for outcome in outcomes) else 1


def _plan(seed: int, engine: Engine, options: argparse.Namespace) -> Plan:
    return plan(
        seed,
        seconds=options.seconds,
        talks=options.talks or round(TALKS_PER_SECOND * options.seconds),
        longest_pause=engine.longest_pause,
        database=engine.restart is not None,
    )


async def _all(planned: Sequence[tuple[Engine, Plan]], logs: Path | None) -> list[Outcome]:
    """One after another: two at once would disturb each other."""
    outcomes = []
    for engine, one in planned:
        print(_headline(one, engine), file=sys.stderr, flush=True)
        finished = await run(one, engine, _say, logs=logs)
        outcomes.append(finished.outcome)
        if not finished.outcome.is_good:
            print("\n".join(["", _headline(one, engine), *one.told(), "", *finished.violations, ""]), flush=True)
        print(table([finished.outcome]), file=sys.stderr, flush=True)
    return outcomes


def _say(what: str) -> None:
    print(f"  {datetime.now().astimezone():%H:%M:%S} {what}", file=sys.stderr, flush=True)


def _headline(one: Plan, engine: Engine) -> str:
    return (
        f"seed {one.seed} on {engine.name}: {one.seconds:g} s, {len(one.talks)} conversations with {one.deeds} deeds, "
        f"{len(one.tricks)} tricks, {len(one.blows)} blows. The plan comes of the seed alone; how processes interleave does not."
    )


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m tests.chaos",
        description="Let everything die and misbehave, then compare what was asked, made and posted.",
    )
    parser.add_argument(
        "--seeds", type=_seeds, default=[1], metavar="LIST", help="such as 7, or 1-20, or 3,9 (default 1)"
    )
    parser.add_argument("--seconds", type=float, default=60.0, help="of chaos in each seed (default 60)")
    parser.add_argument("--engine", choices=(*ENGINES, "both"), default="both", help="(default both)")
    parser.add_argument("--workers", type=int, default=3, help="beside one gateway, on PostgreSQL (default 3)")
    parser.add_argument("--talks", type=int, help=f"conversations in each seed (default {TALKS_PER_SECOND:g} a second)")
    parser.add_argument(
        "--logs", type=Path, metavar="FOLDER", help="keep there what the processes of each seed have logged"
    )
    parser.add_argument("--plan", action="store_true", help="print what would happen, and do nothing")
    options = parser.parse_args()
    if not options.seeds:
        parser.error("--seeds: write the smaller number first, such as 1-20")
    if options.logs and not options.logs.is_dir():
        parser.error(f"--logs: there is no folder {options.logs}")
    if options.seconds <= 0 or options.workers < 1 or (options.talks or 1) < 1:
        parser.error("--seconds, --workers and --talks are numbers above 0")
    return options


def _seeds(text: str) -> list[int]:
    found: list[int] = []
    try:
        for part in text.split(","):
            first, _, last = part.partition("-")
            found += range(int(first), int(last or first) + 1)
    except ValueError:
        raise argparse.ArgumentTypeError("write whole numbers such as 7, or 1-20, or 3,9") from None
    return found


if __name__ == "__main__":
    sys.exit(main())
