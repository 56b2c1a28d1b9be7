"""Would the watch over the log see a secret?"""

import logging

import pytest
import structlog

from tests.conftest import LOG
from tests.emulators.discord import DiscordEmulator
from tests.secrets import leaks


def test_interactions_tokens_are_known_by_their_shape():
    assert leaks(f"POST /interactions/1/{DiscordEmulator().state.new_token()}/callback")


@pytest.mark.parametrize(
    "line",
    [
        "Authorization: Bearer anything",
        "https://127.0.0.1/commands/T000000001/123/0123456789abcdef0123456789abcdef",
        "https://127.0.0.1/media/x.png?X-Goog-Algorithm=a&X-Goog-Signature=00ff",
        "{'key': 'test-key'}",
    ],
)
def test_what_a_secret_looks_like(line: str):
    assert leaks(line)


def test_usual_lines_are_none():
    assert not leaks('{"event": "moved", "job": "0abc", "state": "running", "request_id": "3f2b"}')


@pytest.mark.parametrize("say", [structlog.get_logger("bot").debug, logging.getLogger("discord").warning])
def test_log_of_bot_and_libraries_is_looked_through(pytestconfig: pytest.Config, say):
    say("the key is test-key")
    assert len(pytestconfig.stash[LOG].take()) == 1


def test_traceback_that_names_a_secret_is_seen(pytestconfig: pytest.Config):
    try:
        raise ValueError("test-key")
    except ValueError:
        structlog.get_logger("bot").exception("bug")
    assert len(pytestconfig.stash[LOG].take()) == 1
