"""Reads an official list of places, as whoever published it wrote it: one entry a place, with where it stood.

Three shapes are known, by their headers, whatever their case, accents and separators:

- one place a row: `pcode`, `label`, and if it has them `level` and `parent`;
- OCHA's tables (COD-AB): `ADM1_PCODE`, `ADM1_FR`, `ADM2_PCODE`… on one sheet or on one a level;
- names of region, department and commune, with the P-code of the last one.

CSV in UTF-8 or in Windows' cp1252, with commas, semicolons or tabs, or XLSX. Nothing is judged here but what can't be
read at all.
"""

from __future__ import annotations

import csv
import io
import re
import unicodedata
import zipfile
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from openpyxl import load_workbook
from openpyxl.utils.exceptions import InvalidFileException

from kobo_sync.errors import KoboSyncError
from transforms.places import Place

LEVELS = ("region", "department", "commune")
FRENCH = {"region": "région", "department": "département", "commune": "commune"}
LEVEL_WORDS = {
    "region": "region", "adm1": "region", "1": "region",
    "departement": "department", "department": "department", "ville": "department", "adm2": "department",
    "2": "department",
    "commune": "commune", "arrondissement": "commune", "arrondissementcommunal": "commune", "adm3": "commune",
    "3": "commune",
}  # fmt: skip
"""A city counts as a department, its districts as communes."""

_LOCAL = {1: ("region",), 2: ("departement", "department"), 3: ("commune",)}
_PCODE = ("pcode", "codep", "code", "admpcode")
_LABEL = ("label", "nomfr", "namefr", "nom", "name", "libelle", "toponyme")
_LEVEL = ("level", "niveau", "admlevel", "adminlevel", "type")
_PARENT = ("parent", "parentpcode", "pcodeparent", "codeparent")


class GeoFileError(KoboSyncError):
    """The file can't be read as a list of places."""


@dataclass(frozen=True)
class Listed:
    """One place of the file. `parent` is a P-code, or empty where the file does not say it; `where` for messages."""

    pcode: str
    level: str
    label: str
    parent: str
    where: str


Row = tuple[str, dict[str, str]]
"""Where a row stands, and its cells by folded header."""


def fold(text: str) -> str:
    """Without accents, case, spaces or punctuation: what two spellings of one name or header share."""
    plain = unicodedata.normalize("NFD", text)
    return re.sub(r"[^a-z0-9]", "", "".join(c for c in plain if not unicodedata.combining(c)).lower())


def pcode_of(text: str) -> str:
    """A P-code as we write it: older files put NER for NE."""
    code = re.sub(r"\s", "", text).upper()
    return "NE" + code[3:] if re.fullmatch(r"NER\d+", code) else code


def read_list(path: Path, current: Iterable[Place]) -> list[Listed]:
    """The places of the file. `current` places serve to find a parent that is given by its name alone.

    Raises GeoFileError when the file is not there, no table of it has known headers, or a named parent is unknown.
    """
    tables = list(_tables(path))
    found: list[Listed] = []
    for rows in tables:
        headers = set(rows[0][1]) if rows else set()
        if any(_first(headers, _codes(level)) for level in (1, 2, 3)):
            found += _by_level(rows)
        elif _first(headers, _PCODE) and _first(headers, _LABEL):
            found += [_one(where, row) for where, row in rows]
        elif _first(headers, _PCODE) and _first(headers, _names(1)):
            found += _by_name(rows, list(current))
    if not found:
        seen = sorted({header for rows in tables for header in (rows[0][1] if rows else ())})
        raise GeoFileError(
            f"{path.name} : aucune colonne connue" + (f" (lues : {', '.join(seen[:12])})" if seen else ""),
            "donnez les colonnes pcode, level, label, parent, ou celles d’OCHA : ADM1_PCODE, ADM1_FR, ADM2_PCODE…",
        )
    return found


def _codes(level: int) -> tuple[str, ...]:
    local = [
        spelling
        for word in _LOCAL[level]
        for spelling in (f"code{word}", f"{word}code", f"pcode{word}", f"{word}pcode")
    ]
    return (f"adm{level}pcode", f"admin{level}pcode", f"adm{level}code", f"admin{level}code", *local)


def _names(level: int) -> tuple[str, ...]:
    local = [spelling for word in _LOCAL[level] for spelling in (f"nom{word}", word)]
    stems = (f"adm{level}", f"admin{level}")
    ocha = [f"{stem}{end}" for end in ("fr", "namefr", "name", "en", "nameen") for stem in stems]
    return (*ocha, *local)


def _first(headers: Iterable[str], wanted: Iterable[str]) -> str:
    """The first of these headers that is there, or an empty text."""
    there = set(headers)
    return next((name for name in wanted if name in there), "")


