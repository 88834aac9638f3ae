"""What phones speak: form list, form, manifest, media, and the submission address."""

from __future__ import annotations

import hashlib
import sqlite3
from datetime import datetime
from typing import Any
from xml.sax.saxutils import escape, quoteattr

from starlette.responses import Response

from kobo_sync.demo_server import intake, permissions
from kobo_sync.demo_server.web import NOT_FOUND, Call, Refusal, answer

_HEAD = '<?xml version="1.0" encoding="utf-8"?>\n'
_XMLNS = {
    "xforms": ' xmlns="http://openrosa.org/xforms/xformsList"',
    "manifest": ' xmlns="http://openrosa.org/xforms/xformsManifest"',
    "root": "",
}
_VERSION = {"X-OpenRosa-Version": "1.0", "X-OpenRosa-Accept-Content-Length": "10000000"}
_XML = "text/xml; charset=utf-8"
# Where a `Location` header comes with the answer to a submission, as recorded.
_LOCATED = (201, 202, 204, 409)


def form_list(call: Call) -> Response:
    """`GET /formList`: the active forms to which the caller may add."""
    forms = [
        asset
        for asset in call.store.all("SELECT * FROM asset WHERE active AND xform IS NOT NULL ORDER BY id")
        if call.user is not None and "add_submissions" in permissions.granted(call.store, asset, call.username)
    ]
    inner = "".join(
        f"<xform><formID>{form['uid']}</formID><name>{escape(form['name'])}</name>"
        f"<majorMinorVersion>{form['xform_version']}</majorMinorVersion><version>{form['xform_version']}</version>"
        f"<hash>md5:{hashlib.md5(form['xform'].encode(), usedforsecurity=False).hexdigest()}</hash>"
        f"<descriptionText>{escape(form['name'])}</descriptionText>"
        f"<downloadUrl>{call.base}/forms/{form['id']}/form.xml</downloadUrl>"
        f"<manifestUrl>{call.base}/xformsManifest/{form['id']}</manifestUrl></xform>"
        for form in forms
    )
    return _xml(f"{_HEAD}<xforms{_XMLNS['xforms']}>{inner}</xforms>")


def form_xml(call: Call, pk: str) -> Response:
    """`GET /forms/{pk}/form.xml`."""
    return _xml(_form(call, pk, "xforms")["xform"])


def manifest(call: Call, pk: str) -> Response:
    """`GET /xformsManifest/{pk}`: the files as published by the last real deployment."""
    form = _form(call, pk, "manifest")
    inner = "".join(
        f"<mediaFile><filename>{escape(file['filename'])}</filename><hash>{file['hash']}</hash>"
        f"<downloadUrl>{call.base}/xformsMedia/{form['id']}/{file['id']}{_extension(file)}</downloadUrl></mediaFile>"
        for file in call.store.all("SELECT * FROM published WHERE asset_uid = ? ORDER BY id", (form["uid"],))
    )
    return _xml(f"{_HEAD}<manifest{_XMLNS['manifest']}>{inner}</manifest>")


def form_media(call: Call, pk: str, file: str) -> Response:
    """`GET /xformsMedia/{pk}/{id}.csv`."""
    form = _form(call, pk, "json")
    row = call.store.one(
        "SELECT * FROM published WHERE asset_uid = ? AND id = ?", (form["uid"], file.partition(".")[0])
    )
    if row is None:
        raise Refusal(404, NOT_FOUND)
    disposition = f"attachment; filename={row['filename']}"
    return Response(row["content"], 200, {"Content-Disposition": disposition, "Content-Type": row["mimetype"]})


def announce(call: Call) -> Response:
    """`HEAD /submission`: how much may be sent."""
    headers = {**_VERSION, "Location": f"{call.base}/submission", "Content-Type": _XML}
    return Response(status_code=204, headers=headers)


def submit(call: Call) -> Response:
    """`POST /submission`: multipart with `xml_submission_file` and one part a file."""
    text = call.fields.get("xml_submission_file")
    files = [upload for upload in call.files if upload.name != "xml_submission_file"]
    for upload in call.files:
        if upload.name == "xml_submission_file":
            text = upload.content.decode("utf-8", "replace")
    if not text:
        return _spoken(call, 400, "Received empty submission. No instance was created")
    try:
        outcome = intake.receive(call, text, files)
    except intake.UnknownForm:
        return unauthorized("root", 404, "Not found.")
    if outcome.row is None:
        return _spoken(call, outcome.status, outcome.message)
    row = outcome.row
    body = (
        '<OpenRosaResponse xmlns="http://openrosa.org/http/response">\n'
        "    <message>Successful submission.</message>\n"
        f'    <submissionMetadata xmlns="http://www.opendatakit.org/xforms" id="{row["asset_uid"]}" '
        f' instanceID={quoteattr("uuid:" + row["uuid"])} submissionDate="{_offset(row["created"])}"'
        f' isComplete="true" markedAsCompleteDate="{_offset(row["modified"])}"/>\n</OpenRosaResponse>\n'
    )
    return _xml(body, 201, {"Location": f"{call.base}/submission"})


def unauthorized(root: str, status: int, detail: str, headers: dict[str, str] | None = None) -> Response:
    """A refusal by the API framework: `<detail>` under the root that the address uses, or JSON."""
    if root == "json":
        return answer({"detail": detail}, status, headers)
    body = f"{_HEAD}<{root}{_XMLNS[root]}><detail>{escape(detail)}</detail></{root}>"
    return Response(body, status, {**(headers or {}), "Content-Type": _XML})


class Unlisted(Exception):
    """The form is not for this caller; `root` is the XML root of the 404."""

    def __init__(self, root: str) -> None:
        super().__init__(root)
        self.root = root


def _form(call: Call, pk: str, root: str) -> sqlite3.Row:
    form = call.store.one("SELECT * FROM asset WHERE id = ? AND xform IS NOT NULL", (pk,))
    if form is None or not permissions.has(call, form, "add_submissions"):
        raise Unlisted(root)
    return form


def _spoken(call: Call, status: int, message: str) -> Response:
    """An answer in the OpenRosa way, also for refusals."""
    body = (
        "<?xml version='1.0' encoding='UTF-8' ?>\n"
        '<OpenRosaResponse xmlns="http://openrosa.org/http/response">\n'
        f'        <message nature="">{escape(message)}</message>\n</OpenRosaResponse>'
    )
    return _xml(body, status, {"Location": f"{call.base}/submission"} if status in _LOCATED else {})


def _xml(text: str, status: int = 200, headers: dict[str, Any] | None = None) -> Response:
    return Response(text, status, {**_VERSION, **(headers or {}), "Content-Type": _XML})


def _extension(file: sqlite3.Row) -> str:
    _, dot, ending = str(file["filename"]).rpartition(".")
    return dot + ending


def _offset(stamp: str) -> str:
    return datetime.fromisoformat(stamp).isoformat()
