"""Who was erased in a submission, as the suppression list says: by key, by any uuid, by the code of the case.

A line's `row_code`: none: the whole submission; `ABCD2345-V2`: a person; `=V1 V2`: the rows known when persons were
erased, since a later row may be the same person under another number; `+-V2`, or `+` alone: the erasure is
lifted for what is received from then on. A line's `root_uuid` is a uuid, or `case:ABCD2345`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from kobo_sync.form_names import CASE_FORMS
from transforms import reading
from transforms.case_code import is_stored_code, normal_code

_ROW_SUFFIX = re.compile(r"-([VAMS]\d{1,3})$")
KNOWN, LIFTED, CASE = "=", "+", "case:"


@dataclass(frozen=True)
class Persons:
    """The persons erased in a submission. `codes`: of their rows; None: all. `by_case`: found by the code alone."""

    codes: frozenset[str] | None
    known: frozenset[str] | None = None
    lifted: frozenset[str] = frozenset()
    by_case: bool = False

    def erased(self, row: str | None) -> bool:
        """Whether the row `V2` is to be empty. One without a readable code may be hers."""
        if row is None or self.codes is None:
            return row not in self.lifted
        return row not in self.lifted and (row in self._suffixes or self.is_new(row))

    def is_new(self, row: str) -> bool:
        """Whether it is of the kind of those erased, and was not there when they were."""
        return self.known is not None and row not in self.known and row[0] in {each[0] for each in self._suffixes}

    @property
    def _suffixes(self) -> set[str]:
        return {suffix for code in self.codes or () if (suffix := row_suffix(code))}


def erased_persons(
    connection: Any, source: str, form: str, remote_key: str | None, marks: Iterable[str], received_at: str = "~"
) -> Persons | None:
    """Who was erased in the submission of this key, or of one of these marks; None where nobody was.

    `received_at`: when the revision came; an erasure lifted later still bears on it.
    """
    if not connection.execute("SELECT 1 FROM suppression LIMIT 1").fetchone():
        return None
    columns = "SELECT at, id, erasure_id, source, remote_key, row_code, root_uuid FROM suppression"
    rows = set(
        connection.execute(f"{columns} WHERE source = ? AND form = ? AND remote_key = ?", (source, form, remote_key))
    )
    sure, marks = bool(rows), list(marks)
    for mark in {*marks, *map(plain_uuid, marks)}:
        found = connection.execute(f"{columns} WHERE root_uuid = ? AND form = ?", (mark, form)).fetchall()
        sure = sure or (bool(found) and not mark.startswith(CASE))
        rows.update(found)
    whole, codes, lifted, known = False, set[str](), set[str](), dict[Any, set[str]]()
    for at, _, erasure, of, key, code, _ in sorted(rows, key=lambda row: row[:2]):
        if code is None:
            whole = True
            lifted.clear()
        elif code.startswith(KNOWN):
            known[erasure, of, key] = set(code[1:].split())
        elif not code.startswith(LIFTED):
            codes.add(code)
            lifted.discard(row_suffix(code) or "")
        elif at <= received_at and code == LIFTED:
            whole = False
            for each in (codes, lifted, known):
                each.clear()
        elif at <= received_at:
            lifted.add(row_suffix(code) or "")
    if not whole and not codes:
        return None
    there = frozenset(set.intersection(*known.values())) if known else None
    return Persons(None if whole else frozenset(codes), there, frozenset(lifted), not sure)


def plain_uuid(text: str) -> str:
    """One writing of a uuid, however a phone or a server writes it; a mark of a case stays."""
    return text if text.startswith(CASE) else re.sub(r"^uuid:\s*", "", text.strip().lower())


def row_suffix(code: str) -> str | None:
    """`V2` of `ABCD2345-V2`."""
    found = _ROW_SUFFIX.search(code.strip().upper())
    return found[1] if found else None


def own_suffix(form: str, repeat: str, item: Mapping[str, Any]) -> str | None:
    """`V2` of the row that carries the code `…-V2`; None where it carries none that can be read."""
    for path, value in item.items():
        line = reading.table().get((form, repeat, path.rsplit("/", 1)[-1]))
        if line and line.target.endswith("_code"):
            return row_suffix(str(value))
    return None


def rows_of(form: str, raw: Mapping[str, Any]) -> set[str]:
    """The suffixes of all persons' rows of a submission."""
    repeats = {repeat for known, repeat, _ in reading.table() if known == form and repeat}
    found = set()
    for path, value in raw.items():
        name = path.rsplit("/", 1)[-1]
        if name in repeats:
            for item in value if isinstance(value, list) else [value]:
                found.add(own_suffix(form, name, item) if isinstance(item, Mapping) else None)
        elif isinstance(value, Mapping):
            found |= rows_of(form, value)
    return {suffix for suffix in found if suffix}


def case_marks(form: str, raw: Mapping[str, Any]) -> set[str]:
    """The mark of the case that a submission declares; follow-ups of one case are many, and have none."""
    if form not in CASE_FORMS:
        return set()
    return {f"{CASE}{code}" for code in _case_codes(form, raw) if is_stored_code(code)}


def known_marks(connection: Any, key: str) -> set[str]:
    """Every uuid under which a submission was ever known, in one writing, and every case that it ever declared."""
    rows = connection.execute(
        "SELECT uuid FROM witness WHERE submission_key = ? UNION SELECT instance_uuid FROM revision"
        " WHERE submission_key = ? UNION SELECT root_uuid FROM submission WHERE submission_key = ?",
        (key, key, key),
    )
    found = {plain_uuid(row[0]) for row in rows if row[0]}
    (form,) = connection.execute("SELECT form FROM submission WHERE submission_key = ?", (key,)).fetchone()
    if form in CASE_FORMS:
        for (text,) in connection.execute("SELECT raw_json FROM revision WHERE submission_key = ?", (key,)):
            found |= case_marks(form, json.loads(text))
    return found


def marks_of_all(connection: Any, forms: Iterable[str]) -> dict[str, set[str]]:
    """Case mark -> the submissions that ever declared it. Reads every revision of these forms."""
    found: dict[str, set[str]] = {}
    for form in set(forms) & set(CASE_FORMS):
        for key, text in connection.execute(
            "SELECT submission_key, raw_json FROM revision JOIN submission USING (submission_key) WHERE form = ?",
            (form,),
        ):
            for mark in case_marks(form, json.loads(text)):
                found.setdefault(mark, set()).add(key)
    return found


def _case_codes(form: str, raw: Mapping[str, Any]) -> set[str]:
    found = set()
    for path, value in raw.items():
        if isinstance(value, Mapping):
            found |= _case_codes(form, value)
            continue
        line = reading.table().get((form, "", path.rsplit("/", 1)[-1]))
        if line and line.target == "case_code" and isinstance(value, str):
            found.add(normal_code(value))
    return found
