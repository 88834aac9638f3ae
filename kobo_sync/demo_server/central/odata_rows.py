"""A row as OData shows it: nested groups, nulls, numbers that are JSON numbers, repeats with their links."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from decimal import Decimal, InvalidOperation
from typing import Any
from urllib.parse import quote
from xml.etree import ElementTree
from xml.etree.ElementTree import Element

from kobo_sync.demo_server.central.xforms import Field, local

_SAFE_INTEGER = 2**53


def answers(xml: str, fields: Iterable[Field], instance: str, *, expand: bool) -> dict[str, Any]:
    """The columns of the published version, filled from the submission; what it does not know is left out."""
    try:
        root: Element | None = ElementTree.fromstring(xml)
    except (ElementTree.ParseError, ValueError):
        root = None  # broken after its beginning: the real server takes it, as a row of nulls
    link = f"Submissions('{quote(instance, safe='')}')"
    row = _level(root, fields, link, instance, expand)
    if root is None:
        found = re.search(r"<(?:\w+:)?instanceID>([^<]+)<", xml)
        row.setdefault("meta", {})["instanceID"] = found[1] if found else instance
    return row


def _level(node: Element | None, fields: Iterable[Field], link: str, path: str, expand: bool) -> dict[str, Any]:
    row: dict[str, Any] = {}
    for field in fields:
        nodes = [child for child in node if local(child) == field.name] if node is not None else []
        here = f"{link}/{field.column}"
        if field.type == "structure":
            row[field.column] = _level(
                nodes[0] if nodes else None, field.children, here, f"{path}/{field.name}", expand
            )
        elif field.type == "repeat":
            if not nodes:  # neither the list nor its link
                continue
            row[f"{field.column}@odata.navigationLink"] = here
            if expand:
                row[field.column] = [
                    _repeated(each, field, here, f"{path}/{field.name}[{number}]") for number, each in enumerate(nodes)
                ]
        else:
            row[field.column] = value(nodes[0].text if nodes else None, field.type)
    return row


def _repeated(node: Element, field: Field, link: str, path: str) -> dict[str, Any]:
    # The id goes with the position: take the first out and the second has its id.
    number = hashlib.sha1(path.encode(), usedforsecurity=False).hexdigest()
    return {**_level(node, field.children, f"{link}('{number}')", path, True), "__id": number}


def value(text: str | None, kind: str) -> Any:
    """One answer as JSON."""
    if not text:
        return None
    match kind:
        case "int":
            return _number(re.match(r"\s*[+-]?\d+", text))
        case "decimal":
            return _number(re.match(r"\s*[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", text))
        case "dateTime":
            return re.sub(r"(T.*[+-]\d\d)$", r"\1:00", text)
        case "geopoint":
            return _point(text)
        case "geotrace" | "geoshape":
            line = [point["coordinates"] for part in text.split(";") if (point := _point(part))]
            shape = kind == "geoshape"
            return {"type": "Polygon" if shape else "LineString", "coordinates": [line] if shape else line}
    return text


def _number(found: re.Match[str] | None) -> Any:
    """A number as JavaScript holds and writes it: `007` is 7, `1.10` is 1.1, long ones are rounded."""
    if found is None:
        return None
    try:
        exact = Decimal(found[0].strip())
    except InvalidOperation:
        return None
    rounded = float(exact)
    if rounded != rounded or rounded in (float("inf"), float("-inf")):
        return None
    if not rounded.is_integer():
        return rounded
    return int(rounded) if abs(rounded) < _SAFE_INTEGER else int(Decimal(repr(rounded)))


def _point(text: str) -> Any:
    parts = [value(part, "decimal") for part in text.split()]
    if len(parts) < 2 or None in parts:
        return None
    place: dict[str, Any] = {"type": "Point", "coordinates": [parts[1], parts[0], *parts[2:3]]}
    if len(parts) > 3:
        place["properties"] = {"accuracy": parts[3]}
    return place
