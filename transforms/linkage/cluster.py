"""Clusters by average linkage on match weights: a chain of likely pairs does not make one person.

Inside each component of likely pairs, the two groups with the highest mean weight over all their cross pairs
are joined, again and again, while that mean is at least `stop`. A pair that was never scored counts
UNSCORED bits. Some joins are barred whatever the mean; what people called the same is joined before anything
else, and only what they called different bars that.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence

import numpy as np

UNSCORED = -6.0  # bits; measured in reference/linkage.md
_STEP = 1.0  # bits by which the edge threshold rises inside a component that is too large


def components(count: int, edges: Iterable[tuple[int, int]]) -> list[list[int]]:
    """Connected components of 0..count-1, each sorted, in order of their least member."""
    parent = list(range(count))

    def root(node: int) -> int:
        while parent[node] != node:
            parent[node] = parent[parent[node]]
            node = parent[node]
        return node

    for left, right in edges:
        a, b = root(left), root(right)
        parent[max(a, b)] = min(a, b)
    groups: dict[int, list[int]] = defaultdict(list)
    for node in range(count):
        groups[root(node)].append(node)
    return [groups[head] for head in sorted(groups)]


def average_linkage(
    count: int,
    weights: Mapping[tuple[int, int], float],
    together: Sequence[tuple[int, int]],
    apart: Callable[[int, int], bool],
    barred: Callable[[int, int], bool],
    *,
    start: float,
    stop: float,
    largest: int,
) -> list[list[int]]:
    """Groups of 0..count-1, singles included.

    weights: match weight in bits of scored pairs (i < j). together: pairs to join first, in this order, unless
    that puts into one group a pair for which `apart` is true (the caller sees that they ended apart).
    barred(i, j), i < j: the two may not be joined by their weights. start: least weight of an edge of a
    component. largest: members that a component may have; a larger one is cut at rising thresholds, so that
    the dense matrix of a component stays small.
    """
    groups: list[list[int]] = []
    pending = [
        (sorted(group), start)
        for group in components(count, [*(p for p, w in weights.items() if w >= start), *together])
    ]
    ties_of: dict[int, list[tuple[int, tuple[int, int]]]] = defaultdict(list)
    for rank, (a, b) in enumerate(together):
        ties_of[min(a, b)].append((rank, (min(a, b), max(a, b))))
    edges_of: dict[int, list[tuple[int, int]]] = defaultdict(list)
    for pair in weights:
        edges_of[pair[0]].append(pair)
    while pending:
        members, threshold = pending.pop()
        if len(members) == 1:
            groups.append(members)
            continue
        inside = set(members)
        pairs = [p for m in members for p in edges_of[m] if p[1] in inside]
        ties = [pair for _, pair in sorted(tie for m in members for tie in ties_of[m])]
        if len(members) > largest and any(weights[p] >= threshold for p in pairs):
            position = {member: i for i, member in enumerate(members)}
            strong = [p for p in pairs if weights[p] >= threshold + _STEP]
            parts = components(len(members), [(position[a], position[b]) for a, b in [*strong, *ties]])
            pending += [([members[i] for i in part], threshold + _STEP) for part in parts]
            continue
        groups += _join(members, {p: weights[p] for p in pairs}, ties, apart, barred, stop)
    return sorted(groups)


def _join(
    members: list[int],
    weights: Mapping[tuple[int, int], float],
    ties: list[tuple[int, int]],
    apart: Callable[[int, int], bool],
    barred: Callable[[int, int], bool],
    stop: float,
) -> list[list[int]]:
    size = len(members)
    position = {member: i for i, member in enumerate(members)}
    total = np.full((size, size), UNSCORED)  # sum of the weights over the cross pairs of two groups
    for (a, b), weight in weights.items():
        total[position[a], position[b]] = total[position[b], position[a]] = weight
    denied = np.zeros((size, size), dtype=bool)  # by people
    closed = np.eye(size, dtype=bool)  # by people or by documents
    for i in range(size):
        for j in range(i + 1, size):
            denied[i, j] = denied[j, i] = apart(members[i], members[j])
            closed[i, j] = closed[j, i] = denied[i, j] or barred(members[i], members[j])
    counts = np.ones(size)
    group = {i: [i] for i in range(size)}
    head = list(range(size))

    def merge(keep: int, drop: int) -> None:
        total[keep] += total[drop]
        total[:, keep] = total[keep]
        for matrix in (denied, closed):
            matrix[keep] |= matrix[drop]
            matrix[:, keep] = matrix[keep]
        closed[keep, keep] = True
        closed[drop, :] = closed[:, drop] = True
        counts[keep] += counts[drop]
        group[keep] += group.pop(drop)
        for member in group[keep]:
            head[member] = keep

    for a, b in ties:
        i, j = sorted((head[position[a]], head[position[b]]))
        if i != j and not denied[i, j]:
            merge(i, j)
    while len(group) > 1:
        # Rounded, so that the order in which equal sums were added cannot decide; ties go to the least positions.
        mean = np.where(closed, -np.inf, np.round(total / np.outer(counts, counts), 9))
        i, j = divmod(int(np.argmax(mean)), size)
        if mean[i, j] < stop:
            break
        merge(min(i, j), max(i, j))
    return [sorted(members[i] for i in found) for found in group.values()]


def worth_asking(
    groups: Sequence[Sequence[int]],
    weights: Mapping[tuple[int, int], float],
    barred: Callable[[int, int], bool],
    *,
    least: float,
) -> list[tuple[int, int]]:
    """One pair for every two groups whose mean weight, though too low to join them, is at least `least`.

    The pair is the likeliest of their cross pairs: a person answers once for the two groups, and is not asked about
    two groups that something bars from being one.
    """
    home = {member: n for n, group in enumerate(groups) for member in group}
    across: dict[tuple[int, int], list[tuple[float, int, int]]] = defaultdict(list)
    for (a, b), weight in weights.items():
        if home[a] != home[b]:
            across[min(home[a], home[b]), max(home[a], home[b])].append((-weight, a, b))
    asked = []
    for (one, other), found in across.items():
        cells = len(groups[one]) * len(groups[other])
        mean = (UNSCORED * (cells - len(found)) - sum(sorted(w for w, _, _ in found))) / cells
        if mean >= least and not any(barred(min(a, b), max(a, b)) for a in groups[one] for b in groups[other]):
            asked.append(min(found)[1:])
    return sorted(asked)
