"""Who may ask for how much, when again, and with which words? Pure: what was used and what time it is are arguments."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass

from bot import messages
from bot.errors import UserError
from bot.model import DIRECT, ImageRequest, Usage
from bot.ports import person_key

DAY = 86_400.0  # seconds; limits count by UTC days


@dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What an operator allows. None: no limit. An empty set of servers, channels or roles: all of them.

    allowed_*: entries are a platform's ids, bare or as `platform:id`. owners: `platform:id`; nothing here holds for them,
    blocked words included, for the bot is theirs. blocked_words: as `parse_blocked_words` gives them.
    """

    max_open_jobs_per_user: int | None = 3
    max_images_per_user_per_day: int | None = None
    max_images_per_server_per_day: int | None = None
    max_images_per_day: int | None = None
    allowed_servers: frozenset[str] = frozenset()
    allowed_channels: frozenset[str] = frozenset()
    allowed_roles: frozenset[str] = frozenset()
    owners: frozenset[str] = frozenset()
    blocked_words: tuple[str, ...] = ()

    def admit(self, request: ImageRequest, *, prompt: str, usage: Usage, now: float) -> None:
        """Raises UserError for a request that may not be accepted; its sentence says when or how it works.

        usage: of this requester and server before the request, counted at `now`.
        """
        if person_key(request.place.platform, request.requester) in self.owners:
            return
        self.check_place(request)
        self.check_words(prompt)
        self.check_amount(usage, now, in_server=request.place.workspace != DIRECT)

    def check_place(self, request: ImageRequest) -> None:
        """Whether it comes from an allowed server, channel and role, owners aside. Raises UserError."""
        place = request.place
        if not _allows(self.allowed_servers, place.platform, place.workspace):
            raise UserError(messages.server_not_allowed())
        if not _allows(self.allowed_channels, place.platform, place.channel):
            raise UserError(messages.channel_not_allowed())
        if not _allows(self.allowed_roles, place.platform, *request.roles):
            raise UserError(messages.role_not_allowed())

    def check_words(self, prompt: str) -> None:
        """Whether the prompt is free of blocked words, owners aside. Raises UserError."""
        word = blocked(prompt, self.blocked_words)
        if word is not None:
            raise UserError(messages.blocked_word(word))

    def check_amount(self, usage: Usage, now: float, *, in_server: bool = True) -> None:
        """Whether one more picture fits, owners aside. Raises UserError.

        in_server: direct messages with different members have no server in common. A day's limit is told before that of open
        jobs: waiting for an open job would only lead to it.
        """
        again_in = _day_end(now) - now
        for used, most, sentence in (
            (usage.today_by_person, self.max_images_per_user_per_day, messages.day_limit_of_person),
            (
                usage.today_by_workspace,
                self.max_images_per_server_per_day if in_server else None,
                messages.day_limit_of_server,
            ),
            (usage.today, self.max_images_per_day, messages.day_limit_in_all),
        ):
            if most is not None and used >= most:
                raise UserError(sentence(most, again_in))
        if self.max_open_jobs_per_user is not None and usage.open_by_person >= self.max_open_jobs_per_user:
            raise UserError(messages.open_jobs_reached(self.max_open_jobs_per_user))

    def left(self, platform: str, person_id: str, usage: Usage, now: float, *, in_server: bool = True) -> str:
        """What is left of a member's limits, in words. in_server: as above."""
        if f"{platform}:{person_id}" in self.owners:
            return messages.no_limits()
        at_once = _left(self.max_open_jobs_per_user, usage.open_by_person)
        person = _left(self.max_images_per_user_per_day, usage.today_by_person)
        server = _left(self.max_images_per_server_per_day, usage.today_by_workspace) if in_server else None
        everyone = _left(self.max_images_per_day, usage.today)
        today = messages.left_today(person, server, everyone, _day_end(now) - now)
        if 0 in (person, server, everyone):  # then it doesn't matter how many could be open
            return today
        return f"{messages.left_now(self.max_open_jobs_per_user, at_once)} {today}"


def day_start(now: float) -> float:
    """When the UTC day of this moment began."""
    return now // DAY * DAY


def _day_end(now: float) -> float:
    return day_start(now) + DAY


def _left(most: int | None, used: int) -> int | None:
    return None if most is None else max(0, most - used)


def _allows(allowed: frozenset[str], platform: str, *ids: str) -> bool:
    return not allowed or any(one in allowed or f"{platform}:{one}" in allowed for one in ids)


# -- blocked words ---------------------------------------------------------------------------------------------------


def parse_blocked_words(text: str) -> tuple[str, ...]:
    """The entries of a list with one word or phrase per line; `#` begins a comment at a line's start or behind a space."""
    entries = (re.split(r"(?:^|\s)#", line, maxsplit=1)[0].strip() for line in text.removeprefix("\ufeff").splitlines())
    return tuple(dict.fromkeys(entry for entry in entries if _folded(entry)))


def blocked(prompt: str, words: Iterable[str]) -> str | None:
    """The first of these words or phrases that the prompt says, as it stands in the list; None when it says none.

    Whole words only; case, accents and invisible characters don't matter, and one space stands for any spaces or hyphens.
    Scripts that are written without spaces are searched for the bare characters.
    """
    said = _folded(prompt)
    return next((word for word in words if _says(said, _folded(word))), None)


_SPACES = re.compile(r"[\s_\-‐-―]+")
_UNSPACED = ("CJK", "HIRAGANA", "KATAKANA", "THAI", "LAO", "KHMER", "MYANMAR", "TIBETAN")


def _folded(text: str) -> str:
    if not text.isascii():
        plain = unicodedata.normalize("NFKD", text.casefold())
        seen = (char for char in plain if not _is_accent(char) and unicodedata.category(char) != "Cf")
        text = unicodedata.normalize("NFC", "".join(seen))
    return _SPACES.sub(" ", text.casefold()).strip()


def _is_accent(char: str) -> bool:
    """Accents, Hebrew points and Arabic vowel signs; not the marks that spell other letters, as in Hindi or kana."""
    place = unicodedata.combining(char)
    return place >= 200 or 10 <= place <= 35


def _says(said: str, word: str) -> bool:
    at = said.find(word) if word else -1
    while at >= 0:
        end = at + len(word)
        if not _runs_on(said[at - 1 : at], word[0]) and not _runs_on(word[-1], said[end : end + 1]):
            return True
        at = said.find(word, at + 1)
    return False


def _runs_on(left: str, right: str) -> bool:
    """Whether two neighbouring characters belong to one word; either may be missing."""
    return all(char and _spells(char) for char in (left, right))


def _spells(char: str) -> bool:
    if unicodedata.name(char, "").startswith(_UNSPACED):
        return False
    return char.isalnum() or unicodedata.category(char)[0] == "M"
