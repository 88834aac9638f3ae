"""The crosswalk to HTCDS answers every field, names only questions that exist, and its page is the one in the docs."""

from pathlib import Path

import pytest

from docs import pages

FIXTURE = Path(__file__).parent / "fixtures" / "htcds-2.0-core-fields.txt"
"""The questions of HTCDS 2.0's own core form (Toolkit/Survey/htcds_xlsform.xml, IOM, CC BY 4.0), in its order."""


def test_every_core_field_is_answered_in_the_order_of_the_standard() -> None:
    fields = [row["field"] for row in pages.rows(pages.CROSSWALK) if row["core"] == "oui"]
    assert fields == FIXTURE.read_text(encoding="utf-8").split()


def test_a_field_has_a_question_or_a_reason() -> None:
    bare = [row for row in pages.rows(pages.CROSSWALK) if not row["questions"] and not row["note"]]
    assert not bare


@pytest.mark.parametrize("row", pages.rows(pages.CROSSWALK), ids=lambda row: row["field"] or row["label"])
def test_questions_named_exist_and_have_a_label(row: dict[str, str]) -> None:
    missing = [name for name in row["questions"].split() if not pages.questions().get(name)]
    assert not missing


def test_the_page_in_the_docs_is_the_one_that_the_table_and_the_forms_give() -> None:
    written = (pages.DOCS / "htcds.md").read_text(encoding="utf-8")
    assert written == pages.htcds(), "python docs/pages.py"
