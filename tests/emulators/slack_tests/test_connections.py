"""Do both kinds of connection carry everything, once each, and end as Slack ends them?"""

import json

import aiohttp
import aiohttp.web
import pytest
from slack_sdk.errors import SlackApiError

from tests.emulators.slack import App, CannotDoError, SlackEmulator
from tests.emulators.slack.poster import Poster
from tests.emulators.slack_tests.echo import client_of

BUTTONS = [
    {
        "type": "actions",
        "elements": [
            {"type": "button", "action_id": "edit", "text": {"type": "plain_text", "text": "Edit"}, "value": "42"},
            {"type": "button", "action_id": "again", "text": {"type": "plain_text", "text": "Try again"}},
        ],
    }
]


async def acks(ack):
    await ack()


async def test_each_event_goes_to_exactly_one_of_two_sockets(slack, app, ann, art):
    async with app.by_sockets(2):
        posts = [ann.writes(art, f"number {n}") for n in range(6)]
        await app.has_heard(6)
        await slack.quiet()
    assert sorted(b["event"]["text"] for b in app.heard) == [f"number {n}" for n in range(6)]
    assert {post.deliveries[0].attempts[0].via for post in posts} == {"socket-1", "socket-2"}


async def test_a_refresh_leaves_no_moment_without_a_socket_if_there_are_two(slack, app, ann, art):
    async with app.by_sockets(2):
        first = slack.sockets.open[0]
        before = len(slack.sockets.history)
        await slack.sockets.disconnect("refresh_requested", first)
        await slack.until(lambda: first not in slack.sockets.open and len(slack.sockets.open) == 2)
        assert min(slack.sockets.history[before:]) == 1
        ann.writes(art, "still there?")
        await app.has_heard(1)


async def test_http_mode_is_signed_and_carries_events_commands_and_interactions(slack, app, ann, art):
    async def answers(ack):
        await ack("Queued.")

    app.on_command(answers)
    app.bolt.action("again")(acks)
    async with app.by_http():
        assert await slack.poster.verify_url()
        post = ann.writes(art, "hello @darkroom")
        await app.has_heard(2)
        ack = await ann.slash("/imagine a fox & hen", art)
        assert ack.via == "http"
        await client_of(slack).chat_postMessage(channel=art.id, text="x", blocks=BUTTONS)
        assert await ann.clicks(art.messages[-1], "again")
        await slack.quiet()
    assert ann.told == ["Queued."]
    assert all(delivery.ack for delivery in post.deliveries)


async def test_http_mode_refuses_what_slack_has_not_signed_just_now(slack, app, ann, art):
    async with app.by_http() as url, aiohttp.ClientSession() as session:
        body, type_ = Poster.body(ann.writes(art, "hello").deliveries[0])
        await app.has_heard(1)
        headers = [
            slack.poster.headers(body, type_=type_),
            slack.poster.headers(body, type_=type_, secret="another"),
            slack.poster.headers(body, type_=type_, at=slack.clock.now() - 360),
        ]
        statuses = []
        for each in headers:
            async with session.post(url, data=body, headers=each) as answer:
                statuses.append(answer.status)
    assert statuses == [200, 401, 401]


async def test_http_mode_sends_again_with_the_reason(slack, app, ann, art):
    async with app.by_http() as url:
        slack.app.request_url = url.replace("/slack/events", "/nowhere")
        sent = ann.writes(art, "hello").deliveries[0]
        await slack.until(lambda: len(sent.attempts) == 2 and sent.attempts[1].failure)
        slack.app.request_url = url
        slack.advance(60)
        await app.has_heard(1)
        await slack.quiet()
    assert [attempt.failure for attempt in sent.attempts] == ["http_error", "http_error", None]
    assert app.retries == ["2"]


async def test_an_app_gets_only_what_its_manifest_asks_for():
    manifest = {
        "display_information": {"name": "Darkroom"},
        "features": {
            "bot_user": {"display_name": "Darkroom"},
            "slash_commands": [{"command": "/imagine"}],
            "shortcuts": [{"name": "Edit", "type": "message", "callback_id": "edit_image"}],
        },
        "oauth_config": {"scopes": {"bot": ["commands", "chat:write"]}},
        "settings": {"socket_mode_enabled": True, "event_subscriptions": {"bot_events": ["message.channels"]}},
    }
    slack = SlackEmulator(App.of_manifest(manifest))
    async with slack.serve():
        ann = slack.member("ann")
        art = slack.channel("art", ann)
        assert ann.writes(art, "no scope").deliveries == []
        with pytest.raises(CannotDoError, match="no home tab"):
            ann.opens_home()
        with pytest.raises(CannotDoError, match="interactivity"):
            ann.clicks(_posted(slack, art), "again")
        assert slack.bot.user.name == "darkroom"


