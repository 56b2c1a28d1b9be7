"""Is what people say on Discord understood as they mean it? Real objects of the library, made from payloads."""

import datetime as dt
from typing import Any

import discord
import pytest

from adapters.discord import inbound, modals
from adapters.discord.cursors import Where
from bot.model import ConversationRef, MessageRef

ME = 1000
ROLE = 900_000_000_000_000_000
ANN = {"id": "4000", "username": "ann", "global_name": "Ann", "discriminator": "0", "avatar": None}
BOB = {"id": "4001", "username": "bob", "global_name": None, "discriminator": "0", "avatar": None}
BOT = {"id": str(ME), "username": "darkroom", "discriminator": "0", "avatar": None, "bot": True}
PLACE = ConversationRef(platform="discord", workspace="2000", channel="3000", thread="5000")


def payload(content: str = "", **facts: Any) -> dict[str, Any]:
    return {
        "id": "7000",
        "channel_id": "5000",
        "author": ANN,
        "content": content,
        "timestamp": dt.datetime(2026, 11, 22, tzinfo=dt.UTC).isoformat(),
        "edited_timestamp": None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "attachments": [],
        "embeds": [],
        "pinned": False,
        "type": 0,
        "components": [],
        **facts,
    }


def file(name: str = "dog.jpg", **facts: Any) -> dict[str, Any]:
    url = f"https://cdn.example/{name}"
    return {
        "id": "8000",
        "filename": name,
        "size": 9,
        "url": url,
        "proxy_url": url,
        "content_type": "image/jpeg",
        **facts,
    }


def message(content: str = "", **facts: Any) -> discord.Message:
    client = discord.Client(intents=discord.Intents.none())
    channel = client.get_partial_messageable(5000, guild_id=2000)
    return discord.Message(state=client._connection, channel=channel, data=payload(content, **facts))


def heard(content: str = "", **facts: Any):
    return inbound.utterance(message(content, **facts), me=ME, where=PLACE, plain_talk=True, my_roles=[ROLE])


def reply_to(author: dict[str, Any], **facts: Any) -> dict[str, Any]:
    return {
        "type": 19,
        "message_reference": {"type": 0, "message_id": "6000", "channel_id": "5000", "guild_id": "2000"},
        "referenced_message": payload(id="6000", author=author),
        **facts,
    }


def test_plain_words():
    said = heard("make it blue --ar 3:2")
    assert said.text == "make it blue --ar 3:2"
    assert said.source_id == "discord:message:7000"
    assert (said.author.id, said.author.name) == ("4000", "Ann")
    assert said.message == MessageRef(platform="discord", channel="5000", id="7000")
    assert said.place == PLACE
    assert said.plain_talk
    assert not (said.author_is_bot)
    assert not (said.mentions_bot)
    assert not (said.begins_with_mention)
    assert not (said.private)
    assert not (said.replied_to)


@pytest.mark.parametrize("content", ["<@1000> make it blue", "<@!1000>make it blue", "make it blue <@1000>"])
def test_mention_of_the_bot_is_no_word(content):
    said = heard(content, mentions=[BOT])
    assert said.text == "make it blue"
    assert said.mentions_bot
    assert not said.begins_with_mention


def test_mention_of_the_bots_own_role_is_meant_for_it():
    said = heard(f"<@&{ROLE}> make it blue", mention_roles=[str(ROLE)])
    assert said.mentions_bot
    assert not said.begins_with_mention
    assert said.text == "make it blue"


@pytest.mark.parametrize("content", ["<@4001> look at this", "  <@!4001> nice", "<@&77> come and see"])
def test_message_that_begins_with_somebody_else_is_theirs(content):
    assert heard(content, mentions=[BOB], mention_roles=["77"]).begins_with_mention


def test_people_are_named_in_words():
    assert heard("a portrait of <@4001> and <@!9>", mentions=[BOB]).text == "a portrait of bob and"


@pytest.mark.parametrize(
    "content", ["<:fox:123>", "<a:dance:456> <:fox:123>", "<t:1700000000:R>", "</imagine:99>", "<#3000>"]
)
def test_markup_is_no_word(content):
    assert heard(content).text == ""


