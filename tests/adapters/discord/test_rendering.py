"""Do cards, results and failures look as they should, and can nothing in a prompt change that?"""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.discord import rendering, wording
from adapters.discord.buttons import Press, presses, read
from bot.model import JobState
from tests.adapters.discord import golden

_ESCAPED = re.compile(r"\\[^0-9A-Za-z\s]")


def as_shown(text: str) -> str:
    """What Discord shows of escaped text."""
    return re.sub(r"\\([^0-9A-Za-z\s])", r"\1", text)


def test_page_of_everything_members_see_is_up_to_date():
    assert golden.PAGE.read_text(encoding="utf-8") == golden.page(), (
        "write it anew: python -m tests.adapters.discord.golden"
    )


@given(st.text(max_size=300))
def test_any_prompt_stays_text_on_its_card(prompt):
    sheet = rendering.card(golden.card(prompt=prompt))
    _head, *rest = sheet.content.split("\n")
    assert len(sheet.content) <= wording.LONGEST_CONTENT
    assert len(rest) <= 1, "a prompt is one line of the card"
    shown = _ESCAPED.sub("·", rest[0].removeprefix("> ")) if rest else ""
    assert not set("`*_~|<[]@") & set(shown), "every mark that Discord could read is quoted"
    assert "://" not in shown
    assert not re.match(r"\s*(#|-|>|\d+\.)", shown)
    assert as_shown(rest[0].removeprefix("> ") if rest else "") == wording.one_line(prompt)[:600] or len(prompt) > 280


@pytest.mark.parametrize(
    "invite", ["discord.gg/fox", "Discord.GG/fox", "https://discord.com/invite/fox", "see discordapp.com/invite/fox"]
)
def test_invite_in_a_prompt_makes_no_card(invite):
    shown = rendering.card(golden.card(prompt=invite)).content
    assert not re.search(r"discord(app)?\.", shown, re.IGNORECASE)
    assert re.search(r"discord(app)?\\\.", shown, re.IGNORECASE)


@given(st.text(min_size=1, max_size=5_000))
def test_any_prompt_makes_a_name_for_a_thread(prompt):
    name = wording.thread_name(prompt)
    assert 1 <= len(name) <= wording.LONGEST_NAME
    assert name == name.strip()
    assert not re.search(r"<[@#:a]", name)


def test_longest_prompt_of_marks_fits():
    assert len(rendering.card(golden.card(prompt="*" * 4_000)).content) <= wording.LONGEST_CONTENT


def test_only_the_requester_can_be_pinged_and_only_by_results():
    assert rendering.result(golden.reply()).allowed_mentions().to_dict() == {"parse": [], "users": [4000]}
    for sheet in (rendering.card(golden.card()), rendering.result(golden.reply(images=2), index=1)):
        assert sheet.allowed_mentions().to_dict() == {"parse": []}


@pytest.mark.parametrize("state", JobState)
def test_cancel_stands_on_the_card_for_as_long_as_it_can_help(state):
    cancels = any(press.act == "cancel" for press in rendering.card(golden.card(state)).buttons)
    assert cancels == (state in {JobState.QUEUED, JobState.SUBMITTING, JobState.RUNNING})


def test_every_button_is_read_back_from_what_discord_sends():
    buttons = [Press(act=act, job_id=golden.JOB, image=9) for act in ("again", "edit", "delete", "cancel")]
    assert presses(golden.components(rendering.Sheet(content="", buttons=tuple(buttons)))) == buttons


@pytest.mark.parametrize(
    "custom_id", ["", "darkroom:", "darkroom:again:x", "other:again:0123:0", "darkroom:drop:0123:0"]
)
def test_buttons_of_others_are_left_alone(custom_id):
    assert read(custom_id) is None
