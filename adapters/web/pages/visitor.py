"""Who is looking at this page? A browser's own lasting id, and the name that its owner has picked."""

from __future__ import annotations

import json
from collections.abc import Callable
from urllib.parse import quote, unquote

from nicegui import Client, app, ui
from nicegui.events import GenericEventArguments

from adapters.web.inbound import LONGEST_NAME, visitor_name
from adapters.web.pages.elements import Line, Tag
from bot.model import Person

_COOKIE = "darkroom_name"
_YEAR = 365 * 86_400


class Visitor:
    """The member behind one open page. name: "" until one was picked. No other visitor can take this id: it is signed.

    renamed: hears of a new name.
    """

    def __init__(self, client: Client, renamed: Callable[[], None]) -> None:
        self._client = client
        self._renamed = renamed
        self.id: str = app.storage.browser["id"]
        self.name = visitor_name(unquote(client.request.cookies.get(_COOKIE, "")))

    @property
    def person(self) -> Person:
        return Person(id=self.id, name=self.name or "Guest")

    def rename(self, typed: str) -> bool:
        """Keeps the name in the browser, and tells the page; what is no name changes nothing (False)."""
        name = visitor_name(typed)
        if not name:
            return False
        self.name = name
        cookie = f"{_COOKIE}={quote(name)}; path=/; max-age={_YEAR}; samesite=lax"
        self._client.run_javascript(f"document.cookie = {json.dumps(cookie)}")
        self._renamed()
        return True


def ask_name(visitor: Visitor, *, eager: bool = False) -> Tag:
    """Asks a first-time visitor, in the place of the box to write in."""
    with Tag("div", "welcome") as panel:
        line = Line(
            "What should others call you?", placeholder="Your name", button="Come in", longest=LONGEST_NAME, eager=eager
        )
        line.on("answer", lambda event: _answered(visitor, line, event))
    return panel


class NameDialog:
    """Lets a visitor change the name."""

    def __init__(self, visitor: Visitor) -> None:
        self._visitor = visitor
        with ui.dialog() as self._dialog, Tag("div", "sheet", role="dialog", aria_label="Your name"):
            self._sheet = Tag("div", "")

    def open(self) -> None:
        self._sheet.clear()
        with self._sheet:
            line = Line(
                "What should others call you?",
                button="Keep",
                value=self._visitor.name,
                longest=LONGEST_NAME,
                eager=True,
            )
            line.on("answer", lambda event: self._answered(line, event))
        self._dialog.open()

    def _answered(self, line: Line, event: GenericEventArguments) -> None:
        if _answered(self._visitor, line, event):
            self._dialog.close()


def _answered(visitor: Visitor, line: Line, event: GenericEventArguments) -> bool:
    if visitor.rename(str(event.args)):
        return True
    line.refuse(str(event.args), "A name needs at least one visible character.")
    return False
