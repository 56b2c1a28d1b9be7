"""Presigned uploads: what is granted is taken, anything else is refused in the storage's own words."""

import httpx
import pytest

from bot.emulator import Emulator
from tests.bot.emulator.caller import KEY, KEYED, Caller, png


async def granted(caller: Caller, file_type: str = "png") -> str:
    answer = await caller.http.post(f"{KEYED}/upload-url", json={"file_type": file_type, "type": "image"}, headers=KEY)
    assert answer.status_code == 200
    assert set(answer.json()) == {"upload_url", "public_url"}
    return str(answer.json()["upload_url"])


async def put(caller: Caller, url: str, **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await caller.http.put(url, content=png(), headers=named)


@pytest.mark.parametrize(
    ("file_type", "content_type"),
    [("png", "image/png"), ("jpeg", "image/jpeg"), ("jpg", "image/jpg"), ("mp4", "video/mp4"), ("wav", "audio/wav")],
)
async def test_grant_takes_its_own_content_type(caller: Caller, file_type: str, content_type: str):
    assert (await put(caller, await granted(caller, file_type), content_type=content_type)).status_code == 200


async def test_grant_looks_like_a_v4_signature(caller: Caller):
    query = httpx.URL(await granted(caller)).params

    assert query["X-Goog-Algorithm"] == "GOOG4-RSA-SHA256"
    assert query["X-Goog-Expires"] == "899"
    assert query["X-Goog-SignedHeaders"] == "content-type;host"
    assert len(query["X-Goog-Signature"]) == 512


async def test_image_jpeg_on_a_jpg_grant_is_refused(caller: Caller):
    answer = await put(caller, await granted(caller, "jpg"), content_type="image/jpeg")

    assert answer.status_code == 403
    assert "<Code>SignatureDoesNotMatch</Code>" in answer.text
    assert answer.headers["Content-Type"].startswith("application/xml")


async def test_missing_content_type_is_refused(caller: Caller):
    answer = await put(caller, await granted(caller))

    assert (answer.status_code, "<Code>MalformedSecurityHeader</Code>" in answer.text) == (400, True)


async def test_our_key_has_no_business_at_the_storage(caller: Caller):
    answer = await put(caller, await granted(caller), content_type="image/png", authorization="Bearer emulator-key")

    assert answer.status_code == 400


@pytest.mark.parametrize("change", [("X-Goog-Expires=899", "X-Goog-Expires=9000"), (".png", "x.png")])
async def test_grant_that_was_tampered_with_is_refused(caller: Caller, change: tuple[str, str]):
    answer = await put(caller, (await granted(caller)).replace(*change), content_type="image/png")

    assert (answer.status_code, "SignatureDoesNotMatch" in answer.text) == (403, True)


async def test_upload_without_a_grant_is_refused(caller: Caller):
    answer = await put(caller, (await granted(caller)).partition("?")[0], content_type="image/png")

    assert (answer.status_code, "AccessDenied" in answer.text) == (403, True)


async def test_grant_expires_after_fifteen_minutes(emulator: Emulator, caller: Caller):
    url = await granted(caller)

    emulator.advance(890)
    assert (await put(caller, url, content_type="image/png")).status_code == 200
    emulator.advance(11)
    answer = await put(caller, url, content_type="image/png")
    assert (answer.status_code, "<Code>ExpiredToken</Code>" in answer.text) == (400, True)


@pytest.mark.parametrize("file_type", ["webp", "heic", "gif", ".png", None, 3])
async def test_other_kinds_of_files_are_not_granted(caller: Caller, file_type: object):
    answer = await caller.http.post(f"{KEYED}/upload-url", json={"file_type": file_type}, headers=KEY)

    assert (answer.status_code, "jpeg, jpg, png" in answer.json()["error"]) == (400, True)
