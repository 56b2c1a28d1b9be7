"""How does a server look on the wire?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.discord.views import channel_json, iso, member_json

if TYPE_CHECKING:
    from tests.emulators.discord.guilds import Guild, Role

Json = dict[str, Any]


def role_json(role: Role) -> Json:
    data: Json = {
        "id": str(role.id),
        "name": role.name,
        "permissions": str(int(role.permissions)),
        "position": role.position,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "managed": role.managed,
        "mentionable": role.mentionable,
        "icon": None,
        "unicode_emoji": None,
        "flags": 0,
    }
    if role.managed:
        data["tags"] = {"bot_id": str(role.guild.state.bot.id)}
    return data


def guild_json(guild: Guild) -> Json:
    return {
        "id": str(guild.id),
        "name": guild.name,
        "icon": None,
        "description": None,
        "home_header": None,
        "splash": None,
        "discovery_splash": None,
        "features": list(guild.features),
        "banner": None,
        "owner_id": str(guild.owner.id) if guild.owner else str(guild.state.application.owner.id),
        "application_id": None,
        "region": "us-east",
        "afk_channel_id": None,
        "afk_timeout": 300,
        "system_channel_id": None,
        "system_channel_flags": 0,
        "widget_enabled": False,
        "widget_channel_id": None,
        "verification_level": 0,
        "roles": [role_json(role) for role in guild.roles],
        "default_message_notifications": 0,
        "mfa_level": 0,
        "explicit_content_filter": 0,
        "max_presences": None,
        "max_members": 500000,
        "max_stage_video_channel_users": 50,
        "max_video_channel_users": 25,
        "vanity_url_code": None,
        "premium_tier": guild.tier,
        "premium_subscription_count": 0,
        "preferred_locale": "en-US",
        "rules_channel_id": None,
        "safety_alerts_channel_id": None,
        "public_updates_channel_id": None,
        "premium_progress_bar_enabled": False,
        "nsfw": False,
        "nsfw_level": 0,
        "emojis": [],
        "stickers": [],
        "incidents_data": None,
    }


def guild_event(guild: Guild) -> Json:
    """GUILD_CREATE: with channels and open threads, and of the members only the application (no members intent)."""
    bot = guild.state.bot
    return {
        **guild_json(guild),
        "joined_at": iso(guild.memberships[bot.id].joined_at),
        "large": False,
        "unavailable": False,
        "member_count": len(guild.memberships),
        "members": [member_json(guild.memberships[bot.id], user=True)],
        "channels": [channel_json(channel) for channel in guild.channels],
        "threads": [
            channel_json(thread) for thread in guild.threads if not thread.thread.archived and thread.sees(bot)
        ],
        "voice_states": [],
        "presences": [],
        "stage_instances": [],
        "guild_scheduled_events": [],
        "soundboard_sounds": [],
    }
