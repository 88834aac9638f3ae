"""The linkage key of a person: what stays of a name when the name itself must not leave the phone.

`data/name_fold.csv` folds each character to one of eight classes (b s t l m n r, and `h` for vowels and what is written
or not as one likes) or to a space, which parts words; a character that it does not list vanishes. Then the first four
words; in each, the `h` go, the first twelve letters stay, and of equal neighbours one; a word of nothing but `h` is
`h`. The forms compute the same key by the same table. With sex and birth year: `mt.sb-M-1998`. A key is not a name, but
whoever holds a list of names can try them all: it is kept as closely as a name.
"""

from __future__ import annotations

import csv
import re
from functools import cache
from itertools import groupby
from pathlib import Path

MAX_WORDS, MAX_LETTERS = 4, 12

_FOLD = Path(__file__).with_name("data") / "name_fold.csv"
_WORD = r"(?:h|[bstlmnr]{1,12})"
_KEY = re.compile(rf"{_WORD}(?:\.{_WORD}){{0,3}}-[FMU]-(?:(?:19|20)\d\d)?")
_DOUBLED = re.compile(r"([bstlmnr])\1")


@cache
def _fold() -> dict[str, str]:
    with _FOLD.open(encoding="utf-8", newline="") as lines:
        return {row["letter"]: row["folded"] for row in csv.DictReader(lines)}


def name_key(name: str) -> str:
    """The folded words of a name, joined by dots; empty when the name holds no letter that the table knows."""
    table = _fold()
    words = "".join(table.get(letter, "") for letter in name).split()
    return ".".join(_word(word) for word in words[:MAX_WORDS])


def _word(folded: str) -> str:
    heard = folded.replace("h", "")[:MAX_LETTERS]
    return "".join(letter for letter, _ in groupby(heard)) or "h"


def linkage_key(name: str, sex: str, birth_year: int | None) -> str:
    """The whole key of a person (`sex`: F, M or U); empty without a name."""
    folded = name_key(name)
    return f"{folded}-{sex}-{birth_year or ''}" if folded else ""


def is_linkage_key(text: str) -> bool:
    """Is it a key that a phone can have computed? Anything else may be a name."""
    return bool(_KEY.fullmatch(text)) and not _DOUBLED.search(text.partition("-")[0])
