"""Every sentence the bot says: plain text, no markup; each says what happened and what to do next.

One section per module that speaks. Adapters escape what their platform would read as markup.
"""

from __future__ import annotations

import math
import re
import unicodedata

from bot.errors import FailureKind
from bot.model import ASPECT_RATIOS, Card, ConversationRef, Job, JobState, Waiting

RATIOS = f"{', '.join(ASPECT_RATIOS[:-1])} or {ASPECT_RATIOS[-1]}"
"""The ten ratios as a member reads them."""

# -- what a member asked for (bot.prompts) ---------------------------------------------------------------------------


def no_prompt() -> str:
    return "Tell me in words what to paint or what to change, for example: a fox in the snow --ar 3:2"


def prompt_too_long(length: int, most: int) -> str:
    return f"Your prompt has {length:,} characters and I can take {most:,}. Please shorten it and send it again."


def unknown_option(option: str) -> str:
    """option: as typed, dashes included."""
    return (
        f"I don't know the option {_cut(option)}. There is --ar for the aspect ratio, for example --ar 3:2. "
        f'If it belongs to your description, write it in quotes: "{_cut(option)}".'
    )


def unknown_ratio(given: str) -> str:
    return f"I can't make pictures with the aspect ratio {_cut(given)}. Choose one of {RATIOS}."


def ratio_missing(option: str) -> str:
    """option: as typed, dashes included."""
    return f"Write the aspect ratio after {option}, for example {option} 3:2. There are {RATIOS}."


def ratios_differ(one: str, other: str) -> str:
    return f"You ask for both {one} and {other}, and a picture has one aspect ratio. Leave one of them out."


def blocked_word(word: str) -> str:
    return f"I don't paint anything with “{word}” here. Please describe it in other words."


# -- who may ask for how much (bot.limits) ---------------------------------------------------------------------------


def server_not_allowed() -> str:
    return "I don't take requests from here. The bot's owner can allow this server, or tell you where I work."


def channel_not_allowed() -> str:
    return "I don't take requests in this channel. An admin of this server can tell you where I do."


def role_not_allowed() -> str:
    return "You need a certain role to ask me for pictures. An admin of this server can give it to you."


def no_limits() -> str:
    return "You own this bot, so no limits apply to you."


def open_jobs_reached(most: int) -> str:
    if most == 1:
        return "I am still at work on a picture for you. Ask again as soon as it is done, or cancel it."
    return f"I am still at work on {most} pictures for you. Ask again as soon as one of them is done, or cancel one."


def day_limit_of_person(most: int, again_in: float) -> str:
    """again_in: seconds until the next UTC day, here and below."""
    return f"You have had your {_pictures(most)} for today. You can ask again {at_midnight(again_in)}."


def day_limit_of_server(most: int, again_in: float) -> str:
    return f"This server has had its {_pictures(most)} for today. You can ask again {at_midnight(again_in)}."


def day_limit_in_all(most: int, again_in: float) -> str:
    return f"I have made my {_pictures(most)} for today. You can ask again {at_midnight(again_in)}."


def left_now(most: int | None, left: int | None) -> str:
    """How many more jobs a member may open at this moment; None: as many as they like."""
    if most is None or left is None:
        return "You can ask for as many pictures at once as you like."
    if left == 0:
        return open_jobs_reached(most)
    return f"You can ask for {left} more {'picture' if left == 1 else 'pictures'} right now."


def left_today(person: int | None, server: int | None, everyone: int | None, fresh_in: float) -> str:
    """What the daily limits leave, in pictures; None: that limit is not set. fresh_in: seconds to the next UTC day."""
    parts = [
        f"{left:,} {whose}"
        for left, whose in ((person, "for you"), (server, "for this server"), (everyone, "for everyone together"))
        if left is not None
    ]
    if not parts:
        return "There is no daily limit."
    listed = parts[0] if len(parts) == 1 else f"{', '.join(parts[:-1])} and {parts[-1]}"
    return f"Pictures left today: {listed}. The count starts anew {at_midnight(fresh_in)}."


def at_midnight(seconds: float) -> str:
    """The coming UTC midnight, `seconds` away: "in 3 hours 12 minutes, at 00:00 UTC"."""
    return f"in {duration(seconds)}, at 00:00 UTC"


def duration(seconds: float) -> str:
    """Hours and minutes, rounded up to a whole minute so that nobody comes back too early."""
    hours, minutes = divmod(max(1, math.ceil(seconds / 60)), 60)
    parts = [_count(hours, "hour")] if hours else []
    if minutes:
        parts.append(_count(minutes, "minute"))
    return " ".join(parts)


# -- a picture somebody attached (bot.pictures) ----------------------------------------------------------------------

READABLE = "JPEG, PNG, WebP, HEIC, AVIF, GIF, BMP or TIFF"
"""The kinds of pictures that can be read."""

