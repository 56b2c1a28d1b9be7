"""How is one member told something that the others need not read?"""

from __future__ import annotations

import structlog

from adapters.slack import rendering, wording
from adapters.slack.api import Api
from adapters.slack.inbound import Spot, is_direct
from bot.errors import GiveUp, RetryLater


async def tell(api: Api, spot: Spot, sentence: str) -> None:
    """Best effort: through the address that came along, else by an ephemeral message, else by a direct message."""
    if spot.response_url and await api.respond(spot.response_url, rendering.private(sentence)):
        return
    text = wording.escaped(sentence)
    try:
        if is_direct(spot.channel):
            await api.call("chat.postMessage", channel=spot.channel, text=text, unfurl_links=False, unfurl_media=False)
            return
        await api.call(
            "chat.postEphemeral", channel=spot.channel, user=spot.person.id, text=text, thread_ts=spot.thread
        )
    except GiveUp:
        await _directly(api, spot, text)
    except RetryLater as error:
        structlog.get_logger("slack").warning("not_told", reason=error.reason)


async def _directly(api: Api, spot: Spot, text: str) -> None:
    try:
        channel = await direct_channel(api, spot.person.id)
        await api.call("chat.postMessage", channel=channel, text=text, unfurl_links=False, unfurl_media=False)
    except (GiveUp, RetryLater) as error:
        structlog.get_logger("slack").warning("not_told", reason=error.reason)


async def direct_channel(api: Api, user: str) -> str:
    """The direct message of the bot with a member. Raises RetryLater, GiveUp."""
    answer = await api.call("conversations.open", users=user)
    return str(answer["channel"]["id"])
