"""How is an answer's body read without taking more memory than it may, whatever it inflates to?"""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncIterator

ENCODING = "gzip"
"""What is asked for where a body is worth it; none but this is read."""

_STEP = 1_000_000  # bytes that are inflated at once: the loop turns in between


class Unreadable(Exception):
    """The body is not encoded as it says, or in a way that nobody asked for."""


async def read(pieces: AsyncIterator[bytes], *, encoding: str, most: int) -> bytes | None:
    """The whole body; None as soon as it has more than `most` bytes, as sent or inflated. encoding: Content-Encoding.

    Encodings upon encodings are refused: a few hundred bytes of gzip in gzip in gzip are terabytes. Raises Unreadable.
    """
    names = [name for part in encoding.lower().split(",") if (name := part.strip()) not in {"", "identity"}]
    if names and names not in (["gzip"], ["x-gzip"]):
        raise Unreadable(f"encoded as {encoding[:40]!r}")
    return await (_inflated(pieces, most) if names else _as_sent(pieces, most))


async def _as_sent(pieces: AsyncIterator[bytes], most: int) -> bytes | None:
    body = bytearray()
    async for piece in pieces:
        if len(body) + len(piece) > most:
            return None
        body += piece
    return bytes(body)


async def _inflated(pieces: AsyncIterator[bytes], most: int) -> bytes | None:
    inflater = zlib.decompressobj(zlib.MAX_WBITS | 16)
    body, sent = bytearray(), 0
    async for piece in pieces:
        sent += len(piece)
        if sent > most:  # also of what inflates to nothing, or stands behind its end
            return None
        while piece and not inflater.eof:
            try:
                body += inflater.decompress(piece, _STEP)
            except zlib.error:
                raise Unreadable("no gzip") from None
            if len(body) > most:
                return None
            piece = inflater.unconsumed_tail  # noqa: PLW2901  the rest of it
            if piece:
                await asyncio.sleep(0)
    if sent and not inflater.eof:
        raise Unreadable("gzip that was cut")
    return bytes(body)
