"""Does a real slack-bolt app meet here what members do, and do members see what it does?"""

import aiohttp
import aiohttp.web
import pytest

from tests.emulators.slack import CannotDoError, Upload
from tests.emulators.slack_tests.echo import client_of, picture

FORM = {
    "type": "modal",
    "callback_id": "edit",
    "title": {"type": "plain_text", "text": "Edit"},
    "submit": {"type": "plain_text", "text": "Go"},
    "blocks": [
        {
            "type": "input",
            "block_id": "change",
            "label": {"type": "plain_text", "text": "Change"},
            "element": {"type": "plain_text_input", "action_id": "words", "max_length": 100},
        },
        {
            "type": "input",
            "block_id": "files",
            "optional": True,
            "label": {"type": "plain_text", "text": "References"},
            "element": {"type": "file_input", "action_id": "files", "filetypes": ["png"], "max_files": 2},
        },
    ],
}


BUTTONS = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "edit", "text": {"type": "plain_text", "text": "Edit"}, "value": "42"},
            {"type": "button", "action_id": "again", "text": {"type": "plain_text", "text": "Try again"}},
        ],
    }
]


async def test_a_command_arrives_with_its_words_escaped_and_is_acknowledged(slack, app, ann, art):
    told = []

    async def draws(ack, command):
        await ack()
        told.append(command)

    app.on_command(draws)
    async with app.by_sockets():
        ack = await ann.slash("/imagine a <red> fox & a hen", art)
    assert ack.payload is None
    assert ack.via == "socket-1"
    assert told[0]["text"] == "a &lt;red&gt; fox &amp; a hen"
    assert (told[0]["channel_id"], told[0]["user_id"]) == (art.id, ann.id)
    assert ann.notices == []


async def test_what_an_acknowledgement_says_is_told_privately(slack, app, ann, art):
    async def refuses(ack):
        await ack("Not today.")

    app.on_command(refuses)
    async with app.by_sockets():
        await ann.slash("/imagine a fox", art)
    assert ann.told == ["Not today."]
    assert art.messages == []


async def test_a_command_that_nobody_answers_fails_after_three_seconds_for_the_member_alone(slack, app, ann, art):
    slack.clock.stop()
    async with app.by_sockets():
        asked = ann.slash("/imagine a fox", art)
        await slack.sockets.connected()
        await slack.until(lambda: asked.attempts)
        slack.advance(2.9)
        assert not asked.first.done()
        slack.advance(0.2)
        assert await asked is None
        await slack.quiet()
    assert ann.notices == ["/imagine failed with the error 'operation_timeout'"]
    assert len(asked.attempts) == 1


async def test_a_command_cannot_be_typed_into_a_thread(slack, ann, art):
    root = ann.writes(art, "look")
    with pytest.raises(CannotDoError, match="threads"):
        ann.slash("/imagine a fox", art, thread=root)
    with pytest.raises(CannotDoError, match="not a command"):
        ann.slash("/paint a fox", art)


async def test_a_command_works_where_the_bot_is_not_and_its_response_url_speaks_there(slack, app, ann):
    quiet = slack.channel("quiet", ann, bot=False)

    async def asks_in(ack, respond, client, command):
        await ack()
        answer = await client.api_call("conversations.info", params={"channel": command["channel_id"]})
        await respond(f"Invite me: {answer['channel']['is_member']}")

    app.on_command(asks_in)
    async with app.by_sockets():
        await ann.slash("/imagine a fox", quiet)
        await slack.until(lambda: ann.told)
    assert ann.told == ["Invite me: False"]
    assert quiet.messages == []


async def test_one_post_with_a_mention_arrives_twice_with_one_timestamp(slack, app, ann, art):
    async with app.by_sockets():
        post = ann.writes(art, "hi @darkroom <3 & https://a.example/x", files=[Upload(name="me.PNG", data=picture())])
        await app.has_heard(2)
    events = [body["event"] for body in app.heard]
    assert {event["type"] for event in events} == {"message", "app_mention"}
    assert {event["ts"] for event in events} == {post.ts}
    assert len({body["event_id"] for body in app.heard}) == 2
    words = f"hi <@{slack.bot.user.id}> &lt;3 &amp; <https://a.example/x>"
    assert {event["text"] for event in events} == {words}
    assert all(event["files"][0]["name"] == "me.PNG" for event in events)
    message = next(event for event in events if event["type"] == "message")
    assert message["subtype"] == "file_share"
    assert message["channel_type"] == "channel"
    assert slack.pinged(post) == {slack.bot.user.id}


