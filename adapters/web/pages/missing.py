"""What does an address show that leads nowhere? The way back."""

from __future__ import annotations

from nicegui import Client, ui
from starlette.responses import RedirectResponse

from adapters.web.pages.elements import Tag
from adapters.web.pages.theme import RESPONSE_SECONDS, VIEWPORT, bar, furnish


def register_missing() -> None:
    """Answers, with 404, for every address that no page before it has taken: register it last."""

    @ui.page("/{path:path}", response_timeout=RESPONSE_SECONDS, viewport=VIEWPORT)
    def missing(client: Client, path: str) -> RedirectResponse | None:
        if path.endswith("/"):
            return RedirectResponse(f"/{path.strip('/')}")
        client.status_code = 404
        furnish("Not found · Darkroom")
        with bar(home="/", links={}):
            pass
        with Tag("div", "missing nothing"):
            Tag("h1", "", "There is no such page")
            Tag("p", "", "The address may be mistyped, or what it led to is no longer kept.")
            Tag("a", "primary", "To the first page", href="/")
        return None
