"""What do buttons and windows know of themselves? Everything, so that they work for ever, whoever restarted the bot."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any, Literal, cast

from bot.model import Attachment, Json

Act = Literal["again", "edit", "delete", "cancel"]

ACTION = re.compile(r"(?P<act>again|edit|delete|cancel):(?P<image>\d{1,2})")
"""The action_id of a button; its value is the job. Messages of years ago carry it: a new form must be a new word."""

MODAL = "darkroom_ask"
EDIT_SHORTCUT = "edit_image"
CANCEL_SHORTCUT = "cancel_request"
"""Callback ids, as in the manifest."""

_LONGEST_NAME = 60  # characters of a file's name: it is only said again where the file cannot be used

_LABELS = {"again": "Try again", "edit": "Edit", "delete": "Delete", "cancel": "Cancel"}
_JOB = re.compile(r"[0-9a-z]{1,40}")


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def _sure() -> Json:
    """Slack asks this before it tells of the click: Delete stands beside Edit."""
    return {
        "title": _plain("Delete this answer?"),
        "text": _plain("Its pictures are removed here and from my memory, and can't be brought back."),
        "confirm": _plain("Delete"),
        "deny": _plain("Keep"),
        "style": "danger",
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Press:
    """What pressing a button means. image: which picture of the job's result."""

    act: Act
    job_id: str
    image: int = 0

    def block(self, *, numbered: bool = False) -> Json:
        """numbered: the label says which picture, where a message has several."""
        label = _LABELS[self.act] + (f" {self.image + 1}" if numbered else "")
        button = {
            "type": "button",
            "action_id": f"{self.act}:{self.image}",
            "value": self.job_id,
            "text": _plain(label),
        }
        return button | ({"confirm": _sure()} if self.act == "delete" else {})


def read(action: Json) -> Press | None:
    """None for what is not a button of ours."""
    found = ACTION.fullmatch(str(action.get("action_id")))
    job_id = str(action.get("value"))
    if found is None or not _JOB.fullmatch(job_id):
        return None
    return Press(act=cast("Act", found["act"]), job_id=job_id, image=int(found["image"]))


@dataclass(frozen=True, kw_only=True, slots=True)
class Window:
    """What a window was opened for; it travels with the window (private_metadata, at most 3,000 characters: docs).

    thread: None where the answer begins a thread. job, image: the picture to edit; None: a new picture. files: of the message
    that it was opened on. response_url: of the command or shortcut that opened it, for private answers.
    """

    channel: str
    thread: str | None = None
    job: str | None = None
    image: int = 0
    files: tuple[Attachment, ...] = field(default=())
    response_url: str | None = None

    def written(self) -> str:
        files = [[f.name[:_LONGEST_NAME], f.address, f.size, f.media_type] for f in self.files]
        known = {
            "channel": self.channel,
            "thread": self.thread,
            "job": self.job,
            "image": self.image,
            "files": files,
            "url": self.response_url,
        }
        return json.dumps(
            {name: value for name, value in known.items() if value}, separators=(",", ":"), ensure_ascii=False
        )


def read_window(metadata: str) -> Window | None:
    """None for a window that is not ours, or of a form that is no longer known."""
    try:
        known: Any = json.loads(metadata)
        files = [Attachment(name=n, address=a, size=s, media_type=m) for n, a, s, m in known.get("files", ())]
        return Window(
            channel=known["channel"],
            thread=known.get("thread"),
            job=known.get("job"),
            image=int(known.get("image", 0)),
            files=tuple(files),
            response_url=known.get("url"),
        )
    except (ValueError, KeyError, TypeError, AttributeError):
        return None
