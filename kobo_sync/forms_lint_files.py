"""What is wrong with the files that travel with a form: absent, without a column it reads, or not yet filled in."""

import re
from collections.abc import Iterator
from pathlib import Path

from kobo_sync.csv_file import CsvFileError, read_csv
from kobo_sync.csv_file import Rows as Rows
from transforms import places

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
        try:
            header, rows = read_csv(path)
        except CsvFileError as error:
            yield name, str(error)
            continue
        if not all(re.fullmatch("[a-z_]+", column) for column in header):
            yield name, "en-têtes : lettres minuscules et _ seulement"
        for column in sorted(columns - set(header)):
            yield name, f"colonne absente : {column}"
        if name == CONTACTS and "name" in header:
            yield from _every_region(rows)


def unfinished(survey: Rows, folder: Path) -> Faults:
    """Contacts that a worker would look for in vain."""
    path = folder / CONTACTS
    if CONTACTS not in _read_by(survey) or not path.exists():
        return
    try:
        waiting = [row.get("name", "") for row in read_csv(path)[1] if TO_COMPLETE in " ".join(row.values())]
    except CsvFileError:  # already a fault
        return
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


def _every_region(rows: Rows) -> Faults:
    """One whole row a region: a cell left empty is shown as a blank line to a worker who looks for help."""
    regions = places.regions()
    codes = [row.get("name", "") for row in rows]
    for code, label in regions.items():
        if codes.count(code) != 1:
            how = "absente" if code not in codes else f"donnée {codes.count(code)} fois"
            yield CONTACTS, f"{label} ({code}) : région {how}, il en faut une ligne et une seule"
    for row in rows:
        code = row.get("name", "")
        if code not in regions:
            known = ", ".join(f"{known} {label}" for known, label in regions.items())
            yield CONTACTS, f"name = « {code} » : ce n’est pas le code d’une région ({known})"
        where = f"{places.label(code)} ({code})"
        for column in sorted(c for c, cell in row.items() if not cell):
            yield CONTACTS, f"{where}, colonne {column} : case vide (écrire « {TO_COMPLETE} » en attendant)"
        for column in sorted(c for c, cell in row.items() if {'"', "“", "”"} & set(cell)):
            yield CONTACTS, f'{where}, colonne {column} : le guillemet " bloque Enketo, écrire « »'
