"""The quality statement of the semester: coverage, timeliness, anomalies, non-response, duplicates. Counts only."""

from __future__ import annotations

from collections.abc import Iterable

import pandas as pd

from reports.columns import columns_of, known_labels
from transforms.bundle import Bundle, Cell, StatTable
from transforms.periods import Period

_NO_ANSWER = {"unk", "nsp", "U"}
_REFUSED = {"ref"}

_ITEMS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("events", "traite", ("detection_date", "place_department", "acts", "means", "exploitation", "recruitment")),
    ("events", "trafic", ("detection_date", "place_department", "border_country", "destination_country", "benefit")),
    ("victims", "", ("sex", "age_group", "nationality", "child_in_law", "disability", "relation_perpetrator")),
    ("perpetrators", "", ("sex", "age_group", "nationality", "stage", "stage_date")),
)
"""Questions whose non-response is shown: those that the tables of the plan rest on."""
_SUBJECTS = {
    ("events", "traite"): "Événements de traite", ("events", "trafic"): "Événements de trafic",
    ("victims", ""): "Victimes", ("perpetrators", ""): "Auteurs",
}  # fmt: skip


def _percent(part: int, whole: int) -> Cell:
    return round(100 * part / whole, 1) if whole else "n.d."


def _table(
    number: str, title: str, unit: str, population: str, row_header: str, columns: tuple[str, ...],
    rows: Iterable[tuple[str, tuple[Cell, ...]]], reference: str, *, total_row: bool = False,
    denominator: str | None = None, notes: tuple[str, ...] = (),
) -> StatTable:  # fmt: skip
    return StatTable(
        number=number, title=title, unit=unit, population=population, reference_date=reference, row_header=row_header,
        columns=columns, rows=tuple(rows), total_row=total_row, total_column=False, denominator=denominator,
        notes=notes,
    )  # fmt: skip


def _quarters(period: Period) -> list[str]:
    return [quarter.label for quarter in period.quarters()]


def _coverage(bundle: Bundle) -> StatTable:
    """Provider × quarter: number of records received, or the sign that nothing was declared."""
    quarters = _quarters(bundle.period)
    frame = bundle.completeness[bundle.completeness["quarter"].isin(quarters)]
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for _, group in frame.groupby(["region", "provider"], sort=True):
        by_quarter = {str(row["quarter"]): row for row in group.to_dict("records")}
        cells: list[Cell] = []
        for quarter in quarters:
            row = by_quarter.get(quarter)
            if row is None or not row["expected"]:
                cells += ["non attendu", "n.d."]
            elif row["state"] == "silent":
                cells += ["…", "n.d."]
            else:
                cells += [int(row["submissions"]), int(row["late"])]
        first = group.iloc[0]
        rows.append((f"{first['region_label']} — {first['provider_label']}", tuple(cells)))
    return _table(
        "Q1", "Déclarations par fournisseur et par trimestre", "fiches reçues", "fournisseurs du registre",
        "Région — fournisseur",
        tuple(name for quarter in quarters for name in (f"{quarter} : fiches", f"{quarter} : dont en retard")),
        rows, "trimestre des faits",
        notes=("« … » : le fournisseur était attendu et n’a pas déclaré ; son silence n’est pas un zéro.",),
    )  # fmt: skip


def _response(bundle: Bundle) -> StatTable:
    """Response rate and timeliness by quarter."""
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for quarter in _quarters(bundle.period):
        frame = bundle.completeness[bundle.completeness["quarter"] == quarter]
        frame = frame[frame["expected"].astype(bool)]
        expected, declared = len(frame), int((frame["state"] != "silent").sum())
        on_time, late = int(frame["on_time"].sum()), int(frame["late"].sum())
        received = on_time + late
        rows.append((quarter, (
            expected, declared, _percent(declared, expected), received, on_time, _percent(on_time, received),
        )))  # fmt: skip
    return _table(
        "Q2", "Taux de réponse et respect des délais", "fournisseurs ; fiches ; pour cent",
        "fournisseurs attendus et leurs fiches", "Trimestre",
        ("Fournisseurs attendus", "Ont déclaré", "Taux de réponse (%)", "Fiches reçues", "Dans le délai",
         "Taux dans le délai (%)"),
        rows, "trimestre des faits",
        denominator="fournisseurs attendus (taux de réponse) ; fiches reçues (délai)",
    )  # fmt: skip


