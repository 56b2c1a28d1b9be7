"""How does the bot ask the queue for pictures, and what is known of the queue just now?

What is raised, and when, is the table in answers.py. How the bytes travel is told in wire.py.
"""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable, Mapping
from functools import partial
from types import MappingProxyType, TracebackType
from typing import Self, TypeVar
from urllib.parse import quote, urlencode

from bot.answers import (
    Answer,
    FateUnknown,
    NotSent,
    PageTooLarge,
    RequestUnknown,
    decoded,
    get_refused,
    look_failed,
    models_refused,
    prelude_refused,
    submit_refused,
    upload_refused,
)
from bot.errors import OWNER_KINDS, FailureKind, GiveUp, RetryLater
from bot.failures import clean, verdict_of_answer
from bot.model import Json, Picture
from bot.pace import Pace
from bot.records import (
    Media,
    ModelInfo,
    Page,
    Record,
    decode_grant,
    decode_model,
    decode_models,
    decode_page,
    decode_record,
    decode_record_of,
    is_whole_picture,
)
from bot.wire import MAX_PICTURE_BYTES, Wire

__all__ = ["FateUnknown", "ImageQueue", "NotSent", "PageTooLarge", "RequestUnknown"]

T = TypeVar("T")

REFUSAL_SECONDS = 900.0
"""How long a refusal of the account or the model is believed. Only a request proves the contrary, and nobody may dare to
make one while the bot calls itself unable; so this long after the last refusal it is unknown again.
"""

_ON_LOOP_BYTES = 100_000  # parsing more than this takes a millisecond and up: it is done in a thread

_ADVICE: Mapping[FailureKind, str] = MappingProxyType(
    {
        FailureKind.KEY: "the queue refuses the key: put a valid one into GMI_API_KEY",
        FailureKind.CREDIT: "the account at GMI Cloud has no credit: add some",
        FailureKind.MODEL: "the queue does not serve the model to this account: choose another GMI_MODEL",
    }
)


