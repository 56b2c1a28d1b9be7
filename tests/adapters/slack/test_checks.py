"""What does `darkroom check` say about Slack: mode and why, token, scopes, connection; and does the manifest agree?"""

import pytest

from adapters import slack as adapter
from adapters.slack.settings import Settings
from tests.conformance.slack import disagreements, manifest
from tests.emulators.slack import Fault, SlackEmulator


@pytest.fixture
async def there():
    emulator = SlackEmulator()
    async with emulator.serve():
        yield emulator


def settings(there, **more):
    tokens = {"slack_bot_token": there.bot_token, "slack_app_token": there.app_token, "slack_api_url": there.api_url}
    return Settings(**{**tokens, **more})


async def said(settings, *, named=True):
    return {(f.subject, f.ok): f.text for f in await adapter.check(settings, named=named)}


async def test_all_is_well_in_socket_mode(there):
    found = await said(settings(there))
    assert found["Slack", True] == "Socket Mode, because SLACK_APP_TOKEN is set."
    assert found["Slack token", True].startswith("works in Village as darkroom")
    assert found["Slack scopes", True] == "all that are needed."
    assert found["Slack connection", True] == "Socket Mode opens."
    assert all(ok for _, ok in found)


async def test_http_mode_and_its_port(there):
    found = await said(settings(there, slack_app_token=None, slack_signing_secret="test-secret", http_port=8080))
    assert "HTTP mode, because SLACK_SIGNING_SECRET is set and SLACK_APP_TOKEN is not" in found["Slack", True]
    assert "/slack/events" in found["Slack", True]
    found = await said(settings(there, slack_app_token=None, slack_signing_secret="test-secret"))
    assert "needs HTTP_PORT" in found["Slack", False]


async def test_both_secrets_are_socket_mode_and_it_says_so(there):
    found = await said(settings(there, slack_signing_secret="test-secret"))
    assert "SLACK_SIGNING_SECRET is set too and is not used" in found["Slack", True]


async def test_nothing_to_listen_by(there):
    assert "cannot listen" in (await said(settings(there, slack_app_token=None)))["Slack", False]
    assert "SLACK_BOT_TOKEN is not set" in (await said(Settings()))["Slack", False]
    assert await said(Settings(), named=False) == {}


async def test_missing_scopes_are_named(there):
    there.bot.scopes -= {"files:read", "reactions:write"}
    found = await said(settings(there))
    assert "missing: files:read, reactions:write." in found["Slack scopes", False]


@pytest.mark.parametrize("error", ["invalid_auth", "token_revoked"])
async def test_bad_bot_token(there, caplog, error):
    there.inject(Fault(kind="error", method="auth.test", error=error))
    found = await said(settings(there))
    assert error in found["Slack token", False]
    assert "SLACK_BOT_TOKEN" in found["Slack token", False]
    assert caplog.records == [], "it is said once"


async def test_token_of_another_kind(there):
    assert "xoxb-" in (await said(settings(there, slack_bot_token="xapp-test")))["Slack token", False]


async def test_bad_app_token(there):
    found = await said(settings(there, slack_app_token="xapp-another"))
    assert "(Slack says invalid_auth)" in found["Slack connection", False]
    found = await said(settings(there, slack_app_token=there.bot_token))
    assert "(Slack says not_allowed_token_type)" in found["Slack connection", False]
    there.app.app_scopes = frozenset()
    found = await said(settings(there))
    assert "SLACK_APP_TOKEN is not good for Socket Mode (it lacks the scope" in found["Slack connection", False]
    assert "App-Level Tokens" in found["Slack connection", False]
    assert "reinstall" not in found["Slack connection", False], "that would give no app-level token"


async def test_connection_is_opened_and_let_go(there):
    assert (await said(settings(there)))["Slack connection", True]
    await there.sockets.gone()
    assert max(there.sockets.history) == 1


async def test_connection_that_does_not_open(there):
    there.app.socket_mode = False
    assert "switched off for this app" in (await said(settings(there)))["Slack connection", False]
    there.app.socket_mode = True
    there.inject(Fault(kind="status", method="(socket)"))
    assert "cannot be reached" in (await said(settings(there)))["Slack connection", False]
    there.inject(Fault(kind="ratelimited", method="apps.connections.open", retry_after=30))
    assert "could not be tried" in (await said(settings(there)))["Slack connection", None]


async def test_stray_variables_switch_nothing(there, monkeypatch, make_village):
    monkeypatch.setenv("SLACK_CLIENT_ID", "1.2")
    monkeypatch.setenv("SLACK_CLIENT_SECRET", "test-secret")
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:9")
    monkeypatch.setenv("HTTPS_PROXY", "http://127.0.0.1:9")
    found = await said(settings(there))
    assert "SLACK_CLIENT_ID and SLACK_CLIENT_SECRET set, and not used" in found["Slack", None]
    assert found["Slack connection", True]
    village = await make_village()
    ann = village.member("ann")
    await village.imagine(ann, "a fox")
    await village.done()
    assert len(village.answers()) == 1


async def test_proxy_is_named(there):
    found = await said(settings(there, slack_api_url="https://slack.example/api/", https_proxy="http://127.0.0.1:9"))
    assert "through the proxy 127.0.0.1" in found["Slack proxy", None]
    assert "cannot be reached" in found["Slack token", False]
    found = await said(settings(there, http_proxy="http://127.0.0.1:9"))
    assert "only HTTPS_PROXY counts" in found["Slack proxy", None]
    assert found["Slack connection", True]


def test_no_secret_is_shown(there):
    shown = repr(settings(there, https_proxy="http://user:test-pass@127.0.0.1:9"))
    for secret in (there.bot_token, there.app_token, "test-pass"):
        assert secret not in shown


def test_manifest_asks_for_what_is_used():
    assert disagreements(manifest()) == []
