"""Does the table say what was found, and a violation all that is needed to understand it?"""

from dataclasses import replace

from bot.emulator import Emulator
from bot.model import JobState
from tests.chaos.audit import Audit, Kind, Violation
from tests.chaos.plan import plan
from tests.chaos.table import HEAD, Outcome, table
from tests.chaos.telling import told
from tests.chaos.test_audit import Books

GOOD = Audit(accepted=9, once=8, cancelled=1, refused=0, unheard=2, withdrawn=0, records=8, violations=())


def outcome(audit, processes=1):
    one = plan(7, seconds=20.0, talks=10, longest_pause=1.0)
    return Outcome(plan=one, engine="sqlite", processes=processes, took=61.4, audit=audit)


def test_row_has_a_cell_for_each_column():
    lines = table([outcome(GOOD), outcome(GOOD, processes=4)]).splitlines()
    assert len({line.count("|") for line in lines}) == 1
    assert [cell.strip() for cell in lines[0].strip("|").split("|")] == list(HEAD)
    assert "sqlite, 4 processes" in lines[3]


def test_violation_stands_in_its_column_and_spoils_the_seed():
    bad = outcome(replace(GOOD, violations=(Violation(kind=Kind.PAID_TWICE, what="twice"),)))
    cells = dict(zip(HEAD, (cell.strip() for cell in table([bad]).splitlines()[2].strip("|").split("|")), strict=True))
    assert (cells["paid twice"], cells["answered twice"], bad.is_good, outcome(GOOD).is_good) == ("1", "0", False, True)


def test_seed_in_which_nothing_was_accepted_proves_nothing():
    assert not outcome(replace(GOOD, accepted=0)).is_good


def test_violation_is_told_with_the_history_of_its_job_and_of_its_parent():
    books = Books()
    books.change_job(books.blue, state=JobState.CANCELLED)
    found = books.audited()
    text = told(found.violations[0], books.ledgers(), Emulator())
    for part in (
        "ANSWERED TWICE",
        "make it blue",
        "taken by the queue as request 2",
        "posted",
        "made",
        "its parent",
        "a fox",
    ):
        assert part in text
