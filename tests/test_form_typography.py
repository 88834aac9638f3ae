"""No line of a French text begins with « ? » or ends with an opening quotation mark."""

import re

import pytest
from pyxform.xls2json_backends import get_xlsform

from kobo_sync import forms
from kobo_sync.form_names import FORMS
from kobo_sync.form_typography import bound

ALONE = re.compile(r" [?!:;»]|« ")


@pytest.mark.parametrize(
    ("written", "set_"),
    [
        ("Qui ?", "Qui\u202f?"),
        ("« Oui » : continuez ; sinon, non !", "«\u202fOui\u202f»\u202f: continuez\u202f; sinon, non\u202f!"),
        ("a : b", "a\u202f: b"),
        ("10:30", "10:30"),
        ("", ""),
    ],
)
def test_punctuation_is_bound_to_its_word(written: str, set_: str) -> None:
    assert bound(written) == set_


@pytest.mark.parametrize("form", FORMS)
def test_the_built_forms_part_nothing_and_a_phone_receives_them_so(form: str) -> None:
    built = get_xlsform(forms.xlsx_path(form))
    french = [cell for row in (*built.survey, *built.choices) for head, cell in row.items() if "(fr)" in str(head)]
    assert [cell for cell in french if ALONE.search(str(cell))] == []
    assert any("\u202f" in str(cell) for cell in french)
