"""A submission in the words of its form: questions by their French label, answers by the label of the choice.

A value that may identify is masked unless it is to be revealed: a question marked so, one that no table knows, and
what was typed where a choice was expected.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any

from openpyxl import load_workbook

from kobo_sync.forms import FOLDER
from kobo_sync.suppress import is_identifying, own_suffix
from kobo_sync.terminal import terminal_text
from transforms import places, reading
from transforms.case_code import is_stored_code, normal_code
from transforms.mapping import RELEASE

LABEL = "label::Français (fr)"
MASK = "•••"
_VARIABLE = re.compile(r"\$\{\w+\}")
_MARKS = re.compile(r"\*\*|__|<[^>]{1,60}>")
_SYSTEM = re.compile(r"^(_.*|meta|formhub|start|end|instanceID|rootUuid|deprecatedID|uuid|__.*)$")
_PLAIN = re.compile(r"\d{1,3}|\d{4}-\d{2}(-\d{2})?")
_ROW_CODE = re.compile(r"(.+)-[VAMS]\d{1,3}")
REPEATS = {"victime": "Victime", "auteur": "Auteur", "migrant": "Migrant", "passeur": "Passeur", "groupe": "Groupe"}


@dataclass(frozen=True)
class Words:
    """The questions of a form in its own order: label, and the list or file that its choices come from."""

    questions: Mapping[str, tuple[str, str]]
    choices: Mapping[str, Mapping[str, str]]


@dataclass(frozen=True, order=True)
class Place:
    """Where an answer stands: repeat and row (both empty for the case itself), and the question's name."""

    repeat: str
    row: str
    question: str


@cache
def words(form: str) -> Words:
    """The words of a built form; none for a form that we don't build."""
    path = FOLDER / form / f"{form}.xlsx"
    if not path.exists():
        return Words({}, {})
    book = load_workbook(path, read_only=True)
    try:
        questions = {}
        for row in _rows(book["survey"]):
            kind = str(row.get("type") or "")
            listed = kind.split(" ")[1] if kind.startswith("select_") and " " in kind else ""
            if row.get("name") and not kind.startswith(("begin", "end", "note")):
                questions[str(row["name"])] = (plain(row.get(LABEL)), listed)
        choices: dict[str, dict[str, str]] = {}
        for row in _rows(book["choices"]):
            choices.setdefault(str(row.get("list_name")), {})[str(row.get("name"))] = plain(row.get(LABEL))
    finally:
        book.close()
    return Words(questions, choices)


def plain(text: Any) -> str:
    """A text on one line, without what a terminal would obey."""
    said = _MARKS.sub("", _VARIABLE.sub("…", str(text or "")))
    return " ".join(terminal_text(said).split())


def question(form: str, name: str) -> str:
    """The question as the form asks it, or its name where it asks nothing."""
    label = "Code du cas" if _is_code(form, name) else words(form).questions.get(name, ("", ""))[0]
    if label:
        return label if len(label) <= 90 else f"{label[:88].rstrip()} …"
    return name if name in reading.question_names() else "question inconnue du système"


def answer(form: str, place: Place, value: Any, providers: Mapping[str, str], *, reveal: bool) -> str:
    """An answer in words; masked where it may identify and nobody said why it must be seen."""
    text = plain(value)
    if is_identifying(form, place.repeat, place.question):
        return text if reveal else MASK
    listed = words(form).questions.get(place.question, ("", ""))[1]
    said = [_choice(form, listed, code, providers) for code in text.split()] if listed else []
    if listed and all(said):
        return ", ".join(part for part in said if part)
    code = _ROW_CODE.fullmatch(text)
    harmless = _PLAIN.fullmatch(text) or RELEASE.fullmatch(text) or is_stored_code(
        normal_code(code[1] if code else text)) or text in ("oui", "non", "nsp", "ref")  # fmt: skip
    return text if harmless or reveal else MASK


def asked(form: str, place: Place) -> bool:
    """Whether somebody was asked, or it can't be told: what the phone works out for itself is left out."""
    known = words(form).questions.get(place.question)
    if _is_code(form, place.question):
        return True
    return known is None or bool(known[0]) or is_identifying(form, place.repeat, place.question)


def flat(form: str, raw: Mapping[str, Any]) -> dict[Place, Any]:
    """Every answer of a submission by its place; a row of a repeat by the code it carries, else by its number."""
    found: dict[Place, Any] = {}
    for name, value in _leaves(raw):
        if isinstance(value, list):
            for number, item in enumerate(value, start=1):
                row = _free(found, name, own_suffix(form, name, item) if isinstance(item, Mapping) else None, number)
                found[Place(name, row, "")] = ""  # the row itself: it may hold nothing
                if isinstance(item, Mapping):
                    found |= {Place(name, row, inner): said for inner, said in _leaves(item)}
                else:
                    found[Place(name, row, "?")] = item
        elif value not in (None, ""):
            found[Place("", "", name)] = value
    return found


def order(form: str, place: Place) -> tuple[Any, ...]:
    """Sort key: the case itself, then its repeats, each question in the form's order."""
    names = list(words(form).questions)
    at = names.index(place.question) if place.question in names else (len(names) if place.question else -1)
    number = re.sub(r"\D", "", place.row)
    return (place.repeat != "", place.repeat, int(number) if number else 0, place.row, at, place.question)


def row_title(place: Place) -> str:
    """`Victime V2`."""
    return f"{REPEATS.get(place.repeat, 'Série')} {place.row}"


def _is_code(form: str, name: str) -> bool:
    line = reading.table().get((form, "", name))
    return line is not None and line.target == "case_code"


def _free(found: Mapping[Place, Any], name: str, code: str | None, number: int) -> str:
    row = code or f"n° {number}"
    return row if Place(name, row, "") not in found else f"{row} (n° {number})"


def _leaves(node: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
    for path, value in node.items():
        name = path.rsplit("/", 1)[-1]
        if _SYSTEM.match(path.split("/", 1)[0]) or _SYSTEM.match(name):
            continue
        if isinstance(value, Mapping):
            yield from _leaves(value)
        else:
            yield name, value


def _choice(form: str, listed: str, code: str, providers: Mapping[str, str]) -> str:
    if listed == "places.csv":
        return places.label(code) if places.is_place(code) else ""
    if listed == "providers.csv":
        return providers.get(code, "")
    return words(form).choices.get(listed, {}).get(code, "")


def _rows(sheet: Any) -> Iterator[dict[str, Any]]:
    lines = sheet.iter_rows(values_only=True)
    header = next(lines)
    for line in lines:
        yield dict(zip(header, line, strict=False))
