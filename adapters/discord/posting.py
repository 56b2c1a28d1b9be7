"""How is the bot ready to post on Discord where another process listens? It logs in, and watches that Discord answers."""

from __future__ import annotations

import asyncio
import random

import discord
import structlog

from adapters.discord import faults
from adapters.discord.pacing import Priority
from adapters.discord.rest import Rest
from bot.errors import GiveUp, RetryLater

LONGEST_PAUSE = 300.0
"""Between two attempts to reach Discord."""

NO_TOKEN = "DISCORD_TOKEN is not set. Put the bot's token into the environment or into .env."  # noqa: S105  a sentence
REFUSAL = (
    "Discord refuses the token. Reset it at https://discord.com/developers/applications (page Bot), put the new one into "
    "DISCORD_TOKEN and start the bot again."
)


class Posting:
    """Keeps the REST client logged in. No gateway connection: Discord would send each event to every process that has one."""

    def __init__(self, token: str, rest: Rest) -> None:
        self._token = token
        self._rest = rest
        self._trouble: str | None = "It has not logged in to Discord yet."
        self._log = structlog.get_logger("adapters.discord")

    def trouble(self) -> str | None:
        return self._trouble

    async def run(self) -> None:
        """Until cancelled. Returns when only the operator can help; `trouble` then says how."""
        if not self._token:
            self._trouble = NO_TOKEN
            return
        failures = 0
        while await self._reach():
            if self._trouble is None:
                failures = 0
                self._log.info("ready_to_post")
                await self._rest.troubled.wait()
                self._trouble = self._rest.trouble
            failures += 1
            await asyncio.sleep(min(LONGEST_PAUSE, 2.0 ** min(failures - 1, 10)) * random.uniform(0.5, 1.0))

    async def _reach(self) -> bool:
        """One attempt to be answered. False: it makes no sense to try again."""
        try:
            await self._rest.login(self._token)
            async with self._rest.turn(Priority.READING) as client:
                await client.application_info()
        except discord.LoginFailure:
            self._trouble = REFUSAL
            return False
        except (RetryLater, GiveUp) as error:
            self._trouble = REFUSAL if self._rest.is_refused else error.reason
            return not self._rest.is_refused
        except Exception as error:  # noqa: BLE001  whatever a library raises must not end the bot
            meaning = faults.meant(error)
            if meaning is None:
                self._log.error("bug_in_login", exc_info=error)
            self._trouble = meaning.reason if meaning else f"The login ended by a bug ({type(error).__name__})."
        else:
            self._trouble = None
        return True
