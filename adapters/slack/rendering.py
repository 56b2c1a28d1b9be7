"""How do card, result, failure, window and App Home look on Slack? Block Kit as plain data; nothing is sent from here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from adapters.slack import wording
from adapters.slack.buttons import MODAL, Press, Window
from bot.model import ASPECT_RATIOS, OUTCOME_UNKNOWN, Card, Job, JobState, Json, Reply

PROMPT, RATIO, FILES, VALUE = "prompt", "ratio", "files", "value"
"""Block ids of a window's fields, and the action id of each."""

REMARK = "remark"
"""The block that holds the bot's own sentence under an answer."""

_MOST_PROMPT = 400  # characters of a prompt on a card; the alt text of the picture has it whole
_MOST_REMARK = 2_500  # of a sentence of ours, beside another one of a line or two
_MOST_FIELD = 3_000  # of a text field (docs)


@dataclass(frozen=True, kw_only=True, slots=True)
class Preview:
    """The newest picture of a thread. file: its id, shared already. prompt: of this picture."""

    file: str
    prompt: str


def card(card: Card, *, preview: Preview | None = None) -> Json:
    """The status card: state, ratio, prompt, who asked; Cancel for as long as that can still help. preview: shown small."""
    state = wording.fitted(card.text, 600)
    prompt = wording.quoted(card.prompt, _MOST_PROMPT)
    head: Json = {
        "type": "section",
        "text": _mrkdwn(f"*{state}* · {card.aspect_ratio}" + (f"\n> {prompt}" if prompt else "")),
    }
    if preview:
        alt = wording.cut(wording.one_line(preview.prompt) or "the newest picture", wording.LONGEST_ALT)
        head["accessory"] = {"type": "image", "slack_file": {"id": preview.file}, "alt_text": alt}
    how = _how_to_change(card)
    blocks = [head, _context(f"asked by <@{card.requester.id}>" + (f" · {how}" if how else ""))]
    if card.state in OUTCOME_UNKNOWN:
        blocks.append(_actions(Press(act="cancel", job_id=card.job_id)))
    return {"text": f"{state}: {prompt}", "blocks": blocks}


def result(reply: Reply, *, elsewhere: str | None = None) -> Json:
    """The blocks that stand with the pictures of a result, in the same message: whose words, a remark, the buttons.

    elsewhere: why it stands in a direct message. What would be asked for by a button there could not be posted either.
    """
    several = len(reply.images) > 1
    edits = [Press(act="edit", job_id=reply.job_id, image=n).block(numbered=several) for n in range(len(reply.images))]
    rest = [Press(act=act, job_id=reply.job_id).block() for act in ("again", "delete")]
    blocks = [_context(_whose(reply)), *_remark(reply, elsewhere)]
    blocks.append({"type": "actions", "elements": rest[1:] if elsewhere else [rest[0], *edits[:20], rest[1]]})
    return {"blocks": blocks}


def buttons(reply: Reply, *, elsewhere: str | None = None) -> Json:
    """The same as a message of its own, after pictures that Slack shows without blocks."""
    return {"text": _whose(reply), **result(reply, elsewhere=elsewhere)}


def failure(reply: Reply, *, elsewhere: str | None = None) -> Json:
    """The sentence that says why there is no picture, and the button that asks again."""
    blocks = [*_remark(reply, elsewhere), _context(_whose(reply))]
    if elsewhere is None:
        blocks.append(_actions(Press(act="again", job_id=reply.job_id)))
    return {"text": wording.fitted(reply.text, _MOST_REMARK), "blocks": blocks}


def window(asked: Window, *, editing: bool) -> Json:
    """The window for words, ratio and pictures. editing: a picture is there already."""
    words: Json = {"type": "plain_text_input", "action_id": VALUE, "multiline": True, "max_length": _MOST_FIELD}
    most = 2 if editing else 3
    ratios = [{"text": _plain(ratio), "value": ratio} for ratio in ASPECT_RATIOS]
    fields = [
        _field(PROMPT, "What to change" if editing else "What to paint", words),
        _field(
            RATIO,
            "Aspect ratio",
            {
                "type": "static_select",
                "action_id": VALUE,
                "placeholder": _plain("as before" if editing else "1:1"),
                "options": ratios,
            },
            optional=True,
        ),
    ]
    if most > len(asked.files):
        element = {"type": "file_input", "action_id": VALUE, "max_files": most - (0 if editing else len(asked.files))}
        fields.append(_field(FILES, "Pictures to use", element, optional=True))
    return {
        "type": "modal",
        "callback_id": MODAL,
        "private_metadata": asked.written(),
        "title": _plain("Edit this picture" if editing else "Make a picture"),
        "submit": _plain("Paint"),
        "close": _plain("Close"),
        "blocks": fields,
    }


@dataclass(frozen=True, kw_only=True, slots=True)
class Recent:
    """A picture of a member, for the App Home. link: to its message."""

    job: Job
    link: str


def home(recent: Sequence[Recent], limits: str) -> Json:
    """A member's App Home: how to use the bot, what is left of the limits, the newest pictures with links."""
    blocks: list[Json] = [{"type": "header", "text": _plain("How to use me")}]
    blocks += [{"type": "section", "text": _mrkdwn(text)} for text in wording.how_to()]
    blocks += [
        _context(wording.escaped(limits)),
        {"type": "divider"},
        {"type": "header", "text": _plain("Your newest pictures")},
    ]
    if not recent:
        blocks.append({"type": "section", "text": _mrkdwn("None yet. Begin with `/imagine` in a channel.")})
    for one in recent:
        words = wording.quoted(one.job.prompt, 150) or "a picture"
        blocks.append({"type": "section", "text": _mrkdwn(f"<{one.link}|Open> · {words}")})
    return {"type": "home", "blocks": blocks}


def private(text: str) -> Json:
    """For one member's eyes, as it goes to a response_url; escaped already."""
    return {"response_type": "ephemeral", "replace_original": False, "text": text}


def _how_to_change(card: Card) -> str | None:
    """What is said there must be what the bot will hear there."""
    place = card.conversation
    if card.state in (JobState.FAILED, JobState.CANCELLED):
        return None
    if place.thread == place.channel:  # a direct message is one conversation as a whole
        return "write what to change"
    if place.thread is None or (card.message is not None and card.message.id == place.thread):
        return "reply in the thread to change it"
    return "mention me here with what to change"


def _whose(reply: Reply) -> str:
    words = wording.quoted(reply.prompt, 200)
    return f"<@{reply.requester.id}>" + (f" · {words}" if words else "")


def _remark(reply: Reply, elsewhere: str | None) -> list[Json]:
    text = " ".join(part for part in (elsewhere, wording.fitted(reply.text, _MOST_REMARK)) if part)
    return [{"type": "section", "block_id": REMARK, "text": _mrkdwn(text)}] if text else []


def _mrkdwn(text: str) -> Json:
    """At most 3,000 characters (docs): whatever goes in was cut before it was escaped, or an entity could be cut in half.

    verbatim: Slack makes no links of addresses and names by itself (docs).
    """
    return {"type": "mrkdwn", "text": text, "verbatim": True}


def _plain(text: str) -> Json:
    return {"type": "plain_text", "text": text, "emoji": False}


def _context(text: str) -> Json:
    return {"type": "context", "elements": [_mrkdwn(text)]}


def _actions(*presses: Press) -> Json:
    return {"type": "actions", "elements": [press.block() for press in presses]}


def _field(name: str, label: str, element: Json, *, optional: bool = False) -> Json:
    return {"type": "input", "block_id": name, "label": _plain(label), "element": element, "optional": optional}
