"""What an erasure empties, and keeps empty: the identifying answers of a submission, or of one person in it.

The mapping table says which questions identify (column `identifying`). What it doesn't know, and what Kobo lets anyone
type beside a form (notes, tags), may hold a name: it goes too. So does a value that doesn't read by its kind: whoever
sends without the form may write a name anywhere. Nothing counted is lost: an age stays when the birth date it came
from goes. The same function empties what is in the store and what a later pull, import or restore brings, so that a
row read again is the row already kept.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any

from kobo_sync.erased_persons import Persons, case_marks, erased_persons, own_suffix, plain_uuid
from kobo_sync.withheld import note_withheld
from transforms import ages, reading
from transforms.mapping import RELEASE

if TYPE_CHECKING:
    from kobo_sync.store import Store
    from kobo_sync.store_receive import Row

__all__ = [
    "Persons", "clean_column", "empty_answers", "erased_persons", "is_identifying", "is_of_server", "own_suffix",
    "suppressed", "suppressed_text",
]  # fmt: skip

_UUID = re.compile(r"(?i)(uuid:)?([0-9a-f]{32}|[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12})")
_INSTANT = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:?\d\d)?)?")
_VERSION = re.compile(r"v[A-Za-z0-9]{20,24}|[a-z]{4,12}-[0-9a-f]{10}|\d{1,14}")
_SERVER_WORD = re.compile(r"[\w.@+-]{0,150}")
_ROW_CODE = re.compile(r"[2-9A-Z]{8,9}-[VAMS]\d{1,3}")
_WORKED_OUT = re.compile(r"-?\d{1,4}(\.\d{1,4})?|oui|non|nsp|ref|true|false|OK|[FM]")
_AGENCY_CODE = re.compile(r"[A-Z0-9_-]{2,20}")  # as the register allows (config.yaml, providers): counted by it
_FAMILY = re.compile(r"[a-z]{2,12}")
_CENTRAL = ("submissionDate", "updatedAt", "deletedAt", "submitterId", "submitterName", "formVersion", "status",
            "reviewState", "edits", "attachmentsPresent", "attachmentsExpected")  # fmt: skip
_BY_SERVER: dict[str, re.Pattern[str]] = {
    **dict.fromkeys(("formhub/uuid", "_uuid", "__id", "meta/instanceID", "meta/rootUuid", "meta/deprecatedID"), _UUID),
    **dict.fromkeys(("start", "end", "_submission_time", "_date_modified"), _INSTANT),
    **dict.fromkeys(("_xform_id_string", "_bamboo_dataset_id", "_status", "_submitted_by", "_deleted"), _SERVER_WORD),
    "__version__": _VERSION,
    "_id": re.compile(r"\d{1,12}"),
}
"""What says which row it is, when it came and who sent it. All else that a server writes beside the answers goes."""
_TYPED: dict[str, re.Pattern[str]] = {
    "form_release": RELEASE, "entity": _AGENCY_CODE, "provider": _AGENCY_CODE, "family_phone": _FAMILY,
    "region_phone": re.compile(r"NE\d{3}"),
}  # fmt: skip
"""Targets of kind text, and what is expected in them."""


def is_identifying(form: str, repeat: str, question: str) -> bool:
    """Whether the answer may tell who a person is. What the mapping table doesn't know may hold anything."""
    line = reading.table().get((form, repeat, question))
    return line is None or line.identifying


def is_of_server(path: str) -> bool:
    """Whether it says which row it is, when it came, or who sent it: no answer of a person."""
    return path in _BY_SERVER


def empty_answers(form: str, raw: Mapping[str, Any], persons: Persons | Iterable[str] | None) -> dict[str, Any]:
    """A submission without its identifying answers.

    `persons`: of these only, or of these rows (`…-V2`; the case's own code is not compared, it may have been
    corrected), and of rows without a readable code, since nothing says whose they are. What is said of the whole case
    goes as well: it may name anyone. None: of all persons.
    """
    if not isinstance(persons, Persons):
        persons = Persons(None if persons is None else frozenset(persons))
    return _emptied_level(form, "", raw, persons, _years(form, raw))


def suppressed(store: Store, source: str, form: str, row: Row) -> Row:
    """The row as it may be kept: without what was erased of it, under this or an earlier key of the server.

    One query on an index for each row: some microseconds where nothing was ever erased. A person who was not there
    when another was erased loses her name too, if her code may be that one's: this is noted, and told by `status`.
    """
    connection = store.connection
    if not connection.execute("SELECT 1 FROM suppression LIMIT 1").fetchone():
        return row
    marks = {*row.witnesses, *filter(None, (row.root_uuid, row.instance_uuid)), *case_marks(form, row.raw)}
    persons = erased_persons(connection, source, form, row.remote_key, marks)
    if not persons:
        return row
    kept = empty_answers(form, row.raw, persons)
    note_withheld(connection, f"{source}/{form}/{row.remote_key}", form, row.raw, kept, persons)
    return replace(
        row, raw=kept, form_release=clean_column("form_release", row.form_release),
        remote_version=clean_column("__version__", row.remote_version),
    )  # fmt: skip


