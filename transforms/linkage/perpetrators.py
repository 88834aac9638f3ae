"""Perpetrators and smugglers told twice: no name is asked, so only two reports of one event can match them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping

from transforms.models import Perpetrator

_AGE_GAP = 3
"""Years by which two guesses of one person's age may differ."""


def _agree(one: Perpetrator, other: Perpetrator) -> bool:
    """Same kind, and nothing known of both that differs; at least sex (or being a legal person) known of both."""
    if one.per_type != other.per_type or one.sex != other.sex:
        return False
    if one.per_type != "legal" and one.sex not in ("F", "M"):
        return False
    nationalities = {one.nationality, other.nationality} - {None, "unk", "ref"}
    if len(nationalities) > 1:
        return False
    return one.age is None or other.age is None or abs(one.age - other.age) <= _AGE_GAP


def link_perpetrators(rows: Iterable[Perpetrator], event_of: Mapping[str, str]) -> dict[str, str]:
    """Cluster key (least record id) by record id.

    Within one event, rows of two submissions pair one to one, in record order, where they agree; two rows of one
    submission never pair. `event_of` gives the event id by submission key.
    """
    by_event: dict[str, list[Perpetrator]] = defaultdict(list)
    for row in sorted(rows, key=lambda r: r.record_id):
        by_event[event_of[row.submission_key]].append(row)
    clusters: dict[str, str] = {}
    for group in by_event.values():
        heads: list[tuple[Perpetrator, set[str]]] = []  # first row of a cluster, and the submissions already in it
        for row in group:
            match = next((head for head in heads if row.submission_key not in head[1] and _agree(head[0], row)), None)
            if match is None:
                heads.append((row, {row.submission_key}))
                clusters[row.record_id] = row.record_id
            else:
                match[1].add(row.submission_key)
                clusters[row.record_id] = match[0].record_id
    return clusters
