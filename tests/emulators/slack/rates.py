"""How often may an app call, and how long must it wait? Slack's tiers, and one message per second and channel.

Slack documents the tiers as rough lower bounds ("20+ per minute") and tolerates bursts; here they are hard, so that an app
which keeps to them is safe. Windows are of the real clock (`Clock.ticks`), which is what a client waits by.
"""

import math
from collections import deque
from collections.abc import Callable

TIERS = {1: 1, 2: 20, 3: 50, 4: 100}  # calls a minute, of one method in one workspace (documented)
MINUTE = 60.0
CONNECTIONS_BURST = 10  # apps.connections.open is tier 1, and yet ten connections are allowed: believed


class Rates:
    """Limits that hold for one app in one workspace. Assign to change them; `enforced=False` lets everything through.

    per_second: messages in one channel. burst: how many of them may come at once. per_minute: messages in all channels.
    speed: how many times faster every window passes than Slack's, for tests with many members.
    """

    def __init__(self, ticks: Callable[[], float]) -> None:
        self._ticks = ticks
        self._calls: dict[tuple[str, ...], deque[float]] = {}
        self.enforced = True
        self.per_second = 1
        self.burst = 1
        self.per_minute = 300
        self.speed = 1.0

    def wait(self, workspace: str, method: str, tier: int | None, channel: str | None) -> int | None:
        """None, if this call may go on, which then counts; else whole seconds of Retry-After."""
        if not self.enforced:
            return None
        now = self._ticks()
        windows = list(self._windows(workspace, method, tier, channel))
        left = max((self._left(*window, now) for window in windows), default=0.0)
        if left > 0:
            return max(1, math.ceil(left))
        for key, _, _ in windows:
            self._calls[key].append(now)
        return None

    def _windows(
        self, workspace: str, method: str, tier: int | None, channel: str | None
    ) -> list[tuple[tuple[str, ...], int, float]]:
        """Key, calls, seconds."""
        if method == "chat.postMessage":
            return [
                (
                    (workspace, method, channel or ""),
                    max(self.per_second, self.burst),
                    max(1, self.burst) / self.per_second,
                ),
                ((workspace, method), self.per_minute, MINUTE),
            ]
        if tier is None:
            return []
        calls = CONNECTIONS_BURST if method == "apps.connections.open" else TIERS[tier]
        return [((workspace, method), calls, MINUTE)]

    def _left(self, key: tuple[str, ...], calls: int, seconds: float, now: float) -> float:
        """Seconds until the window has room."""
        done = self._calls.setdefault(key, deque())
        seconds /= self.speed
        while done and now - done[0] >= seconds:
            done.popleft()
        return 0.0 if len(done) < calls else done[len(done) - calls] + seconds - now
