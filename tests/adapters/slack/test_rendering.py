"""Whatever is shown on Slack keeps Block Kit's rules, and stays as it is until somebody decides otherwise."""

import pytest

from adapters.slack import wording
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


def test_cut_texts_keep_their_limit():
    assert len(wording.quoted("<" * 9_000, 400)) <= 1_600 + 4
    assert wording.cut("abc", 3) == "abc"
    assert wording.cut("abcd", 3) == "ab…"
