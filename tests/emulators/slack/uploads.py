"""How does a file come in, and when does it stand in a channel? In three steps, the last of which ends later, or never.

`files.completeUploadExternal` answers before Slack has looked at the bytes: no type, no shares. The type and the message come
afterwards; `behaviour` says when.
"""

from __future__ import annotations

import io
from collections import deque
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, Literal

from PIL import Image, UnidentifiedImageError

from tests.emulators.slack.model import Bot, Channel, File, Message
from tests.emulators.slack.refusals import Refusal

if TYPE_CHECKING:
    from tests.emulators.slack.core import Core
    from tests.emulators.slack.people import Member

Json = dict[str, Any]

BY_NAME = {
    "png": "image/png",
    "jpg": "image/jpeg",
    "jpeg": "image/jpeg",
    "gif": "image/gif",
    "webp": "image/webp",
    "heic": "image/heic",
    "pdf": "application/pdf",
    "txt": "text/plain",
}
BINARY = "application/octet-stream"


@dataclass(frozen=True, kw_only=True, slots=True)
class Completion:
    """What comes of a completed upload. Seconds of the emulator's clock after the answer; None: never.

    typed_after: until `files.info` shows a mimetype. shared_after: until the message stands there. twice: the message
    comes twice.
    """

    typed_after: float | None = 0.0
    shared_after: float | None = 0.0
    twice: bool = False


class Uploads:
    """Assign `behaviour` for all uploads from now on, or call `next_one(**fields)` for the next.

    complete_again: what a second `files.completeUploadExternal` of one file does: `refuse` (file_not_found), or `share`.
    blocks: what becomes of blocks beside files: they are `shown`, `refused` (invalid_blocks), an `unknown` argument, `ignored`, or
    Slack is `broken` by them (internal_error).
    """

    def __init__(self, core: Core) -> None:
        self._core = core
        self._next: deque[Completion] = deque()
        self._addresses: dict[str, File] = {}
        self.behaviour = Completion()
        self.complete_again = "refuse"
        self.blocks: Literal["shown", "refused", "unknown", "ignored", "broken"] = "shown"

    def next_one(self, **fields: Any) -> None:
        """The next completed upload behaves like this, and the one after a second call like that."""
        self._next.append(replace(self.behaviour, **fields))

    def by_member(
        self,
        member: Member,
        name: str,
        data: bytes,
        *,
        size: int | None = None,
        mode: str = "hosted",
        media_type: str | None = None,
    ) -> File:
        """A file from a member's own machine: Slack believes its name."""
        file = self._new(member, name, len(data) if size is None else size)
        file.data, file.completed, file.mode = data, True, mode
        file.mimetype, file.pixels = media_type or type_by_name(name), _looked_at(data)[1]
        return file

    def announced(self, bot: Bot, name: str, length: int, alt_txt: str | None) -> tuple[File, str]:
        """Step one. Returns the file and where its bytes go."""
        file = self._new(bot.user, name, length)
        file.alt_txt = alt_txt
        ticket = self._core.ids.uuid().replace("-", "")
        self._addresses[ticket] = file
        return file, f"{self._core.base_url}/upload/v1/{ticket}"

    def received(self, ticket: str, data: bytes) -> bool:
        """Step two; whether the address is one of ours and still good."""
        file = self._addresses.get(ticket)
        if file is None or file.completed or file.deleted:
            return False
        file.data = data
        return True

    def complete(self, bot: Bot, file: File, title: str | None) -> bool:
        """Step three, for one file. Returns whether it counts; raises file_not_found."""
        if file.owner is not bot.user or file.data is None or file.deleted:
            raise Refusal("file_not_found")
        if len(file.data) != file.size:
            raise Refusal("file_upload_size_restricted")
        if file.completed and self.complete_again == "refuse":
            raise Refusal("file_not_found")
        file.completed = True
        file.title = title or file.name
        return True

    def begin(self, bot: Bot, files: list[File], channels: list[Channel], **facts: Any) -> None:
        """What happens after the answer."""
        completion = self._next.popleft() if self._next else self.behaviour
        self._core.spawn(self._typing(files, completion))
        if channels:
            self._core.spawn(self._sharing(bot, files, channels, facts, completion))

    async def _typing(self, files: list[File], completion: Completion) -> None:
        if not await self._due(completion.typed_after):
            return
        _look_at(files)

    async def _sharing(
        self, bot: Bot, files: list[File], channels: list[Channel], facts: Json, completion: Completion
    ) -> None:
        if not await self._due(completion.shared_after):
            return
        _look_at(files)
        for channel in channels:
            for _ in range(2 if completion.twice else 1):
                self._share(bot, [file for file in files if not file.deleted], channel, facts)

    def _share(self, bot: Bot, files: list[File], channel: Channel, facts: Json) -> Message | None:
        """Nothing appears for files that were deleted meanwhile, nor where the bot may post no more."""
        root = facts.get("thread_ts")
        gone = root is not None and (root not in channel.posts or channel.posts[root].deleted)
        if not files or channel.archived or bot.user not in channel.members or gone or bot.standing != "active":
            return None
        return self._core.wall.say(bot, channel, files=files, subtype="file_share", **facts)

    async def _due(self, after: float | None) -> bool:
        if after is None:
            return False
        if after > 0:
            await self._core.clock.until(self._core.clock.now() + after)
        return True

    def _new(self, owner: Member, name: str, size: int) -> File:
        now = int(self._core.clock.now())
        file = File(id=self._core.ids.new("F"), name=name, title=name, owner=owner, created=now, size=size)
        self._core.directory.files[file.id] = file
        return file


def type_by_name(name: str) -> str:
    return BY_NAME.get(name.rpartition(".")[2].lower(), BINARY)


def _look_at(files: list[File]) -> None:
    """What Slack does when it makes the thumbnails of uploads by apps."""
    for file in files:
        if file.data is not None:
            found, file.pixels = _looked_at(file.data)
            file.mimetype = found or type_by_name(file.name)


def _looked_at(data: bytes) -> tuple[str | None, tuple[int, int] | None]:
    """Type and size of a picture; nothing, if it is none."""
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return Image.MIME.get(picture.format or ""), picture.size
    except (UnidentifiedImageError, OSError, ValueError):
        return None, None


def shown_as_picture(file: File) -> bool:
    """Whether an image block can show it: Slack has looked at it, and it is a PNG, JPEG or GIF (documented)."""
    return file.mimetype in ("image/png", "image/jpeg", "image/gif")
