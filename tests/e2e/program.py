"""The real program as a process of its own: what it prints, what it logs, how it ends. Tests run it beside an emulator."""

import asyncio
import json
import os
import signal
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.secrets import leaks

ROOT = Path(__file__).parents[2]
KEY = "test-key"
PATIENCE = 60.0  # seconds, against hanging only: nothing is measured by it


@dataclass(frozen=True, kw_only=True, slots=True)
class Ended:
    """How a command ended, and what it said."""

    code: int
    out: str
    err: str


def environment(folder: Path, **settings: str) -> dict[str, str]:
    """Nothing of the developer's settings, and a folder of its own."""
    kept = {name: os.environ[name] for name in ("PATH", "HOME", "TMPDIR") if name in os.environ}
    plain = {
        "PYTHONPATH": str(ROOT),
        "COLUMNS": "100",
        "NO_COLOR": "1",
        "TERM": "dumb",
        "DATA_DIR": str(folder / "data"),
    }
    return kept | plain | settings


async def darkroom(folder: Path, *arguments: str, **settings: str) -> Ended:
    """Runs a command to its end."""
    program = await _begun(folder, arguments, settings)
    out, err = await asyncio.wait_for(program.communicate(), PATIENCE)
    assert program.returncode is not None
    ended = Ended(code=program.returncode, out=out.decode(), err=err.decode())
    _check_for_secrets([*ended.out.splitlines(), *ended.err.splitlines()])
    return ended


async def _begun(
    folder: Path, arguments: tuple[str, ...], settings: dict[str, str], module: tuple[str, ...] = ("bot",)
) -> asyncio.subprocess.Process:
    await asyncio.to_thread(folder.mkdir, exist_ok=True)
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", *module, *arguments,
        cwd=folder, env=environment(folder, **settings),
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


class Running:
    """A command that goes on: `run` or `demo`. log: its structured lines so far."""

    def __init__(self, program: asyncio.subprocess.Process) -> None:
        self._program = program
        self._changed = asyncio.Event()
        self.out: list[str] = []
        self.err: list[str] = []
        self.log: list[dict[str, Any]] = []
        self._reading = asyncio.gather(
            self._read(program.stdout, self.out), self._read(program.stderr, self.err, self.log)
        )

    @property
    def pid(self) -> int:
        return self._program.pid

    async def says(self, part: str) -> str:
        """The first line of its output with these words in it."""
        await self._until(lambda: any(part in line for line in self.out))
        return next(line for line in self.out if part in line)

    async def logs(self, event: str, *, times: int = 1, **facts: Any) -> list[dict[str, Any]]:
        """The lines of its log that say this, once there are so many."""

        def found() -> list[dict[str, Any]]:
            return [e for e in self.log if e.get("event") == event and all(e.get(k) == v for k, v in facts.items())]

        await self._until(lambda: len(found()) >= times)
        return found()

    def stand_still(self) -> None:
        """Until `go_on`: it neither works nor knows that time passes."""
        self._program.send_signal(signal.SIGSTOP)

    def go_on(self) -> None:
        self._program.send_signal(signal.SIGCONT)

    async def kill(self) -> None:
        """Nothing is drained, nothing is said."""
        await self.ends(signal.SIGKILL)

    async def ends(self, how: signal.Signals = signal.SIGTERM) -> int:
        """Its exit code, after this signal."""
        with suppress(ProcessLookupError):
            self._program.send_signal(how)
        code = await asyncio.wait_for(self._program.wait(), PATIENCE)
        await self._reading
        return code

    async def over(self) -> int:
        """Its exit code, whenever it ends by itself or by somebody else's signal."""
        code = await self._program.wait()
        await self._reading
        return code

    async def _until(self, seen: Callable[[], bool]) -> None:
        async with asyncio.timeout(PATIENCE):
            while not seen():
                assert self._program.returncode is None, "it ended:\n" + "".join(self.out + self.err)
                self._changed.clear()
                await self._changed.wait()

    async def _read(
        self, stream: asyncio.StreamReader | None, lines: list[str], log: list[dict[str, Any]] | None = None
    ) -> None:
        assert stream is not None
        while line := (await stream.readline()).decode():
            lines.append(line)
            if log is not None and line.startswith("{"):
                log.append(json.loads(line))
            self._changed.set()
        self._changed.set()


@asynccontextmanager
async def running(
    folder: Path, *arguments: str, module: tuple[str, ...] = ("bot",), **settings: str
) -> AsyncIterator[Running]:
    """A command that runs while the block lasts, and is gone afterwards whatever happened.

    module: what stands between Python and the command, where that is not the bot itself.
    """
    program = await _begun(folder, arguments, settings, module)
    started = Running(program)
    try:
        yield started
    finally:
        if program.returncode is None:
            await started.kill()
    said = [] if arguments[0] == "emulator" else started.out  # it says its own key
    _check_for_secrets([*said, *started.err])


def _check_for_secrets(lines: list[str]) -> None:
    assert [line for line in lines if leaks(line)] == [], "a secret was said or logged"
