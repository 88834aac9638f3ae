"""The XML of a submission: reading it, turning it into Kobo's flat JSON, changing answers in it."""

from __future__ import annotations

import re
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any
from xml.etree import ElementTree
from xml.etree.ElementTree import Element


class BrokenXml(Exception):
    """The text is not well-formed XML."""


@dataclass(frozen=True)
class Instance:
    """What the server reads from a submission before anything else."""

    root: Element
    form_id: str
    formhub_uuid: str
    uuid: str
    deprecated_uuid: str
    root_uuid: str
    submission_date: str


def parse(text: str) -> Instance:
    """Read a submission; absent parts are empty. Raises BrokenXml."""
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError):
        raise BrokenXml from None
    return Instance(
        root=root,
        form_id=root.get("id") or local_name(root),
        formhub_uuid=_text_at(root, "formhub", "uuid"),
        uuid=_text_at(root, "meta", "instanceID").removeprefix("uuid:"),
        deprecated_uuid=_text_at(root, "meta", "deprecatedID").removeprefix("uuid:"),
        root_uuid=_text_at(root, "meta", "rootUuid").removeprefix("uuid:"),
        submission_date=root.get("submissionDate", ""),
    )


def local_name(node: Element) -> str:
    """The name of an element without its namespace (`orx:meta` is `meta`)."""
    return node.tag.rpartition("}")[2]


def answers(root: Element, repeats: set[str]) -> dict[str, Any]:
    """The answers as Kobo shows them: paths as keys, all values text, repeats as lists of full paths.

    An unanswered question, an empty group and a repeat without instances are absent.
    """
    return _flatten(root, "", repeats)


def first_point(found: Mapping[str, Any], paths: list[str]) -> list[float | None]:
    """`_geolocation`: latitude and longitude of the first answered point outside repeats."""
    for path in paths:
        parts = str(found.get(path, "")).split()
        if len(parts) >= 2:
            with suppress(ValueError):  # a bulk edit may write anything
                return [float(parts[0]), float(parts[1])]
    return [None, None]


def question_path(found: Mapping[str, Any], basename: str) -> str:
    """The path of the question whose answer is this file; inside repeats with `[n]`."""
    for key, value in found.items():
        if value == basename:
            return key
        if isinstance(value, list) and all(isinstance(item, dict) for item in value):
            for number, item in enumerate(value, 1):
                inner = question_path(item, basename)
                if inner:
                    return f"{key}[{number}]{inner.removeprefix(key)}"
    return ""


def changed(text: str, changes: Mapping[str, str]) -> str:
    """The XML with answers set; `a/b[2]/c` is the second `b`; what is missing is made, even unknown questions."""
    root = ElementTree.fromstring(text)
    for path, value in changes.items():
        node = root
        for step in path.split("/"):
            found = re.fullmatch(r"(.+?)(?:\[(\d+)\])?", step)
            name, number = (found[1], int(found[2] or 1)) if found else (step, 1)
            same = [child for child in node if local_name(child) == name]
            while len(same) < number:
                same.append(ElementTree.SubElement(node, name))
            node = same[number - 1]
        node.text = value
    return ElementTree.tostring(root, encoding="unicode")


def without(text: str, *paths: str) -> str:
    """The XML with these elements of `meta` taken away."""
    root = ElementTree.fromstring(text)
    for meta in [child for child in root if local_name(child) == "meta"]:
        for node in [child for child in meta if f"meta/{local_name(child)}" in paths]:
            meta.remove(node)
    return ElementTree.tostring(root, encoding="unicode")


def _flatten(node: Element, prefix: str, repeats: set[str]) -> dict[str, Any]:
    flat: dict[str, Any] = {}
    for child in node:
        path = f"{prefix}{local_name(child)}"
        if len(child):
            inner = _flatten(child, f"{path}/", repeats)
            if path in repeats:
                if inner:
                    flat.setdefault(path, []).append(inner)
            else:
                flat |= inner
        elif child.text and child.text.strip():
            if path in repeats:
                continue
            flat[path] = child.text
    return flat


def _text_at(root: Element, *names: str) -> str:
    nodes = [root]
    for name in names:
        nodes = [child for node in nodes for child in node if local_name(child) == name]
    return (nodes[0].text or "").strip() if nodes else ""
