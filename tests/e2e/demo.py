"""The real `darkroom demo` as a process of its own, which tests can kill and start again on the same port."""

import os
import queue
import signal
import socket
import subprocess
import sys
import threading
from pathlib import Path

START_SECONDS = 90


class Demo:
    """One demo on one folder. latency: of the emulated queue, seconds from and to."""

    def __init__(self, folder: Path, *, latency: str) -> None:
        self._folder = folder
        self._latency = latency
        self._port = free_port()
        self._program: subprocess.Popen | None = None
        self.output: list[str] = []

    @property
    def address(self) -> str:
        return f"http://127.0.0.1:{self._port}"

    def start(self) -> None:
        """Returns when the playground can be opened."""
        command = (sys.executable, "-m", "bot", "demo", "--port", str(self._port), "--latency", self._latency)
        self._program = subprocess.Popen(
            [*command, "--no-browser"],
            cwd=self._folder,
            env=os.environ | {"DATA_DIR": str(self._folder / "data"), "PYTHONPATH": str(Path(__file__).parents[2])},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        lines: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._read, args=(self._program, lines), daemon=True).start()
        while True:
            line = lines.get(timeout=START_SECONDS)
            if self.address in line:
                return
            if not line:
                raise RuntimeError("the demo did not start:\n" + "".join(self.output))

    def kill(self) -> None:
        """As a power cut would: nothing is drained, nothing is said."""
        self._end(signal.SIGKILL)

    def stop(self) -> None:
        self._end(signal.SIGTERM)

    def _end(self, how: signal.Signals) -> None:
        if self._program:
            self._program.send_signal(how)
            self._program.wait(timeout=30)
            self._program = None

    def _read(self, program: subprocess.Popen, lines: queue.Queue[str]) -> None:
        """Goes on to the end, so that the program never waits for somebody to read what it says."""
        with program.stdout:
            for line in program.stdout:
                self.output.append(line)
                lines.put(line)
        lines.put("")


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]
