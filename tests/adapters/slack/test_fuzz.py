"""Whatever Slack sends, signed or over its sockets, the next who speaks is heard: mutated payloads through the real bolt."""

import copy
import json
import logging
import urllib.parse
from random import Random

import aiohttp
import pytest
from hypothesis import settings

from adapters.slack import buttons, inbound
from adapters.slack.connection import CONNECTIONS
from tests.adapters.slack.village import over_http
from tests.emulators.slack import Upload
from tests.mutations import mutated
from tests.world import photos

PAYLOADS = 2 * settings().max_examples
AT_ONCE = 20


async def everything(village):
    """One payload of each kind that members cause, as it came: its type and itself."""
    slack, art, ann, bob = village.slack, village.channel, village.member("ann"), village.member("bob")
    card = await village.imagine(ann, "a fox")
    await village.done()
    answer = village.answers()[0]
    hat = photos.png("hat.png")
    upload = Upload(name=hat.name, data=hat.data, media_type=hat.said_type)
    said = ann.writes(art, "@darkroom make it :snowflake: night", thread=card, files=[upload])
    await village.done()
    await ann.clicks(answer, "edit:0")
    await village.done()
    await ann.submits(values={"prompt": "wear this"}, files=[upload])
    await bob.shortcut(buttons.EDIT_SHORTCUT, said)
    bob.opens_home()
    await village.done()
    found = {(delivery.type, delivery.kind): delivery for delivery in slack.courier.deliveries}
    return [(type_, delivery.payload) for (type_, _), delivery in found.items()]


def renewed(payload, number):
    """The same as if it had just been done: what was heard once is not looked into again."""
    payload = copy.deepcopy(payload)
    if isinstance(payload.get("event"), dict) and "ts" in payload["event"]:
        payload["event"]["ts"] = f"1900000000.{number:06}"
    for name in payload.keys() & {"trigger_id", "event_id"}:
        payload[name] = f"{payload[name]}{number}"
    if "view" in payload:
        payload["view"]["id"] += str(number)
    return payload


async def still_hears(village):
    await village.heard()
    await village.member("cleo").slash("/imagine a hare", village.channel)
    await village.done()
    assert "a hare" in [job.prompt for job in await village.world.jobs()]


async def test_mutated_payloads_over_a_socket_end_nothing(village, caplog):
    caplog.set_level(logging.ERROR)
    known = await everything(village)
    random = Random(5)
    await village.slack.sockets.connected(CONNECTIONS)
    sockets = list(village.slack.sockets.open)
    for number in range(PAYLOADS):
        type_, payload = random.choice(known)
        envelope = {
            "envelope_id": f"fuzz-{number}",
            "type": type_,
            "payload": mutated(renewed(payload, number), random),
        }
        await village.slack.sockets.choose(1)[0].send(envelope if random.random() < 0.9 else mutated(envelope, random))
        if number % AT_ONCE == 0:
            await village.heard()
    await still_hears(village)
    assert list(village.slack.sockets.open) == sockets, "the connections were not even interrupted"
    assert "malformed_envelope" in caplog.text


async def test_mutated_payloads_over_http_end_nothing(village, caplog):
    caplog.set_level(logging.WARNING)
    known = await everything(village)
    random = Random(6)
    poster = village.slack.poster
    async with over_http(village), aiohttp.ClientSession() as session:
        for number in range(PAYLOADS):
            type_, payload = random.choice(known)
            body, kind = posted(type_, mutated(renewed(payload, number), random), random)
            async with session.post(
                village.slack.app.request_url, data=body.encode(), headers=poster.headers(body, type_=kind)
            ) as response:
                # 401: the very body was there before in this second; 404: bolt knows no such kind
                assert response.status in {200, 400, 401, 404}
        await still_hears(village)
    assert "unreadable_request" in caplog.text


def posted(type_, payload, random):
    """As Slack posts it, or with the form itself broken."""
    if type_ == "events_api" or not isinstance(payload, dict):
        body, kind = json.dumps(payload), "application/json"
    else:
        form = payload if type_ == "slash_commands" else {"payload": json.dumps(payload)}
        body, kind = urllib.parse.urlencode(form, errors="replace"), "application/x-www-form-urlencoded"
    match random.randrange(10):
        case 0:
            body = body[: random.randrange(len(body) + 1)]
        case 1:
            kind = random.choice(
                ["text/plain", "application/json", "application/x-www-form-urlencoded", "multipart/x", ""]
            )
        case 2:
            body = "[" * 50_000
    return body, kind


# -- what was found once ------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("frame", ["[]", "null", "7", '"x"', "[" * 50_000, "{", '{"envelope_id": ["x"]}', "\x00"])
async def test_frame_that_is_no_envelope_ends_no_connection(village, frame):
    await village.driver.listening()
    await village.slack.sockets.connected(CONNECTIONS)
    sockets = list(village.slack.sockets.open)
    for socket in sockets:
        await socket._ws.send_str(frame)
    await still_hears(village)
    assert list(village.slack.sockets.open) == sockets


@pytest.mark.parametrize(
    "block",
    [
        {"type": "emoji", "name": "x", "unicode": "zzz"},
        {"type": "emoji", "name": "x", "unicode": "110000"},
        {"type": "emoji", "name": "x", "unicode": "f" * 40},
        {"type": "rich_text", "elements": "words"},
        {"elements": [None, 7, "x", ["y"]]},
    ],
)
def test_blocks_of_no_known_form_do_not_cost_the_words(block):
    event = {"channel": "C1", "ts": "1.0", "user": "U1", "text": "a :x: fox", "blocks": [block]}
    assert inbound.words(event, "U0").split() == ["a", "fox"]
