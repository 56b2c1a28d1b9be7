"""With what status, code and sentence does Discord refuse something?

Codes and sentences are those of Discord's documentation (topics/opcodes-and-status-codes) where it lists them; statuses
as its answers are known to carry them. README.md says which are believed only.
"""

from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """An answer with an error: what the route's caller gets instead of its effect."""

    def __init__(
        self, status: int, code: int, message: str, errors: Json | None = None, *, retry_after: float | None = None
    ) -> None:
        """retry_after: seconds, of a 429."""
        super().__init__(f"{status} {code}: {message} {errors or ''}".strip())
        self.retry_after = retry_after
        self.status = status
        self.code = code
        self.message = message
        self.errors = errors

    def body(self) -> Json:
        body: Json = {"message": self.message, "code": self.code}
        if self.errors is not None:
            body["errors"] = self.errors
        if self.retry_after is not None:
            body |= {"retry_after": self.retry_after, "global": False}
        return body


class CannotDoError(AssertionError):
    """A member tried what Discord's own client would not let them do: the test asks for the impossible."""


def unauthorized() -> Refusal:
    return Refusal(401, 0, "401: Unauthorized")


def no_such_route() -> Refusal:
    return Refusal(404, 0, "404: Not Found")


def wrong_method() -> Refusal:
    return Refusal(405, 0, "405: Method Not Allowed")


def unknown_channel() -> Refusal:
    return Refusal(404, 10003, "Unknown Channel")


def unknown_guild() -> Refusal:
    return Refusal(404, 10004, "Unknown Guild")


def unknown_member() -> Refusal:
    return Refusal(404, 10007, "Unknown Member")


def unknown_message() -> Refusal:
    return Refusal(404, 10008, "Unknown Message")


def unknown_user() -> Refusal:
    return Refusal(404, 10013, "Unknown User")


def unknown_emoji() -> Refusal:
    return Refusal(400, 10014, "Unknown Emoji")


def unknown_webhook() -> Refusal:
    return Refusal(404, 10015, "Unknown Webhook")


def unknown_interaction() -> Refusal:
    return Refusal(404, 10062, "Unknown interaction")


def unknown_command() -> Refusal:
    return Refusal(404, 10063, "Unknown application command")


def too_many_reactions() -> Refusal:
    return Refusal(400, 30010, "Maximum number of reactions reached (20)")


def too_many_attachments() -> Refusal:
    return Refusal(400, 30015, "Maximum number of attachments in a message reached (10)")


def too_many_command_creates() -> Refusal:
    return Refusal(400, 30034, "Maximum number of daily application command creates has been reached (200)")


def too_many_old_edits(retry_after: float) -> Refusal:
    sentence = "Maximum number of edits to messages older than 1 hour reached. Try again later."
    return Refusal(429, 30046, sentence, retry_after=retry_after)


def too_large() -> Refusal:
    return Refusal(413, 40005, "Request entity too large")


def forum_takes_no_messages() -> Refusal:
    return Refusal(400, 40058, "Cannot send a message in a forum channel without creating a post")


def already_acknowledged() -> Refusal:
    return Refusal(400, 40060, "Interaction has already been acknowledged.")


def missing_access() -> Refusal:
    return Refusal(403, 50001, "Missing Access")


def not_in_a_dm() -> Refusal:
    return Refusal(403, 50003, "Cannot execute action on a DM channel")


def not_your_message() -> Refusal:
    return Refusal(403, 50005, "Cannot edit a message authored by another user")


def empty_message() -> Refusal:
    return Refusal(400, 50006, "Cannot send an empty message")


def closed_to_messages() -> Refusal:
    return Refusal(403, 50007, "Cannot send messages to this user")


def not_a_text_channel() -> Refusal:
    return Refusal(400, 50008, "Cannot send messages in a non-text channel")


def missing_permissions() -> Refusal:
    return Refusal(403, 50013, "Missing Permissions")


def system_message() -> Refusal:
    return Refusal(403, 50021, "Cannot execute action on a system message")


def wrong_channel_type() -> Refusal:
    return Refusal(400, 50024, "Cannot execute action on this channel type")


def invalid_webhook_token() -> Refusal:
    return Refusal(401, 50027, "Invalid Webhook Token")


def archived() -> Refusal:
    return Refusal(400, 50083, "Thread is archived")


def archived_for_interactions() -> Refusal:
    """The same to who answers an interaction, but as a 403 (discord-api-docs issue 7707)."""
    return Refusal(403, 50083, "Thread is archived")


def not_json() -> Refusal:
    return Refusal(400, 50109, "The request body contains invalid JSON.")


def cannot_reply_without_history() -> Refusal:
    return Refusal(400, 160002, "Cannot reply without permission to read message history")


def has_a_thread() -> Refusal:
    return Refusal(400, 160004, "A thread has already been created for this message")


def locked() -> Refusal:
    return Refusal(400, 160005, "Thread is locked")


def reaction_blocked() -> Refusal:
    return Refusal(403, 90001, "Reaction was blocked")


def too_many_threads() -> Refusal:
    return Refusal(400, 160006, "Maximum number of active threads reached")


def too_many_announcement_threads() -> Refusal:
    return Refusal(400, 160007, "Maximum number of active announcement threads reached")


def invalid(path: str, code: str, message: str) -> Refusal:
    """50035 with its tree of errors. path: dotted, as `embeds.0.title`; empty: the form as a whole."""
    leaf: Json = {"_errors": [{"code": code, "message": message}]}
    for step in reversed([step for step in path.split(".") if step]):
        leaf = {step: leaf}
    return Refusal(400, 50035, "Invalid Form Body", leaf)


def invalid_length(path: str, low: int, high: int) -> Refusal:
    return invalid(path, "BASE_TYPE_BAD_LENGTH", f"Must be between {low} and {high} in length.")


def required(path: str) -> Refusal:
    return invalid(path, "BASE_TYPE_REQUIRED", "This field is required")


def not_a_choice(path: str, choices: object) -> Refusal:
    return invalid(path, "BASE_TYPE_CHOICES", f"Value must be one of {choices}.")
