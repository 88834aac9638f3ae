"""From what a person types to submissions of the store: a case code, a row's code, a submission's key or server id."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from difflib import get_close_matches
from typing import Any

from kobo_sync.errors import StoreError
from kobo_sync.store import Store
from transforms.case_code import is_case_code, is_stored_code, normal_code, shown_code
from transforms.reading import table

_ROW = re.compile(r"^(?P<code>.{8,9})(?P<suffix>[VAMS]\d{1,3})$")


@dataclass(frozen=True)
class Found:
    """What a text stands for. `row`: suffix of one person's row (`V2`), where one was asked for."""

    subject: str
    keys: tuple[str, ...]
    row: str | None = None


def read_code(said: str) -> tuple[str, str | None]:
    """(code as stored, suffix of the row or None) of a code as a person types it."""
    text = normal_code(said)
    found = _ROW.match(text)
    if found and is_stored_code(found["code"]) and not is_case_code(text):
        return found["code"], found["suffix"]
    return text, None


def find(store: Store, said: str) -> Found:
    """The submissions meant, deleted ones included, ordered by key.

    Raises StoreError, with the codes that are near, when nothing is known by that name.
    """
    said = said.strip()
    key, _, row = said.partition("#")
    rows = store.connection.execute(
        "SELECT submission_key FROM submission WHERE submission_key = ? OR remote_key = ? ORDER BY submission_key",
        (key, key),
    ).fetchall()
    if rows and not (len(rows) > 1 and is_stored_code(normal_code(said))):
        suffix = _suffix(row)
        return Found(said, tuple(row[0] for row in rows), suffix)
    code, suffix = read_code(said)
    keys = _of_case(store, code) if is_stored_code(code) else []
    if not keys:
        raise StoreError(f"« {said} » n’est ni un code de cas ni une fiche de la base", _near(store, code))
    return Found(f"{code}-{suffix}" if suffix else code, tuple(keys), suffix)


def case_code_of(form: str, raw: Mapping[str, Any]) -> str | None:
    """The code that a submission gives to its case, or to the case that it follows up."""
    for path, value in raw.items():
        line = table().get((form, "", path.rsplit("/", 1)[-1]))
        if line and line.target == "case_code" and isinstance(value, str) and value:
            return normal_code(value)
    return None


def _of_case(store: Store, code: str) -> list[str]:
    """Submissions of which any revision gave this code: it may have been corrected since."""
    cursor = store.connection.execute(
        "SELECT s.submission_key, s.form, r.raw_json FROM revision r JOIN submission s USING (submission_key)"
        " WHERE instr(r.raw_json, ?) OR instr(r.raw_json, ?) ORDER BY s.submission_key",
        (code, code.lower()),
    )
    return list(dict.fromkeys(key for key, form, text in cursor if case_code_of(form, json.loads(text)) == code))


def _suffix(row: str) -> str | None:
    found = re.search(r"([VAMS]\d{1,3})$", row.strip().upper())
    return found[1] if found else None


def _near(store: Store, code: str) -> str:
    if "events" not in store.derived_tables():
        return "la base est vide : kobo-sync run"
    known = [row[0] for row in store.connection.execute("SELECT DISTINCT case_code FROM events")]
    near = get_close_matches(code, known, 3, 0.7)
    if near:
        return f"codes proches : {', '.join(map(shown_code, near))} ; relancez avec le bon"
    return "vérifiez le code sur la fiche ; les fiches en quarantaine sont dans kobo-sync status"
