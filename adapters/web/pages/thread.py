"""How does a thread look? Every version in order, oldest first, and a box to reply in."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import TypeVar

from nicegui import ui
from nicegui.elements.dialog import Dialog

from adapters.web.inbound import Sending, read_words, source_id, to_request
from adapters.web.pages.composer import Composer
from adapters.web.pages.elements import Scroller, Tag, button, icon, icon_button, picture_url
from adapters.web.pages.faces import Shot, TurnFace, title, turn_faces
from adapters.web.pages.turn import TurnView
from adapters.web.pages.visitor import Visitor, ask_name
from bot import messages
from bot.errors import UserError
from bot.model import MAX_EDIT_REFERENCES, MAX_FIRST_REFERENCES, Conversation
from bot.ports import StoreBusy
from bot.service import Service
from bot.views import Thread

T = TypeVar("T")

EDIT = "Reply to edit the newest picture"
BEGIN = "Describe a picture to begin this thread anew"


class ThreadView:
    """One open thread. close: the visitor has had enough of it."""

    def __init__(
        self, thread: Thread, *, service: Service, visitor: Visitor, close: Callable[[], Awaitable[None]]
    ) -> None:
        self._service = service
        self._visitor = visitor
        self._conversation: Conversation = thread.conversation
        self._turns: dict[str, TurnView] = {}
        with Tag("section", "panel thread", aria_label="Thread", data_drop=""):
            with Tag("header", "panel-head"):
                icon_button("Back to the channel", "back", classes="ghost back").on("click", close)
                self._title = Tag("h2", "panel-title")
                icon_button("Close the thread", "close", classes="ghost only-wide").on("click", close)
            self._scroller = Scroller()
            with self._scroller, Tag("div", "turns") as self._list:
                pass
            with Tag("footer", "panel-foot"):
                self._welcome = ask_name(visitor)
                self._box = Tag("div", "")
                with self._box:
                    self._composer = Composer(
                        self._send,
                        draft=f"t:{self._conversation.id}",
                        label=EDIT,
                        placeholder=EDIT,
                        hint="Enter sends · Shift+Enter for a new line",
                        most=MAX_FIRST_REFERENCES,
                        ratio=self._conversation.aspect_ratio,
                    )
        self._lightbox = Lightbox()
        self._sure = Sure()
        self.meet()
        self.show(thread, fresh=False)

    @property
    def conversation_id(self) -> str:
        return self._conversation.id

    def show(self, thread: Thread, *, fresh: bool = True) -> None:
        """Writes what has changed. fresh: it changed before the visitor's eyes."""
        self._conversation = thread.conversation
        faces = turn_faces(thread)
        self._title.text = title(thread)
        with self._list:
            for face in faces:
                view = self._turns.get(face.job_id)
                if view:
                    view.show(face)
                else:
                    self._turns[face.job_id] = TurnView(face, self, fresh=fresh)
        editing = any(face.stage.open or face.shots for face in faces)
        self._composer.show(
            label=EDIT if editing else BEGIN,
            most=MAX_EDIT_REFERENCES if editing else MAX_FIRST_REFERENCES,
            ratio=self._conversation.aspect_ratio,
        )

    def meet(self) -> None:
        """Who has no name yet is asked for it before anything else."""
        self._welcome.visible = not self._visitor.name
        self._box.visible = bool(self._visitor.name)

    def focus(self) -> None:
        self._composer.focus()

    async def _send(self, sending: Sending) -> None:
        words = read_words(sending.text)
        if sending.of is not None and sending.of not in self._turns:
            raise UserError("The picture you replied to is not in this thread. Choose another one and send again.")
        request = to_request(sending, words.text, visitor=self._visitor.person, place=self._conversation.ref)
        if words.starts:
            await self._service.imagine(request)
        else:
            await self._service.edit(request, of=sending.of, image=sending.image)
        self._scroller.newest()

    # -- what a version can be asked for ------------------------------------------------------------------------

    def is_mine(self, face: TurnFace) -> bool:
        return face.person_id == self._visitor.id

    def build_on(self, face: TurnFace, image: int) -> None:
        self._composer.build_on(job_id=face.job_id, image=image, number=face.number, sha256=face.shots[image].sha256)

    def enlarge(self, face: TurnFace, shot: Shot) -> None:
        self._lightbox.show(face, shot)

    def reveal(self, job_id: str) -> None:
        self._scroller.reveal(f"turn-{job_id}")

    async def again(self, face: TurnFace) -> None:
        # The id makes a double click one request. Whoever comes back to it is shown what became of it.
        id = source_id(f"again:{face.job_id}:{self._visitor.id}")
        job = await self._asked(self._service.again(face.job_id, source_id=id, by=self._visitor.person))
        if job and job.id in self._turns:
            self._scroller.reveal(f"turn-{job.id}")
        elif job:
            self._scroller.newest()

    async def cancel(self, face: TurnFace) -> None:
        said = await self._asked(self._service.cancel(face.job_id, by=self._visitor.person))
        if said:
            self._composer.say(said)

    async def delete(self, face: TurnFace) -> None:
        if not await self._sure.ask(
            f"Delete version {face.number}?",
            "Its picture is removed for everyone and cannot be brought back.",
            yes="Delete",
        ):
            return
        said = await self._asked(self._service.delete(face.job_id, by=self._visitor.person))
        if said:
            self._composer.say(said)

    async def _asked(self, asked: Awaitable[T]) -> T | None:
        try:
            return await asked
        except UserError as error:
            self._composer.refuse(str(error))
        except StoreBusy:
            self._composer.refuse(messages.store_busy())
        return None


class Lightbox:
    """One picture, as large as the window allows. Esc or a click beside it closes."""

    def __init__(self) -> None:
        with ui.dialog().props("maximized") as self._dialog:
            self._stage = Tag("div", "lightbox", role="dialog", aria_label="Picture in full size")

    def show(self, face: TurnFace, shot: Shot) -> None:
        source = picture_url(shot.sha256)
        self._stage.clear()
        with self._stage:
            Tag("img", "", src=source, alt=face.alt, width=shot.width, height=shot.height).on(
                "click", self._dialog.close
            )
            with Tag("div", "lightbox-line"):
                Tag("p", "", face.prompt)
                Tag("span", "frame-number", f"{shot.width} × {shot.height}")
                with Tag("a", "ghost", href=source, target="_blank"):
                    icon("open")
                    Tag("span", "", "New tab")
                icon_button("Close", "close").on("click", self._dialog.close)
        self._dialog.open()


class Sure:
    """Asks before something cannot be undone."""

    def __init__(self) -> None:
        self._dialog: Dialog = ui.dialog()
        with self._dialog:
            self._sheet = Tag("div", "sheet", role="alertdialog", aria_label="Are you sure?")

    async def ask(self, question: str, consequence: str, *, yes: str) -> bool:
        self._sheet.clear()
        with self._sheet:
            Tag("h2", "", question)
            Tag("p", "", consequence)
            with Tag("div", "sheet-buttons"):
                button("Keep it").on("click", lambda: self._dialog.submit(False))
                button(yes, classes="primary danger", autofocus=True).on("click", lambda: self._dialog.submit(True))
        return bool(await self._dialog)
