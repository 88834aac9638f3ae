"""What linkage answers: pairs that are one and the same or that a person must judge, and the clusters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import pandas as pd

PAIR_COLUMNS = ("left", "right", "probability", "decision", "reason")


@dataclass(frozen=True)
class PairDecision:
    """A person's word on two records. Of two words on one pair, the later in the sequence stands."""

    left: str
    right: str
    verdict: Literal["same", "different"]


@dataclass(frozen=True)
class LinkResult:
    """pairs: frame of PAIR_COLUMNS, left < right, ordered; decision is 'same' or 'ask' (what is neither is different).

    A pair to ask is never inside a cluster: until someone answers, it counts as two. reason: codes separated by
    spaces, `comparison:level` as the model names them, or `decision`; never a value.
    clusters: every record_id given, with the least record_id of its cluster.
    """

    pairs: pd.DataFrame
    clusters: dict[str, str]


def pair_frame(rows: list[tuple[str, str, float, str, str]]) -> pd.DataFrame:
    """Rows (left, right, probability, decision, reason) as the frame of a LinkResult, ordered by left, right."""
    frame = pd.DataFrame(sorted(rows), columns=list(PAIR_COLUMNS))
    return frame.astype({"probability": "float64"})


def last_words(decisions: list[PairDecision]) -> dict[tuple[str, str], str]:
    """(left, right), left < right -> the verdict that stands. A record against itself says nothing."""
    return {(min(d.left, d.right), max(d.left, d.right)): d.verdict for d in decisions if d.left != d.right}


def key_by_least(groups: list[list[str]]) -> dict[str, str]:
    """Member -> least member of its group."""
    return {member: min(group) for group in groups for member in group}
