"""How does what happened reach the app: over which connection, how often, and was it acknowledged in time?

Three seconds for everything. Events are sent again when nobody acknowledged them (at once, after a minute, after five);
of commands and interactions Slack tells the member that they failed. Each goes to exactly one connection.
"""

from __future__ import annotations

import asyncio
import copy
import json
from collections.abc import Callable, Generator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from tests.emulators.slack.ledger import Exchange
from tests.emulators.slack.model import Bot

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core
    from tests.emulators.slack.sockets import Socket

Json = dict[str, Any]

DEADLINE = 3.0  # seconds (documented)
RETRIES = (0.0, 60.0, 300.0)  # seconds after the failure before (documented: at once, one minute, five minutes)


@dataclass(frozen=True, kw_only=True, slots=True)
class Ack:
    """payload: what the app answered with, if anything. after: seconds of the emulator's clock. via: the connection."""

    payload: Any
    after: float
    via: str


@dataclass(kw_only=True, eq=False)
class Attempt:
    """number: 0 for the first. failure: `timeout`, `connection_failed`, `http_error` or the like, if it failed."""

    number: int
    reason: str
    at: float
    via: str = ""
    status: int | None = None
    ack: Ack | None = None
    failure: str | None = None


@dataclass(kw_only=True, eq=False)
class Delivery:
    """One thing that the app is told. Await it: its `Ack`, or None if nobody acknowledged the first attempt in time.

    type: `events_api`, `slash_commands` or `interactive`. payload: as the app gets it.
    """

    type: str
    payload: Json
    bot: Bot
    answered: Callable[[Any], None] | None = None  # is told what an acknowledgement carried
    attempts: list[Attempt] = field(default_factory=list)
    lost: bool = False
    first: asyncio.Future[Ack | None] = field(default_factory=lambda: asyncio.get_running_loop().create_future())

    def __await__(self) -> Generator[Any, None, Ack | None]:
        return asyncio.shield(self.first).__await__()

    @property
    def ack(self) -> Ack | None:
        """The first acknowledgement, if there is one by now."""
        return next((attempt.ack for attempt in self.attempts if attempt.ack), None)

    @property
    def kind(self) -> str:
        """The event's type, the command, or the interaction's type."""
        event = self.payload.get("event", {})
        return str(event.get("type") or self.payload.get("command") or self.payload.get("type"))

    @property
    def id(self) -> str | None:
        return self.payload.get("event_id")

    @property
    def trigger_id(self) -> str:
        return str(self.payload["trigger_id"])

    @property
    def response_url(self) -> str:
        return str(self.payload["response_url"])

    def __repr__(self) -> str:
        return f"<{self.type} {self.kind}: {len(self.attempts)} attempt(s), {self.ack}>"


class Hold:
    """Deliveries that wait, in the order of what happened; `release` lets them go, reversed if asked to."""

    def __init__(self, courier: Courier) -> None:
        self._courier = courier
        self.waiting: list[Delivery] = []

    async def release(self, *, backwards: bool = False) -> None:
        """Each is sent when the one before was answered or timed out, so that the order is certain."""
        if self in self._courier.holds:
            self._courier.holds.remove(self)
        waiting, self.waiting = self.waiting, []
        for delivery in reversed(waiting) if backwards else waiting:
            self._courier.start(delivery)
            await delivery


