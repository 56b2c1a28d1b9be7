"""Are tokens, scopes and bodies judged as Slack judges them, and do limits and faults strike as they should?"""

import asyncio
import dataclasses
import json

import aiohttp
import aiohttp.web
import pytest
from slack_sdk.errors import SlackApiError
from slack_sdk.http_retry.builtin_interval_calculators import FixedValueRetryIntervalCalculator
from slack_sdk.web.async_client import AsyncWebClient

from tests.emulators.slack import Fault, Upload
from tests.emulators.slack_tests.asking import SECTION, raw, refused
from tests.emulators.slack_tests.echo import SILENT, client_of, picture


async def test_tokens_are_judged(slack, client, art):
    assert (await raw(slack, "auth.test", token=False))["error"] == "not_authed"
    await refused(client_of(slack, "xoxb-another").auth_test(), "invalid_auth")
    await refused(
        client_of(slack, slack.app_token).chat_postMessage(channel=art.id, text="x"), "not_allowed_token_type"
    )
    await refused(client.apps_connections_open(app_token=slack.bot_token), "not_allowed_token_type")
    slack.bot.standing = "token_revoked"
    await refused(client.auth_test(), "token_revoked")
    slack.bot.standing = "account_inactive"
    await refused(client.auth_test(), "account_inactive")


async def test_a_missing_scope_is_named_with_those_that_are_there(slack, client, art):
    slack.bot.scopes = {"commands", "files:read"}
    answer = await refused(client.chat_postMessage(channel=art.id, text="x"), "missing_scope")
    assert answer["needed"] == "chat:write"
    assert answer["provided"] == "commands,files:read"
    assert art.messages == []


async def test_the_granted_scopes_are_in_the_headers_of_an_answer(slack, client):
    answer = await client.auth_test()
    assert set(answer.headers["X-OAuth-Scopes"].split(",")) == slack.bot.scopes


async def test_query_form_and_json_are_merged_and_reading_methods_ignore_json(slack, art):
    url = f"chat.postMessage?channel={art.id}"
    assert (await raw(slack, url, json={"text": "by json"}))["ok"]
    assert (await raw(slack, url, data={"text": "by form"}))["ok"]
    assert (await raw(slack, url + "&text=by+query", verb="GET"))["ok"]
    blocks = json.dumps([SECTION])
    assert (await raw(slack, url, data={"text": "with blocks", "blocks": blocks}))["message"]["blocks"][0]["type"]
    assert [m.text for m in art.messages] == ["by json", "by form", "by query", "with blocks"]
    ignored = await raw(slack, "conversations.info", json={"channel": art.id})
    assert ignored["error"] == "invalid_arguments"
    assert ignored["response_metadata"]["messages"] == ["[ERROR] missing required field: channel"]


async def test_bodies_that_cannot_be_read_are_refused(slack, art):
    kind = {"Content-Type": "application/json; charset=utf-8"}
    assert (await raw(slack, "chat.postMessage", data="{", headers=kind))["error"] == "invalid_json"
    assert (await raw(slack, "chat.postMessage", data="[]", headers=kind))["error"] == "json_not_object"
    kind = {"Content-Type": "text/plain"}
    assert (await raw(slack, "chat.postMessage", data="x", headers=kind))["error"] == "invalid_post_type"
    assert (await raw(slack, "chat.paint"))["error"] == "unknown_method"
    warned = await raw(slack, "chat.postMessage", json={"channel": art.id, "text": "x"})
    assert warned["warning"] == "missing_charset"
    by_token = {"token": slack.bot_token, "text": "x", "channel": art.id}
    assert (await raw(slack, "chat.postMessage", token=False, data=by_token))["ok"]
    assert (await raw(slack, "chat.postMessage", token=False, json=by_token))["error"] == "not_authed"


async def test_one_message_a_second_and_channel(slack, client, ann, art):
    slack.rates.enforced = True
    hall = slack.channel("hall", ann)
    await client.chat_postMessage(channel=art.id, text="1")
    with pytest.raises(SlackApiError) as refusal:
        await client.chat_postMessage(channel=art.id, text="2")
    assert refusal.value.response.headers["Retry-After"] == "1"
    await client.chat_postMessage(channel=hall.id, text="3")
    slack.advance(1)
    await client.chat_postMessage(channel=art.id, text="4")
    slack.rates.burst = 3
    slack.advance(3)
    for _ in range(3):
        await client.chat_postMessage(channel=art.id, text="5")
    with pytest.raises(SlackApiError, match="ratelimited"):
        await client.chat_postMessage(channel=art.id, text="6")


async def test_tiers_are_counted_by_method(slack, client, ann, art):
    slack.rates.enforced = True
    card = await client.chat_postMessage(channel=art.id, text="x")
    for _ in range(50):
        await client.chat_update(channel=art.id, ts=card["ts"], text="x")
    with pytest.raises(SlackApiError) as refusal:
        await client.chat_update(channel=art.id, ts=card["ts"], text="x")
    assert 50 <= int(refusal.value.response.headers["Retry-After"]) <= 60
    await client.files_getUploadURLExternal(filename="a", length=1)
    slack.advance(60)
    await client.chat_update(channel=art.id, ts=card["ts"], text="x")


async def test_the_ledger_keeps_no_token(slack, client, art):
    await client.chat_postMessage(channel=art.id, text="x")
    async with aiohttp.ClientSession() as session:
        await session.post(f"{slack.api_url}auth.test", data={"token": slack.bot_token})
    assert slack.bot_token not in repr([dataclasses.asdict(exchange) for exchange in slack.ledger])
    assert slack.ledger.find("chat.postMessage")[0].token == "bot"


