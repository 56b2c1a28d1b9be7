"""What must an operator set for Slack, how does the bot listen there, and through what does it reach it?"""

from __future__ import annotations

from enum import StrEnum
from urllib.parse import urlsplit

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

LOOPBACK = frozenset({"127.0.0.1", "::1", "localhost"})


class Mode(StrEnum):
    """How Slack tells the bot what people do."""

    SOCKET = "Socket Mode"
    HTTP = "HTTP mode"


class Settings(BaseSettings):
    """SLACK_BOT_TOKEN and its kin, from the environment, else from `.env`. An empty value is none.

    slack_client_id, slack_client_secret, http_proxy: never used; read so that `check` can say so, because Slack's own library
    takes them as a wish for another mode or another way. https_proxy, no_proxy: as everywhere; nothing else here reads them.
    """

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")

    slack_bot_token: SecretStr | None = None
    slack_app_token: SecretStr | None = None
    slack_signing_secret: SecretStr | None = None
    slack_api_url: str = Field(default="https://slack.com/api/", pattern=r"^https?://[^\s]+$")
    slack_client_id: SecretStr | None = None
    slack_client_secret: SecretStr | None = None
    http_port: int | None = Field(default=None, ge=0, le=65535)
    https_proxy: SecretStr | None = None
    http_proxy: SecretStr | None = None
    no_proxy: str = ""

    @field_validator("slack_bot_token", "slack_app_token", "slack_signing_secret", "https_proxy")
    @classmethod
    def _bare(cls, secret: SecretStr | None) -> SecretStr | None:
        bare = secret.get_secret_value().strip() if secret else ""
        return SecretStr(bare) if bare else None

    @field_validator("slack_api_url")
    @classmethod
    def _folder(cls, url: str) -> str:
        """Names of methods are appended; an address without a path gets Slack's own."""
        url = url.rstrip("/")
        return f"{url}/" if urlsplit(url).path else f"{url}/api/"

    @property
    def mode(self) -> Mode | None:
        """Socket Mode wins where both could be: it needs no address that Slack can reach. None: neither is set up."""
        if self.slack_app_token:
            return Mode.SOCKET
        return Mode.HTTP if self.slack_signing_secret else None

    def proxy_for(self, url: str) -> str | None:
        """HTTPS_PROXY for https addresses that NO_PROXY does not except; never for this machine itself."""
        parts = urlsplit(url)
        host = (parts.hostname or "").lower()
        if self.https_proxy is None or parts.scheme not in ("https", "wss") or host in LOOPBACK:
            return None
        for entry in (e.strip().lower().lstrip("*").lstrip(".") for e in self.no_proxy.split(",")):
            if entry and (host == entry or host.endswith(f".{entry}")):
                return None
        return None if self.no_proxy.strip() == "*" else self.https_proxy.get_secret_value()


def configured(settings: Settings) -> bool:
    """Whether its token is set, so that it runs without being named."""
    return settings.slack_bot_token is not None


def bot_token(settings: Settings, workspace: str | None) -> str:  # noqa: ARG001  there is one workspace so far
    """The token to speak with in a workspace: the one place to change when the bot is installed in many.

    "" where none is set.
    """
    return settings.slack_bot_token.get_secret_value() if settings.slack_bot_token else ""
