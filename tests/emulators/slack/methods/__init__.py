"""Every Web API method that the emulated Slack knows, by name."""

from tests.emulators.slack.methods import chat, conversations, files, views, workspace

METHODS = chat.METHODS | conversations.METHODS | files.METHODS | views.METHODS | workspace.METHODS

__all__ = ["METHODS"]