async def test_a_direct_message_has_no_mention_event(slack, app, ann):
    async with app.by_sockets():
        ann.writes(ann.dm, "@darkroom a fox")
        await app.has_heard(1)
        await slack.quiet()
    assert [(b["event"]["type"], b["event"]["channel_type"]) for b in app.heard] == [("message", "im")]


async def test_only_what_is_subscribed_to_and_scoped_arrives_and_only_where_the_bot_is(slack, app, ann, art):
    elsewhere = slack.channel("elsewhere", ann, bot=False)
    secret = slack.channel("secret", ann, kind="group")
    slack.bot.scopes.discard("groups:history")
    slack.app.events -= {"message.im"}
    async with app.by_sockets():
        assert ann.writes(elsewhere, "one").deliveries == []
        assert ann.writes(secret, "two").deliveries == []
        assert ann.writes(ann.dm, "three").deliveries == []
        assert len(ann.writes(art, "four").deliveries) == 1
        await app.has_heard(1)
    assert app.heard[0]["event"]["text"] == "four"


async def test_edits_and_deletions_have_no_author_at_the_top(slack, app, ann, art):
    async with app.by_sockets():
        post = ann.writes(art, "a fox")
        ann.edits(post, "a hen")
        ann.deletes(post)
        await app.has_heard(3)
    changed, deleted = (b["event"] for b in app.heard if "subtype" in b["event"])
    assert changed["subtype"] == "message_changed"
    assert changed["message"]["text"] == "a hen"
    assert changed["previous_message"]["text"] == "a fox"
    assert deleted["subtype"] == "message_deleted"
    assert "user" not in changed
    assert "text" not in deleted


async def test_members_of_other_workspaces_bring_files_that_must_be_asked_for(slack, app, ann, art):
    eve = slack.member("eve", slack.other_workspace("Acme"))
    shared = slack.channel("shared", ann, eve)
    async with app.by_sockets():
        eve.writes(shared, "@darkroom edit this", files=[Upload(name="me.png", data=picture())])
        await app.has_heard(2)
    body = app.heard[0]
    assert body["is_ext_shared_channel"] is True
    assert body["event"]["files"][0]["file_access"] == "check_file_info"
    assert (body["team_id"], body["context_team_id"]) == (eve.workspace.id, slack.workspace.id)
    assert body["event"]["user_team"] == eve.workspace.id
    info = await client_of(slack).files_info(file=body["event"]["files"][0]["id"])
    assert info["file"]["mimetype"] == "image/png"
    with pytest.raises(CannotDoError, match="not installed"):
        eve.slash("/imagine a fox", shared)


async def test_an_upload_is_empty_at_first_and_stands_in_the_thread_afterwards(slack, app, ann, art):
    client = client_of(slack)
    root = await client.chat_postMessage(channel=art.id, text="a fox")
    done = await client.files_upload_v2(
        content=picture(), filename="fox.png", title="a fox", alt_txt="a red fox", channel=art.id,
        thread_ts=root["ts"], initial_comment="Here & now",
    )  # fmt: skip
    assert done["files"][0]["mimetype"] == ""
    assert done["files"][0]["shares"] == {}
    await slack.quiet()
    (share,) = art.messages[0].replies
    info = (await client.files_info(file=done["files"][0]["id"]))["file"]
    assert info["mimetype"] == "image/png"
    assert (info["original_w"], info["original_h"]) == (8, 6)
    assert info["shares"]["public"][art.id][0]["ts"] == share.ts
    assert info["shares"]["public"][art.id][0]["thread_ts"] == root["ts"]
    assert share.subtype == "file_share"
    assert share.text == "Here &amp; now"
    assert ann.reads(share) == "Here & now"
    assert slack.pictures(share) == [(picture(), "a red fox")]