class ImageQueue:
    """One account at the request queue. Safe for any number of calls at once; how many run is for the caller to bound.

    base_url: scheme, host and port of the service, and a path where a gateway needs one. key: may be empty, for what
    needs none. connect_timeout, read_timeout: seconds; the second is for the POST, which may answer only when the
    picture is made. wall: the local clock. observe: called with the route, the result (HTTP status, `not_sent`,
    `timeout`, `cut`) and the seconds of each exchange. pace: says when each request may go. Raises ValueError, a full
    sentence, for what cannot work.

    Proxies are taken from the environment (HTTPS_PROXY and its kin), as operators behind one expect, except for
    loopback. Redirects are not followed: they would carry the key, or a POST, elsewhere. The other limits, with their
    reasons, stand in wire.py.
    """

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        connect_timeout: float = 10.0,
        read_timeout: float = 300.0,
        wall: Callable[[], float] = time.time,
        observe: Callable[[str, str, float], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._wire = Wire(
            base_url=base_url,
            key=key,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            observe=observe,
            pace=pace,
        )
        self._root = f"{self._wire.address}/api/v1/ie/requestqueue"
        self._wall = wall
        self._ahead = 0.0  # seconds that the queue's clock is ahead of ours
        self._seen_at: float | None = None
        self._trouble: str | None = None
        self._owner_troubles: dict[FailureKind, tuple[str, float]] = {}  # with when it was seen last

    def __repr__(self) -> str:
        return f"<ImageQueue at {self._wire.address}>"

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def aclose(self) -> None:
        """Ends every connection."""
        await self._wire.aclose()

    # -- what is known of the queue ------------------------------------------------------------------------------------

    @property
    def longest_post(self) -> float:
        """Seconds after which a POST of ours has ended, one way or the other."""
        return self._wire.longest_post

    def now(self) -> float:
        """Unix seconds on the queue's clock, to within a second; on ours until an answer has told the time."""
        return self._wall() + self._ahead

    def clock_moved(self, seconds: float) -> None:
        """Our clock has stepped, and the queue's has not: what is known of it stays as it is until it tells the time again."""
        if self._seen_at is not None:
            self._ahead -= seconds

    @property
    def seen_at(self) -> float | None:
        """When the queue last answered as it should, on the local clock."""
        return self._seen_at

    @property
    def trouble(self) -> str | None:
        """What makes the queue useless just now, as seen last; what only the owner can end comes first. None: nothing."""
        return next((reason for reason, _ in self._owner_troubles.values()), self._trouble)

    # -- requests ------------------------------------------------------------------------------------------------------

    async def submit(self, model: str, payload: Json) -> Record:
        """Asks for a picture; the answer may be queued or terminal already. Takes up to `longest_post` seconds.

        FateUnknown: a request may have been made; it must be looked for before anything is sent again. Any other
        RetryLater: no request was made, or it has failed for a passing reason. GiveUp: refused, with its kind.
        """
        body = await asyncio.to_thread(json.dumps, {"model": model, "payload": payload}, allow_nan=False)
        answer = await self._ask("submit", "POST", f"{self._root}/apikey/requests", body.encode())
        refused = partial(submit_refused, now=self._wall(), history="contents" in payload)
        return await self._told("submit", answer, decode_record, refused, unreadable=FateUnknown)

    async def get(self, request_id: str) -> Record:
        """How far a request is. Raises RequestUnknown, or RetryLater: not even a refused key ends a job that runs."""
        answer = await self._ask("get", "GET", f"{self._root}/apikey/requests/{quote(request_id, safe='')}")
        refused = partial(get_refused, now=self._wall())
        return await self._told("get", answer, partial(decode_record_of, request_id), refused)

    async def page(self, model: str, *, limit: int = 100, offset: int = 0) -> Page:
        """Requests of a model, newest first as far as is known. Raises RetryLater; PageTooLarge where fewer may fit."""
        query = urlencode({"model_id": model, "limit": limit, "offset": offset})
        answer = await self._ask("list", "GET", f"{self._root}/apikey/requests?{query}")
        if answer.is_success and not answer.whole:
            raise PageTooLarge(f"a page of {limit} requests has more than {self._wire.bounds['list'].size:,} bytes")
        decode = partial(decode_page, limit=limit, offset=offset, size=len(answer.content))
        return await self._told("list", answer, decode, partial(look_failed, now=self._wall()))

    async def find(self, model: str, request_id: str, *, pages: int = 2) -> Record | None:
        """Looks for a request in the newest pages of the list: some are there that `get` does not know (observed)."""
        for number in range(pages):
            page = await self.page(model, limit=100, offset=100 * number)
            found = next((record for record in page.records if record.request_id == request_id), None)
            if found or not page.has_more:
                return found
        return None

    # -- pictures ------------------------------------------------------------------------------------------------------

    async def upload(self, picture: Picture) -> str:
        """Puts a picture where the queue's models find it, and returns its address, which is public to all who know it.

        Raises RetryLater, or GiveUp when the key, the account or the picture's type is refused.
        """
        body = json.dumps({"file_type": picture.extension}).encode()  # png or jpeg; a jpg would be signed differently
        answer = await self._ask("upload_url", "POST", f"{self._root}/apikey/upload-url", body)
        grant = await self._told("upload_url", answer, decode_grant, partial(upload_refused, now=self._wall()))
        if not self._wire.trusts(grant.public_url):
            raise GiveUp(f"not an address of the service: {clean(grant.public_url)}")
        answer = await self._wire.ask(
            "put", "PUT", grant.upload_url, content=picture.data, content_type=picture.media_type
        )
        if not answer.is_success:
            raise look_failed(answer, now=self._wall())
        return grant.public_url

    async def download(self, media: Media) -> bytes:
        """The bytes of a result: a PNG, JPEG, WebP or GIF that begins and ends like one, of at most 32 MB.

        Raises RetryLater for what may have been cut or replaced on its way; GiveUp for an address that is not the
        service's, for too many bytes, and for bytes inside the outcome that are no picture.
        """
        if media.data is not None:
            if not is_whole_picture(media.data):
                raise GiveUp("what the outcome holds is no picture", kind=FailureKind.NO_IMAGE)
            return media.data
        answer = await self._wire.ask("media", "GET", media.url or "")
        if not answer.is_success:
            raise look_failed(answer, now=self._wall())
        if not answer.whole:
            raise GiveUp(f"the picture has more than {MAX_PICTURE_BYTES:,} bytes")
        if not is_whole_picture(answer.content):
            raise RetryLater(f"no whole picture came, but {len(answer.content):,} bytes of something else")
        return answer.content

    # -- models --------------------------------------------------------------------------------------------------------

    async def models(self) -> tuple[str, ...]:
        """Ids of the models that the key may use. Raises GiveUp (KEY for a refused key), RetryLater."""
        answer = await self._ask("models", "GET", f"{self._root}/apikey/models")
        return await self._told("models", answer, decode_models, partial(models_refused, now=self._wall()))

    async def public_models(self) -> tuple[str, ...]:
        """Ids of the models that are offered to anybody: whether the service can be reached, key or no key."""
        answer = await self._ask("models", "GET", f"{self._root}/models", keyed=False)
        return await self._told("public_models", answer, decode_models, partial(models_refused, now=self._wall()))

    async def model(self, model_id: str) -> ModelInfo:
        """What the service tells about a model. Raises GiveUp (MODEL for one that it does not have), RetryLater."""
        answer = await self._ask("model", "GET", f"{self._root}/apikey/models/{quote(model_id, safe='')}")
        refused = partial(prelude_refused, now=self._wall())
        return await self._told("model", answer, partial(decode_model, asked=model_id), refused)

    # -- what an exchange tells ----------------------------------------------------------------------------------------

    async def _ask(
        self, route: str, method: str, address: str, content: bytes | None = None, *, keyed: bool = True
    ) -> Answer:
        try:
            return await self._wire.ask(route, method, address, content=content, keyed=keyed)
        except RetryLater as error:
            self._trouble = error.reason
            raise

    async def _told(
        self,
        purpose: str,
        answer: Answer,
        decode: Callable[[object], T],
        refused: Callable[[Answer], RetryLater | GiveUp],
        *,
        unreadable: type[RetryLater] = RetryLater,
    ) -> T:
        """What a success says. Raises what `refused` makes of another status, `unreadable` for what cannot be read."""
        error: RetryLater | GiveUp
        if answer.is_success:
            try:
                if len(answer.content) > _ON_LOOP_BYTES:
                    told = await asyncio.to_thread(decoded, answer, decode)
                else:
                    told = decoded(answer, decode)
            except ValueError as why:
                error = unreadable(f"HTTP {answer.status}, but no answer of the queue: {clean(str(why))}")
            else:
                self._answered(answer)
                self._end_owner_troubles(purpose)
                return told
        else:
            error = refused(answer)
        self._failed(answer, error)
        raise error

    def _answered(self, answer: Answer) -> None:
        """The queue itself has spoken: a web page between us, with a clock of its own, must not set ours."""
        self._seen_at = self._wall()
        self._trouble = None
        if answer.date is not None:
            self._ahead = answer.date + 0.5 - self._seen_at  # the date's second has half passed, on average

    def _end_owner_troubles(self, purpose: str) -> None:
        if purpose == "submit":  # only a request that is taken proves that there is credit, and a model
            self._owner_troubles.clear()
        elif purpose != "public_models":
            self._owner_troubles.pop(FailureKind.KEY, None)
            old = self._wall() - REFUSAL_SECONDS
            self._owner_troubles = {kind: seen for kind, seen in self._owner_troubles.items() if seen[1] > old}

    def _failed(self, answer: Answer, error: RetryLater | GiveUp) -> None:
        # A look at what runs is never final, but a refused key is for the owner to know all the same.
        key = answer.status == 401 or (answer.status == 403 and not answer.is_web_page)
        kind = error.kind if isinstance(error, GiveUp) else FailureKind.KEY if key else None
        if kind in OWNER_KINDS:
            reason = f"{_ADVICE[kind]} ({verdict_of_answer(answer.status, answer.content).reason})"
            self._owner_troubles[kind] = reason, self._wall()
        if isinstance(error, GiveUp) and not answer.is_web_page:
            self._answered(answer)  # it said no, as it should
        else:
            self._trouble = error.reason
