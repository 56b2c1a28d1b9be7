"""What is about to be said, once it is known to be sayable?"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.discord.mentions import ANYTHING, Allowed
from tests.emulators.discord.messages import NO_FLAGS, Flag, walk

if TYPE_CHECKING:
    from tests.emulators.discord.files import Attachment
    from tests.emulators.discord.messages import Message, Reference, Snapshot

Json = dict[str, Any]


@dataclass(kw_only=True, slots=True)
class Draft:
    """A message before it has an id. answers: the message that `reference` means, if it still stands."""

    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    flags: Flag = NO_FLAGS
    reference: Reference | None = None
    answers: Message | None = None
    snapshots: tuple[Snapshot, ...] = ()
    allowed: Allowed = ANYTHING
    nonce: str | None = None
    tts: bool = False

    @property
    def words(self) -> str:
        """What can mention somebody: content and text components, never embeds (Discord's docs)."""
        return "\n".join([self.content, *(part["content"] for part in walk(self.components) if part["type"] == 10)])


@dataclass(kw_only=True, slots=True)
class Changes:
    """An edit. None: stays as it is. Lists replace what was there; allowed: who may be notified by the new words."""

    content: str | None = None
    embeds: list[Json] | None = None
    components: list[Json] | None = None
    files: list[Attachment] | None = None
    flags: Flag | None = None
    allowed: Allowed = ANYTHING
