"""Does anything that the bot logs hold a secret? Every line that any test makes it log is looked through, at every level."""

from __future__ import annotations

import logging
import re

from bot import logs
from tests.emulators.discord.emulator import TOKEN as DISCORD_TOKEN
from tests.emulators.slack.emulator import BOT_TOKEN as SLACK_BOT_TOKEN

_KEYS = ("emulator-key", "test-key", "a test password", "xapp-test-app-token", "test-signing-secret")
_SHAPES = (
    r"aW50ZXJhY3Rpb246[\w-]+",  # an interaction's token: it begins as Discord's own do
    r"/(?:commands|actions)/T\w+/\d+/[0-9a-f]{20,}",  # a response URL of Slack
    r"X-Goog-Signature=[0-9a-f]+",  # an address that may be written to
    r"Bearer\s+\S+|Bot\s+test-\S+",
)
_SECRET = re.compile("|".join([*map(re.escape, (*_KEYS, DISCORD_TOKEN, SLACK_BOT_TOKEN)), *_SHAPES]))


def leaks(line: str) -> bool:
    """Whether a line of a log holds a secret of the tests, or what has a secret's shape."""
    return _SECRET.search(line) is not None


class LogWatch(logging.Handler):
    """Keeps the lines that hold a secret. The bot's own events come at every level, the libraries' as the bot lets them through."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []
        self.setFormatter(logs.formatter())

    def install(self) -> None:
        """For the whole run: what a test configures instead holds for that test."""
        logs.configure("DEBUG", self)

    def emit(self, record: logging.LogRecord) -> None:
        line = self.format(record)
        if leaks(line):
            self.lines.append(line)

    def take(self) -> list[str]:
        """What was found since the last call."""
        taken, self.lines = self.lines, []
        return taken
