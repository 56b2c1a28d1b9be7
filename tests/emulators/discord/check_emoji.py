"""Is this one emoji, as Unicode has them?"""

import re

# Pictographs, flags, keycaps; each with a variation selector or skin tone, and joined to others.
_ONE = (
    r"(?:[\U0001F1E6-\U0001F1FF]{2}"
    r"|[0-9#*]\uFE0F?\u20E3"
    r"|[\u00A9\u00AE\u203C-\u3299\U0001F000-\U0001FAFF]\uFE0F?[\U0001F3FB-\U0001F3FF]?)"
)
_EMOJI = re.compile(rf"{_ONE}(?:\u200D{_ONE})*")


def is_emoji(text: str) -> bool:
    """A server's own emoji (name:id) are not modelled, and so are unknown."""
    return _EMOJI.fullmatch(text) is not None
