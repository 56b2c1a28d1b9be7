"""How does the service tell what came of a request: pictures, the next turn's contents, or a failure?"""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

from bot.emulator.behaviour import Behaviour
from bot.emulator.files import Bucket, File
from bot.emulator.validation import Asked

MODEL_WORDS = "Here is the generated image."
SIGNATURE = base64.b64encode(b"emulated thought signature").decode()


def success_outcome(
    behaviour: Behaviour, asked: Asked, files: Sequence[File], bucket: Bucket, base_url: str
) -> dict[str, Any] | None:
    """The `outcome` of a success in the form that the behaviour wants."""
    form = behaviour.outcome
    if form == "none":
        return None
    urls = [base_url + file.path for file in files]
    shown: dict[str, Any]
    if form == "candidates":
        shown = {"candidates": [_candidate(files, bucket)]}
    elif form == "strings":
        shown = {"media_urls": urls}
    elif form == "empty":
        shown = {"media_urls": []}
    else:
        shown = {"media_urls": [{"id": str(index), "url": url} for index, url in enumerate(urls)]}
    if behaviour.thumbnail and urls:
        shown["thumbnail_image_url"] = urls[0]
    if behaviour.next_turn != "absent":
        shown["next_turn_contents"] = next_turn_contents(behaviour, asked, files)
    return shown


def _candidate(files: Sequence[File], bucket: Bucket) -> dict[str, Any]:
    """The raw form of the model behind the queue, seen by the vendor's own app."""
    parts: list[dict[str, Any]] = [{"text": MODEL_WORDS}]
    parts += [
        {"inlineData": {"mimeType": file.content_type, "data": base64.b64encode(bucket.data(file)).decode()}}
        for file in files
    ]
    return {"content": {"role": "model", "parts": parts}, "finishReason": "STOP", "index": 0}


def next_turn_contents(behaviour: Behaviour, asked: Asked, files: Sequence[File]) -> Any:
    """The history to send back with the next instruction: what was sent, verbatim, then the model's turn, then a template."""
    if behaviour.next_turn == "garbage":
        return {"unexpected": "not a conversation"}
    signed = behaviour.next_turn == "signed"
    answer: list[dict[str, Any]] = [{"text": MODEL_WORDS}]
    for file in files if behaviour.outcome != "empty" else ():
        part: dict[str, Any] = {"fileData": {"mimeType": "image/png", "fileUri": file.gs_uri}}
        answer.append({**part, "thoughtSignature": SIGNATURE} if signed else part)
    turn: dict[str, Any] = {"role": "model", "parts": answer}
    turns = [*_sent(asked), {**turn, "turnId": f"t{len(_sent(asked))}"} if signed else turn]
    if behaviour.next_turn == "untemplated":
        return turns
    template = {"role": "user", "parts": [{"text": ""}, {"fileData": {"mimeType": "image/png", "fileUri": ""}}]}
    return [*turns, template]


def _sent(asked: Asked) -> list[dict[str, Any]]:
    if asked.contents is not None:
        return list(asked.contents)
    parts: list[dict[str, Any]] = [{"text": asked.words}]
    parts += [{"fileData": {"mimeType": "image/png", "fileUri": picture.uri}} for picture in asked.pictures]
    return [{"role": "user", "parts": parts}]


def failed_fields(form: str, text: str) -> dict[str, Any]:
    """The fields of a failed record that carry its text; production clients have met every one of these places."""
    if form == "string":
        return {"outcome": {"error": text}}
    if form == "object":
        return {"outcome": {"error": {"code": 400, "message": text, "status": "INVALID_INPUT"}}}
    return {form: text}
