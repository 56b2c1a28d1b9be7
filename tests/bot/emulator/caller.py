"""Who calls the emulator in these tests: an HTTP client with the vendor's addresses in its head."""

from __future__ import annotations

import io
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
from PIL import Image

from bot.emulator import Emulator, EmulatorOptions

MODEL = "gemini-2.5-flash-image"
QUEUE = "/api/v1/ie/requestqueue"
KEYED = f"{QUEUE}/apikey"
REQUESTS = f"{KEYED}/requests"
NO_TLS = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)  # reads no certificates, which takes longer than most of these tests
KEY = {"Authorization": "Bearer emulator-key"}


class Caller:
    """One connection pool, with and without the key."""

    def __init__(self, http: httpx.AsyncClient) -> None:
        self.http = http

    async def post(self, payload: Any, *, model: str = MODEL, key: str | None = "emulator-key") -> httpx.Response:
        headers = {} if key is None else {"Authorization": f"Bearer {key}"}
        return await self.http.post(REQUESTS, json={"model": model, "payload": payload}, headers=headers)

    async def ask(self, words: str = "a fox", **payload: Any) -> str:
        """The id of a new request."""
        answer = await self.post({"prompt": words, **payload})
        assert answer.status_code == 200, answer.text
        return str(answer.json()["request_id"])

    async def look(self, request_id: str) -> dict[str, Any]:
        answer = await self.http.get(f"{REQUESTS}/{request_id}", headers=KEY)
        assert answer.status_code == 200, answer.text
        record: dict[str, Any] = answer.json()
        return record

    async def made(self, words: str = "a fox", **payload: Any) -> dict[str, Any]:
        """A new request's record, looked at once."""
        return await self.look(await self.ask(words, **payload))

    async def picture(self, record: dict[str, Any], index: int = 0) -> bytes:
        answer = await self.http.get(record["outcome"]["media_urls"][index]["url"])
        assert answer.status_code == 200, answer.text
        return answer.content

    async def list(self, **query: Any) -> dict[str, Any]:
        answer = await self.http.get(REQUESTS, params={"model_id": MODEL, **query}, headers=KEY)
        assert answer.status_code == 200, answer.text
        page: dict[str, Any] = answer.json()
        return page

    async def upload(self, data: bytes, file_type: str = "png", content_type: str = "image/png") -> str:
        """The public address of an uploaded picture."""
        granted = (await self.http.post(f"{KEYED}/upload-url", json={"file_type": file_type}, headers=KEY)).json()
        stored = await self.http.put(granted["upload_url"], content=data, headers={"Content-Type": content_type})
        assert stored.status_code == 200, stored.text
        return str(granted["public_url"])


@asynccontextmanager
async def served(options: EmulatorOptions) -> AsyncIterator[tuple[Emulator, Caller]]:
    """An emulator of these options, and someone to call it."""
    emulator = Emulator(options)
    async with (
        emulator.serve() as base_url,
        httpx.AsyncClient(base_url=base_url, verify=NO_TLS, trust_env=False) as http,
    ):
        yield emulator, Caller(http)


def png(colour: tuple[int, int, int] = (200, 40, 40), size: tuple[int, int] = (64, 48)) -> bytes:
    target = io.BytesIO()
    Image.new("RGB", size, colour).save(target, "PNG")
    return target.getvalue()


def opened(data: bytes) -> Image.Image:
    return Image.open(io.BytesIO(data))


def next_turn(record: dict[str, Any], words: str) -> list[dict[str, Any]]:
    """The history of a record with its last user turn filled in, as the guide tells."""
    contents: list[dict[str, Any]] = record["outcome"]["next_turn_contents"]
    return [*contents[:-1], {"role": "user", "parts": [{"text": words}]}]
