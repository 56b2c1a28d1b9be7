"""How do figures become charts? Pure: what ended, in numbers -> bars as shares of a height, with the same as words."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise

from adapters.web.pages.jobs_table import duration
from bot.figures import DURATION_EDGES, Ended, Figures, Spread

HOUR = 3_600.0
MOST_TICKS = 5
SHORTEST = 0.1
"""Seconds: the foot of the axis for lateness, which grows by factors, so that one bad hour leaves the others readable."""

_TIMES = (SHORTEST, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 300.0, 1_800.0, 3_600.0, 14_400.0, 86_400.0, 604_800.0)

Prices = Mapping[str, float | None]
"""Dollars for a picture, by model. None: nobody tells; absent: not asked yet."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bar:
    """From low to high, as shares of the chart's height."""

    tone: str
    low: float
    high: float


@dataclass(frozen=True, kw_only=True, slots=True)
class Column:
    """One place on the line. at: the hour that begins then; else it has a name, and what to write at its left edge.

    cells: its values in words, for the table and for whoever points at it; none where there is nothing to tell.
    """

    at: float | None = None
    name: str = ""
    edge: str = ""
    bars: tuple[Bar, ...] = ()
    cells: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True, slots=True)
class Chart:
    """Everything that the browser draws. head: of the table. legend: tone and meaning. ticks: share of the height and text."""

    title: str
    summary: str
    head: tuple[str, ...]
    legend: tuple[tuple[str, str], ...]
    ticks: tuple[tuple[float, str], ...]
    columns: tuple[Column, ...]


@dataclass(frozen=True, kw_only=True, slots=True)
class Tile:
    """One number, large, and what belongs to it, small."""

    name: str
    value: str
    note: str = ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Bill:
    """What one model made. price and cost in words."""

    model: str
    pictures: int
    price: str
    cost: str


def tiles(figures: Figures, prices: Prices) -> tuple[Tile, ...]:
    completed, failed, cancelled = _sums(figures.ended)
    share = f"{failed / (completed + failed):.1%} of all answers" if failed else ""
    return (
        Tile(name="Completed", value=f"{completed:,}", note=f"and {cancelled:,} cancelled" if cancelled else ""),
        Tile(name="Failed", value=f"{failed:,}", note=share),
        _spread_tile("From asked to posted", figures.duration, duration),
        _spread_tile("From ready to posted", figures.late, seconds),
        Tile(name="Pictures", value=f"{_pictures(figures.ended):,}"),
        _cost_tile(figures.ended, prices),
    )


def charts(figures: Figures, prices: Prices) -> tuple[Chart, ...]:
    return (outcomes(figures), lateness(figures), durations(figures), pictures(figures, prices))


def outcomes(figures: Figures) -> Chart:
    """Completed, and failed on top of them."""
    sums = {hour: _sums(ended) for hour, ended in _by_hour(figures).items()}
    top, ticks = _count_axis(max((completed + failed for completed, failed, _ in sums.values()), default=0))
    completed, failed, cancelled = _sums(figures.ended)
    return Chart(
        title="Completed and failed",
        summary=f"{completed:,} completed, {failed:,} failed, {cancelled:,} cancelled.",
        head=("Hour", "Completed", "Failed", "Cancelled"),
        legend=(("fine", "Completed"), ("bad", "Failed")),
        ticks=ticks,
        columns=tuple(
            Column(
                at=hour,
                bars=_stack(top, fine=of[0], bad=of[1]),
                cells=tuple(f"{each:,}" for each in of) if any(of) else (),
            )
            for hour, of in sums.items()
        ),
    )


def lateness(figures: Figures) -> Chart:
    """By hour, from the median up to what 95% stay within."""
    known = dict(figures.lateness)
    longest = max((spread.p95 for spread in known.values()), default=0.0)
    top = next((time for time in _TIMES[2:] if time >= longest), _TIMES[-1])
    marks = [time for time in _TIMES if time <= top]
    every = math.ceil(len(marks) / MOST_TICKS)
    late = figures.late
    return Chart(
        title="How late pictures were",
        summary="From ready to posted: "
        + (f"half within {seconds(late.median)}, 95% within {seconds(late.p95)}." if late else "not known."),
        head=("Hour", "Median", "95% within"),
        legend=(("median", "Median"), ("span", "up to 95%")),
        ticks=tuple((_time_share(mark, top), _time(mark)) for mark in marks[::-every][::-1]),
        columns=tuple(_late_column(hour, known.get(hour), top) for hour in _hours(figures)),
    )


def durations(figures: Figures) -> Chart:
    """How many took how long. The steps grow with the time."""
    top, ticks = _count_axis(max(figures.durations))
    spread = figures.duration
    names = [
        f"under {_time(DURATION_EDGES[0])}",
        *(f"{_time(low)} to {_time(high)}" for low, high in pairwise(DURATION_EDGES)),
        f"{_time(DURATION_EDGES[-1])} or more",
    ]
    edges = ["0", *(_time(edge).replace(" s", "").replace(" min", "m") for edge in DURATION_EDGES)]
    return Chart(
        title="How long pictures took",
        summary="From asked to posted: "
        + (f"half up to {duration(spread.median)}, 95% up to {duration(spread.p95)}." if spread else "none yet."),
        head=("Time", "Completed"),
        legend=(("plain", "Completed, by seconds from asked to posted"),),
        ticks=ticks,
        columns=tuple(
            Column(name=name, edge=edge, bars=_stack(top, plain=number), cells=(f"{number:,}",))
            for name, edge, number in zip(names, edges, figures.durations, strict=True)
        ),
    )


