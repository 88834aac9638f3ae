"""The committed forms opened in Enketo, and beside it in JavaRosa: what one engine keeps, the other must keep too."""

import atexit
from functools import cache
from pathlib import Path
from shutil import rmtree
from tempfile import mkdtemp
from typing import Any
from xml.etree import ElementTree

import pytest

from kobo_sync import forms
from tests.engines import enketo, javarosa
from transforms.case_code import shown_code

needs_browser = pytest.mark.skipif(bool(enketo.unsupported()), reason=enketo.unsupported())

OWN = ("start", "end", "instanceID", "instanceName", "tirage", "tirage_n")
"""Nodes that differ from one filling to the next: the clock's, the instance's, and what chance draws."""


@cache
def compiled(form: str) -> Path:
    """The XForm of a committed form, its attachments beside it; for either engine."""
    media = {path.name: path.read_bytes() for path in forms.FOLDER.glob("*.csv")}
    return javarosa.compile_form(forms.xlsx_path(form), media, _folder(form))


def _folder(form: str) -> Path:
    path = Path(mkdtemp(prefix=f"{form}-"))
    atexit.register(rmtree, path, ignore_errors=True)
    return path


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


def fields(xml: str) -> dict[str, str]:
    """Path to value of every leaf that holds something, the drawn case code written `CODE`."""
    root = ElementTree.fromstring(xml)
    code = next((leaf.text for leaf in root.iter("code_evenement")), None) or "no code"
    found: dict[str, str] = {}

    def descend(element: ElementTree.Element, path: str) -> None:
        seen: dict[str, int] = {}
        for child in element:
            tag = child.tag.rpartition("}")[2]
            seen[tag] = seen.get(tag, 0) + 1
            here = f"{path}/{tag}" + (f"[{seen[tag]}]" if seen[tag] > 1 else "")
            if len(child):
                descend(child, here)
            elif child.text and tag not in OWN:
                text = child.text
                for spelling in (code, shown_code(code), shown_code(code).lower()):
                    text = text.replace(spelling, "CODE")
                # Enketo trims what it stores, and writes ticks in the order of the list, not of ticking
                found[here] = " ".join(sorted(text.split()))

    descend(root, "")
    return found


def same_in_both(form: str, answers: dict[str, Any]) -> enketo.Form:
    """Fill in both engines, hold the instances equal field by field, and return Enketo's form."""
    phone = javarosa.Form(compiled(form))
    there = phone.fill(answers)
    here = blank(form)
    report = here.fill(answers)
    assert (report.unmet, _plain(report.refused)) == (there.unmet, _plain(there.refused))
    assert _plain(dict([here.problem() or ("", "")])) == _plain(dict([phone.problem() or ("", "")]))
    assert fields(here.xml()) == fields(phone.xml())
    return here


def _plain(by_reference: dict[str, str]) -> dict[str, str]:
    """References as Enketo writes them: a number only in a repeat, and no first one."""
    return {reference.replace("[1]", ""): text for reference, text in by_reference.items()}
