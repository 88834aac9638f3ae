"""From answers to records: every value is mapped, ignored by name, or raises a flag; what can't be read waits."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_fixture import trafic, traite
from transforms import codelists
from transforms.errors import MappingError
from transforms.mapping import map_submission
from transforms.reading import table


def only_victim(**answers: Any) -> Any:
    (victim,) = map_submission("k", "traite", traite(victims=[answers])).victims
    return victim


def test_the_table_names_only_lists_that_exist() -> None:
    for line in table().values():
        if line.kind in ("code", "codes"):
            assert line.variable in codelists.variables(), line
        assert (line.kind == "ignore") == (line.target == ""), line


def test_a_child_begging_is_presumed_trafficking_without_means() -> None:
    mapped = map_submission("k", "traite", traite(moyens="none"))
    assert mapped.event.classification_computed == "traite_presumee"
    assert mapped.event.exploitation_main == "begging"
    assert mapped.victims[0].age_group == "0-17" and mapped.victims[0].age_band == "10-14"
    assert mapped.leftover == [] and mapped.findings == []


def test_groups_moved_or_nested_read_the_same() -> None:
    flat = traite()
    moved = {name.replace("fait/", "autre/groupe/"): value for name, value in flat.items()}
    nested = {"fait": {}, "victime": [{"a": {"b": dict_without_prefix(row)}} for row in flat["victime"]]} | {
        name: value for name, value in flat.items() if "/" not in name and name != "victime"
    }
    for name, value in flat.items():
        if "/" in name and not name.startswith(("meta", "formhub")):
            nested["fait"][name.rsplit("/", 1)[-1]] = value  # type: ignore[index]
    want = map_submission("k", "traite", flat)
    assert map_submission("k", "traite", moved) == want
    assert map_submission("k", "traite", nested) == want


def dict_without_prefix(row: dict[str, Any]) -> dict[str, Any]:
    return {name.rsplit("/", 1)[-1]: value for name, value in row.items()}


def test_an_unknown_question_is_kept_counted_and_shown() -> None:
    mapped = map_submission("k", "traite", traite(question_future="x"))
    assert mapped.leftover == ["question_future"]
    assert [f.rule for f in mapped.findings] == ["unknown_question"]


@pytest.mark.parametrize(
    ("answers", "code", "question"),
    [
        ({"date_detection": "pas une date"}, "bad_date", "date_detection"),
        ({"date_detection": "2026-02-30"}, "bad_date", "date_detection"),
        ({"det_region": "NE999"}, "bad_place", "det_region"),
        ({"det_region": "NE001001"}, "bad_place", "det_region"),
        ({"lieu/det_region": None}, "missing", "det_region"),
        ({"code_evenement": "=1+1"}, "bad_case_code", "code_evenement"),
        ({"nb_inconnus": "-3"}, "bad_number", "nb_inconnus"),
        ({"auteur": "texte"}, "bad_shape", "auteur"),
    ],
)
def test_what_places_or_counts_a_case_is_quarantined_when_unreadable(
    answers: dict[str, Any], code: str, question: str
) -> None:
    raw = traite(**{k: v for k, v in answers.items() if k != "det_region"})
    if "det_region" in answers:
        raw["lieu/det_region"] = answers["det_region"]
    with pytest.raises(MappingError) as caught:
        map_submission("k", "traite", raw)
    assert (question, code) in {(q, c) for q, c, _ in caught.value.reasons}
    assert question in caught.value.message


def test_every_reason_is_given_at_once() -> None:
    raw = traite(date_detection="hier", nb_inconnus="beaucoup", victims=[{"v_sexe": "X"}])
    with pytest.raises(MappingError) as caught:
        map_submission("k", "traite", raw)
    assert {q for q, _, _ in caught.value.reasons} == {"date_detection", "nb_inconnus", "v_sexe"}


def test_two_answers_to_one_question_are_never_chosen_between() -> None:
    raw = traite(recrutement="AtWork") | {"autre_groupe/recrutement": "Other"}
    mapped = map_submission("k", "traite", raw)
    assert mapped.event.recruitment == "AtWork" and [f.rule for f in mapped.findings] == ["said_twice"]


def test_a_lesser_value_is_flagged_and_read_as_missing() -> None:
    mapped = map_submission("k", "traite", traite(recrutement="magic", victims=[{"v_age": "abc"}]))
    assert mapped.event.recruitment is None and mapped.victims[0].age_group == "unk"
    assert {(f.field, f.rule, f.value) for f in mapped.findings} == {
        ("recrutement", "bad_code", None), ("v_age", "bad_number", None),
    }  # fmt: skip


def test_a_name_or_birth_date_is_never_repeated_in_a_finding() -> None:
    mapped = map_submission("k", "traite", traite(victims=[{"v_date_naissance": "née Zinariya"}]))
    (finding,) = mapped.findings
    assert finding.value is None and "Zinariya" not in finding.message


@pytest.mark.parametrize("question", ["nb_inconnus", "date_detection", "recrutement", "saisine", "start"])
def test_a_name_typed_in_the_wrong_place_is_never_repeated(question: str) -> None:
    try:
        said = [
            f.message + str(f.value) for f in map_submission("k", "traite", traite(**{question: "Zinariya"})).findings
        ]
    except MappingError as error:
        said = [error.message]
    assert said and "Zinariya" not in " ".join(said)


def test_codes_and_questions_that_were_typed_are_not_repeated_either() -> None:
    mapped = map_submission(
        "k", "traite", traite(Zinariya="x", form_release="Zinariya", victims=[{"v_code": "ZINARIYA-V1"}])
    )
    assert "Zinariya" not in " ".join(f.message for f in mapped.findings).title()
    assert mapped.event.form_release is None and mapped.victims[0].victim_code == "ABCD2345-V1"
    with pytest.raises(MappingError) as caught:
        map_submission("k", "traite", traite("FATOUMATAZ"))
    assert caught.value.reason_code == "bad_case_code" and "FATOUMATAZ" not in caught.value.message


def test_a_date_beyond_all_calendars_and_a_flood_of_rows_wait_aside() -> None:
    for raw, code in (
        (traite(date_detection="9999-12-31"), "bad_date"),
        (traite(auteur=[{"a_type": "natural"}] * 2001), "too_many_rows"),
    ):
        with pytest.raises(MappingError) as caught:
            map_submission("k", "traite", raw)
        assert caught.value.reason_code == code


def test_an_unknown_form_is_refused() -> None:
    with pytest.raises(MappingError, match="Formulaire inconnu"):
        map_submission("k", "autre", traite())


def test_two_rows_with_one_code_wait_for_a_correction() -> None:
    with pytest.raises(MappingError) as caught:
        map_submission("k", "traite", traite(victims=[{}, {"v_code": "ABCD2345-V1"}]))
    assert caught.value.reason_code == "doubled_row_code"


def test_consent_rules_what_is_kept() -> None:
    named = {"v_nom": "Nom", "v_prenom": "Prénom", "v_date_naissance": "2014-01-02"}
    full = map_submission("k", "traite", traite(victims=[named]))
    assert full.identities[0].family_name == "Nom" and full.victims[0].consent == "full"
    no_share = map_submission("k", "traite", traite(victims=[named | {"v_c_partage": "non"}]))
    assert no_share.identities == [] and no_share.victims[0].consent == "no_share"
    assert no_share.victims[0].age == 12  # the age stays for ANLTP's totals, the birth date does not
    mandate = map_submission("k", "traite", traite(victims=[named | {"v_c_enreg": "mandat"}]))
    assert mandate.victims[0].consent == "full"
    refused = map_submission("k", "traite", traite(victims=[named | {"v_c_enreg": "non", "v_majorite": "0-17"}]))
    assert refused.identities == []
    victim = refused.victims[0]
    assert (victim.consent, victim.sex, victim.age_group, victim.place_region) == ("refused", "F", "0-17", "NE008")
    assert victim.identification_date == "2026-04-01" and victim.exploitation_main == "begging"
    assert victim.classification_reason is None  # it would say the act again
    assert victim.nationality is victim.age is victim.decider is victim.assistance is victim.acts is None


def test_ages_use_the_most_precise_answer() -> None:
    born = only_victim(v_date_naissance="2008-04-04", v_age="30")
    assert (born.age, born.age_precision, born.age_group) == (17, "birth_date", "0-17")
    band = only_victim(v_age=None, v_tranche="15-17")
    assert (band.age, band.age_precision, band.age_group, band.child_in_law) == (None, "band", "0-17", "oui")
    adult = only_victim(v_age="25")
    assert (adult.age_group, adult.child_in_law) == ("18+", "nsp")
    assert only_victim(v_age="25", v_mineur_faits="oui").child_in_law == "oui"
    assert only_victim(v_age="25", v_mineur_faits="non").child_in_law == "non"


def test_an_undated_case_takes_the_age_on_the_day_the_form_was_begun() -> None:
    begun = "2026-04-15T08:00:00.000+01:00"
    raw = traite(date_detection=None, start=begun, victims=[{"v_date_naissance": "2010-04-15"}])
    (victim,) = map_submission("k", "traite", raw).victims
    assert (victim.age, victim.identification_date) == (16, None)


def test_a_victim_may_have_a_situation_of_her_own() -> None:
    own = only_victim(v_meme_situation="non", v_actes="receipt", v_moyens="none", v_exploitation="none", v_age="30",
                      v_mineur_faits="non")  # fmt: skip
    assert own.classification == "aucun"


def test_migrants_are_tallied_and_details_never_added() -> None:
    raw = trafic(groups=[{"g_nationalite": "NGA", "g_f_adu": "2", "g_inconnu": "3"}, {"g_h_min": "1"}])
    raw["migrant"] = [{"migrant/m_sexe": "F", "migrant/m_age": "20"}]
    mapped = map_submission("k", "trafic", raw)
    assert [(t.nationality, t.sex, t.age_group, t.persons) for t in mapped.tallies] == [
        ("NGA", "F", "18+", 2), ("NGA", "U", "unk", 3), ("unk", "M", "0-17", 1),
    ]  # fmt: skip
    assert len(mapped.migrants) == 1 and mapped.event.classification_computed == "trafic_illicite"


def test_the_phone_and_the_base_are_compared() -> None:
    mapped = map_submission("k", "traite", traite(classement_evt="aucun"))
    assert [f.rule for f in mapped.findings] == ["classification_differs"]


SCALAR = st.none() | st.booleans() | st.integers() | st.text(max_size=12)
JUNK = SCALAR | st.lists(SCALAR, max_size=2) | st.dictionaries(st.text(max_size=8), SCALAR, max_size=2)
QUESTIONS = sorted({question for _, _, question in table()} | {"victime", "groupe", "auteur", "meta", "x"})


@given(
    st.sampled_from(["traite", "trafic"]),
    st.dictionaries(st.sampled_from(QUESTIONS), JUNK, max_size=6),
    st.dictionaries(st.sampled_from(QUESTIONS), JUNK, max_size=6),
)
def test_no_input_makes_it_raise_anything_but_its_documented_error(
    form: str, top: dict[str, Any], row: dict[str, Any]
) -> None:
    base = traite(victims=[row]) if form == "traite" else trafic(groups=[row])
    try:
        mapped = map_submission("k", form, base | top)
    except MappingError as error:
        assert error.reasons and error.message
    else:
        assert mapped.event.case_code


@pytest.mark.slow
@settings(max_examples=10_000)
@given(
    st.sampled_from(["traite", "trafic"]),
    st.dictionaries(st.sampled_from(QUESTIONS), JUNK, max_size=10),
    st.dictionaries(st.sampled_from(QUESTIONS), JUNK, max_size=10),
)
def test_ten_thousand_malformed_submissions_end_as_records_or_with_reasons(
    form: str, top: dict[str, Any], row: dict[str, Any]
) -> None:
    test_no_input_makes_it_raise_anything_but_its_documented_error.hypothesis.inner_test(form, top, row)
