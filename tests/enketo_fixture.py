"""The committed forms opened in Enketo, and beside it in JavaRosa: what one engine keeps, the other must keep too."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any
from xml.etree import ElementTree

import pytest

from kobo_sync import forms
from tests.engines import enketo, javarosa

needs_browser = pytest.mark.skipif(bool(enketo.unsupported()), reason=enketo.unsupported())

OWN = ("start", "end", "instanceID", "instanceName")
"""Nodes that differ from one filling to the next: the clock's, and what names the instance."""


@cache
def compiled(form: str) -> Path:
    """The XForm of a committed form, its attachments beside it; for either engine."""
    media = {path.name: path.read_bytes() for path in forms.FOLDER.glob("*.csv")}
    return javarosa.compile_form(forms.xlsx_path(form), media, Path(mkdtemp(prefix="forms-")))


def blank(form: str) -> enketo.Form:
    """The committed form, opened blank in the browser without a complaint."""
    opened = enketo.Form(compiled(form))
    assert opened.errors == []
    return opened


def filled(form: str, answers: dict[str, Any], *, unmet: tuple[str, ...] = ()) -> enketo.Form:
    """The form filled without a refusal; `unmet` names the answers whose questions must stay hidden."""
    opened = blank(form)
    report = opened.fill(answers)
    assert report.refused == {}
    assert tuple(report.unmet) == unmet
    return opened


def fields(xml: str, *, drawn: tuple[str, ...] = ()) -> dict[str, str]:
    """Path to value of every leaf that holds something; `drawn` names nodes that chance decides."""
    found: dict[str, str] = {}

    def descend(element: ElementTree.Element, path: str) -> None:
        seen: dict[str, int] = {}
        for child in element:
            tag = child.tag.rpartition("}")[2]
            seen[tag] = seen.get(tag, 0) + 1
            here = f"{path}/{tag}" + (f"[{seen[tag]}]" if seen[tag] > 1 else "")
            if len(child):
                descend(child, here)
            elif child.text and tag not in (*OWN, *drawn):
                found[here] = child.text.strip()  # Enketo trims what it stores

    descend(ElementTree.fromstring(xml), "")
    return found


def same_in_both(form: str, answers: dict[str, Any], *, drawn: tuple[str, ...] = ()) -> enketo.Form:
    """Fill in both engines, hold the instances equal field by field, and return Enketo's form."""
    phone = javarosa.Form(compiled(form))
    there = phone.fill(answers)
    here = blank(form)
    report = here.fill(answers)
    assert (report.unmet, _plain(report.refused)) == (there.unmet, _plain(there.refused))
    assert _plain(dict([here.problem() or ("", "")])) == _plain(dict([phone.problem() or ("", "")]))
    assert fields(here.xml(), drawn=drawn) == fields(phone.xml(), drawn=drawn)
    return here


def _plain(by_reference: dict[str, str]) -> dict[str, str]:
    """References as Enketo writes them: a number only in a repeat, and no first one."""
    return {reference.replace("[1]", ""): text for reference, text in by_reference.items()}
