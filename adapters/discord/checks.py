"""Will the bot work on Discord? The lines of `darkroom check` about token, application, intents, and the invite link."""

from __future__ import annotations

import discord

from adapters.discord import faults, permissions, wording
from adapters.discord.settings import Settings, prepare_library
from bot.model import Finding

_SUBJECT = "Discord"
_PORTAL = "https://discord.com/developers/applications"


async def check(settings: Settings, *, named: bool, listens: bool = True) -> list[Finding]:
    """Asks Discord who the token belongs to. named: PLATFORMS names `discord`, so a missing token is a fault. listens: False
    where this process only posts, and needs neither intents nor a connection.
    """
    if not settings.token:
        text = f"off: set DISCORD_TOKEN to the bot's token ({_PORTAL}, page Bot)."
        return [Finding(subject=_SUBJECT, ok=False if named else None, text=text)]
    prepare_library(settings)
    client = discord.Client(intents=discord.Intents(guilds=True))
    try:
        async with client:
            await client.login(settings.token)
            application = await client.application_info()
            sessions = await client.http.get_bot_gateway() if listens else None
    except discord.LoginFailure:
        text = f"refuses the token. Reset it at {_PORTAL} (page Bot) and put the new one into DISCORD_TOKEN."
        return [Finding(subject=_SUBJECT, ok=False, text=text)]
    except Exception as error:
        meaning = faults.meant(error)
        if meaning is None:
            raise
        text = f"{meaning.reason}. Look at the network, and at DISCORD_API_URL if it is set."
        return [Finding(subject=_SUBJECT, ok=False, text=text)]
    accepted = f"accepts the token of {application.name} ({application.id})"
    if sessions is None:
        text = f"{accepted}; this process only posts, the gateway hears its members."
        return [Finding(subject=_SUBJECT, ok=True, text=text)]
    return [
        Finding(subject=_SUBJECT, ok=True, text=f"{accepted}."),
        *_endpoint(application),
        _content(settings, application),
        *_sessions(sessions[2]["remaining"]),
        Finding(subject="Discord invite", ok=True, text=permissions.invite(application.id)),
    ]


def _endpoint(application: discord.AppInfo) -> list[Finding]:
    if not application.interactions_endpoint_url:
        return []
    text = f"sends commands to an Interactions Endpoint URL and not to this bot: empty that field at {_PORTAL} (General Information)."
    return [Finding(subject="Discord commands", ok=False, text=text)]


def _content(settings: Settings, application: discord.AppInfo) -> Finding:
    granted = application.flags.gateway_message_content or application.flags.gateway_message_content_limited
    subject = "Discord intents"
    if not settings.discord_message_content:
        text = "DISCORD_MESSAGE_CONTENT is off: replies are read only when they mention the bot or answer it with the ping on."
        return Finding(subject=subject, ok=None, text=text)
    if not granted:
        return Finding(subject=subject, ok=None, text=wording.lost_without_content())
    return Finding(subject=subject, ok=True, text="the message content intent is granted.")


def _sessions(remaining: int) -> list[Finding]:
    if remaining > 50:
        return []
    text = f"only {remaining} more connections are allowed today; at none, Discord resets the token. Find out what restarts the bot."
    return [Finding(subject="Discord sessions", ok=None, text=text)]
