"""Persons who came without their name because an erasure bears on their code: never in silence.

After an erasure, a row may carry the erased person's code and be another person: her row was deleted, and the form
gave its number again; or two cases have one code. Her name is withheld all the same, and a line of the audit says so,
until someone erases that code or lifts the erasure.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from kobo_sync.erased_persons import CASE, Persons, case_marks, own_suffix, rows_of
from transforms import reading

WITHHELD, LIFT = "withheld", "lift"


def note_withheld(
    connection: Any, key: str, form: str, raw: Mapping[str, Any], kept: Mapping[str, Any], persons: Persons
) -> None:
    """Note the rows emptied on arrival that may be somebody else. Inside the caller's transaction."""
    rows = _new_rows(connection, key, form, raw, kept, persons)
    if not rows:
        return
    at = datetime.now(UTC).isoformat(timespec="seconds")
    there = set(standing(connection))
    connection.executemany(
        "INSERT INTO audit (at, actor, action, subject, reason) VALUES (?, 'kobo-sync', ?, ?, '')",
        [(at, WITHHELD, f"{key}#{row}") for row in sorted(rows) if f"{key}#{row}" not in there],
    )


def standing(connection: Any) -> list[str]:
    """`key#V2` of each person noted, neither erased nor lifted since, whose submission is on the server."""
    noted: dict[str, None] = {}
    for action, subject in connection.execute(
        "SELECT action, subject FROM audit WHERE action IN (?, ?, 'erase') ORDER BY id", (WITHHELD, LIFT)
    ):
        if action == WITHHELD:
            noted[subject] = None
            continue
        for each in [each for each in noted if _about(connection, each, subject)]:
            del noted[each]
    return [each for each in noted if not _deleted(connection, each.partition("#")[0])]


def withheld_line(connection: Any) -> str | None:
    """What people are told of them; None when there are none."""
    noted = standing(connection)
    if not noted:
        return None
    some = ", ".join(noted[:3]) + (" …" if len(noted) > 3 else "")
    return (
        f"{len(noted)} personne(s) reçue(s) sans nom parce qu’un effacement porte sur leur code : {some} ; "
        f"kobo-sync show {noted[0].partition('#')[0]}, puis kobo-sync erase CODE si c’est la personne effacée, "
        "kobo-sync erase --lift CODE si c’en est une autre"
    )


def _new_rows(
    connection: Any, key: str, form: str, raw: Mapping[str, Any], kept: Mapping[str, Any], persons: Persons
) -> set[str]:
    emptied = _emptied(form, raw, kept)
    if persons.by_case or not emptied:
        return emptied
    last = connection.execute(
        "SELECT raw_json FROM revision WHERE submission_key = ? ORDER BY revision_no DESC LIMIT 1", (key,)
    ).fetchone()
    before = rows_of(form, json.loads(last[0])) if last else emptied
    return {row for row in emptied if row not in before or (persons.codes is not None and persons.is_new(row))}


def _emptied(form: str, raw: Mapping[str, Any], kept: Mapping[str, Any]) -> set[str]:
    """Rows of which an identifying answer went."""
    repeats = {repeat for known, repeat, _ in reading.table() if known == form and repeat}
    found = set[str]()
    for path, value in raw.items():
        name = path.rsplit("/", 1)[-1]
        if isinstance(value, Mapping) and name not in repeats and isinstance(kept.get(path), Mapping):
            found |= _emptied(form, value, kept[path])
        elif name in repeats and path in kept:
            pairs = zip(value, kept[path], strict=True) if isinstance(value, list) else [(value, kept[path])]
            for item, left in pairs:
                if isinstance(item, Mapping) and any(
                    item[each] not in (None, "") and each not in left and _identifies(form, name, each) for each in item
                ):
                    found.add(own_suffix(form, name, item) or "")
    return found - {""}


def _identifies(form: str, repeat: str, path: str) -> bool:
    line = reading.table().get((form, repeat, path.rsplit("/", 1)[-1]))
    return line is not None and line.identifying


def _about(connection: Any, noted: str, subject: str) -> bool:
    """Whether an erasure or its lifting, by code or by key, settles what was noted."""
    key, _, row = noted.partition("#")
    if subject in (key, noted):
        return True
    of, _, wanted = subject.partition("#") if "#" in subject else subject.partition("-")
    if wanted and wanted.rpartition("-")[2] != row:
        return False
    if "#" in subject or "/" in of:
        return of == key
    return any(
        of == mark for (text,) in connection.execute("SELECT raw_json FROM revision WHERE submission_key = ?", (key,))
        for mark in _codes(key, json.loads(text))
    )  # fmt: skip


def _codes(key: str, raw: Mapping[str, Any]) -> set[str]:
    return {mark.removeprefix(CASE) for mark in case_marks(key.split("/")[1], raw)}


def _deleted(connection: Any, key: str) -> bool:
    row = connection.execute(
        "SELECT kind FROM deletion WHERE submission_key = ? ORDER BY id DESC LIMIT 1", (key,)
    ).fetchone()
    return row is not None and row[0] == "deleted"
