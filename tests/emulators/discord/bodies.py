"""What did a request bring: JSON, and files beside it?"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.emulators.discord.refusals import Json, not_json, required, too_large

REQUEST_LIMIT = 25 * 2**20  # bytes of a whole request, where no boost allows more per file (Discord's docs)
SLACK = 2**20  # what multipart's own lines and the JSON may add


@dataclass(frozen=True, kw_only=True, slots=True)
class Part:
    """One file of a multipart request, under its number: `files[0]` is 0."""

    filename: str
    data: bytes
    content_type: str


@dataclass(frozen=True, kw_only=True, slots=True)
class Body:
    """json: what was sent, None where nothing was. files: by number."""

    json: Any = None
    files: dict[int, Part] = field(default_factory=dict)
    size: int = 0

    def fields(self) -> Json:
        """The JSON where a form is expected."""
        if not isinstance(self.json, dict):
            raise not_json()
        return self.json

    def check_size(self, upload_limit: int) -> None:
        """upload_limit: bytes per file of the place that the files go to."""
        if self.size > max(REQUEST_LIMIT, upload_limit) + SLACK:
            raise too_large()
        if any(len(part.data) > upload_limit for part in self.files.values()):
            raise too_large()


async def read_body(request: web.Request) -> Body:
    """Reads all of it, so that even a refusal leaves the connection usable."""
    if not request.can_read_body:
        return Body()
    if request.content_type.startswith("multipart/"):
        return await _read_multipart(request)
    raw = await request.read()
    if not raw:
        return Body()
    if request.content_type != "application/json":
        raise not_json()
    return Body(json=_parse(raw), size=len(raw))


async def _read_multipart(request: web.Request) -> Body:
    payload: Any = {}
    files: dict[int, Part] = {}
    size = 0
    async for part in await request.multipart():
        assert isinstance(part, BodyPartReader)
        data = bytes(await part.read())
        size += len(data)
        name = part.name or ""
        if name == "payload_json":
            payload = _parse(data)
        elif found := re.fullmatch(r"files\[(\d+)\]", name):
            if not part.filename:
                raise required(name)
            files[int(found[1])] = Part(
                filename=part.filename, data=data, content_type=part.headers.get("Content-Type", "")
            )
    return Body(json=payload, files=files, size=size)


def _parse(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError as error:
        raise not_json() from error
