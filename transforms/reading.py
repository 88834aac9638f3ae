"""Reading one received submission by the mapping table: from questions as answered to typed values.

The table (`data/mapping.csv`) names every question of every form: where it goes (`target`), how it is read (`kind`),
which code list it must be in, or how large a number may be (`variable`), and what a value that can't be read does
(`on_error`: `quarantine` the submission, or `flag` it and read the value as missing). The work is done by question
name, unique form-wide, so that a group moved in a later form release changes nothing, and so that the flat JSON of
Kobo (`group/question`) and the nested JSON of ODK Central read the same. Questions that only an earlier release asks
stay in the table, and their note says so: phones in the field are not all updated on one day. Whatever the table does
not know is left over, and counted.
"""

from __future__ import annotations

import csv
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from typing import Any

from transforms import codelists, places
from transforms.case_code import is_stored_code, normal_code
from transforms.linkage_key import is_linkage_key

_TABLE = Path(__file__).with_name("data") / "mapping.csv"
_SYSTEM = re.compile(r"^(_.*|meta|instanceID|instanceName|rootUuid|deprecatedID|uuid|__version__)$")
_INTEGER = re.compile(r"^-?\d{1,9}$")
_ISO_DATE = re.compile(r"^\d{4}-\d{2}-\d{2}")
_MONTH = re.compile(r"^\d{4}-\d{2}$")
_WITHOUT_LETTERS = re.compile(r"[\d\s./:,+-]{1,20}", re.ASCII)
_DATE_AS_TYPED = re.compile(r"\d{4}-\d{2}(-\d{2})?|\d{1,2}/\d{1,2}/\d{4}", re.ASCII)
_MOST_DIGITS = 3
"""More of them may be a telephone."""
_MOST_ROWS = 2000
"""Rows that one repeat may hold: no phone sends more, and a few such submissions would stop the linkage."""


@dataclass(frozen=True)
class Line:
    """One line of the mapping table."""

    form: str
    repeat: str
    question: str
    target: str
    kind: str
    variable: str
    on_error: str
    identifying: bool


@dataclass
class Problem:
    """A value that can't be read, with the message for the person who will correct it."""

    question: str
    code: str
    message: str
    quarantine: bool
    value: str | None


@dataclass
class Level:
    """The values read at one level: the form itself, or one instance of a repeat."""

    values: dict[str, Any] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)


@dataclass
class Reading:
    """A whole submission as read: its own level, its repeats in order, and what no line of the table knows."""

    top: Level
    repeats: dict[str, list[Level]]
    leftover: list[str]


@cache
def table() -> dict[tuple[str, str, str], Line]:
    """The mapping table by (form, repeat or '', question)."""
    with _TABLE.open(encoding="utf-8", newline="") as lines:
        return {
            (row["form"], row["repeat"], row["question"]): Line(
                row["form"], row["repeat"], row["question"], row["target"], row["kind"],
                row["variable"], row["on_error"], row["identifying"] == "oui",
            )
            for row in csv.DictReader(lines)
        }  # fmt: skip


@cache
def forms() -> frozenset[str]:
    """The forms that the table can read."""
    return frozenset(form for form, _, _ in table())


@cache
def question_names() -> frozenset[str]:
    """The questions of all forms, by name."""
    return frozenset(question for _, _, question in table())


@cache
def _repeats(form: str) -> frozenset[str]:
    return frozenset(repeat for known, repeat, _ in table() if known == form and repeat)


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    """Every answer of one level as (question name, value); groups are walked through, whatever their depth."""
    for path, value in node.items():
        if path.startswith("meta/") or path.startswith("formhub/"):
            continue
        name = path.rsplit("/", 1)[-1]
        if _SYSTEM.match(name):
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield name, value


def read(form: str, raw: Mapping[str, Any]) -> Reading:
    """Reads one submission of a known form. Raises nothing for bad values: they are problems of their level."""
    leftover: list[str] = []
    top = Level()
    repeats: dict[str, list[Level]] = {name: [] for name in _repeats(form)}
    for name, value in _leaves(raw):
        if name in repeats:
            items = value if isinstance(value, list) else [value]
            if len(items) > _MOST_ROWS:
                message = f"La série « {name} » a {len(items)} lignes, plus que les {_MOST_ROWS} permises."
                top.problems.append(Problem(name, "too_many_rows", message, True, None))
                items = items[:1]
            repeats[name].extend(_read_item(form, name, item, leftover) for item in items)
        else:
            _read_leaf(form, "", name, value, top, leftover)
    return Reading(top, repeats, sorted(set(leftover)))


def _read_item(form: str, repeat: str, item: Any, leftover: list[str]) -> Level:
    level = Level()
    if not isinstance(item, Mapping):
        message = f"La série « {repeat} » n’a pas la forme attendue."
        level.problems.append(Problem(repeat, "bad_shape", message, True, None))
        return level
    for name, value in _leaves(item):
        _read_leaf(form, repeat, name, value, level, leftover)
    return level


