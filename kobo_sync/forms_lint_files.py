"""What is wrong with the files that travel with a form: absent, without a column it reads, or not yet filled in."""

import csv
import re
from collections.abc import Iterator
from pathlib import Path

from transforms import places

Rows = list[dict[str, str]]
Faults = Iterator[tuple[str, str]]
"""Where (question, list, sheet or file) and what, in French."""

CONTACTS = "contacts.csv"
TO_COMPLETE = "à compléter"


def attached(survey: Rows, folder: Path) -> Faults:
    """Every CSV a form names is there, with plain headers and the columns that the form reads."""
    for name, columns in _read_by(survey).items():
        path = folder / name
        if not path.exists():
            yield name, "fichier joint absent"
            continue
        header, rows = _content(path)
        if not all(re.fullmatch("[a-z_]+", column) for column in header):
            yield name, "en-têtes : lettres minuscules et _ seulement"
        for column in sorted(columns - set(header)):
            yield name, f"colonne absente : {column}"
        if name == CONTACTS:
            yield from _every_region(rows)


def unfinished(survey: Rows, folder: Path) -> Faults:
    """Contacts that a worker would look for in vain."""
    path = folder / CONTACTS
    if CONTACTS not in _read_by(survey) or not path.exists():
        return
    waiting = [row["name"] for row in _content(path)[1] if TO_COMPLETE in " ".join(row.values())]
    if waiting:
        named = ", ".join(places.label(code) for code in waiting)
        yield CONTACTS, f"contacts « {TO_COMPLETE} » : {named}"


def _read_by(survey: Rows) -> dict[str, set[str]]:
    """File name to the columns that the form reads of it."""
    needed: dict[str, set[str]] = {}
    for row in survey:
        kind, _, name = row["type"].partition(" ")
        if kind == "select_one_from_file":
            columns = set(re.findall(r"\b([a-z_]+) *=", row["choice_filter"]))
            needed.setdefault(name, {"name", "label"}).update(columns)
        elif kind == "csv-external":
            needed.setdefault(f"{row['name']}.csv", {"name"})
        for read in re.finditer(r"instance\('(\w+)'\)/root/item\[[^]]*\]/(\w+)", " ".join(row.values())):
            needed.setdefault(f"{read[1]}.csv", set()).add(read[2])
    return needed


def _content(path: Path) -> tuple[list[str], Rows]:
    with path.open(encoding="utf-8", newline="") as file:
        reader = csv.DictReader(file)
        return list(reader.fieldnames or ()), list(reader)


def _every_region(rows: Rows) -> Faults:
    known = [row.get("name") for row in rows]
    for code, label in places.regions().items():
        if known.count(code) != 1:
            yield CONTACTS, f"{label} ({code}) : une ligne, et une seule"
    for row in rows:
        if not all((cell or "").strip() for cell in row.values()):
            yield CONTACTS, f"{places.label(row['name'])} : une case est vide (écrire « {TO_COMPLETE} »)"
        if {'"', "“", "”"} & set("".join(str(cell) for cell in row.values())):
            yield CONTACTS, f'{places.label(row["name"])} : le guillemet " bloque Enketo, écrire « »'
