"""What agrees and what does not between two records, in French: the words people decide a pair by. Never a value."""

from __future__ import annotations

import csv
from functools import cache
from pathlib import Path

_DATA = Path(__file__).parents[1] / "data" / "link_reasons.csv"


@cache
def labels() -> dict[str, str]:
    """French label by reason code (`comparison:level`, or `decision`)."""
    with _DATA.open(encoding="utf-8", newline="") as lines:
        return {
            f"{row['comparison']}:{row['level']}" if row["level"] else row["comparison"]: row["label_fr"]
            for row in csv.DictReader(lines)
        }


def in_words(reason: str) -> str:
    """The codes of a LinkResult's `reason`, separated by spaces, as one French sentence part.

    Raises KeyError for a code without a label.
    """
    return " ; ".join(labels()[code] for code in reason.split())
