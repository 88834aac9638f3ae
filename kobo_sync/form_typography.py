"""French punctuation on a narrow screen: what must not stand alone at the end or the beginning of a line."""

import re

NARROW = "\u202f"
"""The no-break space that French sets before ? ! : ; and within « »; readers of spreadsheets keep it, not U+00A0."""


def bound(text: str) -> str:
    """The text with its punctuation bound to its word."""
    return re.sub(r" (?=[?!:;»])|(?<=«) ", NARROW, text)
