"""Actions on many submissions: edit, delete, review; and the review of one."""

from __future__ import annotations

import json
import sqlite3
import time
import uuid as uuids
from typing import Any

from starlette.responses import Response

from kobo_sync.demo_server import data, history, instance_xml, intake, permissions, rows
from kobo_sync.demo_server.query import UnsupportedQuery
from kobo_sync.demo_server.web import FORBIDDEN, Call, Refusal, answer, no_content

_STATUSES = {
    "validation_status_approved": "Approved",
    "validation_status_not_approved": "Not Approved",
    "validation_status_on_hold": "On Hold",
}


def edit_many(call: Call, uid: str) -> Response:
    """`PATCH .../data/bulk/`: the same answers for many rows; each gets a new uuid. No value is checked."""
    asset, _ = permissions.data_access(call, uid, "change_submissions")
    payload = _payload(call)
    changes = payload.get("data")
    if not changes:
        raise Refusal(400, {"payload": ["`data` is required"]})
    numbers, _ = _chosen(call, asset, payload, "change_submissions")
    if not numbers:
        raise Refusal(400, ["No submissions match the given `submission_ids`"])
    results = []
    for number in numbers:
        old = intake.submission(call.store, number)
        fresh = str(uuids.uuid4())
        text = instance_xml.changed(
            old["xml"],
            {
                **{path: str(value) for path, value in changes.items()},
                "meta/instanceID": f"uuid:{fresh}",
                "meta/deprecatedID": f"uuid:{old['uuid']}",
                "meta/rootUuid": f"uuid:{old['root_uuid']}",
            },
        )
        intake.store_edit(call, asset, old, instance_xml.parse(text), text)
        results.append(
            {"uuid": fresh, "root_uuid": old["root_uuid"], "status_code": 201, "message": "Successful submission"}
        )
    return answer({"count": len(results), "successes": len(results), "failures": 0, "results": results})


def delete_many(call: Call, uid: str) -> Response:
    """`DELETE .../data/bulk/`, with a body that says which."""
    asset, _ = permissions.data_access(call, uid, "delete_submissions")
    numbers, unknown = _chosen(call, asset, _payload(call), "delete_submissions")
    _refuse_unknown(unknown)
    data.erase(call, asset, numbers)
    return answer({"detail": f"{len(numbers)} submissions have been deleted"})


def review_many(call: Call, uid: str) -> Response:
    """`PATCH .../data/validation_statuses/`. An unknown status is 200 and clears: a trap kept as it is."""
    asset, _ = permissions.data_access(call, uid, "validate_submissions")
    payload = _payload(call)
    numbers, unknown = _chosen(call, asset, payload, "validate_submissions")
    _refuse_unknown(unknown)
    status = _status(call, str(payload.get("validation_status.uid") or ""))
    for number in numbers:
        _review(call, asset, intake.submission(call.store, number), status)
    return answer({"detail": f"{len(numbers)} submissions have been updated"})


def clear_many(call: Call, uid: str) -> Response:
    """`DELETE .../data/validation_statuses/`: take the status of many away."""
    asset, _ = permissions.data_access(call, uid, "validate_submissions")
    numbers, unknown = _chosen(call, asset, _payload(call), "validate_submissions")
    _refuse_unknown(unknown)
    for number in numbers:
        _review(call, asset, intake.submission(call.store, number), {})
    return answer({"detail": f"{len(numbers)} submissions have been updated"})


def read_status(call: Call, uid: str, number: str) -> Response:
    """`GET .../data/{id}/validation_status/`."""
    _, row = data.reachable(call, uid, number, "view_submissions")
    return answer(json.loads(row["validation"]))


def review_one(call: Call, uid: str, number: str) -> Response:
    """`PATCH .../data/{id}/validation_status/`: here an unknown status is refused."""
    asset, row = data.reachable(call, uid, number, "validate_submissions")
    wanted = call.data().get("validation_status.uid")
    if wanted not in _STATUSES:
        raise Refusal(400, {"detail": f"Invalid validation status: `{wanted}`"})
    status = _status(call, wanted)
    _review(call, asset, row, status)
    return answer(status)


def clear_one(call: Call, uid: str, number: str) -> Response:
    """`DELETE .../data/{id}/validation_status/`."""
    asset, row = data.reachable(call, uid, number, "validate_submissions")
    _review(call, asset, row, {})
    return no_content()


def _payload(call: Call) -> dict[str, Any]:
    body = call.data()
    if not isinstance(body, dict) or "payload" not in body:
        raise Refusal(400, {"payload": ["This field is required."]})
    payload = body["payload"]
    if not isinstance(payload, dict):
        raise Refusal(400, {"payload": ["Value must be valid JSON."]})
    return payload


def _chosen(call: Call, asset: sqlite3.Row, payload: dict[str, Any], codename: str) -> tuple[list[int], set[int]]:
    """The rows a payload names by id, by query or with `confirm`; and the ids that do not exist.

    Raises Refusal 403 if one of them lies outside the caller's rows.
    """
    allowed = permissions.rows(call, asset, codename)
    query: dict[str, Any] = {}
    wanted: set[int] = set()
    if "submission_ids" in payload:
        wanted = _ids(payload["submission_ids"])
        query = {"_id": {"$in": sorted(wanted)}}
    elif payload.get("query"):
        query = payload["query"]
    elif payload.get("confirm") is not True:
        raise Refusal(400, {"payload": ["Confirmation is required"]})
    try:
        there = rows.every(call.store, asset["uid"], None, query, call.base)
        mine = rows.every(call.store, asset["uid"], allowed, query, call.base)
    except UnsupportedQuery:
        raise Refusal(400, ["Unsupported query"]) from None
    if wanted and len(mine) < len(there):
        raise Refusal(403, FORBIDDEN)
    return mine, wanted - set(there)


def _ids(listed: Any) -> set[int]:
    if not isinstance(listed, list) or not listed:
        raise Refusal(400, {"payload": ["`submission_ids` must contain at least one value"]})
    try:
        return {int(number) for number in listed}
    except (TypeError, ValueError):
        raise Refusal(400, {"payload": ["`submission_ids` must only contain integer values"]}) from None


def _refuse_unknown(unknown: set[int]) -> None:
    if unknown:
        raise Refusal(400, {"detail": "One or more submission ids are invalid"})


def _status(call: Call, uid: str) -> dict[str, Any]:
    if uid not in _STATUSES:
        return {}
    return {"timestamp": int(time.time()), "uid": uid, "by_whom": call.username, "label": _STATUSES[uid]}


def _review(call: Call, asset: sqlite3.Row, row: sqlite3.Row, status: dict[str, Any]) -> None:
    """Write a status; the uuid stays, so only the status itself tells that something happened."""
    call.store.run("UPDATE submission SET validation = ? WHERE id = ?", (json.dumps(status), row["id"]))
    label = status.get("label", "None")
    history.note(call, asset, "modify-submission", row["root_uuid"], row["submitted_by"], status=label)
