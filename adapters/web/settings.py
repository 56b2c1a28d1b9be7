"""Where does the HTTP server listen, and may it listen there without a password?"""

from __future__ import annotations

import ipaddress

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

DEFAULT_PORT = 8080
"""Of the playground, where HTTP_PORT is not set."""


class Settings(BaseSettings):
    """HTTP_HOST, HTTP_PORT and WEB_PASSWORD, from the environment, else from `.env`. An empty value is none."""

    model_config = SettingsConfigDict(env_file=".env", env_ignore_empty=True, extra="ignore")

    http_host: str = "127.0.0.1"
    http_port: int | None = Field(default=None, ge=0, le=65535)
    web_password: SecretStr | None = None

    @field_validator("http_host")
    @classmethod
    def _bare(cls, host: str) -> str:
        """IPv6 addresses are often written in brackets, as in an address bar."""
        return host.strip().removeprefix("[").removesuffix("]")

    @field_validator("web_password")
    @classmethod
    def _blank_is_none(cls, password: SecretStr | None) -> SecretStr | None:
        return password if password and password.get_secret_value().strip() else None


def configured(settings: Settings) -> bool:  # noqa: ARG001  every adapter is asked the same
    """False: the playground needs no token, so only PLATFORMS can ask for it."""
    return False


def is_loopback(host: str) -> bool:
    """Whether a name or an address can mean nothing but this machine. Names are not looked up."""
    name = host.lower().rstrip(".")
    if name == "localhost" or name.endswith(".localhost"):  # RFC 6761: browsers resolve both to loopback
        return True
    try:
        address = ipaddress.ip_address(name)
    except ValueError:
        return False
    mapped = address.ipv4_mapped if isinstance(address, ipaddress.IPv6Address) else None
    return (mapped or address).is_loopback


def refusal(settings: Settings) -> str | None:
    """Why the server must not listen, as a sentence; None when it may."""
    if settings.web_password or is_loopback(settings.http_host):
        return None
    return (
        f"HTTP_HOST={settings.http_host} can be reached from other machines: set WEB_PASSWORD, "
        "or leave HTTP_HOST at 127.0.0.1."
    )
