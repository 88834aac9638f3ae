"""From an uploaded XLSForm to the asset's content, and from there to the XForm that phones get."""

from __future__ import annotations

import hashlib
import io
import json
import re
import secrets
import string
import zipfile
from typing import Any

from openpyxl.utils.exceptions import InvalidFileException
from pyxform.errors import PyXFormError
from pyxform.xls2json_backends import xlsx_to_dict
from pyxform.xls2xform import convert

Sheets = dict[str, list[dict[str, str]]]

_GEO_TYPES = ("geopoint", "geotrace", "geoshape")
_FILE_SELECTS = ("select_one_from_file", "select_multiple_from_file")


class ImportProblem(Exception):
    """The upload cannot become an asset; the arguments are the server's message and error type."""

    def __init__(self, message: str, kind: str) -> None:
        super().__init__(message)
        self.message = message
        self.kind = kind


class BrokenForm(Exception):
    """The form cannot be deployed; the text is pyxform's own."""


def read_sheets(workbook: bytes) -> Sheets:
    """The rows of the survey, choices and settings sheets.

    Raises ImportProblem where a Kobo server would end the import with `status: error`.
    """
    try:
        found = xlsx_to_dict(io.BytesIO(workbook))
    except (zipfile.BadZipFile, InvalidFileException, KeyError, PyXFormError):
        raise ImportProblem("Unsupported format, or corrupt file", "XlsFormatException") from None
    sheets = {
        name: [{key: str(value) for key, value in row.items()} for row in found.get(name) or []]
        for name in ("survey", "choices", "settings", "entities", "external_choices")
    }
    if not sheets["survey"]:
        raise ImportProblem("The survey sheet is missing or empty", "ValueError")
    return sheets


def content_hash(sheets: Sheets) -> str:
    """SHA-1 of the sheets: the same form gives the same hash."""
    return hashlib.sha1(json.dumps(sheets, sort_keys=True).encode(), usedforsecurity=False).hexdigest()


def content(sheets: Sheets) -> dict[str, Any]:
    """The asset's `content`: rows with their kuid and path, types split from their list names."""
    survey: list[dict[str, Any]] = []
    path: list[str] = []
    languages = _languages(sheets)
    for source in sheets["survey"]:
        row = _typed(source, languages)
        row["$kuid"] = _kuid()
        if row["type"].startswith("end_"):
            path = path[:-1]
        elif name := row.get("name"):
            row |= {"$xpath": "/".join([*path, name]), "$autoname": name}
            if row["type"].startswith("begin_"):
                path = [*path, name]
        survey.append(row)
    choices = [
        _labelled(row, languages) | {"$kuid": _kuid(), "$autovalue": row.get("name", "")} for row in sheets["choices"]
    ]
    settings = {key: value for row in sheets["settings"] for key, value in row.items()}
    if "form_id" in settings:
        settings["id_string"] = settings.pop("form_id")
    return {
        "schema": "1",
        "survey": survey,
        "choices": choices,
        "settings": settings,
        "translated": ["label"],
        "translations": languages,
    }


def summary(whole: dict[str, Any]) -> dict[str, Any]:
    """The summary of an asset's content; groups and the two instants are not counted as rows."""
    rows = [row for row in whole["survey"] if not row["type"].startswith(("end", "begin_")) and row["type"] != "start"]
    columns = {key: None for row in rows for key in row if not key.startswith("$")}
    return {
        "geo": any(row["type"] in _GEO_TYPES for row in rows),
        "labels": [row["label"][0] for row in rows if row.get("label")][:5],
        "columns": list(columns),
        "lock_all": False,
        "lock_any": False,
        "languages": [name for name in whole["translations"] if name],
        "row_count": len(rows),
        "name_quality": {"ok": 0, "bad": 0, "good": len(rows), "total": len(rows), "firsts": {}},
        "default_translation": whole["translations"][0],
    }


def deployable(sheets: Sheets, *, uid: str, title: str, version: str, version_uid: str, formhub_uuid: str) -> str:
    """The XForm for phones: Kobo's own root element, id and version in place of the form's.

    Raises BrokenForm with pyxform's message.
    """
    settings = {k: v for row in sheets["settings"] for k, v in row.items()}
    settings |= {"form_id": uid, "name": uid, "version": version}
    settings.setdefault("form_title", title)
    stamp = {"type": "calculate", "name": "__version__", "calculation": f"'{version_uid}'"}
    workbook = {name: rows for name, rows in sheets.items() if rows}
    workbook |= {"survey": [*sheets["survey"], stamp], "settings": [settings], "choices": sheets["choices"]}
    for name in [*workbook]:  # else pyxform guesses the columns from the first hundred rows
        workbook[f"{name}_header"] = [{key: "" for row in workbook[name] for key in row}]
    try:
        xform: str = convert(workbook, pretty_print=True).xform
    except PyXFormError as error:
        raise BrokenForm(str(error)) from None
    bind = f'<bind nodeset="/{uid}/formhub/uuid" type="string" calculate="\'{formhub_uuid}\'"/>'
    xform = xform.replace('<?xml version="1.0"?>', '<?xml version="1.0" encoding="utf-8"?>', 1)
    xform = re.sub(rf"(<{uid}\b[^>]*>)", r"\1<formhub><uuid/></formhub>", xform, count=1)
    return xform.replace("</model>", f"{bind}</model>", 1)


def repeat_paths(xform: str, uid: str) -> set[str]:
    """Paths of the repeats of a form, without its root."""
    return set(re.findall(rf'<repeat nodeset="/{uid}/([^"]+)"', xform))


def geopoint_paths(xform: str, uid: str) -> list[str]:
    """Paths of the points of a form, in its order, without its root."""
    return re.findall(rf'<bind nodeset="/{uid}/([^"]+)"[^>]*type="geopoint"', xform)


def _languages(sheets: Sheets) -> list[str | None]:
    """The languages of the labels, in the order of their columns; `[None]` for a form of one language."""
    keys = (key for name in ("survey", "choices") for row in sheets[name] for key in row)
    found = {key.partition("::")[2]: None for key in keys if key.startswith("label::")}
    return [*found] or [None]


def _typed(source: dict[str, str], languages: list[str | None]) -> dict[str, Any]:
    row = _labelled(source, languages)
    kind, _, rest = row.get("type", "").strip().partition(" ")
    if kind in ("begin", "end") and rest:
        row["type"] = f"{kind}_{rest.strip()}"
    elif rest:
        row["type"] = kind
        row["file" if kind in _FILE_SELECTS else "select_from_list_name"] = rest.split()[0]
    if row.get("required", "").lower() in ("yes", "true", "true()"):
        row["required"] = True
    return row


def _labelled(source: dict[str, str], languages: list[str | None]) -> dict[str, Any]:
    """Labels and hints as Kobo keeps them: lists, one entry a language."""
    row: dict[str, Any] = {}
    for key, value in source.items():
        name, _, language = key.partition("::")
        if name in ("label", "hint"):
            texts = row.setdefault(name, [None] * len(languages))
            texts[languages.index(language) if language in languages else 0] = value
        else:
            row[key] = value
    return row


def _kuid() -> str:
    return "".join(secrets.choice(string.ascii_letters + string.digits) for _ in range(9))
