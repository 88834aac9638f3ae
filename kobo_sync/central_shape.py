"""ODK Central's rows in Kobo's shape: answers under their path, all text, repeats as lists, no answer no key.

A row comes in two ways, its OData and its XML, and both give the same. Numbers are spelt one way (`7`, not `007`;
`1.1`, not `1.10`): OData has them as JSON numbers, and the spelling is lost there. What OData loses for good only the
XML has: whole numbers beyond 2**53, what is no number in a question of numbers, and what the form does not know.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

_NUMBERS = ("int", "decimal")
_PLACES = ("geopoint", "geotrace", "geoshape")


@dataclass
class Questions:
    """One level of a form: its questions by their name in OData, and what lies in its groups and repeats."""

    name: str = ""
    type: str = "structure"
    inside: dict[str, Questions] = field(default_factory=dict)


def questions(fields: Iterable[Mapping[str, Any]]) -> Questions:
    """The tree of a form's questions, from the list that the server gives."""
    top = Questions()
    for item in fields:
        *groups, name = str(item.get("path", "")).strip("/").split("/")
        level = top
        for group in groups:
            level = level.inside.setdefault(_column(group), Questions(group))
        level.inside[_column(name)] = Questions(name, str(item.get("type")))
    return top


def from_odata(row: Mapping[str, Any], form: Questions) -> dict[str, Any]:
    """The answers of a row got with `$expand=*`."""
    return _odata_level(row, form, "")


def from_xml(xml: bytes, form: Questions) -> dict[str, Any]:
    """The answers of a row's XML. Raises ValueError for what is no XML (the server takes it all the same)."""
    try:
        root = ElementTree.fromstring(xml)
    except ElementTree.ParseError:
        raise ValueError("not well-formed") from None
    return _xml_level(root, form, "")


def version_of(xml: bytes) -> str | None:
    """The form's version in a row's XML."""
    try:
        return ElementTree.fromstring(xml).get("version")
    except ElementTree.ParseError:
        return None


def _odata_level(node: Mapping[str, Any], form: Questions, prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for column, value in node.items():
        if column.startswith("__") or column.endswith("@odata.navigationLink"):
            continue
        question = form.inside.get(column, Questions(column, "string"))
        path = f"{prefix}{question.name}"
        if isinstance(value, list):
            items = [_odata_level(item, question, f"{path}/") for item in value if isinstance(item, Mapping)]
            if filled := [item for item in items if item]:
                flat[path] = filled
        elif isinstance(value, Mapping) and question.type not in _PLACES:
            flat |= _odata_level(value, question, f"{path}/")
        elif (text := _text(value)) is not None:
            flat[path] = _spelt(text, question.type)
    return flat


def _xml_level(node: Element, form: Questions, prefix: str) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for child in node:
        name = child.tag.rpartition("}")[2]
        question = form.inside.get(_column(name), Questions(name, "string"))
        path = f"{prefix}{name}"
        if question.type == "repeat":
            if inner := _xml_level(child, question, f"{path}/"):
                flat.setdefault(path, []).append(inner)
        elif len(child):
            flat |= _xml_level(child, question, f"{path}/")
        elif child.text and child.text.strip():
            flat[path] = _spelt(child.text, question.type)
    return flat


def _column(name: str) -> str:
    """A name as OData writes it."""
    return re.sub(r"[^A-Za-z0-9_]", "_", name)


def _text(value: Any) -> str | None:
    """A JSON value as text; None for no answer."""
    if isinstance(value, str):
        return value if value.strip() else None
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, int | float):
        return format(Decimal(repr(value)), "f")
    if isinstance(value, Mapping):
        return _place(value)
    return None


def _place(value: Mapping[str, Any]) -> str | None:
    """GeoJSON, longitude first, as `lat lon alt acc`; lines with `;` between points."""
    points = value.get("coordinates")
    if not isinstance(points, list) or not points:
        return None
    kind, accuracy = value.get("type"), (value.get("properties") or {}).get("accuracy")
    if kind == "Polygon":
        points = points[0]
    listed = [points] if kind == "Point" else points
    texts = []
    for point in listed:
        lon, lat, *rest = point
        texts.append(" ".join(str(_text(number)) for number in (lat, lon, *rest)))
    line = ";".join(texts)
    return f"{line} {_text(accuracy)}" if kind == "Point" and accuracy is not None else line


def _spelt(text: str, kind: str) -> str:
    """The one spelling of a number or of a time with its zone; other text as it is."""
    if kind == "dateTime":
        return re.sub(r"(T.*[+-]\d\d)$", r"\1:00", text)
    if kind not in _NUMBERS or not re.fullmatch(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?\s*", text):
        return text
    try:
        plain = format(Decimal(text.strip()), "f")
    except InvalidOperation:
        return text
    if "." in plain:
        plain = plain.rstrip("0").rstrip(".")
    return "0" if plain in ("-0", "", "-") else plain
