"""How does a page write HTML? One tag at a time, from data: what people typed becomes text and attributes, never markup."""

from __future__ import annotations

import functools
import hashlib
from collections.abc import Callable
from pathlib import Path
from typing import Any

from nicegui import app
from nicegui.element import Element
from nicegui.elements.mixins.text_element import TextElement

ASSETS = Path(__file__).parent / "assets"


class Tag(TextElement):
    """A plain HTML element whose text can change."""

    def __init__(self, name: str, classes: str = "", text: str | None = None, **attributes: Any) -> None:
        super().__init__(tag=name, text=text or "")
        if text is None:
            self._text = None  # else Vue renders an empty text node before the children
        self.classes(classes)
        with self.props.suspend_updates():
            for attribute, value in attributes.items():
                # `class_`-like names lose their underscore; the others become dashes (aria_label, data_stage).
                self.props[attribute.rstrip("_").replace("_", "-")] = value

    def set(self, attribute: str, value: Any) -> None:
        """Changes one attribute, or removes it (None); tells the browser only if it differs."""
        if value is None:
            self.props.pop(attribute, None)
        elif self.props.get(attribute) != value:
            self.props[attribute] = value


class Moment(Element, component="assets/moment.js"):
    """A time that tells itself in the visitor's zone: as `clock` or `precise`, or ticking as `elapsed` or `age`."""

    def __init__(self, at: float, mode: str = "clock") -> None:
        super().__init__()
        self.props["at"] = at
        self.props["mode"] = mode

    def show(self, at: float) -> None:
        if self.props["at"] != at:
            self.props["at"] = at


class Scroller(Element, component="assets/scroller.js"):
    """Holds things that are added at the end, and stays there while the visitor does."""

    def newest(self) -> None:
        self.run_method("newest")

    def reveal(self, html_id: str) -> None:
        """Scrolls to the element with this id and points at it."""
        self.run_method("reveal", html_id)


class Line(Element, component="assets/line.js"):
    """A question with a one-line answer. Emits `answer` with the text.

    button: what the answer is given with; None = it is given while typing.
    """

    def __init__(
        self,
        label: str,
        *,
        placeholder: str = "",
        button: str | None = None,
        value: str = "",
        longest: int = 200,
        quiet: bool = False,
        eager: bool = False,
    ) -> None:
        super().__init__()
        self.props.update(
            label=label, placeholder=placeholder, button=button, value=value, longest=longest,
            live=button is None, quiet=quiet, eager=eager,
        )  # fmt: skip

    def refuse(self, answer: str, sentence: str) -> None:
        """Gives an answer back, and says what is wrong with it."""
        self.run_method("refused", answer, sentence)


def icon(name: str) -> None:
    """One of the drawings in icons.svg; says nothing to screen readers."""
    with Tag("svg", "icon", aria_hidden="true"):
        Tag("use", href=f"{asset('icons.svg')}#{name}")


def button(text: str, symbol: str | None = None, *, classes: str = "ghost", **attributes: Any) -> Tag:
    """A button with a text, and a drawing before it."""
    made = Tag("button", classes, type="button", **attributes)
    with made:
        if symbol:
            icon(symbol)
        Tag("span", "", text)
    return made


def icon_button(label: str, symbol: str, *, classes: str = "ghost", **attributes: Any) -> Tag:
    """A button that is a drawing; the label is for screen readers and for a resting pointer."""
    made = Tag("button", classes, type="button", title=label, aria_label=label, **attributes)
    with made:
        icon(symbol)
    return made


def on_follow(link: Tag, follow: Callable[[], Any]) -> None:
    """Follows a link without loading a page; with a key held down it opens in a new tab or window, as any link does."""
    link.on(
        "click",
        follow,
        js_handler="(event) => { if (event.ctrlKey || event.metaKey || event.shiftKey) return;"
        " event.preventDefault(); emit(); }",
    )


def avatar(name: str, person_id: str) -> None:
    """The first letter of a name, in a colour that stays with the person."""
    hue = int.from_bytes(hashlib.sha256(person_id.encode()).digest()[:2]) % 360
    Tag("span", "avatar", (name.strip()[:1] or "?").upper(), aria_hidden="true").style(f"--hue: {hue}")


def picture_url(sha256: str, *, width: int | None = None) -> str:
    """Where the server shows a kept picture; width: of a preview, in pixels."""
    return f"/pictures/{sha256}" + (f"?w={width}" if width else "")


def reference_thumb(sha256: str, name: str, *, width: int) -> None:
    """An attached picture, small, and a link to it; by its name where the file cannot be shown."""
    with Tag("a", "", href=picture_url(sha256), target="_blank", title=name):
        Tag("img", "", src=picture_url(sha256, width=width), alt=f"Reference: {name}", loading="lazy").on(
            "error", js_handler="(event) => event.target.parentElement.toggleAttribute('data-broken', true)"
        )
        Tag("span", "file-name", name)


@functools.cache
def asset(name: str) -> str:
    """Where the browser finds a file of the pages; a changed file has another address, so that caches may keep it."""
    fingerprint = hashlib.sha256((ASSETS / name).read_bytes()).hexdigest()[:12]
    return f"/assets/{name}?v={fingerprint}"


def serve_assets() -> None:
    app.add_static_files("/assets", ASSETS, max_cache_age=365 * 86_400)
