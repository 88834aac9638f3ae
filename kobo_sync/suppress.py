"""What an erasure empties, and keeps empty: the identifying answers of a submission, or of one person in it.

The mapping table says which questions identify (column `identifying`). What it doesn't know, and what Kobo lets anyone
type beside a form (notes, tags), may hold a name: it goes too. Nothing counted is lost: an age stays when the birth
date it came from goes. The same function empties what is in the store and what a later pull, import or restore brings,
so that a row read again is the row already kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from functools import cache
from typing import TYPE_CHECKING, Any

from transforms import ages, reading

if TYPE_CHECKING:
    from kobo_sync.store import Store
    from kobo_sync.store_receive import Row

_KEPT_BY_SERVER = re.compile(
    r"(formhub/uuid|meta/(instanceID|rootUuid|deprecatedID)|start|end|__version__|__id|__system"
    r"|_(id|uuid|xform_id_string|bamboo_dataset_id|status|submission_time|submitted_by|date_modified"
    r"|validation_status|deleted))"
)
"""What says which row it is, when it came and who sent it. All else that a server writes beside the answers goes."""

_ROW_SUFFIX = re.compile(r"-([VAMS]\d{1,3})$")
_HEX_UUID = re.compile(r"^uuid:")


def is_identifying(form: str, repeat: str, question: str) -> bool:
    """Whether the answer may tell who a person is. What the mapping table doesn't know may hold anything."""
    line = reading.table().get((form, repeat, question))
    return line is None or line.identifying


def empty_answers(form: str, raw: Mapping[str, Any], row_codes: Iterable[str] | None) -> dict[str, Any]:
    """A submission without its identifying answers.

    `row_codes`: of these persons only (`…-V2`; the case's own code is not compared, it may have been corrected), and of
    rows without a readable code, since nothing says whose they are. What is said of the whole case goes as well: it may
    name anyone. None: of all persons.
    """
    wanted = None if row_codes is None else {suffix for code in row_codes if (suffix := _suffix(code))}
    return _emptied_level(form, "", raw, wanted, _years(form, raw))


def suppressed(store: Store, source: str, form: str, row: Row) -> Row:
    """The row as it may be kept: without what was erased of it, under this or an earlier key of the server.

    One query on an index for each row: some microseconds where nothing was ever erased.
    """
    uuids = {*row.witnesses, *filter(None, (row.root_uuid, row.instance_uuid))}
    persons = erased_persons(store.connection, source, form, row.remote_key, uuids)
    return replace(row, raw=empty_answers(form, row.raw, persons.codes)) if persons else row


def suppressed_text(
    connection: Any, source: str, form: str, remote_key: str | None, instance_uuid: str | None, raw_json: str | None
) -> str | None:
    """The same for the text that quarantine keeps of a row that can't be read; None where it can't be emptied."""
    if raw_json is None or not connection.execute("SELECT 1 FROM suppression LIMIT 1").fetchone():
        return raw_json
    try:
        raw = json.loads(raw_json)
    except (ValueError, RecursionError):
        raw = None
    said = (raw.get(name) for name in ("_uuid", "meta/rootUuid", "meta/instanceID", "meta/deprecatedID")) if (
        isinstance(raw, dict)) else ()  # fmt: skip
    uuids = {_HEX_UUID.sub("", str(uuid)) for uuid in (instance_uuid, *said) if uuid}
    persons = erased_persons(connection, source, form, remote_key, uuids)
    if not persons:
        return raw_json
    return json.dumps(empty_answers(form, raw, persons.codes), sort_keys=True) if isinstance(raw, dict) else None


@dataclass(frozen=True)
class Persons:
    """The persons erased in a submission, by the codes of their rows; `codes` None: all of them."""

    codes: frozenset[str] | None


def erased_persons(
    connection: Any, source: str, form: str, remote_key: str | None, uuids: Iterable[str]
) -> Persons | None:
    """Who was erased in the submission of this key, or of one of these uuids; None where nobody was."""
    if not connection.execute("SELECT 1 FROM suppression LIMIT 1").fetchone():
        return None
    rows = connection.execute(
        "SELECT row_code FROM suppression WHERE source = ? AND form = ? AND remote_key = ?", (source, form, remote_key)
    ).fetchall()
    for uuid in uuids:
        rows += connection.execute(
            "SELECT row_code FROM suppression WHERE root_uuid = ? AND form = ?", (uuid, form)
        ).fetchall()
    if not rows:
        return None
    codes = frozenset(row[0] for row in rows)
    return Persons(None if None in codes else codes)


def _emptied_level(
    form: str, repeat: str, node: Mapping[str, Any], wanted: set[str] | None, years: Mapping[str, list[int | None]]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for path, value in node.items():
        name = path.rsplit("/", 1)[-1]
        if not repeat and _KEPT_BY_SERVER.fullmatch(path):
            kept[path] = value
        elif not repeat and name in years:
            rows = [
                _emptied_person(form, name, item, wanted, years[name][at] if at < len(years[name]) else None)
                for at, item in enumerate(value if isinstance(value, list) else [value])
            ]
            kept[path] = rows if isinstance(value, list) else rows[0]
        elif isinstance(value, Mapping) and not name.startswith("_"):
            kept[path] = _emptied_level(form, repeat, value, wanted, years)
        elif not is_identifying(form, repeat, name):
            kept[path] = value
    return kept


def _emptied_person(form: str, repeat: str, item: Any, wanted: set[str] | None, years: int | None) -> Any:
    if not isinstance(item, Mapping):
        return None
    if wanted is not None and (suffix := own_suffix(form, repeat, item)) and suffix not in wanted:
        return item
    kept = _emptied_level(form, repeat, item, wanted, {})
    for path, value in item.items():
        if path not in kept and _target(form, repeat, path) == "birth_date" and value and years is not None:
            place = path.rpartition("/")[0]
            for target, said in (("age", str(years)), ("age_precision", "age")):
                question = _questions(form, repeat).get(target, "")
                at = next((known for known in item if known.rsplit("/", 1)[-1] == question), None)
                kept[at or (f"{place}/{question}" if place else question)] = said
    return kept


def own_suffix(form: str, repeat: str, item: Mapping[str, Any]) -> str | None:
    """`V2` of the row that carries the code `…-V2`; None where it carries none that can be read."""
    for path, value in item.items():
        if _target(form, repeat, path).endswith("_code"):
            return _suffix(str(value))
    return None


def _suffix(code: str) -> str | None:
    found = _ROW_SUFFIX.search(code.strip().upper())
    return found[1] if found else None


def _target(form: str, repeat: str, path: str) -> str:
    line = reading.table().get((form, repeat, path.rsplit("/", 1)[-1]))
    return line.target if line else ""


@cache
def _questions(form: str, repeat: str) -> dict[str, str]:
    """Target -> question, of one repeat."""
    return {
        line.target: line.question
        for line in reading.table().values()
        if line.form == form and line.repeat == repeat and line.target
    }


def _years(form: str, raw: Mapping[str, Any]) -> dict[str, list[int | None]]:
    """The repeats of the form, with the age in years of each row as the mapping works it out from the birth date."""
    if form not in reading.forms():
        return {}
    read = reading.read(form, raw)
    top = read.top.values
    fallback = top.get("detection_date") or top.get("started")
    return {
        repeat: [
            ages.at_identification(level.values, level.values.get("identification_date") or fallback).years
            for level in levels
        ]
        for repeat, levels in read.repeats.items()
    }
