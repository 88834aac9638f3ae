"""The same event told by two bodies: an interception in the police's records and in those of OIM.

A first match on place, date and size. Two records that agree are the same when something tells them from the other
events of that place and day: five persons or more, or a person found in both. Otherwise a person is asked.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from transforms.linkage.prepare import day, text
from transforms.linkage.result import LinkResult, PairDecision, key_by_least, last_words, pair_frame

COLUMNS = ("record_id", "entity", "form", "detection_date", "region", "department", "commune", "n_persons")
_DAYS = 1
_TELLING = 5  # persons from which the size of an event sets it apart from others of its day
_SHARE, _FEW = 0.10, 2  # sizes agree within 10 % or 2 persons
# What each answer is worth as a probability: an ordering of what to look at first, not an estimate.
_SAME, _ASK = 0.95, 0.5


def _row(row: Mapping[Any, Any]) -> dict[str, Any]:
    size = row.get("n_persons")
    persons = row.get("persons")
    return {
        "record_id": text(row.get("record_id")),
        "entity": text(row.get("entity")),
        "form": text(row.get("form")),
        "date": day(row.get("detection_date")),
        "places": [text(row.get(level)) for level in ("commune", "department", "region")],
        "size": None if text(size) is None else int(float(str(size))),
        "persons": frozenset(persons) if isinstance(persons, (list, tuple, set, frozenset)) else frozenset(),
    }


def _place(one: list[str | None], other: list[str | None]) -> str | None:
    """The finest level that both know, if they agree there; else None."""
    for level, left, right in zip(("commune", "department", "region"), one, other, strict=True):
        if left and right:
            return level if left == right else None
    return None


@dataclass(frozen=True)
class _Agreement:
    answer: str
    reason: str
    rank: tuple[int, int, int]  # the closest agreement is joined first


def _agreement(one: dict[str, Any], other: dict[str, Any]) -> _Agreement | None:
    """How two records that may be one event agree; None when they are different."""
    if one["entity"] == other["entity"] or one["form"] != other["form"]:
        return None
    left, right = one["date"], other["date"]
    place = _place(one["places"], other["places"])
    if not isinstance(left, date) or not isinstance(right, date) or abs((left - right).days) > _DAYS or not place:
        return None
    if one["size"] is None or other["size"] is None:
        return None
    larger, smaller = max(one["size"], other["size"]), min(one["size"], other["size"])
    if larger - smaller > max(_FEW, _SHARE * larger):
        return None
    shared = bool(one["persons"] & other["persons"])
    reason = f"place:{place} date:{'same' if left == right else 'next'} size:{'same' if larger == smaller else 'near'}"
    told_apart = place != "region" and smaller >= _TELLING
    return _Agreement(
        answer="same" if shared or told_apart else "ask",
        reason=reason + (" persons:shared" if shared else ""),
        rank=(-len(one["persons"] & other["persons"]), abs((left - right).days), larger - smaller),
    )


def link_events(events: pd.DataFrame, decisions: Iterable[PairDecision] = ()) -> LinkResult:
    """Match the events of different entities; the same input in any order, the same answer.

    events: columns COLUMNS (those after entity may be null), and optionally `persons`, the identifiers of the
    persons that each record names, as a list. A cluster never holds one entity twice, unless a person said so.
    decisions: oldest first. Raises ValueError if record_id or entity is absent, or record_id empty or repeated.
    """
    for column in ("record_id", "entity"):
        if column not in events.columns:
            raise ValueError(f"linkage of events: column {column} is missing")
    rows = {r["record_id"]: r for r in map(_row, events.to_dict("records"))}
    if None in rows or len(rows) != len(events):
        raise ValueError("linkage of events: record_id must be present and unique")
    verdicts = {pair: v for pair, v in last_words(list(decisions)).items() if pair[0] in rows and pair[1] in rows}
    found = _candidates(rows, verdicts)

    groups: dict[str, list[str]] = {record_id: [record_id] for record_id in rows}
    home = {record_id: record_id for record_id in rows}

    def join(left: str, right: str) -> None:
        keep, drop = sorted((home[left], home[right]))
        for member in groups[drop]:
            home[member] = keep
        groups[keep] += groups.pop(drop)

    def decided(left: str, right: str, verdict: str) -> bool:
        return verdicts.get((min(left, right), max(left, right))) == verdict

    def across(left: str, right: str) -> list[tuple[str, str]]:
        return [(a, b) for a in groups[home[left]] for b in groups[home[right]]]

    for (left, right), verdict in sorted(verdicts.items()):
        if verdict != "same" or home[left] == home[right]:
            continue
        if not any(decided(a, b, "different") for a, b in across(left, right)):
            join(left, right)

    def one_event(left: str, right: str) -> bool:
        agreement = found.get((min(left, right), max(left, right)))
        return decided(left, right, "same") or (agreement is not None and agreement.answer == "same")

    for left, right in sorted((p for p, a in found.items() if a.answer == "same"), key=lambda p: (found[p].rank, p)):
        if home[left] != home[right] and all(one_event(a, b) for a, b in across(left, right)):
            join(left, right)

    pairs = []
    for (left, right), agreement in found.items():
        worth = _SAME if agreement.answer == "same" else _ASK
        pairs.append((left, right, worth, "same" if home[left] == home[right] else "ask", agreement.reason))
    for (left, right), verdict in verdicts.items():
        if verdict == "same":
            pairs.append((left, right, 1.0, "same" if home[left] == home[right] else "ask", "decision"))
    return LinkResult(pair_frame(pairs), key_by_least(list(groups.values())))


def _candidates(
    rows: dict[str, dict[str, Any]], verdicts: Mapping[tuple[str, str], str]
) -> dict[tuple[str, str], _Agreement]:
    """Pairs that agree and that nobody has decided, found among records of neighbouring days only."""
    by_day: dict[int, list[str]] = {}
    for record_id in sorted(rows):
        if rows[record_id]["date"]:
            by_day.setdefault(rows[record_id]["date"].toordinal(), []).append(record_id)
    found: dict[tuple[str, str], _Agreement] = {}
    for number, here in by_day.items():
        near = here + [r for step in range(1, _DAYS + 1) for r in by_day.get(number + step, [])]
        for i, left in enumerate(here):
            for right in near[i + 1 :]:
                pair = (min(left, right), max(left, right))
                agreement = None if pair in verdicts else _agreement(rows[left], rows[right])
                if agreement:
                    found[pair] = agreement
    return found
