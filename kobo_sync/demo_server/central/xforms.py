"""An XForm as Central reads it: id, version, title, and the fields in their order."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from pyxform.errors import PyXFormError
from pyxform.xls2xform import convert

from kobo_sync.demo_server.central.web import Problem


@dataclass(frozen=True)
class Field:
    """A question, group or repeat. `column` is its name in OData; `children` those of a group or repeat."""

    name: str
    column: str
    type: str
    children: tuple[Field, ...] = ()
    multiple: bool = False


@dataclass(frozen=True)
class XForm:
    """What matters of a form's definition."""

    form_id: str
    version: str
    title: str
    xml: str
    fields: tuple[Field, ...]


def from_upload(body: bytes, content_type: str) -> XForm:
    """A form sent as an XForm or as an XLSForm. Raises Problem."""
    if "spreadsheetml" not in content_type:
        return read(body.decode("utf-8", "replace"))
    try:
        result = convert(io.BytesIO(body), file_type=".xlsx", validate=False)
    except PyXFormError as error:
        raise Problem(400.15, f"The given XLSForm file was not valid: {error}", {"error": str(error)}) from None
    return read(result.xform)


def read(xml: str) -> XForm:
    """Read a definition. Raises Problem for what is none."""
    try:
        root = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError):
        raise Problem(400.2, "Could not parse the given data as xml.") from None
    instance = next((node for node in root.iter() if local(node) == "instance"), None)
    data = next(iter(instance), None) if instance is not None else None
    if data is None or not data.get("id"):
        raise Problem(400.5, "The XForm does not have a form ID.")
    binds = {node.get("nodeset", ""): node.get("type", "string") for node in root.iter() if local(node) == "bind"}
    repeats = {node.get("nodeset", "") for node in root.iter() if local(node) == "repeat"}
    title = next((node.text or "" for node in root.iter() if local(node) == "title"), "")
    multiple = {node.get("ref", "") for node in root.iter() if local(node) == "select"}
    fields = _fields(data, f"/{local(data)}", binds, repeats, multiple)
    return XForm(data.get("id", ""), data.get("version", ""), title, xml, fields)


def dumped(fields: tuple[Field, ...]) -> str:
    """Fields as text, for the data file."""
    return json.dumps([_plain(field) for field in fields])


def loaded(text: str) -> tuple[Field, ...]:
    """Fields back from the data file."""
    return tuple(_back(item) for item in json.loads(text))


def listed(fields: tuple[Field, ...], path: str, *, safe: bool) -> Iterator[dict[str, Any]]:
    """Fields as the API lists them, groups and repeats before what lies in them."""
    for field in fields:
        here = f"{path}/{field.column if safe else field.name}"
        name = field.column if safe else field.name
        yield {
            "path": here, "name": name, "type": field.type, "binary": True if field.type == "binary" else None,
            "selectMultiple": True if field.multiple else None,
        }  # fmt: skip
        yield from listed(field.children, here, safe=safe)


def local(node: Element) -> str:
    """The name of an element without its namespace."""
    return node.tag.rpartition("}")[2]


def _fields(
    node: Element, path: str, binds: dict[str, str], repeats: set[str], multiple: set[str]
) -> tuple[Field, ...]:
    found: dict[str, Field] = {}
    for child in node:
        name = local(child)
        if name in found:  # a repeat stands twice: its template, then its first instance
            continue
        here = f"{path}/{name}"
        children = _fields(child, here, binds, repeats, multiple)
        kind = "repeat" if here in repeats else "structure" if children else binds.get(here, "string")
        found[name] = Field(name, re.sub(r"[^A-Za-z0-9_]", "_", name), kind, children, here in multiple)
    return tuple(found.values())


def _plain(field: Field) -> list[Any]:
    return [field.name, field.column, field.type, [_plain(child) for child in field.children], field.multiple]


def _back(item: list[Any]) -> Field:
    return Field(item[0], item[1], item[2], tuple(_back(child) for child in item[3]), item[4])
