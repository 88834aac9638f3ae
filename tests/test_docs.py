"""What the documentation states of the forms is what they are."""

import re
from pathlib import Path

import pytest

from docs import pages
from kobo_sync import forms
from tests import forms_length
from transforms.dimensions import dimensions

DOCS = Path(forms.__file__).parents[1] / "docs"
PAGES = sorted(path for path in DOCS.rglob("*.md"))


def test_the_lengths_stated_are_those_counted() -> None:
    assert forms_length.table() in (DOCS / "formulaires.md").read_text(encoding="utf-8"), "python -m tests.forms_length"


def test_the_page_of_dimensions_is_the_one_that_the_table_and_the_forms_give() -> None:
    written = (DOCS / "dimensions-ictip.md").read_text(encoding="utf-8")
    assert written == pages.ictip(), "python docs/pages.py"


def test_every_dimension_is_on_the_page() -> None:
    assert {dimension.component for dimension in dimensions()} == set(pages.COMPONENTS)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_links_between_pages_lead_somewhere(page: Path) -> None:
    links = re.findall(r"\]\(([^)#\s]+)\)", page.read_text(encoding="utf-8"))
    broken = [link for link in links if "://" not in link and not (page.parent / link).exists()]
    assert not broken


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_a_page_that_tells_to_type_says_from_where(page: Path) -> None:
    text = page.read_text("utf-8")
    typed = re.search(r"`kobo-sync \w|^ *kobo-sync \w", text, re.MULTILINE)
    assert not typed or ".venv/bin/activate" in "".join(text.splitlines()[:6])


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_that_pages_name_exist(page: Path) -> None:
    named = re.findall(r"`((?:xlsforms|transforms|kobo_sync|benchmarks|docs|tests)/[\w./-]+)`", page.read_text("utf-8"))
    missing = [name for name in named if not (DOCS.parent / name).exists()]
    assert missing in ([], ["xlsforms/translations/ha.csv"])  # made by the first import of a language
