"""How is one member told something that the others need not read?"""

from __future__ import annotations

import structlog

from adapters.slack import rendering, wording
from adapters.slack.api import Api
from adapters.slack.inbound import Spot, is_direct
from bot.errors import GiveUp, RetryLater

_PATIENCE = 15.0  # seconds, while answers go first in that conversation


async def tell(api: Api, spot: Spot, sentence: str, *, ours: bool = False) -> None:
    """Best effort: through the address that came along, else by an ephemeral message, else by a direct message.

    ours: the sentence has markup of our own, and nothing of anybody else.
    """
    text = sentence if ours else wording.escaped(sentence)
    in_thread = spot.in_thread and not is_direct(spot.channel)
    if in_thread and await _in_thread(api, spot, text):
        return
    if spot.response_url and await api.respond(spot.response_url, rendering.private(text)):
        return
    try:
        if is_direct(spot.channel):
            await _post(api, spot.channel, text, spot.thread if spot.in_thread else None)
            return
        await _ephemeral(api, spot, text)
    except GiveUp:
        await _directly(api, spot, text)
    except RetryLater as error:
        structlog.get_logger("slack").warning("not_told", reason=error.reason)


async def _in_thread(api: Api, spot: Spot, text: str) -> bool:
    try:
        await _ephemeral(api, spot, text)
    except (GiveUp, RetryLater):
        return False
    return True


async def _ephemeral(api: Api, spot: Spot, text: str) -> None:
    await api.call("chat.postEphemeral", channel=spot.channel, user=spot.person.id, text=text, thread_ts=spot.thread)


async def _directly(api: Api, spot: Spot, text: str) -> None:
    try:
        await _post(api, await direct_channel(api, spot.person.id), text)
    except (GiveUp, RetryLater) as error:
        structlog.get_logger("slack").warning("not_told", reason=error.reason)


async def _post(api: Api, channel: str, text: str, thread: str | None = None) -> None:
    await api.call(
        "chat.postMessage", patience=_PATIENCE, channel=channel, text=text, thread_ts=thread, unfurl_links=False,
        unfurl_media=False,
    )  # fmt: skip


async def direct_channel(api: Api, user: str) -> str:
    """The direct message of the bot with a member. Raises RetryLater, GiveUp."""
    answer = await api.call("conversations.open", users=user)
    return str(answer["channel"]["id"])
