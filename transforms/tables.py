"""The statistical tables of the numbered plan (`data/table_plan.yaml`), counted from the derived frames.

A table counts rows of a frame that are in the period, counted, and the reference of their person or event. Everything
here is read by an INS statistician: one selection is one line.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from transforms import codelists, places
from transforms.bundle import NOT_DECLARED, Cell, StatTable
from transforms.determination import TRAFIC_SERIES, TRAITE_SERIES
from transforms.periods import Period

_PLAN = Path(__file__).with_name("data") / "table_plan.yaml"
_OTHER = "Autres"
_UNANSWERED = "Sans réponse"
OUTSIDE = {"a_verifier": "à vérifier", "aucun": "ni traite ni trafic illicite"}
_UNKNOWN = {"", "unk", "ref", "NotSpecified"}
_EXTRA_LISTS: dict[str, dict[str, str]] = {
    "counted_status": {"identified": "Victimes identifiées", "presumed": "Victimes présumées"},
    "sex_or_legal": {"F": "Féminin", "M": "Masculin", "U": "Inconnu", "legal": "Personne morale"},
}

Select = Callable[[pd.DataFrame], pd.Series]


def _both(*tests: Select) -> Select:
    def test(rows: pd.DataFrame) -> pd.Series:
        held = tests[0](rows)
        for other in tests[1:]:
            held &= other(rows)
        return held

    return test


def _counted(rows: pd.DataFrame) -> pd.Series:
    return rows["counted"].astype(bool) & rows["is_reference"].astype(bool)


def _in(column: str, values: frozenset[str] | set[str]) -> Select:
    return lambda rows: rows[column].isin(values)


_victims = _both(_counted, _in("classification", TRAITE_SERIES), _in("counted_status", {"identified", "presumed"}))
_trafic_event = _in("classification_event", TRAFIC_SERIES)
SELECT: dict[str, Select] = {
    "counted_events": _counted,
    "in_traite": _in("classification", TRAITE_SERIES),
    "in_trafic": _in("classification", TRAFIC_SERIES),
    "in_both": _in("classification", {"les_deux"}),
    "traite_events": _both(_counted, _in("classification", TRAITE_SERIES)),
    "trafic_events": _both(_counted, _in("classification", TRAFIC_SERIES)),
    "victims": _victims,
    "identified": _both(_victims, _in("counted_status", {"identified"})),
    "presumed": _both(_victims, _in("counted_status", {"presumed"})),
    "identified_children": _both(_victims, _in("counted_status", {"identified"}), _in("age_group", {"0-17"})),
    "presumed_children": _both(_victims, _in("counted_status", {"presumed"}), _in("age_group", {"0-17"})),
    "perpetrators": _both(_counted, _in("classification_event", TRAITE_SERIES)),
    "smugglers": _both(_counted, _trafic_event),
    "migrants": _both(_counted, _trafic_event),
}
"""Who a table counts, by the name the plan uses."""

DATE_OF = {
    "events": "detection_date", "victims": "identification_date", "perpetrators": "act_date",
    "smugglers": "act_date", "migrants": "detection_date",
}  # fmt: skip
"""The date that puts a row of each frame in a period."""


@cache
def plan() -> tuple[Mapping[str, Any], ...]:
    """The plan, in its order."""
    return tuple(yaml.safe_load(_PLAN.read_text(encoding="utf-8")))


def labels_of(list_name: str | None, period: Period) -> dict[str, str]:
    """Code -> French label of a dimension, in printing order."""
    if list_name is None:
        return {q.label: q.label for q in period.quarters()}
    if list_name == "region":
        return places.regions()
    return _EXTRA_LISTS.get(list_name) or codelists.labels(list_name)


def in_period(frame: str, rows: pd.DataFrame, period: Period) -> pd.DataFrame:
    """The rows of a frame whose date of reference is in the period."""
    return between(rows, DATE_OF[frame], period)


def between(rows: pd.DataFrame, column: str, period: Period) -> pd.DataFrame:
    """The rows whose ISO date in `column` is in the period; an unknown date is in none."""
    days = rows[column].astype("string")  # a column of unknown dates only would have no text type
    return rows[days.between(period.start.isoformat(), period.end.isoformat()).fillna(False).astype(bool)]


@dataclass(frozen=True)
class _Dimension:
    """Rows or columns of a table: codes in printing order, their labels, and the codes of each counted row."""

    labels: dict[str, str]
    column: pd.Series
    """One list of codes a row of the frame (several when the answer is multiple)."""


def _dimension(spec: Mapping[str, Any], rows: pd.DataFrame, weights: pd.Series, period: Period) -> _Dimension:
    known = labels_of(spec.get("list"), period)
    values = rows[spec["variable"]]
    if spec.get("multiple"):
        column = values.map(lambda v: str(v).split() if isinstance(v, str) and v else [])
    else:
        column = values.map(lambda v: [v] if isinstance(v, str) and v else [""])
    if spec.get("forms"):
        column = column.map(lambda cell: _widened(spec["list"], cell))
    codes = list(known) + ([""] if any("" in c for c in column) else [])
    if not spec.get("fixed"):
        present = {code for cell in column for code in cell}
        codes = [code for code in codes if code in present]
    labels = {code: known.get(code, _UNANSWERED) for code in codes}
    if spec.get("forms"):
        labels = {c: f"dont : {words}" if _wider(spec["list"], c) else words for c, words in labels.items()}
    if "top" in spec:
        size = {code: weights[[code in cell for cell in column]].sum() for code in codes if code}
        kept = sorted(size, key=lambda code: (-size[code], code))[: spec["top"]]
        column = column.map(lambda cell: [c if c in kept or not c else "__other" for c in cell])
        others = {"__other": _OTHER} if set(kept) != set(size) else {}
        labels = {c: labels[c] for c in kept} | others | ({"": _UNANSWERED} if "" in labels else {})
    return _Dimension(labels, column)


def _wider(list_name: str, code: str) -> str | None:
    """The code that a sub-form counts in; None for a form of its own, and for no answer."""
    return codelists.parent(list_name, code) if code in codelists.codes(list_name) else None


def _widened(list_name: str, cell: Sequence[str]) -> list[str]:
    """A form with the wider one that it counts in; a refusal to answer is not known."""
    codes = ["unk" if code == "ref" else code for code in cell]
    return [code for one in codes for code in (one, _wider(list_name, one)) if code is not None]


def build(
    spec: Mapping[str, Any],
    frames: Mapping[str, pd.DataFrame],
    period: Period,
    *,
    all_declared: bool,
    declared_in: Mapping[str, bool] | None = None,
    coverage: str = "",
) -> StatTable:
    """One table of the plan for one period.

    `frames` holds events, victims, perpetrators, smugglers and migrants over all periods (columns as in
    `transforms.bundle`). A zero is printed only when `all_declared`, or for the row of a region when that region's
    providers all declared (`declared_in`, by P-code); otherwise `…`. `coverage` says who reported.
    """
    frame = frames[spec["frame"]]
    selected = frame[SELECT[spec["select"]](frame)]
    undated = selected[selected[DATE_OF[spec["frame"]]].isna()]
    if "lines" in spec:  # only those that a line would count
        in_a_line = [SELECT[item["where"]](undated) for item in spec["lines"]]
        undated = undated[pd.concat(in_a_line, axis=1).any(axis=1)]
    rows = in_period(spec["frame"], selected, period).reset_index(drop=True)
    if "sex_or_legal" in (spec["columns"]["variable"],):
        rows = rows.assign(sex_or_legal=rows["sex"].fillna("U").mask(rows["per_type"] == "legal", "legal"))
    weights = _weights(spec, rows)
    columns = _dimension(spec["columns"], rows, weights, period)
    total_column = bool(spec.get("total_column", True)) and len(columns.labels) > 1
    total_row = bool(spec.get("total_row", True))
    printed: list[tuple[str, tuple[Cell, ...]]] = []
    indent: list[int] = []

    def line(label: str, held: Sequence[bool], declared: bool = all_declared) -> None:
        counts = [
            int(weights[[h and code in cell for h, cell in zip(held, columns.column, strict=True)]].sum())
            for code in columns.labels
        ]
        if total_column:
            counts.append(sum(counts))
        printed.append((label, tuple(cell(n, declared) for n in counts)))

    if "lines" in spec:
        for position, item in enumerate(spec["lines"]):
            line(item["label"], list(SELECT[item["where"]](rows)))
            if item.get("indent"):
                indent.append(position)
    else:
        dimension = _dimension(spec["rows"], rows, weights, period)
        for position, (code, label) in enumerate(dimension.labels.items()):
            if spec["rows"].get("forms") and _wider(spec["rows"]["list"], code):
                indent.append(position)
            by_region = declared_in if spec["rows"].get("list") == "region" else None
            declared = by_region.get(code, all_declared) if by_region else all_declared
            line(label, [code in cell for cell in dimension.column], declared)
        if total_row:
            line("Ensemble", [True] * len(rows))
        elif spec["rows"].get("multiple"):
            known = [bool(set(cell) - _UNKNOWN) for cell in dimension.column]
            line(spec["rows"]["answered"], known)
    return StatTable(
        number=spec["number"],
        title=spec["title"],
        unit=spec["unit"],
        population=spec["population"],
        reference_date=spec["reference_date"],
        denominator=spec.get("denominator"),
        row_header=spec.get("row_header") or spec["rows"]["header"],
        columns=(*columns.labels.values(), *(("Ensemble",) if total_column else ())),
        rows=tuple(printed),
        total_row=total_row and "lines" not in spec,
        total_column=total_column,
        notes=(*_notes(spec, undated, rows), *((coverage,) if coverage else ())),
        chart=spec.get("chart") if len(rows) else None,
        indent=tuple(indent),
    )


def _weights(spec: Mapping[str, Any], rows: pd.DataFrame) -> pd.Series:
    """How much each row counts for: one, the persons of a tally, or the number that the plan names."""
    number = "persons" if spec["frame"] == "migrants" else spec.get("weight")
    return rows[number].fillna(0).astype(int) if number else pd.Series(1, index=rows.index)


def cell(count: int, all_declared: bool) -> Cell:
    """A count as it is printed: a zero only where every expected provider declared."""
    return count if count or all_declared else NOT_DECLARED


def _notes(spec: Mapping[str, Any], undated: pd.DataFrame, rows: pd.DataFrame) -> tuple[str, ...]:
    notes = []
    if not len(rows):
        notes.append("Aucun cas déclaré dans la période.")
    without_date = int(_weights(spec, undated).sum())
    if without_date:
        notes.append(f"Sans date, hors de toute période : {without_date}.")
    if spec.get("beneath") == "outside_series":
        counts = [f"{words} : {int((rows['classification'] == code).sum())}" for code, words in OUTSIDE.items()]
        notes.append(f"Hors des deux séries — {' ; '.join(counts)}.")
    if "note" in spec:
        notes.append(spec["note"])
    if "rows" in spec and not spec["rows"].get("fixed"):
        notes.append("Les modalités sans aucun cas ne sont pas imprimées.")
    return tuple(notes)
