"""What Slack sends -> what the core hears."""

import pytest

from adapters.slack import inbound
from adapters.slack.buttons import Press, Window, read, read_window
from adapters.slack.settings import Mode, Settings
from bot.model import Attachment, ConversationRef

ME = "U0BOT"


def event(text="make it blue", **more):
    return {
        "type": "message",
        "user": "U1",
        "text": text,
        "ts": "2.5",
        "channel": "C1",
        "channel_type": "channel",
        **more,
    }


def heard(text="make it blue", **more):
    return inbound.utterance(event(text, **more), workspace="T1", me=ME, plain_talk=True)


def test_identity_is_channel_and_time():
    assert heard().source_id == "slack:message:C1-2.5"
    assert heard(client_msg_id="x", event_ts="9").source_id == heard().source_id


def test_thread_of_a_reply_of_a_first_message_and_of_a_direct_message():
    assert heard(thread_ts="1.5").place == ConversationRef(platform="slack", workspace="T1", channel="C1", thread="1.5")
    assert heard().place.thread == "2.5"
    assert heard(channel="D1", channel_type="im", thread_ts="1.5").place.thread == "D1"
    assert heard(channel="D1", channel_type="im").private


@pytest.mark.parametrize(
    ("wire", "words"),
    [
        (f"<@{ME}> a fox", "a fox"),
        (f"<@{ME}|darkroom> a fox", "a fox"),
        ("a fox &lt;3 &amp; a hen", "a fox <3 & a hen"),
        ("see <https://a.example/x?a=1&amp;b=2|here> and <https://b.example>", "see here and https://b.example"),
        ("in <#C2|art> for <@U2|bob> <!here>", "in #art for bob"),
        ("at 10:30:45 --ar 16:9", "at 10:30:45 --ar 16:9"),
        ("nice :tada: :+1::skin-tone-2:", "nice"),
        ("<!subteam^S1|@painters> a fox", "@painters a fox"),
        ("<mailto:a@b.example|a@b.example>", "a@b.example"),
    ],
)
def test_words_are_what_was_typed(wire, words):
    assert heard(wire).text == words


def test_standard_emoji_become_themselves():
    blocks = [
        {"type": "rich_text", "elements": [{"type": "rich_text_section", "elements": [
            {"type": "emoji", "name": "fox_face", "unicode": "1f98a"}, {"type": "emoji", "name": "ours"},
        ]}]}
    ]  # fmt: skip
    assert heard("a :fox_face: :ours: in snow", blocks=blocks).text == "a 🦊 in snow"


def test_mentions():
    assert heard(f"<@{ME}> a fox").mentions_bot
    assert not heard(f"<@{ME}> a fox").begins_with_mention
    assert heard("<@U2> look").begins_with_mention
    assert not heard("look <@U2>").begins_with_mention


@pytest.mark.parametrize(
    "more",
    [{"subtype": s} for s in ("message_changed", "message_deleted", "channel_join", "bot_message", "tombstone")]
    + [{"hidden": True}, {"user": None}],
)
def test_news_about_messages_is_no_message(more):
    assert not inbound.spoken(event(**more))


def test_bots_are_known():
    assert heard(bot_id="B2").author_is_bot


def test_files_of_a_message():
    files = [
        {"id": "F1", "name": "cat.png", "mimetype": "image/png", "size": 7},
        {"id": "F2", "mode": "tombstone"},
        {"id": "F3", "mode": "file_access", "file_access": "check_file_info"},
    ]
    first, stub = heard(files=files).attachments
    assert first == Attachment(name="cat.png", address="F1", size=7, media_type="image/png")
    assert (stub.address, stub.size, stub.media_type) == ("F3", None, None)
    assert inbound.is_stub(files[2])


def test_window_and_buttons_keep_what_they_know():
    files = (Attachment(name="cat.png", address="F1", size=7, media_type="image/png"),)
    window = Window(channel="C1", thread="1.5", job="abc", image=2, files=files, response_url="https://x.example")
    assert read_window(window.written()) == window
    assert read_window("") is None
    assert read_window('{"thread":"1.5"}') is None
    long = Window(channel="C1", thread="1.5", files=tuple(
        Attachment(name="x" * 900, address="F0123456789", size=30_000_000, media_type="image/png") for _ in range(3)
    ), response_url="https://hooks.slack.com/" + "x" * 200)  # fmt: skip
    assert len(long.written()) <= 3_000
    press = Press(act="edit", job_id="0123456789abcdef", image=2)
    assert read(press.block()) == press
    assert read({"action_id": "edit:0", "value": "../x"}) is None
    assert read({"action_id": "other", "value": "abc"}) is None


def test_share_is_looked_for_where_it_belongs():
    file = {"shares": {"private": {"C1": [{"ts": "3.5", "thread_ts": "1.5"}], "C2": [{"ts": "4.5"}]}}}
    assert inbound.shares(file, "C1", "1.5") == "3.5"
    assert inbound.shares(file, "C1", "9.9") is None
    assert inbound.shares(file, "C2", None) == "4.5"
    assert inbound.shares({}, "C1", None) is None


def test_mode_and_addresses():
    both = Settings(slack_app_token="xapp-test", slack_signing_secret="test-secret")
    assert both.mode is Mode.SOCKET
    assert Settings(slack_signing_secret="test-secret").mode is Mode.HTTP
    assert Settings(slack_app_token=" ").mode is None
    assert Settings().slack_api_url == "https://slack.com/api/"
    assert Settings(slack_api_url="https://slack-gov.com").slack_api_url == "https://slack-gov.com/api/"


@pytest.mark.parametrize(
    ("url", "no_proxy", "used"),
    [
        ("https://slack.com/api/", "", True),
        ("https://slack.com/api/", "example.com, slack.com", False),
        ("https://files.slack.com/x", ".slack.com", False),
        ("https://slack.com/api/", "*", False),
        ("http://127.0.0.1:1/api/", "", False),
        ("https://127.0.0.1:1/api/", "", False),
    ],
)
def test_proxy_is_used_as_its_variables_say_and_never_for_this_machine(url, no_proxy, used):
    settings = Settings(https_proxy="http://proxy.example:3128", no_proxy=no_proxy)
    assert (settings.proxy_for(url) == "http://proxy.example:3128") is used


def test_window_holds_three_files_of_any_name():
    files = tuple(
        Attachment(name="\N{PANDA FACE}" * 255, address=f"F{n:010}", size=30_000_000, media_type="image/jpeg")
        for n in range(3)
    )
    url = "https://hooks.slack.example/actions/" + "x" * 120
    written = Window(channel="C0123456789", thread="1700000000.000100", files=files, response_url=url).written()
    assert len(written.encode()) <= 3_000  # docs; counted in bytes, to be sure
    window = read_window(written)
    assert window is not None
    assert [file.address for file in window.files] == [file.address for file in files]
