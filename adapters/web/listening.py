"""Can this address and port be had? Every reason why not has its own sentence, which says what to do."""

from __future__ import annotations

import asyncio
import errno
import ipaddress
import socket
from collections.abc import Iterable
from contextlib import suppress

from bot.errors import GiveUp

BACKLOG = 2048


class PortTaken(GiveUp):
    """Another program, or another bot, listens there already."""


async def listen(host: str, ports: Iterable[int]) -> socket.socket:
    """A socket that listens on the first of the ports that is free (0: any). Raises GiveUp with a sentence, PortTaken where they all are taken."""
    taken: list[int] = []
    family, address = await _resolve(host)
    for port in ports:
        try:
            return _listen(family, address, port)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                raise GiveUp(_sentence(error, host, port)) from error
            taken.append(port)
    raise PortTaken(_taken(host, taken))


async def _resolve(host: str) -> tuple[socket.AddressFamily, str]:
    with suppress(ValueError):
        return socket.AF_INET if ipaddress.ip_address(host).version == 4 else socket.AF_INET6, host
    try:
        found = await asyncio.get_running_loop().getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except (socket.gaierror, UnicodeError) as error:
        raise GiveUp(f"HTTP_HOST={host} is no name or address that this machine knows. Try 127.0.0.1.") from error
    # IPv4 first where a name has both: `localhost` is looked for at 127.0.0.1 by every program.
    family, *_, address = min(found, key=lambda info: info[0] != socket.AF_INET)
    return family, str(address[0])


def _listen(family: socket.AddressFamily, address: str, port: int) -> socket.socket:
    both = address == "::" and socket.has_dualstack_ipv6()
    listener = socket.create_server((address, port), family=family, backlog=BACKLOG, dualstack_ipv6=both)
    # asyncio does so only for sockets that it made itself; without it small answers wait some 40 ms for an acknowledgement
    listener.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return listener


def _sentence(error: OSError, host: str, port: int) -> str:
    if error.errno == errno.EACCES:
        return f"HTTP_PORT={port} may only be used by root. Choose one from 1024 on, for example HTTP_PORT=8080."
    if error.errno == errno.EADDRNOTAVAIL:
        return (
            f"HTTP_HOST={host} is not an address of this machine. Try 127.0.0.1, or 0.0.0.0 for all of its addresses."
        )
    return f"The HTTP server cannot listen on {host}, port {port}: {error.strerror or error}."


def _taken(host: str, ports: list[int]) -> str:
    if len(ports) > 1:
        return f"Ports {ports[0]} to {ports[-1]} of {host} are all in use. Choose a free one with HTTP_PORT."
    return (
        f"Port {ports[0]} of {host} is in use by another program. Stop that one, or choose another port with HTTP_PORT."
    )


def url(host: str, port: int) -> str:
    """Where a browser on this machine finds a server that listens on this host."""
    name = {"0.0.0.0": "127.0.0.1", "::": "[::1]"}.get(host, host)  # noqa: S104  read, not bound to
    if ":" in name and not name.startswith("["):
        name = f"[{name}]"
    return f"http://{name}:{port}"
