"""How is an answer posted once, on a platform whose uploads appear later or never, and whose posts have no key?

A result is one message: its files, and blocks with the buttons, which Slack takes beside files (and then no comment). The
ids of the files are in the note before the upload is completed, because they are the only proof of a share. A failure is a
message whose metadata holds the key; it is looked up before it is posted again. Where Slack takes no blocks beside files,
the buttons are such a message too, after the pictures.
"""

from __future__ import annotations

import json
from enum import Enum, auto

import structlog

from adapters.slack import rendering, wording
from adapters.slack.api import Api
from adapters.slack.faults import NOT_DONE, OwnerMustAct, Refused, Stumbled
from adapters.slack.lookups import Lookups, metadata
from adapters.slack.pacing import Priority
from adapters.slack.shares import GONE, Shares
from adapters.slack.timing import Timing
from bot.errors import FailureKind, GiveUp, RetryLater
from bot.model import Json, Picture, Reply
from bot.ports import Note

ANSWER = "darkroom_answer"
"""The kind of metadata that marks an answer."""

NEVER_SECONDS = (90.0, 300.0, 900.0)
"""So long the first, second and third share are waited for. Then the file is removed and posted anew; after the last, it is
given up in that place. Observed: seconds, else never: an admin's rule, a full workspace, a thread whose beginning is gone.
"""

NO_BLOCKS = frozenset(
    {"invalid_arg_name", "invalid_arguments", "invalid_blocks", "invalid_blocks_format", "msg_blocks_too_long"}
)
"""What Slack may answer where it takes no blocks beside files. Its reference lists `blocks`; observed are their refusals."""

_COMPLETE = "files.completeUploadExternal"
_LOOK_AGAIN_SECONDS = 10.0
_OF_AN_ATTEMPT = ("files", "completing_at", "since", "plain", "lost")  # in the note


class Buttons(Enum):
    """Where the buttons of pictures go, as far as this process knows."""

    UNKNOWN = auto()  # tried beside the files, and then looked at once
    TOGETHER = auto()
    AFTER = auto()  # in a message of their own


class Unshown(GiveUp):
    """Slack takes pictures there, and never shows them."""

    def __init__(self) -> None:
        super().__init__(f"Slack never showed the picture, {len(NEVER_SECONDS)} times", kind=FailureKind.PLACE)


