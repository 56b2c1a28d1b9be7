"""What tests of the HTTP side share: a clock that stands still, a server that starts and stops, a bare handshake."""

import asyncio
from contextlib import asynccontextmanager, suppress

PASSWORD = "a test password"
SECRET = "a test secret"
COOKIE = "darkroom_session"

_KEY = "dGhlIHNhbXBsZSBub25jZQ=="  # the example of RFC 6455


class Clock:
    """A time that moves only when a test moves it."""

    def __init__(self, now=1_000_000.0):
        self.now = now

    def __call__(self):
        return self.now

    def advance(self, seconds):
        self.now += seconds


@asynccontextmanager
async def running(server):
    """Yields the server's address; stops it as the bot does."""
    serving = asyncio.create_task(server.run())
    try:
        yield await server.started()
    finally:
        serving.cancel()
        with suppress(asyncio.CancelledError):
            await serving


async def handshake(client, path, **headers):
    """The status that answers a websocket's handshake: 101 when it opened. Clients from the shelf add headers."""
    upgrade = {
        "Connection": "Upgrade",
        "Upgrade": "websocket",
        "Sec-WebSocket-Version": "13",
        "Sec-WebSocket-Key": _KEY,
    }
    return await status_of_head(client, f"GET {path}", upgrade | headers)


async def status_of_head(client, request, headers):
    """The status that answers a request of which nothing but the head was sent. request: method and path."""
    url = client.base_url
    lines = [f"{name}: {value}" for name, value in ({"Host": url.netloc.decode()} | headers).items()]
    reader, writer = await asyncio.open_connection(url.host, url.port)
    try:
        writer.write("\r\n".join([f"{request} HTTP/1.1", *lines, "", ""]).encode("latin-1"))
        return int((await reader.readline()).split()[1])
    finally:
        writer.close()
        await writer.wait_closed()
