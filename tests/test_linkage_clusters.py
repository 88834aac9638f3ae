"""Clusters do not chain, keep apart what is barred, and stay small enough for memory."""

from __future__ import annotations

import random

from transforms.linkage.cluster import average_linkage, worth_asking


def nothing(_: int, __: int) -> bool:
    return False


def group(
    count: int,
    weights: dict[tuple[int, int], float],
    *,
    together: list[tuple[int, int]] | None = None,
    apart: set[tuple[int, int]] | None = None,
    barred: set[tuple[int, int]] | None = None,
    largest: int = 200,
) -> list[list[int]]:
    return average_linkage(
        count,
        weights,
        together or [],
        lambda a, b: (a, b) in (apart or set()),
        lambda a, b: (a, b) in (barred or set()),
        start=-1.2,
        stop=-1.0,
        largest=largest,
    )


def test_pairs_join_from_the_stop_weight_on() -> None:
    assert group(3, {(0, 1): -0.9, (1, 2): -1.1}) == [[0, 1], [2]]


def test_a_chain_is_not_one_person() -> None:
    assert group(3, {(0, 1): 6.0, (1, 2): 3.0}) == [[0, 1], [2]]
    assert group(3, {(0, 1): 6.0, (1, 2): 3.0, (0, 2): -3.0}) == [[0, 1, 2]]


def test_a_bar_holds_for_whole_groups() -> None:
    weights = {(0, 1): 9.0, (1, 2): 8.0, (0, 2): 8.0}
    assert group(3, weights) == [[0, 1, 2]]
    assert group(3, weights, barred={(0, 2)}) == [[0, 1], [2]]
    assert group(3, weights, barred={(1, 2)}) == [[0, 1], [2]]


def test_people_join_what_is_barred_and_only_people_bar_that() -> None:
    assert group(3, {}, together=[(0, 1), (1, 2)], barred={(0, 2), (0, 1)}) == [[0, 1, 2]]
    assert group(3, {}, together=[(0, 1), (1, 2)], apart={(0, 2)}) == [[0, 1], [2]]
    assert group(4, {(2, 3): 9.0}, together=[(0, 1), (1, 2)], apart={(0, 3)}) == [[0, 1, 2], [3]]


def test_a_component_too_large_is_cut_at_its_weakest_pairs() -> None:
    weights = {(i, i + 1): 1.5 for i in range(60)} | {(2 * i, 2 * i + 1): 8.0 for i in range(30)}
    found = group(61, weights, largest=10)
    assert found == [*([2 * i, 2 * i + 1] for i in range(30)), [60]]


def test_a_component_too_large_of_equal_pairs_comes_to_an_end() -> None:
    weights = {(i, j): 5.0 for i in range(12) for j in range(i + 1, 12)}
    assert group(12, weights, largest=4) == [[i] for i in range(12)]


def test_what_people_said_survives_the_cut() -> None:
    weights = {(i, j): 5.0 for i in range(12) for j in range(i + 1, 12)}
    assert [3, 7] in group(12, weights, largest=4, together=[(3, 7)])


def test_the_order_of_the_pairs_changes_nothing() -> None:
    dice = random.Random(1)
    weights = {(i, j): dice.uniform(-6, 9) for i in range(30) for j in range(i + 1, 30) if dice.random() < 0.3}
    shuffled = list(weights.items())
    dice.shuffle(shuffled)
    assert group(30, weights) == group(30, dict(shuffled))


def test_pairs_never_scored_weigh_against_asking() -> None:
    groups = [[0, 1], [2, 3]]
    assert worth_asking(groups, {(0, 2): 2.0}, nothing, least=-4.0) == [(0, 2)]
    assert worth_asking(groups, {(0, 2): 2.0}, nothing, least=-3.9) == []


def test_one_question_for_two_groups_the_likeliest_pair() -> None:
    weights = {(0, 2): 1.0, (1, 2): 2.0, (0, 1): 9.0, (3, 4): -9.0}
    assert worth_asking([[0, 1], [2], [3], [4]], weights, nothing, least=-3.0) == [(1, 2)]
    assert worth_asking([[0, 1], [2], [3], [4]], weights, lambda a, b: (a, b) == (0, 2), least=-3.0) == []
