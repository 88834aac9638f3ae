"""The same person told by several providers: which records are one, and which pairs a person must judge."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from transforms.linkage.cluster import average_linkage, worth_asking
from transforms.linkage.model import COMPARISONS, shipped
from transforms.linkage.prepare import prepare, text
from transforms.linkage.result import LinkResult, PairDecision, key_by_least, last_words, pair_frame
from transforms.linkage.score import ScoredPairs, score_pairs
from transforms.linkage.vetoes import vetoed

MODEL_VERSION: str = shipped()["version"]
_DECIDED = 64.0  # bits: a person's word, not an estimate


def link_persons(
    records: pd.DataFrame, decisions: Iterable[PairDecision] = (), *, prior: float | None = None
) -> LinkResult:
    """Link the victims of all submissions with the shipped model; the same input in any order, the same answer.

    records: columns `prepare.COLUMNS`, any but record_id, submission_key and entity absent or null; a record
    with neither name is never linked by the model. decisions: oldest first; they stand over the model and over
    vetoes, and of decisions that contradict each other through a third record, "different" stands and the "same" is
    asked again. prior: probability that two random records are one person; the model version's own by default,
    so that a person's record does not depend on how many others there are.
    Raises ValueError if a required column is absent or record_id is empty or repeated.
    """
    model = shipped()
    rows = prepare(records, model["name_bits"], model["unknown_name_bits"])
    verdicts = last_words(list(decisions))
    scored = score_pairs(rows, model["levels"], prior or model["prior"], least_weight=model["least_weight"])

    everyone = sorted(text(value) or "" for value in records["record_id"])
    at = {record_id: i for i, record_id in enumerate(everyone)}
    place = [at[row["record_id"]] for row in rows]  # position of a scored row among all records
    by_place = dict(zip(place, rows, strict=True))
    known = {(at[a], at[b]): v for (a, b), v in verdicts.items() if a in at and b in at}

    def apart(a: int, b: int) -> bool:
        return known.get((a, b)) == "different"

    def barred(a: int, b: int) -> bool:
        if (a, b) in known:
            return known[a, b] == "different"
        return a in by_place and b in by_place and vetoed(by_place[a], by_place[b])

    weights: dict[tuple[int, int], float] = {}
    reasons: dict[tuple[int, int], str] = {}
    for pair, weight, reason in zip(_pairs(scored, place), scored.weight.tolist(), _reasons(scored), strict=True):
        reasons[pair] = reason
        if not barred(*pair):
            weights[pair] = weight
    same = sorted(pair for pair, verdict in known.items() if verdict == "same")
    groups = average_linkage(
        len(everyone),
        weights,
        same,
        apart,
        barred,
        start=model["start_weight"],
        stop=model["stop_weight"],
        largest=model["largest_component"],
    )
    home = {member: n for n, group in enumerate(groups) for member in group}
    answers = {pair: ("same", w, reasons[pair]) for pair, w in weights.items() if home[pair[0]] == home[pair[1]]}
    for pair in worth_asking(groups, weights, barred, least=model["ask_weight"]):
        answers[pair] = ("ask", weights[pair], reasons[pair])
    for pair in same:
        answers[pair] = ("same" if home[pair[0]] == home[pair[1]] else "ask", _DECIDED, "decision")
    return LinkResult(
        pair_frame(
            [
                (everyone[a], everyone[b], _probability(weight), answer, reason)
                for (a, b), (answer, weight, reason) in answers.items()
            ]
        ),
        key_by_least([[everyone[i] for i in group] for group in groups]),
    )


def _pairs(scored: ScoredPairs, place: list[int]) -> list[tuple[int, int]]:
    return [(place[a], place[b]) for a, b in zip(scored.left.tolist(), scored.right.tolist(), strict=True)]


def _reasons(scored: ScoredPairs) -> list[str]:
    """What was compared and how far it agrees, as `comparison:level` codes; a missing value says nothing."""
    columns = [
        [f"{name}:{COMPARISONS[name][1][level][0]}" if level >= 0 else "" for level in found.tolist()]
        for name, found in scored.levels.items()
    ]
    return [" ".join(filter(None, codes)) for codes in zip(*columns, strict=True)]


def _probability(weight: float) -> float:
    odds = 2.0 ** -abs(weight)
    return round((1.0 if weight >= 0 else odds) / (1.0 + odds), 6)
