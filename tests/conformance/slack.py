"""Is our app manifest one that Slack would take, and does it ask for what the bot uses, no less and no more?"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import jsonschema
import yaml

from adapters.slack import buttons, wording
from adapters.slack.checks import SCOPES

SCHEMA = "slack-manifest.schema.json"
MANIFEST = Path(__file__).parents[2] / "deploy" / "slack-manifest.yaml"

Json = dict[str, Any]


def manifest() -> Json:
    loaded: Json = yaml.safe_load(MANIFEST.read_text(encoding="utf-8"))
    return loaded


def check(schemas: Path) -> list[str]:
    """What disagrees, one line each; nothing, if all is well."""
    shown = manifest()
    schema = json.loads((schemas / SCHEMA).read_text(encoding="utf-8"))
    validator = jsonschema.validators.validator_for(schema)(schema)
    lines = [f"{error.json_path}: {error.message}" for error in validator.iter_errors(shown)]
    return lines + disagreements(shown)


def disagreements(shown: Json) -> list[str]:
    """Where the manifest and the adapter differ."""
    asked = set(shown["oauth_config"]["scopes"]["bot"])
    shortcuts = {(s["callback_id"], s["name"]) for s in shown["features"]["shortcuts"]}
    known = {(buttons.EDIT_SHORTCUT, wording.SHORTCUT), (buttons.CANCEL_SHORTCUT, wording.CANCEL_SHORTCUT)}
    lines = [f"scope that nobody uses: {scope}" for scope in sorted(asked - SCOPES)]
    lines += [f"scope that is missing: {scope}" for scope in sorted(SCOPES - asked)]
    lines += [f"shortcut that differs: {shortcut}" for shortcut in sorted(shortcuts ^ known)]
    return lines
