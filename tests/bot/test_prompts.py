"""The words as typed become a prompt and a ratio, or a sentence that says how to do it right."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from bot.errors import UserError
from bot.model import ASPECT_RATIOS, MAX_PROMPT
from bot.prompts import Wish, clean, read


def refusal(text: str, **wish: object) -> str:
    with pytest.raises(UserError) as refused:
        read(text, **wish)
    return str(refused.value)


# -- options ---------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prompt", "ratio"),
    [
        ("a fox", "a fox", None),
        ("a fox --ar 3:2", "a fox", "3:2"),
        ("a fox --ar=3:2", "a fox", "3:2"),
        ("a fox --ar = 3:2", "a fox", "3:2"),
        ("a fox --AR 3:2", "a fox", "3:2"),
        ("a fox --aspect 3:2", "a fox", "3:2"),
        ("a fox --aspect-ratio 3:2", "a fox", "3:2"),
        ("a fox --aspect_ratio 3:2", "a fox", "3:2"),
        ("--ar 16:9 a fox in the snow", "a fox in the snow", "16:9"),
        ("a fox  --ar 16:9  in the snow", "a fox in the snow", "16:9"),
        ("a fox —ar 16:9", "a fox", "16:9"),
        ("a fox –ar 16:9", "a fox", "16:9"),
        ("a fox —aspect-ratio=16:9", "a fox", "16:9"),
        ("a fox --ar 16∶9", "a fox", "16:9"),
        ("a fox --ar 16：9", "a fox", "16:9"),
        ("a fox --ar 16x9", "a fox", "16:9"),
        ("a fox --ar 16×9", "a fox", "16:9"),
        ("a fox --ar 16/9", "a fox", "16:9"),
        ("a fox --ar 16 : 9", "a fox", "16:9"),
        ("a fox --ar １６：９", "a fox", "16:9"),
        ("a fox --ar 16:9, at night", "a fox at night", "16:9"),
        ("a fox --ar 16:9.", "a fox", "16:9"),
        ("a fox --ar 3:2 --ar 3x2", "a fox", "3:2"),
        ("a fox\n--ar 3:2\nin the snow", "a fox\nin the snow", "3:2"),
        ("a fox\n\nin the snow --ar\t3:2", "a fox\n\nin the snow", "3:2"),
        ("/imagine a fox --ar 3:2", "a fox", "3:2"),
        ("  /Imagine\na fox", "a fox", None),
        ("/imagined foxes", "/imagined foxes", None),
        ("paint /imagine", "paint /imagine", None),
    ],
)
def test_options_are_read_wherever_they_stand(text: str, prompt: str, ratio: str | None):
    assert read(text) == Wish(prompt=prompt, aspect_ratio=ratio)


@pytest.mark.parametrize("ratio", ASPECT_RATIOS)
def test_all_ten_ratios_are_taken(ratio: str):
    assert read(f"a fox --ar {ratio}").aspect_ratio == ratio
    assert read("a fox", aspect_ratio=ratio).aspect_ratio == ratio


@pytest.mark.parametrize(
    "text",
    [
        "a fox -- and a hare",
        "a fox — and a hare",
        "a fox —jumping— over a wall",
        "a well-known fox--or is it a hare?",
        "minus --5 degrees",
        "--- a line ---",
        "-ar is no option",
        "a sign that says '--seed'",
        'a terminal with "--verbose" on it',
        "the river Aare —arid land",
        "1x1 metre, 16:9",
    ],
)
def test_dashes_between_words_are_words(text: str):
    assert read(text) == Wish(prompt=text, aspect_ratio=None)


@pytest.mark.parametrize(
    "text", ["a fox --seed 5", "--no hats a fox", "a fox --Größe 3", "--seed=5 fox", "a fox --ar16:9"]
)
def test_unknown_option_is_refused_naming_what_there_is(text: str):
    sentence = refusal(text)
    option = next(word for word in text.replace("=", " ").replace(":", " ").split() if word.startswith("--"))
    assert option in sentence
    assert "--ar 3:2" in sentence


def test_refusal_tells_how_to_say_it_as_words():
    assert '"--seed"' in refusal("a fox --seed 5")
    assert read('a fox "--seed" 5').prompt == 'a fox "--seed" 5'


@pytest.mark.parametrize(
    "text",
    ["--ar wide", "--ar 2:1", "--ar 16:10", "--ar 0:0", "--ar 1024x1024", "--ar 3:2:1", "--ar 99999:1", "--ar ..."],
)
def test_other_ratios_are_refused_naming_the_ten(text: str):
    sentence = refusal(f"a fox {text}")
    assert all(ratio in sentence for ratio in ASPECT_RATIOS)
    assert text.removeprefix("--ar ") in sentence


def test_other_ratio_in_the_option_field_is_refused_too():
    assert "square" in refusal("a fox", aspect_ratio="square")


@pytest.mark.parametrize("text", ["a fox --ar", "a fox --ar=", "--ar --ar 3:2 a fox", "a fox —ar"])
def test_option_without_a_ratio_is_refused_naming_the_ten(text: str):
    sentence = refusal(text)
    assert all(ratio in sentence for ratio in ASPECT_RATIOS)


def test_two_different_ratios_are_refused():
    sentence = refusal("a fox --ar 3:2 --ar 16:9")
    assert "3:2" in sentence
    assert "16:9" in sentence


def test_option_field_wins_over_the_words():
    assert read("a fox --ar 3:2", aspect_ratio="16:9") == Wish(prompt="a fox", aspect_ratio="16:9")
    assert read("a fox --ar 3:2", aspect_ratio=" ").aspect_ratio == "3:2"
    assert read("a fox", aspect_ratio=" 16:9\u200b").aspect_ratio == "16:9"


def test_very_long_option_does_not_fill_the_answer():
    assert len(refusal("a fox --" + "x" * 3000)) < 300


# -- characters ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "prompt"),
    [
        ("a\r\nb\rc\x85d\u2028e\vf", "a\nb\nc\nd\ne\nf"),
        ("a\tb", "a\tb"),
        ("a\x00 f\x07ox\x1b[31m", "a fox[31m"),
        ("a\u200bfox\ufeff so\u00adft", "afox soft"),
        ("abc\u202edef\u2066ghi\u2069", "abcdefghi"),
        ("half \ud83d a pair", "half  a pair"),
        ("👩\u200d🚀 می\u200cخواهم", "👩\u200d🚀 می\u200cخواهم"),
        ("🏴\U000e0067\U000e0062\U000e007f", "🏴\U000e0067\U000e0062\U000e007f"),
        ("  ein Füchslein \n", "ein Füchslein"),
        ("<b>a</b> & `code` *x*", "<b>a</b> & `code` *x*"),
    ],
)
def test_unseen_characters_go_and_words_stay(text: str, prompt: str):
    assert read(text).prompt == prompt


@pytest.mark.parametrize(
    "text", ["", "  \n", "\x00\x07", "\u200b", "\u200d", "/imagine", "/imagine  ", "--ar 3:2", "\ud83d"]
)
def test_nothing_to_paint_is_refused_with_an_example(text: str):
    assert "for example" in refusal(text)


def test_words_may_be_missing_where_pictures_speak():
    assert read("", allow_empty=True) == Wish(prompt="", aspect_ratio=None)
    assert read(" --ar 3:2", allow_empty=True) == Wish(prompt="", aspect_ratio="3:2")
    assert read("\u200d", allow_empty=True).prompt == ""


def test_length_counts_what_will_be_sent():
    assert read("/imagine " + "x" * MAX_PROMPT + " --ar 3:2\u200b").prompt == "x" * MAX_PROMPT
    sentence = refusal("x" * (MAX_PROMPT + 1))
    assert "4,001" in sentence
    assert "4,000" in sentence


def test_endless_text_is_refused_unread():
    assert "1,000,000" in refusal("--ar 1:1 " * 111_111 + "a")


fragments = st.sampled_from(
    ["--ar", "—ar", "--seed", "=", " ", "\n", "3:2", "16x9", "--", "–", "a", "é", "\u202e", "\x00", ","]
)
typed = st.lists(fragments | st.text(max_size=5), max_size=12).map("".join)


@settings(deadline=None)
@given(typed, st.none() | st.text(max_size=6), st.booleans())
def test_any_text_is_a_wish_or_a_sentence(text: str, ratio: str | None, allow_empty: bool):  # noqa: FBT001
    try:
        wish = read(text, aspect_ratio=ratio, allow_empty=allow_empty)
    except UserError as refused:
        sentence = str(refused)
        assert sentence.endswith(".") or "for example" in sentence
        assert "\x00" not in sentence
        assert "\u202e" not in sentence
        return
    assert wish.aspect_ratio is None or wish.aspect_ratio in ASPECT_RATIOS
    assert wish.prompt == clean(wish.prompt)
    assert allow_empty or wish.prompt
    assert not any(unicodedata.category(char) in {"Cc", "Cs"} and char not in "\n\t" for char in wish.prompt)
    wish.prompt.encode()


@settings(deadline=None)
@given(st.text(st.characters(exclude_characters="-–—/", exclude_categories=["C", "Z"]), min_size=1, max_size=20))
def test_words_without_dashes_are_never_touched(text: str):
    assert read(text).prompt == clean(text)