def test_reply_to_the_bots_picture():
    said = heard("more", **reply_to(BOT))
    assert said.replied_to == MessageRef(platform="discord", channel="5000", id="6000")
    assert said.replied_to_bot


def test_reply_to_a_person():
    said = heard("more", **reply_to(BOB))
    assert said.replied_to is not None
    assert not said.replied_to_bot


def test_reply_to_a_deleted_message_is_nobodys():
    said = heard("more", **reply_to(BOT, referenced_message=None))
    assert said.replied_to is not None
    assert not said.replied_to_bot


def test_forwarded_picture_is_attached_and_answers_nothing():
    snapshot = {"message": payload("their words", attachments=[file()])}
    said = heard(
        message_reference={"type": 1, "message_id": "6000", "channel_id": "3001", "guild_id": "2000"},
        message_snapshots=[snapshot],
    )
    assert said.replied_to is None
    assert said.text == ""
    assert [attachment.name for attachment in said.attachments] == ["dog.jpg"]


def test_attachment_keeps_what_finds_it_again():
    (attachment,) = heard("use this", attachments=[file()]).attachments
    assert (attachment.name, attachment.size, attachment.media_type) == ("dog.jpg", 9, "image/jpeg")
    source = inbound.source(attachment.address)
    assert source == inbound.Source(url="https://cdn.example/dog.jpg", id="8000", channel=5000, message=7000)


def test_voice_message_is_no_attachment():
    voice = file("voice.ogg", content_type="audio/ogg", duration_secs=1.0, waveform="AAAA")
    assert heard(attachments=[voice], flags=8192).attachments == ()


def test_pictures_are_told_from_other_files():
    files = [file(), file("a.pdf", content_type="application/pdf"), file("b.heic", content_type=None)]
    assert [found.name for found in inbound.pictures(message(attachments=files))] == ["dog.jpg", "b.heic"]


@pytest.mark.parametrize(("kind", "spoken"), [(0, True), (19, True), (6, False), (7, False), (18, False), (20, False)])
def test_messages_of_the_system_are_not_speech(kind, spoken):
    assert inbound.spoken(message("x", type=kind)) is spoken


def test_other_bots_and_webhooks_are_bots():
    assert heard("x", author={**BOB, "bot": True}).author_is_bot
    assert heard("x", webhook_id="55").author_is_bot


@pytest.mark.parametrize(
    ("facts", "addressed"),
    [({}, False), ({"content": "hey <@1000>"}, True), (reply_to(BOT), True), (reply_to(BOB), False)],
)
def test_messages_in_places_of_others_count_when_they_address_the_bot(facts, addressed):
    assert inbound.addresses(message(**facts), ME) is addressed


# -- the window ------------------------------------------------------------------------------------------------------


def test_window_sent_off_is_read_from_its_payload_alone():
    data = {
        "custom_id": "darkroom:change:0123456789abcdef:1",
        "components": [
            {"type": 18, "component": {"type": 4, "custom_id": "words", "value": "make it night"}},
            {"type": 18, "component": {"type": 19, "custom_id": "pictures", "values": ["8000"]}},
        ],
        "resolved": {"attachments": {"8000": file()}},
    }
    entered = inbound.submitted(data)
    assert entered.words == "make it night"
    assert [picture.name for picture in entered.pictures] == ["dog.jpg"]
    assert modals.read(entered.custom_id) == modals.Change(job_id="0123456789abcdef", image=1)


@pytest.mark.parametrize(
    "purpose", [modals.Change(job_id="0123456789abcdef", image=3), modals.Take(interaction_id="1" * 20)]
)
async def test_window_says_by_itself_what_it_was_opened_for(purpose):
    window = modals.window(purpose)
    assert modals.read(window.custom_id) == purpose
    assert len(window.custom_id) <= 100
    assert window.is_finished(), "the library must not wait for its answer in memory"


def test_windows_of_others_are_left_alone():
    assert modals.read("other:change:x:0") is None


@pytest.mark.parametrize(
    ("source", "id"), [("discord:interaction:123", 123), ("discord:message:123", None), ("cli:x", None)]
)
def test_interaction_that_a_job_came_of(source, id):
    assert inbound.interaction_of(source) == id


def test_place_names_the_channel_it_is_followed_by():
    assert Where(ref=PLACE, own=True).channel == "5000"
