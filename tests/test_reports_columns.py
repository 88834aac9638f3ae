"""Every column of a bundle's frames has a French name, and every coded value a French label."""

from __future__ import annotations

import re

import pytest

from reports.columns import FRAMES, Column, columns_of, component_label, known_labels, label_of
from reports.quarter import SHEETS
from transforms import bundle, codelists

_KINDS = {"text", "code", "codes", "bool", "int", "decimal", "date"}


def documented_columns() -> dict[str, list[tuple[str, str]]]:
    """Frame -> (column, type said in brackets) as the head of transforms/bundle.py lists them."""
    text = (bundle.__doc__ or "").split("(text unless said; None where unknown):")[1]
    text = text.replace("as perpetrators\n", "same\n")
    found: dict[str, list[tuple[str, str]]] = {}
    for block in re.split(r"\n(?=[a-z_]+ +\S)", text):
        name, _, rest = block.strip().partition(" ")
        rest = re.sub(r"^\s*\(tallies\)", "", rest)
        if rest.strip() == "same":
            found[name] = found["perpetrators"]
            continue
        parts = re.sub(r"\(([^()]*)\)", lambda m: "(" + m[1].replace(",", ";") + ")", rest).split(",")
        matches = [re.match(r"\s*(\w+)\s*(?:\((.*)\))?", part, re.S) for part in parts]
        found[name] = [(match[1], match[2] or "") for match in matches if match]
    return found


@pytest.mark.parametrize("frame", FRAMES)
def test_every_column_of_the_bundle_is_named(frame: str) -> None:
    documented = [name for name, _ in documented_columns()[frame]]
    assert sorted(documented) == sorted(column.column for column in columns_of(frame))


@pytest.mark.parametrize("frame", FRAMES)
def test_integers_and_booleans_are_typed_as_the_bundle_says(frame: str) -> None:
    kinds = {column.column: column.kind for column in columns_of(frame)}
    for name, said in documented_columns()[frame]:
        for word, kind in (("int", "int"), ("bool", "bool"), ("float", "decimal")):
            assert (kinds[name] == kind) == said.startswith(word), f"{frame}.{name}: {said} / {kinds[name]}"


def all_columns() -> list[Column]:
    return [column for frame in FRAMES for column in columns_of(frame)]


def test_headers_and_descriptions_are_written_and_kinds_known() -> None:
    for column in all_columns():
        assert column.header_fr and column.group_fr and column.description_fr.endswith("."), column
        assert column.kind in _KINDS and column.forms in ("", "traite", "trafic"), column
        assert "_" not in column.header_fr and column.header_fr != column.column, column


def test_every_list_of_codes_exists_and_is_used_by_coded_columns_only() -> None:
    for column in all_columns():
        if column.variable:
            assert column.kind in ("code", "codes"), column
            assert known_labels(column, {}), column


def test_components_are_those_of_the_code_list() -> None:
    labels = set(codelists.labels("record_component").values()) | {"Hors ICS-TIP"}
    assert {component_label(column) for column in all_columns()} == labels


@pytest.mark.parametrize("spec", SHEETS, ids=lambda spec: spec.title)
def test_printed_headers_are_unique_on_their_sheet(spec) -> None:  # type: ignore[no-untyped-def]
    headers = []
    for column in columns_of(spec.frame, spec.form):
        headers.append(column.header_fr.casefold())
        if column.kind in ("code", "codes"):
            headers.append(f"{column.header_fr} (code)".casefold())
    assert len(headers) == len(set(headers))


def test_a_list_of_codes_is_labelled_code_by_code_and_unknown_codes_show() -> None:
    acts = next(column for column in columns_of("events") if column.column == "acts")
    assert label_of("transfer brandnew", acts, known_labels(acts, {})) == "Transfert ; brandnew"


def test_a_label_of_the_bundle_goes_before_the_code_list() -> None:
    sex = next(column for column in columns_of("victims") if column.column == "sex")
    assert known_labels(sex, {"sex": {"F": "Femme"}})["F"] == "Femme"
    assert known_labels(sex, {"sex": {"F": "Femme"}})["M"] == "Masculin"
