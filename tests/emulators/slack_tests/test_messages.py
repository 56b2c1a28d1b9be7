"""What may stand in a channel, who may change it, whom does it ping, and how is it read?"""

import pytest

from tests.emulators.slack import CannotDoError, text
from tests.emulators.slack_tests.asking import SECTION, refused
from tests.emulators.slack_tests.echo import client_of


async def test_where_the_bot_may_post(slack, client, ann, art):
    ben = slack.member("ben")
    places = {
        "C0NOWHERE": "channel_not_found",
        slack.channel("secret", ann, kind="group", bot=False).id: "channel_not_found",
        slack.dm(ann, ben).id: "channel_not_found",
        slack.channel("open", ann, bot=False).id: "not_in_channel",
        slack.member("eve", slack.other_workspace("Acme")).id: "channel_not_found",
    }
    for place, error in places.items():
        await refused(client.chat_postMessage(channel=place, text="x"), error)
    await client.chat_postMessage(channel="#art", text="by name")
    await client.chat_postMessage(channel=ann.id, text="by member")
    assert ann.dm.messages[0].text == "by member"
    slack.bot.blocked_from.add(art.id)
    await refused(client.chat_postMessage(channel=art.id, text="x"), "restricted_action")
    art.archived = True
    await refused(client.chat_postMessage(channel=art.id, text="x"), "is_archived")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ({}, "no_text"),
        ({"text": "  "}, "no_text"),
        ({"text": "x" * 40_001}, "msg_too_long"),
        ({"text": "x", "thread_ts": "yesterday"}, "invalid_thread_ts"),
        ({"text": "x", "thread_ts": "1700000000.000000"}, "thread_not_found"),
        ({"text": "x", "metadata": {"event_type": "job"}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "", "event_payload": {}}}, "invalid_metadata_format"),
        ({"text": "x", "metadata": {"event_type": "job", "event_payload": {"a": "x" * 9000}}}, "metadata_too_large"),
        ({"blocks": [{"type": "markdown", "text": "x" * 11_999}] * 2}, "msg_blocks_too_long"),
    ],
)
async def test_messages_that_cannot_stand(client, art, arguments, error):
    await refused(client.api_call("chat.postMessage", json={"channel": art.id, **arguments}), error)
    assert art.messages == []


async def test_a_reply_must_be_put_under_a_root(client, ann, art):
    root = ann.writes(art, "root")
    reply = await client.chat_postMessage(channel=art.id, text="x", thread_ts=root.ts)
    await refused(client.chat_postMessage(channel=art.id, text="x", thread_ts=reply["ts"]), "cannot_reply_to_message")
    wide = await client.chat_postMessage(channel=art.id, text="y", thread_ts=root.ts, reply_broadcast=True)
    assert [m.ts for m in art.messages] == [root.ts, wide["ts"]]
    assert [m.ts for m in root.replies] == [reply["ts"], wide["ts"]]


async def test_an_update_replaces_text_and_blocks_but_only_of_the_bots_own_messages(client, ann, art):
    card = await client.chat_postMessage(channel=art.id, text="x", blocks=[SECTION])
    await client.chat_update(channel=art.id, ts=card["ts"], text="only words")
    assert art.messages[0].blocks == []
    await client.api_call("chat.update", json={"channel": art.id, "ts": card["ts"], "blocks": [SECTION]})
    assert art.messages[0].text == "only words"
    await refused(client.chat_update(channel=art.id, ts=card["ts"], text="&" * 801), "msg_too_long")
    await refused(client.chat_update(channel=art.id, ts="1700000000.000000", text="x"), "message_not_found")
    theirs = ann.writes(art, "mine")
    await refused(client.chat_update(channel=art.id, ts=theirs.ts, text="x"), "cant_update_message")
    await refused(client.chat_delete(channel=art.id, ts=theirs.ts), "cant_delete_message")
    await client.chat_delete(channel=art.id, ts=card["ts"])
    await refused(client.chat_update(channel=art.id, ts=card["ts"], text="x"), "message_not_found")


