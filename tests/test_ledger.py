"""Identifiers are allocated once, follow people through merges and splits, and never come to mean others."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from transforms.ledger import LedgerRow, reconcile, replay

AT, CAUSE = "2026-11-24T21:00:00Z", "nightly"


def numbered() -> Callable[[], str]:
    numbers = itertools.count(1)
    return lambda: f"P{next(numbers)}"


class Nights:
    """A ledger and the nights that wrote it."""

    def __init__(self) -> None:
        self.rows: list[LedgerRow] = []
        self.new_id = numbered()

    def __call__(self, *groups: str) -> dict[str, str]:
        """Reconcile clusters written as strings of one-letter members."""
        clusters = {member: group[0] for group in groups for member in group}
        update = reconcile(self.rows, clusters, self.new_id, AT, CAUSE)
        self.rows += update.new_rows
        self.last = [(r.action, r.subject_id, r.member_key, r.other_id) for r in update.new_rows]
        return update.assignment


def test_a_first_night_allocates_and_joins() -> None:
    night = Nights()
    assert night("ab", "c") == {"a": "P1", "b": "P1", "c": "P2"}
    assert night.last == [("allocate", "P1", "a", None), ("join", "P1", "b", None), ("allocate", "P2", "c", None)]
    assert {(r.at, r.cause) for r in night.rows} == {(AT, CAUSE)}


def test_the_same_clusters_write_nothing() -> None:
    night = Nights()
    first = night("ab", "c")
    assert night("c", "ba") == first
    assert night.last == []


def test_a_merge_keeps_the_oldest_identifier() -> None:
    night = Nights()
    night("b"), night("b", "a")
    assert night("ab", "c") == {"a": "P1", "b": "P1", "c": "P3"}
    assert night.last == [("allocate", "P3", "c", None), ("merge", "P1", "", "P2")]


def test_a_split_leaves_the_identifier_to_the_oldest_member() -> None:
    night = Nights()
    night("c"), night("abc")
    assert night("ab", "c") == {"c": "P1", "a": "P2", "b": "P2"}
    assert night.last == [("split", "P2", "a", "P1"), ("split", "P2", "b", "P1")]


def test_a_merged_identifier_never_comes_back() -> None:
    night = Nights()
    night("a", "b"), night("ab")
    assert night("a", "b") == {"a": "P1", "b": "P3"}


def test_members_can_go_from_one_person_to_another() -> None:
    night = Nights()
    night("ab", "cd")
    assert night("a", "bcd") == {"a": "P1", "b": "P2", "c": "P2", "d": "P2"}
    assert night.last == [("split", "P2", "b", "P1")]


def test_a_new_record_joins_those_that_were_split_off() -> None:
    night = Nights()
    night("ab")
    assert night("a", "bz") == {"a": "P1", "b": "P2", "z": "P2"}
    assert night.last == [("split", "P2", "b", "P1"), ("join", "P2", "z", None)]


def test_an_absent_member_keeps_its_place_and_follows_a_merge() -> None:
    night = Nights()
    night("a", "bc"), night("a", "c"), night("ac")
    assert night("a", "b", "c") == {"a": "P1", "b": "P3", "c": "P4"}
    assert replay(night.rows).assignment["b"] == "P3"


def test_the_founder_who_comes_back_has_its_identifier() -> None:
    night = Nights()
    night("ab"), night("b")
    assert night("a", "b") == {"a": "P1", "b": "P2"}


def test_an_identifier_already_used_is_refused() -> None:
    night = Nights()
    night("a")
    with pytest.raises(ValueError, match="P1"):
        reconcile(night.rows, {"a": "a", "b": "b"}, lambda: "P1", AT, CAUSE)


@pytest.mark.parametrize(
    "row",
    [
        ("allocate", "P1", "z", None),
        ("allocate", "P9", "a", None),
        ("join", "P9", "z", None),
        ("split", "P9", "a", "P2"),
        ("split", "P9", "z", None),
        ("merge", "P1", "", "P9"),
        ("merge", "P1", "", "P1"),
    ],
)
def test_a_ledger_that_contradicts_itself_is_refused(row: tuple[str, str, str, str | None]) -> None:
    night = Nights()
    night("a", "b")
    action, subject, member, other = row
    with pytest.raises(ValueError, match="ledger"):
        replay([*night.rows, LedgerRow(AT, action, subject, member, other, CAUSE)])


partitions = st.lists(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 4)), min_size=1, max_size=8)


@settings(max_examples=300, deadline=None)
@given(partitions)
def test_any_sequence_of_nights(nights: list[dict[str, int]]) -> None:
    rows: list[LedgerRow] = []
    new_id = numbered()
    published: dict[str, list[set[str]]] = {}
    for night in nights:
        clusters = {member: f"c{n}" for member, n in night.items()}
        update = reconcile(rows, clusters, new_id, AT, CAUSE)
        rows += update.new_rows

        # Each member has one identifier, and the identifiers are the clusters.
        assert set(update.assignment) == set(clusters)
        assert len(set(update.assignment.values())) == len(set(clusters.values()))
        assert len({(clusters[m], update.assignment[m]) for m in clusters}) == len(set(clusters.values()))
        # A rebuild from the rows gives the same assignment; a second run writes nothing.
        state = replay(rows)
        assert {m: state.assignment[m] for m in clusters} == update.assignment
        assert reconcile(rows, clusters, new_id, AT, CAUSE).new_rows == []
        # An identifier, whenever it was published, still holds one of those it stood for, or was retired for good.
        for subject, editions in published.items():
            held = set(state.members.get(subject, ()))
            assert not held or all(held & edition for edition in editions)
        for subject, members in state.members.items():
            assert members, "a live identifier holds someone"
            published.setdefault(subject, []).append(set(members))
    allocated = [r.subject_id for r in rows if r.action == "allocate"]
    assert len(allocated) == len(set(allocated))


@settings(max_examples=100, deadline=None)
@given(
    st.permutations("abcdefgh"),
    st.lists(st.integers(1, 8), max_size=4),
    st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 3)),
)
def test_any_order_and_any_batches_end_in_the_same_partition(
    order: list[str], cuts: list[int], partition: dict[str, int]
) -> None:
    rows: list[LedgerRow] = []
    new_id = numbered()
    for seen in [*sorted(cuts), len(order)]:
        clusters = {m: str(partition.get(m, m)) for m in order[:seen]}
        update = reconcile(rows, clusters, new_id, AT, CAUSE)
        rows += update.new_rows
    together = {(a, b) for a in order for b in order if update.assignment[a] == update.assignment[b]}
    assert together == {(a, b) for a in order for b in order if partition.get(a, a) == partition.get(b, b)}
    assert not [r for r in rows if r.action in ("merge", "split")]
