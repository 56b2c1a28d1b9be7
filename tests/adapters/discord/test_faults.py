"""Does every error of discord.py and of its wire say who acts next?"""

from types import SimpleNamespace

import aiohttp
import discord
import pytest

from adapters.discord import faults
from adapters.discord.faults import Refused, mapped, meant
from bot.errors import FailureKind, GiveUp, RetryLater


def answer(status: int, code: int = 0, **headers: str):
    response = SimpleNamespace(status=status, reason="", headers=headers)
    kinds = {403: discord.Forbidden, 404: discord.NotFound}
    kind = discord.DiscordServerError if status >= 500 else kinds.get(status, discord.HTTPException)
    return kind(response, {"code": code, "message": "said so"} if code else "no JSON")


def subclasses(kind: type) -> set[type]:
    return {kind} | {found for sub in kind.__subclasses__() for found in subclasses(sub)}


@pytest.mark.parametrize("kind", sorted(subclasses(discord.DiscordException), key=lambda k: k.__name__))
def test_every_exception_of_the_library_is_mapped(kind):
    """By kind alone: a release with a new exception gets an answer, too."""
    error = kind.__new__(kind)
    error.__dict__.update(status=500, code=0, text="", response=SimpleNamespace(headers={}), retry_after=7.0)
    assert isinstance(meant(error), RetryLater | GiveUp)


@pytest.mark.parametrize("kind", sorted(subclasses(aiohttp.ClientError), key=lambda k: k.__name__))
def test_every_exception_of_the_wire_is_mapped(kind):
    assert isinstance(meant(kind.__new__(kind)), RetryLater)


@pytest.mark.parametrize("error", [TimeoutError(), ConnectionResetError(104, "reset"), OSError()])
def test_broken_connection_is_tried_again(error):
    assert isinstance(meant(error), RetryLater)


async def test_request_of_a_client_that_was_given_up_is_tried_again():
    """The library says so by a bare RuntimeError."""
    session = aiohttp.ClientSession()
    await session.close()
    with pytest.raises(faults.OutOfReach), mapped():
        await session.get("http://127.0.0.1/")


@pytest.mark.parametrize("error", [ValueError(), KeyError("x"), AttributeError(), AssertionError(), RuntimeError()])
def test_bug_stays_a_bug(error):
    assert meant(error) is None
    with pytest.raises(type(error)), mapped():
        raise error


CLOSED = [
    (403, 50013),
    (403, 50001),
    (404, 10003),
    (400, 50083),
    (403, 160005),
    (400, 160005),
    (400, 50008),
    (403, 50007),
]


@pytest.mark.parametrize(("status", "code"), CLOSED)
def test_closed_place_is_told_from_a_bad_message(status, code):
    refused = meant(answer(status, code))
    assert isinstance(refused, Refused)
    assert refused.closes_place
    assert refused.kind is FailureKind.PLACE


@pytest.mark.parametrize(("status", "code"), [(400, 50035), (404, faults.UNKNOWN_MESSAGE), (413, 40005), (400, 160002)])
def test_refused_message_does_not_close_its_place(status, code):
    refused = meant(answer(status, code))
    assert isinstance(refused, Refused)
    assert not refused.closes_place


@pytest.mark.parametrize(("status", "code"), [(413, 40005), (413, 0), (400, 50045)])
def test_too_large_file_is_recognised(status, code):
    assert meant(answer(status, code)).too_large


@pytest.mark.parametrize("status", [500, 502, 503, 504, 524])
def test_trouble_at_discord_is_waited_for(status):
    assert isinstance(meant(answer(status)), RetryLater)


def test_rate_limit_without_a_via_header_is_waited_for_as_long_as_it_says():
    """The library takes it for a ban and raises at once."""
    assert meant(answer(429, **{"Retry-After": "17"})).after == 17.0
    assert meant(answer(429)).after == faults.BAN_PAUSE
    assert meant(answer(429, **{"Retry-After": "soon"})).after == faults.BAN_PAUSE
    assert meant(discord.RateLimited(40.0)).after == 40.0


@pytest.mark.parametrize("status", [403, 404])
def test_refusal_without_a_code_is_not_discords_and_passes(status):
    assert meant(answer(status)).after == faults.BAN_PAUSE


def test_refused_token_is_tried_rarely():
    assert meant(answer(401)).after == faults.TOKEN_PAUSE


def test_reason_names_status_and_code_and_no_more():
    assert meant(answer(403, 50013)).reason == "Discord answered 403 (50013: said so)"
