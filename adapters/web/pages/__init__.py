"""Which pages are there? The playground, if the bot runs it, and the operator's."""

from __future__ import annotations

from nicegui import ui
from starlette.responses import RedirectResponse

from adapters.web.outbound import Playground
from adapters.web.pages.composer import receive_uploads
from adapters.web.pages.elements import serve_assets
from adapters.web.pages.live import Live
from adapters.web.pages.missing import register_missing
from adapters.web.pages.operator import register_operator
from adapters.web.pages.playground import register_playground
from bot.service import Service
from bot.views import Views


def register(service: Service, views: Views, playground: Playground | None) -> None:
    """Gives every page its address; once per process, because NiceGUI is one per process. None: no playground."""
    live = Live(views)
    serve_assets()
    register_operator(service, views, live, playground=playground is not None)
    if playground:
        receive_uploads(service)
        register_playground(service, views, live)
    else:
        _begin_with_operator()
    register_missing()


def _begin_with_operator() -> None:
    @ui.page("/")
    def first() -> RedirectResponse:
        return RedirectResponse("/operator")
