"""Which processes of the bot run, and what befalls them? Real ones: started, killed, stopped, frozen, and started again."""

from __future__ import annotations

import asyncio
import json
import signal
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

from tests.e2e.program import Running, running

HEALED = 120.0  # seconds, against hanging only: until a process that was started says that it works
BUGS = ("bug", "poisoned", "platform_failed", "task_failed", "malformed_event")
"""How lines of the log begin that tell of a mistake of ours."""


class Seat:
    """One process's place: whoever sits there is started again whenever it has ended."""

    def __init__(self, name: str, folder: Path, settings: Mapping[str, str]) -> None:
        self.name = name
        self.moves = asyncio.Event()  # unless it is frozen
        self.moves.set()
        self.log: list[dict[str, Any]] = []  # of those that sat here before
        self.troubles: list[str] = []
        self._folder = folder
        self._settings = settings
        self._running: Running | None = None
        self._wanted = asyncio.Event()
        self._expected = False
        self._keeping: asyncio.Task[None] | None = None

    def begin(self) -> None:
        self._wanted.set()
        self._keeping = asyncio.create_task(self._keep(), name=f"seat-{self.name}")

    async def works(self) -> Running:
        """The process that sits here now, once it has said that it has started."""
        async with asyncio.timeout(HEALED):
            while True:
                await self._wanted.wait()
                sitting = self._running
                if sitting is not None:
                    with suppress(AssertionError):  # it was killed meanwhile
                        await sitting.logs("started")
                        return sitting
                await asyncio.sleep(0.05)

    async def ends(self, how: signal.Signals, *, away: float | None) -> None:
        """Ends who sits here; the next one is started `away` seconds later, or never."""
        sitting = self._running
        if sitting is None or not self.moves.is_set():
            return
        self._wanted.clear()
        self._expected = True
        try:
            code = await sitting.ends(how)
            # one that was only just starting knows no signals yet, and has nothing to end
            had_begun = bool(sitting.log) or code != -signal.SIGTERM
            if how is signal.SIGTERM and code != 0 and had_begun:
                self.troubles.append(f"{self.name} was asked to stop, and ended with {code}")
        except TimeoutError:
            self.troubles.append(f"{self.name} was asked to stop, and did not")
            await sitting.kill()
        if away is not None:
            await asyncio.sleep(away)
            self._wanted.set()

    async def pause(self, seconds: float) -> None:
        """Stands still for so long, as a laptop that sleeps or a machine that swaps."""
        sitting = self._running
        if sitting is None or not self.moves.is_set():
            return
        self.moves.clear()
        try:
            with suppress(ProcessLookupError):
                sitting.stand_still()
                await asyncio.sleep(seconds)
                sitting.go_on()
        finally:
            self.moves.set()

    async def close(self) -> None:
        """Ends it for good, by SIGTERM."""
        await self.ends(signal.SIGTERM, away=None)
        if self._keeping:
            self._keeping.cancel()
            await asyncio.gather(self._keeping, return_exceptions=True)

    async def _keep(self) -> None:
        while True:
            await self._wanted.wait()
            self._expected = False
            try:
                await self._sit()
            except AssertionError as error:  # what no process of the bot may do, whoever runs it
                self.troubles.append(f"{self.name}: {error}")

    async def _sit(self) -> None:
        """One process's life."""
        async with running(self._folder, "run", **self._settings) as sitting:
            self._running = sitting
            code = await sitting.over()
            self._running = None
            self.log += sitting.log
            if not self._expected:
                said = "".join((*sitting.out, *sitting.err)[-15:])
                self.troubles.append(f"{self.name} ended by itself with {code}:\n{said}")
                await asyncio.sleep(1.0)


class Fleet:
    """All seats. Choosing by a chance keeps a plan independent of how many there are."""

    def __init__(self, folder: Path, seats: Mapping[str, Mapping[str, str]]) -> None:
        """seats: settings by name, beside those of the environment that tests have."""
        self.seats = [Seat(name, folder, settings) for name, settings in seats.items()]

    def begin(self) -> None:
        for seat in self.seats:
            seat.begin()

    @property
    def listening(self) -> Seat:
        """Who hears members: every engine names it first."""
        return self.seats[0]

    def seat(self, chance: float) -> Seat:
        return self.seats[int(chance * len(self.seats))]

    async def works(self) -> None:
        """Until every seat is taken by a process that works."""
        await asyncio.gather(*(seat.works() for seat in self.seats))

    async def close(self) -> None:
        await asyncio.gather(*(seat.close() for seat in self.seats))

    def keep_logs(self, folder: Path, name: str) -> None:
        """A file for each seat, one line for each of the log's."""
        for seat in self.seats:
            lines = (json.dumps(line, ensure_ascii=False) for line in seat.log)
            (folder / f"{name}-{seat.name}.jsonl").write_text("\n".join([*lines, ""]), encoding="utf-8")

    def troubles(self) -> list[str]:
        """What no process may do, whatever befalls it: end by itself, or have a bug."""
        lines = [(seat.name, line) for seat in self.seats for line in seat.log]
        bugs = [f"{name} logged: {line}" for name, line in lines if str(line.get("event", "")).startswith(BUGS)]
        return [trouble for seat in self.seats for trouble in seat.troubles] + bugs
