"""Every question of the built forms is mapped, or ignored by name with a reason; and the table names no other.

Questions that only an earlier release asked stay in the table, and their note says so.
"""

import csv
from pathlib import Path

import pytest
from pyxform.xls2json_backends import get_xlsform

from kobo_sync import forms
from kobo_sync.form_names import FORMS
from kobo_sync.forms_agree import EARLIER
from transforms import reading
from transforms.reading import table

NO_ANSWER = {"note", "begin_group", "end_group", "begin group", "end group", "csv-external"}


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


def lines() -> list[dict[str, str]]:
    with Path(reading._TABLE).open(encoding="utf-8", newline="") as rows:
        return list(csv.DictReader(rows))


@pytest.mark.parametrize("form", FORMS)
def test_the_table_and_the_form_name_the_same_questions(form: str) -> None:
    of_form = {(line["repeat"], line["question"]): line["note"].startswith(EARLIER) for line in lines()
               if line["form"] == form}  # fmt: skip
    assert questions(form) == {question for question, earlier in of_form.items() if not earlier}


def test_the_table_reads_every_form_and_no_other() -> None:
    assert {form for form, _, _ in table()} == set(FORMS)


def test_what_is_ignored_says_why() -> None:
    for line in lines():
        assert bool(line["note"]) == (line["kind"] == "ignore") or line["note"].startswith(EARLIER), line
        assert (line["on_error"] == "") == (line["kind"] == "ignore"), line
