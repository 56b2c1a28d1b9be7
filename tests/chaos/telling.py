"""What is to be known about a violation? What was asked, the job with its history, what was made, what was posted."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import UTC, datetime

from bot import listings
from bot.emulator import Emulator
from tests.chaos.audit import Violation
from tests.chaos.ledgers import Kept, Ledgers


def told(violation: Violation, ledgers: Ledgers, queue: Emulator) -> str:
    """The violation in full, some lines of text."""
    return "\n".join(_lines(violation, ledgers, queue))


def _lines(violation: Violation, ledgers: Ledgers, queue: Emulator) -> Iterator[str]:
    yield f"{violation.kind.value.upper()}: {violation.what}"
    if violation.asked:
        yield f"  asked   {violation.asked}"
    kept = {one.job.id: one for one in ledgers.kept}
    job_id = violation.job_id
    if job_id is None:
        return
    yield from _indented(_page(job_id, kept))
    job = kept[job_id].job if job_id in kept else None
    for post in ledgers.posted:
        if post.job_id == job_id:
            yield f"  posted  {post}"
    if job is None:
        return
    for made in ledgers.made:
        if made.words == job.prompt:
            ours = {"pictures": [name[:12] for name in made.pictures], "built_on": len(made.built_on)}
            yield f"  made    {made.request_id} {made.status}, {_time(made.at)}, {ours}"
    for exchange in queue.ledger.find(prompt=job.prompt):
        answered = exchange.status if exchange.status is not None else "no answer"
        fault = f", {exchange.fault}" if exchange.fault else ""
        yield f"  queue   {_time(exchange.arrived.wall)} {exchange.route} {exchange.request_id}: {answered}{fault}"
    if job.parent_id:
        yield "  its parent:"
        yield from _indented(_page(job.parent_id, kept))


def _page(job_id: str, kept: Mapping[str, Kept]) -> str:
    """As `darkroom show` shows it."""
    found = kept.get(job_id)
    return listings.page(found.job, found.events) if found else f"the store has no job {job_id}"


def _indented(text: str) -> Iterator[str]:
    for line in text.splitlines():
        yield f"    {line}".rstrip()


def _time(at: float) -> str:
    return f"{datetime.fromtimestamp(at, UTC):%H:%M:%S.%f}"[:-4]
