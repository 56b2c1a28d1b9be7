"""How does a command reach the running bot? Through a unix socket beside the database: one JSON line there, one back."""

from __future__ import annotations

import asyncio
import hashlib
import json
import os
import tempfile
from collections.abc import Awaitable, Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import structlog

from bot.errors import UserError
from bot.ports import StoreBusy

_LONGEST_PATH = 100  # bytes; unix socket addresses end at 104 (macOS) or 108 (Linux)
_LONGEST_LINE = 65_536

Command = Callable[[dict[str, Any]], Awaitable[str]]
"""Takes the arguments, returns the sentence to print; may raise UserError and StoreBusy."""


class NoBot(Exception):
    """No bot is running on this store."""


def socket_path(folder: Path) -> Path:
    """Beside the database; in the folder for temporary files where that path is too long for a socket."""
    beside = folder.resolve() / "darkroom.sock"
    if len(os.fsencode(beside)) <= _LONGEST_PATH:
        return beside
    name = hashlib.sha256(os.fsencode(beside)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"darkroom-{os.getuid()}-{name}.sock"


async def serve(path: Path, commands: dict[str, Command]) -> None:
    """Answers commands until cancelled. Only the user who runs the bot can connect."""
    log = structlog.get_logger("control")

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(10):
                asked = await reader.readline()
            reply = await _reply(asked, commands)
            writer.write(json.dumps(reply).encode() + b"\n")
            await writer.drain()
        except (ConnectionError, TimeoutError, ValueError) as error:
            log.warning("command_cut_off", reason=type(error).__name__)
        except Exception:
            log.exception("command_failed")
        finally:
            writer.close()

    path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)  # on a shared database nobody has made DATA_DIR yet
    _remove(path)  # left by a bot that was killed; the store's lock says that none lives
    old_mask = os.umask(0o177)
    try:
        server = await asyncio.start_unix_server(answer, path, limit=_LONGEST_LINE)
    finally:
        os.umask(old_mask)
    try:
        async with server:
            await server.serve_forever()
    finally:
        _remove(path)


def _remove(path: Path) -> None:
    with suppress(FileNotFoundError):
        path.unlink()


async def _reply(line: bytes, commands: dict[str, Command]) -> dict[str, Any]:
    asked = json.loads(line)
    command = commands.get(asked.get("command", ""))
    if command is None:
        return {"ok": False, "text": "The running bot does not know this command; it may be of an older version."}
    try:
        return {"ok": True, "text": await command(asked.get("arguments", {}))}
    except (UserError, StoreBusy) as error:
        return {"ok": False, "text": str(error)}


async def ask(path: Path, command: str, arguments: dict[str, Any]) -> str:
    """The running bot's sentence. Raises NoBot when none listens there, UserError with the bot's refusal."""
    try:
        reader, writer = await asyncio.open_unix_connection(path, limit=_LONGEST_LINE)
    except (FileNotFoundError, ConnectionRefusedError):
        raise NoBot from None
    try:
        writer.write(json.dumps({"command": command, "arguments": arguments}).encode() + b"\n")
        await writer.drain()
        line = await reader.readline()
    finally:
        writer.close()
    if not line:
        raise UserError("The running bot broke off without an answer; look at its log.")
    reply = json.loads(line)
    if not reply["ok"]:
        raise UserError(reply["text"])
    return str(reply["text"])
