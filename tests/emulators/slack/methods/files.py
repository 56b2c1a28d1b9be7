"""files.*: uploads in three steps, and what is known of a file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from tests.emulators.slack import blocks, text
from tests.emulators.slack.ids import is_ts
from tests.emulators.slack.methods.method import Method
from tests.emulators.slack.model import Channel
from tests.emulators.slack.refusals import Refusal, invalid_arguments, invalid_blocks
from tests.emulators.slack.shapes import file_json

if TYPE_CHECKING:
    from tests.emulators.slack.calls import Call
    from tests.emulators.slack.core import Core

Json = dict[str, Any]

MAX_ALT = 1000  # characters (documented: alt_txt_too_large)
MAX_LENGTH = 1_000_000_000  # bytes: believed
MAX_COMMENT = 40_000


def upload_url(core: Core, call: Call) -> Json:
    name = call.need("filename")
    length = call.number("length", 0, MAX_LENGTH)
    if not length:
        raise invalid_arguments("missing required field: length")
    alt = call.text("alt_txt")
    if alt is not None and len(alt) > MAX_ALT:
        raise Refusal("alt_txt_too_large")
    file, url = core.uploads.announced(call.bot, name, length, alt)
    return {"upload_url": url, "file_id": file.id}


def complete(core: Core, call: Call) -> Json:
    """Everything is judged before anything happens; the message comes after the answer, or never."""
    listed = call.json("files")
    if not isinstance(listed, list) or not listed or not all(isinstance(f, dict) and f.get("id") for f in listed):
        raise invalid_arguments("missing required field: files")
    channels = _channels(core, call)
    facts = _facts(core, call, channels)
    found = [core.directory.files.get(str(entry["id"])) for entry in listed]
    if any(file is None for file in found):
        raise Refusal("file_not_found")
    files = [file for file in found if file is not None]
    for file, entry in zip(files, listed, strict=True):
        core.uploads.complete(call.bot, file, entry.get("title"))
    answer = {"files": [file_json(file, core.base_url) for file in files]}
    core.uploads.begin(call.bot, files, channels, **facts)
    return answer


def _channels(core: Core, call: Call) -> list[Channel]:
    ids = [id.strip() for id in (call.text("channels") or "").split(",") if id.strip()]
    if one := call.text("channel_id"):
        ids = [one, *(id for id in ids if id != one)]
    found = []
    for id in ids:
        if id.startswith("#") or (id not in core.directory.channels and id not in core.directory.members):
            raise Refusal("channel_not_found")
        channel = core.directory.posting_place(call.bot, id)
        if call.bot.user not in channel.members:
            raise Refusal("not_in_channel")  # chat:write.public does not reach uploads
        found.append(channel)
    return found


def _facts(core: Core, call: Call, channels: list[Channel]) -> Json:
    comment, body, root = call.text("initial_comment"), call.json("blocks"), call.text("thread_ts")
    if comment is not None and len(comment) > MAX_COMMENT:
        raise Refusal("msg_too_long")
    if root is not None:
        if len(channels) != 1:
            raise invalid_arguments("thread_ts needs exactly one channel")
        if not is_ts(root):
            raise Refusal("invalid_thread_ts")
        core.wall.thread(channels[0], root)
    if body:
        if comment is not None:
            raise invalid_arguments("initial_comment and blocks exclude each other")
        _take_blocks(core, body)
        if found := blocks.complaints(body, lambda file: core.views.shown(call.bot, file)):
            raise invalid_blocks(found)
        body = [] if core.uploads.blocks == "ignored" else blocks.completed(body, lambda: core.ids.new("b"))
    return {"text": text.stored(comment or ""), "blocks": body or [], "thread_ts": root}


def _take_blocks(core: Core, body: list[Json]) -> None:
    """Whether blocks may stand beside files at all."""
    if core.uploads.blocks == "refused":
        raise invalid_blocks(["blocks are not allowed here [json-pointer:/blocks]"])
    if core.uploads.blocks == "unknown":
        raise invalid_arguments("no such argument: blocks")
    markdown = any(isinstance(block, dict) and block.get("type") == "markdown" for block in body)
    if markdown or core.uploads.blocks == "broken":
        raise Refusal("internal_error")


def info(core: Core, call: Call) -> Json:
    file = core.directory.file(call.bot, call.need("file"))
    page = {"count": 100, "total": 0, "page": 1, "pages": 0}
    return {"file": file_json(file, core.base_url), "comments": [], "paging": page}


def delete(core: Core, call: Call) -> Json:
    file = core.directory.file(call.bot, call.need("file"))
    if file.owner is not call.bot.user:
        raise Refusal("cant_delete_file")
    core.wall.remove_file(file)
    return {}


METHODS = {
    "files.getUploadURLExternal": Method(run=upload_url, scopes=("files:write",), tier=4, takes_json=False),
    "files.completeUploadExternal": Method(run=complete, scopes=("files:write",), tier=4),
    "files.info": Method(run=info, scopes=("files:read",), tier=4, takes_json=False),
    "files.delete": Method(run=delete, scopes=("files:write",), tier=3),
}
