"""The pure parts of the benchmarks, and one tiny run through all of them."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import pytest

from tests.benchmarks.acknowledging import PLATFORMS, Acknowledged, acknowledging
from tests.benchmarks.figures import LOOKS, Idle, Journey, Row, Spread, per_job, percentile, spread
from tests.benchmarks.measuring import measure
from tests.benchmarks.posting import Post, Posted, most_at_once, posting
from tests.benchmarks.scenarios import Scenario, chosen, read_jobs, read_latency
from tests.benchmarks.table import ACKNOWLEDGED, COST, FEELING, POSTED, SIDE_BY_SIDE, Circumstances, grid, page

CIRCUMSTANCES = Circumstances(
    cores=2, python="3.11.7", system="Linux x86_64", date="2026-01-02 03:04 UTC", command="python -m tests.benchmarks"
)


def a_row(**changes) -> Row:
    row = Row(
        name="20 at once",
        jobs=20,
        lost={},
        in_flight=20,
        latency=(6.0, 14.0),
        image_bytes=100_000,
        lateness=spread([0.1, 0.2, 0.3]),
        unseen=spread([0.05, 0.15, 0.25]),
        bringing=spread([0.05]),
        acknowledgement=spread([0.012]),
        requests={"get": 3.5, "list": 0.25, "submit": 1.0, "media": 1.0, "upload_url": 0.5},
        looks=12.0,
        store={"claim": 6.5, "save": 7.25, "get_blob": 1.0, "put_blob": 1.0},
        statements=57.0,
        cpu_seconds=1.3,
        peak_rss_bytes=125_000_000,
        loop_lag=spread([0.004]),
        start_seconds=2.5,
        start_cpu_seconds=1.5,
        load=(0.1, 1.2),
    )
    return replace(row, **changes)


def cells(text: str, first: str) -> list[str]:
    """What stands in the line that begins with these words, behind them."""
    lines = [line.strip() for line in text.splitlines()]
    return next(line.removeprefix(first) for line in lines if line.startswith(first)).split()


@pytest.mark.parametrize(
    ("share", "value"), [(0.0, 1.0), (0.5, 3.0), (0.25, 2.0), (0.9, 8.0), (0.95, 9.0), (1.0, 10.0)]
)
def test_a_percentile_lies_between_its_neighbours_in_proportion(share: float, value: float):
    assert percentile([10.0, 1.0, 3.0, 2.0, 5.0], share) == pytest.approx(value)


def test_every_percentile_of_one_value_is_that_value():
    assert spread([4.0]) == Spread(of=1, p50=4.0, p95=4.0, p99=4.0, max=4.0)


def test_nothing_measured_gives_no_percentile():
    assert spread([None, None]) == Spread(of=0)
    with pytest.raises(ValueError):
        percentile([], 0.5)


def test_a_spread_counts_only_what_is_known():
    assert spread([None, 2.0, 4.0]) == Spread(of=2, p50=3.0, p95=pytest.approx(3.9), p99=pytest.approx(3.98), max=4.0)


def test_lateness_is_the_time_unseen_and_the_time_of_bringing():
    journey = Journey(asked=1.0, acknowledged=1.1, looks=3, ready=9.0, fetched=9.25, shown=9.5)
    assert (journey.lateness, journey.unseen, journey.bringing) == (0.5, 0.25, 0.25)


def test_a_picture_that_was_never_shown_has_no_lateness():
    journey = Journey(asked=1.0, acknowledged=1.1, looks=3, ready=9.0, fetched=9.25)
    assert (journey.lateness, journey.unseen, journey.bringing) == (None, 0.25, None)


def test_counts_are_told_for_one_job_the_most_frequent_first():
    assert list(per_job({"submit": 20, "get": 70}, 20).items()) == [("get", 3.5), ("submit", 1.0)]


def test_a_page_says_where_and_how_it_was_measured():
    first, second, *_ = page([a_row()], [], [], CIRCUMSTANCES).splitlines()
    assert first == "Darkroom, measured 2026-01-02 03:04 UTC on 2 cores, Python 3.11.7, Linux x86_64"
    assert second.strip() == "python -m tests.benchmarks"


def test_a_page_tells_what_members_feel_and_what_it_costs():
    feeling, costs = page([a_row()], [], [], CIRCUMSTANCES).split("What it costs")
    assert cells(feeling, "20 at once") == [
        "6-14",
        "0.20",
        "0.29",
        "0.30",
        "0.15",
        "0.050",
        "0.012",
        "0.012",
        "0",
        "0.1-1.2",
    ]
    assert cells(costs, "20 at once") == [
        *("1.00", "3.75", "1.00", "0.50", "12.00"),
        *("6.5", "7.2", "0.0", "2.0", "57"),
        *("65", "1.3", "125", "4"),
    ]


def test_a_page_says_which_limit_was_lifted():
    assert "GMI_IN_FLIGHT = 20, 60: " in page([a_row(), a_row(name="60 at once", in_flight=60)], [], [], CIRCUMSTANCES)


def test_a_page_tells_what_an_idle_bot_did():
    idle = Idle(seconds=3.0, queue_requests=1, store_calls=2, statements=4, cpu_seconds=0.03)
    assert (
        'Idle for 3 s (after "20 at once"): 1 requests to the queue, 2 calls of the store, 4 SQL statements, 1.0 % CPU.'
        in page([a_row(idle=idle)], [], [], CIRCUMSTANCES).splitlines()
    )
    assert "Idle" not in page([a_row()], [], [], CIRCUMSTANCES)


def test_lost_pictures_are_told_with_their_reasons():
    text = page([a_row(lost={"no answer while the row lasted": 2, "safety": 1})], [], [], CIRCUMSTANCES)
    assert cells(text, "20 at once")[-2] == "3"
    assert "20 at once: 2 times: no answer while the row lasted" in text
    assert "20 at once: 1 times: safety" in text
    assert "LOST" not in page([a_row()], [], [], CIRCUMSTANCES)


def test_what_was_not_measured_is_a_dash():
    nothing = spread([])
    text = page([a_row(lateness=nothing, unseen=nothing, bringing=nothing, loop_lag=nothing)], [], [], CIRCUMSTANCES)
    assert cells(text, "20 at once")[1:6] == ["-"] * 5


def test_columns_are_as_wide_as_their_widest_cell():
    head = (("", "lateness", "", "load"), ("jobs", "p50", "max", "average"))
    assert grid(head, [["1 at a time", "0.25", "0.30", "1.0"], ["20", "123.45", "0.40", "1.5"]]).splitlines() == [
        "               lateness      load",
        "  jobs            p50   max  average",
        "  1 at a time    0.25  0.30      1.0",
        "  20           123.45  0.40      1.5",
    ]


def test_acknowledgements_have_a_table_of_their_own():
    answers = [Acknowledged(platform="discord", at_once=50, at_rest=True, after=spread([0.01, 0.25]), cpu=0.0052)]
    text = page([a_row()], answers, [], CIRCUMSTANCES)
    assert cells(text, "discord") == ["rests", "50", "2", "0.13", "0.24", "0.25", "0.25", "5.2"]


@pytest.mark.parametrize("head", [FEELING, COST, ACKNOWLEDGED, POSTED, SIDE_BY_SIDE])
def test_every_column_has_a_name(head):
    groups, names = head
    assert len(groups) == len(names)
    assert all(names)


def test_one_job_is_repeated_and_many_come_at_once():
    one, twenty, short = chosen((1, 20), (6.0, 14.0))
    assert (one.at_once, one.rounds, one.jobs) == (1, 6, 6)
    assert (twenty.at_once, twenty.rounds, twenty.jobs) == (20, 1, 20)
    assert (short.at_once, short.rounds) == (50, 4)
    assert [scenario.idle_seconds for scenario in (one, twenty, short)] == [0.0, 0.0, 3.0]
    assert [scenario.latency for scenario in (one, twenty)] == [(6.0, 14.0)] * 2


def test_the_options_read_numbers_and_ranges():
    assert read_jobs("1,20,60") == (1, 20, 60)
    assert read_latency("6-14") == (6.0, 14.0)
    assert read_latency("0.2") == (0.2, 0.2)


@pytest.mark.parametrize("text", ["", "0", "1;2", "1001", "1,", "two"])
def test_wrong_numbers_of_jobs_are_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="for example 1,20,60"):
        read_jobs(text)


@pytest.mark.parametrize("text", ["", "14-6", "-1", "nan", "1-inf", "6..14"])
def test_wrong_ranges_are_refused_with_an_example(text: str):
    with pytest.raises(ValueError, match="for example 6-14"):
        read_latency(text)


async def test_a_tiny_run_measures_a_whole_bot(tmp_path):
    row = await measure(Scenario(name="tiny", at_once=2, latency=(0.2, 0.2), idle_seconds=0.3), folder=tmp_path)

    assert row.lost == {}
    assert [each.of for each in (row.lateness, row.unseen, row.bringing, row.acknowledgement)] == [2, 2, 2, 2]
    assert 0 < row.lateness.p50 <= row.lateness.max
    assert row.acknowledgement.max > 0
    assert row.requests["submit"] == row.requests["media"] == 1.0
    assert row.asked(LOOKS) >= 0.5
    assert row.looks >= 1.0
    assert row.store["add"] == 1.0
    assert row.statements > row.store["save"] > 1.0
    assert row.cpu_seconds > 0
    assert row.peak_rss_bytes > 10_000_000
    assert min(row.start_seconds, row.start_cpu_seconds) > 0
    assert (row.idle.queue_requests, row.idle.store_calls, row.idle.statements) == (0, 0, 0)
    assert list(tmp_path.iterdir()) == []
    assert "tiny" in page([row], [], [], CIRCUMSTANCES)
    assert json.loads(json.dumps(asdict(row)))["requests"]["submit"] == 1.0


@pytest.mark.parametrize("platform", PLATFORMS)
async def test_a_tiny_round_of_commands_is_acknowledged(platform: str):
    answer = await acknowledging(platform, at_once=2, rounds=1, at_rest=False)

    assert (answer.platform, answer.at_once, answer.after.of) == (platform, 2, 2)
    assert 0 < answer.after.p50 <= answer.after.max < 3.0
    assert answer.cpu >= 0


def a_post(post: Post) -> Posted:
    return Posted(
        post=post,
        lateness=spread([0.2, 0.3]),
        acknowledged=spread([0.1]),
        loop_lag=spread([0.004]),
        looks=0.29,
        calls=5.5,
        cpu=0.06,
        peak_rss=150_000_000,
        per_second=4.9,
        took=33.25,
        making=243.5,
        at_once=8,
        lost=0,
    )


LATE_AND_DEAR = ["0.25", "0.29", "0.30", "0.30", "0.29", "5.5", "60", "0.10", "0.10", "4", "150", "4.9", "0"]


def test_rows_of_discord_tell_how_late_and_how_dear():
    text = page([], [], [a_post(Post(jobs=300, over=60.0, servers=50))], CIRCUMSTANCES)
    assert cells(text, "300 in 60 s") == ["50", "this", "bot", "6", "to", "14", "s", "100", *LATE_AND_DEAR]
    assert "lateness: from the picture being ready" in text
    assert "playground" not in text
    assert "answered only when" not in text


def test_rows_of_posts_that_answer_with_the_picture_tell_how_long_all_of_them_took():
    text = page([], [], [a_post(Post(jobs=24, with_picture=True, in_flight=8))], CIRCUMSTANCES)
    assert cells(text, "24 at once") == ["8", "8", "6", "to", "14", "s", "33.2", "243.5", *LATE_AND_DEAR]
    assert "lateness: from the picture being ready" in text
    assert "servers" not in text, "the other table is left out"


@pytest.mark.parametrize(
    ("spans", "number"),
    [([], 0), ([(1.0, 2.0)], 1), ([(1.0, 2.0), (2.0, 3.0)], 1), ([(1.0, 4.0), (5.0, 9.0), (2.0, 3.0), (3.5, 6.0)], 2)],
)
def test_at_once_is_what_overlaps(spans: list[tuple[float, float]], number: int):
    assert most_at_once(spans) == number


async def tiny_run(post: Post, monkeypatch: pytest.MonkeyPatch) -> Posted:
    monkeypatch.setattr("tests.benchmarks.posting.LEARNS_FROM", 2)
    monkeypatch.setattr("tests.benchmarks.posting.LEAST", 0.1)
    monkeypatch.setattr("tests.benchmarks.posting.MOST", 0.2)
    row = await posting(replace(post, image_bytes=10_000))
    assert row.lost == 0
    assert row.lateness.of == row.acknowledged.of == post.jobs
    assert row.lateness.max > 0
    assert row.calls >= 2
    assert row.cpu > 0
    assert row.peak_rss > 50_000_000
    assert row.loop_lag.of > 0
    assert row.took > 0.1
    assert post.jobs * 0.1 <= row.making < row.took * row.at_once
    return row


async def test_a_tiny_run_on_discord_measures_everything(monkeypatch: pytest.MonkeyPatch):
    row = await tiny_run(Post(jobs=2, schedule="every second"), monkeypatch)
    assert row.looks > 0


async def test_a_tiny_run_of_posts_that_answer_with_the_picture_measures_them(monkeypatch: pytest.MonkeyPatch):
    row = await tiny_run(Post(jobs=4, with_picture=True, in_flight=2), monkeypatch)
    assert row.looks == 0
    assert 1 <= row.at_once <= 2
    told = json.loads(json.dumps(asdict(row)))
    assert (told["post"]["with_picture"], told["post"]["in_flight"], told["looks"]) == (True, 2, 0)
