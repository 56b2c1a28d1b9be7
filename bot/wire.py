"""How does one exchange with the queue or its bucket go: connections, time and size limits, proxies, the key's secrecy?

The only module that imports httpx, and nothing of httpx leaves it. Errors are raised outside of `except`, so that none
carries httpx's along, with its requests and its frames.
"""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version
from ssl import SSLContext
from types import MappingProxyType

import httpx

from bot import bodies
from bot.answers import Answer, FateUnknown, NotSent
from bot.errors import GiveUp, RetryLater
from bot.failures import clean
from bot.pace import Pace, Urgency

MAX_PICTURE_BYTES = 32_000_000
FILES = frozenset({"put", "media"})  # routes to the bucket: without the key
MAKING = frozenset({"submit", "upload_url"})
"""Routes that go before all others. Those to the bucket never wait: they are no requests to the queue."""

_MB = 1_000_000
_SLACK = 60.0  # seconds that a whole POST may take beyond its longest silence: connecting, sending, a slow answer
_STORAGE = "storage.googleapis.com"  # observed: uploads and results, also on a bucket's own host below it

# The emulator, or a gateway on this machine, is not behind the proxy of the environment.
_DIRECT: Mapping[str, None] = MappingProxyType({"all://127.0.0.1": None, "all://localhost": None, "all://[::1]": None})


@dataclass(frozen=True, kw_only=True, slots=True)
class Bounds:
    """read: seconds without a byte. total: seconds for the exchange. size: bytes of the answer."""

    read: float
    total: float
    size: int


_BOUNDS: Mapping[str, Bounds] = MappingProxyType(
    {
        # a record may carry its pictures inline: ten of them, in base64
        "get": Bounds(read=30, total=120, size=64 * _MB),
        "list": Bounds(read=30, total=60, size=32 * _MB),
        "upload_url": Bounds(read=30, total=60, size=_MB),
        "models": Bounds(read=30, total=60, size=4 * _MB),
        "model": Bounds(read=30, total=60, size=4 * _MB),  # carries its page of documentation
        "put": Bounds(read=60, total=180, size=_MB),  # 7 MB through a poor line take two minutes
        "media": Bounds(read=60, total=180, size=MAX_PICTURE_BYTES),
    }
)

RESULTS: Mapping[type[Exception], str] = MappingProxyType(
    {
        httpx.ConnectError: "not_sent",
        httpx.ConnectTimeout: "not_sent",
        httpx.PoolTimeout: "not_sent",
        httpx.ProxyError: "not_sent",  # the proxy did not connect us
        httpx.UnsupportedProtocol: "not_sent",
        httpx.InvalidURL: "not_sent",
        httpx.ReadTimeout: "timeout",
        httpx.WriteTimeout: "timeout",
        httpx.ReadError: "cut",
        httpx.WriteError: "cut",
        httpx.CloseError: "cut",
        httpx.RemoteProtocolError: "cut",
        httpx.LocalProtocolError: "cut",  # may come when half of a request has left
        httpx.DecodingError: "cut",
        # Not expected: redirects, cookies by name and `raise_for_status` are not used. No worse than a cut line.
        httpx.TooManyRedirects: "cut",
        httpx.HTTPStatusError: "cut",
        httpx.CookieConflict: "cut",
        httpx.StreamConsumed: "cut",
        httpx.StreamClosed: "cut",
        httpx.ResponseNotRead: "cut",
        httpx.RequestNotRead: "cut",
    }
)
"""What each exception of httpx means; also its word in metrics. `not_sent`: not one byte of the request has left."""

# OSError: what a transport may let through of the system's and of TLS' own errors.
_RAISED = (httpx.HTTPError, httpx.InvalidURL, httpx.CookieConflict, httpx.StreamError, OSError)


