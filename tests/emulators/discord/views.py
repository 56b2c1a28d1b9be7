"""How do people, servers, channels and the application look on the wire?"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from tests.emulators.discord.channels import ChannelKind
from tests.emulators.discord.intents import application_flags

if TYPE_CHECKING:
    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.files import Attachment
    from tests.emulators.discord.guilds import Membership
    from tests.emulators.discord.people import Person
    from tests.emulators.discord.state import State

Json = dict[str, Any]

HAS_POSITION = frozenset(ChannelKind) - {
    ChannelKind.DM,
    ChannelKind.ANNOUNCEMENT_THREAD,
    ChannelKind.PUBLIC_THREAD,
    ChannelKind.PRIVATE_THREAD,
}


def iso(moment: float) -> str:
    return datetime.fromtimestamp(moment, UTC).isoformat(timespec="microseconds")


def iso_or_none(moment: float | None) -> str | None:
    return None if moment is None else iso(moment)


# -- people ------------------------------------------------------------------------------------------------------


def user_json(person: Person) -> Json:
    return {
        "id": str(person.id),
        "username": person.name,
        "discriminator": "0",
        "global_name": person.display_name,
        "avatar": None,
        "bot": person.bot,
        "flags": 0,
        "public_flags": 0,
        "primary_guild": None,
    }


def own_user_json(person: Person) -> Json:
    """The application's own user, as only it sees it."""
    return {**user_json(person), "verified": True, "mfa_enabled": True, "locale": "en-US", "email": None}


def member_json(membership: Membership, *, user: bool) -> Json:
    """user: False where the person stands beside it, as in messages."""
    data: Json = {
        "roles": [str(role.id) for role in membership.roles],
        "flags": 0,
        "nick": membership.nick,
        "avatar": None,
        "banner": None,
        "joined_at": iso(membership.joined_at),
        "premium_since": None,
        "communication_disabled_until": None,
        "pending": False,
        "mute": False,
        "deaf": False,
    }
    if user:
        data["user"] = user_json(membership.person)
    return data


# -- channels ----------------------------------------------------------------------------------------------------


def channel_json(channel: Channel) -> Json:
    if channel.is_thread:
        return _thread_json(channel)
    if channel.guild is None:
        assert channel.recipient is not None
        return {
            "id": str(channel.id),
            "type": int(channel.kind),
            "flags": 0,
            "last_message_id": id_or_none(channel.last_message_id),
            "recipients": [user_json(channel.recipient)],
        }
    data: Json = {
        "id": str(channel.id),
        "type": int(channel.kind),
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "position": channel.position,
        "flags": 0,
        "parent_id": None,
        "nsfw": channel.nsfw,
        "topic": None,
        "rate_limit_per_user": 0,
        "last_message_id": id_or_none(channel.last_message_id),
        "permission_overwrites": [
            {
                "id": str(overwrite.target),
                "type": 0 if overwrite.of_role else 1,
                "allow": str(int(overwrite.allow)),
                "deny": str(int(overwrite.deny)),
            }
            for overwrite in channel.overwrites
        ],
    }
    if channel.kind in {ChannelKind.VOICE, ChannelKind.STAGE}:
        data |= {"bitrate": 64000, "user_limit": 0, "rtc_region": None}
    if channel.kind in {ChannelKind.FORUM, ChannelKind.MEDIA}:
        data |= {"available_tags": [], "default_reaction_emoji": None, "default_sort_order": None}
    return data


def _thread_json(channel: Channel) -> Json:
    assert channel.guild is not None
    assert channel.parent is not None
    life = channel.thread
    metadata: Json = {
        "archived": life.archived,
        "auto_archive_duration": life.auto_archive,
        "archive_timestamp": iso(life.archive_changed_at),
        "locked": life.locked,
        "create_timestamp": iso(life.created_at),
    }
    if channel.kind == ChannelKind.PRIVATE_THREAD:
        metadata["invitable"] = True
    data: Json = {
        "id": str(channel.id),
        "type": int(channel.kind),
        "guild_id": str(channel.guild.id),
        "parent_id": str(channel.parent.id),
        "owner_id": str(life.owner.id),
        "name": channel.name,
        "last_message_id": id_or_none(channel.last_message_id),
        "message_count": life.sent,
        "member_count": len(life.members),
        "total_message_sent": life.sent,
        "rate_limit_per_user": 0,
        "flags": 0,
        "thread_metadata": metadata,
    }
    if channel.state.bot.id in life.members:
        data["member"] = thread_member_json(channel, channel.state.bot)
    return data


def thread_member_json(thread: Channel, person: Person) -> Json:
    return {
        "id": str(thread.id),
        "user_id": str(person.id),
        "join_timestamp": iso(thread.thread.created_at),
        "flags": 0,
    }


# -- the application ---------------------------------------------------------------------------------------------


def application_json(state: State) -> Json:
    application = state.application
    flags = application_flags(application.enabled)
    return {
        "id": str(application.id),
        "name": application.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user_json(state.bot),
        "bot_public": application.public,
        "bot_require_code_grant": False,
        "integration_types_config": {"0": {}},
        "verify_key": "0" * 64,
        "flags": flags,
        "flags_new": str(flags),
        "redirect_uris": [],
        "interactions_endpoint_url": application.interactions_endpoint_url,
        "role_connections_verification_url": None,
        "owner": user_json(application.owner),
        "approximate_guild_count": sum(guild.has_bot for guild in state.guilds.values()),
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "team": None,
        "eligible_oauth2_scopes": [],
    }


# -- files -------------------------------------------------------------------------------------------------------


def attachment_json(state: State, attachment: Attachment) -> Json:
    link = state.signer.link(attachment)
    data: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": attachment.size,
        "url": link,
        "proxy_url": link,
        "flags": 0,
    }
    if attachment.media_type:
        data["content_type"] = attachment.media_type
    if attachment.width is not None:
        data |= {"width": attachment.width, "height": attachment.height}
    if attachment.description:
        data["description"] = attachment.description
    if attachment.ephemeral:
        data["ephemeral"] = True
    return data


def id_or_none(value: int | None) -> str | None:
    return None if value is None else str(value)
