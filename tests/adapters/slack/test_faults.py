"""Is there an exception of Slack's library or of aiohttp whose meaning nobody has decided?"""

import inspect
import json

import aiohttp
import pytest
import slack_sdk.errors
from slack_sdk.errors import SlackApiError
from slack_sdk.web.async_slack_response import AsyncSlackResponse

from adapters.slack.faults import Limited, OwnerMustAct, Refused, mapped, meant
from bot.errors import FailureKind, GiveUp, RetryLater


def answered(error="", *, status=200, headers=None, **data):
    body = {"ok": False, "error": error, **data} if error else {}
    response = AsyncSlackResponse(
        client=None, http_verb="POST", api_url="", req_args={}, data=body, headers=headers or {}, status_code=status
    )
    return SlackApiError("", response)


def exceptions_of(module):
    for _, kind in inspect.getmembers(module, inspect.isclass):
        if (
            issubclass(kind, Exception)
            and not issubclass(kind, Warning)
            and kind.__module__.startswith(module.__name__.partition(".")[0])
        ):
            yield kind


KINDS = sorted(
    {*exceptions_of(slack_sdk.errors), *exceptions_of(aiohttp), *exceptions_of(aiohttp.client_exceptions)},
    key=lambda kind: kind.__qualname__,
)


@pytest.mark.parametrize("kind", KINDS, ids=lambda kind: kind.__qualname__)
def test_every_exception_of_the_libraries_has_a_meaning(kind):
    error = answered("internal_error") if kind is SlackApiError else kind.__new__(kind)
    assert isinstance(meant(error), (RetryLater, GiveUp)), kind


@pytest.mark.parametrize("error", [TimeoutError(), OSError(), json.JSONDecodeError("", "", 0), ConnectionResetError()])
def test_faults_of_the_network_are_tried_again(error):
    assert isinstance(meant(error), RetryLater)


def test_bug_of_ours_stays_a_bug():
    assert meant(KeyError("x")) is None
    with pytest.raises(KeyError), mapped():
        raise KeyError("x")


def test_rate_limit_says_how_long():
    for error in (
        answered("ratelimited", headers={"retry-after": "7"}),
        answered(status=429, headers={"Retry-After": ["7"]}),
    ):
        meaning = meant(error)
        assert isinstance(meaning, Limited)
        assert meaning.after == 7
    assert meant(answered("ratelimited", headers={"Retry-After": "soon"})).after > 1


def test_what_only_the_owner_can_put_right_names_it():
    scope = meant(answered("missing_scope", needed="files:read", provided="chat:write"))
    assert isinstance(scope, OwnerMustAct)
    assert "files:read" in scope.reason
    for code in ("invalid_auth", "token_revoked", "account_inactive"):
        assert "SLACK_BOT_TOKEN" in meant(answered(code)).reason


@pytest.mark.parametrize(
    "code", ["not_in_channel", "channel_not_found", "is_archived", "restricted_action", "thread_not_found"]
)
def test_closed_places_are_told_as_such(code):
    meaning = meant(answered(code))
    assert isinstance(meaning, Refused)
    assert (meaning.code, meaning.kind, meaning.closes_place) == (code, FailureKind.PLACE, True)


def test_refusal_tells_slacks_own_details():
    error = answered("invalid_blocks", response_metadata={"messages": ["must be shorter [json-pointer:/blocks/0]"]})
    assert "must be shorter" in meant(error).reason


@pytest.mark.parametrize("status", [400, 413, 414, 431])
def test_request_that_nobody_takes_is_not_made_for_ever(status):
    assert isinstance(meant(answered(status=status)), Refused)


def test_page_without_a_word_is_no_refusal():
    assert isinstance(meant(answered(status=200)), RetryLater)
    assert isinstance(meant(answered(status=503)), RetryLater)


def test_mapped_error_carries_no_request():
    with pytest.raises(RetryLater) as caught, mapped():
        raise aiohttp.ClientError("with a token in its headers")
    assert caught.value.__cause__ is None
    assert "token" not in str(caught.value)
