"""Are blocks and views that break a rule refused in words that name the rule?"""

import aiohttp
import aiohttp.web
import pytest

from tests.emulators.slack_tests.asking import BUTTON, INPUT, MODAL, SECTION, refused, trigger


@pytest.mark.parametrize(
    ("blocks", "complaint"),
    [
        ([SECTION] * 51, "no more than 50 items allowed [json-pointer:/blocks]"),
        ([{"type": "poem"}], "unsupported type: poem [json-pointer:/blocks/0/type]"),
        ([{"type": "section"}], "missing required field: text or fields [json-pointer:/blocks/0]"),
        (
            [{"type": "section", "text": {"type": "mrkdwn", "text": "x" * 3001}}],
            "must be less than 3001 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            [{"type": "section", "text": {"type": "mrkdwn", "text": ""}}],
            "must be more than 0 characters [json-pointer:/blocks/0/text/text]",
        ),
        (
            [{"type": "header", "text": {"type": "mrkdwn", "text": "x"}}],
            "unsupported type: mrkdwn [json-pointer:/blocks/0/text/type]",
        ),
        ([{**SECTION, "colour": "red"}], "invalid additional property: colour [json-pointer:/blocks/0]"),
        ([{"type": "actions", "elements": []}], "no fewer than 1 items allowed [json-pointer:/blocks/0/elements]"),
        (
            [{"type": "actions", "elements": [BUTTON, BUTTON]}],
            "`action_id` 'go' already exists for this block [json-pointer:/blocks/0/elements]",
        ),
        (
            [{"type": "actions", "elements": [{**BUTTON, "text": {"type": "plain_text", "text": "x" * 76}}]}],
            "must be less than 76 characters [json-pointer:/blocks/0/elements/0/text/text]",
        ),
        (
            [{"type": "actions", "elements": [{**BUTTON, "value": "x" * 2001}]}],
            "must be less than 2001 characters [json-pointer:/blocks/0/elements/0/value]",
        ),
        (
            [{**SECTION, "block_id": "a"}, {**SECTION, "block_id": "a"}],
            "`block_id` 'a' already exists [json-pointer:/blocks/1/block_id]",
        ),
        (
            [{"type": "image", "image_url": "https://a.example/x.png"}],
            "missing required field: alt_text [json-pointer:/blocks/0]",
        ),
        (
            [{"type": "image", "image_url": "https://a.example/x.png", "alt_text": "x" * 2001}],
            "must be less than 2001 characters [json-pointer:/blocks/0/alt_text]",
        ),
        (
            [{"type": "image", "alt_text": "x"}],
            "must provide either image_url or slack_file [json-pointer:/blocks/0]",
        ),
        (
            [{"type": "image", "alt_text": "x", "slack_file": {"id": "F0NOWHERE"}}],
            "invalid slack file [json-pointer:/blocks/0/slack_file]",
        ),
        (
            [{**INPUT, "element": {"type": "file_input", "action_id": "f"}}],
            "unsupported type: file_input [json-pointer:/blocks/0/element/type]",
        ),
        ([{"type": "context", "elements": [BUTTON]}], "unsupported type: button [json-pointer:/blocks/0/elements/0/type]"),
    ],
)  # fmt: skip
async def test_blocks_that_break_a_rule_are_refused_with_the_rule(client, art, blocks, complaint):
    answer = await refused(client.chat_postMessage(channel=art.id, text="x", blocks=blocks), "invalid_blocks")
    assert answer["errors"] == [complaint]
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {complaint}"]
    assert art.messages == []


async def test_a_trigger_works_once_for_three_seconds(slack, client, ann):
    slack.clock.stop()
    first, late = trigger(slack, ann), trigger(slack, ann)
    await refused(client.views_open(trigger_id="1.2.3", view=MODAL), "invalid_trigger_id")
    await client.views_open(trigger_id=first, view=MODAL)
    await refused(client.views_open(trigger_id=first, view=MODAL), "exchanged_trigger_id")
    slack.advance(3.1)
    await refused(client.views_open(trigger_id=late, view=MODAL), "expired_trigger_id")
    assert len(ann.views) == 1


