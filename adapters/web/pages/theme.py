"""What do all pages share? Their look, their head, and the line at the top."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager

from nicegui import ui

from adapters.web.pages.elements import Tag, asset, icon_button

RESPONSE_SECONDS = 30.0
"""How long a page may take to build, on a machine under load, before NiceGUI answers with an error of its own."""

VIEWPORT = "width=device-width, initial-scale=1, viewport-fit=cover, interactive-widget=resizes-content"
STYLES = ("base.css", "playground.css", "operator.css", "figures.css")


def furnish(title: str) -> None:
    """Gives the page its title, its styles and the script that decides between light and dark."""
    ui.page_title(title)
    styles = "".join(f'<link rel="stylesheet" href="{asset(name)}">' for name in STYLES)
    ui.add_head_html(
        f'<meta name="darkroom-now" content="{time.time():.3f}">'
        f'<meta name="description" content="Pictures from words, edited by replying.">'
        f'<link rel="icon" type="image/svg+xml" href="{asset("favicon.svg")}">'
        f'{styles}<script src="{asset("head.js")}"></script>'
    )


@contextmanager
def bar(*, home: str, links: dict[str, str]) -> Iterator[None]:
    """The line at the top: the name, what the page adds, links to other pages, and light or dark.

    links: text -> address. Who came in with the password finds the way out, too.
    """
    with Tag("header", "bar"):
        with Tag("a", "mark", href=home, aria_label="Darkroom, to the first page"):
            Tag("span", "lamp", aria_hidden="true")
            Tag("span", "mark-name", "Darkroom")
        with Tag("div", "bar-middle"):
            yield
        is_signed_in = any(name.startswith("darkroom_session") for name in ui.context.client.request.cookies)
        with Tag("nav", "bar-links", aria_label="Pages"):
            for text, address in (links | ({"Sign out": "/logout"} if is_signed_in else {})).items():
                Tag("a", "", text, href=address)
        icon_button("Light or dark", "theme", classes="ghost theme-toggle").on(
            "click", js_handler="() => window.darkroom.toggleTheme()"
        )