def _by_level(rows: list[Row]) -> Iterator[Listed]:
    """OCHA's tables: each row names its place and all above it, which is said again on each of its rows."""
    headers = rows[0][1].keys()
    columns = {level: (_first(headers, _codes(level)), _first(headers, _names(level))) for level in (1, 2, 3)}
    for where, row in rows:
        parent = ""
        for level, (code_column, name_column) in columns.items():
            code = pcode_of(row.get(code_column, ""))
            if code and name_column:  # a code alone says only what the place below it belongs to
                yield Listed(code, LEVELS[level - 1], row.get(name_column, ""), parent, where)
            parent = code


def _one(where: str, row: Mapping[str, str]) -> Listed:
    def cell(names: Iterable[str]) -> str:
        return row.get(_first(row, names), "")

    code = pcode_of(cell(_PCODE))
    word = cell(_LEVEL)
    level = LEVEL_WORDS.get(fold(word), word) if word else level_by_length(code)
    return Listed(code, level, cell(_LABEL), pcode_of(cell(_PARENT)), where)


def level_by_length(pcode: str) -> str:
    """The level that a P-code of this length has, or an empty text."""
    return {5: "region", 8: "department", 11: "commune"}.get(len(pcode), "")


def _by_name(rows: list[Row], current: list[Place]) -> Iterator[Listed]:
    """Names only: the parents are those of our list that bear these names."""
    headers = rows[0][1].keys()
    columns = [_first(headers, _names(level)) for level in (1, 2, 3)]
    for where, row in rows:
        names = [row.get(column, "") for column in columns]
        depth = max((i for i, name in enumerate(names) if name), default=-1)
        parent = ""
        for level, name in zip(LEVELS[:depth], names, strict=False):
            known = [p for p in current if p.level == level and (p.parent or "") == parent and is_named(p, name)]
            if len(known) != 1:
                raise GeoFileError(
                    f"{where} : {FRENCH[level]} « {name} », nom absent de la liste actuelle et sans code P ici",
                    "ajoutez une colonne de codes pour chaque niveau (ADM1_PCODE, ADM2_PCODE, ADM3_PCODE)",
                )
            (above,) = known
            yield Listed(above.pcode, level, name, parent, where)
            parent = above.pcode
        if depth >= 0:
            yield Listed(pcode_of(row.get(_first(row, _PCODE), "")), LEVELS[depth], names[depth], parent, where)


def is_named(place: Place, name: str) -> bool:
    """Whether a place bears this name, in some spelling or as another name of it."""
    return fold(name) in {fold(known) for known in (place.label, *place.aliases)}


def _tables(path: Path) -> Iterator[list[Row]]:
    try:
        content = path.read_bytes()
    except FileNotFoundError:
        raise GeoFileError(f"{path} : fichier introuvable", "vérifiez le chemin") from None
    if content.startswith(b"PK"):
        yield from _sheets(path, content)
    else:
        yield _delimited(content)


def _sheets(path: Path, content: bytes) -> Iterator[list[Row]]:
    try:
        workbook = load_workbook(io.BytesIO(content), read_only=True, data_only=True)
    except (InvalidFileException, zipfile.BadZipFile, KeyError):
        raise GeoFileError(f"{path.name} n’est pas un classeur XLSX", "enregistrez-le en XLSX ou en CSV") from None
    for sheet in workbook.worksheets:
        rows = ([_text(cell) for cell in row] for row in sheet.iter_rows(values_only=True))
        yield _table(rows, f"feuille {sheet.title}, ligne ")


def _delimited(content: bytes) -> list[Row]:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    first = text.partition("\n")[0]
    mark = max(";,\t", key=first.count)
    return _table(csv.reader(io.StringIO(text, newline=""), delimiter=mark), "ligne ")


def _table(rows: Iterable[list[str]], where: str) -> list[Row]:
    """Rows by folded header, without blank ones. Titles may stand above the headers."""
    numbered = [(number, [" ".join(cell.split()) for cell in row]) for number, row in enumerate(rows, start=1)]
    filled = [(number, cells) for number, cells in numbered if any(cells)]
    codes = {*_PCODE, *(code for level in (1, 2, 3) for code in _codes(level))}
    start = next((i for i, (_, cells) in enumerate(filled[:10]) if codes & {fold(cell) for cell in cells}), 0)
    header = [fold(cell) for cell in filled[start][1]] if filled else []
    return [(f"{where}{number}", dict(zip(header, cells, strict=False))) for number, cells in filled[start + 1 :]]


def _text(cell: object) -> str:
    return "" if cell is None else str(cell)