_UNREADABLE = {
    "image/jxl": "a JPEG XL picture",
    "image/jp2": "a JPEG 2000 picture",
    "image/vnd.adobe.photoshop": "a Photoshop file",
    "image/x-icon": "an icon",
}
_DECLARED = {"application/pdf": "a PDF", "video": "a video", "audio": "a sound", "text": "a text", "font": "a font"}


def file_name(name: str) -> str:
    """A file's name as somebody's computer gave it, fit to stand in a sentence: short, quoted, one line."""
    last = re.split(r"[\\/]", name)[-1]
    seen = "".join(" " if unicodedata.category(c)[0] in "CZ" else c for c in last)
    short = " ".join(re.sub(r"[\"“”]", "'", seen).split())
    if len(short) > 60:
        short = f"{short[:43].rstrip()}…{short[-16:].lstrip()}"  # the end tells the kind
    return f"“{short}”" if short else "The attached file"


def picture_empty(file: str) -> str:
    """file: the beginning of the sentence, such as `file_name` returns; here and below."""
    return f"{file} is empty (0 bytes). Please attach it again."


def picture_too_heavy(file: str, *, size: int, most: int) -> str:
    """size, most: bytes."""
    return (
        f"{file} has {_tenths(size)} MB and I can take {_tenths(most)} MB. "
        "Save it smaller, or as a JPEG, and attach it again."
    )


def picture_too_large(file: str, *, width: int, height: int, most: int) -> str:
    """most: pixels."""
    return (
        f"{file} has {_tenths(width * height)} megapixels ({width:,} × {height:,}) and I can take {_tenths(most)}. "
        "Make it smaller and attach it again."
    )


def picture_too_narrow(file: str, *, width: int, height: int, most: int) -> str:
    """most: how many times the shorter side the longer one may be."""
    return (
        f"{file} is too narrow a strip ({width:,} × {height:,} pixels): one side can be {most} times the other. "
        "Crop it and attach it again."
    )


def picture_damaged(file: str) -> str:
    return (
        f"{file} is damaged or incomplete: I could not read it to its end. "
        "Open it, save it anew as JPEG or PNG, and attach that."
    )


def picture_of_other_kind(file: str, *, media_type: str | None) -> str:
    """media_type: what its bytes show it to be; None: no kind of picture that is known."""
    if media_type == "image/svg+xml":
        return f"{file} is an SVG drawing, which has no pixels. Export it as PNG and attach that."
    if media_type in _UNREADABLE:
        return f"{file} is {_UNREADABLE[media_type]}, which I can't read. Save it as JPEG or PNG and attach that."
    return f"{file} is not a picture that I can read, whatever its name says. Attach a {READABLE}."


def picture_declared_otherwise(file: str, *, media_type: str) -> str:
    """media_type: what the platform says it is, for example video/mp4."""
    kind = _DECLARED.get(media_type) or _DECLARED.get(media_type.partition("/")[0], "some other file")
    return f"{file} is {kind}, not a picture. Attach a {READABLE}."


# -- words of sentences ----------------------------------------------------------------------------------------------


def _pictures(number: int) -> str:
    return f"{number:,} {'picture' if number == 1 else 'pictures'}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def _tenths(units: int) -> str:
    """Millions with one decimal at most, rounded up: what is over a limit never reads like the limit."""
    return f"{math.ceil(units / 100_000) / 10:,g}"


def _cut(text: str) -> str:
    """What a member typed, short enough to stand in a sentence."""
    return text if len(text) <= 40 else f"{text[:39]}…"


# -- a job on its way (bot.service, bot.steps, bot.views) ------------------------------------------------------------

_STATES = {
    JobState.QUEUED: "Queued",
    JobState.SUBMITTING: "Sending to the painter",
    JobState.RUNNING: "Painting",
    JobState.DELIVERING: "Posting",
    JobState.SUCCEEDED: "Done",
    JobState.CANCELLED: "Cancelled",
}


def state(job: Job) -> str:
    """Where a job stands, in a few words; a failure in its own sentence."""
    if job.failure is not None:
        return job.failure.text
    if job.deleted_at is not None:
        return "Deleted"
    if job.state is JobState.QUEUED and job.attempts:
        return "Queued; something did not answer, and I keep trying"
    if job.state is JobState.QUEUED and job.waiting is Waiting.PARENT:
        return "Waiting for the picture before it"
    if job.state is JobState.QUEUED and job.waiting is Waiting.SLOT:
        return "Queued, waiting for a free place"
    return _STATES.get(job.state, "Failed")


def card(job: Job, conversation: ConversationRef) -> Card:
    """What the status card shows of a job."""
    return Card(
        job_id=job.id,
        conversation=conversation,
        message=job.card,
        requester=job.requester,
        prompt=job.prompt,
        aspect_ratio=job.aspect_ratio,
        state=job.state,
        accepted_at=job.accepted_at,
        text=state(job),
    )


