"""Which ids, timestamps and tokens does the emulated Slack give out?"""

import itertools
import re
import uuid
from collections.abc import Callable

DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
TS = re.compile(r"^\d{10}\.\d{6}$")


class Ids:
    """Ids are unique in one emulator and the same in each run; timestamps follow the clock and never repeat."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._count = itertools.count(1)
        self._last = 0

    def new(self, prefix: str) -> str:
        """As `U0000000A7`: a letter or two for the kind, then capitals and digits."""
        number, text = next(self._count), ""
        while number:
            number, digit = divmod(number, len(DIGITS))
            text = DIGITS[digit] + text
        return f"{prefix}{text:0>9}"

    def uuid(self) -> str:
        return str(uuid.uuid4())

    def number(self) -> int:
        return 1_000_000_000 + next(self._count)

    def ts(self) -> str:
        """As `1795333683.314002`: a message's identity within its channel."""
        self._last = max(self._last + 1, int(self._now() * 1_000_000))
        return f"{self._last // 1_000_000}.{self._last % 1_000_000:06d}"


def is_ts(text: str) -> bool:
    return bool(TS.match(text))
