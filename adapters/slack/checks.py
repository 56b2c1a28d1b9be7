"""Will Slack work, in which mode, and why in that one? The lines of `darkroom check` about it."""

from __future__ import annotations

import time
from urllib.parse import urlsplit

from adapters.slack.api import Api
from adapters.slack.connection import opened
from adapters.slack.faults import Limited
from adapters.slack.hooks import PATH
from adapters.slack.platform import NO_PORT, NO_TOKEN, refused
from adapters.slack.settings import Mode, Settings
from adapters.slack.tickets import Tickets
from adapters.slack.timing import Timing
from adapters.slack.workspace import SCOPES, granted
from bot.errors import GiveUp, RetryLater
from bot.model import Finding, Json


async def check(settings: Settings, *, named: bool, listens: bool = True) -> list[Finding]:
    """Mode, stray settings, proxy, token, scopes, connection. named: PLATFORMS names `slack`. listens: members are heard here."""
    if settings.slack_bot_token is None and not named:
        return []
    findings = [_mode(settings) if listens else _posting(settings), *_strays(settings)]
    if settings.slack_bot_token is None:
        return findings
    # it is over in seconds, no store says what time it is, and what the owner must do is told in the findings
    api = Api(settings, Timing(now=time.time), logs=False)
    try:
        findings += await _token(api)
        if listens and settings.mode is Mode.SOCKET:
            findings.append(await _socket(api))
    finally:
        await api.close()
    return findings


def _mode(settings: Settings) -> Finding:
    refusal = refused(settings)
    if refusal:
        return Finding(subject="Slack", ok=False, text=refusal)
    if settings.mode is Mode.SOCKET:
        text = "Socket Mode, because SLACK_APP_TOKEN is set"
        also = "; SLACK_SIGNING_SECRET is set too and is not used. For HTTP mode leave SLACK_APP_TOKEN empty."
        text += also if settings.slack_signing_secret else "."
        return Finding(subject="Slack", ok=True, text=text)
    text = (
        "HTTP mode, because SLACK_SIGNING_SECRET is set and SLACK_APP_TOKEN is not. Slack must reach this bot: enter "
        f"https://YOUR-HOST{PATH} in the app's settings for events, interactivity and the command; HTTP_PORT is {settings.http_port}."
    )
    return Finding(subject="Slack", ok=True, text=text)


def _posting(settings: Settings) -> Finding:
    refusal = refused(settings, listens=False)
    text = refusal or "only posts: the gateway hears its members."
    return Finding(subject="Slack", ok=refusal is None, text=text)


def _strays(settings: Settings) -> list[Finding]:
    findings = []
    strays = [
        name
        for name, value in (
            ("SLACK_CLIENT_ID", settings.slack_client_id),
            ("SLACK_CLIENT_SECRET", settings.slack_client_secret),
        )
        if value
    ]
    if strays:
        text = f"{' and '.join(strays)} set, and not used: this bot works in the one workspace of SLACK_BOT_TOKEN."
        findings.append(Finding(subject="Slack", ok=None, text=text))
    proxy = settings.proxy_for(settings.slack_api_url)
    if proxy:
        host = urlsplit(proxy).hostname
        text = f"Slack is reached through the proxy {host}, because HTTPS_PROXY is set; NO_PROXY can except it."
        findings.append(Finding(subject="Slack proxy", ok=None, text=text))
    elif settings.https_proxy:
        text = "HTTPS_PROXY is set and is not used for Slack, because NO_PROXY or the address itself excepts it."
        findings.append(Finding(subject="Slack proxy", ok=True, text=text))
    elif settings.http_proxy:
        text = "HTTP_PROXY is set and is not used: Slack is reached by https, for which only HTTPS_PROXY counts."
        findings.append(Finding(subject="Slack proxy", ok=None, text=text))
    return findings


async def _token(api: Api) -> list[Finding]:
    if not _starts(api.settings, "xoxb-"):
        text = "SLACK_BOT_TOKEN does not begin with xoxb-: take the Bot User OAuth Token of the app's page OAuth & Permissions."
        return [Finding(subject="Slack token", ok=False, text=text)]
    try:
        answer = await api.call("auth.test")
    except (RetryLater, GiveUp) as error:
        return [Finding(subject="Slack token", ok=False, text=f"{error.reason}.")]
    text = f"works in {answer.get('team')} as {answer.get('user')} ({answer.get('user_id')})."
    return [Finding(subject="Slack token", ok=True, text=text), _scopes(answer)]


def _scopes(answer: Json) -> Finding:
    scopes = granted(answer)
    if not scopes:
        return Finding(subject="Slack scopes", ok=None, text="Slack did not say which scopes the token has.")
    missing = sorted(SCOPES - scopes)
    if missing:
        text = f"missing: {', '.join(missing)}. Add them (deploy/slack-manifest.yaml has all) and reinstall the app."
        return Finding(subject="Slack scopes", ok=False, text=text)
    return Finding(subject="Slack scopes", ok=True, text="all that are needed.")


async def _socket(api: Api) -> Finding:
    """Slack's greeting, and no more: what came over this connection a running bot beside would not hear."""
    try:
        socket = await opened(api, Tickets(api))
    except Limited as error:
        return Finding(subject="Slack connection", ok=None, text=f"Socket Mode could not be tried: {error.reason}.")
    except (GiveUp, RetryLater) as error:
        return Finding(subject="Slack connection", ok=False, text=f"Socket Mode does not open: {error.reason}.")
    await socket.close()
    return Finding(subject="Slack connection", ok=True, text="Socket Mode opens.")


def _starts(settings: Settings, prefix: str) -> bool:
    token = settings.slack_bot_token
    return token is not None and token.get_secret_value().startswith(prefix)


__all__ = ["NO_PORT", "NO_TOKEN", "SCOPES", "check"]