@pytest.mark.parametrize(
    ("view", "complaint"),
    [
        ({**MODAL, "title": {"type": "plain_text", "text": "x" * 25}}, "must be less than 25 characters [json-pointer:/view/title/text]"),
        ({**MODAL, "private_metadata": "x" * 3001}, "must be less than 3001 characters [json-pointer:/view/private_metadata]"),
        ({**MODAL, "blocks": [SECTION] * 101}, "no more than 100 items allowed [json-pointer:/view/blocks]"),
        ({**MODAL, "blocks": [INPUT]}, "missing required field: submit [json-pointer:/view]"),
        ({**MODAL, "type": "home"}, "unsupported type: home, must be modal [json-pointer:/view/type]"),
        ({"type": "modal", "blocks": [SECTION]}, "missing required field: title [json-pointer:/view]"),
    ],
)  # fmt: skip
async def test_views_that_break_a_rule_are_refused_with_the_rule(slack, client, ann, view, complaint):
    answer = await refused(client.views_open(trigger_id=trigger(slack, ann), view=view), "invalid_arguments")
    assert answer["response_metadata"]["messages"] == [f"[ERROR] {complaint}"]
    assert ann.views == []


async def test_views_are_updated_pushed_and_published(slack, client, ann):
    opened = (await client.views_open(trigger_id=trigger(slack, ann), view=MODAL))["view"]
    other = {**MODAL, "title": {"type": "plain_text", "text": "Other"}}
    await refused(client.views_update(view_id=opened["id"], view=other, hash="0.0"), "hash_conflict")
    await client.views_update(view_id=opened["id"], view=other, hash=opened["hash"])
    assert ann.view.title == "Other"
    for _ in range(2):
        await client.views_push(trigger_id=trigger(slack, ann), view=MODAL)
    await refused(client.views_push(trigger_id=trigger(slack, ann), view=MODAL), "push_limit_reached")
    await refused(client.views_update(view_id="V0NOWHERE", view=other), "not_found")
    ann.closes()
    assert len(ann.views) == 2
    home = {"type": "home", "blocks": [SECTION]}
    await client.views_publish(user_id=ann.id, view=home)
    await refused(client.views_publish(user_id=ann.id, view=home, hash="0.0"), "hash_conflict")
    await refused(client.views_publish(user_id="U0NOBODY", view=home), "user_not_found")
    await refused(client.views_publish(user_id=ann.id, view=MODAL), "invalid_arguments")
    slack.app.home_tab = False
    await refused(client.views_publish(user_id=ann.id, view=home), "not_enabled")


async def test_a_modal_with_a_file_input_needs_the_scope_to_read_files(slack, client, ann):
    slack.bot.scopes.discard("files:read")
    view = {**MODAL, "submit": {"type": "plain_text", "text": "Go"}}
    view["blocks"] = [{**INPUT, "element": {"type": "file_input", "action_id": "f"}}]
    await refused(client.views_open(trigger_id=trigger(slack, ann), view=view), "invalid_arguments")


async def test_a_response_url_works_five_times_within_half_an_hour(slack, ann, art):
    slack.clock.stop()
    url, old = (slack._core.tickets.response_url("commands", slack.bot, ann, art) for _ in range(2))

    async def said(where, **body):
        async with aiohttp.ClientSession() as session, session.post(where, json=body) as answer:
            return answer.status, await answer.text()

    assert await said(url, text="in the open", response_type="in_channel") == (200, "ok")
    for n in range(3):
        assert await said(url, text=f"number {n}") == (200, "ok")
    assert await said(url, blocks=[{"type": "poem"}]) == (400, "invalid_blocks")
    assert (await said(url, text="once more"))[0] == 404
    slack.advance(1801)
    assert (await said(old, text="too late"))[0] == 404
    assert ann.told == ["number 0", "number 1", "number 2"]
    assert [m.text for m in art.messages] == ["in the open"]


async def test_a_response_url_of_a_button_changes_or_removes_its_message(slack, client, ann, art):
    for ephemeral in (False, True):
        blocks = [{"type": "actions", "elements": [BUTTON]}]
        if ephemeral:
            await client.chat_postEphemeral(channel=art.id, user=ann.id, text="x", blocks=blocks)
            message = ann.ephemerals[-1]
        else:
            await client.chat_postMessage(channel=art.id, text="x", blocks=blocks)
            message = art.messages[-1]
        clicked = ann.clicks(message, "go")
        assert clicked.payload["container"]["is_ephemeral"] is ephemeral
        assert ("message" in clicked.payload) is not ephemeral
        async with aiohttp.ClientSession() as session:
            await session.post(clicked.response_url, json={"replace_original": True, "text": "changed"})
            assert (message.text, message.blocks) == ("changed", [])
            await session.post(clicked.response_url, json={"delete_original": True})
        assert message.deleted
    assert ann.told == []
