"""How is an answer posted once, on a platform whose uploads appear later or never, and whose posts have no key?

A result is one message: its files, and blocks with the buttons, which Slack takes beside files (and then no comment). The
ids of the files are in the note before the upload is completed, because they are the only proof of a share. A failure is a
message whose metadata holds the key; it is looked up before it is posted again.
"""

from __future__ import annotations

import json
from collections.abc import Callable

import structlog

from adapters.slack import rendering, wording
from adapters.slack.api import Api
from adapters.slack.faults import Limited, OwnerMustAct, Refused
from adapters.slack.lookups import Lookups, metadata
from adapters.slack.shares import GONE, Shares
from bot.errors import RetryLater
from bot.model import Json, Picture, Reply
from bot.ports import Note

ANSWER = "darkroom_answer"
"""The kind of metadata that marks an answer."""

NEVER_SECONDS = 90.0
"""After this long a share is not waited for any more: its file is removed and posted anew. Observed: seconds, else never."""

_LOOK_AGAIN_SECONDS = 10.0


class Deliveries:
    """Posts answers. One place is a channel and, unless the channel is a direct message, a thread."""

    def __init__(self, api: Api, shares: Shares, lookups: Lookups, clock: Callable[[], float]) -> None:
        self._api = api
        self._shares = shares
        self._lookups = lookups
        self._clock = clock
        self._log = structlog.get_logger("slack")

    async def say(
        self, channel: str, thread: str | None, reply: Reply, *, key: str, note: Note, elsewhere: str | None = None
    ) -> str:
        """A sentence; the time of its message."""
        memo = await note.load() or {}
        begun = memo.get("said_at")
        if begun is not None:
            found = await self._lookups.by_key(channel, thread, kind=ANSWER, key=key, since=begun)
            if found:
                return found
        self._api.pacer.turn("chat.postMessage", channel, key=key)
        if begun is None:
            await note.save({**memo, "said_at": self._api.slack_time()})
        content = rendering.failure(reply, elsewhere=elsewhere)
        posted = await self._api.call(
            "chat.postMessage", paced=False, channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False,
            metadata=metadata(ANSWER, key), **content,
        )  # fmt: skip
        return str(posted["ts"])

    async def share(
        self, channel: str, thread: str | None, reply: Reply, *, key: str, note: Note, elsewhere: str | None = None
    ) -> tuple[str, list[str]]:
        """Pictures; the time of their message, and their files' ids."""
        memo = await note.load() or {}
        if memo.get("completing_at") is not None:
            ts = await self._settled(channel, thread, memo)
            if ts:
                return ts, memo["files"]
            memo = {name: value for name, value in memo.items() if name not in ("files", "completing_at", "since")}
        self._api.pacer.turn("files.completeUploadExternal", channel, key=key)
        files = memo.get("files") or await self._uploaded(reply, memo, note)
        memo = {**memo, "files": files}
        await note.save({**memo, "completing_at": self._clock(), "since": self._api.slack_time()})
        try:
            await self._complete(channel, thread, reply, files, elsewhere)
        except (Limited, OwnerMustAct):
            await note.save(memo)  # Slack did nothing: the same files serve the next attempt
            raise
        except Refused as error:
            if error.code not in GONE:
                raise
            await note.save({name: value for name, value in memo.items() if name != "files"})
            raise RetryLater(f"the uploaded file is gone: {error.reason}") from error
        ts = await self._shares.wait(files[0], channel, thread)
        if ts is None:
            raise RetryLater("Slack has not shared the picture yet", after=_LOOK_AGAIN_SECONDS)
        return ts, files

    async def _complete(
        self, channel: str, thread: str | None, reply: Reply, files: list[str], elsewhere: str | None
    ) -> None:
        title = wording.cut(wording.one_line(reply.prompt), 100) or "picture"
        await self._api.call(
            "files.completeUploadExternal",
            paced=False,
            files=[{"id": file, "title": title} for file in files],
            channel_id=channel,
            thread_ts=thread,
            blocks=json.dumps(rendering.result(reply, elsewhere=elsewhere)["blocks"]),
        )

    async def _uploaded(self, reply: Reply, memo: Json, note: Note) -> list[str]:
        """The pictures' bytes at Slack, shared nowhere so far. An attempt that ends here leaves nothing that anybody sees."""
        files: list[str] = []
        for number, picture in enumerate(reply.images, start=1):
            files.append(await self._upload(picture, reply.prompt, number))
        await note.save({**memo, "files": files})
        return files

    async def _upload(self, picture: Picture, prompt: str, number: int) -> str:
        alt = wording.cut(prompt, wording.LONGEST_ALT) or "a picture without words"
        place = await self._api.call(
            "files.getUploadURLExternal",
            filename=f"picture-{number}.{picture.extension}",
            length=len(picture.data),
            alt_txt=alt,
        )
        await self._api.upload(str(place["upload_url"]), picture.data)
        return str(place["file_id"])

    async def _settled(self, channel: str, thread: str | None, memo: Json) -> str | None:
        """What became of the attempt before. None: nothing, and nothing can come of it any more."""
        files: list[str] = memo["files"]
        ts = await self._shares.look(files[0], channel, thread)
        if ts is None and self._clock() - memo["completing_at"] < NEVER_SECONDS:
            ts = await self._shares.wait(files[0], channel, thread)
            if ts is None:
                raise RetryLater("Slack has not shared the picture yet", after=_LOOK_AGAIN_SECONDS)
        if ts is None:
            self._log.warning("share_never_came", files=files)
            await self._shares.remove(files)
            await self._remove_remains(channel, thread, files, memo["since"])
        return ts

    async def _remove_remains(self, channel: str, thread: str | None, files: list[str], since: float) -> None:
        """A share that came between the last look and the removal leaves a message without a picture."""
        ts = await self._lookups.with_files(channel, thread, files, since=since)
        if ts:
            try:
                await self._api.call("chat.delete", channel=channel, ts=ts)
            except Refused as error:
                if error.code != "message_not_found":
                    raise
