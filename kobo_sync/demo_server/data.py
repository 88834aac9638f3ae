"""`/api/v2/assets/{uid}/data/`: the list, one row, deleting and copying one."""

from __future__ import annotations

import json
import sqlite3
import uuid as uuids
from typing import Any
from xml.sax.saxutils import escape

from starlette.responses import Response

from kobo_sync.demo_server import history, instance_xml, intake, permissions, rows
from kobo_sync.demo_server.permissions import Rows
from kobo_sync.demo_server.query import UnsupportedQuery, matches
from kobo_sync.demo_server.storage import new_uid, now
from kobo_sync.demo_server.web import (
    FORBIDDEN,
    NOT_FOUND,
    Call,
    HtmlPage,
    Refusal,
    answer,
    no_content,
    page_links,
    positive,
    xml_refusal,
)

_XML = "application/xml; charset=utf-8"


def list_rows(call: Call, uid: str) -> Response:
    """`GET .../data/`, as JSON or XML."""
    asset, allowed = permissions.data_access(call, uid)
    kind = call.params.get("format", "json")
    if kind not in ("json", "xml"):
        raise Refusal(404, NOT_FOUND)
    if "count" in call.params:
        raise Refusal(400, {"count": "This param is not implemented. Use `count` property of the response instead."})
    limit = positive(call.params.get("limit"), call.store.page_default, least=1)
    if limit is None:
        raise Refusal(400, {"limit": "A positive integer is required"})
    start = positive(call.params.get("start"), 0)
    if start is None:
        raise Refusal(400, {"start": "A positive integer is required."})
    limit = min(limit, call.store.page_max)  # cut without a word
    if kind == "xml":
        for name in ("sort", "fields"):
            if name in call.params:
                return xml_refusal({name: "This param is not supported in `XML` format"}, 400)
    page = rows.Page(
        query=_object(call, "query"),
        sort=_object(call, "sort") or {"_id": 1},
        start=start,
        limit=limit,
        fields=["_id"] if kind == "xml" else _fields(call),
    )
    try:
        count, found = rows.select(call.store, asset["uid"], allowed, page, call.base)
    except UnsupportedQuery:
        raise Refusal(400, ["Unsupported query"]) from None
    following, previous = _links(call, start, limit, count)
    if kind == "xml":
        return _xml_list(call, count, following, previous, [item["_id"] for item in found])
    return answer({"count": count, "next": following, "previous": previous, "results": found})


def read_row(call: Call, uid: str, number: str) -> Response:
    """`GET .../data/{_id, root uuid or newest uuid}/`."""
    asset, allowed = permissions.data_access(call, uid)
    row = find(call, asset, allowed, number)
    if call.params.get("format") == "xml":
        return Response(row["xml"], media_type=_XML)
    return answer(_document(call, row))


def delete_row(call: Call, uid: str, number: str) -> Response:
    """`DELETE .../data/{id}/`: nothing is left of it but a line of the history."""
    asset, row = reachable(call, uid, number, "delete_submissions")
    erase(call, asset, [row["id"]])
    return no_content()


def duplicate(call: Call, uid: str, number: str) -> Response:
    """`POST .../data/{id}/duplicate/`: a copy with its own uuids, `start` and `end` set to now."""
    asset, row = reachable(call, uid, number, "change_submissions")
    moment = now().isoformat(timespec="milliseconds")
    text = instance_xml.without(row["xml"], "meta/deprecatedID", "meta/rootUuid")
    changes = {name: moment for name in ("start", "end") if name in json.loads(row["answers"])}
    text = instance_xml.changed(text, changes | {"meta/instanceID": f"uuid:{uuids.uuid4()}"})
    copy = intake.store_new(call, asset, instance_xml.parse(text), text)
    assert copy is not None
    for file in rows.attachments_of(call.store, [row["id"]]).get(row["id"], []):
        call.store.run(
            "INSERT INTO attachment SELECT ?, ?, basename, replace(filename, ?, ?), mimetype, hash, content, deleted,"
            " 0 FROM attachment WHERE uid = ?",
            (new_uid("att"), copy["id"], row["root_uuid"], copy["root_uuid"], file["uid"]),
        )
    return answer(_document(call, copy), 201)


