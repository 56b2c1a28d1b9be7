"""How does Slack say no, and how does a test learn that it asks for what no member could do?"""

from typing import Any

Json = dict[str, Any]


class Refusal(Exception):
    """`{"ok": false, "error": ...}`: what the caller of a method gets instead of its effect. more: further keys of it."""

    def __init__(self, error: str, **more: Any) -> None:
        super().__init__(f"{error} {more or ''}".strip())
        self.error = error
        self.more = more

    def body(self) -> Json:
        return {"ok": False, "error": self.error, **self.more}


class CannotDoError(AssertionError):
    """A member tried what Slack's own client would not let them do: the test asks for the impossible."""


def invalid_arguments(*complaints: str) -> Refusal:
    """The answer to arguments that are missing or of the wrong form; each complaint as `missing required field: x`."""
    return Refusal("invalid_arguments", response_metadata={"messages": [f"[ERROR] {text}" for text in complaints]})


def missing_scope(needed: str, provided: set[str]) -> Refusal:
    return Refusal("missing_scope", needed=needed, provided=",".join(sorted(provided)))


def invalid_blocks(complaints: list[str]) -> Refusal:
    """The answer of `chat.*` to blocks that break Block Kit's rules."""
    messages = [f"[ERROR] {text}" for text in complaints]
    return Refusal("invalid_blocks", errors=complaints, response_metadata={"messages": messages})