def _posted(slack, channel):
    return slack._core.wall.say(slack.bot, channel, "x", blocks=json.loads(json.dumps(BUTTONS)))


async def test_the_app_hears_that_it_was_removed_and_its_token_is_dead(slack, app):
    async with app.by_sockets():
        slack.uninstall()
        await app.has_heard(2)
    assert {b["event"]["type"] for b in app.heard} == {"app_uninstalled", "tokens_revoked"}
    with pytest.raises(SlackApiError, match="account_inactive"):
        await client_of(slack).auth_test()


async def test_a_socket_whose_network_fails_is_replaced(slack, app, ann, art):
    async with app.by_sockets() as handlers:
        slack.sockets.kill()
        await slack.sockets.gone()
        await handlers[0].client.connect_to_new_endpoint(force=True)
        await slack.sockets.connected()
        ann.writes(art, "back again")
        await app.has_heard(1)


async def test_a_warning_is_followed_by_a_refresh_and_then_by_the_end(slack, wire):
    slack.clock.stop()
    socket = await wire()
    await socket.next()
    await slack.sockets.disconnect("warning")
    assert (await socket.next())["reason"] == "warning"
    slack.advance(10)
    assert (await socket.next())["reason"] == "refresh_requested"
    slack.advance(10)
    assert await socket.ended()
    await slack.sockets.gone()


async def test_an_address_of_a_socket_works_once_and_not_for_long(slack, client):
    first, second = [(await client.apps_connections_open(app_token=slack.app_token))["url"] for _ in range(2)]
    async with aiohttp.ClientSession() as session:
        ws = await session.ws_connect(first)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(first)
        slack.advance(31)
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(second)
        await ws.close()


async def test_after_a_restart_sockets_and_addresses_are_gone_and_events_come_again(slack, client, wire, ann, art):
    slack.clock.stop()
    socket = await wire()
    await socket.next()
    address = (await client.apps_connections_open(app_token=slack.app_token))["url"]
    sent = ann.writes(art, "hello").deliveries[0]
    frame = await socket.next()
    slack.restart()
    assert await sent is None
    await slack.sockets.gone()
    async with aiohttp.ClientSession() as session:
        with pytest.raises(aiohttp.WSServerHandshakeError):
            await session.ws_connect(address)
    socket = await wire()
    await socket.next()
    await socket.acks(frame)
    await slack.until(lambda: slack.courier.late == [frame["envelope_id"]])
    slack.advance(60)
    again = await socket.next()
    assert again["payload"] == frame["payload"]
    await socket.acks(again)
    await slack.quiet()
    assert sent.ack
    assert [attempt.failure for attempt in sent.attempts] == ["connection_failed", "connection_failed", None]


async def test_there_are_no_more_sockets_than_ten(slack, wire):
    ten = [await wire() for _ in range(10)]
    assert [(await each.next())["type"] for each in ten] == ["hello"] * 10
    eleventh = await wire()
    frame = await eleventh.next()
    assert (frame["type"], frame["reason"]) == ("disconnect", "too_many_websockets")
    assert await eleventh.ended()


async def test_socket_mode_can_be_turned_off(slack, wire, ann, art):
    socket = await wire()
    await socket.next()
    await slack.sockets.disconnect("link_disabled")
    assert (await socket.next())["reason"] == "link_disabled"
    assert (await (await wire()).next())["reason"] == "link_disabled"
    assert await ann.writes(art, "anybody?").deliveries[0] is None


async def test_http_attempts_can_be_waved_off(slack, ann, art):
    async def refuses(_request):
        return aiohttp.web.Response(status=500, headers={"X-Slack-No-Retry": "1"})

    server = aiohttp.web.Application()
    server.router.add_post("/", refuses)
    runner = aiohttp.web.AppRunner(server)
    await runner.setup()
    await aiohttp.web.TCPSite(runner, "127.0.0.1", 0).start()
    slack.app.socket_mode = False
    slack.app.request_url = f"http://127.0.0.1:{runner.addresses[0][1]}/"
    sent = ann.writes(art, "hello").deliveries[0]
    assert await sent is None
    await slack.quiet()
    await runner.cleanup()
    assert [attempt.failure for attempt in sent.attempts] == ["no_retry"]
