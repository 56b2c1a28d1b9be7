"""What of the world outside works just now? A fault is logged once, its end once, however often it is met between."""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, cast

import structlog

from bot.ports import Store, StoreBusy


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Why something doesn't work. owner: only the bot's owner can end it (a key, credit, a model). seen_at: the last time."""

    reason: str
    since: float
    seen_at: float
    owner: bool


class Health:
    """Remembers the present trouble of each dependency: `queue`, `database`, a platform's name."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        self._began = asyncio.Event()
        self._log = structlog.get_logger("health")

    def failed(self, name: str, reason: str, *, now: float, owner: bool = False) -> None:
        """Logs the first failure, and one that needs the owner where the one before did not, or was of another kind."""
        known = self._troubles.get(name)
        if known is None or (owner and (not known.owner or _kind(reason) != _kind(known.reason))):
            log = self._log.error if owner else self._log.warning
            log("dependency_failed", dependency=name, reason=reason, owner_must_act=owner)
        since = known.since if known else now
        self._troubles[name] = Trouble(
            reason=reason, since=since, seen_at=now, owner=owner or bool(known and known.owner)
        )
        if known is None:
            self._began.set()
            self._began = asyncio.Event()

    def worked(self, name: str, *, now: float) -> None:
        """Ends a trouble, if there was one."""
        trouble = self._troubles.pop(name, None)
        if trouble:
            self._log.info("dependency_recovered", dependency=name, after_seconds=round(now - trouble.since, 1))

    def troubles(self) -> dict[str, Trouble]:
        return dict(self._troubles)

    async def trouble_of(self, name: str) -> Trouble:
        """Waits until this dependency doesn't work."""
        while (trouble := self._troubles.get(name)) is None:
            await self._began.wait()
        return trouble


class WatchedStore:
    """A store whose trouble is told to the operator, whoever meets it; in all else it is that store."""

    def __init__(self, store: Store, failed: Callable[[str], None]) -> None:
        self._store = store
        self._failed = failed
        self._is_closed = False

    def __getattr__(self, name: str) -> Any:
        found = getattr(self._store, name)
        if not inspect.iscoroutinefunction(found):
            return found

        async def call(*args: Any, **kwargs: Any) -> Any:
            try:
                return await found(*args, **kwargs)
            except StoreBusy as error:
                if not self._is_closed:  # then it is no trouble but the bot's end
                    self._failed(str(error))
                raise

        return call

    async def close(self) -> None:
        self._is_closed = True
        await self._store.close()


def watched(store: Store, failed: Callable[[str], None]) -> Store:
    """The store; `failed` is called with the sentence of each StoreBusy."""
    return cast("Store", WatchedStore(store, failed))


def _kind(reason: str) -> str:
    """`credit: ...` and `key: ...` are two troubles, not one."""
    return reason.partition(":")[0]
