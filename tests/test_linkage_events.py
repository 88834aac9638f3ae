"""One interception told by two bodies is one event; neighbours in time and place are not."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest

from transforms.linkage.events import link_events
from transforms.linkage.result import PAIR_COLUMNS, PairDecision


def event(record_id: str, entity: str, **known: Any) -> dict[str, Any]:
    row = {
        "record_id": record_id, "entity": entity, "form": "trafic", "detection_date": "2026-08-14", "region": "NE001",
        "department": "NE001003", "commune": None, "n_persons": 60,
    }  # fmt: skip
    return row | known


def answer(*rows: dict[str, Any], decisions: tuple[PairDecision, ...] = ()) -> str:
    result = link_events(pd.DataFrame(rows), decisions)
    assert list(result.pairs.columns) == list(PAIR_COLUMNS)
    assert set(result.clusters) == {row["record_id"] for row in rows}
    together = result.clusters["a"] == result.clusters["b"]
    said = [p.decision for p in result.pairs.itertuples() if (p.left, p.right) == ("a", "b")]
    assert together == (said == ["same"])
    return said[0] if said else "different"


@pytest.mark.parametrize(
    ("told", "expected"),
    [
        ({}, "same"),
        ({"detection_date": "2026-08-15"}, "same"),
        ({"detection_date": "2026-08-16"}, "different"),
        ({"detection_date": None}, "different"),
        ({"n_persons": 66}, "same"),
        ({"n_persons": 68}, "different"),
        ({"n_persons": None}, "different"),
        ({"commune": "NE001003002"}, "same"),
        ({"department": "NE001004"}, "different"),
        ({"department": None}, "ask"),
        ({"region": None, "department": None}, "different"),
        ({"form": "traite"}, "different"),
        ({"entity": "POL_NIA"}, "different"),
    ],
)
def test_place_date_and_size_decide(told: dict[str, Any], expected: str) -> None:
    assert answer(event("a", "POL_NIA"), event("b", "OIM_AGZ") | told) == expected
    assert answer(event("b", "OIM_AGZ") | told, event("a", "POL_NIA")) == expected


def test_communes_decide_where_both_know_them() -> None:
    one, other = event("a", "POL_NIA", commune="NE001003001"), event("b", "OIM_AGZ", commune="NE001003002")
    assert answer(one, other) == "different"


def test_small_events_are_asked_unless_they_share_a_person() -> None:
    one, other = event("a", "POL_NIA", n_persons=2), event("b", "OIM_AGZ", n_persons=3)
    assert answer(one, other) == "ask"
    assert answer(one | {"persons": ["P1", "P2"]}, other | {"persons": ["P2"]}) == "same"
    assert answer(one | {"persons": ["P1"]}, other | {"persons": ["P2"]}) == "ask"


def test_sizes_agree_within_two_persons_or_a_tenth() -> None:
    assert answer(event("a", "POL_NIA", n_persons=7), event("b", "OIM_AGZ", n_persons=9)) == "same"
    assert answer(event("a", "POL_NIA", n_persons=7), event("b", "OIM_AGZ", n_persons=10)) == "different"


def test_no_cluster_holds_one_entity_twice() -> None:
    rows = [event("a", "POL_NIA"), event("b", "OIM_AGZ", n_persons=61), event("c", "POL_NIA", n_persons=62)]
    for order in itertools.permutations(rows):
        result = link_events(pd.DataFrame(list(order)))
        assert result.clusters == {"a": "a", "b": "a", "c": "c"}
        asked = result.pairs[result.pairs["decision"] == "ask"]
        assert list(zip(asked["left"], asked["right"], strict=True)) == [("b", "c")]


def test_the_closest_agreement_is_joined_first() -> None:
    rows = [
        event("a", "POL_NIA", n_persons=64),
        event("b", "POL_NIA", n_persons=60),
        event("c", "OIM_AGZ", n_persons=60),
    ]
    assert link_events(pd.DataFrame(rows)).clusters == {"a": "a", "b": "b", "c": "b"}
    rows[1] |= {"detection_date": "2026-08-13"}
    assert link_events(pd.DataFrame(rows)).clusters == {"a": "a", "b": "b", "c": "a"}


def test_three_bodies_can_tell_one_event() -> None:
    rows = [event("a", "POL_NIA"), event("b", "OIM_AGZ"), event("c", "DST_AGZ", detection_date="2026-08-15")]
    assert set(link_events(pd.DataFrame(rows)).clusters.values()) == {"a"}


def test_a_chain_of_days_is_not_one_event() -> None:
    rows = [event(r, f"E{r}", detection_date=f"2026-08-{d}") for r, d in (("a", 14), ("b", 15), ("c", 16))]
    clusters = link_events(pd.DataFrame(rows)).clusters
    assert clusters["a"] != clusters["c"]


def test_decisions_stand() -> None:
    one, other = event("a", "POL_NIA"), event("b", "OIM_AGZ")
    assert answer(one, other, decisions=(PairDecision("b", "a", "different"),)) == "different"
    far = event("b", "POL_NIA", detection_date="2026-01-01", n_persons=1)
    assert answer(one, far, decisions=(PairDecision("b", "a", "same"),)) == "same"
    both = (PairDecision("a", "b", "same"), PairDecision("b", "a", "different"))
    assert answer(one, other, decisions=both) == "different"


def test_a_contradiction_is_asked_again() -> None:
    rows = [event(r, f"E{r}", n_persons=n) for r, n in (("a", 1), ("b", 20), ("c", 50))]
    said = [PairDecision("a", "b", "same"), PairDecision("b", "c", "same"), PairDecision("a", "c", "different")]
    result = link_events(pd.DataFrame(rows), said)
    assert result.clusters == {"a": "a", "b": "a", "c": "c"}
    assert list(result.pairs["decision"]) == ["same", "ask"]


def test_no_event_and_missing_columns() -> None:
    nothing = link_events(pd.DataFrame(columns=["record_id", "entity"]))
    assert nothing.clusters == {} and nothing.pairs.empty
    assert link_events(pd.DataFrame([{"record_id": "a", "entity": "E"}])).clusters == {"a": "a"}
    with pytest.raises(ValueError, match="entity"):
        link_events(pd.DataFrame([{"record_id": "a"}]))
    with pytest.raises(ValueError, match="record_id"):
        link_events(pd.DataFrame([event("a", "E"), event("a", "F")]))