def answer(job: Job) -> str:
    """The words that go with a job's answer: why there is no picture, or what is to be known about it."""
    return " ".join(part for part in (job.failure.text if job.failure else "", job.remark or "") if part)


def failure(kind: FailureKind, *, job_id: str) -> str:
    """What happened, and whether to reword, wait, or call the bot's owner."""
    return _FAILURES[kind].format(job_id=job_id)


_FAILURES = {
    FailureKind.SAFETY: "The picture service refused this for its content rules. Reword it, or use another picture, and ask again.",
    FailureKind.CREDIT: "I can't paint just now: the bot's owner must add credit to the account at the picture service.",
    FailureKind.KEY: "I can't paint just now: the bot's owner must renew the key for the picture service.",
    FailureKind.MODEL: "I can't paint just now: the bot's owner must choose another model, because this one is not served.",
    FailureKind.RATE: "The picture service has too much to do. Wait a few minutes and try again.",
    FailureKind.PAYLOAD: (
        "The picture service did not understand this request. Reword it and ask again; "
        "if that doesn't help, give the bot's owner this number: {job_id}"
    ),
    FailureKind.HISTORY: "The picture service refused this thread's history. Start anew with /imagine and attach the picture.",
    FailureKind.REFERENCE: "One of the attached pictures could not be used. Attach it again, or another one, and ask again.",
    FailureKind.NO_IMAGE: "The picture service answered without a picture. Say more exactly what you want to see and ask again.",
    FailureKind.PARENT: "There is no picture to change: the one you replied to was never finished. Start anew with /imagine.",
    FailureKind.TIMEOUT: "This took too long, so I stopped waiting. Try again.",
    FailureKind.LOST: "The connection to the picture service broke at the wrong moment, and nothing came of it. Try again.",
    FailureKind.PLACE: "I could not post here.",
    FailureKind.CONTENT: (
        "The picture was made, but the rules for content of this place don't let me show it here. Reword it and ask again."
    ),
    FailureKind.BUG: "Something went wrong inside me, and it is not your fault. Give the bot's owner this number: {job_id}",
    FailureKind.UNKNOWN: (
        "The picture service could not make this picture. Try again, or reword it; "
        "if that doesn't help, give the bot's owner this number: {job_id}"
    ),
}


def moved_to_earlier(*, deleted: bool = False) -> str:
    """deleted: the picture that was to be changed was there, and was taken back meanwhile."""
    why = "was deleted" if deleted else "was not finished"
    return f"The picture you replied to {why}, so I changed the one before it."


def parent_deleted() -> str:
    return "There is no picture to change: the one you replied to was deleted. Start anew with /imagine."


def cancelled(*, may_cost: bool) -> str:
    """may_cost: it had been sent to the vendor, where nothing can be stopped."""
    return "Cancelled. It had been sent already, so it may still count as paid." if may_cost else "Cancelled."


def too_late_to_cancel() -> str:
    return "That picture is finished already. You can delete it instead."


def not_finished_yet() -> str:
    return "That picture is not finished yet. You can cancel it instead."


def deleted(*, others: bool = False, back_to_earlier: bool = False) -> str:
    """others: pictures of the same answer went with it. back_to_earlier: it was the newest, and there is one before it."""
    what = "Deleted, and with it the other pictures of the same answer." if others else "Deleted."
    return f"{what} The picture before it is the newest here again." if back_to_earlier else what


def not_yours() -> str:
    return "Somebody else asked for this picture, so it is theirs. Ask them to do that."


def no_longer_known() -> str:
    return "I no longer know what this belongs to. Start anew with /imagine."


def unknown_job(job_id: str) -> str:
    """For operators."""
    return f"I don't know a job {_cut(job_id)}. `darkroom jobs` lists them."


def forgotten(user: str, requests: int, pictures: int) -> str:
    """user: `platform:id`. For operators."""
    return f"Forgotten: what {user} asked ({_count(requests, 'request')}) and what came of it ({_pictures(pictures)})."


def words_are_gone() -> str:
    return "The words of that request are no longer kept. Ask anew with /imagine."


def store_busy() -> str:
    return (
        "I can't write anything down just now, so nothing was sent. The bot's owner can see why; try again in a moment."
    )


def nothing_to_edit() -> str:
    return "There is no picture here to change yet. Start with /imagine and a description."


def picture_deleted() -> str:
    return "That picture was deleted. Reply to another one, or start anew with /imagine."


def too_many_references(number: int, *, editing: bool) -> str:
    """number: of attached pictures."""
    if editing:
        return f"You attached {number} pictures, and an edit takes 2 beside the picture it changes. Leave some out and ask again."
    return f"You attached {number} pictures, and a first request takes 3. Leave some out and ask again."
