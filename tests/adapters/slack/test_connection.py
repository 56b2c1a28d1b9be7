"""Does the bot hear, whatever becomes of its connections? Socket Mode and HTTP mode, over the wire."""

import asyncio
from contextlib import suppress

import aiohttp
import pytest
from starlette.applications import Starlette

from adapters.slack import hooks
from adapters.slack.settings import Settings
from adapters.web.heartbeat import Heartbeat
from adapters.web.server import Server
from tests.adapters.slack.village import until
from tests.emulators.slack import Fault

# -- Socket Mode -----------------------------------------------------------------------------------------------------


async def test_two_connections_are_open(village, slack):
    await slack.sockets.connected(2)
    assert len(slack.sockets.open) == 2


@pytest.mark.parametrize("reason", ["refresh_requested", "warning"])
async def test_refresh_of_every_connection_never_leaves_none(village, slack, ann, art, reason):
    await slack.sockets.connected(2)
    old = list(slack.sockets.open)
    began = len(slack.sockets.history)
    await slack.sockets.disconnect(reason)
    await until(lambda: len([socket for socket in slack.sockets.open if socket not in old]) == 2)
    slack.advance(30)
    await until(lambda: not any(socket in slack.sockets.open for socket in old))
    assert min(slack.sockets.history[began:]) >= 2, "a successor comes before its predecessor goes"
    await village.imagine(ann, "a fox")
    assert village.platform.trouble() is None


