"""The web: the playground (a platform), the operator's pages, and the bot's HTTP server.

NiceGUI is loaded only by `connect` and `serve`: it takes a second and is one per process, and a bot that runs neither
must not pay for it.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from starlette.routing import BaseRoute

from adapters.web.checks import check
from adapters.web.server import Server
from adapters.web.settings import Settings, configured, refusal
from bot.errors import GiveUp
from bot.service import Service
from bot.views import Views

if TYPE_CHECKING:
    from adapters.web.outbound import Playground

__all__ = ["Server", "Settings", "check", "configured", "connect", "serve", "watch"]


def connect(settings: Settings, service: Service, views: Views) -> Playground:  # noqa: ARG001  the same for every adapter
    """The playground as a platform; its pages open where `serve` is given it."""
    from adapters.web.outbound import Playground  # noqa: PLC0415  see above

    return Playground(views)


def serve(
    settings: Settings,
    service: Service,
    views: Views,
    *,
    playground: Playground | None,
    secret: str,
    data_dir: Path,
    port: int | range | None = None,
    routes: Sequence[BaseRoute] = (),
) -> Server:
    """The HTTP server with all of its pages; once per process.

    playground: None leaves its pages away. secret: signs sessions; whoever changes it signs everybody out. data_dir: what
    NiceGUI keeps goes there. port: instead of HTTP_PORT; of a range the first that is free. routes: another platform's,
    open to everyone: they check their callers themselves. Raises GiveUp with a sentence when this host needs a password.
    """
    refused = refusal(settings)
    if refused:
        raise GiveUp(refused)
    from adapters.web.serving import serve as assembled  # noqa: PLC0415  see above

    return assembled(
        settings, service, views, playground=playground, secret=secret, data_dir=data_dir, port=port, routes=routes
    )


def watch(settings: Settings, views: Views) -> Server:
    """The HTTP server of a process without pages: /healthz, /readyz and /metrics, on HTTP_PORT, behind the same password.

    Raises GiveUp with a sentence when this host needs a password.
    """
    refused = refusal(settings)
    if refused:
        raise GiveUp(refused)
    from adapters.web.watching import watch as assembled  # noqa: PLC0415  see above

    return assembled(settings, views)
