"""Slack: `/imagine`, threads and replies, by slack-bolt; in Socket Mode, or over HTTP on the bot's own port.

bolt and aiohttp are loaded only by what needs them: a bot without Slack must not pay for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from adapters.slack.settings import Settings, configured
from bot.model import Finding
from bot.service import Service
from bot.views import Views

if TYPE_CHECKING:
    from starlette.routing import BaseRoute

    from adapters.slack.platform import Slack

__all__ = ["Settings", "check", "configured", "connect", "routes"]


async def check(settings: Settings, *, named: bool, listens: bool = True) -> list[Finding]:
    """The lines of `darkroom check` about Slack. named: PLATFORMS names it. listens: this process shall hear members there."""
    from adapters.slack.checks import check as checked  # noqa: PLC0415  see above

    return await checked(settings, named=named, listens=listens)


def connect(settings: Settings, service: Service, views: Views) -> Slack:
    """Slack as a platform; it listens when it is run."""
    from adapters.slack.platform import Slack  # noqa: PLC0415  see above

    return Slack(settings, service, views)


def routes(platform: Slack) -> list[BaseRoute]:
    """What the bot's HTTP server must let in for this platform: in HTTP mode, Slack's own requests."""
    return platform.routes()