def clean_column(name: str, value: str | None) -> str | None:
    """What the sender's own program says of itself, where it is of the shape expected."""
    wanted = _TYPED.get(name) or _BY_SERVER[name]
    return value if value and wanted.fullmatch(value) else None


def suppressed_text(
    connection: Any, source: str, form: str, remote_key: str | None, instance_uuid: str | None, raw_json: str | None,
    received_at: str = "~",
) -> str | None:  # fmt: skip
    """The same for the text that quarantine keeps of a row that can't be read; None where it can't be emptied."""
    if raw_json is None or not connection.execute("SELECT 1 FROM suppression LIMIT 1").fetchone():
        return raw_json
    try:
        raw = json.loads(raw_json)
    except (ValueError, RecursionError):
        raw = None
    said = (raw.get(name) for name in ("_uuid", "meta/rootUuid", "meta/instanceID", "meta/deprecatedID")) if (
        isinstance(raw, dict)) else ()  # fmt: skip
    marks = {plain_uuid(str(uuid)) for uuid in (instance_uuid, *said) if uuid}
    marks |= case_marks(form, raw) if isinstance(raw, dict) else set()
    persons = erased_persons(connection, source, form, remote_key, marks, received_at)
    if not persons:
        return raw_json
    return json.dumps(empty_answers(form, raw, persons), sort_keys=True) if isinstance(raw, dict) else None


def _emptied_level(
    form: str, repeat: str, node: Mapping[str, Any], persons: Persons, years: Mapping[str, list[int | None]]
) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for path, value in node.items():
        name = path.rsplit("/", 1)[-1]
        if not repeat and name in years:
            rows = [
                _emptied_person(form, name, item, persons, years[name][at] if at < len(years[name]) else None)
                for at, item in enumerate(value if isinstance(value, list) else [value])
            ]
            kept[path] = rows if isinstance(value, list) else rows[0]
        elif isinstance(value, Mapping) and not name.startswith("_"):
            kept[path] = _emptied_level(form, repeat, value, persons, years)
        elif not repeat and (path in _BY_SERVER or path in ("_validation_status", "__system")):
            if (said := _of_server(path, value)) is not None:
                kept[path] = said
        elif not is_identifying(form, repeat, name) and (said := _readable(form, repeat, name, value)) is not None:
            kept[path] = said
    return kept


def _of_server(path: str, value: Any) -> Any:
    if path in _BY_SERVER:
        return value if _BY_SERVER[path].fullmatch("" if value is None else str(value)) else None
    if not isinstance(value, Mapping):
        return None
    return {name: said for name, said in value.items() if name in (*_CENTRAL, "uid", "timestamp", "by_whom")}


def _readable(form: str, repeat: str, name: str, value: Any) -> Any:
    """What reads by its kind; None for the rest."""
    line = reading.table()[form, repeat, name]
    if value is None or isinstance(value, (list, dict)):
        return None
    text = str(value).strip()
    if line.kind in ("ignore", "text"):
        if line.target == "name":  # of an organisation: free by nature
            return value
        expected = _TYPED.get(line.target)
        known = (expected,) if expected else (_ROW_CODE, _WORKED_OUT, _INSTANT)
        return value if any(each.fullmatch(text) for each in known) else None
    said = reading.parsed(line, text)
    if said is None or line.kind in ("int", "answer", "band", "place", "code") or _INSTANT.fullmatch(text):
        return None if said is None else value
    return said if line.kind != "codes" else value if set(text.split()) == set(said.split()) else said


def _emptied_person(form: str, repeat: str, item: Any, persons: Persons, years: int | None) -> Any:
    if not isinstance(item, Mapping):
        return None
    suffix = own_suffix(form, repeat, item)
    if not persons.erased(suffix):
        return item
    kept = _emptied_level(form, repeat, item, persons, {})
    for path, value in item.items():
        if path not in kept and _target(form, repeat, path) == "birth_date" and value and years is not None:
            place = path.rpartition("/")[0]
            for target, said in (("age", str(years)), ("age_precision", "age")):
                question = _questions(form, repeat).get(target, "")
                at = next((known for known in item if known.rsplit("/", 1)[-1] == question), None)
                kept[at or (f"{place}/{question}" if place else question)] = said
    return kept


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
