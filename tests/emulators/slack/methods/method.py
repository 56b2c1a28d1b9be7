"""What must a Web API method say of itself, so that the server can guard it?"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.emulators.slack.calls import Call
    from tests.emulators.slack.core import Core

Json = dict[str, Any]
Run = Callable[["Core", "Call"], Json]


@dataclass(frozen=True, kw_only=True, slots=True)
class Method:
    """scopes: any one of them lets the call in; none: no scope is needed. tier: of the rate limits; None: special or none.

    takes_json: whether JSON bodies are looked at (documented per method as its content types).
    """

    run: Run
    scopes: tuple[str, ...] = ()
    tier: int | None = None
    takes_json: bool = True
    app_token: bool = False
