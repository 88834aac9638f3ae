"""Every question of the built forms is mapped, or ignored by name with a reason; and the table names no other."""

import csv
from pathlib import Path

import pytest
from pyxform.xls2json_backends import get_xlsform

from kobo_sync import forms
from transforms import reading
from transforms.reading import table

NO_ANSWER = {"note", "begin_group", "end_group", "begin group", "end group"}


def questions(form: str) -> set[tuple[str, str]]:
    """(repeat or '', question) of a built form."""
    found, inside = set(), [""]
    for row in get_xlsform(forms.xlsx_path(form)).survey:
        kind = str(row["type"]).replace("_", " ", 1) if str(row["type"]).startswith(("begin", "end")) else row["type"]
        if kind == "begin repeat":
            inside.append(row["name"])
        elif kind == "end repeat":
            inside.pop()
        elif kind not in NO_ANSWER:
            found.add((inside[-1], row["name"]))
    return found


@pytest.mark.parametrize("form", forms.FORMS)
def test_the_table_and_the_form_name_the_same_questions(form: str) -> None:
    assert questions(form) == {(repeat, question) for known, repeat, question in table() if known == form}


def test_what_is_ignored_says_why() -> None:
    with Path(reading._TABLE).open(encoding="utf-8", newline="") as lines:
        for row in csv.DictReader(lines):
            assert bool(row["note"]) == (row["kind"] == "ignore"), row
            assert (row["on_error"] == "") == (row["kind"] == "ignore"), row
