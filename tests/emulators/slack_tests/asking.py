"""How do these tests call the Web API, and what is it that they show?"""

import aiohttp
import aiohttp.web
import pytest
from slack_sdk.errors import SlackApiError

from tests.emulators.slack_tests.echo import picture

SECTION = {"type": "section", "text": {"type": "mrkdwn", "text": "hello"}}


BUTTON = {"type": "button", "action_id": "go", "text": {"type": "plain_text", "text": "Go"}}


MODAL = {"type": "modal", "title": {"type": "plain_text", "text": "Edit"}, "blocks": [SECTION]}


INPUT = {
    "type": "input",
    "block_id": "i",
    "label": {"type": "plain_text", "text": "Words"},
    "element": {"type": "plain_text_input", "action_id": "words"},
}


async def refused(call, error=None):
    """The answer to a call that is refused."""
    with pytest.raises(SlackApiError) as refusal:
        await call
    answer = refusal.value.response.data
    assert error in (None, answer["error"])
    return answer


async def raw(slack, method, *, token=True, verb="POST", **request):
    headers = {"Authorization": f"Bearer {slack.bot_token}"} if token else {}
    headers |= request.pop("headers", {})
    async with (
        aiohttp.ClientSession() as session,
        session.request(verb, slack.api_url + method, headers=headers, **request) as answer,
    ):
        return await answer.json()


async def uploaded(slack, client, data=None, *, length=None, **more):
    """The first two steps of an upload."""
    data = picture() if data is None else data
    answer = await client.files_getUploadURLExternal(
        filename="fox.png", length=len(data) if length is None else length, **more
    )
    async with aiohttp.ClientSession() as session, session.post(answer["upload_url"], data=data) as sent:
        assert await sent.text() == f"OK - {len(data)}"
    return answer["file_id"]


def trigger(slack, ann):
    return slack._core.tickets.trigger(slack.bot, ann)
