"""How does the bot log? One event per line: readable on a terminal, JSON otherwise."""

from __future__ import annotations

import logging
import sys

import structlog

_LOUD = (
    "httpx",
    "httpcore",
    "asyncio",
    "aiosqlite",
    "alembic",
    "sqlalchemy",
    "PIL",
    "nicegui",
    "discord",
    "engineio",
    "socketio",
    "uvicorn",
)
"""Libraries whose own chatter (addresses of requests, for one) has no place in the bot's log below a warning."""


def configure(level: str) -> None:
    """Sends structlog's and the libraries' events to standard error, from this level on."""
    shared: list[structlog.types.Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
    ]
    readable = sys.stderr.isatty()
    # plain tracebacks: the pretty ones show local variables, and with them a key or a signed address
    renderers: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=shared,
            processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
        )
    )
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