def reachable(call: Call, uid: str, number: str, codename: str) -> tuple[sqlite3.Row, sqlite3.Row]:
    """The asset and the row on which the caller may do this; an invisible row is 404, a forbidden act 403."""
    asset, allowed = permissions.data_access(call, uid, codename)
    row = find(call, asset, permissions.rows(call, asset, "view_submissions"), number)
    if not _within(call, row, allowed):
        raise Refusal(403, FORBIDDEN)
    return asset, row


def find(call: Call, asset: sqlite3.Row, allowed: Rows, number: str) -> sqlite3.Row:
    """The row of that `_id`, root uuid or newest uuid, among the allowed ones; else 404."""
    if number.isdecimal():
        row = call.store.one("SELECT * FROM submission WHERE asset_uid = ? AND id = ?", (asset["uid"], number))
    else:
        row = call.store.one(
            "SELECT * FROM submission WHERE asset_uid = ? AND ? IN (root_uuid, uuid)", (asset["uid"], number)
        )
    if row is None or not _within(call, row, allowed):
        raise Refusal(404, NOT_FOUND)
    return row


def erase(call: Call, asset: sqlite3.Row, numbers: list[int]) -> None:
    """Delete rows with their files, and note each in the history."""
    store = call.store
    for number in numbers:
        row = intake.submission(store, number)
        history.note(call, asset, "delete-submission", row["root_uuid"], row["submitted_by"])
        for table, column in (("attachment", "submission_id"), ("old_uuid", "submission_id"), ("submission", "id")):
            store.run(f"DELETE FROM {table} WHERE {column} = ?", (number,))


def _document(call: Call, row: sqlite3.Row) -> dict[str, Any]:
    return rows.document(row, rows.attachments_of(call.store, [row["id"]]).get(row["id"], ()), call.base)


def _within(call: Call, row: sqlite3.Row, allowed: Rows) -> bool:
    return allowed is None or any(matches(_document(call, row), query) for query in allowed)


def _object(call: Call, name: str) -> dict[str, Any]:
    """A query parameter that holds a JSON object; a list trips a real server into a 500 page."""
    try:
        value = json.loads(call.params.get(name) or "{}")
    except ValueError:
        raise Refusal(400, {name: "Value must be valid JSON."}) from None
    if not isinstance(value, dict):
        raise HtmlPage(500, named=True)
    return value


def _fields(call: Call) -> list[str] | None:
    text = call.params.get("fields")
    if not text:
        return None
    try:
        value = json.loads(text)
    except ValueError:
        raise Refusal(400, {"fields": "Value must be valid JSON."}) from None
    return [str(name) for name in value]


def _links(call: Call, start: int, limit: int, count: int) -> tuple[str | None, str | None]:
    """Next and previous. `offset` and `page` move these links, though never the rows: a trap kept as it is."""
    offset = start
    if not start:
        size = positive(call.params.get("page_size"), 0) or 0
        page = positive(call.params.get("page"), 0) or 0
        if page and size and "limit" not in call.params:
            limit, offset = min(size, call.store.page_max), (page - 1) * size
        else:
            offset = positive(call.params.get("offset"), 0) or 0
    return page_links(str(call.request.url), offset, limit, count)


def _xml_list(call: Call, count: int, following: str | None, previous: str | None, numbers: list[int]) -> Response:
    texts = [intake.submission(call.store, number)["xml"].partition("?>")[2] for number in numbers]
    links = f"<next>{escape(str(following))}</next><previous>{escape(str(previous))}</previous>"
    body = f'<?xml version="1.0" encoding="utf-8"?><root><count>{count}</count>{links}'
    return Response(f"{body}<results>{''.join(texts)}</results></root>", media_type=_XML)