class Courier:
    """Steer: `hold()`, `lose(n)`, `duplicate(n)`, `on_two_sockets(n)`, `forget()`, `again(delivery)`; look: `deliveries`.

    acks_from_anywhere: an acknowledgement counts although it comes over another socket than its envelope went out on.
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._waiting: dict[str, tuple[asyncio.Future[Any], set[Socket]]] = {}
        self._lose = self._duplicate = self._two = 0
        self.holds: list[Hold] = []
        self.deliveries: list[Delivery] = []
        self.late: list[str] = []  # envelope ids that were acknowledged too late, twice, or never sent
        self.acks_from_anywhere = True

    # -- what a test may do ---------------------------------------------------------------------------------------

    @contextmanager
    def hold(self) -> Generator[Hold, None, None]:
        """What happens meanwhile is not delivered before `release`."""
        hold = Hold(self)
        self.holds.append(hold)
        try:
            yield hold
        finally:
            if hold in self.holds:
                self.holds.remove(hold)
            for delivery in hold.waiting:
                self.start(delivery)
            hold.waiting = []

    def lose(self, times: int = 1) -> None:
        """The next deliveries never arrive, as when Slack had nowhere to send them for too long."""
        self._lose += times

    def duplicate(self, times: int = 1) -> None:
        """The next deliveries are sent again although they were acknowledged."""
        self._duplicate += times

    def on_two_sockets(self, times: int = 1) -> None:
        """The next envelopes go to two sockets at once, the same envelope on both."""
        self._two += times

    def forget(self) -> None:
        """Nobody knows any more what is on its way: its acknowledgement counts for nothing, and events come again."""
        for answer, _ in self._waiting.values():
            if not answer.done():
                answer.set_exception(ConnectionResetError("restarted"))

    async def again(self, delivery: Delivery, reason: str = "timeout") -> Ack | None:
        """Send it once more, as a redelivery."""
        attempt = await self._attempt(delivery, len(delivery.attempts), reason)
        return attempt.ack

    def of(self, kind: str) -> list[Delivery]:
        """Deliveries of this kind (`app_mention`, `/imagine`, `block_actions`), oldest first."""
        return [delivery for delivery in self.deliveries if delivery.kind == kind]

    # -- what the emulator does -----------------------------------------------------------------------------------

    def send(self, bot: Bot, type_: str, payload: Json, answered: Callable[[Any], None] | None = None) -> Delivery:
        """Begins to deliver, and returns at once."""
        delivery = Delivery(type=type_, payload=copy.deepcopy(payload), bot=bot, answered=answered)
        self.deliveries.append(delivery)
        if self._lose:
            self._lose -= 1
            delivery.lost = True
            delivery.first.set_result(None)
        elif self.holds:
            self.holds[-1].waiting.append(delivery)
        else:
            self.start(delivery)
        return delivery

    def start(self, delivery: Delivery) -> None:
        self._core.spawn(self._deliver(delivery))

    async def _deliver(self, delivery: Delivery) -> None:
        attempt = await self._attempt(delivery, 0, "")
        if not delivery.first.done():
            delivery.first.set_result(attempt.ack)
        if attempt.ack:
            if self._duplicate:
                self._duplicate -= 1
                await self._attempt(delivery, 1, "timeout")
            return
        if delivery.type != "events_api":
            self._tell_member(delivery, attempt)
            return
        for number, wait in enumerate(RETRIES, 1):
            if attempt.ack or attempt.failure == "no_retry":
                return
            await self._core.clock.until(self._core.clock.now() + wait)
            attempt = await self._attempt(delivery, number, attempt.failure or "timeout")

    def _tell_member(self, delivery: Delivery, attempt: Attempt) -> None:
        """What Slack shows to who used a command or a button of an app that did not answer."""
        payload = delivery.payload
        member = self._core.directory.members[payload.get("user_id") or payload["user"]["id"]]
        error = "operation_timeout" if attempt.failure in ("timeout", "http_timeout") else "dispatch_failed"
        member.notices.append(f"{delivery.kind} failed with the error {error!r}")

    async def _attempt(self, delivery: Delivery, number: int, reason: str) -> Attempt:
        attempt = Attempt(number=number, reason=reason, at=self._core.clock.now())
        delivery.attempts.append(attempt)
        self._core.changed()
        app = delivery.bot.app
        with self._core.working():
            if app.socket_mode:
                await self._over_socket(delivery, attempt)
            elif app.request_url:
                await self._core.poster.post(delivery, attempt)
            else:
                attempt.failure = "connection_failed"
            if attempt.ack and delivery.answered:
                delivery.answered(attempt.ack.payload)
        return attempt

    async def _over_socket(self, delivery: Delivery, attempt: Attempt) -> None:
        two, self._two = (True, self._two - 1) if self._two else (False, 0)
        sockets = self._core.sockets.choose(2 if two else 1)
        if not sockets:
            attempt.failure = "connection_failed"
            return
        envelope: Json = {
            "envelope_id": self._core.ids.uuid(),
            "type": delivery.type,
            "payload": delivery.payload,
            "accepts_response_payload": delivery.type != "events_api",
        }
        if delivery.type == "events_api":
            envelope |= {"retry_attempt": attempt.number, "retry_reason": attempt.reason}
        attempt.via = "+".join(socket.name for socket in sockets)
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting[envelope["envelope_id"]] = (answer, set(sockets))
        note = self._core.ledger.note(
            Exchange(method="(envelope)", kind=delivery.kind, at=attempt.at, args=delivery.payload, verb="WS")
        )
        for socket in sockets:
            await socket.send(envelope)
        try:
            payload = await self.in_time(answer, attempt.at)
        except TimeoutError:
            attempt.failure = "timeout"
        except ConnectionResetError:
            attempt.failure = "connection_failed"
        else:
            after = self._core.clock.now() - attempt.at
            attempt.ack = Ack(payload=payload, after=after, via=attempt.via)
            note.status, note.answer = 200, payload
        finally:
            del self._waiting[envelope["envelope_id"]]

    async def in_time(self, answer: asyncio.Future[Any], began: float) -> Any:
        """The answer, if it comes within three seconds of the emulator's clock; else TimeoutError."""
        deadline = asyncio.ensure_future(self._core.clock.until(began + DEADLINE))
        try:
            await asyncio.wait({answer, deadline}, return_when=asyncio.FIRST_COMPLETED)
            if not answer.done():
                raise TimeoutError
            return answer.result()
        finally:
            deadline.cancel()
            answer.cancel()

    def acknowledged(self, message: Json, socket: Socket) -> None:
        """An app's frame on a socket."""
        id = str(message.get("envelope_id"))
        answer, sockets = self._waiting.get(id, (None, set()))
        if answer is None or answer.done() or not (self.acks_from_anywhere or socket in sockets):
            self.late.append(id)
            self._core.changed()
            return
        is_heard = self._core.faults.onlooker("(ack)")
        if is_heard is not None:
            answer.set_result(json.loads(json.dumps(message.get("payload"))))
        if is_heard is None or not is_heard():
            socket.kill()