async def test_a_button_opens_a_modal_that_takes_words_and_files(slack, app, ann, art):
    submitted = []

    async def opens(ack, body, client):
        await ack()
        await client.views_open(trigger_id=body["trigger_id"], view=FORM)

    async def takes(ack, view):
        await ack()
        submitted.append(view["state"]["values"])

    app.bolt.action("edit")(opens)
    app.bolt.view("edit")(takes)
    async with app.by_sockets():
        client = client_of(slack)
        await client.chat_postMessage(channel=art.id, text="a fox", blocks=BUTTONS)
        await ann.clicks(art.messages[0], "Edit")
        await slack.until(lambda: ann.view)
        with pytest.raises(CannotDoError, match="asks for 'Change'"):
            ann.submits()
        with pytest.raises(CannotDoError, match="takes 2 files"):
            ann.submits(values={"words": "x"}, files=[Upload(name="a.png", data=b"")] * 3)
        with pytest.raises(CannotDoError, match="only, not"):
            ann.submits(values={"words": "x"}, files=[Upload(name="a.pdf", data=b"")])
        await ann.submits(values={"Change": "at night"}, files=[Upload(name="me.png", data=picture())])
    assert ann.view is None
    assert submitted[0]["change"]["words"]["value"] == "at night"
    (file,) = submitted[0]["files"]["files"]["files"]
    assert file["mimetype"] == "image/png"
    async with (
        aiohttp.ClientSession(headers={"Authorization": f"Bearer {slack.bot_token}"}) as session,
        session.get(file["url_private"]) as answer,
    ):
        assert await answer.read() == picture()


async def test_a_modal_stays_with_errors_and_changes_with_an_update(slack, app, ann, art):
    answers = [
        {"response_action": "errors", "errors": {"change": "No."}},
        {"response_action": "update", "view": {**FORM, "title": {"type": "plain_text", "text": "Again"}}},
        {"response_action": "errors", "errors": {"nowhere": "No."}},
        {"response_action": "clear"},
    ]

    async def opens(ack, shortcut, client):
        await ack()
        await client.views_open(trigger_id=shortcut["trigger_id"], view=FORM)

    async def answers_in_turn(ack):
        await ack(answers.pop(0))

    app.bolt.shortcut("edit_image")(opens)
    app.bolt.view("edit")(answers_in_turn)
    async with app.by_sockets():
        root = ann.writes(art, "look")
        reply = ann.writes(art, "here", files=[Upload(name="a.png", data=picture())], thread=root)
        await ann.shortcut("edit_image", reply)
        await slack.until(lambda: ann.view)
        await ann.submits(values={"words": "x"})
        assert ann.view.errors == {"change": "No."}
        await ann.submits()  # what was typed is still there
        assert ann.view.title == "Again"
        await ann.submits()
        assert "trouble connecting" in ann.notices[0]
        await ann.submits()
        assert ann.view is None


async def test_app_home_is_published_when_it_is_opened(slack, app, ann):
    async def publishes(event, client):
        text = {"type": "mrkdwn", "text": f"Hello <@{event['user']}>"}
        await client.views_publish(
            user_id=event["user"], view={"type": "home", "blocks": [{"type": "section", "text": text}]}
        )

    app.home = publishes
    async with app.by_sockets():
        await ann.opens_home()
        await slack.until(lambda: ann.home)
    assert ann.home.blocks[0]["text"]["text"] == f"Hello <@{ann.id}>"


async def test_a_button_that_has_just_gone_can_still_be_pressed_by_a_slow_client(slack, app, ann, art):
    pressed = []

    async def notes(ack, action):
        await ack()
        pressed.append(action["value"])

    app.bolt.action("edit")(notes)
    async with app.by_sockets():
        client = client_of(slack)
        card = await client.chat_postMessage(channel=art.id, text="x", blocks=BUTTONS)
        await client.chat_update(channel=art.id, ts=card["ts"], text="done")
        with pytest.raises(CannotDoError, match="no 'edit'"):
            ann.clicks(art.messages[0], "edit")
        await ann.clicks(art.messages[0], "edit", stale={"value": "42"})
    assert pressed == ["42"]
