"""How do NiceGUI's pages come to stand behind our own doors? It is one per process, and so is what this module makes."""

from __future__ import annotations

import hmac
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from fastapi import FastAPI
from nicegui import core, ui
from nicegui.storage import Storage
from starlette.applications import Starlette
from starlette.routing import BaseRoute

from adapters.web import pages
from adapters.web.auth import Auth
from adapters.web.heartbeat import Heartbeat
from adapters.web.outbound import Playground
from adapters.web.server import Server
from adapters.web.sessions import Brake, Sessions
from adapters.web.settings import DEFAULT_PORT, Settings
from adapters.web.site import build
from bot.service import Service
from bot.views import Views

VISITOR_SECONDS = 400 * 86_400  # as long as browsers keep a cookie (Chromium's cap)


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
    """See `adapters.web.serve`."""
    if core.app.config.has_run_config:
        raise RuntimeError("NiceGUI is one per process, and it is mounted already")
    ports = _ports(settings, port)
    suffix = f"_{ports[0]}"  # ports share cookies: two bots on one machine would sign each other's visitors out
    heartbeat = Heartbeat()
    auth = None
    if settings.web_password:
        sessions = Sessions(settings.web_password.get_secret_value(), secret=secret)
        auth = Auth(sessions, Brake(), cookie=f"darkroom_session{suffix}")

    def add_pages(app: Starlette) -> None:
        Storage.path = data_dir.resolve() / "web"
        pages.register(service, views, playground)
        ui.run_with(
            cast("FastAPI", app),  # it asks for no more than Starlette has: mount, middleware, lifespan
            title="Darkroom",
            dark=None,
            language="en-US",
            tailwind=False,  # the pages bring their own styles; its compiler would run in every browser
            show_welcome_message=False,
            storage_secret=hmac.digest(secret.encode(), b"darkroom visitors", "sha256").hex(),
            session_middleware_kwargs={"session_cookie": f"darkroom_visitor{suffix}", "max_age": VISITOR_SECONDS},
        )

    app, lifespan = build(views, heartbeat, auth=auth, add_pages=add_pages, routes=routes)
    return Server(app, host=settings.http_host, ports=ports, heartbeat=heartbeat, lifespan=lifespan)


def _ports(settings: Settings, port: int | range | None) -> range:
    if isinstance(port, range):
        return port
    if port is None:
        port = DEFAULT_PORT if settings.http_port is None else settings.http_port
    return range(port, port + 1)
