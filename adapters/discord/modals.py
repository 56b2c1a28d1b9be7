"""What does the window for editing ask, and what was it opened for? Its state is in the custom_id; nothing waits in memory."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any

import discord

from bot.model import MAX_EDIT_REFERENCES, MAX_PROMPT

_JOB = re.compile(r"darkroom:change:(?P<job>[0-9a-z]{1,40}):(?P<image>\d{1,2})")
_TAKEN = re.compile(r"darkroom:take:(?P<interaction>\d{1,20})")


@dataclass(frozen=True, kw_only=True, slots=True)
class Change:
    """A picture of ours is to be edited. image: which one of the job's result."""

    job_id: str
    image: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Take:
    """A member's picture is to be edited; what it is was noted when the window was opened, by this interaction."""

    interaction_id: str


def read(custom_id: str) -> Change | Take | None:
    """None for what is no window of ours."""
    if found := _JOB.fullmatch(custom_id):
        return Change(job_id=found["job"], image=int(found["image"]))
    if found := _TAKEN.fullmatch(custom_id):
        return Take(interaction_id=found["interaction"])
    return None


def window(purpose: Change | Take) -> discord.ui.Modal:
    """The window, ready to be sent.

    It is stopped before it opens, so that the library doesn't keep it in memory waiting for an answer: submissions are read
    from their payload, by whichever process is there then.
    """
    if isinstance(purpose, Change):
        custom_id = f"darkroom:change:{purpose.job_id}:{purpose.image}"
    else:
        custom_id = f"darkroom:take:{purpose.interaction_id}"
    modal = discord.ui.Modal(title="Edit the picture", custom_id=custom_id)
    words: discord.ui.TextInput[Any] = discord.ui.TextInput(
        custom_id="words",
        style=discord.TextStyle.paragraph,
        placeholder="make it night, with snow falling",
        max_length=MAX_PROMPT,
    )
    modal.add_item(discord.ui.Label(text="What should change?", component=words))
    pictures: discord.ui.FileUpload[Any] = discord.ui.FileUpload(
        custom_id="pictures", required=False, min_values=0, max_values=MAX_EDIT_REFERENCES
    )
    modal.add_item(discord.ui.Label(text="Pictures to use", description="Up to 2, if you like.", component=pictures))
    modal.stop()
    return modal
