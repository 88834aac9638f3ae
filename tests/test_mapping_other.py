"""Follow-ups, register and declarations as read: every answer in its place, what can't be read waits with reasons."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.transform_fixture import declaration, fournisseur, suivi
from transforms import codelists
from transforms.errors import MappingError
from transforms.mapping_other import OTHER_FORMS, map_other
from transforms.models_other import Declaration, FollowUp, ProviderContact, ProviderEntry
from transforms.reading import Line, table

FIXTURES = {"suivi": suivi, "fournisseur": fournisseur, "declaration": declaration}
SAMPLES = {"text": "texte", "int": "7", "date": "2026-03-02", "month": "2026-03-01", "answer": "oui", "band": "15-17",
           "case_code": "K7M4XQ2P2", "place": "NE001"}  # fmt: skip
READ_AS = {"month": "2026-03", "int": 7}


def reasons(form: str, raw: dict[str, Any]) -> set[tuple[str, str]]:
    with pytest.raises(MappingError) as caught:
        map_other("k", form, raw)
    return {(question, code) for question, code, _ in caught.value.reasons}


def test_a_follow_up_is_read_whole() -> None:
    other = map_other("k", "suivi", suivi())
    assert isinstance(other.record, FollowUp) and other.findings == [] and other.leftover == []
    record = other.record
    assert (record.case_code, record.subject_form, record.subject, record.row_no) == (
        "ABCD2345",
        "traite",
        "victime",
        1,
    )
    assert (record.confirm_sex, record.confirm_band, record.confirm_month) == ("F", "10-14", "2026-04")
    assert (record.kinds, record.assistance, record.assistance_date) == ("assistance", "Health shelter", "2026-05-02")


def test_a_provider_is_read_with_its_contacts_apart() -> None:
    other = map_other("k", "fournisseur", fournisseur())
    assert isinstance(other.record, ProviderEntry) and other.contact is not None and other.findings == []
    assert (other.record.provider, other.record.region, other.record.since_year) == ("ONG", "NE007", 2019)
    assert other.contact.focal_phone == "+227 00 00 00 00"
    assert "Zinariya" not in other.record.model_dump_json() and "+227" not in other.record.model_dump_json()


@pytest.mark.parametrize("form", ["suivi", "fournisseur"])
def test_the_day_a_paper_came_is_kept_and_may_be_missing(form: str) -> None:
    for day in ("2026-05-06", None):
        record = map_other("k", form, FIXTURES[form](recue_papier_le=day)).record
        assert isinstance(record, (FollowUp, ProviderEntry)) and record.paper_received_date == day


def test_a_declaration_of_numbers_and_one_of_none() -> None:
    told = map_other("k", "declaration", declaration()).record
    assert isinstance(told, Declaration)
    assert (told.quarter, told.nothing, told.events_traite, told.victims) == ("2026-T3", "non", 2, 3)
    numbers = dict.fromkeys(("nb_traite", "nb_victimes", "nb_trafic", "nb_migrants"))
    none = map_other(
        "k", "declaration", declaration(neant="oui", mode_decl="phone", date_appel="2026-10-02", **numbers)
    )
    assert isinstance(none.record, Declaration)
    assert (none.record.nothing, none.record.events_traite, none.record.call_date) == ("oui", 0, "2026-10-02")


@pytest.mark.parametrize(
    ("form", "raw", "reason"),
    [
        ("suivi", suivi(code_normal="K7M4XQ2P3"), ("code_normal", "bad_case_code")),
        ("suivi", suivi(code_normal=None), ("code_normal", "missing")),
        ("suivi", suivi(fiche="autre"), ("fiche", "bad_code")),
        ("suivi", suivi(ligne_no=None), ("ligne_no", "missing")),
        ("suivi", suivi(retrait="peut-être"), ("retrait", "bad_code")),
        ("fournisseur", fournisseur(org_region="NE999"), ("org_region", "bad_place")),
        ("fournisseur", fournisseur(org_code=None), ("org_code", "missing")),
        ("declaration", declaration(annee="203"), ("annee", "bad_number")),
        ("declaration", declaration(trimestre="T5"), ("trimestre", "bad_code")),
        ("declaration", declaration(nb_traite=None), ("nb_traite", "missing")),
        ("declaration", declaration(nb_traite="-1"), ("nb_traite", "bad_number")),
        ("declaration", declaration(neant="nsp"), ("neant", "bad_code")),
        ("declaration", declaration(neant="oui"), ("neant", "contradiction")),
        ("declaration", declaration(nb_traite="0", nb_victimes="0"), ("neant", "contradiction")),
        ("traite", {}, ("", "unknown_form")),
    ],
)
def test_what_can_t_be_read_waits_with_its_reason(form: str, raw: dict[str, Any], reason: tuple[str, str]) -> None:
    assert reason in reasons(form, raw)


def test_what_was_typed_in_the_wrong_place_is_not_repeated() -> None:
    for form, raw in (
        ("suivi", suivi(code_normal="Zinariya", fiche="Zinariya")),
        ("declaration", declaration(annee="Zinariya")),
    ):
        with pytest.raises(MappingError) as caught:
            map_other("k", form, raw)
        assert "Zinariya" not in caught.value.message
    said = map_other("k", "suivi", suivi(aide="Zinariya", Zinariya="x")).findings
    assert {f.rule for f in said} == {"bad_code", "unknown_question"}
    assert "Zinariya" not in " ".join(f.message + str(f.value) for f in said)


def sample(line: Line) -> str:
    if line.target == "form_release":
        return f"{line.form}-0123456789"
    if line.kind in ("code", "codes"):
        return codelists.codes(line.variable)[-1]
    return "NE001001" if line.variable == "department" else SAMPLES[line.kind]


@pytest.mark.parametrize("form", OTHER_FORMS)
def test_every_question_read_reaches_a_record(form: str) -> None:
    for line in table().values():
        if line.form != form or line.kind == "ignore" or line.target in ("year", "nothing", "quarter"):
            continue
        said = sample(line)
        other = map_other("k", form, FIXTURES[form](**{line.question: said}))
        held = [getattr(record, line.target, None) for record in (other.record, other.contact, other.shown_to)]
        assert READ_AS.get(line.kind, said) in held, line


def test_whatever_names_a_person_goes_to_the_contacts_apart() -> None:
    apart = {line.target for line in table().values() if line.form == "fournisseur" and line.identifying}
    apart.discard("")  # ignored: the name of a file goes to no table
    assert apart == set(ProviderContact.model_fields) - {"submission_key"}
    assert not apart & set(ProviderEntry.model_fields)


SCALAR = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
JUNK = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(st.text(max_size=8), SCALAR, max_size=2)
QUESTIONS = sorted({question for form, _, question in table() if form in OTHER_FORMS} | {"meta", "x"})


@given(st.sampled_from(OTHER_FORMS), st.dictionaries(st.sampled_from(QUESTIONS), JUNK, max_size=6))
def test_no_input_makes_it_raise_anything_but_its_documented_error(form: str, answers: dict[str, Any]) -> None:
    try:
        other = map_other("k", form, FIXTURES[form]() | answers)
    except MappingError as error:
        assert error.reasons and error.message
    else:
        assert other.record.submission_key == "k"
