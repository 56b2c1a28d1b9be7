"""Is what a browser sends believed only as far as it can be?"""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from adapters.web.inbound import (
    LONGEST_NAME,
    Sending,
    channel_name,
    new_thread,
    read_sending,
    read_words,
    to_request,
    visitor_name,
)
from bot.errors import UserError
from bot.model import Attachment, ConversationRef, MessageRef, Person

ID = "0b9dd6a2-1c39-4a87-9a53-6a6f5ed1c001"
SHA = "ab" * 32
ANN = Person(id="p1", name="Ann")

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=6), inner, max_size=4),
    max_leaves=8,
)


def sent(**changes):
    return {"id": ID, "text": "a fox", "files": [], "of": None, "image": 0} | changes


def test_a_sending_is_read_with_its_pictures():
    file = {"name": "cat.png", "size": 12, "type": "image/png", "sha256": SHA}
    assert read_sending(sent(files=[file], of="1m81hr2qhhfhx2w3", image=1)) == Sending(
        id=ID,
        text="a fox",
        attachments=(Attachment(name="cat.png", address=SHA, size=12, media_type="image/png"),),
        of="1m81hr2qhhfhx2w3",
        image=1,
    )


@pytest.mark.parametrize(
    "garbled",
    [
        None,
        [],
        "a fox",
        sent(id="7"),
        sent(id=None),
        sent(id=ID.upper()),
        sent(text=None),
        sent(files=None),
        sent(files=[{"name": "x"}]),
        sent(files=[{"sha256": "../etc/passwd"}]),
        sent(of="1m81; drop"),
        sent(image=-1),
        sent(image=True),
        sent(image="0"),
    ],
)
def test_what_no_page_of_ours_sends_is_refused_in_words(garbled):
    with pytest.raises(UserError, match="Reload the page"):
        read_sending(garbled)


@given(st.fixed_dictionaries({}, optional=dict.fromkeys(("id", "text", "files", "of", "image"), anything)))
def test_nothing_that_is_sent_can_do_more_than_be_refused(found):
    with contextlib.suppress(UserError):
        read_sending({"id": ID, "text": ""} | found)


def test_a_files_name_type_and_size_are_kept_only_where_they_can_be_true():
    (attachment,) = read_sending(sent(files=[{"sha256": SHA, "name": "a\nb" * 100, "size": -1, "type": 7}])).attachments
    assert attachment.size is None
    assert attachment.media_type is None
    assert "\n" not in attachment.name
    assert len(attachment.name) <= LONGEST_NAME


@pytest.mark.parametrize(
    ("typed", "text", "starts"),
    [
        ("a fox", "a fox", False),
        ("/imagine a fox --ar 3:2", "a fox --ar 3:2", True),
        ("  /IMAGINE\na fox", "a fox", True),
        ("/imagine", "", True),
        ("/imagined things", None, None),
        ("/ a slash", "/ a slash", False),
        ("either/or", "either/or", False),
    ],
)
def test_the_command_is_taken_off_the_words(typed, text, starts):
    if text is None:
        with pytest.raises(UserError, match="no command /imagined here"):
            read_words(typed)
        return
    words = read_words(typed)
    assert (words.text, words.starts) == (text, starts)


@pytest.mark.parametrize("typed", ["// I like it", "  //aside", "//"])
def test_an_aside_is_left_alone_and_says_so(typed):
    with pytest.raises(UserError, match=r"begins with //.*Take the // off"):
        read_words(typed)


def test_a_request_says_who_where_and_by_which_message():
    sending = Sending(id=ID, text="ignored", attachments=(Attachment(name="a", address=SHA),))
    place = new_thread("general", sending)
    request = to_request(sending, "a fox", visitor=ANN, place=place)
    assert request.source_id == f"web:{ID}"
    assert request.place == ConversationRef(platform="web", workspace="playground", channel="general", thread=ID)
    assert request.message == MessageRef(platform="web", channel=ID, id=ID)
    assert (request.requester, request.text, request.attachments) == (ANN, "a fox", sending.attachments)
    assert request.placed


def test_a_resend_is_the_same_request():
    first, second = (
        to_request(s, s.text, visitor=ANN, place=new_thread("general", s)) for s in (read_sending(sent()),) * 2
    )
    assert first == second


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("  Ann   Lee ", "Ann Lee"),
        ("Ann\u202eeel", "Ann eel"),
        ("\x00\n\t", ""),
        ("x" * 99, "x" * 40),
        ("Åsa 🦊", "Åsa 🦊"),
    ],
)
def test_a_visitors_name_is_one_visible_line(typed, name):
    assert visitor_name(typed) == name


@pytest.mark.parametrize(
    ("typed", "name"),
    [
        ("# General", "general"),
        ("Night Shots!", "night-shots"),
        ("--a__b--", "a-b"),
        ("../../etc", "etc"),
        ("日本 の 写真", "日本-の-写真"),
        ("!!!", ""),
        ("x" * 39 + " y", "x" * 39),
    ],
)
def test_a_channels_name_fits_into_an_address(typed, name):
    assert channel_name(typed) == name


@given(st.text())
def test_a_channels_name_is_its_own_name(typed):
    assert channel_name(channel_name(typed)) == channel_name(typed)