def _anomalies(bundle: Bundle) -> StatTable:
    """Anomalies by rule and severity; never their message, which may quote a record."""
    rule = next(column for column in columns_of("quality") if column.column == "rule")
    severity = next(column for column in columns_of("quality") if column.column == "severity")
    names, levels = known_labels(rule, bundle.labels), known_labels(severity, bundle.labels)
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    totals = [0] * (len(levels) + 1)
    for code, group in bundle.quality.groupby("rule", sort=True):
        counts = [int((group["severity"] == level).sum()) for level in levels]
        counts.append(len(group))
        totals = [total + count for total, count in zip(totals, counts, strict=True)]
        rows.append((names.get(str(code), str(code)), tuple(counts)))
    if rows:
        rows.append(("Ensemble", tuple(totals)))
    return _table(
        "Q3", "Anomalies relevées, par règle et par gravité", "anomalies", "fiches reçues", "Règle",
        (*levels.values(), "Ensemble"), rows, "état à la date d’arrêt des données", total_row=bool(rows),
        notes=("Une fiche peut porter plusieurs anomalies. Une anomalie bloquante exclut la fiche des comptes.",),
    )  # fmt: skip


def _answers(values: pd.Series) -> tuple[Cell, ...]:
    texts = [None if value is None or pd.isna(value) else str(value) for value in values.tolist()]
    empty = sum(text is None or text == "" for text in texts)
    unknown = sum(bool(text) and set(str(text).split()) <= _NO_ANSWER for text in texts)
    refused = sum(bool(text) and set(str(text).split()) <= _REFUSED for text in texts)
    return len(texts), empty, unknown, refused, _percent(empty + unknown + refused, len(texts))


def _non_response(bundle: Bundle) -> StatTable:
    """Share without a usable answer for the questions that the tables rest on; counted records only."""
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for name, form, items in _ITEMS:
        frame: pd.DataFrame = getattr(bundle, name)
        frame = frame[frame["counted"].astype(bool)]
        if form:
            frame = frame[frame["form"] == form]
        headers = {column.column: column.header_fr for column in columns_of(name)}
        rows += [(f"{_SUBJECTS[name, form]} — {headers[item].lower()}", _answers(frame[item])) for item in items]
    return _table(
        "Q4", "Non-réponse partielle", "lignes ; pour cent", "lignes comptées", "Variable",
        ("Lignes", "Sans réponse ou non posée", "Inconnu", "Refus", "Non-réponse (%)"), rows,
        "période du classeur", denominator="lignes comptées de la variable",
    )  # fmt: skip


def _duplicates(bundle: Bundle) -> StatTable:
    """Pairs joined and pairs still to decide; and the rows that therefore carry no total."""
    pairs = bundle.duplicates
    rows: list[tuple[str, tuple[Cell, ...]]] = []
    for kind, label, frame in (("person", "Victimes", bundle.victims), ("event", "Événements", bundle.events)):
        of_kind = pairs[pairs["kind"] == kind]
        counted = frame[frame["counted"].astype(bool)]
        repeated = int((~counted["is_reference"].astype(bool)).sum())
        joined, asked = (int((of_kind["decision"] == decision).sum()) for decision in ("same", "ask"))
        rows.append((label, (joined, asked, len(counted), repeated)))
    return _table(
        "Q5", "Doublons réunis et en attente", "paires ; lignes", "lignes comptées", "Objet",
        ("Paires réunies", "Paires à décider", "Lignes comptées", "dont répétitions retirées des totaux"), rows,
        "état à la date d’arrêt des données",
        notes=("Une paire à décider compte comme deux : elle peut faire baisser le total d’une unité au plus.",),
    )  # fmt: skip


def _unread(bundle: Bundle) -> StatTable:
    """Records set aside, by reason: they are in no total."""
    reasons = next(column for column in columns_of("quarantine") if column.column == "reason_code")
    names = known_labels(reasons, bundle.labels)
    counts = bundle.quarantine["reason_code"].dropna().astype(str).str.split().explode().value_counts().sort_index()
    rows = [(names.get(str(code), str(code)), (int(count),)) for code, count in counts.items()]
    return _table(
        "Q6", "Fiches illisibles, hors des comptes", "fiches", "fiches reçues", "Motif", ("Fiches",), rows,
        "état à la date d’arrêt des données", notes=("Une fiche peut avoir plusieurs motifs.",),
    )  # fmt: skip


def quality_tables(bundle: Bundle) -> tuple[StatTable, ...]:
    """The tables of the quality statement, Q1 to Q6, from the frames of the bundle; no row of a person."""
    return (
        _coverage(bundle), _response(bundle), _anomalies(bundle), _non_response(bundle), _duplicates(bundle),
        _unread(bundle),
    )  # fmt: skip
