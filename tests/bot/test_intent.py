"""A message in a place where the bot listens is an instruction only when it is meant as one."""

from __future__ import annotations

import itertools
from dataclasses import replace
from typing import Any

import pytest

from bot.intent import Decision, Edit, Ignore, KeepImage, Why, decide, may_be_image, says_something
from bot.model import Attachment, ConversationRef, MessageRef, Person, Utterance

PLACE = ConversationRef(platform="web", workspace="studio", channel="general", thread="t1")
PHOTO = Attachment(name="cat.jpg", address="blob:1", media_type="image/jpeg")
PDF = Attachment(name="cat.pdf", address="blob:2", media_type="application/pdf")
MESSAGE = MessageRef(platform="web", channel="t1", id="m1")
TO_BOT = {"replied_to": MESSAGE, "replied_to_bot": True}
TO_HUMAN = {"replied_to": MESSAGE, "replied_to_bot": False}

PLAIN = Utterance(
    source_id="web:m2", author=Person(id="ann", name="Ann"), author_is_bot=False, place=PLACE, text="make it blue"
)


def heard(*, opened: bool = True, joined: bool = True, replied_job: str | None = None, **said: Any) -> Decision:
    return decide(replace(PLAIN, **said), opened=opened, joined=joined, replied_job=replied_job)


# -- never an instruction --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("said", "why"),
    [
        pytest.param({"author_is_bot": True}, Why.BOT, id="from a bot"),
        pytest.param(TO_HUMAN, Why.ANSWERS_SOMEBODY, id="a reply to a human"),
        pytest.param({"begins_with_mention": True}, Why.TO_SOMEBODY, id="begins by mentioning a human"),
        pytest.param({"text": "// just saying"}, Why.ASIDE, id="begins with slashes"),
        pytest.param({"text": "  //just saying"}, Why.ASIDE, id="begins with slashes behind spaces"),
        pytest.param({"text": "🎉🎉 !!!"}, Why.NOTHING_SAID, id="emoji only"),
        pytest.param({"text": "", "attachments": (PDF,)}, Why.NOTHING_SAID, id="a file that is no image"),
        pytest.param({"text": "// look", "attachments": (PHOTO,)}, Why.ASIDE, id="slashes with an image"),
    ],
)
@pytest.mark.parametrize(
    "meant",
    [{}, {"mentions_bot": True}, {"private": True}, {"replied_job": "j1", **TO_BOT}],
    ids=["plain", "mention", "private", "reply to a picture"],
)
def test_never_an_instruction_whatever_else_speaks_for_it(said: dict[str, Any], why: Why, meant: dict[str, Any]):
    assert heard(**{**meant, **said}) == Ignore(why=why)


# -- who must say it how ---------------------------------------------------------------------------------------------


def test_plain_words_of_those_who_joined_edit_in_threads_of_the_bot():
    assert heard() == Edit(of=None)


def test_plain_words_of_anyone_else_are_talk():
    assert heard(joined=False) == Ignore(why=Why.OUTSIDER)


def test_plain_words_elsewhere_are_talk():
    assert heard(opened=False, joined=False) == Ignore(why=Why.ELSEWHERE)


def test_plain_words_in_a_private_chat_are_meant():
    assert heard(private=True, opened=False, joined=False) == Edit(of=None)


@pytest.mark.parametrize(("opened", "joined"), [(True, False), (False, False), (True, True)])
def test_anyone_may_mention_the_bot_or_reply_to_its_picture_anywhere(opened: bool, joined: bool):  # noqa: FBT001
    facts = {"opened": opened, "joined": joined}
    assert heard(mentions_bot=True, **facts) == Edit(of=None)
    assert heard(replied_job="j1", **TO_BOT, **facts) == Edit(of="j1")
    assert heard(replied_job="j1", mentions_bot=True, **TO_BOT, **facts) == Edit(of="j1")


def test_reply_to_another_message_of_the_bot_counts_as_plain_words():
    assert heard(**TO_BOT) == Edit(of=None)
    assert heard(**TO_BOT, joined=False) == Ignore(why=Why.OUTSIDER)
    assert heard(**TO_BOT, opened=False, joined=False) == Ignore(why=Why.ELSEWHERE)


def test_reply_to_a_members_instruction_is_talk_although_it_belongs_to_a_job():
    assert heard(**TO_HUMAN, replied_job="j1") == Ignore(why=Why.ANSWERS_SOMEBODY)


# -- images and words ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("text", ["", " ", "👍", "!?"])
def test_image_without_words_is_kept(text: str):
    assert heard(text=text, attachments=(PHOTO,)) == KeepImage()
    assert heard(text=text, attachments=(PDF, PHOTO)) == KeepImage()
    assert heard(text=text, attachments=(PHOTO,), mentions_bot=True, opened=False) == KeepImage()


def test_image_with_words_edits():
    assert heard(attachments=(PHOTO,)) == Edit(of=None)


def test_image_of_somebody_who_is_only_talking_is_not_kept():
    assert heard(text="", attachments=(PHOTO,), joined=False) == Ignore(why=Why.OUTSIDER)


@pytest.mark.parametrize(
    "text", ["a", "7", "日本", "青く", "синий", "أزرق", "नीला", "สีน้ำเงิน", "--ar 3:2", "🎨 blue", "١٦"]
)
def test_letters_and_digits_of_any_script_say_something(text: str):
    assert says_something(text)


@pytest.mark.parametrize(
    "text", ["", " \n", "...", "👍🏽", "🏴󠁧󠁢󠁥󠁮󠁧󠁿", "🇩🇪", "1️⃣", "#⃣", "ℹ️", "Ⓜ️", "™️", "❤️‍🔥", "¿?", "—", "\u200b", "：）"]
)
def test_emoji_and_punctuation_say_nothing(text: str):
    assert not says_something(text)


@pytest.mark.parametrize(
    ("name", "media_type", "expected"),
    [
        ("a.bin", "image/x-unknown", True),
        ("a.HEIC", "application/octet-stream", True),
        ("a.heic", None, True),
        ("a.Jpeg", "", True),
        ("a.jpg", "video/mp4", False),
        ("a.pdf", None, False),
        ("notes", "application/octet-stream", False),
    ],
)
def test_what_may_be_an_image(name: str, media_type: str | None, expected: bool):  # noqa: FBT001
    assert may_be_image(Attachment(name=name, address="x", media_type=media_type)) is expected


# -- all of it -------------------------------------------------------------------------------------------------------


def test_every_combination_follows_the_rule():
    """The rule as one expression, against all combinations of what can be known of a message."""
    flags = ("author_is_bot", "replied_to_bot", "mentions_bot", "begins_with_mention", "private")
    for combination in itertools.product([False, True], repeat=len(flags) + 4):
        said = dict(zip(flags, combination, strict=False))
        opened, joined, answers, has_words = combination[len(flags) :]
        job = "j1" if answers else None
        decision = heard(
            opened=opened,
            joined=joined,
            replied_job=job,
            text="blue" if has_words else "",
            attachments=(PHOTO,),
            replied_to=MESSAGE if answers else None,
            **said,
        )
        human = answers and not said["replied_to_bot"]
        never = said["author_is_bot"] or said["begins_with_mention"] or human
        meant = (opened and joined) or said["private"] or said["mentions_bot"] or answers
        expected_kind = Ignore if never or not meant else Edit if has_words else KeepImage
        assert type(decision) is expected_kind, combination
        if isinstance(decision, Edit):
            assert decision.of == job
