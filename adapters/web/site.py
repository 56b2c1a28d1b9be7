"""What does a request pass on its way to a page, and in what order?

headers, body limit ---> another platform's own routes (their callers are checked there)
                    +--> Host and Origin --> password --> health, pictures, login --> NiceGUI's pages
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

from starlette.applications import Starlette
from starlette.middleware import Middleware
from starlette.routing import BaseRoute, Mount
from starlette.types import ASGIApp

from adapters.web.auth import Auth
from adapters.web.envelope import BodyLimit, SafeHeaders
from adapters.web.gallery import Gallery
from adapters.web.guard import Guard
from adapters.web.heartbeat import Heartbeat
from adapters.web.routes import monitoring
from adapters.web.server import Lifespan
from bot.views import Views

AddPages = Callable[[Starlette], None]
"""Mounts pages at the end of an application's routes, and may put their start and stop into its lifespan."""


def build(
    views: Views,
    heartbeat: Heartbeat,
    *,
    auth: Auth | None,
    add_pages: AddPages | None = None,
    routes: Sequence[BaseRoute] = (),
    pictures: bool = True,
) -> tuple[ASGIApp, Lifespan]:
    """The application, and what must be entered while it serves. auth: None without a password.

    routes: come first, and are open to everyone: whoever adds one checks who calls it. pictures: False where no page shows any.
    """
    inner = Starlette(
        routes=[
            *monitoring(views, heartbeat),
            *([Gallery(views).route()] if pictures else ()),
            *(auth.routes() if auth else ()),
        ]
    )
    if add_pages:
        add_pages(inner)
    gated: ASGIApp = auth.gate(inner) if auth else inner
    outer = Starlette(
        routes=[*routes, Mount("", app=Guard(gated, any_host=auth is not None))],
        middleware=[Middleware(SafeHeaders), Middleware(BodyLimit)],
    )
    return outer, lambda: inner.router.lifespan_context(inner)
