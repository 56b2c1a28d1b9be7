"""What does the service do with a request, whoever carries it: accept or refuse it, run it, and know its state?"""

from __future__ import annotations

import asyncio
import hmac
import logging
import random
import secrets
import uuid
from dataclasses import dataclass
from typing import Any

from bot.emulator.behaviour import Behaviours
from bot.emulator.catalogue import serving
from bot.emulator.clock import Clock
from bot.emulator.directives import Wish, wish_of
from bot.emulator.faults import Faults
from bot.emulator.files import Bucket, Signer
from bot.emulator.generation import Studio
from bot.emulator.holds import Holds
from bot.emulator.journal import Journal
from bot.emulator.ledger import Ledger
from bot.emulator.options import EmulatorOptions
from bot.emulator.records import NEVER, ORG_ID, USER_ID, Record, RecordBook, Result
from bot.emulator.validation import Asked, InvalidPayload, read

log = logging.getLogger(__name__)


class Rejection(Exception):
    """The service does not accept a request: an HTTP status and the text of `{"error": ..}`."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status = status


@dataclass(slots=True, kw_only=True)
class Account:
    """What the account may do; tests change it while the emulator runs."""

    keys: tuple[str, ...]
    no_access: tuple[str, ...]
    credit: int | None


class RequestQueue:
    """The emulated service without its HTTP."""

    def __init__(self, options: EmulatorOptions) -> None:
        self.options = options
        self.clock = Clock()
        self.account = Account(keys=options.keys, no_access=options.no_access, credit=options.credit)
        self.models = serving(options.models)
        self.behaviours = Behaviours(options.behaviour)
        self.faults = Faults()
        self.holds = Holds()
        self.ledger = Ledger(options.keep_exchanges)
        self.records = RecordBook()
        self.bucket = Bucket(ORG_ID, USER_ID, options.folder and options.folder / "files")
        self.signer = Signer(secrets.token_bytes(32))
        self._journal = Journal(options.folder and options.folder / "records")
        self._studio = Studio(
            self.bucket, real_paint=options.paint, image_bytes=options.image_bytes, signed=options.signed
        )
        self._chance = random.Random(options.seed)
        self._wished: set[str] = set()

    def key_state(self, authorization: str | None) -> str:
        """`good`, `wrong` or `missing`."""
        if authorization is None:
            return "missing"
        scheme, _, key = authorization.partition(" ")
        good = any(hmac.compare_digest(key.encode(), known.encode()) for known in self.account.keys)
        return "good" if good and scheme.lower() == "bearer" else "wrong"

    def wish(self, words: str) -> Wish:
        """What the directives in a prompt ask for; their faults are told only the first time these words are asked."""
        if not self.options.directives:
            return Wish()
        wish = wish_of(words)
        if words in self._wished:
            wish.faults.clear()
        elif wish.faults:
            self._wished.add(words)
        return wish

    def accept(self, body: Any, changes: dict[str, Any]) -> Record:
        """A new record for the body of a POST, or Rejection. Checks in the order observed: model, shape, access, credit."""
        model_id = body.get("model") if isinstance(body, dict) else None
        if not isinstance(model_id, str):
            raise Rejection(400, "invalid request body: model is required")
        model = self.models.get(model_id)
        if model is None:
            raise Rejection(404, f"model {model_id} does not exist")
        try:
            asked = read(body.get("payload"), model)
        except InvalidPayload as invalid:
            raise Rejection(400, str(invalid)) from invalid
        if model_id in self.account.no_access:
            raise Rejection(404, f"you do not have access to model {model_id}")
        if self.account.credit is not None:
            if self.account.credit <= 0:
                raise Rejection(402, "Insufficient credits. Please add more credits to your account.")
            self.account.credit -= 1
        return self._begin(model_id, body["payload"], asked, changes)

    def _begin(self, model_id: str, payload: dict[str, Any], asked: Asked, changes: dict[str, Any]) -> Record:
        behaviour = self.behaviours.take(asked.words).changed(changes)
        if self.models[model_id].dead:
            behaviour = behaviour.changed({"ending": "stuck"})
        latency = NEVER if behaviour.ending == "stuck" else self._draw(behaviour.latency)
        now = self.clock.now()
        record = Record(
            request_id=str(uuid.uuid4()),
            model=model_id,
            payload=payload,
            asked=asked,
            behaviour=behaviour,
            created=now,
            latency=latency,
            ends=now.monotonic + latency,
            cancelled=behaviour.ending == "cancelled",
        )
        self.records.add(record)
        self._journal.write(record)
        self._start(record)
        return record

    def resume(self) -> None:
        """Take up what an earlier emulator left in the folder: its records, and the painting that it had not finished."""
        for record in self._journal.read(self.models, self.bucket, self.clock.now()):
            if self.records.get(record.request_id) is None:
                self.records.add(record)
                if record.result is None:
                    self._start(record)

    def _draw(self, chosen: float | None) -> float:
        latency = self.options.latency if chosen is None else chosen
        if isinstance(latency, tuple):
            return self._chance.uniform(*latency)
        return NEVER if isinstance(latency, str) else latency

    def _start(self, record: Record) -> None:
        if record.behaviour.ending != "stuck":
            record.work = asyncio.create_task(self._run(record), name=f"generate {record.request_id}")

    async def _run(self, record: Record) -> None:
        model = self.models[record.model]
        if record.cancelled:
            result = Result()
        else:
            try:
                result = await self._studio.generate(record, model.sizes[record.asked.aspect_ratio], model.max_images)
            except Exception:
                log.exception("painting failed", extra={"request_id": record.request_id})
                result = Result(error="internal error of the emulator; its log tells more")
        record.result = result
        record.generated = self.clock.now()
        self._journal.write(record)

    async def settle(self, record: Record) -> None:
        """Make sure that a record whose time has come is terminal when it is looked at."""
        if record.work is not None and record.ends <= self.clock.now().monotonic:
            await asyncio.shield(record.work)

    async def ended(self, record: Record) -> None:
        """Return once the record is terminal."""
        await self.clock.reach(lambda: record.ends)
        await self.settle(record)

    def finish(self, record: Record) -> None:
        """End a record's waiting now."""
        now = self.clock.now()
        if record.ends > now.monotonic:
            record.ends = now.monotonic
            record.latency = now.monotonic - record.created.monotonic
            if record.behaviour.ending == "stuck":
                record.behaviour = record.behaviour.changed({"ending": "success"})
            if record.work is None:
                self._start(record)
            self._journal.write(record)
        self.clock.changed()

    def cancel(self, record: Record) -> None:
        """Let the record end as `cancelled`, now."""
        record.cancelled = True
        self.finish(record)

    async def close(self) -> None:
        """Stop all painting."""
        works = [record.work for record in self.records if record.work is not None and not record.work.done()]
        for work in works:
            work.cancel()
        await asyncio.gather(*works, return_exceptions=True)