async def test_an_ephemeral_message_is_its_readers_alone(slack, client, ann, art):
    ben = slack.member("ben")
    await refused(client.chat_postEphemeral(channel=art.id, user=ben.id, text="x"), "user_not_in_channel")
    told = await client.chat_postEphemeral(channel=art.id, user=ann.id, text="3 &lt; 4")
    assert ann.told == ["3 < 4"]
    assert art.messages == []
    await refused(client.chat_update(channel=art.id, ts=told["message_ts"], text="x"), "message_not_found")
    assert (await client.conversations_history(channel=art.id))["messages"] == []


async def test_text_cannot_ping_unless_it_is_markup(slack, client, ann, art):
    async def post(words, **more):
        await client.chat_postMessage(channel=art.id, text=words, **more)
        return art.messages[-1]

    shouted = await post(f"<!channel> <!here> <@{ann.id}> <https://a.example|safe> <!subteam^S1> 1 < 2 & 3")
    assert slack.pinged(shouted) == {"@channel", "@here", ann.id, "S1"}
    assert slack.links(shouted) == ["https://a.example"]
    assert ann.reads(shouted) == "@channel @here @ann safe @subteam 1 < 2 & 3"
    assert shouted.text.endswith(" 1 &lt; 2 &amp; 3")
    harmless = await post(text.escaped("<!channel> @here <@U1> &amp;"))
    assert slack.pinged(harmless) == set()
    assert slack.links(harmless) == []
    assert ann.reads(harmless) == "<!channel> @here <@U1> &amp;"
    await client.chat_update(channel=art.id, ts=harmless.ts, text="<!here>")
    await client.chat_update(channel=art.id, ts=harmless.ts, text="calm again")
    assert slack.pinged(harmless) == {"@here"}
    assert slack.pinged(await post("@here @ann", link_names=True)) == {"@here", ann.id}
    block = {"type": "section", "text": {"type": "plain_text", "text": "<!channel>"}}
    assert slack.pinged(await post("x", blocks=[block])) == set()
    block = {"type": "section", "text": {"type": "mrkdwn", "text": "<!everyone> https://a.example"}}
    loud = await post("x", blocks=[block])
    assert (slack.pinged(loud), slack.links(loud)) == ({"@everyone"}, ["https://a.example"])


async def test_a_thread_is_read_in_pages_and_metadata_only_on_request(slack, client, ann, art):
    mark = {"event_type": "job", "event_payload": {"job": "1"}}
    root = await client.chat_postMessage(channel=art.id, text="root", metadata=mark)
    replies = [ann.writes(art, f"{n}", thread=root["ts"]).ts for n in range(5)]
    page = await client.conversations_replies(channel=art.id, ts=root["ts"], limit=2)
    assert "metadata" not in page["messages"][0]
    assert page["messages"][0]["reply_count"] == 5
    seen = [m["ts"] for m in page["messages"]]
    while page["has_more"]:
        cursor = page["response_metadata"]["next_cursor"]
        page = await client.conversations_replies(channel=art.id, ts=root["ts"], limit=2, cursor=cursor)
        seen += [m["ts"] for m in page["messages"]]
    assert seen == [root["ts"], *replies]
    whole = await client.conversations_replies(
        channel=art.id, ts=root["ts"], oldest=replies[2], include_all_metadata=True
    )
    assert [m["ts"] for m in whole["messages"]] == [root["ts"], *replies[3:]]
    assert whole["messages"][0]["metadata"] == mark
    await refused(client.conversations_replies(channel=art.id, ts="1700000000.000000"), "thread_not_found")
    history = await client.conversations_history(channel=art.id)
    assert [m["ts"] for m in history["messages"]] == [root["ts"]]
    await client.chat_delete(channel=art.id, ts=root["ts"])
    (left,) = (await client.conversations_history(channel=art.id))["messages"]
    assert left["subtype"] == "tombstone"
    assert art.messages == []


