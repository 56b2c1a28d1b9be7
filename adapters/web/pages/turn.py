"""How does one version stand in its thread? Who asked for what, what it builds on, and its picture or its way there."""

from __future__ import annotations

from typing import Protocol

from adapters.web.pages.elements import Moment, Tag, avatar, button, icon, on_follow, picture_url, reference_thumb
from adapters.web.pages.faces import Shot, Stage, TurnFace

THUMB = 512  # pixels


class TurnActions(Protocol):
    """What a version can be asked for."""

    def is_mine(self, face: TurnFace) -> bool: ...

    def build_on(self, face: TurnFace, image: int) -> None: ...

    def enlarge(self, face: TurnFace, shot: Shot) -> None: ...

    def reveal(self, job_id: str) -> None: ...

    async def again(self, face: TurnFace) -> None: ...

    async def cancel(self, face: TurnFace) -> None: ...

    async def delete(self, face: TurnFace) -> None: ...


class TurnView:
    """A request on one page, and the version that it became. The frame stays; only what has changed is written anew."""

    def __init__(self, face: TurnFace, actions: TurnActions, *, fresh: bool) -> None:
        self._actions = actions
        self._face = face
        self._fresh = fresh  # it came while the page was open: its picture may develop before the visitor's eyes
        self._status: Tag | None = None
        with Tag("article", "turn", id=f"turn-{face.job_id}", data_stage=face.stage.value) as self.element:
            self._head = Tag("header", "turn-head")
            self._prompt = Tag("p", "turn-prompt", face.prompt)
            self._built = Tag("div", "turn-built")
            self._references = Tag("div", "references")
            self._body = Tag("div", "turn-body")
        self._write_head()
        self._write_built()
        self._write_references()
        self._write_body()

    def show(self, face: TurnFace) -> None:
        old, self._face = self._face, face
        if old == face:
            return
        self.element.set("data-stage", face.stage.value)
        self._prompt.text = face.prompt
        if (old.who, old.number, old.is_head, old.stage.open) != (face.who, face.number, face.is_head, face.stage.open):
            self._write_head()
        if (old.parent, old.built_on, old.built_on_picture) != (face.parent, face.built_on, face.built_on_picture):
            self._write_built()
        if old.references != face.references:
            self._write_references()
        if (
            self._status
            and face.stage.open
            and (old.stage.open, old.since, old.shape) == (True, face.since, face.shape)
        ):
            self._status.text = face.text
        elif (old.stage, old.text, old.remark, old.shots, old.since) != (
            face.stage, face.text, face.remark, face.shots, face.since,
        ):  # fmt: skip
            self._fresh = self._fresh or old.stage.open
            self._write_body()

    # -- parts --------------------------------------------------------------------------------------------------

    def _write_head(self) -> None:
        face = self._face
        self._head.clear()
        with self._head:
            avatar(face.who, face.person_id)
            Tag("span", "who", face.who)
            Moment(face.at)
            if face.number:
                Tag("span", "frame-number", f"Version {face.number}")
            if face.is_head:
                Tag("span", "newest", "newest")
        name = f"Version {face.number}" if face.number else "No picture yet" if face.stage.open else "No picture"
        self.element.set("aria-label", f"{name}, asked for by {face.who}")

    def _write_built(self) -> None:
        face = self._face
        self._built.clear()
        parent = face.parent
        self._built.visible = parent is not None
        if parent is None:
            return
        with self._built:
            link = Tag("button", "built-on", type="button")
            link.on("click", lambda: self._actions.reveal(parent))
            with link:
                icon("branch")
                Tag("span", "", f"built on version {face.built_on}" if face.built_on else "built on an earlier request")
                if face.built_on_picture:
                    Tag("img", "", src=picture_url(face.built_on_picture, width=THUMB), alt="", loading="lazy")

    def _write_references(self) -> None:
        self._references.clear()
        self._references.visible = bool(self._face.references)
        with self._references:
            for thumb in self._face.references:
                reference_thumb(thumb.sha256, thumb.name, width=THUMB)

    def _write_body(self) -> None:
        face = self._face
        self._status = None
        self._body.clear()
        with self._body:
            if face.stage.open:
                self._write_way()
            elif face.stage is Stage.DONE:
                if face.remark:
                    Tag("p", "remark", face.remark)
                for number, shot in enumerate(face.shots):
                    self._write_shot(shot, number)
                if not face.shots:
                    Tag("p", "gone", "This picture is no longer kept.")
            else:
                self._write_end()

    def _write_way(self) -> None:
        """Not there yet: an empty sheet of the right shape, in the red light."""
        face = self._face
        with Tag("div", "sheet-of-paper developing", role="status").style(_fitting(*face.shape)), Tag("div", "way"):
            self._status = Tag("span", "way-text", face.text)
            Moment(face.since, "elapsed").props["aria-hidden"] = "true"
        if self._actions.is_mine(face):
            with Tag("div", "actions"):
                button("Cancel", "close").on("click", lambda: self._actions.cancel(self._face))

    def _write_shot(self, shot: Shot, number: int) -> None:
        face = self._face
        source = picture_url(shot.sha256)
        with Tag("figure", "print"):
            link = Tag("a", "print-link", href=source, target="_blank", title="Look at it in full size")
            on_follow(link, lambda: self._actions.enlarge(self._face, shot))
            link.style(_fitting(shot.width, shot.height))
            with link:
                Tag(
                    "img",
                    "develops" if self._fresh else "",
                    src=source,
                    alt=face.alt,
                    width=shot.width,
                    height=shot.height,
                )
            with Tag("figcaption", "actions"):
                button("Reply to this version", "reply").on("click", lambda: self._actions.build_on(self._face, number))
                name = f"darkroom-{face.job_id}-{number + 1}.{shot.extension}"
                with Tag("a", "ghost", href=source, download=name, title="Keep it as a file"):
                    icon("download")
                    Tag("span", "", "Download")
                if self._actions.is_mine(face):
                    button("Delete", "trash", classes="ghost quiet").on(
                        "click", lambda: self._actions.delete(self._face)
                    )

    def _write_end(self) -> None:
        face = self._face
        failed = face.stage is Stage.FAILED
        with Tag("div", "failure" if failed else "gone"):
            if failed:
                icon("alert")
            with Tag("div", ""):
                Tag("p", "", f"{face.text}." if face.text in {"Deleted", "Cancelled", "Removed"} else face.text)
                if face.remark:
                    Tag("p", "remark", face.remark)
        if face.stage not in {Stage.DELETED, Stage.REMOVED} and (face.prompt or face.references):
            with Tag("div", "actions"):
                button("Try again", "again").on("click", lambda: self._actions.again(self._face))


def _fitting(width: int, height: int) -> str:
    """The size of the whole picture at this shape, within its column and a part of the window: see .fits in the styles."""
    return f"--w: {width}; --h: {height}"
