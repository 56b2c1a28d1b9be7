"""Times that an answer names."""

import pytest

from bot.answers import LONGEST_RETRY_AFTER, Answer, decoded

NOON = "Sun, 22 Nov 2026 12:00:00 GMT"
NOON_SECONDS = 1_795_348_800.0


def answer(**headers: str) -> Answer:
    return Answer(status=429, headers={name.replace("_", "-"): value for name, value in headers.items()}, content=b"")


@pytest.mark.parametrize(
    ("named", "seconds"),
    [
        ("7", 7.0),
        ("0", 0.0),
        ("1.5", 1.5),
        (" 3 ", 3.0),
        ("86400", LONGEST_RETRY_AFTER),
        ("Sun, 22 Nov 2026 12:00:30 GMT", 30.0),
        ("Sun, 22 Nov 2026 12:00:30 -0000", 30.0),
        ("Sun, 22 Nov 2026 11:00:00 GMT", 0.0),
        ("Mon, 23 Nov 2026 12:00:00 GMT", LONGEST_RETRY_AFTER),
        ("-5", None),
        ("nan", None),
        ("soon", None),
        ("", None),
        ("9" * 400, None),
        ("Sun, 99 Nov 2026 12:00:30 GMT", None),
    ],
)
def test_retry_after_is_seconds_or_a_date_and_has_an_upper_limit(named: str, seconds: float | None) -> None:
    assert answer(retry_after=named, date=NOON).retry_after(now=0.0) == seconds


def test_retry_after_date_is_held_against_the_callers_clock_when_the_answer_has_none() -> None:
    assert answer(retry_after=NOON).retry_after(now=NOON_SECONDS - 5) == 5.0


def test_date_of_a_cached_answer_is_not_the_time() -> None:
    assert answer(date=NOON).date == NOON_SECONDS
    assert answer(date=NOON, age="10").date is None
    assert answer(date="yesterday").date is None
    assert answer().date is None


def test_success_that_cannot_be_read_is_a_value_error() -> None:
    for content in (b"", b"{", b"\xff", b"[" * 100_000, b"<html><title>Log in</title></html>", b"1" * 5000):
        with pytest.raises(ValueError):
            decoded(Answer(status=200, headers={}, content=content), lambda body: body)
    with pytest.raises(ValueError, match="Log in"):
        decoded(Answer(status=200, headers={"content-type": "text/html"}, content=b"Log in"), lambda body: body)
    with pytest.raises(ValueError, match="larger"):
        decoded(Answer(status=200, headers={}, content=b"{}", whole=False), lambda body: body)


def test_content_is_not_part_of_how_an_answer_is_shown() -> None:
    assert "secret" not in repr(Answer(status=200, headers={"location": "secret"}, content=b"secret"))
