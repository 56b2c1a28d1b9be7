"""Which commands are there, and when is Discord told? Only when something about them has changed."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING, Any

import discord
import structlog
from discord import app_commands

from adapters.discord.pacing import Priority
from adapters.discord.rest import Rest
from bot.model import ASPECT_RATIOS, MAX_PROMPT
from bot.service import Memory

if TYPE_CHECKING:
    from adapters.discord.asking import Asking

EDIT_THIS = "Edit this image"

_Interaction = discord.Interaction[Any]
_SERVERS_AND_DM = app_commands.AppCommandContext(guild=True, dm_channel=True, private_channel=False)
_SERVER_INSTALL = app_commands.AppInstallationType(guild=True, user=False)


class _Tree(app_commands.CommandTree[Any]):
    """Of a command whose payload it cannot read the library tells nobody: neither the log nor who waits for the answer."""

    def __init__(self, client: discord.Client, asking: Asking) -> None:
        super().__init__(client, allowed_contexts=_SERVERS_AND_DM, allowed_installs=_SERVER_INSTALL)
        self._asking = asking

    async def _call(self, interaction: _Interaction) -> None:
        try:
            await super()._call(interaction)
        except app_commands.AppCommandError:  # goes to `failed`
            raise
        except Exception:  # noqa: BLE001  a bug, logged as one; it must end nothing else
            structlog.get_logger("adapters.discord").exception("malformed_command", interaction=interaction.id)
            await self._asking.not_understood(interaction)


def tree(client: discord.Client, asking: Asking) -> app_commands.CommandTree[Any]:
    """The commands, wired to what answers them."""
    made = _Tree(client, asking)

    @made.command(name="imagine", description="Make a picture from your words")
    @app_commands.describe(
        prompt="What you want to see",
        aspect_ratio="Width to height; if you choose none, the one used last in this place, else 1:1",
        image1="A picture to start from",
        image2="A second picture",
        image3="A third picture",
    )
    @app_commands.choices(aspect_ratio=[app_commands.Choice(name=ratio, value=ratio) for ratio in ASPECT_RATIOS])
    async def imagine(
        interaction: _Interaction,
        prompt: app_commands.Range[str, 1, MAX_PROMPT],
        aspect_ratio: str | None = None,
        image1: discord.Attachment | None = None,
        image2: discord.Attachment | None = None,
        image3: discord.Attachment | None = None,
    ) -> None:
        await asking.imagine(interaction, prompt, aspect_ratio, [image for image in (image1, image2, image3) if image])

    @made.command(name="imagine-help", description="How to make and edit pictures")
    async def imagine_help(interaction: _Interaction) -> None:
        await asking.explain(interaction)

    @made.command(name="imagine-usage", description="What is left of your limits")
    async def imagine_usage(interaction: _Interaction) -> None:
        await asking.usage(interaction)

    @made.context_menu(name=EDIT_THIS)
    async def edit_this(interaction: _Interaction, message: discord.Message) -> None:
        await asking.take(interaction, message)

    @made.error
    async def failed(interaction: _Interaction, error: app_commands.AppCommandError) -> None:
        # the answers above tell their own errors
        structlog.get_logger("adapters.discord").warning("command_not_understood", reason=str(error))
        await asking.not_understood(interaction)

    return made


async def announce(made: app_commands.CommandTree[Any], memory: Memory, rest: Rest, application_id: int) -> bool:
    """Tells Discord about the commands if it was last told otherwise; new ones are limited to 200 a day. True: it was told.

    Raises RetryLater or GiveUp when Discord does not take them, StoreBusy.
    """
    payload = [command.to_dict(made) for command in made.get_commands()]
    digest = hashlib.sha256(json.dumps(payload, sort_keys=True).encode()).hexdigest()
    key = f"commands:{application_id}"
    told = await memory.recall(key)
    if told == {"digest": digest}:
        return False
    async with rest.turn(Priority.READING) as client:
        await client.http.bulk_upsert_global_commands(application_id, payload=payload)
    await memory.remember(key, {"digest": digest})
    return True
