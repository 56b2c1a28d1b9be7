"""Is it known before anything is paid whether and where an answer can be posted?"""

import discord
import pytest

from adapters.discord.permissions import NEEDED, Spot, invite, missing, opens_thread, spot

ALL = NEEDED


def without(*names: str) -> discord.Permissions:
    permissions = discord.Permissions(ALL.value)
    permissions.update(**dict.fromkeys(names, False))
    return permissions


@pytest.mark.parametrize("where", Spot)
def test_invited_bot_can_answer_everywhere(where):
    assert missing(where, ALL) == []


def test_thread_is_made_only_where_the_bot_may_write_in_it():
    assert opens_thread(Spot.CHANNEL, ALL)
    assert not opens_thread(Spot.CHANNEL, without("send_messages_in_threads"))
    assert not opens_thread(Spot.CHANNEL, without("create_public_threads"))
    assert not opens_thread(Spot.THREAD, ALL)
    assert not opens_thread(Spot.ROOM, ALL)


def test_channel_without_threads_is_answered_in_place():
    assert missing(Spot.CHANNEL, without("create_public_threads")) == []
    assert missing(Spot.CHANNEL, without("send_messages_in_threads")) == []


def test_right_to_write_in_the_channel_is_not_needed_where_there_is_a_thread():
    assert missing(Spot.CHANNEL, without("send_messages")) == []
    assert missing(Spot.THREAD, without("send_messages", "create_public_threads")) == []


def test_denied_writing_is_not_told_as_denied_files():
    """Discord takes Attach Files away from who may not write; an admin would look for it in vain."""
    assert missing(Spot.ROOM, without("send_messages", "attach_files")) == ["Send Messages"]
    assert missing(Spot.THREAD, without("send_messages_in_threads", "attach_files")) == ["Send Messages in Threads"]
    assert missing(Spot.CHANNEL, without("send_messages", "attach_files")) == [], (
        "its threads have a right of their own"
    )


@pytest.mark.parametrize(
    ("where", "lacking", "named"),
    [
        (Spot.CHANNEL, ["attach_files"], ["Attach Files"]),
        (Spot.CHANNEL, ["send_messages", "create_public_threads"], ["Send Messages"]),
        (Spot.CHANNEL, ["read_message_history"], ["Read Message History"]),
        (Spot.THREAD, ["send_messages_in_threads"], ["Send Messages in Threads"]),
        (Spot.ROOM, ["send_messages", "view_channel"], ["View Channel", "Send Messages"]),
        (Spot.PRIVATE, ["send_messages", "attach_files", "view_channel"], []),
    ],
)
def test_missing_permission_is_named_as_discord_names_it(where, lacking, named):
    assert missing(where, without(*lacking)) == named


def test_administrator_lacks_nothing():
    assert missing(Spot.CHANNEL, discord.Permissions(administrator=True)) == []
    assert opens_thread(Spot.CHANNEL, discord.Permissions(administrator=True))


def test_every_kind_of_channel_has_a_place_for_the_answer():
    assert {spot(kind) for kind in discord.ChannelType} == set(Spot)
    assert spot(discord.ChannelType.voice) is Spot.ROOM
    assert spot(discord.ChannelType.news) is Spot.CHANNEL
    assert spot(None) is Spot.ROOM


def test_invite_asks_for_exactly_what_is_used():
    assert f"permissions={NEEDED.value}" in invite(42)
    assert "client_id=42" in invite(42)
    assert {name for name, on in NEEDED if on} == {
        "read_messages", "send_messages", "create_public_threads", "send_messages_in_threads", "attach_files",
        "read_message_history", "add_reactions",  # read_messages is the library's word for View Channel
    }  # fmt: skip
