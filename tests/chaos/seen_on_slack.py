"""What does a member see on Slack, and how does Slack call what they did? Pure."""

from __future__ import annotations

from collections.abc import Sequence
from math import inf

from tests.emulators.slack import Delivery, Member, Message, Upload
from tests.world.driver import File


def source(delivery: Delivery) -> str:
    """Under which identity Slack tells of a command, a window or a click, however often it does."""
    payload = delivery.payload
    match payload.get("type"):
        case "view_submission":
            return f"slack:window:{payload['view']['id']}"
        case "block_actions":
            clicked = f"{payload['container']['message_ts']}-{payload['actions'][0]['action_ts']}"
            return f"slack:button:{payload['user']['id']}-{clicked}"
    return f"slack:command:{payload['trigger_id']}"


def refusal(delivery: Delivery) -> str | None:
    """The sentence that came with the acknowledgement, or what a window says is wrong."""
    payload = delivery.ack.payload if delivery.ack else None
    if not isinstance(payload, dict):
        return None
    return payload.get("text") or next(iter((payload.get("errors") or {}).values()), None)


def told_instead(press: Delivery, member: Member, deliveries: Sequence[Delivery]) -> str | None:
    """What the member of a press was told in private after it, and before their next press in that channel: where a press
    comes to nothing, its acknowledgement carries no words.
    """
    if not press.attempts:
        return None
    channel, began = press.payload["channel"], press.attempts[0].at
    theirs = [
        other.attempts[0].at
        for other in deliveries
        if other.kind == "block_actions" and other.attempts
        if other.payload["user"]["id"] == member.id and other.payload.get("channel") == channel
    ]
    until = min((at for at in theirs if at > began), default=inf)
    said = [message for message in member.ephemerals if message.channel.id == channel["id"]]
    return next((member.reads(message) for message in said if began <= float(message.ts) < until), None)


def is_card_of(message: Message, member: Member, words: str) -> bool:
    shown = str(message.blocks)
    return words in shown and f"<@{member.id}>" in shown and not message.files and not message.is_reply


def buttons(message: Message, act: str) -> list[tuple[str, int]]:
    """Job and number of each button of this kind."""
    found = [(str(e.get("value")), *str(e["action_id"]).partition(":")) for e in message.elements]
    return [(job_id, int(number)) for job_id, kind, _, number in found if kind == act and number.isdigit()]


def uploads(files: Sequence[File]) -> list[Upload]:
    return [Upload(name=file.name, data=file.data, media_type=file.said_type) for file in files]
