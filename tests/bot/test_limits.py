"""Who may ask for how much, and a refusal says when it works again."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.limits import DAY, Limits, blocked, day_start, parse_blocked_words
from bot.model import DIRECT, ConversationRef, ImageRequest, Person, Usage

NOW = datetime(2026, 3, 1, 20, 48, tzinfo=UTC).timestamp()
FREE = Usage(open_by_person=0, today_by_person=0, today_by_workspace=0, today=0)
OWNER = frozenset({"slack:U1"})


def request(
    *, platform: str = "slack", workspace: str = "T1", person: str = "U1", roles: tuple[str, ...] = ()
) -> ImageRequest:
    place = ConversationRef(platform=platform, workspace=workspace, channel="C1")
    return ImageRequest(
        source_id="slack:C1:1", requester=Person(id=person, name="Ann"), place=place, text="a fox", roles=roles
    )


def refusal(
    limits: Limits, usage: Usage = FREE, *, prompt: str = "a fox", now: float = NOW, **asked: Any
) -> str | None:
    try:
        limits.admit(request(**asked), prompt=prompt, usage=usage, now=now)
    except UserError as refused:
        return str(refused)
    return None


# -- amounts ---------------------------------------------------------------------------------------------------------


def test_nothing_but_open_jobs_is_limited_unless_set():
    assert refusal(Limits(), Usage(open_by_person=2, today_by_person=9999, today_by_workspace=9999, today=9999)) is None
    assert refusal(Limits(), replace(FREE, open_by_person=3)) == (
        "I am still at work on 3 pictures for you. Ask again as soon as one of them is done, or cancel one."
    )
    assert refusal(Limits(max_open_jobs_per_user=None), replace(FREE, open_by_person=99)) is None


@pytest.mark.parametrize(
    ("limits", "counted", "who"),
    [
        (Limits(max_images_per_user_per_day=20), "today_by_person", "You have had your 20 pictures for today."),
        (
            Limits(max_images_per_server_per_day=20),
            "today_by_workspace",
            "This server has had its 20 pictures for today.",
        ),
        (Limits(max_images_per_day=20), "today", "I have made my 20 pictures for today."),
    ],
)
def test_daily_limit_says_when_it_works_again(limits: Limits, counted: str, who: str):
    assert refusal(limits, replace(FREE, **{counted: 19})) is None
    for used in (20, 21):
        assert refusal(limits, replace(FREE, **{counted: used})) == (
            f"{who} You can ask again in 3 hours 12 minutes, at 00:00 UTC."
        )


def test_direct_messages_outside_of_servers_have_no_server_whose_limit_could_be_reached():
    limits = Limits(max_images_per_server_per_day=20)
    used = replace(FREE, today_by_workspace=99)
    assert refusal(limits, used, workspace=DIRECT) is None
    assert limits.left("slack", "U1", used, NOW, in_server=False).endswith("There is no daily limit.")
    assert refusal(Limits(max_images_per_day=20), replace(FREE, today=20), workspace=DIRECT) is not None


@pytest.mark.parametrize(
    ("before_midnight", "wait"),
    [
        (DAY, "24 hours"),
        (3 * 3600 + 1, "3 hours 1 minute"),
        (3 * 3600, "3 hours"),
        (3600, "1 hour"),
        (3599, "1 hour"),
        (120, "2 minutes"),
        (61, "2 minutes"),
        (0.5, "1 minute"),
    ],
)
def test_wait_is_rounded_up_to_whole_minutes(before_midnight: float, wait: str):
    limits = Limits(max_images_per_day=1)
    now = day_start(NOW) + DAY - before_midnight
    sentence = refusal(limits, replace(FREE, today=1), now=now)
    assert sentence == f"I have made my 1 picture for today. You can ask again in {wait}, at 00:00 UTC."


def test_day_limit_is_told_before_the_limit_of_open_jobs():
    limits = Limits(max_open_jobs_per_user=1, max_images_per_user_per_day=5)
    assert "for today" in str(refusal(limits, replace(FREE, open_by_person=1, today_by_person=5)))
    assert "still at work on a picture" in str(refusal(limits, replace(FREE, open_by_person=1, today_by_person=4)))


@settings(deadline=None)
@given(st.floats(0, 4e9))
def test_days_are_utc_days(now: float):
    start = day_start(now)
    assert start <= now < start + DAY
    at = datetime.fromtimestamp(start, UTC)
    assert (at.hour, at.minute, at.second) == (0, 0, 0)


# -- places ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("entry", ["T1", "slack:T1"])
def test_allowed_server_is_named_bare_or_with_its_platform(entry: str):
    limits = Limits(allowed_servers=frozenset({entry, "T9"}))
    assert refusal(limits) is None
    if ":" in entry:
        assert refusal(limits, platform="discord") is not None


@pytest.mark.parametrize(
    ("limits", "words"),
    [
        (Limits(allowed_servers=frozenset({"T2", "discord:T1"})), "server"),
        (Limits(allowed_channels=frozenset({"C2", "discord:C1"})), "channel"),
        (Limits(allowed_roles=frozenset({"artist"})), "role"),
    ],
)
def test_other_places_are_refused(limits: Limits, words: str):
    assert words in str(refusal(limits, roles=("member",)))


def test_any_one_of_the_allowed_roles_is_enough():
    limits = Limits(allowed_roles=frozenset({"artist", "slack:admin"}))
    assert refusal(limits, roles=("member", "admin")) is None
    assert refusal(limits, roles=("artist",)) is None
    assert refusal(limits, roles=()) is not None


# -- owners ----------------------------------------------------------------------------------------------------------


def test_nothing_holds_for_an_owner():
    limits = Limits(
        max_open_jobs_per_user=1,
        max_images_per_day=1,
        allowed_servers=frozenset({"T2"}),
        allowed_roles=frozenset({"artist"}),
        blocked_words=("fox",),
        owners=OWNER,
    )
    used = Usage(open_by_person=5, today_by_person=5, today_by_workspace=5, today=5)
    assert refusal(limits, used) is None
    assert refusal(limits, used, person="U2") is not None
    assert refusal(limits, used, platform="discord") is not None, "the same id elsewhere is somebody else"


# -- what is left ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("limits", "usage", "sentence"),
    [
        (Limits(), FREE, "You can ask for 3 more pictures right now. There is no daily limit."),
        (
            Limits(),
            replace(FREE, open_by_person=2),
            "You can ask for 1 more picture right now. There is no daily limit.",
        ),
        (
            Limits(max_open_jobs_per_user=None),
            FREE,
            "You can ask for as many pictures at once as you like. There is no daily limit.",
        ),
        (
            Limits(max_images_per_user_per_day=20, max_images_per_server_per_day=100, max_images_per_day=2000),
            Usage(open_by_person=1, today_by_person=6, today_by_workspace=40, today=300),
            (
                "You can ask for 2 more pictures right now. Pictures left today: 14 for you, 60 for this server and "
                "1,700 for everyone together. The count starts anew in 3 hours 12 minutes, at 00:00 UTC."
            ),
        ),
        (
            Limits(max_images_per_user_per_day=5),
            replace(FREE, today_by_person=7),
            "Pictures left today: 0 for you. The count starts anew in 3 hours 12 minutes, at 00:00 UTC.",
        ),
        (
            Limits(),
            replace(FREE, open_by_person=4),
            (
                "I am still at work on 3 pictures for you. Ask again as soon as one of them is done, or cancel one. "
                "There is no daily limit."
            ),
        ),
        (Limits(owners=OWNER), replace(FREE, open_by_person=9), "You own this bot, so no limits apply to you."),
    ],
)
def test_what_is_left_is_told(limits: Limits, usage: Usage, sentence: str):
    assert limits.left("slack", "U1", usage, NOW) == sentence


@settings(deadline=None)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 7), st.integers(0, 7))
def test_what_is_left_agrees_with_what_is_admitted(most_open: int, most_today: int, open_now: int, today: int):
    limits = Limits(max_open_jobs_per_user=most_open, max_images_per_user_per_day=most_today)
    usage = Usage(open_by_person=open_now, today_by_person=today, today_by_workspace=today, today=today)
    told = limits.left("slack", "U1", usage, NOW)
    assert (refusal(limits, usage) is None) == ("right now" in told)


# -- blocked words ---------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("prompt", "words", "found"),
    [
        ("a Nazi flag", ("nazi",), "nazi"),
        ("NAZI", ("nazi",), "nazi"),
        ("a nazi, standing", ("nazi",), "nazi"),
        ("_nazi_ **art**", ("nazi",), "nazi"),
        ("a naz\u200bi and a na\u00adzi", ("nazi",), "nazi"),
        ("náźî", ("nazi",), "nazi"),
        ("ｎａｚｉ", ("nazi",), "nazi"),
        ("nazi", ("Názi",), "Názi"),
        ("denazification", ("nazi",), None),
        ("denazify the nazi", ("nazi",), "nazi"),
        ("in 1988", ("88",), None),
        ("the 88.", ("88",), "88"),
        ("Scunthorpe", ("cunt",), None),
        ("a severed  head", ("severed head",), "severed head"),
        ("a severed\nhead", ("severed head",), "severed head"),
        ("a severed-head", ("severed head",), "severed head"),
        ("x rated", ("x-rated",), "x-rated"),
        ("severed heads", ("severed head",), None),
        ("cherry blossoms 🍆", ("🍆",), "🍆"),
        ("learn c++ now", ("c++",), "c++"),
        ("learn c now", ("c++",), None),
        ("STRASSE", ("straße",), "straße"),
        ("一张裸体照片", ("裸体",), "裸体"),
        ("かがみ", ("かかみ",), None),
        ("कमी", ("कम",), None),
        ("шо́рох", ("шорох",), "шорох"),
        ("a dog and a cat", ("cat", "dog"), "cat"),
        ("n4zi", ("nazi",), None),
        ("anything", (), None),
        ("anything", ("", " - "), None),
    ],
)
def test_blocked_words_are_whole_words_however_written(prompt: str, words: tuple[str, ...], found: str | None):
    assert blocked(prompt, words) == found


def test_blocked_word_is_refused_naming_it():
    sentence = refusal(Limits(blocked_words=("nazi",)), prompt="A NAZI flag")
    assert sentence == "I don't paint anything with “nazi” here. Please describe it in other words."
    assert refusal(Limits(blocked_words=("nazi",)), prompt="a flag") is None


def test_list_of_blocked_words_has_comments():
    text = "\ufeff# our list\nnazi\n\n  severed head  # too often\r\nc#\n#nothing\nnazi\n---\n"
    assert parse_blocked_words(text) == ("nazi", "severed head", "c#")


@settings(deadline=None)
@given(st.text(max_size=30), st.text(min_size=1, max_size=10))
def test_any_list_finds_its_own_words(prompt: str, word: str):
    found = blocked(prompt, (word,))
    assert found in (None, word)
    if parse_blocked_words(word):
        entry = parse_blocked_words(word)[0]
        assert blocked(f"{prompt} , {entry} , {prompt}", (entry,)) == entry