class Deliveries:
    """Posts answers. One place is a channel and, unless the channel is a direct message, a thread."""

    def __init__(self, api: Api, shares: Shares, lookups: Lookups, timing: Timing) -> None:
        self._api = api
        self._shares = shares
        self._lookups = lookups
        self._timing = timing
        self._buttons = Buttons.UNKNOWN
        self._log = structlog.get_logger("slack")

    async def say(
        self, channel: str, thread: str | None, reply: Reply, *, key: str, note: Note, elsewhere: str | None = None
    ) -> str:
        """A sentence; the time of its message."""
        return await self._said(channel, thread, rendering.failure(reply, elsewhere=elsewhere), key=key, note=note)

    async def _said(self, channel: str, thread: str | None, content: Json, *, key: str, note: Note) -> str:
        """A message, once; what the note knows already stays in it."""
        memo = await note.load() or {}
        begun = memo.get("said_at")
        if begun is not None:
            found = await self._lookups.by_key(
                channel, thread, kind=ANSWER, key=key, since=begun, begun_at=memo["saying_at"]
            )
            if found:
                return found
        with self._api.pacer.turn("chat.postMessage", channel, key=key, priority=Priority.DELIVERY):
            attempt = {"said_at": begun or self._api.slack_time(), "saying_at": self._timing.now()}
            await note.save({**memo, **attempt})
            try:
                posted = await self._api.send(
                    "chat.postMessage", channel=channel, thread_ts=thread, unfurl_links=False, unfurl_media=False,
                    metadata=metadata(ANSWER, key), **content,
                )  # fmt: skip
            except (*NOT_DONE, Refused):
                await note.save(memo)  # certainly not posted now, so there is nothing new to look for
                raise
        return str(posted["ts"])

    async def share(
        self, channel: str, thread: str | None, reply: Reply, *, key: str, note: Note, elsewhere: str | None = None
    ) -> tuple[list[str], list[str]]:
        """Pictures; the times of their messages, and the files' ids."""
        memo = await note.load() or {}
        ts = await self._settled(channel, thread, memo) if memo.get("completing_at") is not None else None
        if ts is None:
            memo = await self._completed(channel, thread, reply, memo, key=key, note=note, elsewhere=elsewhere)
            ts = await self._shares.wait(memo["files"][0], channel, thread)
        if ts is None:
            raise RetryLater("Slack has not shared the picture yet", after=_LOOK_AGAIN_SECONDS)
        if not memo.get("plain") and await self._has_buttons(channel, thread, ts):
            return [ts], memo["files"]
        content = rendering.buttons(reply, elsewhere=elsewhere)
        try:
            return [ts, await self._said(channel, thread, content, key=key, note=note)], memo["files"]
        except Refused as error:  # the place has closed behind the picture
            self._log.warning("buttons_refused", reason=error.reason)
            return [ts], memo["files"]

    # -- an attempt ---------------------------------------------------------------------------------------------

    async def _completed(
        self,
        channel: str,
        thread: str | None,
        reply: Reply,
        memo: Json,
        *,
        key: str,
        note: Note,
        elsewhere: str | None,
    ) -> Json:
        """Slack has taken the pictures, and will share them; the note as it is then."""
        if memo.get("completing_at") is not None:  # that attempt is over
            never = memo.get("never", 0) + (not memo.get("lost"))
            memo = {name: value for name, value in memo.items() if name not in _OF_AN_ATTEMPT} | {"never": never}
            await note.save(memo)
        if memo.get("never", 0) >= len(NEVER_SECONDS):
            raise Unshown
        files = memo.get("files") or await self._uploaded(reply, memo, note)
        memo = {**memo, "files": files}
        blocks = json.dumps(rendering.result(reply, elsewhere=elsewhere)["blocks"])
        with self._api.pacer.turn(_COMPLETE, channel, key=key, priority=Priority.DELIVERY):
            attempt = {**memo, "completing_at": self._timing.now(), "since": self._api.slack_time()}
            attempt["plain"] = self._buttons is Buttons.AFTER or "stumbled" in memo
            await note.save(attempt)
            try:
                try:
                    await self._complete(channel, thread, reply, files, None if attempt["plain"] else blocks)
                except Refused as error:
                    if attempt["plain"] or error.code not in NO_BLOCKS:
                        raise
                    attempt["plain"] = True
                    await self._complete(channel, thread, reply, files, None)
                    self._learn(Buttons.AFTER, error.reason)
            except NOT_DONE:
                await note.save(memo)  # Slack did nothing: the same files serve the next attempt
                raise
            except Stumbled:
                # it may be the blocks; the next attempt has none
                await note.save({**attempt, "stumbled": True, "lost": True})
                raise
            except RetryLater:
                await note.save({**attempt, "lost": True})  # Slack may never have heard of it
                raise
            except Refused as error:
                if error.code not in GONE:
                    raise
                await note.save({name: value for name, value in memo.items() if name != "files"})
                raise RetryLater(f"the uploaded file is gone: {error.reason}") from error
        return attempt

    async def _complete(
        self, channel: str, thread: str | None, reply: Reply, files: list[str], blocks: str | None
    ) -> None:
        title = wording.cut(wording.one_line(reply.prompt), 100) or "picture"
        await self._api.send(
            _COMPLETE,
            files=[{"id": file, "title": title} for file in files],
            channel_id=channel,
            thread_ts=thread,
            **({"blocks": blocks} if blocks else {}),
        )

    async def _has_buttons(self, channel: str, thread: str | None, ts: str) -> bool:
        """Whether Slack shows the blocks that it took. The first picture of a process is looked at, the others are alike."""
        if self._buttons is Buttons.TOGETHER:
            return True
        try:
            message = await self._lookups.at(channel, thread, ts)
        except (Refused, OwnerMustAct):  # the picture stands there, that is what counts
            message = None
        if message is None:
            return True
        shown = any(block.get("type") == "actions" for block in message.get("blocks") or ())
        self._learn(Buttons.TOGETHER if shown else Buttons.AFTER, "the blocks were taken and are not shown")
        return shown

    def _learn(self, where: Buttons, reason: str) -> None:
        if where is Buttons.AFTER and self._buttons is not where:
            self._log.warning("buttons_in_a_message_of_their_own", reason=reason)
        self._buttons = where

    async def _uploaded(self, reply: Reply, memo: Json, note: Note) -> list[str]:
        """The pictures' bytes at Slack, shared nowhere so far. An attempt that ends here leaves nothing that anybody sees."""
        files: list[str] = []
        for number, picture in enumerate(reply.images, start=1):
            files.append(await self._upload(picture, reply.prompt, number))
        await note.save({**memo, "files": files})
        return files

    async def _upload(self, picture: Picture, prompt: str, number: int) -> str:
        facts: Json = {"filename": f"picture-{number}.{picture.extension}", "length": len(picture.data)}
        alt = wording.alt(prompt) or "a picture without words"
        try:
            place = await self._api.call("files.getUploadURLExternal", **facts, alt_txt=alt)
        except Refused as error:
            if error.code != "alt_txt_too_large":
                raise
            place = await self._api.call("files.getUploadURLExternal", **facts)
        await self._api.upload(str(place["upload_url"]), picture.data)
        return str(place["file_id"])

    # -- what became of it --------------------------------------------------------------------------------------

    async def _settled(self, channel: str, thread: str | None, memo: Json) -> str | None:
        """The time of the message of the attempt before. None: there is none, and none can come any more."""
        files: list[str] = memo["files"]
        ts = await self._shares.look(files[0], channel, thread)
        if ts is None and self._timing.now() - memo["completing_at"] < NEVER_SECONDS[memo.get("never", 0)]:
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