class _Key:
    """The key, shown to nobody but the requests that need it."""

    def __init__(self, key: str) -> None:
        key = key.strip()
        if not re.fullmatch(r"[!-~]*", key):
            # httpx would say so too, and show the key with it
            raise ValueError("GMI_API_KEY must be one line of letters, digits and signs, without spaces.")
        self._key = key

    def put_in(self, request: httpx.Request) -> httpx.Request:
        if self._key:
            request.headers["Authorization"] = f"Bearer {self._key}"
        return request

    def hidden(self, content: bytes) -> bytes:
        """The same without the key. A key of a few letters is none, and would be found everywhere."""
        return content.replace(self._key.encode(), b"[hidden]") if len(self._key) >= 8 else content

    def hidden_in(self, text: str) -> str:
        return self.hidden(text.encode("utf-8", "replace")).decode()

    def __repr__(self) -> str:
        return "<key>"


class Wire:
    """The connections to one queue. `ImageQueue` tells what the settings mean."""

    def __init__(
        self,
        *,
        base_url: str,
        key: str,
        connect_timeout: float,
        read_timeout: float,
        observe: Callable[[str, str, float], None] | None = None,
        pace: Pace | None = None,
    ) -> None:
        self._base = _base(base_url)
        self.address = str(self._base).rstrip("/")
        self._key = _Key(key)
        self._connect_timeout = connect_timeout
        self._observe = observe
        self._pace = pace or Pace()
        self.longest_post = read_timeout + _SLACK
        self.bounds: Mapping[str, Bounds] = {
            **_BOUNDS, "submit": Bounds(read=read_timeout, total=self.longest_post, size=64 * _MB)
        }  # fmt: skip
        # At INFO httpx logs every address, and those of uploads are signed; at DEBUG httpcore logs headers.
        for name in ("httpx", "httpcore"):
            logging.getLogger(name).setLevel(logging.WARNING)
        context = httpx.create_ssl_context()
        # A POST never travels on a used connection: where the other side has just closed an idle one, its fate would be
        # unknown. One handshake more is little beside the making of a picture. How many there are is bounded by how many
        # requests may run (GMI_IN_FLIGHT), and by nothing here: each may be open until its picture is made.
        self._posts = _client(context, httpx.Limits(max_connections=None, max_keepalive_connections=0))
        # Looks come every few seconds (15 at most): kept open in between.
        self._looks = _client(context, httpx.Limits(max_connections=16, keepalive_expiry=30))
        self._files = _client(context, httpx.Limits(max_connections=16, keepalive_expiry=30))

    async def aclose(self) -> None:
        await asyncio.gather(self._posts.aclose(), self._looks.aclose(), self._files.aclose())

    async def ask(
        self,
        route: str,
        method: str,
        address: str,
        *,
        content: bytes | None = None,
        content_type: str = "application/json",
        keyed: bool = True,
    ) -> Answer:
        """One exchange, whatever its status; redirects are answers too. content_type: of `content`.

        Raises NotSent; FateUnknown for a `submit` that got no whole answer, RetryLater for another; GiveUp for a file's
        address that is not the service's.
        """
        if route in FILES and not self.trusts(address):
            raise GiveUp(f"not an address of the service: {clean(address)}")
        if route not in FILES:
            await self._pace.turn(Urgency.MAKING if route in MAKING else Urgency.LOOKING)
        began = time.perf_counter()
        try:
            async with asyncio.timeout(self.bounds[route].total):
                answer = await self._exchange(route, method, address, content, content_type, keyed=keyed)
        except TimeoutError:
            result, lost = "timeout", f"no whole answer within {self.bounds[route].total:g} seconds"
        except _RAISED as error:
            result, lost = RESULTS.get(type(error), "cut"), self._said(error)
        else:
            self._note(route, str(answer.status), began)
            return answer
        self._note(route, result, began)
        if result == "not_sent":
            raise NotSent(f"the service cannot be reached: {lost}")
        raise (FateUnknown if route == "submit" else RetryLater)(f"the service did not answer to the end: {lost}")

    def trusts(self, address: str) -> bool:
        """Whether pictures may be fetched from there, or put there: the service itself, or Google's storage by HTTPS."""
        try:
            url = httpx.URL(address)
        except (httpx.InvalidURL, ValueError):
            return False
        if url.userinfo:
            return False
        if _origin(url) == _origin(self._base):
            return True
        return _origin(url)[::2] == ("https", 443) and (url.host == _STORAGE or url.host.endswith(f".{_STORAGE}"))

    async def _exchange(
        self, route: str, method: str, address: str, content: bytes | None, content_type: str, *, keyed: bool
    ) -> Answer:
        bounds = self.bounds[route]
        client = self._posts if route == "submit" else self._files if route in FILES else self._looks
        # pictures are compressed already
        headers = {"Accept-Encoding": "identity" if route in FILES else bodies.ENCODING}
        if content is not None:
            headers["Content-Type"] = content_type
        stream = client.stream(
            method,
            address,
            content=content,
            headers=headers,
            auth=self._key.put_in if keyed and route not in FILES else None,
            # A body is written as one piece: only the whole exchange's limit knows how long that may take. So does it for
            # those who wait for a free connection, as when many pictures come at once through a slow line.
            timeout=httpx.Timeout(
                connect=self._connect_timeout, read=bounds.read, write=bounds.total, pool=bounds.total
            ),
        )
        async with stream as response:
            received, whole = await _received(response, bounds.size)
        return Answer(
            status=response.status_code,
            headers={name.lower(): self._key.hidden_in(value) for name, value in response.headers.items()},
            content=received if route in FILES and response.is_success else self._key.hidden(received),
            whole=whole,
        )

    def _said(self, error: Exception) -> str:
        """A word about an exception. The messages of most of them are empty, or show what was sent."""
        tells = isinstance(error, httpx.ConnectError | httpx.RemoteProtocolError | httpx.ProxyError)
        said = clean(self._key.hidden_in(str(error))) if tells else ""
        return f"{type(error).__name__}: {said}" if said else type(error).__name__

    def _note(self, route: str, result: str, began: float) -> None:
        if self._observe:
            self._observe(route, result, time.perf_counter() - began)


