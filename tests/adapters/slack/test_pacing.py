"""Slack's pace, with a clock that moves by hand."""

import pytest

from adapters.slack.pacing import Pacer
from bot.errors import RetryLater


class Clock:
    now = 1_000.0

    def __call__(self):
        return self.now


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pacer(clock):
    return Pacer(clock)


def pause(pacer, *args, **more):
    try:
        pacer.turn(*args, **more)
    except RetryLater as error:
        return error.after
    return 0.0


def test_one_message_a_second_and_channel(pacer):
    assert pause(pacer, "chat.postMessage", "C1", key="a") == 0
    assert 1.0 <= pause(pacer, "chat.postMessage", "C1", key="b") < 1.3
    assert 2.0 <= pause(pacer, "chat.postMessage", "C1", key="c") < 2.6
    assert pause(pacer, "chat.postMessage", "C2", key="d") == 0


def test_who_waits_keeps_the_place_and_comes_in_order(pacer, clock):
    pauses = {key: pause(pacer, "chat.postMessage", "C1", key=key) for key in "abc"}
    clock.now += pauses["b"]
    assert pause(pacer, "chat.postMessage", "C1", key="c") > 0, "not yet"
    assert pause(pacer, "chat.postMessage", "C1", key="b") == 0
    clock.now += 1.2
    assert pause(pacer, "chat.postMessage", "C1", key="c") == 0


def test_shares_and_messages_have_one_pace(pacer):
    assert pause(pacer, "files.completeUploadExternal", "C1", key="a") == 0
    assert pause(pacer, "chat.postMessage", "C1", key="b") > 0


def test_tiers_are_windows_of_a_minute(pacer, clock):
    for _ in range(50):
        assert pause(pacer, "chat.update") == 0
    assert 60 <= pause(pacer, "chat.update") < 62
    assert pause(pacer, "files.info") == 0, "each method has its own"
    clock.now += 61.1
    assert pause(pacer, "chat.update") == 0


def test_rate_limit_holds_for_its_method_or_its_channel(pacer, clock):
    pause(pacer, "chat.postMessage", "C1", key="a")
    assert pause(pacer, "chat.postMessage", "C1", key="b") < 2
    pacer.limited("chat.postMessage", "C1", 30)
    pacer.limited("files.info", None, 10)
    assert pause(pacer, "chat.postMessage", "C1", key="b") == pytest.approx(30)
    assert pause(pacer, "chat.postMessage", "C1", key="c") > 31
    assert pause(pacer, "chat.postMessage", "C2", key="d") == 0
    assert pause(pacer, "files.info") == pytest.approx(10)
    clock.now += 30
    assert pause(pacer, "chat.postMessage", "C1", key="b") == 0


def test_cards_leave_half_of_the_budget(pacer, clock):
    taken = sum(pacer.spare("chat.update") for _ in range(50))
    assert taken == 26
    assert pause(pacer, "chat.update") == 0
    pacer.limited("chat.update", None, 5)
    assert not pacer.spare("chat.update")
    clock.now += 70
    assert pacer.spare("chat.update")
