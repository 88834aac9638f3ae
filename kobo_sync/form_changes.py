"""What a new release of a form does to the answers already collected: two surveys compared, nothing sent.

Kobo keeps every answer under the path it was given at, and our mapping reads by question name within its repeat. So
a question that disappears, takes another name or another type, or goes into another repeat leaves its old answers
behind, and so does a choice that is no longer offered. A question that only moves between groups does not, unless
row permissions filter on its path.
"""

from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from openpyxl import load_workbook

from kobo_sync.forms_agree import FILTERED, NO_ANSWER

SAME_TYPE = {"hidden": "calculate"}
"""Types that keep an answer in the same way."""


@dataclass(frozen=True)
class Question:
    """What holds an answer: its type, the list it chooses from, its repeat ('' for none), its path and its labels."""

    name: str
    type: str
    listed: str
    repeat: str
    path: str
    labels: tuple[str, ...]


@dataclass(frozen=True)
class Survey:
    """The questions of a form by name, and the choices of each list, code to label."""

    questions: dict[str, Question] = field(default_factory=dict)
    choices: dict[str, dict[str, str]] = field(default_factory=dict)


@dataclass(frozen=True)
class Change:
    """One difference, in French. `orphans`: answers already collected are left behind."""

    text: str
    orphans: bool


def of_content(content: Mapping[str, Any]) -> Survey:
    """The survey of an asset's (or a version's) `content`, as Kobo keeps it."""
    rows = []
    for row in content.get("survey") or []:
        kind = row.get("type")
        if isinstance(kind, dict):  # content of old servers: {"select_one": "list"}
            kind, listed = next(iter(kind.items()))
        else:
            listed = row.get("select_from_list_name") or row.get("file") or ""
        rows.append((str(kind or ""), str(listed), str(row.get("name") or row.get("$autoname") or ""), _texts(row)))
    choices = [
        (str(row.get("list_name") or ""), str(row.get("name") or row.get("$autovalue") or ""), _texts(row))
        for row in content.get("choices") or []
    ]
    return _survey(rows, choices)


def of_workbook(xlsx: Path) -> Survey:
    """The survey of a built XLSX."""
    workbook = load_workbook(xlsx, read_only=True)
    try:
        rows = []
        for row in _rows(workbook, "survey"):
            kind, _, listed = row.get("type", "").strip().partition(" ")
            if kind in ("begin", "end") and listed:
                kind, listed = f"{kind}_{listed.strip()}", ""
            rows.append((kind, listed.strip(), row.get("name", ""), _texts(row)))
        choices = [(row.get("list_name", ""), row.get("name", ""), _texts(row)) for row in _rows(workbook, "choices")]
    finally:
        workbook.close()
    return _survey(rows, choices)


def compare(old: Survey, new: Survey) -> list[Change]:
    """Every change that touches collected answers, or that a coordinator should know of."""
    return [*_removed(old, new), *_retyped(old, new), *_withdrawn(old, new), *_moved(old, new)]


def _survey(
    rows: Sequence[tuple[str, str, str, tuple[str, ...]]], choices: Sequence[tuple[str, str, tuple[str, ...]]]
) -> Survey:
    survey = Survey()
    path: list[str] = []
    repeats = [""]
    for kind, listed, name, labels in rows:
        if kind in ("begin_group", "begin_repeat"):
            path.append(name)
            repeats.append(name if kind == "begin_repeat" else repeats[-1])
        elif kind in ("end_group", "end_repeat"):
            path, repeats = path[:-1], repeats[:-1] or [""]
        elif kind and kind not in NO_ANSWER:
            where = "/".join([*path, name])
            survey.questions[name] = Question(name, SAME_TYPE.get(kind, kind), listed, repeats[-1], where, labels)
    for listed, code, labels in choices:
        survey.choices.setdefault(listed, {})[code] = next(iter(labels), code)
    return survey


def _rows(workbook: Any, sheet: str) -> Iterator[dict[str, str]]:
    rows = workbook[sheet].iter_rows(values_only=True) if sheet in workbook.sheetnames else iter(())
    header = [str(cell) for cell in next(rows, ())]
    for row in rows:
        yield {key: str(cell) for key, cell in zip(header, row, strict=False) if cell is not None}


def _texts(row: Mapping[str, Any]) -> tuple[str, ...]:
    """The labels of a row in all its languages, in either writing."""
    found: list[Any] = []
    for key, value in row.items():
        if key == "label" or key.startswith("label::"):
            found += value if isinstance(value, list) else [value]
    return tuple(str(text).strip() for text in found if text)


def _removed(old: Survey, new: Survey) -> Iterator[Change]:
    added = [question for name, question in new.questions.items() if name not in old.questions]
    for name, question in old.questions.items():
        if name in new.questions:
            continue
        heirs = [
            other.name for other in added if set(other.labels) & set(question.labels) and other.type == question.type
        ]
        what = f"renommée « {heirs[0]} »" if heirs else "retirée"
        yield Change(f"question « {name} » {what} : les réponses déjà reçues restent sous l’ancien nom", True)


def _both(old: Survey, new: Survey) -> Iterator[tuple[Question, Question]]:
    for name, question in old.questions.items():
        if name in new.questions:
            yield question, new.questions[name]


def _retyped(old: Survey, new: Survey) -> Iterator[Change]:
    for before, after in _both(old, new):
        if before.type != after.type:
            yield Change(f"question « {before.name} » : de {before.type} à {after.type}, autre type de réponse", True)


def _withdrawn(old: Survey, new: Survey) -> Iterator[Change]:
    """One line a choice: a code dropped from the code list goes from many questions at once."""
    asked: dict[str, list[str]] = defaultdict(list)
    for before, after in _both(old, new):
        if before.type in ("select_one", "select_multiple") and after.type == before.type:
            kept = new.choices.get(after.listed, {})
            for code, label in old.choices.get(before.listed, {}).items():
                if code not in kept:
                    asked[f"choix « {code} » ({label})" if label != code else f"choix « {code} »"].append(before.name)
    for choice, names in asked.items():
        yield Change(f"{choice} retiré de : {', '.join(names)}", True)


def _moved(old: Survey, new: Survey) -> Iterator[Change]:
    between_repeats: dict[tuple[str, str], list[str]] = defaultdict(list)
    between_groups: dict[tuple[str, str], list[str]] = defaultdict(list)
    for before, after in _both(old, new):
        if before.path != after.path and before.name in FILTERED:
            text = f"question « {before.name} » déplacée de {before.path} à {after.path} : les droits par région et "
            yield Change(f"{text}famille ne montreraient plus les fiches déjà reçues", True)
        elif before.repeat != after.repeat:
            between_repeats[before.repeat, after.repeat].append(before.name)
        elif before.path != after.path:
            between_groups[_group(before), _group(after)].append(before.name)
    for (left, right), names in between_repeats.items():
        moved = f"de {_level(left)} à {_level(right)} : {', '.join(names)}"
        yield Change(f"question(s) passée(s) {moved} ; leurs réponses ne seraient plus lues", True)
    for (left, right), names in between_groups.items():
        moved = f"du groupe {left or 'principal'} au groupe {right or 'principal'} : {', '.join(names)}"
        yield Change(f"question(s) déplacée(s) {moved} ; sans effet, elles sont lues par leur nom", False)


def _group(question: Question) -> str:
    return question.path.rpartition("/")[0]


def _level(repeat: str) -> str:
    return f"la série {repeat}" if repeat else "la fiche"
