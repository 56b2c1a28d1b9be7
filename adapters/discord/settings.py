"""What must an operator set for Discord, and where is its API?"""

from __future__ import annotations

from typing import Literal

import yarl
from discord import VoiceClient
from discord.http import Route
from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

_VERSION = "/api/v10"


class Settings(BaseSettings):
    """DISCORD_TOKEN and its kin, from the environment, else from `.env`. An empty value is none.

    discord_message_content: False doesn't even ask for the message content intent. discord_thread_archive_minutes: of
    silence, after which Discord archives a thread; it knows these four only.
    """

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")

    discord_token: SecretStr | None = None
    discord_api_url: str | None = Field(default=None, pattern=r"^https?://[^\s]+$")
    discord_message_content: bool = True
    discord_thread_archive_minutes: Literal[60, 1440, 4320, 10080] = 60

    @field_validator("discord_token")
    @classmethod
    def _bare(cls, token: SecretStr | None) -> SecretStr | None:
        """Portals and scripts write the header's form; the library adds the word itself."""
        if token is None:
            return None
        bare = token.get_secret_value().strip().removeprefix("Bot ").strip()
        return SecretStr(bare) if bare else None

    @field_validator("discord_thread_archive_minutes", mode="before")
    @classmethod
    def _minutes(cls, value: object) -> object:
        """The environment knows only words."""
        return int(value) if isinstance(value, str) and value.strip().isdigit() else value

    @property
    def token(self) -> str:
        """Empty where none is set."""
        return self.discord_token.get_secret_value() if self.discord_token else ""


def configured(settings: Settings) -> bool:
    """Whether its token is set, so that it runs without being named."""
    return settings.discord_token is not None


def prepare_library(settings: Settings) -> None:
    """Points the library at DISCORD_API_URL. It keeps the address in a class, so this holds for the whole process.

    An address without a path gets Discord's own, so that the address of a proxy is enough. Nor need it warn that nothing is
    installed with which this bot could talk.
    """
    VoiceClient.warn_nacl = VoiceClient.warn_dave = False
    if settings.discord_api_url:
        url = yarl.URL(settings.discord_api_url)
        Route.BASE = str(url if url.path.strip("/") else url.with_path(_VERSION)).rstrip("/")
