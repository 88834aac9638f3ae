"""Text that others wrote, made harmless for a terminal, a log or a mail."""

from __future__ import annotations

import re

_OBEYED = re.compile(
    "[\x00-\x09\x0b-\x1f\x7f-\x9f"  # control characters, those of one byte and C1; the line feed stays
    "\u061c\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"  # order of writing, and what is not seen
    "\ud800-\udfff\U000e0000-\U000e007f]+"  # no text at all, and the tags that nobody sees
)


def terminal_text(text: object) -> str:
    """The text without what a terminal would obey or hide; its lines stay lines."""
    return _OBEYED.sub(" ", str(text))
