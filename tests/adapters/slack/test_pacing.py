"""Slack's pace, with a clock that moves by hand."""

from contextlib import ExitStack

import pytest

from adapters.slack.pacing import Paced, Pacer, Priority


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
    """How long this one is told to wait; 0: it went, and was answered at once."""
    try:
        with pacer.turn(*args, **more):
            return 0.0
    except Paced as error:
        return error.after


def test_one_message_a_second_and_channel(pacer):
    assert pause(pacer, "chat.postMessage", "C1", key="a") == 0
    assert 1.0 <= pause(pacer, "chat.postMessage", "C1", key="b") < 1.3
    assert 2.0 <= pause(pacer, "chat.postMessage", "C1", key="c") < 2.6
    assert pause(pacer, "chat.postMessage", "C2", key="d") == 0


def test_second_begins_with_the_answer_because_nobody_knows_when_the_request_arrived(pacer, clock):
    with pacer.turn("chat.postMessage", "C1", key="a"):
        clock.now += 7
        assert pause(pacer, "chat.postMessage", "C1", key="b") > 1.0, "it may arrive only now"
        clock.now += 2
    assert 1.0 <= pause(pacer, "chat.postMessage", "C1", key="b") < 1.1
    clock.now += 1.05
    assert pause(pacer, "chat.postMessage", "C1", key="b") == 0


def test_request_that_failed_counts_as_one_that_arrived(pacer):
    with pytest.raises(ConnectionError), pacer.turn("chat.postMessage", "C1", key="a"):
        raise ConnectionError
    assert pause(pacer, "chat.postMessage", "C1", key="b") >= 1.0


def test_who_waits_keeps_the_place_and_comes_in_order(pacer, clock):
    pauses = {key: pause(pacer, "chat.postMessage", "C1", key=key) for key in "abc"}
    clock.now += pauses["b"]
    assert pause(pacer, "chat.postMessage", "C1", key="c") > 0, "not yet"
    assert pause(pacer, "chat.postMessage", "C1") > 0, "nor somebody who never lined up"
    assert pause(pacer, "chat.postMessage", "C1", key="b") == 0
    clock.now += 1.2
    assert pause(pacer, "chat.postMessage", "C1", key="c") == 0


def test_who_does_not_come_is_not_waited_for(pacer, clock):
    for key in "abc":
        pause(pacer, "chat.postMessage", "C1", key=key)
    clock.now += 3
    assert pause(pacer, "chat.postMessage", "C1", key="c") > 0, "b may still come"
    clock.now += 4
    assert pause(pacer, "chat.postMessage", "C1", key="c") == 0


def test_answers_overtake_whatever_else_waits_for_the_channel(pacer, clock):
    pause(pacer, "chat.postMessage", "C1", key="a")
    first = pause(pacer, "chat.postMessage", "C1", key="card of b")
    pause(pacer, "chat.postMessage", "C1", key="card of c")
    answer = pause(pacer, "files.completeUploadExternal", "C1", key="a", priority=Priority.DELIVERY)
    assert answer == pytest.approx(first)
    clock.now += first
    assert pause(pacer, "chat.postMessage", "C1", key="card of b") > 1.0
    assert pause(pacer, "files.completeUploadExternal", "C1", key="a", priority=Priority.DELIVERY) == 0


def test_cards_are_not_updated_while_an_answer_waits_for_the_same_channel(pacer, clock):
    pause(pacer, "chat.postMessage", "C1", key="a", priority=Priority.DELIVERY)
    assert pause(pacer, "chat.update", "C1", priority=Priority.CARD) == 0, "nobody waits"
    pause(pacer, "chat.postMessage", "C1", key="b", priority=Priority.DELIVERY)
    assert pause(pacer, "chat.update", "C1", priority=Priority.CARD) > 1.0
    assert pause(pacer, "chat.update", "C2", priority=Priority.CARD) == 0, "another channel"
    clock.now += 1.2
    assert pause(pacer, "chat.update", "C1", priority=Priority.CARD) > 1.0, "it could go now, and has not"
    assert pause(pacer, "chat.postMessage", "C1", key="b", priority=Priority.DELIVERY) == 0
    assert pause(pacer, "chat.update", "C1", priority=Priority.CARD) == 0


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


def test_window_is_full_of_requests_that_are_not_answered_yet(pacer, clock):
    with ExitStack() as out:
        for _ in range(50):
            out.enter_context(pacer.turn("chat.update"))
        clock.now += 100
        assert pause(pacer, "chat.update") > 0
    assert 60 <= pause(pacer, "chat.update") < 62


def test_line_of_one_channel_is_in_nobodys_way_elsewhere(pacer):
    for number in range(150):
        pause(pacer, "files.completeUploadExternal", "C1", key=str(number))
    assert pause(pacer, "files.completeUploadExternal", "C2", key="x") == 0


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
