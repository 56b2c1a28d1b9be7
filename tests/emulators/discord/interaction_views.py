"""How does INTERACTION_CREATE tell of a command, a click or a form?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.discord.guild_views import guild_json
from tests.emulators.discord.message_views import message_json, owners_json
from tests.emulators.discord.views import channel_json, member_json, user_json

if TYPE_CHECKING:
    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.interactions import Interaction
    from tests.emulators.discord.messages import Message

Json = dict[str, Any]

CONTEXT_GUILD, CONTEXT_BOT_DM = 0, 1


def interaction_json(interaction: Interaction) -> Json:
    """Needs no intent, and shows messages whole: the member pointed at them (Discord's docs)."""
    state, channel, person = interaction.state, interaction.channel, interaction.person
    data: Json = {
        "id": str(interaction.id),
        "application_id": str(state.application.id),
        "type": int(interaction.kind),
        "token": interaction.token,
        "version": 1,
        "data": interaction.data,
        "channel_id": str(channel.id),
        "channel": channel_with_permissions(channel, interaction),
        "locale": person.locale,
        "app_permissions": str(int(channel.permissions_of(state.bot))),
        "attachment_size_limit": max(channel.upload_limit, person.upload_limit),
        "authorizing_integration_owners": owners_json(interaction),
        "context": CONTEXT_BOT_DM if channel.guild is None else CONTEXT_GUILD,
        "entitlements": [],
    }
    if channel.guild is None:
        data["user"] = user_json(person)
    else:
        guild = channel.guild
        data |= {
            "guild_id": str(guild.id),
            "guild": {key: guild_json(guild)[key] for key in ("id", "features")} | {"locale": "en-US"},
            "guild_locale": "en-US",
            "member": {
                **member_json(guild.memberships[person.id], user=True),
                "permissions": str(int(channel.permissions_of(person))),
            },
        }
    if interaction.message is not None:
        data["message"] = pointed_at(interaction.message)
    return data


def channel_with_permissions(channel: Channel, interaction: Interaction) -> Json:
    return {**channel_json(channel), "permissions": str(int(channel.permissions_of(interaction.person)))}


def pointed_at(message: Message) -> Json:
    """A message that a member clicked in or chose: whole, whatever the intents."""
    data = message_json(message, reads=True)
    if message.channel.guild is not None:
        data["guild_id"] = str(message.channel.guild.id)
    return data
