"""How is one member told something that the others need not read?"""

from __future__ import annotations

import structlog

from adapters.slack import rendering, wording
from adapters.slack.api import Api
from adapters.slack.inbound import Spot, is_direct
from bot.errors import GiveUp, RetryLater

_PATIENCE = 60.0  # seconds, while answers go first in that conversation, or Slack wants fewer requests

_PAUSES = (1.0, 5.0, 20.0, 60.0)
"""Seconds until it is tried again. A press that was acknowledged shows nothing by itself: if the sentence were lost, its member
would wait for ever. One whose answer alone was lost is read twice, which harms nobody.
"""


async def tell(api: Api, spot: Spot, sentence: str, *, ours: bool = False) -> None:
    """Through the address that came along, else by an ephemeral message, else by a direct message; some minutes' trouble of
    Slack's is waited for.

    ours: the sentence has markup of our own, and nothing of anybody else.
    """
    text = sentence if ours else wording.escaped(sentence)
    for pause in (*_PAUSES, None):
        try:
            await _told(api, spot, text)
        except RetryLater as error:
            if pause is None:
                structlog.get_logger("slack").warning("not_told", reason=error.reason)
            else:
                await api.timing.sleep(max(pause, error.after or 0.0))
        except GiveUp as error:
            structlog.get_logger("slack").warning("not_told", reason=error.reason)
            return
        else:
            return


async def _told(api: Api, spot: Spot, text: str) -> None:
    in_thread = spot.in_thread and not is_direct(spot.channel)
    if in_thread and await _in_thread(api, spot, text):
        return
    if spot.response_url and await api.respond(spot.response_url, rendering.private(text)):
        return
    if is_direct(spot.channel):
        await _post(api, spot.channel, text, spot.thread if spot.in_thread else None)
        return
    try:
        await _ephemeral(api, spot, text)
    except GiveUp:
        await _post(api, await direct_channel(api, spot.person.id), text)


async def _in_thread(api: Api, spot: Spot, text: str) -> bool:
    try:
        await _ephemeral(api, spot, text)
    except (GiveUp, RetryLater):
        return False
    return True


async def _ephemeral(api: Api, spot: Spot, text: str) -> None:
    await api.call(
        "chat.postEphemeral", patience=_PATIENCE, channel=spot.channel, user=spot.person.id, text=text,
        thread_ts=spot.thread,
    )  # fmt: skip


async def _post(api: Api, channel: str, text: str, thread: str | None = None) -> None:
    await api.call(
        "chat.postMessage", patience=_PATIENCE, channel=channel, text=text, thread_ts=thread, unfurl_links=False,
        unfurl_media=False,
    )  # fmt: skip


async def direct_channel(api: Api, user: str) -> str:
    """The direct message of the bot with a member. Raises RetryLater, GiveUp."""
    answer = await api.call("conversations.open", users=user)
    return str(answer["channel"]["id"])