async def test_connections_that_break_are_made_anew_and_what_was_said_meanwhile_is_found(village, slack, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    await slack.sockets.connected(2)
    old = list(slack.sockets.open)
    slack.sockets.kill()
    await until(lambda: slack.sockets.open and not any(socket in slack.sockets.open for socket in old))
    await village.heard()
    ann.writes(art, "make it blue", thread=card)
    await village.done()
    assert len(village.answers()) == 2


async def test_replies_that_came_while_the_bot_was_down_are_caught_up(village, slack, ann, art):
    card = await village.imagine(ann, "a fox")
    await village.done()
    await village.world.stop()
    slack.courier.lose(2)
    slack.advance(60)
    missed = ann.writes(art, "make it blue", thread=card)
    ann.writes(art, "// only talk", thread=card)
    village.world.advance(60)
    await village.world.start()
    await village.heard()
    await until(lambda: any("hourglass_flowing_sand" in name for name in missed.reactions))
    await village.done()
    assert len(village.answers()) == 2
    assert slack.ledger.count("conversations.replies") <= 2, "one request for each thread"


async def test_too_many_connections_are_waited_for_and_told(make_village):
    village = await make_village()
    await village.slack.sockets.connected(2)
    village.slack.sockets.limit = 0
    village.slack.sockets.kill()
    await village.slack.sockets.gone()
    await until(lambda: "too many connections" in (village.platform.trouble() or ""))


async def test_socket_mode_that_is_switched_off_is_told(village, slack):
    await slack.sockets.connected(2)
    await slack.sockets.disconnect("link_disabled")
    slack.advance(30)
    await until(lambda: "switched off" in (village.platform.trouble() or ""))
    assert "slack" in (await village.app.views.readiness()).problems


async def test_everything_is_acknowledged_known_or_not(village, slack, ann, art):
    slack.app.commands = slack.app.commands | {"/other"}
    slack.app.shortcuts = slack.app.shortcuts | {"another"}
    slack.app.global_shortcuts = frozenset({"everywhere"})
    slack.app.events = slack.app.events | {
        "reaction_added",
        "file_deleted",
        "member_joined_channel",
        "message.channels",
    }
    card = await village.imagine(ann, "a fox")
    talk = ann.writes(art, "hello")
    deeds = [ann.slash("/other thing", art), ann.shortcut("another", talk), ann.shortcut("everywhere")]
    ann.reacts(talk, "tada")
    await ann.opens_home()
    await village.heard()
    assert [await deed is not None for deed in deeds] == [True] * 3
    payload = {**slack.courier.of("/imagine")[0].payload, "type": "block_actions"}
    assert payload
    await village.done()
    assert all(delivery.ack for delivery in slack.courier.deliveries), [
        d for d in slack.courier.deliveries if not d.ack
    ]
    assert slack.courier.late == []
    assert village.state(card) == "Done"


async def test_home_shows_how_to_and_the_members_pictures_with_links(village, slack, ann):
    card = await village.imagine(ann, "a fox & a <hen>")
    await village.done()
    [answer] = village.answers()
    await ann.opens_home()
    await village.heard()
    shown = str(ann.home.blocks)
    assert f"/archives/{answer.channel.id}/p{answer.ts.replace('.', '')}?thread_ts={card.ts}" in shown
    assert "a fox &amp; a &lt;hen&gt;" in shown
    assert "You can ask for 3 more pictures right now." in shown


async def test_nothing_can_be_smuggled_in_by_a_prompt(village, slack, ann, art):
    await village.heard()
    prompt = "<!channel> <@U000000001> <https://evil.example|click> https://evil.example & *bold* @channel #general"
    card = await village.imagine(ann, prompt)
    await village.done()
    [answer] = village.answers()
    for message in (card, answer):
        assert slack.pinged(message) <= {ann.id}
        assert [link for link in slack.links(message) if "evil" in link] == []


async def test_slack_that_cannot_be_reached_at_the_start_is_asked_again(make_village, monkeypatch):
    village = await make_village()
    village.slack.inject(Fault(kind="drop", method="auth.test", times=1))
    await village.world.restart()
    await until(lambda: "cannot be reached" in (village.platform.trouble() or ""))
    await until(lambda: village.platform.trouble() is None)


# -- HTTP mode -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def http(make_village):
    """A village whose Slack posts to the bot's own server."""
    village = await make_village()
    village.driver.settings = {
        "slack_app_token": None,
        "slack_signing_secret": village.slack.signing_secret,
        "http_port": 1,
    }
    village.slack.app.socket_mode = False
    await village.world.restart()
    server = Server(Starlette(routes=village.platform.routes()), host="127.0.0.1", ports=[0], heartbeat=Heartbeat())
    serving = asyncio.create_task(server.run())
    village.slack.app.request_url = f"{await server.started()}{hooks.PATH}"
    await village.platform.workspace.identity()
    yield village
    serving.cancel()
    await asyncio.gather(serving, return_exceptions=True)


async def test_everything_works_over_http(http):
    ann = http.member("ann")
    assert await http.slack.poster.verify_url()
    await ann.slash("/imagine a fox", http.channel)
    await http.done()
    [card] = http.cards()
    ann.writes(http.channel, "make it blue", thread=card)
    await http.done()
    fox, _ = http.answers()
    await ann.clicks(fox, "edit:0")
    await http.heard()
    await ann.submits(values={"prompt": "make it red"})
    await http.done()
    assert len(http.answers()) == 3
    assert [delivery for delivery in http.slack.courier.deliveries if not delivery.ack] == []


async def test_wrong_old_and_replayed_signatures_are_refused(http):
    slack, ann = http.slack, http.member("ann")
    delivery = ann.slash("/imagine a fox", http.channel)
    await delivery
    await http.done()
    body, kind = slack.poster.body(delivery)
    good = slack.poster.headers(body, type_=kind, at=slack.clock.now() + 1)
    wrong = slack.poster.headers(body, type_=kind, secret="another-secret")
    old = slack.poster.headers(body, type_=kind, at=slack.clock.now() - 360)
    async with aiohttp.ClientSession() as session:

        async def status(headers):
            async with session.post(slack.app.request_url, data=body, headers=headers) as response:
                return response.status

        assert await status({}) == 401
        assert await status(wrong) == 401
        assert await status(old) == 401
        assert await status(good) == 200
        assert await status(good) == 401, "a replay"
        assert await status({**good, "X-Slack-Retry-Num": "1"}) == 200, "Slack's own retry of the same second"
    await http.done()
    assert http.paid() == 1


async def test_what_is_not_signed_is_not_looked_into(http):
    slack = http.slack
    bodies = [b"{bad", b"\xff\xfe", b"payload=notjson", b"payload=[1]", b"ssl_check=1&token=x", b""]
    headers = [
        {},
        {"X-Slack-Signature": "v0=\u00e9", "X-Slack-Request-Timestamp": str(int(slack.clock.now()))},
        {"X-Slack-Signature": "v0=00", "X-Slack-Request-Timestamp": "soon"},
    ]
    async with aiohttp.ClientSession() as session:
        for body in bodies:
            for each in headers:
                async with session.post(slack.app.request_url, data=body, headers=each) as response:
                    assert (response.status, await response.text()) == (401, "not signed by Slack")
        async with session.post(
            slack.app.request_url, data=b"{}", headers=slack.poster.headers(b"{bad", type_="application/json")
        ) as response:
            assert response.status == 401


async def test_body_that_is_larger_than_any_of_slacks_is_not_read_to_its_end(http):
    sent = 0

    async def endless():
        nonlocal sent
        while sent < 200 * hooks.MOST_BYTES:
            sent += 65_536
            yield bytes(65_536)

    async with aiohttp.ClientSession() as session:
        with suppress(aiohttp.ClientError):  # the connection may end before the answer is read
            async with session.post(http.slack.app.request_url, data=endless()) as response:
                assert response.status == 413
    assert sent < 20 * hooks.MOST_BYTES


async def test_copies_that_arrive_together_are_taken_up_once(http):
    ann = http.member("ann")
    with http.slack.courier.hold() as held:
        delivery = ann.slash("/imagine a fox", http.channel)
        body, kind = http.slack.poster.body(delivery)
        headers = http.slack.poster.headers(body, type_=kind, at=http.slack.clock.now())
        async with aiohttp.ClientSession() as session:

            async def status():
                async with session.post(http.slack.app.request_url, data=body, headers=headers) as response:
                    return response.status

            assert sorted(await asyncio.gather(*(status() for _ in range(5)))) == [200, 401, 401, 401, 401]
    await held.release()
    await http.done()
    assert http.paid() == 1


def test_socket_mode_mounts_nothing_and_http_mode_one_address(village):
    assert village.platform.routes() == []
    assert Settings(slack_signing_secret="test-secret").mode.value == "HTTP mode"
