"""Hold what the local platforms say against the platforms' own schemas: `python -m tests.conformance --schemas DIR`."""

from __future__ import annotations

import argparse
import asyncio
import sys
from pathlib import Path

from tests.conformance import discord, slack


def main(arguments: list[str]) -> int:
    """0: all agree. 1: something does not, and is printed. 2: there is nothing to hold it against."""
    parser = argparse.ArgumentParser(prog="python -m tests.conformance", description=__doc__)
    parser.add_argument("--schemas", type=Path, help=f"the folder that holds {discord.SCHEMA}")
    parser.add_argument("--recorded", type=Path, help="a folder with further recorded sessions (RECORD_EXCHANGES)")
    given = parser.parse_args(arguments)
    if given.schemas is None:
        sys.stderr.write(f"Pass the folder that holds {discord.SCHEMA}: make conformance SCHEMAS=dir\n")
        return 2
    if not (given.schemas / discord.SCHEMA).is_file():
        sys.stderr.write(f"There is no {discord.SCHEMA} in {given.schemas}.\n")
        return 2
    recorded = sorted(given.recorded.glob("discord-*.json")) if given.recorded else []
    count, disagreements = asyncio.run(discord.check(given.schemas, recorded))
    sys.stdout.writelines(f"{line}\n" for line in dict.fromkeys(map(str, disagreements)))
    sys.stdout.write(f"Discord: {count} exchanges held against {discord.SCHEMA}, {len(disagreements)} disagree.\n")
    return max(1 if disagreements else 0, _slack(given.schemas))


def _slack(schemas: Path) -> int:
    if not (schemas / slack.SCHEMA).is_file():
        sys.stderr.write(f"There is no {slack.SCHEMA} in {schemas}.\n")
        return 2
    lines = slack.check(schemas)
    sys.stdout.writelines(f"{line}\n" for line in lines)
    sys.stdout.write(f"Slack: the manifest held against {slack.SCHEMA}, {len(lines)} disagree.\n")
    return 1 if lines else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
