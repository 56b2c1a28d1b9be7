"""Looks come where pictures usually finish, seldom elsewhere, and never stop; failures wait longer each time."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.schedule import HALF_LIFE, LEAST, MOST, Expectation, back_off

chance = st.floats(0, 1, exclude_max=True)
times = st.lists(st.floats(0, 3_600), max_size=60)

UNIFORM = [6.0 + 8.0 * n / 47 for n in range(48)]


def looks_until(seconds: float, expected: Expectation, rng: Callable[[], float]) -> list[float]:
    """When a request is looked at, up to the first look at or past this age."""
    at, looks = 0.0, []
    while at < seconds:
        at += expected.next_look(running_for=at, looks=len(looks), rng=rng())
        looks.append(at)
    return looks


def costs(expected: Expectation, finished: Sequence[float]) -> tuple[float, float]:
    """Mean lateness and mean number of looks, of requests that finish at these ages."""
    rng = random.Random(1).random
    looks = [looks_until(age, expected, rng) for age in finished]
    late = [seen[-1] - age for seen, age in zip(looks, finished, strict=True)]
    return sum(late) / len(late), sum(map(len, looks)) / len(looks)


@given(times, st.floats(-1e9, 1e9), st.integers(0, 10**6), chance)
def test_looks_keep_their_bounds_whatever_was_learned(took, running_for, looks, rng):
    expected = Expectation(took)
    assert LEAST <= expected.next_look(running_for=running_for, looks=looks, rng=rng) <= MOST


@given(times, st.floats(1, 3_600), chance)
def test_no_request_starves_nor_costs_looks_without_end(took, finished, rng):
    looks = looks_until(finished, Expectation(took), lambda: rng)
    assert looks[-1] - finished <= MOST
    assert len(looks) <= finished / LEAST + 1


def test_before_anything_is_known_every_usual_picture_is_seen_within_a_good_second():
    for finished in range(1, 61):
        looks = looks_until(finished, Expectation(), lambda: 0.5)
        assert looks[-1] - finished <= max(1.3, 0.1 * finished)
        assert len(looks) <= 12 + finished


def test_what_answers_at_once_is_caught_at_once():
    assert looks_until(0.1, Expectation(), lambda: 0.999)[0] <= 0.9


def test_nothing_is_looked_at_long_before_anything_ever_finished():
    looks = looks_until(30.0, Expectation([30.0] * 48), lambda: 0.5)
    assert len([at for at in looks if at < 20]) <= 3


@pytest.mark.parametrize(
    ("took", "late", "most"),
    [
        pytest.param(UNIFORM, 0.35, 8.0, id="uniform"),
        pytest.param([10.0 + n / 48 for n in range(48)], 0.25, 5.5, id="narrow"),
        pytest.param([8.0 + n / 16 for n in range(38)] + [40.0 + n for n in range(10)], 0.6, 11.0, id="cold starts"),
    ],
)
def test_experience_makes_it_better_than_any_fixed_interval_on_both_axes(took, late, most):
    mean, looks = costs(Expectation(random.Random(2).sample(took, 48)), took)
    assert mean <= late
    assert looks <= most
    fixed = sum(took) / len(took) / (2 * mean)  # looks that a fixed interval of the same mean lateness makes
    assert looks < 0.75 * fixed


def test_service_that_becomes_slower_is_followed():
    slower = [30.0] * HALF_LIFE + [10.0] * HALF_LIFE
    now = [29.0 + n / 10 for n in range(20)]
    late, looks = costs(Expectation(slower), now)
    before, needed = costs(Expectation([10.0] * 48), now)
    assert late < before
    assert looks < needed


def test_service_that_becomes_quicker_is_followed_by_its_very_next_requests():
    quicker = [3.0] * 3 + [20.0] * 45
    assert costs(Expectation(quicker), [3.0])[0] <= 0.6


def test_tail_is_looked_at_more_and_more_seldom():
    expected = Expectation(UNIFORM)
    gaps = [expected.next_look(running_for=age, looks=9, rng=0.5) for age in (20, 60, 180, 540)]
    assert gaps == sorted(gaps)
    assert len(looks_until(600, expected, lambda: 0.5)) <= 300


def test_clock_set_back_does_not_make_it_hurry_for_ever():
    assert Expectation().next_look(running_for=-3600, looks=2000, rng=0.5) > 2.0


def test_jobs_of_one_moment_spread_out():
    waits = {Expectation().next_look(running_for=10, looks=20, rng=rng / 10) for rng in range(10)}
    assert len(waits) == 10


@given(st.integers(-5, 10**9), chance, st.floats(0.1, 10), st.floats(0.01, 600))
def test_back_off_keeps_its_bounds(attempts: int, rng: float, base: float, most: float):
    assert min(base / 2, most) <= back_off(attempts, rng, base=base, most=most) <= most + 1e-9


def test_back_off_doubles_its_range_up_to_the_most():
    widest = [back_off(attempts, 1.0) for attempts in range(1, 9)]
    assert widest == [1, 2, 4, 8, 16, 32, 60, 60]
    assert {back_off(attempts, 0.0) for attempts in range(1, 9)} == {0.5}
