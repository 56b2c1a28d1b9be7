"""May a test reach beyond this machine? No: every attempt is refused, and fails the test that made it."""

import ipaddress
import socket
import sys


class OffLoopbackError(RuntimeError):
    """Code under test tried to look up or reach a host other than this machine."""


class LoopbackGuard:
    """Refuses connections and look-ups off loopback, in this process. `attempts` holds what was refused.

    An audit hook hears every socket, however it is made, but cannot be taken out again: install one per process.
    """

    def __init__(self) -> None:
        self.attempts: list[str] = []

    def install(self) -> None:
        sys.addaudithook(self._hear)

    def take(self) -> list[str]:
        """Return what was refused since the last call."""
        taken, self.attempts = self.attempts, []
        return taken

    def _hear(self, event: str, args: tuple) -> None:
        match event, args:
            case "socket.connect" | "socket.sendto", (socket.socket(family=family), address):
                if family in (socket.AF_INET, socket.AF_INET6):
                    self._check(address[0])
            case "socket.getaddrinfo" | "socket.gethostbyname" | "socket.gethostbyaddr", (str() | bytes() as host, *_):
                self._check(host)

    def _check(self, host: str | bytes) -> None:
        name = host.decode("idna") if isinstance(host, bytes) else host
        if not is_loopback(name):
            self.attempts.append(name)
            msg = f"This test tried to reach {name}; tests talk to 127.0.0.1 only."
            raise OffLoopbackError(msg)


def is_loopback(host: str) -> bool:
    if host in ("", "localhost"):
        return True
    try:
        address = ipaddress.ip_address(host)
    except ValueError:
        return False
    return address.is_loopback or address.is_unspecified  # 0.0.0.0 and :: are looked up by servers that bind to them
