"""Do NiceGUI's pages stand behind the same doors as everything else, and do they leave no traces and no delays?"""

import asyncio
import json
import os
import re
import sys
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from adapters import web
from bot.errors import GiveUp
from tests.adapters.web.site import PASSWORD, SECRET

ROOT = Path(__file__).parents[3]
GUARD_SECONDS = 60  # against hanging only


@asynccontextmanager
async def program(tmp_path, *arguments):
    """Yields a client of the whole web side in a process of its own; then stops it, with whatever is still open."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("PYTEST")}
    running = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "tests.adapters.web.site_program",
        str(tmp_path / "data"),
        *arguments,
        cwd=tmp_path,
        env=environment | {"PYTHONPATH": str(ROOT)},
        stdin=asyncio.subprocess.PIPE,
        stdout=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(GUARD_SECONDS):
            address = await line(running, "http")
        async with httpx.AsyncClient(base_url=address, trust_env=False) as client:
            yield client
            running.stdin.close()
            async with asyncio.timeout(GUARD_SECONDS):
                assert await line(running, "stopped")
                assert await running.wait() == 0
    finally:
        if running.returncode is None:
            running.kill()
            await running.wait()


async def line(running, beginning):
    """The next line that begins so; the log stands between."""
    async for told in running.stdout:
        if told.decode().startswith(beginning):
            return told.decode().strip()
    pytest.fail(f"the program ended without saying {beginning!r}")


def socket(client, page, origin=None):
    """Opens the socket of a page that was loaded, as its script does."""
    id = re.search(r"client_id\W+([0-9a-f-]{36})", page)[1]
    url = f"ws://{client.base_url.netloc.decode()}/_nicegui_ws/socket.io/?EIO=4&transport=websocket&client_id={id}"
    cookies = "; ".join(f"{name}={value}" for name, value in client.cookies.items())
    return connect(url, origin=origin or str(client.base_url), additional_headers={"Cookie": cookies}, proxy=None)


async def to_the_end(opened):
    while True:
        await opened.recv()


def assets(page):
    """What the page loads before it can show anything."""
    return re.findall(r'(?:src|href)="(/[^"]+)"', page)


async def test_pages_stand_behind_the_password(tmp_path):
    async with program(tmp_path, PASSWORD) as client:
        assert (await client.get("/")).status_code == 401
        for path in ("/operator", "/operator/figures", "/operator/figures?hours=168"):
            assert (await client.get(path)).status_code == 401, path
        assert (await client.post("/login", data={"password": PASSWORD})).status_code == 303
        page = await client.get("/")
        assert page.status_code == 200
        assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
        static = assets(page.text)
        assert static
        stranger = httpx.AsyncClient(base_url=client.base_url, trust_env=False)
        async with stranger:
            for path in static:
                assert (await client.get(path)).status_code == 200, path
                assert (await stranger.get(path)).status_code == 401, path
            polling = "/_nicegui_ws/socket.io/?EIO=4&transport=polling"
            assert (await client.get(polling)).status_code == 200
            assert (await stranger.get(polling)).status_code == 401
            with pytest.raises(InvalidStatus, match="403"):
                await socket(stranger, page.text)
        with pytest.raises(InvalidStatus, match="403"):
            await socket(client, page.text, origin="http://evil.example")
        async with socket(client, page.text) as opened:
            assert json.loads((await opened.recv()).removeprefix("0"))["sid"]


async def test_stop_closes_open_pages_and_leaves_nothing_behind(tmp_path):
    async with program(tmp_path) as client:
        page = await client.get("/")
        opened = await socket(client, page.text)
        await opened.recv()
        cookie = next(cookie for cookie in client.cookies.jar if cookie.name.startswith("darkroom_visitor"))
        assert cookie.has_nonstandard_attr("httponly") or cookie.has_nonstandard_attr("HttpOnly")
    with pytest.raises(ConnectionClosed):
        await to_the_end(opened)
    assert [path.name for path in tmp_path.iterdir()] == ["data"]
    assert not (tmp_path / "data" / "web").exists(), "visitors are remembered by their browsers alone"


def test_public_host_without_a_password_is_refused_before_anything_starts():
    with pytest.raises(GiveUp, match=r"HTTP_HOST=192\.0\.2\.7 can be reached from other machines: set WEB_PASSWORD"):
        web.serve(
            web.Settings(http_host="192.0.2.7"), None, None, playground=None, secret=SECRET, data_dir=Path("data")
        )
