"""Discord: `/imagine`, threads, replies, buttons. README.md tells how the folder is put together."""

from __future__ import annotations

from adapters.discord.checks import check
from adapters.discord.gateway import Gateway
from adapters.discord.outbound import Discord
from adapters.discord.settings import Settings, configured, prepare_library
from bot.service import Service
from bot.views import Views

__all__ = ["Discord", "Settings", "check", "configured", "connect"]


def connect(settings: Settings, service: Service, views: Views) -> Discord:
    """The platform; it connects when it is run. Without a token it says so instead of running."""
    prepare_library(settings)
    return Discord(settings, service, views, gateway=lambda platform: Gateway(settings, platform, service, views))