async def _received(response: httpx.Response, size: int) -> tuple[bytes, bool]:
    """The body, or as much of it as may come, and whether that is all."""
    announced = response.headers.get("Content-Length", "")
    if announced.isascii() and announced.isdigit() and int(announced[:20]) > size:
        return b"", False
    encoding = response.headers.get("Content-Encoding", "")
    try:  # not httpx's own inflating, which knows no limit
        body = await bodies.read(response.aiter_raw(), encoding=encoding, most=size)
    except bodies.Unreadable as why:
        raise httpx.DecodingError(str(why)) from None
    return body or b"", body is not None


def _client(context: SSLContext, limits: httpx.Limits) -> httpx.AsyncClient:
    """Raises ValueError for proxies in the environment that cannot be used."""
    try:
        name = f"darkroom/{version('darkroom')}"
    except PackageNotFoundError:
        name = "darkroom"
    try:
        return httpx.AsyncClient(
            verify=context, limits=limits, mounts=dict(_DIRECT), headers={"User-Agent": name}, follow_redirects=False
        )
    except (ValueError, ImportError, httpx.InvalidURL):
        pass  # the message may show a proxy's password
    raise ValueError(
        "The proxy in HTTP_PROXY, HTTPS_PROXY or ALL_PROXY cannot be used: it must look like http://host:port."
    )


def _base(address: str) -> httpx.URL:
    try:
        url = httpx.URL(address.strip())
    except (httpx.InvalidURL, ValueError):
        url = httpx.URL()
    if url.scheme not in {"http", "https"} or not url.host or url.userinfo or url.query or url.fragment:
        raise ValueError("GMI_BASE_URL must be an address like https://console.gmicloud.ai.")
    return url


def _origin(url: httpx.URL) -> tuple[str, str, int | None]:
    return url.scheme, url.host, url.port or {"http": 80, "https": 443}.get(url.scheme)
