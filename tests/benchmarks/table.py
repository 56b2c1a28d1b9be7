"""How does a person read the figures? Two tables, what members feel and what it costs, and the words to them; pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from tests.benchmarks.acknowledging import Acknowledged
from tests.benchmarks.figures import DOWNLOADS, LOOKS, SUBMITS, Idle, Row, spread
from tests.benchmarks.posting import Post, Posted

Line = Sequence[str]


@dataclass(frozen=True, kw_only=True, slots=True)
class Circumstances:
    """Where, when and how it was measured."""

    cores: int
    python: str
    system: str
    date: str
    command: str


def page(
    rows: Sequence[Row], answers: Sequence[Acknowledged], posted: Sequence[Posted], circumstances: Circumstances
) -> str:
    """Everything that is printed; what was not measured is left out."""
    where = circumstances
    lines = [
        f"Darkroom, measured {where.date} on {where.cores} cores, Python {where.python}, {where.system}",
        f"  {where.command}",
        "",
    ]
    looked_for = [row for row in posted if not row.post.with_picture]
    with_picture = [row for row in posted if row.post.with_picture]
    if looked_for:
        lines += ["On Discord, in seconds and per job", grid(POSTED, map(_posted, looked_for)), ""]
    if with_picture:
        lines += ["On Discord, where a POST is answered only when its picture is made, in seconds and per job"]
        lines += [grid(SIDE_BY_SIDE, map(_side_by_side, with_picture)), "", *SIDE_BY_SIDE_REMARKS, ""]
    if posted:
        lines += [*POSTED_REMARKS, ""]
    if rows:
        lines += ["What members of the playground feel, in seconds", grid(FEELING, map(_feeling, rows)), ""]
        lines += ["What it costs, per job where nothing else is said", grid(COST, map(_cost, rows)), ""]
    if answers:
        lines += ["How soon a command is acknowledged, in seconds", grid(ACKNOWLEDGED, map(_acknowledged, answers)), ""]
    return "\n".join([*lines, *(_remarks(rows) if rows else [])])


FEELING: tuple[Line, Line] = (
    ("", "queue", "lateness", "", "", "of it, p50", "", "acknowledged", "", "", "load"),
    ("jobs", "takes", "p50", "p95", "max", "unseen", "bringing", "p50", "p99", "lost", "average"),
)
COST: tuple[Line, Line] = (
    ("", "queue requests", "", "", "", "", "store calls", "", "", "", "", "CPU", "", "peak", "loop lag"),
    (
        *("jobs", "submit", "looks", "download", "other", "seen", "claim", "save", "next_due", "other", "SQL"),
        *("ms", "s in all", "RSS, MB", "p99, ms"),
    ),
)

# Of `_late_and_dear`.
_LATE_AND_DEAR: tuple[Line, Line] = (
    ("lateness", "", "", "", "asked", "", "CPU", "acknowledged", "", "loop lag", "peak", "posts", ""),
    ("p50", "p95", "p99", "max", "queue", "Discord", "ms", "p50", "p99", "p99, ms", "RSS, MB", "per s", "lost"),
)

POSTED: tuple[Line, Line] = (
    ("", "in", "", "queue", "kB", *_LATE_AND_DEAR[0]),
    ("jobs", "servers", "looks", "takes", "each", *_LATE_AND_DEAR[1]),
)
POSTED_REMARKS = (
    "lateness: from the picture being ready in the queue until its upload had arrived at Discord. asked: requests to the",
    "queue about what runs, beside submit and download, and all requests to Discord. The real program runs beside a local",
    "Discord with the limits of the real one; before each row it has made 24 pictures, and rested. Other schedules are this",
    "bot's with its looks replaced. held: nothing is ready before all have asked.",
)

SIDE_BY_SIDE: tuple[Line, Line] = (
    ("", "at once", "", "queue", "the whole", "", *_LATE_AND_DEAR[0]),
    ("jobs", "allowed", "were", "takes", "took", "one by one", *_LATE_AND_DEAR[1]),
)
SIDE_BY_SIDE_REMARKS = (
    "at once: GMI_IN_FLIGHT, and how many the queue had in the making at the same moment, at most. the whole: from the first",
    "command to the last upload; and what the queue took for all of them together, as long as one after the other would.",
)

ACKNOWLEDGED: tuple[Line, Line] = (
    ("", "while", "commands", "", "acknowledged", "", "", "", "CPU"),
    ("platform", "it", "at once", "in all", "p50", "p95", "p99", "max", "ms each"),
)


def grid(head: tuple[Line, Line], lines: Iterable[Line]) -> str:
    """Columns as wide as their widest cell, the first to the left. A group's name stands over its first column, and
    reaches over those behind it.
    """
    groups, names = head
    body = list(lines)
    widths = [max(map(len, column)) for column in zip(names, *body, strict=True)]
    starts = [sum(widths[:at]) + 2 * at for at in range(len(widths))]
    over = ""
    for start, width, name, group in zip(starts, widths, names, groups, strict=True):
        if group:
            over = over.ljust(start + max(0, width - max(len(name), len(group)))) + group + " "
    return "\n".join([f"  {over.rstrip()}", *(f"  {_line(cells, widths)}" for cells in (names, *body))])


def _line(cells: Line, widths: Sequence[int]) -> str:
    first, *others = (
        cell.rjust(width) if at else cell.ljust(width)
        for at, (cell, width) in enumerate(zip(cells, widths, strict=True))
    )
    return "  ".join([first, *others]).rstrip()


def _feeling(row: Row) -> Line:
    return (
        row.name,
        f"{row.latency[0]:g}-{row.latency[1]:g}",
        *map(_seconds, (row.lateness.p50, row.lateness.p95, row.lateness.max, row.unseen.p50, row.bringing.p50)),
        *map(_seconds, (row.acknowledgement.p50, row.acknowledgement.p99)),
        str(sum(row.lost.values())),
        "-".join(f"{load:.1f}" for load in row.load),
    )


def _cost(row: Row) -> Line:
    main = ("claim", "save", "next_due")
    return (
        row.name,
        *(f"{row.asked(routes):.2f}" for routes in (SUBMITS, LOOKS, DOWNLOADS)),
        f"{row.other_requests:.2f}",
        f"{row.looks:.2f}",
        *(f"{row.store.get(name, 0.0):.1f}" for name in main),
        f"{sum(number for name, number in row.store.items() if name not in main):.1f}",
        f"{row.statements:.0f}",
        f"{row.cpu_per_job * 1000:.0f}",
        f"{row.cpu_seconds:.1f}",
        f"{row.peak_rss_bytes / 1_000_000:.0f}",
        _milliseconds(row.loop_lag.p99),
    )


def _acknowledged(answer: Acknowledged) -> Line:
    after = answer.after
    return (
        answer.platform,
        "rests" if answer.at_rest else "posts",
        *(str(number) for number in (answer.at_once, after.of)),
        *map(_seconds, (after.p50, after.p95, after.p99, after.max)),
        f"{answer.cpu * 1000:.1f}",
    )


def _posted(row: Posted) -> Line:
    post = row.post
    size = f"{post.image_bytes / 1000:.0f}"
    return (_asked(post), str(post.servers), post.schedule, post.takes, size, *_late_and_dear(row))


def _side_by_side(row: Posted) -> Line:
    post = row.post
    at_once = str(post.most_in_flight), str(row.at_once)
    return (_asked(post), *at_once, post.takes, f"{row.took:.1f}", f"{row.making:.1f}", *_late_and_dear(row))


def _asked(post: Post) -> str:
    when = f" in {post.over:g} s" if post.over else f", {post.rounds}x" if post.rounds > 1 else " at once"
    return f"{post.jobs}{when}{', held' if post.together else ''}"


def _late_and_dear(row: Posted) -> Line:
    late = row.lateness
    return (
        *map(_seconds, (late.p50, late.p95, late.p99, late.max)),
        f"{row.looks:.2f}",
        f"{row.calls:.1f}",
        f"{row.cpu * 1000:.0f}",
        *map(_seconds, (row.acknowledged.p50, row.acknowledged.p99)),
        _milliseconds(row.loop_lag.p99),
        f"{row.peak_rss / 1_000_000:.0f}",
        f"{row.per_second:.1f}",
        str(row.lost),
    )


def _remarks(rows: Sequence[Row]) -> list[str]:
    starts = spread([row.start_seconds for row in rows])
    cpu = spread([row.start_cpu_seconds for row in rows])
    sizes = " or ".join(f"{size:,}" for size in sorted({row.image_bytes for row in rows}))
    places = ", ".join(str(row.in_flight) for row in rows)
    return [
        (
            f"Start to ready: {_seconds(starts.p50)} s (p50), {_seconds(starts.max)} s (max of {starts.of}), "
            f"of it {_seconds(cpu.p50)} s CPU."
        ),
        *(_idle(row.idle, row.name) for row in rows if row.idle),
        "",
        "lateness: from the picture being ready in the queue until open pages hear of it; unseen: until its download",
        "begins; bringing: from then on. acknowledged: from asking until the job is stored. load average: of the whole",
        "machine, as a row began and ended. looks: get and list; seen: how many of them told of the job. SQL: statements.",
        f"The queue is emulated in another process; its pictures have {sizes} bytes. The whole bot, playground and HTTP",
        "server included, runs in a process of its own for each row, with",
        f"GMI_IN_FLIGHT = {places}: as many as ask at once, so that this limit is no bottleneck.",
        *_losses(rows),
    ]


def _losses(rows: Sequence[Row]) -> list[str]:
    lines = [f"  {row.name}: {number} times: {reason}" for row in rows for reason, number in sorted(row.lost.items())]
    return ["", "LOST: some pictures were never shown, and the figures are of the others.", *lines] if lines else []


def _idle(idle: Idle, after: str) -> str:
    return (
        f'Idle for {idle.seconds:g} s (after "{after}"): {idle.queue_requests} requests to the queue, '
        f"{idle.store_calls} calls of the store, {idle.statements} SQL statements, "
        f"{100 * idle.cpu_seconds / idle.seconds:.1f} % CPU."
    )


def _seconds(value: float | None) -> str:
    return "-" if value is None else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def _milliseconds(value: float | None) -> str:
    return "-" if value is None else f"{value * 1000:.0f}"
