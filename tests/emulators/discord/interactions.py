"""What happens between a member's command, click or form and the application's answer?"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from enum import IntEnum
from typing import TYPE_CHECKING, Any

from tests.emulators.discord.messages import walk

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from tests.emulators.discord.channels import Channel
    from tests.emulators.discord.messages import Message
    from tests.emulators.discord.people import Person
    from tests.emulators.discord.state import State

Json = dict[str, Any]

ACKNOWLEDGE_WITHIN = 3.0  # seconds (Discord's docs)
TOKEN_LIVES = 15 * 60.0  # seconds (Discord's docs)


class InteractionKind(IntEnum):
    """Numbers as on the wire."""

    COMMAND = 2
    COMPONENT = 3
    AUTOCOMPLETE = 4
    MODAL = 5


class CallbackKind(IntEnum):
    """Numbers as on the wire."""

    MESSAGE = 4
    DEFERRED_MESSAGE = 5
    DEFERRED_UPDATE = 6
    UPDATE = 7
    CHOICES = 8
    MODAL = 9


class NoAnswerError(AssertionError):
    """The member saw "The application did not respond", or something else than was looked for."""


@dataclass(frozen=True, kw_only=True, slots=True)
class Field:
    """One input of a form, as the member sees it."""

    custom_id: str
    label: str
    component: Json

    @property
    def value(self) -> str:
        """The words it is filled with already."""
        return self.component.get("value") or ""


@dataclass(frozen=True, kw_only=True, slots=True)
class Modal:
    """A form that stands open before the member who asked for it, for as long as they like."""

    asked_by: Interaction
    custom_id: str
    title: str
    components: tuple[Json, ...]

    @property
    def fields(self) -> list[Field]:
        found: list[Field] = []
        for part in self.components:
            inner = [part["component"]] if part["type"] == 18 else part.get("components") or []
            found += [
                Field(
                    custom_id=component["custom_id"],
                    label=part.get("label") or component.get("label") or "",
                    component=component,
                )
                for component in inner
            ]
        return found

    @property
    def text(self) -> str:
        """What it says beside its inputs."""
        return "\n".join(part["content"] for part in walk(list(self.components)) if part["type"] == 10)


@dataclass(frozen=True, kw_only=True, slots=True)
class Answer:
    """The application's first answer. kind: None when none came in time. after: real seconds from the member's act."""

    kind: CallbackKind | None
    after: float
    _message: Message | None = None
    _modal: Modal | None = None
    choices: tuple[Json, ...] = ()

    @property
    def in_time(self) -> bool:
        return self.kind is not None

    @property
    def message(self) -> Message:
        """What the member sees: a message, a placeholder, or the message that was updated."""
        if self._message is None:
            raise NoAnswerError(f"no message was answered, but {self._what()}")
        return self._message

    @property
    def modal(self) -> Modal:
        if self._modal is None:
            raise NoAnswerError(f"no form was opened, but {self._what()}")
        return self._modal

    def _what(self) -> str:
        return self.kind.name.lower() if self.kind else "the application did not respond"


@dataclass(eq=False, kw_only=True, slots=True)
class Interaction:
    """One act of a member that the application must answer. data, payload: as the gateway tells of it."""

    state: State
    id: int
    token: str
    kind: InteractionKind
    person: Person
    channel: Channel
    data: Json
    created_at: float
    began: float  # on the clock's ticks, to measure how long the answer took
    message: Message | None = None
    asked_by: Interaction | None = None  # of a form: what it was opened by
    acknowledged: CallbackKind | None = None
    original: Message | None = None
    followups: list[Message] = field(default_factory=list)
    answered: asyncio.Future[Answer]

    @property
    def answer(self) -> Awaitable[Answer]:
        """Wait for the application's first answer, or for the three seconds to be over."""
        return asyncio.shield(self.answered)

    @property
    def messages(self) -> list[Message]:
        """What the application has said in answer, and still stands."""
        said = [self.original] if self.original is not None and self.original.by is self else []
        return [message for message in [*said, *self.followups] if not message.deleted]

    @property
    def token_expired(self) -> bool:
        return self.state.clock.now() > self.created_at + TOKEN_LIVES

    @property
    def too_late(self) -> bool:
        return self.state.clock.now() > self.created_at + ACKNOWLEDGE_WITHIN

    def acknowledge(
        self,
        kind: CallbackKind,
        *,
        message: Message | None = None,
        modal: Modal | None = None,
        choices: tuple[Json, ...] = (),
    ) -> None:
        self.acknowledged = kind
        self.original = message
        after = self.state.clock.ticks() - self.began
        self._answered(Answer(kind=kind, after=after, _message=message, _modal=modal, choices=choices))

    async def give_up(self) -> None:
        """Ends when the three seconds are over, and the member is told so if nothing was answered."""
        await self.state.clock.until(self.created_at + ACKNOWLEDGE_WITHIN)
        self._answered(Answer(kind=None, after=self.state.clock.ticks() - self.began))

    def redeliver(self) -> None:
        """The gateway tells of it once more, as after a resumed connection."""
        self.state.tell.interaction_created(self)

    def _answered(self, answer: Answer) -> None:
        if not self.answered.done():
            self.answered.set_result(answer)
            self.state.changed()
