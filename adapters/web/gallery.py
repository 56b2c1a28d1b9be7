"""How does a picture get into a page? Whole under its sha256, or as a preview of about the width that the page shows."""

from __future__ import annotations

import asyncio
import time
from collections import OrderedDict
from collections.abc import Callable
from types import MappingProxyType

from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from bot import pictures
from bot.model import Picture
from bot.ports import StoreBusy
from bot.views import Views

PREVIEW_SIDES = (128, 256, 512, 1024)
"""Pixels of the longer side. Few sizes, so that nobody can make the bot keep a preview of every width there is."""

MAX_PREVIEW_BYTES = 32_000_000  # of all previews that are kept
PREVIEW_SECONDS = 300.0
"""How long a preview may outlive a picture that was deleted."""

_EXTENSIONS = MappingProxyType(
    {
        "image/png": "png",
        "image/jpeg": "jpg",
        "image/webp": "webp",
        "image/gif": "gif",
        "image/avif": "avif",
        "image/bmp": "bmp",
    }
)
"""What browsers show. Anything else, SVG with its scripts above all, is only ever saved."""

# A day: a picture never changes, but its owner may delete it, and then it should not stay in caches for ever.
_KEEP = "private, max-age=86400, immutable"
_POLICY = "default-src 'none'; frame-ancestors 'none'; sandbox"


class Gallery:
    """GET /pictures/{sha256}, `?w=512` for a preview, `?download` to save it. clock: monotonic seconds."""

    def __init__(self, views: Views, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._views = views
        self._previews = _Previews(clock)

    def route(self) -> Route:
        return Route("/pictures/{sha256}", self._show, methods=["GET"])

    async def _show(self, request: Request) -> Response:
        sha256 = request.path_params["sha256"]
        if len(sha256) != 64 or not set(sha256) <= set("0123456789abcdef"):
            return _gone()
        try:
            return await self._asked_for(request, sha256)
        except StoreBusy:
            sentence = "The picture cannot be read just now. Try again in a moment.\n"
            return PlainTextResponse(sentence, status_code=503, headers={"Retry-After": "5"})

    async def _asked_for(self, request: Request, sha256: str) -> Response:
        width = request.query_params.get("w")
        if width is None:
            return await self._whole(request, sha256)
        if not (width.isascii() and width.isdecimal() and len(width) <= 6):
            return PlainTextResponse("Write the width in pixels, as in ?w=512.\n", status_code=400)
        side = next((side for side in PREVIEW_SIDES if side >= int(width)), PREVIEW_SIDES[-1])
        return await self._preview(request, sha256, side)

    async def _whole(self, request: Request, sha256: str) -> Response:
        data = await self._views.picture(sha256)
        if data is None:
            return _gone()
        media_type = pictures.sniff(data) or ""
        extension = _EXTENSIONS.get(media_type)
        save = extension is None or "download" in request.query_params
        headers = _headers(sha256, f'"{sha256}"', extension or "bin", save=save)
        if _is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(data, media_type=media_type if extension else "application/octet-stream", headers=headers)

    async def _preview(self, request: Request, sha256: str, side: int) -> Response:
        try:
            preview = await self._previews.get(self._views, sha256, side)
        except ValueError:
            return PlainTextResponse("This file cannot be shown as a picture.\n", status_code=415)
        if preview is None:
            return _gone()
        headers = _headers(sha256, f'"{sha256}-{side}"', _EXTENSIONS[preview.media_type], save=False)
        if _is_known(request, headers["ETag"]):
            return Response(status_code=304, headers=headers)
        return Response(preview.data, media_type=preview.media_type, headers=headers)


class _Previews:
    """Makes each preview once, however many pages ask for it at the same time, and keeps those used last."""

    def __init__(self, clock: Callable[[], float]) -> None:
        self._clock = clock
        self._kept: OrderedDict[tuple[str, int], tuple[float, Picture]] = OrderedDict()
        self._bytes = 0
        self._turn = asyncio.Lock()  # one at a time: results and cards have the decoder's other threads

    async def get(self, views: Views, sha256: str, side: int) -> Picture | None:
        """None: there is no such picture. Raises ValueError for bytes that are none."""
        kept = self._fresh(sha256, side)
        if kept:
            return kept
        async with self._turn:
            kept = self._fresh(sha256, side)
            if kept:
                return kept
            data = await views.picture(sha256)
            if data is None:
                return None
            preview = await pictures.preview(data, max_side=side)
            self._keep((sha256, side), preview)
            return preview

    def _fresh(self, sha256: str, side: int) -> Picture | None:
        key = (sha256, side)
        if key not in self._kept:
            return None
        made_at, preview = self._kept[key]
        if self._clock() - made_at >= PREVIEW_SECONDS:
            self._drop(key)
            return None
        self._kept.move_to_end(key)
        return preview

    def _keep(self, key: tuple[str, int], preview: Picture) -> None:
        self._kept[key] = self._clock(), preview
        self._bytes += len(preview.data)
        while self._bytes > MAX_PREVIEW_BYTES:
            self._drop(next(iter(self._kept)))

    def _drop(self, key: tuple[str, int]) -> None:
        _, preview = self._kept.pop(key)
        self._bytes -= len(preview.data)


def _headers(sha256: str, etag: str, extension: str, *, save: bool) -> dict[str, str]:
    how = "attachment" if save else "inline"
    return {
        "Cache-Control": _KEEP,
        "ETag": etag,
        "Content-Disposition": f'{how}; filename="darkroom-{sha256[:12]}.{extension}"',
        "Content-Security-Policy": _POLICY,
    }


def _is_known(request: Request, etag: str) -> bool:
    """Whether the browser has this very answer already."""
    told = [tag.strip().removeprefix("W/") for tag in request.headers.get("if-none-match", "").split(",")]
    return etag in told or "*" in told


def _gone() -> Response:
    return PlainTextResponse("There is no such picture; it may have been deleted.\n", status_code=404)
