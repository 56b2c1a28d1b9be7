"""Where does the next Socket Mode connection go? Slack gives an address for each, which serves once."""

from __future__ import annotations

import asyncio

from slack_sdk.web.async_client import AsyncWebClient

from adapters.slack.api import Api, quiet_logger
from adapters.slack.faults import OwnerMustAct, Refused, mapped
from bot.errors import GiveUp

_WHERE = "Generate an app-level token (xapp-) with the scope connections:write on the app's page Basic Information, App-Level Tokens"


class Tickets:
    """Asks with the app's own token, one at a time: the method is of the lowest tier (docs)."""

    def __init__(self, api: Api) -> None:
        self._api = api
        self._one_at_a_time = asyncio.Lock()

    async def url(self) -> str:
        """Raises RetryLater; GiveUp where the token or its scope is wrong."""
        token = self._api.settings.slack_app_token
        if token is None:
            raise GiveUp("SLACK_APP_TOKEN is not set")
        settings = self._api.settings
        async with self._one_at_a_time, self._api.session() as session:
            try:
                with mapped():
                    client = AsyncWebClient(
                        base_url=settings.slack_api_url, session=session, retry_handlers=[], logger=quiet_logger()
                    )
                    client.proxy = settings.proxy_for(settings.slack_api_url)
                    answer = await client.apps_connections_open(app_token=token.get_secret_value())
            except (OwnerMustAct, Refused) as error:
                lacks = (
                    "it lacks the scope connections:write"
                    if error.code == "missing_scope"
                    else f"Slack says {error.code}"
                )
                raise GiveUp(f"SLACK_APP_TOKEN is not good for Socket Mode ({lacks}). {_WHERE}") from error
        return str(answer["url"])