async def test_a_limit_says_how_long_to_wait_and_has_no_effect(slack, client, art):
    slack.inject(Fault(kind="ratelimited", method="chat.postMessage", retry_after=30))
    with pytest.raises(SlackApiError) as refusal:
        await client.chat_postMessage(channel=art.id, text="x")
    assert refusal.value.response.status_code == 429
    assert refusal.value.response.headers["Retry-After"] == "30"
    assert refusal.value.response.data["error"] == "ratelimited"
    assert art.messages == []
    await client.chat_postMessage(channel=art.id, text="y")


@pytest.mark.parametrize("kind", ["reset", "drop", "status", "html", "error"])
@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_call_fails_before_or_after_its_effect(slack, client, art, kind, when):
    slack.inject(Fault(kind=kind, method="chat.postMessage", when=when))
    with pytest.raises((SlackApiError, aiohttp.ClientError)):
        await client.chat_postMessage(channel=art.id, text="x")
    assert len(art.messages) == (when == "after")
    assert slack.pending_faults == []
    (call,) = slack.calls("chat.postMessage")
    assert call.fault == kind


async def test_the_sdks_own_retry_posts_twice_when_only_the_answer_was_lost(slack, art):
    careless = AsyncWebClient(token=slack.bot_token, base_url=slack.api_url, logger=SILENT)
    (retries,) = careless.retry_handlers  # of connection errors: what the SDK does unless told otherwise
    retries.interval_calculator = FixedValueRetryIntervalCalculator(fixed_internal=0)
    slack.inject(Fault(kind="reset", method="chat.postMessage", when="after"))
    await careless.chat_postMessage(channel=art.id, text="x")
    assert len(art.messages) == 2


async def test_a_fault_strikes_only_what_it_is_meant_for(slack, client, ann, art):
    other = slack.channel("other", ann)
    slack.inject(
        Fault(kind="error", error="fatal_error", method="chat.postMessage", where={"channel": other.id}, times=2),
        Fault(kind="error", method="chat.postMessage", match=lambda args: "hen" in args["text"], times=None),
    )
    await client.chat_postMessage(channel=art.id, text="fox")
    for _ in range(2):
        with pytest.raises(SlackApiError, match="fatal_error"):
            await client.chat_postMessage(channel=other.id, text="fox")
    await client.chat_postMessage(channel=other.id, text="fox")
    with pytest.raises(SlackApiError, match="internal_error"):
        await client.chat_postMessage(channel=art.id, text="hen")
    slack.clear()
    await client.chat_postMessage(channel=art.id, text="hen")


async def test_a_slow_answer_waits_for_the_clock_and_a_silent_one_for_the_caller(slack, client, art):
    slack.clock.stop()
    slack.inject(Fault(kind="slow", delay=20, when="after"), Fault(kind="hang"))
    posting = asyncio.create_task(client.chat_postMessage(channel=art.id, text="x"))
    await slack.until(lambda: art.messages)
    assert not posting.done()
    slack.advance(20)
    await posting
    with pytest.raises(TimeoutError):
        await asyncio.wait_for(client.chat_postMessage(channel=art.id, text="y"), 0.05)
    assert len(art.messages) == 1


async def test_uploads_and_downloads_fail_too(slack, client, ann, art):
    slack.inject(Fault(kind="status", method="(upload)", status=500))
    with pytest.raises(Exception, match="500"):
        await client.files_upload_v2(content=picture(), filename="a.png", channel=art.id)
    post = ann.writes(art, files=[Upload(name="a.png", data=picture())])
    url = (await client.files_info(file=post.files[0].id))["file"]["url_private"]
    slack.inject(
        Fault(kind="cut", method="(download)"),
        Fault(kind="html", method="(download)"),
        Fault(kind="huge", method="(download)", size=1_000_000),
    )
    async with aiohttp.ClientSession(headers={"Authorization": f"Bearer {slack.bot_token}"}) as session:
        with pytest.raises(aiohttp.ClientPayloadError):
            await (await session.get(url)).read()
        async with session.get(url) as page:
            assert (page.status, page.content_type) == (200, "text/html")
        async with session.get(url) as flood:
            assert len(await flood.content.readexactly(500_000)) == 500_000
        async with session.get(url) as answer:
            assert await answer.read() == picture()


async def test_an_address_that_is_too_long_is_refused_whoever_reads_it(slack, client):
    """The SDK puts the alt text into the query, where each letter of no Latin script takes nine characters."""
    asked = client.files_getUploadURLExternal
    assert (await asked(filename="a.png", length=1, alt_txt="\N{CJK UNIFIED IDEOGRAPH-72D0}" * 800))["ok"]
    with pytest.raises(SlackApiError) as caught:
        await asked(filename="a.png", length=1, alt_txt="\N{CJK UNIFIED IDEOGRAPH-72D0}" * 890)
    assert caught.value.response.status_code == 414


@pytest.mark.parametrize("when", ["before", "after"])
async def test_a_call_can_be_held_before_or_after_its_effect(slack, client, art, when):
    held = Fault(kind="hold", method="chat.postMessage", when=when, times=None)
    slack.inject(held)
    posting = [asyncio.create_task(client.chat_postMessage(channel=art.id, text="x")) for _ in range(2)]
    await held.arrived(2)
    assert len(art.messages) == (2 if when == "after" else 0)
    held.release()
    await asyncio.gather(*posting)
    await client.chat_postMessage(channel=art.id, text="y")
    assert len(art.messages) == 3


async def test_an_app_level_token_needs_its_own_scope(slack, client):
    slack.app.app_scopes = frozenset()
    answer = await refused(client.apps_connections_open(app_token=slack.app_token), "missing_scope")
    assert answer["needed"] == "connections:write"
