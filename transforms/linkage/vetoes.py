"""What documents say against a link, whatever the weights."""

from __future__ import annotations

from typing import Any


def vetoed(one: dict[str, Any], other: dict[str, Any]) -> bool:
    """Two prepared rows that documents say are two people; nothing that is guessed or drifts may veto.

    One submission's two victims; female and male, both stated; two birth dates (1 January is a year only).
    """
    return bool(
        one["submission_key"] == other["submission_key"]
        or (one["sex"] and other["sex"] and one["sex"] != other["sex"])
        or (one["birth_date"] and other["birth_date"] and one["birth_date"] != other["birth_date"])
    )
