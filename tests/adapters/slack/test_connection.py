"""Does the bot hear, whatever becomes of its connections? Socket Mode and HTTP mode, over the wire."""

import asyncio
from contextlib import suppress

import aiohttp
import pytest

from adapters.slack import hooks, wording
from adapters.slack.settings import Settings
from bot.ports import StoreBusy
from tests.adapters.slack.village import over_http, until
from tests.chaos.seen_on_slack import told_instead
from tests.emulators.slack import Fault, Upload, interactions

# -- Socket Mode -----------------------------------------------------------------------------------------------------


async def test_two_connections_are_open(village, slack, caplog):
    await slack.sockets.connected(2)
    assert len(slack.sockets.open) == 2
    assert any("'mode': 'Socket Mode'" in record.getMessage() for record in caplog.records)


async def test_scopes_that_the_token_lacks_are_named_at_the_start(village, slack, caplog):
    slack.bot.scopes -= {"files:read", "im:write"}
    await village.world.restart()
    await village.heard()
    assert any("['files:read', 'im:write']" in record.getMessage() for record in caplog.records)


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


async def test_too_many_connections_are_waited_for_and_told(make_village):
    village = await make_village()
    await village.slack.sockets.connected(2)
    village.slack.sockets.limit = 0
    village.slack.sockets.kill()
    await village.slack.sockets.gone()
    await until(lambda: "too many connections" in (village.platform.trouble() or ""))


async def test_connection_that_was_one_too_many_is_made_again_after_a_pause(village, slack):
    await slack.sockets.connected(2)
    one, other = slack.sockets.open
    began, at = len(slack.sockets.history), slack.clock.ticks()
    await slack.sockets.disconnect("too_many_websockets", one)
    await until(lambda: len(slack.sockets.open) == 2 and one not in slack.sockets.open)
    assert other in slack.sockets.open
    assert min(slack.sockets.history[began:]) == 1, "the other one hears meanwhile"
    assert slack.clock.ticks() - at >= 60
    assert village.platform.trouble() is None


async def test_socket_mode_that_is_switched_off_is_told(village, slack):
    await slack.sockets.connected(2)
    await slack.sockets.disconnect("link_disabled")
    slack.advance(30)
    await until(lambda: "switched off" in (village.platform.trouble() or ""))
    assert "slack" in (await village.app.views.readiness()).problems


def foreign_window(slack, member, kind):
    """A window that this app has never opened, sent off or closed."""
    payload = interactions.submission(slack._core, member.view)
    view = payload["view"] | {"callback_id": "another", "private_metadata": "", "id": "V0ANOTHER"}
    return slack.courier.send(slack.bot, "interactive", payload | {"type": kind, "view": view})


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
    await ann.slash("/imagine", art)
    await village.heard()
    deeds = [
        ann.slash("/other thing", art),
        ann.shortcut("another", talk),
        ann.shortcut("everywhere"),
        ann.clicks(card, "mystery", stale={"value": "x"}),  # a button of an older version of this app
        ann.clicks(card, "edit:0", stale={"value": "../x"}),
        foreign_window(slack, ann, "view_submission"),
        foreign_window(slack, ann, "view_closed"),
    ]
    ann.reacts(talk, "tada")
    await ann.opens_home()
    await village.heard()
    assert [await deed is not None for deed in deeds] == [True] * len(deeds)
    await village.done()
    assert all(delivery.ack for delivery in slack.courier.deliveries), [
        d for d in slack.courier.deliveries if not d.ack
    ]
    assert slack.courier.late == []
    assert village.state(card) == "Done"


class SlowStore:
    """A store that accepts nothing before `go`."""

    def __init__(self, store):
        self._store = store
        self.asked = 0
        self.go = asyncio.Event()

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def add(self, *args, **kwargs):
        self.asked += 1
        await self.go.wait()
        return await self._store.add(*args, **kwargs)


async def test_nothing_is_acknowledged_before_it_is_stored(make_village):
    """Slack never delivers again what was acknowledged: a process that died in between would lose it for good."""
    stores = []

    def slow(name, made):
        if name != "store":
            return made
        stores.append(SlowStore(made))
        return stores[-1]

    village = await make_village(wrap=slow)
    await village.heard()
    ann = village.member("ann")
    command = ann.slash("/imagine a fox", village.channel)
    said = ann.writes(village.channel, "@darkroom a hen")
    await until(lambda: stores[0].asked == 2)
    assert [delivery.ack for delivery in (command, *said.deliveries) if delivery.kind != "app_mention"] == [None, None]
    stores[0].go.set()
    await village.done()
    assert len(village.answers()) == 2
    assert all(delivery.ack for delivery in said.deliveries)


class BusyStore:
    """A store that cannot show a page the first time."""

    def __init__(self, store):
        self._store = store
        self._was_busy = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def turn(self, job_id):
        if not self._was_busy:
            self._was_busy = True
            raise StoreBusy("The database cannot be reached.")
        return await self._store.turn(job_id)


async def test_store_that_is_busy_after_the_acknowledgement_is_no_bug_and_the_card_comes_later(make_village, caplog):
    village = await make_village(wrap=lambda name, made: BusyStore(made) if name == "store" else made)
    await village.heard()
    await village.member("ann").slash("/imagine a fox", village.channel)
    await village.done()
    assert len(village.cards()) == 1
    assert not [record for record in caplog.records if "'event': 'bug" in record.getMessage()]
    assert any("not_finished" in record.getMessage() for record in caplog.records)


