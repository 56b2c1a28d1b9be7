"""Pages are read where requests finish: more closely the more of them run, within a budget, and never by heaps."""

from __future__ import annotations

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.beats import BURST, CLOSEST, FORGOTTEN_SECONDS, REFILL, Beats
from bot.schedule import MOST, Expectation

UNIFORM = Expectation([6.0 + 8.0 * n / 47 for n in range(48)])


def costs(began, took):
    """Requests to the queue per job, and mean lateness, of requests that were accepted at `began` and took so long."""
    beats, asked, late = Beats(), 0, []
    ready = [at + seconds for at, seconds in zip(began, took, strict=True)]
    due = dict(enumerate(began))
    accepted = set()
    while due:
        now = min(due.values())
        asking = []
        for job in [job for job, at in due.items() if at <= now + 1e-9]:
            if job in accepted and (wait := beats.early(str(job), now)) is not None:
                due[job] = now + wait
            else:
                asking.append(job)
        looks = [job for job in asking if job in accepted]
        accepted.update(asking)
        asked += bool(looks)
        if len(looks) > 1:
            beats.spend(now)
        done = [job for job in looks if ready[job] <= now]
        beats.earn(len(done))
        for job in done:
            late.append(now - ready[job])
            beats.ended(str(job))
            del due[job]
        for job in set(asking) - set(done):
            beats.seen(str(job), began=began[job], expected=UNIFORM, now=now)
            own = UNIFORM.next_look(running_for=now - began[job], looks=0, rng=0.5)
            due[job] = now + beats.pause(own, now)
    return asked / len(took), sum(late) / len(late)


def test_the_more_run_the_less_each_costs():
    chance = random.Random(1)
    rows = {}
    for number in (2, 5, 20, 60):
        runs = [costs([0.0] * number, [chance.uniform(6, 14) for _ in range(number)]) for _ in range(8)]
        rows[number] = [sum(each) / len(runs) for each in zip(*runs, strict=True)]
    asked, late = zip(*rows.values(), strict=True)
    assert list(asked) == sorted(asked, reverse=True), rows
    assert asked[2] < 1.1, rows
    assert asked[3] < 0.45, rows
    assert max(late) < 0.4, rows


def test_long_rush_is_bounded_by_the_budget():
    chance = random.Random(2)
    asked, late = costs([n / 5 for n in range(600)], [chance.uniform(6, 14) for _ in range(600)])
    assert asked * 600 < BURST + 134 * (REFILL + 0.3)
    assert late < 0.6


def test_rest_makes_up_for_a_rush_however_long_it_was():
    """Thousands of requests at once may have read far more pages than were saved: each beat of theirs reads many."""
    pauses = []
    for spent in (0, 1_000):
        beats = Beats()
        for _ in range(spent):
            beats.spend(1_000.0)
        now = 1_000.0 + 2.0 * BURST / REFILL
        for name in "abcdefghij":
            beats.seen(name, began=now - 10.0, expected=UNIFORM, now=now)
        pauses.append(beats.pause(1.0, now))
    assert pauses[1] == pytest.approx(pauses[0])


@given(st.lists(st.floats(0, 3600), min_size=2, max_size=200), st.integers(0, 100), st.floats(0.25, 15))
def test_pauses_keep_their_bounds_whatever_runs(ages, spent, own):
    beats, now = Beats(), 10_000.0
    for _ in range(spent):
        beats.spend(now)
    for number, age in enumerate(ages):
        beats.seen(str(number), began=now - age, expected=UNIFORM, now=now)
    assert min(CLOSEST, own) <= beats.pause(own, now) <= MOST


def test_one_alone_has_its_own_looks():
    beats = Beats()
    beats.seen("a", began=0.0, expected=UNIFORM, now=8.0)
    assert beats.pause(1.5, 8.0) == 1.5
    beats.seen("b", began=0.0, expected=UNIFORM, now=8.0)
    assert beats.pause(1.5, 8.0) != 1.5
    beats.ended("b")
    assert beats.pause(1.5, 20.0) == 1.5


def test_newcomers_do_not_wait_for_those_that_take_for_ever():
    beats = Beats()
    for name in "ab":
        beats.seen(name, began=0.0, expected=UNIFORM, now=3000.0)
    assert beats.pause(6.0, 3000.0) > 6.0
    beats.seen("c", began=3000.0, expected=UNIFORM, now=3000.0)
    assert beats.pause(2.5, 3000.0) == 2.5
    beats.seen("d", began=3000.0, expected=UNIFORM, now=3000.5)
    assert beats.pause(2.5, 3000.5) == 2.0, "and they come together"


def test_who_was_not_seen_for_long_is_somebody_elses():
    beats = Beats()
    beats.seen("a", began=0.0, expected=UNIFORM, now=8.0)
    later = 8.0 + FORGOTTEN_SECONDS + 1
    beats.seen("b", began=later, expected=UNIFORM, now=later)
    assert beats.pause(1.5, later) == 1.5
    assert len(beats) == 1


def test_who_comes_shortly_before_the_beat_waits_for_it_once():
    beats = Beats()
    for name in "ab":
        beats.seen(name, began=0.0, expected=UNIFORM, now=8.0)
    beat = beats.pause(1.5, 8.0)
    assert beats.early("a", 8.0 + beat - 0.1) == pytest.approx(0.1)
    assert beats.early("a", 8.0 + beat - 0.05) is None
    assert beats.early("b", 8.0 + beat) is None, "it is the beat"
    assert beats.early("c", 8.0 + beat - 0.1) is None, "nobody knows it"
