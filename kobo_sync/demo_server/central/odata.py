"""`{form}.svc`: the list with answers, one row, and what pages them."""

from __future__ import annotations

import base64
import hashlib
import json
import re
import sqlite3
from typing import Any
from urllib.parse import urlencode

from starlette.responses import Response

from kobo_sync.demo_server.central import odata_rows
from kobo_sync.demo_server.central.forms import Form, published_form
from kobo_sync.demo_server.central.odata_filter import COLUMNS, Filter
from kobo_sync.demo_server.central.web import Broken, Call, Problem, answer, not_found, unless_known
from kobo_sync.demo_server.central.xforms import Field

VERSION = {"OData-Version": "4.0"}
_OPTIONS = {"$top", "$skip", "$skiptoken", "$count", "$filter", "$select", "$expand", "$orderby", "$wkt", "$search"}
_SYSTEM = (
    "submissionDate", "updatedAt", "submitterId", "submitterName", "attachmentsPresent", "attachmentsExpected",
    "status", "reviewState", "deviceId", "edits", "formVersion", "deletedAt",
)  # fmt: skip


def table(call: Call, project: int, form_id: str, name: str) -> Response:
    """GET `{form}.svc/Submissions`, or one row of it by its id."""
    found = published_form(call, project, form_id, "submission.list")
    if name == "Submissions":
        return _list(call, found)
    one = re.fullmatch(r"Submissions\('((?:uuid:)?[a-z0-9-]+)'\)", name)
    row = call.store.one(
        "SELECT * FROM submission WHERE form = ? AND instance = ? AND deleted IS NULL",
        (found.number, one[1] if one else ""),
    )
    if row is None:
        raise not_found()
    return answer({"value": _shown(call, found, [row]), "@odata.context": _context(call, found)}, 200, VERSION)


def service(call: Call, project: int, form_id: str) -> Response:
    """GET `{form}.svc`: the tables."""
    found = published_form(call, project, form_id, "submission.list")
    names = ["Submissions", *_repeats(found.fields, "Submissions")]
    tables = [{"name": name, "kind": "EntitySet", "url": name} for name in names]
    body = {"@odata.context": _context(call, found).partition("#")[0], "value": tables}
    kind = {"Content-Type": "application/json; charset=utf-8; odata.metadata=minimal"}
    return answer(body, 200, VERSION | kind)


def _repeats(fields: tuple[Field, ...], path: str) -> list[str]:
    found = []
    for field in fields:
        here = f"{path}.{field.column}"
        found += [here] if field.type == "repeat" else []
        found += _repeats(field.children, here)
    return found


def _list(call: Call, form: Form) -> Response:
    params = call.params
    for name in params:
        if name not in _OPTIONS:
            raise Problem(501.1, f"The requested feature {name} is not supported by this server.", {"feature": name})
    rows = _matching(call, form)
    count, page, more = len(rows), *_page(call, rows)
    body: dict[str, Any] = {"value": []}
    headers = dict(VERSION)
    if params.get("$top") != "0":
        events = ",".join(f"{row['id']}:{row['event']}" for row in page)
        digest = hashlib.md5(events.encode(), usedforsecurity=False).hexdigest() if page else "0" * 32
        headers["ETag"] = f'W/"eventhash:{digest}"'
        if known := unless_known(call, headers["ETag"], VERSION):
            return known
        body["value"] = _shown(call, form, page)
    body["@odata.context"] = _context(call, form)
    if more is not None:
        body["@odata.nextLink"] = more
    if params.get("$count") == "true":
        body["@odata.count"] = count
    return answer(body, 200, headers)


def _context(call: Call, form: Form) -> str:
    return f"{call.base}/v1/projects/{form.project}/forms/{form.form_id}.svc/$metadata#Submissions"


def _matching(call: Call, form: Form) -> list[sqlite3.Row]:
    """The rows that the filter means, newest first."""
    text = call.params.get("$filter")
    condition = Filter(text) if text is not None else None
    trash = "" if condition is not None and condition.names_deleted else " AND deleted IS NULL"
    rows = call.store.all(
        f"SELECT * FROM submission WHERE form = ?{trash} ORDER BY created DESC, id DESC", (form.number,)
    )
    rows = [row for row in rows if condition.matches(row)] if condition is not None else rows
    order = call.params.get("$orderby")
    if order is not None:
        if "$skiptoken" in call.params:
            feature = "using $orderby and $skiptoken together"
            raise Problem(
                501.1, f"The requested feature {feature} is not supported by this server.", {"feature": feature}
            )
        name, _, direction = order.strip().partition(" ")
        if name not in COLUMNS:
            raise Problem(
                501.5, f"The given OData filter expression references fields not supported by this server: {name}",
                {"text": name},
            )  # fmt: skip
        column = COLUMNS[name]
        rows.sort(key=lambda row: (row[column] is not None, row[column], row["id"]), reverse=direction == "desc")
    return rows


