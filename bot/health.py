"""What of the world outside works just now? A fault is logged once, its end once, however often it is met between."""

from __future__ import annotations

from dataclasses import dataclass

import structlog


@dataclass(frozen=True, kw_only=True, slots=True)
class Trouble:
    """Why something doesn't work. owner: only the bot's owner can end it (a key, credit, a model)."""

    reason: str
    since: float
    owner: bool


class Health:
    """Remembers the present trouble of each dependency: `queue`, `database`, a platform's name."""

    def __init__(self) -> None:
        self._troubles: dict[str, Trouble] = {}
        self._log = structlog.get_logger("health")

    def failed(self, name: str, reason: str, *, now: float, owner: bool = False) -> None:
        """Logs the first failure, and one that needs the owner where the one before did not, or was of another kind."""
        known = self._troubles.get(name)
        if known is None or (owner and (not known.owner or _kind(reason) != _kind(known.reason))):
            log = self._log.error if owner else self._log.warning
            log("dependency_failed", dependency=name, reason=reason, owner_must_act=owner)
        since = known.since if known else now
        self._troubles[name] = Trouble(reason=reason, since=since, owner=owner or bool(known and known.owner))

    def worked(self, name: str, *, now: float) -> None:
        """Ends a trouble, if there was one."""
        trouble = self._troubles.pop(name, None)
        if trouble:
            self._log.info("dependency_recovered", dependency=name, after_seconds=round(now - trouble.since, 1))

    def troubles(self) -> dict[str, Trouble]:
        return dict(self._troubles)


def _kind(reason: str) -> str:
    """`credit: ...` and `key: ...` are two troubles, not one."""
    return reason.partition(":")[0]
