"""What do the buttons under cards and results say about themselves? All their state is in the custom_id, so they live for ever."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal, Self, cast

import discord

if TYPE_CHECKING:
    from adapters.discord.events import Listener

Act = Literal["again", "edit", "delete", "cancel"]

TEMPLATE = re.compile(r"darkroom:(?P<act>again|edit|delete|cancel):(?P<job>[0-9a-z]{1,40}):(?P<image>\d{1,2})")
"""The custom_id of a button. Messages of years ago carry it: a new form must be a new word, beside this one."""

_LOOKS = {
    "again": ("Try again", discord.ButtonStyle.secondary),
    "edit": ("Edit", discord.ButtonStyle.primary),
    "delete": ("Delete", discord.ButtonStyle.secondary),
    "cancel": ("Cancel", discord.ButtonStyle.secondary),
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Press:
    """What pressing a button means. image: which picture of the job's result."""

    act: Act
    job_id: str
    image: int = 0

    @property
    def custom_id(self) -> str:
        return f"darkroom:{self.act}:{self.job_id}:{self.image}"


def read(custom_id: str) -> Press | None:
    """None for what is not a button of ours."""
    found = TEMPLATE.fullmatch(custom_id)
    return Press(act=cast("Act", found["act"]), job_id=found["job"], image=int(found["image"])) if found else None


def presses(components: Any) -> list[Press]:
    """The buttons of a message, from its components as Discord sends them."""
    found = []
    for component in components or ():
        press = read(component.get("custom_id") or "")
        found += [press] if press else []
        found += presses(component.get("components"))
    return found


class JobButton(discord.ui.DynamicItem[discord.ui.Button[Any]], template=TEMPLATE):
    """A button of a job; what it does is said by whoever listens."""

    def __init__(self, press: Press) -> None:
        label, style = _LOOKS[press.act]
        super().__init__(discord.ui.Button(label=label, style=style, custom_id=press.custom_id))
        self.press = press

    @classmethod
    async def from_custom_id(
        cls,
        interaction: discord.Interaction[Any],  # noqa: ARG003  the library's signature
        item: discord.ui.Item[Any],  # noqa: ARG003
        match: re.Match[str],
        /,
    ) -> Self:
        press = read(match.string)
        assert press is not None  # noqa: S101  the template has just matched
        return cls(press)

    async def callback(self, interaction: discord.Interaction[Any]) -> None:
        listener: Listener = interaction.client
        await listener.asking.pressed(interaction, self.press)
