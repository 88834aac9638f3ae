"""Traite ou trafic? One truth table, shared by the forms, this code and the tests.

Traite = act and means and purpose, the means not being required for a child (Palermo Protocol art. 3;
ordonnance 2010-086). Trafic = procuring irregular entry across a border for a financial or material
benefit (Smuggling Protocol art. 3). An answer is `oui`, `non` or `nsp` (not known). The table holds all
729 combinations, so that a jurist can read it and a test can walk it; see `data/determination.csv`.
It is an indication, never a qualification.
"""

from __future__ import annotations

import csv
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Literal

Answer = Literal["oui", "non", "nsp"]
ORDER = ("les_deux", "traite_presumee", "trafic_illicite", "a_verifier", "aucun")
"""Results, strongest first: the event takes the strongest of its victims'."""

TRAITE_SERIES = frozenset({"les_deux", "traite_presumee"})
TRAFIC_SERIES = frozenset({"les_deux", "trafic_illicite"})

_DATA = Path(__file__).with_name("data")
_NOT_A_PURPOSE = {"unk", "none", "ref", "child_labour"}  # child labour alone is not trafficking
_NOT_AN_ANSWER = {"unk", "none", "ref"}


@dataclass(frozen=True)
class Facts:
    """The six three-valued facts a determination rests on."""

    act: Answer = "nsp"
    means: Answer = "nsp"
    purpose: Answer = "nsp"
    child: Answer = "nsp"
    border: Answer = "nsp"
    benefit: Answer = "nsp"


@dataclass(frozen=True)
class Determination:
    """A result with the reason for each half, as codes of `determination_reasons.csv`."""

    result: str
    reason_traite: str
    reason_trafic: str

    @property
    def reason(self) -> str:
        """Both reasons as one French sentence part."""
        texts = _reasons()
        return f"{texts[self.reason_traite]} ; {texts[self.reason_trafic]}"


@cache
def _reasons() -> dict[str, str]:
    with (_DATA / "determination_reasons.csv").open(encoding="utf-8", newline="") as lines:
        return {row["reason"]: row["label_fr"] for row in csv.DictReader(lines)}


@cache
def truth_table() -> dict[tuple[str, ...], Determination]:
    """The whole table: (act, means, purpose, child, border, benefit) -> Determination, 729 entries."""
    with (_DATA / "determination.csv").open(encoding="utf-8", newline="") as lines:
        return {
            (row["act"], row["means"], row["purpose"], row["child"], row["border"], row["benefit"]): (
                Determination(row["result"], row["reason_traite"], row["reason_trafic"])
            )
            for row in csv.DictReader(lines)
        }


def determine(facts: Facts) -> Determination:
    """The determination for one victim, or for an event known only by numbers."""
    return truth_table()[(facts.act, facts.means, facts.purpose, facts.child, facts.border, facts.benefit)]


def strongest(results: Iterable[str]) -> str | None:
    """The strongest of several results, None when there is none."""
    found = set(results)
    return next((result for result in ORDER if result in found), None)


def answer(value: str | None) -> Answer:
    """A yes/no answer as received: refused, unknown and not asked are all `nsp`."""
    return value if value in ("oui", "non") else "nsp"  # type: ignore[return-value]


def any_of(codes: Iterable[str]) -> Answer:
    """Acts or means: `oui` when one is named, `non` when « aucun » is the answer, else `nsp`."""
    chosen = set(codes)
    if chosen - _NOT_AN_ANSWER:
        return "oui"
    return "non" if "none" in chosen else "nsp"


def purpose_of(codes: Iterable[str]) -> Answer:
    """Purpose of exploitation: child labour alone, or « aucune », is `non`."""
    chosen = set(codes)
    if chosen - _NOT_A_PURPOSE:
        return "oui"
    if "unk" in chosen or "ref" in chosen or not chosen:
        return "nsp"
    return "non"
