"""Looks come often while pictures usually finish, seldom later, and never stop; failures wait longer each time."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.schedule import LEAST, MOST, back_off, next_look

chance = st.floats(0, 1, exclude_max=True)


def looks_until(seconds: float, rng: float) -> list[float]:
    """When a job is looked at, up to the first look at or past this age."""
    at, times = 0.0, []
    while at < seconds:
        at += next_look(running_for=at, looks=len(times), rng=rng)
        times.append(at)
    return times


@given(st.floats(-1e9, 1e9), st.integers(0, 10**6), chance)
def test_looks_keep_their_bounds(running_for: float, looks: int, rng: float):
    assert LEAST <= next_look(running_for=running_for, looks=looks, rng=rng) <= MOST


@given(st.floats(0, 1e6), st.floats(0, 1e6), chance)
def test_older_jobs_are_not_looked_at_more_often(one: float, other: float, rng: float):
    younger, older = sorted((one, other))
    assert next_look(running_for=younger, looks=9, rng=rng) <= next_look(running_for=older, looks=9, rng=rng)


@pytest.mark.parametrize("rng", [0.0, 0.5, 0.999])
def test_first_look_comes_within_half_a_second(rng: float):
    assert looks_until(0.1, rng)[0] <= 0.5


@given(st.floats(1, 30), chance)
def test_usual_picture_is_seen_within_a_good_half_second(finished: float, rng: float):
    assert looks_until(finished, rng)[-1] - finished <= 0.6


@given(st.floats(30, 600), chance)
def test_late_picture_is_seen_within_a_few_percent_of_its_age(finished: float, rng: float):
    assert looks_until(finished, rng)[-1] - finished <= 0.6 + 0.06 * finished


def test_whole_ten_minutes_cost_a_bounded_number_of_looks():
    assert len(looks_until(600, 0.5)) <= 200


def test_clock_set_back_does_not_make_it_hurry_for_ever():
    assert next_look(running_for=-3600, looks=2000, rng=0.5) == MOST


def test_jobs_of_one_moment_spread_out():
    waits = {next_look(running_for=10, looks=20, rng=rng / 10) for rng in range(10)}
    assert len(waits) == 10


@given(st.integers(-5, 10**9), chance, st.floats(0.1, 10), st.floats(0.01, 600))
def test_back_off_keeps_its_bounds(attempts: int, rng: float, base: float, most: float):
    assert min(base / 2, most) <= back_off(attempts, rng, base=base, most=most) <= most + 1e-9


def test_back_off_doubles_its_range_up_to_the_most():
    widest = [back_off(attempts, 1.0) for attempts in range(1, 9)]
    assert widest == [1, 2, 4, 8, 16, 32, 60, 60]
    assert {back_off(attempts, 0.0) for attempts in range(1, 9)} == {0.5}
