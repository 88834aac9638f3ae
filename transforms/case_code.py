"""The code of a case: eight drawn characters and one that checks them, derived from nothing.

The alphabet leaves out what the eye confuses (0, 1, I, L, O). The ninth character checks the eight by ISO 7064 MOD
37,36, so that one mistyped character, or two neighbours exchanged, is refused. The standard may give a check character
that the alphabet leaves out; the eighth character is then the next one for which it does not (`complete`).
The forms draw the same way; a paper sheet carries a code issued here.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Callable

from stdnum.iso7064 import mod_37_36

ALPHABET = "23456789ABCDEFGHJKMNPQRSTUVWXYZ"
DRAWN = 7
"""Characters drawn freely before the eighth, which is drawn and then moved on where its check would be ambiguous."""

_CHECKED = re.compile(rf"[{ALPHABET}]{{9}}")
_UNCHECKED = re.compile(rf"(?=.*[2-9])[{ALPHABET}]{{8}}")
_BETWEEN = re.compile(r"[\s\-‐‑–—.]")


def is_case_code(code: str) -> bool:
    """Is it a code with its right check character? Exactly as stored: upper case, without spaces."""
    return bool(_CHECKED.fullmatch(code)) and mod_37_36.is_valid(code)


def is_stored_code(code: str) -> bool:
    """Is it a code that a form gave?

    The first release drew eight characters without a check: they stay valid, but for the few without a digit, which
    nothing tells from a name.
    """
    return bool(_UNCHECKED.fullmatch(code)) or is_case_code(code)


def normal_code(typed: str) -> str:
    """A code as a person types it, without spaces or hyphens, in upper case."""
    return _BETWEEN.sub("", typed).upper()


def shown_code(code: str) -> str:
    """The code as people read it: three groups of three characters."""
    return " ".join(code[at : at + 3] for at in range(0, len(code), 3))


def complete(first: str, number: int) -> str:
    """The code made of seven drawn characters and a drawn number from 0 to 30.

    Of six successive characters of the alphabet one at least gives a check character within it: for the same first
    seven, different eighth characters give different checks, and only five characters are barred.
    """
    for step in range(6):
        eight = first + ALPHABET[(number + step) % len(ALPHABET)]
        check = mod_37_36.calc_check_digit(eight)
        if check in ALPHABET:
            return eight + check
    raise AssertionError(f"no check character for {first!r}, {number}")


def issue(below: Callable[[int], int] = secrets.randbelow) -> str:
    """A new code, from the system's source of chance (`below(n)` draws a number from 0 to n - 1)."""
    size = len(ALPHABET)
    return complete("".join(ALPHABET[below(size)] for _ in range(DRAWN)), below(size))
