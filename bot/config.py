"""What has the operator set? The only reader of the environment; each adapter declares its own settings class."""

from __future__ import annotations

import difflib
import importlib
import os
import pkgutil
import re
from enum import StrEnum
from functools import cached_property
from pathlib import Path
from types import ModuleType
from typing import Annotated, Any

from dotenv import dotenv_values
from pydantic import Field, SecretStr, ValidationError, ValidationInfo, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, NoDecode, SettingsConfigDict

from bot import limits

DEFAULT_MODEL = "gemini-2.5-flash-image"
GMI_BASE_URL = "https://console.gmicloud.ai"

_Names = Annotated[frozenset[str], NoDecode]


class SettingsError(Exception):
    """A setting is missing or wrong. `str(error)` says which, and what to write instead."""


class Role(StrEnum):
    """What this process does of the bot's work. One listens, any number make pictures; `all` does both."""

    ALL = "all"
    GATEWAY = "gateway"
    WORKER = "worker"

    @property
    def listens(self) -> bool:
        """Whether it hears members and shows pages: one process of a bot does."""
        return self is not Role.WORKER

    @property
    def works(self) -> bool:
        """Whether it claims jobs and moves them: asks the queue, and posts what comes of it."""
        return self is not Role.GATEWAY


class Settings(BaseSettings):
    """The core's settings. Field names are the variables' names in lower case; a limit that is not set does not limit."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", env_ignore_empty=True)

    platforms: Annotated[tuple[str, ...], NoDecode] = ()
    data_dir: Path = Path("data")
    database_url: str | None = None
    role: Role = Role.ALL
    gmi_api_key: SecretStr | None = None
    gmi_base_url: str = Field(default=GMI_BASE_URL, pattern=r"^https?://[^\s]+$")
    gmi_model: str = Field(default=DEFAULT_MODEL, min_length=1, pattern=r"^\S+$")
    gmi_in_flight: int = Field(default=4, ge=1, le=1000)
    gmi_requests_per_second: float = Field(default=50.0, ge=0.1, le=10_000)
    http_port: int | None = Field(default=None, ge=0, le=65_535)
    retention_days: int = Field(default=90, ge=1)
    log_level: str = "INFO"
    max_open_jobs_per_user: int = Field(default=3, ge=1)
    max_images_per_user_per_day: int | None = Field(default=None, ge=0)
    max_images_per_server_per_day: int | None = Field(default=None, ge=0)
    max_images_per_day: int | None = Field(default=None, ge=0)
    allowed_servers: _Names = frozenset()
    allowed_channels: _Names = frozenset()
    allowed_roles: _Names = frozenset()
    blocked_words_file: Path | None = None
    owners: _Names = frozenset()

    @field_validator("platforms", "allowed_servers", "allowed_channels", "allowed_roles", "owners", mode="before")
    @classmethod
    def _comma_list(cls, value: Any) -> Any:
        if isinstance(value, str):
            return tuple(dict.fromkeys(name.strip() for name in value.split(",") if name.strip()))
        return value

    @field_validator("owners", "allowed_servers", "allowed_channels", "allowed_roles")
    @classmethod
    def _ids(cls, value: frozenset[str], info: ValidationInfo) -> frozenset[str]:
        for entry in value:
            platform, colon, bare = entry.partition(":")
            if colon and not (platform and bare):
                raise ValueError("an entry lacks a half: write it as platform:id")
            if not colon and info.field_name == "owners":
                raise ValueError("an entry is no member: write each as platform:id, for example discord:123456789")
        return value

    @field_validator("platforms")
    @classmethod
    def _lower(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        return tuple(name.lower() for name in value)

    @field_validator("role", mode="before")
    @classmethod
    def _known_role(cls, value: Any) -> Any:
        role = str(value).strip().lower()
        if role not in tuple(Role):
            raise ValueError(f"choose one of {', '.join(Role)}")
        return role

    @field_validator("role")
    @classmethod
    def _shares(cls, role: Role, info: ValidationInfo) -> Role:
        if role is not Role.ALL and not _is_shared(info.data.get("database_url")):
            raise ValueError(
                f"a {role} shares its store with other processes, which SQLite cannot do. Set DATABASE_URL to a PostgreSQL "
                "database (postgresql://user:password@host:5432/darkroom), or leave ROLE out"
            )
        return role

    @field_validator("log_level")
    @classmethod
    def _level(cls, value: str) -> str:
        known = ("DEBUG", "INFO", "WARNING", "ERROR")
        if value.upper() not in known:
            raise ValueError(f"choose one of {', '.join(known)}")
        return value.upper()

    @cached_property
    def store_url(self) -> str:
        """Where the store is; its scheme is the name of a file in `storage/`."""
        return self.database_url or f"sqlite:///{self.data_dir}/darkroom.db"

    @property
    def store_is_shared(self) -> bool:
        """Whether other processes may work on the same store."""
        return _is_shared(self.database_url)

    @property
    def shown_store_url(self) -> str:
        """The same without a password, fit to be shown."""
        return re.sub(r"(://[^:/@]*):[^@]*@", r"\1:***@", self.store_url)

    def limits(self) -> limits.Limits:
        """Raises SettingsError when the file of blocked words cannot be read."""
        words: tuple[str, ...] = ()
        if self.blocked_words_file:
            try:
                words = limits.parse_blocked_words(self.blocked_words_file.read_text(encoding="utf-8"))
            except (OSError, UnicodeDecodeError) as error:
                reason = error.strerror if isinstance(error, OSError) else "it is not UTF-8 text"
                raise SettingsError(
                    f"BLOCKED_WORDS_FILE: {self.blocked_words_file} cannot be read: {reason}."
                ) from error
        return limits.Limits(
            max_open_jobs_per_user=self.max_open_jobs_per_user,
            max_images_per_user_per_day=self.max_images_per_user_per_day,
            max_images_per_server_per_day=self.max_images_per_server_per_day,
            max_images_per_day=self.max_images_per_day,
            allowed_servers=self.allowed_servers,
            allowed_channels=self.allowed_channels,
            allowed_roles=self.allowed_roles,
            owners=self.owners,
            blocked_words=words,
        )


def load(**overrides: Any) -> Settings:
    """The settings from the environment and `.env`; overrides win. Raises SettingsError."""
    settings: Settings = _load(Settings, **overrides)
    return settings


class Adapter:
    """One folder of `adapters/`, with its settings read; the same things of every one."""

    def __init__(self, name: str, **overrides: Any) -> None:
        self.name = name
        self.module = _module(name)
        self.settings: Any = _load(self.module.Settings, **overrides)

    @property
    def configured(self) -> bool:
        """Whether its tokens are set, so that it runs without being named."""
        return bool(self.module.configured(self.settings))


def misspelt() -> list[str]:
    """Sentences about names in `.env` that are no settings, and about variables that look like misspelt ones.

    A limit that is misspelt does not limit, and nobody would notice.
    """
    classes = (Settings, *(_module(name).Settings for name in adapter_names()))
    known = sorted({field.upper() for settings in classes for field in settings.model_fields})
    in_file = {name for name in dotenv_values(".env") if name.upper() not in known}
    alike = {
        name for name in os.environ if name not in known and difflib.get_close_matches(name, known, n=1, cutoff=0.88)
    }
    sentences = []
    for name in sorted(in_file | alike):
        guess = difflib.get_close_matches(name.upper(), known, n=1)
        where = " in .env" if name in in_file else ""
        sentences.append(f"{name}{where} is not a setting" + (f"; did you mean {guess[0]}?" if guess else "."))
    return sentences


def adapter_names() -> tuple[str, ...]:
    """The folders of `adapters/`: the file system is the registry."""
    package = importlib.import_module("adapters")
    return tuple(sorted(found.name for found in pkgutil.iter_modules(package.__path__) if found.ispkg))


def chosen_adapters(settings: Settings) -> list[Adapter]:
    """Those of PLATFORMS, else those whose tokens are set. Raises SettingsError when there are none."""
    if settings.platforms:
        return [Adapter(name) for name in settings.platforms]
    adapters = [adapter for adapter in map(Adapter, adapter_names()) if adapter.configured]
    if not adapters:
        raise SettingsError(
            "No platform is set up. Set PLATFORMS (for example PLATFORMS=web) or a platform's token in the environment or in "
            ".env; `darkroom demo` runs everything on this machine without any token."
        )
    return adapters


def left_out(settings: Settings) -> list[str]:
    """The platforms whose tokens are set although PLATFORMS does not name them, so that they stay off."""
    if not settings.platforms:
        return []
    return [name for name in adapter_names() if name not in settings.platforms and _has_tokens(name)]


def _has_tokens(name: str) -> bool:
    try:
        return Adapter(name).configured
    except SettingsError:
        return False


def _is_shared(database_url: str | None) -> bool:
    return database_url is not None and not database_url.startswith("sqlite")


def _module(name: str) -> ModuleType:
    if name not in adapter_names():
        raise SettingsError(f"PLATFORMS: there is no platform {name!r}. Choose from {', '.join(adapter_names())}.")
    return importlib.import_module(f"adapters.{name}")


def _load(settings: type[Any], **overrides: Any) -> Any:
    try:
        return settings(**overrides)
    except UnicodeDecodeError:
        raise SettingsError(".env is not UTF-8 text. Save it as UTF-8.") from None
    except ValidationError as error:
        # a value is never shown: it may be a secret in the wrong place
        lines = [
            f"{'.'.join(str(part) for part in e['loc']).upper()}: {_plain(e)}"
            for e in error.errors(include_input=False)
        ]
        raise SettingsError("Some settings are wrong.\n  " + "\n  ".join(lines)) from None


def _plain(error: ErrorDetails) -> str:
    """What is wrong with a value, as one would say it to an operator."""
    context = error.get("ctx", {})
    match error["type"]:
        case "int_parsing" | "int_from_float" | "int_type":
            return "write a whole number."
        case "float_parsing" | "float_type":
            return "write a number."
        case "greater_than_equal":
            return f"write a number of at least {context['ge']}."
        case "less_than_equal":
            return f"write a number of at most {context['le']}."
        case "string_pattern_mismatch" | "string_too_short":
            return "write it in one piece, without spaces; an address begins with http:// or https://."
        case _:
            return error["msg"].removeprefix("Value error, ")