async def test_reading_needs_the_scope_of_the_channels_kind_and_membership(slack, client, ann):
    outside = slack.channel("outside", ann, bot=False)
    await refused(client.conversations_history(channel=outside.id), "not_in_channel")
    assert (await client.conversations_info(channel=outside.id))["channel"]["is_member"] is False
    secret = slack.channel("secret", ann, kind="group")
    slack.bot.scopes.discard("groups:history")
    answer = await refused(client.conversations_history(channel=secret.id), "missing_scope")
    assert answer["needed"] == "groups:history"


async def test_joining_and_opening(slack, client, ann):
    outside = slack.channel("outside", ann, bot=False)
    await client.conversations_join(channel=outside.id)
    assert slack.bot.user in outside.members
    assert (await client.conversations_join(channel=outside.id))["warning"] == "already_in_channel"
    secret = slack.channel("secret", ann, kind="group")
    await refused(client.conversations_join(channel=secret.id), "method_not_supported_for_channel_type")
    assert (await client.conversations_open(users=ann.id))["channel"]["id"] == ann.dm.id
    await refused(client.conversations_open(users="U0NOBODY"), "user_not_found")
    await refused(client.api_call("conversations.open"), "users_list_not_supplied")


async def test_reactions(client, ann, art):
    post = ann.writes(art, "look")
    here = {"channel": art.id, "timestamp": post.ts}
    await client.reactions_add(name="eyes", **here)
    assert list(post.reactions) == ["eyes"]
    await refused(client.reactions_add(name="eyes", **here), "already_reacted")
    await refused(client.reactions_add(name=":eyes:", **here), "invalid_name")
    await refused(client.reactions_add(name="eyes", channel=art.id, timestamp="now"), "bad_timestamp")
    await refused(client.reactions_add(name="x", channel=art.id, timestamp="1700000000.000000"), "message_not_found")
    await client.reactions_remove(name="eyes", **here)
    await refused(client.reactions_remove(name="eyes", **here), "no_reaction")
    assert post.reactions == {}


async def test_a_bot_that_was_removed_posts_no_more_until_it_is_invited(slack, client, ann, art):
    ann.removes(slack.bot.user, art)
    await refused(client.chat_postMessage(channel=art.id, text="x"), "not_in_channel")
    slack.bot.scopes.add("chat:write.public")
    await client.chat_postMessage(channel=art.id, text="public")
    slack.bot.scopes.discard("chat:write.public")
    ann.invites(slack.bot.user, art)
    await client.chat_postMessage(channel=art.id, text="back")
    assert [message.text for message in art.messages] == ["public", "back"]


async def test_the_apps_own_dm_depends_on_its_messages_tab(slack, client, ann):
    await client.chat_postMessage(channel=ann.id, text="hello")
    slack.app.messages_read_only = True
    with pytest.raises(CannotDoError, match="turned off"):
        ann.writes(ann.dm, "hello")
    await client.chat_postMessage(channel=ann.dm.id, text="hello")
    slack.app.messages_tab = False
    await refused(client.chat_postMessage(channel=ann.dm.id, text="hello"), "messages_tab_disabled")


async def test_two_workspaces_have_nothing_to_do_with_each_other(slack, client, ann, art):
    acme = slack.install("Acme", token="xoxb-test-acme")
    eve = slack.member("eve", acme.workspace)
    await refused(client_of(slack, acme.token).chat_postMessage(channel=art.id, text="x"), "channel_not_found")
    await refused(client.chat_postMessage(channel=eve.id, text="x"), "channel_not_found")
    await refused(client.users_info(user=eve.id), "user_not_found")
    await client_of(slack, acme.token).chat_postMessage(channel=eve.id, text="hello")
    assert [message.bot for message in eve.dm.messages] == [acme]
    assert eve.writes(eve.dm, "hi").deliveries[0].payload["team_id"] == acme.workspace.id
