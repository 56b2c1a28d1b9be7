"""Is a server that others can reach refused without a password, and is every way to write a setting understood?"""

import pytest
from pydantic import ValidationError

from adapters.web import Settings, configured
from adapters.web.settings import is_loopback, refusal


def test_nothing_set_means_this_machine_only_and_no_port():
    settings = Settings()
    assert (settings.http_host, settings.http_port, settings.web_password) == ("127.0.0.1", None, None)
    assert refusal(settings) is None
    assert configured(settings) is False


def test_environment_wins_over_env_file(tmp_path, monkeypatch):
    (tmp_path / ".env").write_text("HTTP_PORT=8001\nWEB_PASSWORD=from-the-file\nOTHER=1\n")
    monkeypatch.setenv("HTTP_PORT", "8002")
    settings = Settings()
    assert settings.http_port == 8002
    assert settings.web_password.get_secret_value() == "from-the-file"


@pytest.mark.parametrize("empty", ["", "   "])
def test_empty_password_is_none(empty, monkeypatch):
    monkeypatch.setenv("WEB_PASSWORD", empty)
    monkeypatch.setenv("HTTP_HOST", "192.0.2.7")
    settings = Settings()
    assert settings.web_password is None
    assert "WEB_PASSWORD" in refusal(settings)


def test_password_is_in_no_repr(monkeypatch):
    monkeypatch.setenv("WEB_PASSWORD", "hush-hush")
    assert "hush-hush" not in repr(Settings()) + str(Settings())


@pytest.mark.parametrize("port", ["-1", "65536", "http"])
def test_port_that_is_none_is_refused(port, monkeypatch):
    monkeypatch.setenv("HTTP_PORT", port)
    with pytest.raises(ValidationError, match="http_port"):
        Settings()


@pytest.mark.parametrize("host", ["0.0.0.0", "::", "192.0.2.7", "bot.example", "localhost.example"])  # noqa: S104  nothing binds to it here
def test_host_beyond_this_machine_needs_a_password(host):
    assert f"HTTP_HOST={host}" in refusal(Settings(http_host=host))
    assert refusal(Settings(http_host=host, web_password="long enough by far")) is None


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "::1", "[::1]", "localhost", "LOCALHOST", "me.localhost"])
def test_loopback_needs_none(host):
    assert refusal(Settings(http_host=host)) is None


@pytest.mark.parametrize("name", ["127.0.0.1.example", "::ffff:192.0.2.1", "127.1", "2130706433", ""])
def test_what_only_resembles_loopback_is_not(name):
    assert not is_loopback(name)
