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


_SHARED: tuple[structlog.types.Processor, ...] = (
    structlog.contextvars.merge_contextvars,
    structlog.stdlib.add_logger_name,
    structlog.stdlib.add_log_level,
    structlog.processors.TimeStamper(fmt="iso", utc=True),
)


def formatter(*, readable: bool = False) -> logging.Formatter:
    """Makes one line of an event, ours or a library's. readable: for people, with colours; else JSON."""
    # plain tracebacks: the pretty ones show local variables, and with them a key or a signed address
    renderers: list[structlog.types.Processor] = (
        [structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)]
        if readable
        else [structlog.processors.format_exc_info, structlog.processors.JSONRenderer()]
    )
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=_SHARED,
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, *renderers],
    )


def configure(level: str, handler: logging.Handler | None = None) -> None:
    """Sends structlog's and the libraries' events to standard error, from this level on, or to a handler of one's own."""
    if handler is None:
        handler = logging.StreamHandler(sys.stderr)
        handler.setFormatter(formatter(readable=sys.stderr.isatty()))
    root = logging.getLogger()
    root.handlers[:] = [handler]
    root.setLevel(level)
    for name in _LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    structlog.configure(
        processors=[*_SHARED, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
