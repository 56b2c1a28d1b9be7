"""What does a process without pages let its monitoring ask? The same as any other, and nothing else."""

from __future__ import annotations

import secrets

from adapters.web.auth import Auth
from adapters.web.heartbeat import Heartbeat
from adapters.web.server import Server
from adapters.web.sessions import Brake, Sessions
from adapters.web.settings import DEFAULT_PORT, Settings
from adapters.web.site import build
from bot.views import Views


def watch(settings: Settings, views: Views) -> Server:
    """See `adapters.web.watch`."""
    port = DEFAULT_PORT if settings.http_port is None else settings.http_port
    auth = None
    if settings.web_password:
        # Nobody stays signed in here over a restart, so what signs the sessions need not be kept.
        sessions = Sessions(settings.web_password.get_secret_value(), secret=secrets.token_urlsafe(32))
        auth = Auth(sessions, Brake(), cookie=f"darkroom_session_{port}")
    heartbeat = Heartbeat()
    app, lifespan = build(views, heartbeat, auth=auth, pictures=False)
    return Server(app, host=settings.http_host, ports=[port], heartbeat=heartbeat, lifespan=lifespan)