def pictures(figures: Figures, prices: Prices) -> Chart:
    """What was made, and what that costs."""
    hours = _by_hour(figures)
    top, ticks = _count_axis(max((_pictures(ended) for ended in hours.values()), default=0))
    return Chart(
        title="Pictures and cost",
        summary=f"{_pictures(figures.ended):,} pictures, estimated cost: {cost(figures.ended, prices)}.",
        head=("Hour", "Pictures", "Estimated cost"),
        legend=(("plain", "Pictures"),),
        ticks=ticks,
        columns=tuple(
            Column(
                at=hour,
                bars=_stack(top, plain=_pictures(ended)),
                cells=(f"{_pictures(ended):,}", cost(ended, prices)) if _pictures(ended) else (),
            )
            for hour, ended in hours.items()
        ),
    )


def bills(figures: Figures, prices: Prices) -> tuple[Bill, ...]:
    """By model, the one that made most first; models that made nothing are left out."""
    made: dict[str, list[Ended]] = {}
    for each in figures.ended:
        made.setdefault(each.model, []).append(each)
    found = [
        Bill(model=model, pictures=_pictures(ended), price=_price(prices, model), cost=cost(ended, prices))
        for model, ended in made.items()
        if _pictures(ended)
    ]
    return tuple(sorted(found, key=lambda bill: (-bill.pictures, bill.model)))


def cost(ended: Sequence[Ended], prices: Prices) -> str:
    """In words, also where some or all of it is not known; never a number that leaves something out unsaid."""
    made = [each for each in ended if each.pictures]
    priced = [(each.pictures, price) for each in made if (price := prices.get(each.model)) is not None]
    unpriced = _pictures(made) - sum(number for number, _ in priced)
    if made and not priced:
        return "not known" if all(each.model in prices for each in made) else "being asked"
    known = dollars(sum(number * price for number, price in priced))
    return f"{known} and {unpriced:,} without a price" if unpriced else known


def dollars(amount: float) -> str:
    """Small amounts to the tenth of a cent."""
    return f"${amount:,.2f}" if amount >= 0.1 or amount == 0 else f"${amount:.3f}"


def seconds(amount: float) -> str:
    """Short times to the hundredth."""
    return f"{amount:.2f} s" if amount < 1 else duration(amount)


def _price(prices: Prices, model: str) -> str:
    if model not in prices:
        return "being asked"
    price = prices[model]
    return "not known" if price is None else f"${price:,.3f}"


def _spread_tile(name: str, spread: Spread | None, told: Callable[[float], str]) -> Tile:
    if spread is None:
        return Tile(name=name, value="–", note="not known yet")
    return Tile(name=name, value=told(spread.median), note=f"95% within {told(spread.p95)}")


def _cost_tile(ended: Sequence[Ended], prices: Prices) -> Tile:
    known, _, rest = cost(ended, prices).partition(" and ")
    return Tile(name="Estimated cost", value=known, note=f"and {rest}" if rest else "")


def _late_column(hour: float, spread: Spread | None, top: float) -> Column:
    if spread is None:
        return Column(at=hour)
    low, high = _time_share(spread.median, top), _time_share(spread.p95, top)
    bars = (Bar(tone="span", low=low, high=high), Bar(tone="median", low=low, high=low))
    return Column(at=hour, bars=bars, cells=(seconds(spread.median), seconds(spread.p95)))


def _hours(figures: Figures) -> list[float]:
    return [figures.since + HOUR * number for number in range(round((figures.until - figures.since) / HOUR))]


def _by_hour(figures: Figures) -> dict[float, list[Ended]]:
    """Every hour, also those in which nothing ended."""
    found: dict[float, list[Ended]] = {hour: [] for hour in _hours(figures)}
    for each in figures.ended:
        found[each.hour].append(each)
    return found


def _sums(ended: Sequence[Ended]) -> tuple[int, int, int]:
    return sum(e.completed for e in ended), sum(e.failed for e in ended), sum(e.cancelled for e in ended)


def _pictures(ended: Sequence[Ended]) -> int:
    return sum(each.pictures for each in ended)


def _stack(top: int, **values: int) -> tuple[Bar, ...]:
    """One on the other, in this order."""
    bars = []
    low = 0
    for tone, value in values.items():
        if value:
            bars.append(Bar(tone=tone, low=low / top, high=(low + value) / top))
        low += value
    return tuple(bars)


def _count_axis(most: int) -> tuple[int, tuple[tuple[float, str], ...]]:
    """Where the axis ends, and its ticks: round numbers, a few of them."""
    steps = (factor * 10**power for power in range(20) for factor in (1, 2, 5))
    step = next(step for step in steps if most <= step * (MOST_TICKS - 1))
    top = max(step * math.ceil(most / step), step)
    return top, tuple((value / top, f"{value:,}") for value in range(0, top + 1, step))


def _time_share(amount: float, top: float) -> float:
    return min(1.0, max(0.0, math.log(max(amount, SHORTEST) / SHORTEST) / math.log(top / SHORTEST)))


def _time(amount: float) -> str:
    for unit, length in (("d", 86_400.0), ("h", 3_600.0), ("min", 60.0)):
        if amount >= length:
            return f"{amount / length:g} {unit}"
    return f"{amount:g} s"
