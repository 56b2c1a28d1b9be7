"""What do the charts say about figures?"""

import pytest

from adapters.web.pages.charts import Bar, Tile, bills, charts, cost, dollars, durations, lateness, outcomes, tiles
from bot.figures import DURATION_EDGES, Ended, Figures, Spread

HOUR = 3600.0
PRICES = {"cheap": 0.04, "free": 0.0, "secret": None}


def ended(hour, model="cheap", *, completed=0, failed=0, cancelled=0, pictures=None):
    made = completed if pictures is None else pictures
    return Ended(hour=hour * HOUR, model=model, completed=completed, failed=failed, cancelled=cancelled, pictures=made)


def figures(*ended, hours=4, **more):
    return Figures(since=0.0, until=hours * HOUR, ended=ended, **more)


def test_every_hour_has_its_column_and_what_failed_stands_on_what_completed():
    chart = outcomes(
        figures(
            ended(1, completed=3, failed=1), ended(1, "secret", completed=2, cancelled=1), ended(3, failed=2), hours=4
        )
    )
    assert [column.at for column in chart.columns] == [0.0, HOUR, 2 * HOUR, 3 * HOUR]
    assert [column.cells for column in chart.columns] == [(), ("5", "1", "1"), (), ("0", "2", "0")]
    assert chart.ticks == ((0, "0"), (2 / 6, "2"), (4 / 6, "4"), (1, "6"))
    assert chart.columns[1].bars == (Bar(tone="fine", low=0, high=5 / 6), Bar(tone="bad", low=5 / 6, high=1))
    assert chart.columns[3].bars == (Bar(tone="bad", low=0, high=2 / 6),)
    assert chart.summary == "5 completed, 3 failed, 1 cancelled."


@pytest.mark.parametrize(
    ("most", "last"), [(0, "1"), (1, "1"), (4, "4"), (5, "6"), (17, "20"), (21, "30"), (999, "1,000")]
)
def test_axis_of_numbers_ends_at_a_round_one_with_few_ticks(most, last):
    ticks = outcomes(figures(ended(0, completed=most))).ticks
    assert ticks[-1] == (1, last)
    assert 2 <= len(ticks) <= 5


@pytest.mark.parametrize(
    ("p95", "said"),
    [
        (0.05, ["0.1 s", "0.3 s", "1 s"]),
        (2.0, ["0.1 s", "0.3 s", "1 s", "3 s"]),
        (50.0, ["0.1 s", "1 s", "10 s", "1 min"]),
        (1e9, ["0.1 s", "3 s", "1 min", "1 h", "7 d"]),
    ],
)
def test_lateness_grows_by_factors_so_that_one_bad_hour_hides_no_other(p95, said):
    slow, usual = Spread(median=p95 / 2, p95=p95), Spread(median=0.3, p95=0.3)
    chart = lateness(figures(lateness=((HOUR, slow), (3 * HOUR, usual)), late=usual))
    assert [text for _, text in chart.ticks] == said
    assert [bool(column.bars) for column in chart.columns] == [False, True, False, True]
    for column in chart.columns:
        assert all(0 <= bar.low <= bar.high <= 1 for bar in column.bars)
    assert chart.columns[3].bars[0].low > 0.05
    assert chart.columns[3].cells == ("0.30 s", "0.30 s")
    assert chart.summary == "From ready to posted: half within 0.30 s, 95% within 0.30 s."


def test_durations_are_counted_between_their_edges():
    counted = tuple(range(len(DURATION_EDGES) + 1))
    chart = durations(figures(durations=counted, duration=Spread(median=9.0, p95=75.0)))
    assert [column.cells for column in chart.columns] == [(str(number),) for number in counted]
    assert [chart.columns[at].name for at in (0, 1, -2, -1)] == [
        "under 2 s",
        "2 s to 4 s",
        "2 min to 5 min",
        "5 min or more",
    ]
    assert " ".join(column.edge for column in chart.columns) == "0 2 4 6 8 10 12 15 20 30 45 1m 2m 5m"
    assert chart.summary == "From asked to posted: half up to 9.0 s, 95% up to 1:15 min."


def test_cost_leaves_nothing_out_unsaid():
    assert cost([], {}) == "$0.00"
    assert cost([ended(0, completed=10)], PRICES) == "$0.40"
    assert cost([ended(0, failed=10)], {}) == "$0.00"
    assert cost([ended(0, "free", completed=10)], PRICES) == "$0.00"
    assert cost([ended(0, completed=1), ended(0, "secret", completed=2)], PRICES) == "$0.040 and 2 without a price"
    assert cost([ended(0, "secret", completed=2)], PRICES) == "not known"
    assert cost([ended(0, "secret", completed=2), ended(0, "new", completed=1)], PRICES) == "being asked"
    assert dollars(12_345.6) == "$12,345.60"


def test_models_are_told_by_what_they_made():
    made = [ended(0, "secret", completed=3), ended(0, completed=2), ended(1, completed=5, pictures=6), ended(1, "idle")]
    found = [(bill.model, bill.pictures, bill.price, bill.cost) for bill in bills(figures(*made), PRICES)]
    assert found == [("cheap", 8, "$0.040", "$0.32"), ("secret", 3, "not known", "not known")]


def test_sums_stand_above_with_what_belongs_to_them():
    spread = Spread(median=0.25, p95=61.0)
    some = figures(ended(0, completed=1998, failed=2), ended(1, "secret", completed=1, cancelled=3), late=spread)
    assert tiles(some, PRICES) == (
        Tile(name="Completed", value="1,999", note="and 3 cancelled"),
        Tile(name="Failed", value="2", note="0.1% of all answers"),
        Tile(name="From asked to posted", value="–", note="not known yet"),
        Tile(name="From ready to posted", value="0.25 s", note="95% within 1:01 min"),
        Tile(name="Pictures", value="1,999"),
        Tile(name="Estimated cost", value="$79.92", note="and 1 without a price"),
    )


def test_every_chart_says_in_words_what_it_shows():
    for some in (figures(), figures(ended(0, completed=1), late=Spread(median=1.0, p95=1.0))):
        for chart in charts(some, {}):
            assert chart.summary.endswith(".")
            assert chart.legend
            assert all(len(column.cells) in (0, len(chart.head) - 1) for column in chart.columns)
