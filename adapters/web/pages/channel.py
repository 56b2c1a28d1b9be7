"""How does a channel look? Its threads as cards, oldest first, and a box in which a new picture begins."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence

from adapters.web.inbound import Sending
from adapters.web.pages.composer import Composer
from adapters.web.pages.elements import Moment, Scroller, Tag, avatar, button, icon, on_follow, picture_url
from adapters.web.pages.faces import CardFace, Stage, card_face
from adapters.web.pages.visitor import Visitor, ask_name
from bot.model import ASPECT_RATIOS, MAX_FIRST_REFERENCES
from bot.views import Thread

PAGE = 30  # threads that are shown at first, and that each wish for earlier ones adds
EXAMPLES = (
    "a lighthouse in a snow globe, late light --ar 4:3",
    "botanical plate of an imaginary fruit --ar 3:4",
    "a night train crossing a salt lake --ar 21:9",
)


class ChannelView:
    """One open channel. look: opens a thread."""

    def __init__(
        self,
        channel: str,
        *,
        visitor: Visitor,
        send: Callable[[Sending], Awaitable[None]],
        look: Callable[[str], Awaitable[None]],
        earlier: Callable[[], Awaitable[None]],
    ) -> None:
        self.channel = channel
        self._visitor = visitor
        self._look = look
        self._cards: dict[str, CardView] = {}
        self._selected: str | None = None
        with Tag("section", "panel channel", aria_label=f"Channel {channel}", data_drop=""):
            with Tag("header", "panel-head"):
                Tag("h1", "panel-title", f"# {channel}")
            self._scroller = Scroller()
            with self._scroller:
                self._earlier = button("Show earlier ones", classes="ghost earlier").on("click", earlier)
                self._empty = self._nothing_yet()
                self._list = Tag("div", "cards")
            with Tag("footer", "panel-foot"):
                self._welcome = ask_name(visitor, eager=True)
                self._box = Tag("div", "")
                with self._box:
                    self._composer = Composer(
                        send,
                        draft=f"c:{channel}",
                        command="/imagine",
                        label="Describe a new picture",
                        placeholder="what you want to see",
                        hint="Paste, drop or pick up to 3 pictures",
                        most=MAX_FIRST_REFERENCES,
                        ratio=ASPECT_RATIOS[0],
                    )
        self._earlier.visible = False
        self.meet()

    def meet(self) -> None:
        """Who has no name yet is asked for it before anything else."""
        self._welcome.visible = not self._visitor.name
        self._box.visible = bool(self._visitor.name)

    def focus(self) -> None:
        self._composer.focus()

    def show_all(self, newest_first: Sequence[Thread], *, more: bool) -> None:
        """The threads as they were read; those that were heard of meanwhile are newer and stay. more: there are earlier ones."""
        for place, thread in enumerate(reversed(newest_first)):
            if thread.conversation.id not in self._cards:
                self._add(thread, place=place)
        self._earlier.visible = more
        self._tell_empty()

    def show(self, thread: Thread) -> None:
        """A thread that has changed, or is new."""
        face = card_face(thread)
        card = self._cards.get(thread.conversation.id)
        if card and face:
            card.show(face)
        elif not card:
            self._add(thread)
            self._tell_empty()

    def select(self, conversation_id: str | None) -> None:
        """Marks the thread that is open beside the channel."""
        for id in {self._selected, conversation_id}:
            card = self._cards.get(id) if id else None
            if card:
                card.element.set("aria-current", "true" if id == conversation_id else None)
        self._selected = conversation_id

    def newest(self) -> None:
        self._scroller.newest()

    def _add(self, thread: Thread, place: int | None = None) -> None:
        face = card_face(thread)
        if face is None:
            return
        with self._list:
            card = CardView(face, self._look)
        if place is not None:
            card.element.move(target_index=place)
        self._cards[face.conversation_id] = card
        if face.conversation_id == self._selected:
            card.element.set("aria-current", "true")

    def _tell_empty(self) -> None:
        self._empty.visible = not self._cards

    def _nothing_yet(self) -> Tag:
        with Tag("div", "nothing") as panel:
            Tag("div", "nothing-lamp", aria_hidden="true")
            Tag("h2", "", "Nothing has been developed here yet")
            Tag("p", "", "Describe a picture and send it. Then reply to it, as often as you like, and watch it change.")
            with Tag("div", "examples", role="group", aria_label="Examples"):
                for example in EXAMPLES:
                    Tag("button", "example", example, type="button").on(
                        "click", lambda example=example: self._composer.fill(example)
                    )
        return panel


class CardView:
    """One thread in its channel."""

    def __init__(self, face: CardFace, look: Callable[[str], Awaitable[None]]) -> None:
        self._face: CardFace | None = None
        id = face.conversation_id
        with Tag("a", "card", href=f"/t/{id}") as self.element:
            on_follow(self.element, lambda: look(id))
            self._frame = Tag("div", "card-frame")
            with Tag("div", "card-main"):
                self._line = Tag("div", "card-line")
                self._title = Tag("p", "card-title")
                self._foot = Tag("div", "card-foot")
        self.show(face)

    def show(self, face: CardFace) -> None:
        old, self._face = self._face, face
        if old == face:
            return
        self.element.set("data-stage", face.newest.value)
        self._title.text = face.title
        if old is None or old.who != face.who:
            self._write_line(face)
        if old is None or (old.picture, old.newest) != (face.picture, face.newest):
            self._write_frame(face)
        self._write_foot(face)

    def _write_line(self, face: CardFace) -> None:
        self._line.clear()
        with self._line:
            avatar(face.who, face.person_id)
            Tag("span", "who", face.who)
            Moment(face.at)

    def _write_frame(self, face: CardFace) -> None:
        self._frame.clear()
        with self._frame:
            if face.picture:
                Tag("img", "", src=picture_url(face.picture.sha256, width=512), alt=face.picture.name, loading="lazy")
            elif face.newest.open:
                Tag("div", "developing", aria_hidden="true")
            else:
                icon("alert" if face.newest is Stage.FAILED else "picture")

    def _write_foot(self, face: CardFace) -> None:
        self._foot.clear()
        with self._foot:
            if face.newest.open:
                with Tag("span", "pill", data_stage=face.newest.value):
                    Tag("span", "", face.text)
                    Moment(face.since, "elapsed")
            elif face.newest is Stage.FAILED:
                Tag("span", "pill", "did not work", data_stage="failed")
            if face.versions:
                Tag("span", "frame-number", "1 version" if face.versions == 1 else f"{face.versions} versions")
            if face.versions > 1 and not face.newest.open and face.newest is not Stage.REMOVED:
                with Tag("span", "last"):
                    Tag("span", "", f"{face.newest_by}, ")
                    Moment(face.newest_at)
