"""What does an error of Discord, or of the way to it, mean for the bot? Everything becomes RetryLater or GiveUp."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager

import aiohttp
import discord

from bot.errors import FailureKind, GiveUp, RetryLater

UNKNOWN_MEMBER = 10007
UNKNOWN_MESSAGE = 10008
TOO_LARGE = frozenset({40005, 50045})
MISSING_ACCESS = 50001  # the bot does not see the channel
LACKS_PERMISSION = frozenset({MISSING_ACCESS, 50013})
CANNOT_REPLY = 160002  # without the permission to read the history
HAS_THREAD = 160004
_CLOSED = frozenset(
    {
        10003,  # unknown channel
        40058,  # a forum holds posts, not messages
        MISSING_ACCESS,
        50007,  # this member takes no direct messages from the bot
        50008,  # not a channel with text
        50013,  # missing permissions
        50083,  # archived
        50278,  # no server in common with this member
        160005,  # locked
    }
)

_CONTENT = frozenset(
    {
        20009,  # explicit, for those who see it there
        200000,  # a word that the server's automatic moderation blocks; the next one too
        200001,
        240000,  # a link that is known to harm
    }
)

TOKEN_PAUSE = 300.0
"""Seconds until a refused token is tried again: each refusal counts towards a ban of the address (10,000 in 10 minutes)."""

BAN_PAUSE = 60.0
"""Seconds to keep quiet after a 429 that names no time, and after a 403 or 404 that is not Discord's own."""


class OutOfReach(RetryLater):
    """No request would be answered just now: Discord cannot be reached, or is out of order."""


class TokenRefused(OutOfReach):
    """Nor later, with this token."""

    def __init__(self) -> None:
        super().__init__("Discord refuses the token", after=TOKEN_PAUSE)


class Refused(GiveUp):
    """Discord said no, and would say it again. code: Discord's own, 0 where it gave none; status: HTTP's."""

    def __init__(self, reason: str, *, status: int, code: int, kind: FailureKind = FailureKind.UNKNOWN) -> None:
        super().__init__(reason, kind=kind)
        self.status = status
        self.code = code

    @property
    def closes_place(self) -> bool:
        """Whether the bot cannot post in this channel at all, whatever it posts."""
        return _closes_place(self.status, self.code)

    @property
    def too_large(self) -> bool:
        return self.status == 413 or self.code in TOO_LARGE


def meant(error: BaseException) -> RetryLater | GiveUp | None:  # noqa: PLR0911  a table
    """What an exception of discord.py or aiohttp says about who acts next; None for anything that is not theirs."""
    match error:
        case RetryLater() | GiveUp():
            return error
        case discord.RateLimited():
            return RetryLater("Discord's rate limit", after=error.retry_after)
        case discord.HTTPException():
            return _answered(error)
        case discord.LoginFailure():
            return TokenRefused()
        case discord.DiscordException():  # gateway, closed sockets, anything that a later release may add
            return OutOfReach(f"Discord cannot be reached ({type(error).__name__})")
        case aiohttp.ClientError() | TimeoutError() | asyncio.TimeoutError() | OSError():
            return OutOfReach(f"Discord cannot be reached ({type(error).__name__})")
        case RuntimeError() if str(error) == "Session is closed":  # aiohttp's, of a client that was given up meanwhile
            return OutOfReach("the connection to Discord is being made anew")
        case _:
            return None


def _answered(error: discord.HTTPException) -> RetryLater | GiveUp:
    status, code = error.status, error.code
    said = f"Discord answered {status}" + (f" ({code}: {error.text[:200]})" if code else "")
    if status == 429:
        return RetryLater(said, after=_retry_after(error))
    if status == 401:
        return TokenRefused()
    if status >= 500:
        return OutOfReach(said)
    if status in (403, 404) and not code:
        # Discord gives each refusal a code (docs); this one is of a proxy, or of Cloudflare, which blocks addresses for a while
        return RetryLater(said, after=BAN_PAUSE)
    kind = FailureKind.PLACE if _closes_place(status, code) else FailureKind.UNKNOWN
    return Refused(said, status=status, code=code, kind=kind)


def _closes_place(status: int, code: int) -> bool:
    return code in _CLOSED or (status in (403, 404) and code not in (0, UNKNOWN_MESSAGE, *_CONTENT))


def _retry_after(error: discord.HTTPException) -> float:
    """The header is there with and without a body that the library can read."""
    try:
        return max(1.0, float(error.response.headers.get("Retry-After", BAN_PAUSE)))
    except ValueError:
        return BAN_PAUSE


@contextmanager
def mapped() -> Iterator[None]:
    """Turns what the vendor's libraries raise into RetryLater or GiveUp; anything else passes as the bug it is."""
    try:
        yield
    except (RetryLater, GiveUp):
        raise
    except Exception as error:
        meaning = meant(error)
        if meaning is None:
            raise
        raise meaning from error
