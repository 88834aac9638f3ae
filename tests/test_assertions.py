"""Figures that contradict each other are not published; the message says which."""

from dataclasses import replace

import pytest

from tests import report_fixture
from tests.test_counting import derive
from tests.test_tables import build, frames_of
from tests.transform_fixture import received, traite
from transforms.assertions import PublicationError, assert_publishable
from transforms.bundle import Bundle, StatTable


def bundle() -> Bundle:
    """Tables and rows of one real population of three victims."""
    frames = frames_of(derive([received(traite(victims=[{}, {"v_sexe": "M"}, {"v_age": "30"}]))]))
    tables = tuple(build(number, frames) for number in ("3", "4", "5", "6"))
    return replace(report_fixture.empty_bundle(), tables=tables, victims=frames["victims"])


def changed(table: StatTable, row: int, cells: tuple[int, ...]) -> StatTable:
    rows = list(table.rows)
    rows[row] = (rows[row][0], cells)
    return replace(table, rows=tuple(rows))


def test_figures_that_agree_are_published() -> None:
    assert_publishable(bundle())


@pytest.mark.parametrize(
    ("row", "cells", "words"),
    [
        (0, (9, 0, 0, 9), "tableau 3 : les lignes ne font pas le total"),
        (0, (-1, 3, 0, 2), "tableau 3 : une valeur est négative"),
        (-1, (9, 0, 0, 9), "ne disent pas le même total"),
        (-1, (9, 0, 0, 9), "plus de victimes identifiées que de lignes"),
    ],
)
def test_a_contradiction_is_named(row: int, cells: tuple[int, ...], words: str) -> None:
    whole = bundle()
    broken = replace(whole, tables=(changed(whole.tables[0], row, cells), *whole.tables[1:]))
    with pytest.raises(PublicationError, match=words):
        assert_publishable(broken)
