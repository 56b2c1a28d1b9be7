"""How does a person read what became of the seeds? One row for each; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tests.chaos.audit import Audit, Kind
from tests.chaos.plan import Plan

BAD = (Kind.TWICE, Kind.UNANSWERED, Kind.PAID_TWICE, Kind.WRONG, Kind.DISORDER, Kind.LOST, Kind.STANDING, Kind.TROUBLE)
HEAD = (
    *("seed", "engine", "s", "in all", "blows", "tricks", "talks", "accepted", "once", "cancelled"),
    *(kind.value for kind in BAD),
    *("refused", "unheard", "records"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Outcome:
    """One seed. processes: how many there were. took: seconds from its first request until all was quiet."""

    plan: Plan
    engine: str
    processes: int
    took: float
    audit: Audit

    @property
    def is_good(self) -> bool:
        return not self.audit.violations and self.audit.accepted > 0


def table(outcomes: Sequence[Outcome]) -> str:
    """Fit for a README."""
    rows = [HEAD, *map(_row, outcomes)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEAD))]
    lines = [_line(row, widths) for row in rows]
    rule = "|" + "|".join("-" * (width + 1) + ":" for width in widths) + "|"
    return "\n".join([lines[0], rule, *lines[1:]])


def _row(outcome: Outcome) -> tuple[str, ...]:
    audit, plan = outcome.audit, outcome.plan
    numbers = (len(plan.blows), len(plan.tricks), len(plan.talks), audit.accepted, audit.once, audit.cancelled)
    rest = (audit.refused, audit.unheard, audit.records)
    engine = outcome.engine if outcome.processes == 1 else f"{outcome.engine}, {outcome.processes} processes"
    return (
        *(str(plan.seed), engine, f"{plan.seconds:g}", f"{outcome.took:.0f}"),
        *map(str, numbers),
        *(str(audit.count(kind)) for kind in BAD),
        *map(str, rest),
    )


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.rjust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
