"""How does Discord number things? By time: 42 bits of milliseconds since 2015, then a counter; ever growing."""

from tests.emulators.clock import Clock

EPOCH = 1_420_070_400  # Unix seconds of 2015-01-01, Discord's first moment


class Snowflakes:
    """Ids, each greater than the one before."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._last = 0

    def next(self) -> int:
        self._last = max(self._last + 1, at(self._clock.now()))
        return self._last


def at(moment: float) -> int:
    """The smallest id of a moment, in Unix seconds."""
    return int((moment - EPOCH) * 1000) << 22


def moment_of(snowflake: int) -> float:
    return (snowflake >> 22) / 1000 + EPOCH
