"""Who acts next when something fails?

    Exception
    +-- UserError    the user: the sentence is shown as it is, and is no error in the log
    +-- RetryLater   time: the same step runs again later
    +-- GiveUp       nobody: the job is answered with a failure

Anything else that is raised is a bug: one traceback with the job's id, and the user is given that id.
Vendor exceptions are turned into these three in `image_queue.py` and in each adapter's `outbound.py`, nowhere else.
"""

from __future__ import annotations

from enum import StrEnum


class FailureKind(StrEnum):
    """Why a job failed; chooses the sentence that the user reads and whether an operator must look."""

    SAFETY = "safety"  # the words or pictures were refused: reword
    CREDIT = "credit"  # the bot's account has no credit: the owner must pay
    KEY = "key"  # the key was refused: the owner must replace it
    MODEL = "model"  # the model does not exist, is not served, or not for this account: the owner must choose another
    RATE = "rate"  # too much at once: wait
    PAYLOAD = "payload"  # the request was malformed for this model: reword, or the owner looks
    HISTORY = "history"  # the conversation's history was refused: the edit falls back to its last picture
    REFERENCE = "reference"  # an attached picture cannot be used: attach another
    NO_IMAGE = "no_image"  # the model answered without a picture: reword
    PARENT = "parent"  # the picture to edit never came to be
    TIMEOUT = "timeout"  # a deadline passed: try again
    LOST = "lost"  # it is unknown what became of the request; it was not sent twice: try again
    PLACE = "place"  # the place to answer in is gone or closed to the bot
    CONTENT = "content"  # the place is open, and does not take this very picture: reword
    BUG = "bug"  # ours: the job's id helps to find it
    UNKNOWN = "unknown"  # the service said no in words that nobody has classed


OWNER_KINDS = frozenset({FailureKind.CREDIT, FailureKind.KEY, FailureKind.MODEL})
"""Failures that only the bot's owner can end; `/readyz` and the log name them."""


class UserError(Exception):
    """The user can put it right. `str(error)` is a full sentence, shown to the user as it is."""


class RetryLater(Exception):
    """The same step may succeed later.

    after: seconds until the next attempt, or None to leave the back-off to the caller.
    reason: for the log; never contains a secret.
    """

    def __init__(self, reason: str, *, after: float | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.after = after


class GiveUp(Exception):
    """No further attempt can help. The job is answered with a failure of this kind.

    reason: for the log and the operator's page, in the vendor's words where there are some; never contains a secret.
    text: the sentence for the member, where it is more exact than the one of its kind.
    """

    def __init__(self, reason: str, *, kind: FailureKind = FailureKind.UNKNOWN, text: str | None = None) -> None:
        super().__init__(reason)
        self.reason = reason
        self.kind = kind
        self.text = text
