"""What does an error of Slack, or of the way to it, mean for the bot? Everything becomes RetryLater or GiveUp."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import aiohttp
from slack_sdk.errors import SlackApiError, SlackClientError

from bot.errors import FailureKind, GiveUp, RetryLater

ABSENT = frozenset({"not_in_channel", "channel_not_found"})
"""The bot is not where it should post; Slack tells a private channel from one that does not exist to nobody."""

_CLOSED = ABSENT | {
    "cannot_reply_to_message",
    "ekm_access_denied",
    "external_channel_migrating",
    "invalid_channel",
    "invalid_thread_ts",
    "is_archived",
    "method_not_supported_for_channel_type",
    "no_permission",
    "not_allowed_token_type",
    "restricted_action",
    "restricted_action_non_threadable_channel",
    "restricted_action_read_only_channel",
    "restricted_action_thread_locked",
    "restricted_action_thread_only_channel",
    "slack_connect_canvas_sharing_blocked",
    "slack_connect_file_link_sharing_blocked",
    "slack_connect_file_upload_sharing_blocked",
    "team_access_not_granted",
    "thread_not_found",
    "user_not_found",
}
_TOKEN = frozenset(
    {"account_inactive", "invalid_auth", "not_authed", "token_expired", "token_revoked", "org_login_required"}
)
_STUMBLES = frozenset({"fatal_error", "internal_error"})
_PASSING = frozenset({"request_timeout", "service_unavailable", "team_added_to_org", "upload_failed"})

_OURS = frozenset({400, 413, 414, 431})
"""Statuses that mean the request as it was made: too long, or in a form that the way to Slack does not take."""

OWNER_PAUSE = 300.0
"""Seconds until something is tried again that only the bot's owner can put right."""

LIMIT_PAUSE = 30.0
"""Seconds after a 429 that names no time."""


class Limited(RetryLater):
    """Slack wants fewer requests of this kind."""


class OwnerMustAct(RetryLater):
    """A token or a scope is not as it should be. It is tried again, because the owner may put it right meanwhile.

    code: Slack's own word for why.
    """

    def __init__(self, reason: str, *, code: str) -> None:
        super().__init__(reason, after=OWNER_PAUSE)
        self.code = code


class Stumbled(RetryLater):
    """Slack failed inside, and so it will again where something in the request makes it fail."""


class Unsent(RetryLater):
    """There was no connection, so Slack has heard nothing of it."""


NOT_DONE = (Limited, OwnerMustAct, Unsent)
"""What says for certain that a request had no effect."""


class Refused(GiveUp):
    """Slack said no, and would say it again. code: Slack's own word for why."""

    def __init__(self, reason: str, *, code: str, kind: FailureKind = FailureKind.UNKNOWN) -> None:
        super().__init__(reason, kind=kind)
        self.code = code

    @property
    def closes_place(self) -> bool:
        """Whether the bot cannot post there at all, whatever it posts."""
        return self.kind is FailureKind.PLACE


def meant(error: BaseException) -> RetryLater | GiveUp | None:
    """What an exception of Slack's library or of aiohttp says about who acts next; None for anything that is not theirs."""
    match error:
        case RetryLater() | GiveUp():
            return error
        case SlackApiError():
            return _answered(error)
        case aiohttp.ClientConnectorError() | aiohttp.ConnectionTimeoutError():
            return Unsent(f"Slack cannot be reached ({type(error).__name__})")
        case SlackClientError() | aiohttp.ClientError() | TimeoutError() | OSError() | json.JSONDecodeError():
            return RetryLater(f"Slack cannot be reached ({type(error).__name__})")
        case (
            aiohttp.http_exceptions.HttpProcessingError()
            | aiohttp.WebSocketError()
            | aiohttp.WSMessageTypeError()
            | aiohttp.EofStream()
        ):
            return RetryLater(f"Slack cannot be understood ({type(error).__name__})")
        case _:
            return None


def _answered(error: SlackApiError) -> RetryLater | GiveUp:
    response: Any = error.response
    data = getattr(response, "data", response)
    answer: Mapping[str, Any] = data if isinstance(data, Mapping) else {}
    status = int(getattr(response, "status_code", None) or getattr(response, "status", None) or 200)
    code = str(answer.get("error") or "")
    if status == 429 or code in ("ratelimited", "rate_limited"):
        return Limited("Slack's rate limit", after=retry_after(getattr(response, "headers", {}) or {}))
    said = f"Slack answered {code}" if code else f"Slack answered {status} without a word"
    if code == "missing_scope":
        return OwnerMustAct(
            f"the Slack app lacks the scope {answer.get('needed', '')}; add it (deploy/slack-manifest.yaml) and reinstall the app",
            code=code,
        )
    if code in _TOKEN:
        return OwnerMustAct(f"Slack refuses the token ({code}); renew SLACK_BOT_TOKEN", code=code)
    if code in _STUMBLES:
        return Stumbled(said)
    if status >= 500 or (not code and status not in _OURS) or code in _PASSING:
        return RetryLater(said)
    details = "; ".join(map(str, answer.get("response_metadata", {}).get("messages", ())))[:300]
    kind = FailureKind.PLACE if code in _CLOSED else FailureKind.UNKNOWN
    return Refused(f"{said}: {details}" if details else said, code=code, kind=kind)


def retry_after(headers: Mapping[str, Any]) -> float:
    """Seconds; the library hands headers on with whatever case and shape they came in."""
    for name, value in headers.items():
        if name.lower() == "retry-after":
            try:
                return max(1.0, float(value[0] if isinstance(value, (list, tuple)) else value))
            except ValueError:
                return LIMIT_PAUSE
    return LIMIT_PAUSE


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
        raise meaning from None  # the original carries requests, whose headers hold the token
