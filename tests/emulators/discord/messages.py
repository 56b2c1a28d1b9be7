"""What is a message: what it says, shows and answers, and what became of it?"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import IntEnum, IntFlag
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.files import Attachment
    from tests.emulators.discord.interactions import Interaction
    from tests.emulators.discord.mentions import Pings
    from tests.emulators.discord.people import Person

Json = dict[str, Any]


class MessageKind(IntEnum):
    """Numbers as on the wire."""

    DEFAULT = 0
    CHANNEL_NAME_CHANGE = 4
    THREAD_CREATED = 18
    REPLY = 19
    CHAT_INPUT_COMMAND = 20
    THREAD_STARTER = 21
    CONTEXT_MENU_COMMAND = 23


SPOKEN = frozenset({MessageKind.DEFAULT, MessageKind.REPLY})  # said by somebody; the others came from an act
SYSTEM = frozenset({MessageKind.CHANNEL_NAME_CHANGE, MessageKind.THREAD_CREATED, MessageKind.THREAD_STARTER})


class Flag(IntFlag):
    """Bits as Discord documents them."""

    SUPPRESS_EMBEDS = 1 << 2
    HAS_THREAD = 1 << 5
    EPHEMERAL = 1 << 6
    LOADING = 1 << 7
    SUPPRESS_NOTIFICATIONS = 1 << 12
    COMPONENTS_V2 = 1 << 15


NO_FLAGS = Flag(0)


@dataclass(frozen=True, kw_only=True, slots=True)
class Reference:
    """Which message another one answers (`forward` False) or passes on (True); that message may be gone.

    message_id: None where a whole channel is meant.
    """

    channel_id: int
    message_id: int | None
    guild_id: int | None
    forward: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class Snapshot:
    """What a forwarded message said when it was passed on."""

    content: str
    embeds: tuple[Json, ...]
    components: tuple[Json, ...]
    attachments: tuple[Attachment, ...]
    kind: MessageKind
    flags: Flag
    created_at: float
    edited_at: float | None


@dataclass(eq=False, kw_only=True, slots=True)
class Reaction:
    emoji: str
    by: list[Person] = field(default_factory=list)


@dataclass(frozen=True, kw_only=True, slots=True)
class Button:
    """A button as members see it."""

    label: str
    custom_id: str | None
    style: int
    disabled: bool
    url: str | None
    emoji: str | None


@dataclass(eq=False, kw_only=True, slots=True)
class Message:
    """One message. embeds, components: as sent, with ids given. files: all that was uploaded with it.

    visible_to: the one person who sees an ephemeral message; None: everybody. pings: who was notified, edits included.
    by: the interaction that it answers. edits: the moments at which it was edited, in Unix seconds.
    """

    id: int
    channel: Channel
    author: Person
    created_at: float
    kind: MessageKind = MessageKind.DEFAULT
    content: str = ""
    embeds: list[Json] = field(default_factory=list)
    components: list[Json] = field(default_factory=list)
    files: list[Attachment] = field(default_factory=list)
    flags: Flag = NO_FLAGS
    reference: Reference | None = None
    snapshots: tuple[Snapshot, ...] = ()
    reactions: list[Reaction] = field(default_factory=list)
    pings: Pings
    pinged: set[Person] = field(default_factory=set)
    by: Interaction | None = None
    visible_to: Person | None = None
    nonce: str | None = None
    tts: bool = False
    edits: list[float] = field(default_factory=list)
    deleted: bool = False

    def __repr__(self) -> str:
        return f"<message {self.id} by {self.author.name} in {self.channel}: {self.text[:80]!r}>"

    # -- looking ------------------------------------------------------------------------------------------------

    @property
    def ephemeral(self) -> bool:
        return bool(self.flags & Flag.EPHEMERAL)

    @property
    def thinking(self) -> bool:
        """It is the placeholder of a deferred answer."""
        return bool(self.flags & Flag.LOADING)

    @property
    def edited_at(self) -> float | None:
        return self.edits[-1] if self.edits else None

    @property
    def thread(self) -> Channel | None:
        """The thread that was made of it: it has the same id."""
        found = self.channel.state.channels.get(self.id)
        return found if found is not None and found.parent is self.channel else None

    @property
    def replied_to(self) -> Message | None:
        """The message that it visibly answers, if that still stands."""
        if self.reference is None or self.reference.forward or self.reference.message_id is None:
            return None
        return self.channel.log.get(self.reference.message_id)

    @property
    def parts(self) -> Iterator[Json]:
        """Every component, nested ones too."""
        return walk(self.components)

    @property
    def buttons(self) -> list[Button]:
        return [
            Button(
                label=part.get("label") or "",
                custom_id=part.get("custom_id"),
                style=part["style"],
                disabled=bool(part.get("disabled")),
                url=part.get("url"),
                emoji=(part.get("emoji") or {}).get("name"),
            )
            for part in self.parts
            if part["type"] == 2
        ]

    @property
    def text(self) -> str:
        """All that can be read in it, without buttons: content, embeds, text components, forwarded words."""
        lines = [self.content]
        for embed in self.embeds:
            lines += [embed.get("title") or "", embed.get("description") or ""]
            lines += [f"{field['name']}\n{field['value']}" for field in embed.get("fields") or ()]
            lines.append((embed.get("footer") or {}).get("text") or "")
        lines += [part["content"] for part in self.parts if part["type"] == 10]
        lines += [snapshot.content for snapshot in self.snapshots]
        return "\n".join(line for line in lines if line)

    @property
    def attachments(self) -> list[Attachment]:
        """Files that stand on their own: none that an embed or a component shows (Discord's docs)."""
        shown = self.shown_names
        return [file for file in self.files if file.filename not in shown]

    @property
    def pictures(self) -> list[Attachment]:
        """Pictures that a member sees, wherever the message shows them."""
        if self.flags & Flag.COMPONENTS_V2:
            return [file for file in self.files if file.is_picture and file.filename in self.shown_names]
        return [file for file in self.files if file.is_picture]

    @property
    def shown_names(self) -> set[str]:
        """Names of its own files that its embeds and components show."""
        return {url.removeprefix("attachment://") for url in media_urls(self.embeds, self.components)}

    @property
    def is_regular(self) -> bool:
        """Said, and not the answer to an interaction: a ping-reply to it carries its words to its author."""
        return self.kind in SPOKEN and self.by is None

    def reaction(self, emoji: str) -> Reaction | None:
        return next((reaction for reaction in self.reactions if reaction.emoji == emoji), None)

    def moods_of(self, person: Person) -> list[str]:
        """The emoji with which a person has reacted."""
        return [reaction.emoji for reaction in self.reactions if person in reaction.by]

    # -- changing (as a moderator would) -------------------------------------------------------------------------

    def delete(self) -> None:
        self.channel.state.acts.delete_message(self)

    def redeliver(self) -> None:
        """The gateway tells of it once more, as after a resumed connection."""
        self.channel.state.tell.message_created(self)


def walk(components: list[Json]) -> Iterator[Json]:
    """Every component of a tree, outer ones first."""
    for component in components:
        yield component
        yield from walk(component.get("components") or [])
        for inner in (component.get("accessory"), component.get("component")):
            if inner:
                yield from walk([inner])


def media_urls(embeds: list[Json], components: list[Json]) -> Iterator[str]:
    """Where the pictures and files of embeds and components come from."""
    for embed in embeds:
        for part in ("image", "thumbnail"):
            if embed.get(part):
                yield embed[part]["url"]
        for part in ("author", "footer"):
            if (embed.get(part) or {}).get("icon_url"):
                yield embed[part]["icon_url"]
    for component in walk(components):
        if component["type"] == 12:
            yield from (item["media"]["url"] for item in component["items"])
        elif component["type"] == 11:
            yield component["media"]["url"]
        elif component["type"] == 13:
            yield component["file"]["url"]


def snapshot(message: Message) -> Snapshot:
    """What a message says at this moment, to be passed on."""
    return Snapshot(
        content=message.content,
        embeds=tuple(message.embeds),
        components=tuple(message.components),
        attachments=tuple(message.files),
        kind=message.kind,
        flags=message.flags & ~(Flag.HAS_THREAD | Flag.EPHEMERAL),
        created_at=message.created_at,
        edited_at=message.edited_at,
    )


def reference_to(message: Message, *, forward: bool = False) -> Reference:
    guild = message.channel.guild
    return Reference(
        channel_id=message.channel.id, message_id=message.id, guild_id=guild.id if guild else None, forward=forward
    )
