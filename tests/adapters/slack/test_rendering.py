"""Whatever is shown on Slack keeps Block Kit's rules, and stays as it is until somebody decides otherwise."""

import html

import pytest

from adapters.slack import rendering, wording
from tests.adapters.slack import golden
from tests.emulators.slack.blocks import complaints, view_complaints


def test_texts_and_blocks_are_as_the_golden_file_shows_them():
    assert golden.FILE.read_text() == golden.page(), (
        "look at the difference; `python -m tests.adapters.slack.golden` takes it"
    )


@pytest.mark.parametrize("name", golden.blocks())
def test_slack_takes_it(name):
    shown = golden.blocks()[name]
    if "type" in shown:
        assert view_complaints(shown, shown["type"], lambda _: True) == []
    elif "blocks" in shown:
        assert complaints(shown["blocks"], lambda _: True) == []
    assert len(shown.get("text", "").encode()) <= 4_000, "else the message could not be edited"


@pytest.mark.parametrize("name", golden.blocks())
def test_no_mention_or_link_of_a_member_gets_through(name):
    shown = str(golden.blocks()[name])
    for smuggled in ("<!channel>", "<@U2>", "<https://evil", "<!here>", "https://evil"):
        assert smuggled not in shown


@pytest.mark.parametrize("letter", ["&", "<", "://", "a", "狐"])
def test_escaped_texts_keep_their_limit_and_lose_no_half_of_an_entity(letter):
    for most in (17, 100, 600):
        shown = wording.fitted(letter * 1_000, most)
        assert len(shown) <= most
        kept = html.unescape(shown).replace("\u2060", "")
        assert kept.endswith("…")
        assert (letter * 1_000).startswith(kept.removesuffix("…"))
    assert wording.fitted("a & b", 20) == "a &amp; b"


def test_blocks_of_the_longest_texts_keep_slacks_limits():
    for text in ("&" * 9_000, "<" * 9_000, "://" * 3_000, "🦊" * 9_000):
        shown = [
            rendering.card(golden.card(text=text, prompt=text)),
            rendering.result(golden.reply(text, prompt=text), elsewhere=wording.posted_elsewhere("C0123456789")),
            rendering.failure(
                golden.reply(text, images=0, failed=True, prompt=text), elsewhere=wording.posted_elsewhere("C1")
            ),
        ]
        for each in shown:
            assert complaints(each["blocks"], lambda _: True) == []
        assert len(shown[0]["text"].encode()) <= 4_000, "else the card could not be edited"


def test_cut_texts_keep_their_limit():
    assert len(wording.quoted("<" * 9_000, 400)) <= 1_600 + 4
    assert wording.cut("abc", 3) == "abc"
    assert wording.cut("abcd", 3) == "ab…"