def _page(call: Call, rows: list[sqlite3.Row]) -> tuple[list[sqlite3.Row], str | None]:
    """The rows of the page, and the link to the next."""
    params = call.params
    start, page_size = 0, call.settings.page
    token = params.get("$skiptoken")
    skip = _whole(params["$skip"]) if "$skip" in params else None
    top = _whole(params["$top"]) if "$top" in params else page_size
    if top is not None and page_size is not None:
        top = min(top, page_size)
    if token is not None:
        last = _token(token)
        # Of a row removed for good nothing tells where it stood: an empty page, no link, no error.
        place = call.store.one("SELECT created, id FROM submission WHERE instance = ?", (last,))
        if place is None:
            return [], None
        rows = [row for row in rows if (row["created"], row["id"]) < (place["created"], place["id"])]
    elif skip is not None:
        start = skip
    page = rows[start:] if top is None else rows[start : start + top]
    if not top or len(page) >= len(rows):
        return page, None
    kept = [(name, value) for name, value in params.items() if name not in ("$skip", "$skiptoken")]
    state = json.dumps({"instanceId": page[-1]["instance"] if page else None}, separators=(",", ":"))
    kept.append(("$skiptoken", f"01{base64.b64encode(state.encode()).decode()}"))
    here = f"{call.base}{call.request.url.path}"
    return page, f"{here}?{urlencode(kept, safe='*')}"


def _token(text: str) -> str:
    try:
        return str(json.loads(base64.b64decode(text.removeprefix("01"), validate=True))["instanceId"])
    except (ValueError, KeyError, TypeError):
        raise Problem(400.35, "Invalid $skiptoken") from None


def _whole(text: str) -> int:
    try:
        number = int(text)
    except ValueError:
        raise Problem(
            400.11, 'Invalid input data type: expected "NaN" to be (type bigint)',
            {"value": "NaN", "expected": "type bigint"},
        ) from None  # fmt: skip
    if number < 0:
        raise Broken
    return number


def _shown(call: Call, form: Form, rows: list[sqlite3.Row]) -> list[dict[str, Any]]:
    expand, select = call.params.get("$expand"), call.params.get("$select")
    if expand not in (None, "*"):
        message = f'The given OData expand expression is not supported by this server: "{expand}".'
        raise Problem(501.6, f'{message} Currently, only "$expand=*" is supported.', {"text": expand})
    if expand and select:
        raise Problem(501.11, "This server doesn't support $select query parameter with $expand.")
    wanted = [name.strip() for name in select.split(",")] if select else None
    for name in wanted or ():
        _known(name, form.fields)
    light = wanted is not None and all(n.startswith(("__id", "__system")) or n == "meta/instanceID" for n in wanted)
    return [_row(call, form, row, wanted, light, expand=expand == "*") for row in rows]


def _row(
    call: Call, form: Form, row: sqlite3.Row, wanted: list[str] | None, light: bool, *, expand: bool
) -> dict[str, Any]:
    store = call.store
    current = store.one("SELECT * FROM def WHERE submission = ? AND current", (row["id"],))
    assert current is not None
    files = store.all("SELECT content IS NOT NULL AS here FROM file WHERE def = ?", (current["id"],))
    edits = store.one("SELECT count(*) AS n FROM def WHERE submission = ?", (row["id"],))
    person = store.one("SELECT name FROM actor WHERE id = ?", (row["submitter"],))
    system = dict(
        zip(
            _SYSTEM,
            (
                row["created"], row["updated"], str(row["submitter"]) if row["submitter"] else None,
                person["name"] if person else None, sum(file["here"] for file in files), len(files), row["status"],
                row["review"], row["device"], (edits["n"] if edits else 1) - 1, row["version"], row["deleted"],
            ),
            strict=True,
        )
    )  # fmt: skip
    if row["status"]:  # encrypted: no answer ever
        whole: dict[str, Any] = {}
    elif light:
        whole = {"meta": {"instanceID": current["instance"]}}
    else:
        whole = odata_rows.answers(current["xml"], form.fields, row["instance"], expand=expand)
    whole |= {"__id": row["instance"], "__system": system}
    return whole if wanted is None else _selected(whole, wanted)


def _selected(row: dict[str, Any], wanted: list[str]) -> dict[str, Any]:
    kept: dict[str, Any] = {}
    for path in wanted:
        source, target = row, kept
        *groups, last = path.split("/")
        for group in groups:
            source = source.get(group) or {}
            target = target.setdefault(group, {})
        for name in (last, f"{last}@odata.navigationLink"):
            if name in source:
                target[name] = source[name]
    return kept


def _known(path: str, fields: tuple[Field, ...]) -> None:
    if path in ("__id", "__system") or path.removeprefix("__system/") in _SYSTEM:
        return
    level = fields
    for part in path.split("/"):
        found = next((field for field in level if field.column == part), None)
        if found is None:
            raise Problem(400.23, f"Could not find a property named '{path}'", {"property": path})
        level = found.children