class AwayStore:
    """A store that can be away."""

    def __init__(self, store):
        self._store = store
        self.away = False

    def __getattr__(self, name):
        return getattr(self._store, name)

    async def conversation(self, conversation_id):
        if self.away:
            raise StoreBusy("The database cannot be reached.")
        return await self._store.conversation(conversation_id)


async def test_who_presses_while_the_store_is_away_is_acknowledged_and_told_in_private(make_village):
    stores = []

    def wrap(name, made):
        if name == "store":
            stores.append(made := AwayStore(made))
        return made

    village = await make_village(wrap=wrap)
    await village.heard()
    ann = village.member("ann")
    await village.imagine(ann, "a fox")
    await village.done()
    [answer] = village.answers()
    stores[0].away = True
    press = ann.clicks(answer, "again:0")
    assert (await press).payload is None
    await village.heard()
    stores[0].away = False
    await village.done()
    assert len(village.answers()) == 1, "nothing was accepted"
    assert ann.told == [wording.busy()]
    assert told_instead(press, ann, village.slack.courier.deliveries) == wording.busy()


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


async def test_home_of_somebody_without_pictures_says_how_to_begin(village, slack, ann):
    await village.heard()
    await ann.opens_home()
    await village.heard()
    shown = str(ann.home.blocks)
    assert "How to use me" in shown
    assert "None yet. Begin with `/imagine` in a channel." in shown
    await ann.opens_home("messages")
    await village.heard()
    assert slack.ledger.count("views.publish") == 1, "the other tab is no page of ours"


async def test_nothing_can_be_smuggled_in_by_a_prompt(village, slack, ann, art):
    await village.heard()
    prompt = "<!channel> <@U000000001> <https://evil.example|click> https://evil.example & *bold* @channel #general"
    card = await village.imagine(ann, prompt)
    await village.done()
    [answer] = village.answers()
    for message in (card, answer):
        assert slack.pinged(message) <= {ann.id}
        assert [link for link in slack.links(message) if "evil" in link] == []


async def test_nothing_can_be_smuggled_in_by_the_name_of_a_file(village, slack, ann, art):
    await village.heard()
    name = "<!channel> <@U000000001> <https:evil.example|click> & @here.png"
    broken, letter = (
        Upload(name=name, data=b"\x89PNG nothing"),
        Upload(name=name, data=b"%PDF", media_type="application/pdf"),
    )
    for file in (broken, letter):
        ann.writes(art, "@darkroom a fox like this", files=[file])
        await village.done()
    [answer] = village.answers()
    [sentence] = ann.ephemerals
    for message in (answer, sentence):
        assert "evil" in ann.reads(message)
        assert slack.pinged(message) <= {ann.id}
        assert [link for link in slack.links(message) if "evil" in link] == []


async def test_slack_that_cannot_be_reached_at_the_start_is_asked_again(make_village, monkeypatch):
    village = await make_village()
    village.slack.inject(Fault(kind="drop", method="auth.test", times=None))
    await village.world.restart()
    await until(lambda: "cannot be reached" in (village.platform.trouble() or ""))
    village.slack.clear()
    await until(lambda: village.platform.trouble() is None)


# -- HTTP mode -------------------------------------------------------------------------------------------------------


@pytest.fixture
async def http(village):
    async with over_http(village):
        yield village


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


async def test_what_slack_posts_again_counts_once(http):
    """With a signature of its own each time, as a minute later, and the headers of a retry."""
    slack, ann = http.slack, http.member("ann")
    command = ann.slash("/imagine a fox", http.channel)
    await http.done()
    [card] = http.cards()
    message = ann.writes(http.channel, "make it blue", thread=card)
    await http.done()
    earlier = slack.poster.time
    for later in (5, 60):
        slack.poster.time = lambda later=later: earlier() + later
        for delivery in (command, *message.deliveries):
            assert await slack.courier.again(delivery, "http_timeout") is not None
        await http.done()
    assert http.paid() == 2
    assert (len(http.cards()), len(http.answers())) == (1, 2)


async def test_wrong_old_and_replayed_signatures_are_refused_and_the_owner_is_told_once_what_may_be_wrong(http, caplog):
    slack, ann = http.slack, http.member("ann")
    delivery = ann.slash("/imagine a fox", http.channel)
    await delivery
    await http.done()
    body, kind = slack.poster.body(delivery)
    good = slack.poster.headers(body, type_=kind, at=slack.poster.time() + 1)
    wrong = slack.poster.headers(body, type_=kind, secret="another-secret")
    old = slack.poster.headers(body, type_=kind, at=slack.poster.time() - 360)
    async with aiohttp.ClientSession() as session:

        async def status(headers):
            async with session.post(slack.app.request_url, data=body, headers=headers) as response:
                return response.status

        assert await status({}) == 401
        assert await status(wrong) == 401
        told = [
            record for record in caplog.records if "SLACK_SIGNING_SECRET is not that of the app" in record.getMessage()
        ]
        assert len(told) == 1, "nobody can fill the log with it"
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
        {"X-Slack-Signature": "v0=\u00e9", "X-Slack-Request-Timestamp": str(int(slack.poster.time()))},
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
        headers = http.slack.poster.headers(body, type_=kind)
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