def _read_leaf(form: str, repeat: str, name: str, value: Any, level: Level, leftover: list[str]) -> None:
    line = table().get((form, repeat, name))
    if line is None:
        leftover.append(f"{repeat}/{name}" if repeat else name)
        return
    if line.kind == "ignore" or value is None or value == "":
        return
    if line.target in level.values:  # the same question at two places of one level: never choose in silence
        _complain(line, level, "said_twice", "a deux réponses dans la même fiche", None)
        return
    if isinstance(value, (list, dict)):
        _complain(line, level, "bad_shape", "n’a pas la forme attendue", None)
        return
    text = str(value).strip()
    parsed, code, complaint = _parse(line, text)
    if code:
        _complain(line, level, code, complaint, text)
    level.values[line.target] = parsed


def _complain(line: Line, level: Level, code: str, complaint: str, text: str | None) -> None:
    # A name or a telephone may be typed anywhere: only dates and short numbers are repeated, and nothing of an
    # identifying question.
    shown = text if text is not None and not line.identifying and _says_nothing_of_a_person(text) else None
    what = f"Question « {line.question} » : " + (f"« {shown} » {complaint}." if shown else f"{complaint}.")
    level.problems.append(Problem(line.question, code, what, line.on_error == "quarantine", shown))


def parsed(line: Line, value: Any) -> Any:
    """The value by its kind, None if it can't be read so (of several codes: those that can); a text is any text."""
    return None if line.kind == "ignore" or value is None else _parse(line, str(value).strip())[0]


def _says_nothing_of_a_person(text: str) -> bool:
    if _DATE_AS_TYPED.fullmatch(text):
        return True
    return bool(_WITHOUT_LETTERS.fullmatch(text)) and sum(mark.isdigit() for mark in text) <= _MOST_DIGITS


def _parse(line: Line, text: str) -> tuple[Any, str, str]:
    """(value, '' , '') or (None or what is left of the value, reason code, complaint)."""
    match line.kind:
        case "text":
            return text, "", ""
        case "answer":
            return (text, "", "") if text in ("oui", "non", "nsp", "ref") else (
                None, "bad_code", "n’est pas une réponse prévue (oui, non, nsp, ref)")  # fmt: skip
        case "int":
            if not _INTEGER.match(text) or int(text) < 0:
                return None, "bad_number", "n’est pas un nombre entier positif"
            if line.variable and int(text) > int(line.variable):
                return None, "bad_number", f"dépasse {line.variable}, plus que le formulaire ne permet"
            return int(text), "", ""
        case "date":
            return _parse_date(text)
        case "month":
            day, code, complaint = _parse_date(f"{text}-01" if _MONTH.match(text) else text)
            return day and day[:7], code, complaint
        case "case_code":
            given = normal_code(text)
            return (given, "", "") if is_stored_code(given) else (
                None, "bad_case_code", "n’est pas un code de cas donné par un formulaire")  # fmt: skip
        case "key":
            return (text, "", "") if is_linkage_key(text) else (
                None, "bad_key", "n’est pas une clé calculée par le téléphone")  # fmt: skip
        case "band":
            return (text, "", "") if text in (*codelists.codes("age_band_ne"), "unk") else (
                None, "bad_code", "n’est pas une tranche d’âge de la liste")  # fmt: skip
        case "place":
            if places.is_place(text) and places.level(text) == line.variable:
                return text, "", ""
            return None, "bad_place", "n’est pas un lieu de la liste officielle (code P)"
        case "code":
            if text in codelists.codes(line.variable):
                return text, "", ""
            return None, "bad_code", "n’est pas un choix de la liste"
        case "codes":
            known: list[str] = []
            unknown: list[str] = []
            for code in dict.fromkeys(text.split()):
                (known if code in codelists.codes(line.variable) else unknown).append(code)
            order = codelists.codes(line.variable)
            kept = " ".join(sorted(known, key=order.index)) or None
            return (kept, "bad_code", "contient un choix qui n’est pas dans la liste") if unknown else (kept, "", "")
        case _:
            raise ValueError(f"mapping.csv: unknown kind {line.kind!r} for {line.form}/{line.question}")


def _parse_date(text: str) -> tuple[str | None, str, str]:
    if _ISO_DATE.match(text):
        try:
            day = date.fromisoformat(text[:10])
        except ValueError:
            day = None
        # A calendar date is taken as written: a time or zone behind it does not move it.
        if day is not None and 1900 <= day.year <= 2100 and (len(text) == 10 or text[10] in "T "):
            return text[:10], "", ""
    return None, "bad_date", "n’est pas une date (AAAA-MM-JJ)"
