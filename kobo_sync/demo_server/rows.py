"""Submissions as the data API shows them, and the selection of a page of them."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from kobo_sync.demo_server import instance_xml
from kobo_sync.demo_server.permissions import Rows
from kobo_sync.demo_server.query import id_condition, matches, sort_key
from kobo_sync.demo_server.storage import Store

# What an answer limited by `fields` always holds besides; the status is empty there unless it is asked for.
ALWAYS = ("_uuid", "meta/rootUuid", "_validation_status", "_id")
# Fields that are columns: a list of these alone needs no answer read.
_COLUMNS = {*ALWAYS, "_submission_time", "_submitted_by", "_xform_id_string", "_status"}


@dataclass(frozen=True)
class Page:
    """What to select: a query, its order, a slice, and the fields to show (None: all)."""

    query: Mapping[str, Any]
    sort: Mapping[str, int]
    start: int
    limit: int
    fields: Sequence[str] | None = None


def document(row: sqlite3.Row, attachments: Iterable[sqlite3.Row], base: str) -> dict[str, Any]:
    """The JSON of one submission."""
    answers = json.loads(row["answers"])
    location = answers.pop("_geolocation")
    here = f"{base}/api/v2/assets/{row['asset_uid']}/data/{row['id']}/attachments/"
    return {
        "_id": row["id"],
        **answers,
        "_xform_id_string": row["asset_uid"],
        "_uuid": row["uuid"],
        "meta/rootUuid": f"uuid:{row['root_uuid']}",
        "_attachments": [_attachment(file, here, answers) for file in attachments],
        "_status": "submitted_via_web",
        "_geolocation": location,
        "_submission_time": row["created"][:19],
        "_validation_status": json.loads(row["validation"]),
        "_submitted_by": row["submitted_by"],
    }


def select(store: Store, asset_uid: str, allowed: Rows, page: Page, base: str) -> tuple[int, list[dict[str, Any]]]:
    """How many submissions match, and the documents of the page.

    By SQL alone where the query and the order speak of `_id` only and the caller sees all rows.
    Raises UnsupportedQuery.
    """
    clause = id_condition(page.query) if allowed is None and set(page.sort) <= {"_id"} else None
    if clause is None:
        return _evaluated(store, asset_uid, allowed, page, base)
    where, params = f"asset_uid = ?{clause[0]}", [asset_uid, *clause[1]]
    counted = store.one(f"SELECT count(*) AS n FROM submission WHERE {where}", params)
    direction = "DESC" if page.sort.get("_id", 1) < 0 else "ASC"
    found = store.all(
        f"SELECT * FROM submission WHERE {where} ORDER BY id {direction} LIMIT ? OFFSET ?",
        [*params, page.limit, page.start],
    )
    return int(counted["n"]) if counted else 0, [_limited(d, page.fields) for d in _shown(store, found, page, base)]


def every(store: Store, asset_uid: str, allowed: Rows, query: Mapping[str, Any], base: str) -> list[int]:
    """The `_id` of all submissions that match, for the bulk actions."""
    page = Page(query, {"_id": 1}, 0, -1, ["_id"])
    return [document["_id"] for document in select(store, asset_uid, allowed, page, base)[1]]


def attachments_of(store: Store, numbers: Sequence[int]) -> dict[int, list[sqlite3.Row]]:
    """The attachments of these submissions that their answers still name."""
    found = store.all(
        "SELECT uid, submission_id, basename, filename, mimetype, deleted FROM attachment WHERE NOT replaced"
        " AND submission_id IN (SELECT value FROM json_each(?)) ORDER BY rowid",
        (json.dumps(list(numbers)),),
    )
    grouped: dict[int, list[sqlite3.Row]] = {}
    for row in found:
        grouped.setdefault(row["submission_id"], []).append(row)
    return grouped


def _shown(store: Store, found: list[sqlite3.Row], page: Page, base: str) -> list[dict[str, Any]]:
    if page.fields is not None and set(page.fields) - {"_date_modified"} <= _COLUMNS:
        return [_columns(row) for row in found]
    files = attachments_of(store, [row["id"] for row in found])
    return [document(row, files.get(row["id"], ()), base) for row in found]


def _columns(row: sqlite3.Row) -> dict[str, Any]:
    return {
        "_uuid": row["uuid"],
        "meta/rootUuid": f"uuid:{row['root_uuid']}",
        "_submission_time": row["created"][:19],
        "_submitted_by": row["submitted_by"],
        "_xform_id_string": row["asset_uid"],
        "_status": "submitted_via_web",
        "_id": row["id"],
        "_validation_status": json.loads(row["validation"]),
    }


def _evaluated(store: Store, asset_uid: str, allowed: Rows, page: Page, base: str) -> tuple[int, list[dict[str, Any]]]:
    found = store.all("SELECT * FROM submission WHERE asset_uid = ? ORDER BY id", (asset_uid,))
    files = attachments_of(store, [row["id"] for row in found])
    documents = (document(row, files.get(row["id"], ()), base) for row in found)
    kept = [
        item
        for item in documents
        if (allowed is None or any(matches(item, rule) for rule in allowed)) and matches(item, page.query)
    ]
    for name, direction in reversed(list(page.sort.items())):
        kept.sort(key=partial(sort_key, name), reverse=direction < 0)
    end = None if page.limit < 0 else page.start + page.limit
    return len(kept), [_limited(item, page.fields) for item in kept[page.start : end]]


def _limited(item: dict[str, Any], fields: Sequence[str] | None) -> dict[str, Any]:
    if fields is None:
        return item
    shown = {name: item[name] for name in (*fields, *ALWAYS) if name in item}
    # A trap kept as it is: a status nobody asked for reads like no status at all.
    return shown if "_validation_status" in fields else shown | {"_validation_status": {}}


def _attachment(file: sqlite3.Row, here: str, answers: Mapping[str, Any]) -> dict[str, Any]:
    url = f"{here}{file['uid']}/"
    shown = {
        "download_url": url,
        "mimetype": file["mimetype"],
        "filename": file["filename"],
        "media_file_basename": file["basename"],
        "uid": file["uid"],
        "is_deleted": bool(file["deleted"]),
    }
    if file["mimetype"].startswith("image/"):
        shown |= {f"download_{size}_url": f"{url}{size}/" for size in ("large", "medium", "small")}
    return shown | {"question_xpath": instance_xml.question_path(answers, file["basename"])}
