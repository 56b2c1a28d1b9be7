"""What does somebody who used a command, a button or the window hear, whatever goes wrong? Each of them is answered."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import ExitStack, asynccontextmanager
from typing import Any

import discord
import structlog

from adapters.discord import faults, wording
from adapters.discord.rest import Rest
from bot.errors import GiveUp, RetryLater, UserError
from bot.ports import StoreBusy

Interaction = discord.Interaction[Any]

AT_ONCE = 64
"""Who comes when so many are just being answered waits for one of them: of a thousand at the same moment the first are answered
in time, where all of them side by side would all be late.
"""

LATE_SECONDS = 3.0
"""Discord takes no answer after that (docs). Whoever still waits for it lets the next one go."""


class Answers:
    """Sent by the interaction's own token, and seen by nobody else."""

    def __init__(self, rest: Rest) -> None:
        self._rest = rest
        self._turns = asyncio.Semaphore(AT_ONCE)
        self._log = structlog.get_logger("adapters.discord")

    @asynccontextmanager
    async def to(self, interaction: Interaction) -> AsyncIterator[None]:
        """Goes before other work while it lasts. What goes wrong inside is said, and ends nothing but this one interaction."""
        try:
            with self._rest.budget.first():
                async with self._turn():
                    yield
        except UserError as error:
            await self._tell_if_possible(interaction, str(error))
        except StoreBusy:
            await self._tell_if_possible(interaction, wording.busy())
        except (RetryLater, GiveUp) as error:
            self._log.info("not_done", interaction=interaction.id, reason=error.reason)
            await self._tell_if_possible(interaction, wording.busy())
        except Exception as error:  # noqa: BLE001  a bug is logged as one; it must end nothing else
            meaning = faults.meant(error)
            if meaning is None:
                self._log.exception("bug_in_interaction", interaction=interaction.id)
                await self._tell_if_possible(interaction, wording.broken(str(interaction.id)))
                return
            # Too late, answered already by another process, or unreachable. What was stored is seen to by the poller.
            self._log.warning("not_acknowledged", interaction=interaction.id, reason=meaning.reason)

    @asynccontextmanager
    async def _turn(self) -> AsyncIterator[None]:
        """Ends with the answer, or when that is late: where Discord leaves some unanswered for minutes, others must not wait."""
        await self._turns.acquire()
        with ExitStack() as turn:
            turn.callback(self._turns.release)
            late = asyncio.get_running_loop().call_later(LATE_SECONDS, turn.close)
            turn.callback(late.cancel)
            yield

    async def tell(self, interaction: Interaction, sentence: str, *, markup: bool = False) -> None:
        """markup: the sentence is ours, and formatted."""
        text = sentence if markup else wording.escaped(sentence)
        if interaction.response.is_done():
            await interaction.followup.send(text, ephemeral=True, suppress_embeds=True)
        else:
            await interaction.response.send_message(text, ephemeral=True, suppress_embeds=True)

    async def _tell_if_possible(self, interaction: Interaction, sentence: str) -> None:
        try:
            await self.tell(interaction, sentence)
        except Exception as error:
            if faults.meant(error) is None:
                raise
            self._log.warning("refusal_not_told", interaction=interaction.id, reason=type(error).__name__)
