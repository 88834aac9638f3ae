"""Text made harmless for a spreadsheet: nothing in it runs, breaks the file or is cut without a word.

Formula injection: a spreadsheet program, or the next program that reads a CSV saved from it, runs a cell that
begins with `= + - @ | %`, spaces and invisible characters aside. Such a text gets an apostrophe before it, which
shows that it was touched. The full-width forms of the same signs are treated alike.
"""

from __future__ import annotations

import re
import unicodedata

CELL_LIMIT = 32_767
"""Characters (UTF-16 units) that one cell may hold."""

_CUT = " … [texte coupé]"
_TRIGGERS = frozenset("=+-@|%＝＋－＠｜％")
_ILLEGAL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_ESCAPE_LIKE = re.compile("_(?=x[0-9A-Fa-f]{4}_)")


def _is_invisible(char: str) -> bool:
    return char == "\N{REPLACEMENT CHARACTER}" or unicodedata.category(char) in {
        "Zs", "Zl", "Zp", "Cc", "Cf",
    }  # fmt: skip


def _begins_like_formula(text: str) -> bool:
    for char in text:
        if not _is_invisible(char):
            return char in _TRIGGERS
    return False


def _cut(text: str) -> str:
    encoded = text.encode("utf-16-le")
    if len(encoded) // 2 <= CELL_LIMIT:
        return text
    kept = encoded[: 2 * (CELL_LIMIT - len(_CUT))].decode("utf-16-le", errors="ignore")
    return kept + _CUT


def safe_text(text: str) -> str:
    """The text as a cell may hold it, at most CELL_LIMIT UTF-16 units.

    Characters that XML forbids and lone surrogates become U+FFFD; line ends become `\\n`; `_x0041_`, which Excel
    reads as an escape, is escaped itself; a formula-like beginning gets an apostrophe; what is too long is cut
    and says so.
    """
    clean = _ILLEGAL.sub("\N{REPLACEMENT CHARACTER}", text.replace("\r\n", "\n").replace("\r", "\n"))
    clean = _ESCAPE_LIKE.sub("_x005F_", clean)
    if _begins_like_formula(clean):
        clean = "'" + clean
    return _cut(clean)


def sheet_title(text: str, taken: set[str]) -> str:
    """A sheet name that Excel accepts (31 characters, none of `[]:*?/\\`), unique among `taken`, which it joins."""
    base = re.sub(r"[\[\]:*?/\\]", "-", _ILLEGAL.sub("", text)).strip(" '")[:31] or "Feuille"
    name, number = base, 2
    while name.casefold() in taken:
        suffix = f" ({number})"
        name, number = base[: 31 - len(suffix)] + suffix, number + 1
    taken.add(name.casefold())
    return name
