"""From answers to records: every value is mapped, ignored by name, or raises a flag; what can't be read waits."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.transform_fixture import trafic, traite
from transforms import codelists
from transforms.errors import MappingError
from transforms.mapping import map_submission
from transforms.reading import Line, table


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
        ({"nb_inconnus": "10000"}, "bad_number", "nb_inconnus"),
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


@pytest.mark.parametrize("typed", ["96 12 34 56", "90112233", "+227 96", "HAMABARA"])
def test_a_telephone_or_a_name_typed_anywhere_is_not_repeated(typed: str) -> None:
    said = []
    for answers in ({"date_detection": typed}, {"victims": [{"v_age": typed}]}, {"nb_inconnus": typed},
                    {"code": typed}, {"code_lie": typed}):  # fmt: skip
        try:
            said += [f.message + str(f.value) for f in map_submission("k", "traite", traite(**answers)).findings]
        except MappingError as error:
            said.append(error.message)
    assert len(said) >= 5 and typed not in " ".join(said)


def test_a_wrong_date_or_a_small_number_is_repeated_to_help() -> None:
    for answers, shown in (
        ({"date_faits": "2026-02-30"}, "« 2026-02-30 »"),
        ({"victims": [{"v_age": "130"}]}, "« 130 »"),
        ({"date_faits": "3/4/2026"}, "« 3/4/2026 »"),
    ):
        (finding,) = map_submission("k", "traite", traite(**answers)).findings
        assert shown in finding.message


def test_numbers_larger_than_the_form_allows_are_read_as_missing() -> None:
    mapped = map_submission("k", "traite", traite(auteur=[{"a_age": "121", "a_peine_mois": "601"}]))
    assert (mapped.perpetrators[0].age, mapped.perpetrators[0].sentence_months) == (None, None)
    assert {f.rule for f in mapped.findings} == {"bad_number"}
    with pytest.raises(MappingError):
        map_submission("k", "trafic", trafic(groups=[{"g_nationalite": "NER", "g_f_min": "999999999"}]))


def test_questions_of_no_form_are_numbered_and_not_named() -> None:
    mapped = map_submission("k", "traite", traite(aichatou_issoufou="x", transport="truck"))
    (finding,) = mapped.findings
    assert "2 question(s)" in finding.message and ": transport, question inconnue n° 1." in finding.message


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


def test_ages_use_the_most_precise_answer() -> None:
    born = only_victim(v_date_naissance="2008-04-04", v_age="30")
    assert (born.age, born.age_precision, born.age_group) == (17, "birth_date", "0-17")
    band = only_victim(v_age=None, v_tranche="15-17")
    assert (band.age, band.age_precision, band.age_group, band.child_in_law) == (None, "band", "0-17", "oui")
    adult = only_victim(v_age="25")
    assert (adult.age_group, adult.child_in_law) == ("18+", "nsp")
    assert only_victim(v_age="25", v_mineur_faits="oui").child_in_law == "oui"
    assert only_victim(v_age="25", v_mineur_faits="non").child_in_law == "non"


def test_child_or_adult_as_told_stands_where_no_age_is_known() -> None:
    told = {"v_age": None, "v_majorite": "0-17", "v_c_adulte": "service"}
    unknown = only_victim(**told, v_age_connu="unk")
    assert (unknown.age_group, unknown.age_precision, unknown.child_in_law) == ("0-17", "unk", "oui")
    refused = only_victim(**told, v_age_connu="ref")
    assert (refused.age_group, refused.age_precision, refused.age, refused.age_band) == ("0-17", "ref", None, None)


def test_a_child_said_an_adult_is_flagged_and_the_age_stands() -> None:
    mapped = map_submission("k", "traite", traite(victims=[{"v_majorite": "18+", "v_age": "12"}]))
    assert [f.rule for f in mapped.findings] == ["guardian_missing", "majority_differs"]
    assert mapped.victims[0].age_group == "0-17" and mapped.victims[0].consent == "refused"


def test_a_refusal_to_tell_a_country_is_kept_as_such() -> None:
    told = only_victim(v_nationalite="ref", v_residence_pays="ref")
    assert (told.nationality, told.residence_country) == ("ref", "ref")
    mapped = map_submission("k", "traite", traite(exp_pays="ref", pays_transit="NGA ref DZA"))
    assert (mapped.event.exploitation_country, mapped.event.transit_countries) == ("ref", "DZA NGA ref")
    assert mapped.findings == []


@pytest.mark.parametrize(
    ("facts", "detected", "basis"),
    [
        (None, "2026-04-03", "ord2025_02"),
        ("2024-05-01", "2026-04-03", "none"),
        ("2020-02", "2026-04-03", "loi2015_36"),
        (None, None, "unk"),
    ],
)
def test_the_legal_basis_follows_the_facts(facts: str | None, detected: str | None, basis: str) -> None:
    event = map_submission("k", "trafic", trafic(date_faits=facts, date_detection=detected)).event
    assert (event.legal_basis, event.facts_month) == (basis, facts and facts[:7])
    assert map_submission("k", "traite", traite()).event.legal_basis == "ord2010_86"


def test_the_code_of_a_linked_case_may_be_typed_but_must_bear_its_check() -> None:
    event = map_submission("k", "traite", traite(code_lie="k7m 4xq 2p2")).event
    assert event.linked_trafic_code == "K7M4XQ2P2"
    wrong = map_submission("k", "traite", traite(code_lie="K7M4XQ2P3"))
    assert wrong.event.linked_trafic_code is None and [f.rule for f in wrong.findings] == ["bad_case_code"]
    assert "K7M" not in wrong.findings[0].message


def test_codes_of_both_releases_are_read() -> None:
    for code in ("ABCD2345", "K7M4XQ2P2"):
        mapped = map_submission("k", "traite", traite(code))
        assert (mapped.event.case_code, mapped.victims[0].victim_code) == (code, f"{code}-V1")
    with pytest.raises(MappingError):
        map_submission("k", "traite", traite("K7M4XQ2P3"))


SAMPLES = {"text": "texte", "int": "7", "date": "2026-03-02", "month": "2026-03-01", "answer": "ref", "band": "15-17",
           "case_code": "K7M4XQ2P2", "key": "mt.sb-F-2014"}  # fmt: skip
READ_AS = {"month": "2026-03", "int": 7}
USED_OTHERWISE = {
    "started", "same_situation", "consent_record", "consent_guardian", "consent_share", "consent_name", "typed_name",
    "majority", "child_at_facts", "birth_date", "age", "age_band", "age_precision", "g_f_min", "g_h_min", "g_f_adu",
    "g_h_adu", "g_f_inc", "g_h_inc", "g_inconnu", "region_phone", "family_phone",
}  # fmt: skip
"""Targets that a rule reads and no record holds under that name; each has a test of its own."""


ROWS = {
    "victime": {"v_sexe": "F", "v_c_enreg": "oui", "v_c_partage": "oui", "v_c_nom": "oui", "v_meme_situation": "non"},
    "groupe": {"g_nationalite": "NER", "g_f_min": "1"},
    "auteur": {}, "migrant": {}, "passeur": {},
}  # fmt: skip


def sample(line: Line) -> str:
    if line.target == "form_release":
        return f"{line.form}-0123456789"
    if line.target.endswith("_code") and line.repeat:
        return f"K7M4XQ2P2-{line.question[0].upper()}9"
    if line.kind in ("code", "codes"):
        return codelists.codes(line.variable)[0]
    if line.kind == "place":
        return {"region": "NE001", "department": "NE001001", "commune": "NE001001001"}[line.variable]
    return SAMPLES[line.kind]


@pytest.mark.parametrize("form", ["traite", "trafic"])
def test_every_question_read_reaches_a_record(form: str) -> None:
    whole = traite("K7M4XQ2P2") if form == "traite" else trafic("K7M4XQ2P2")
    for line in table().values():
        if line.form != form or line.kind == "ignore" or line.target in USED_OTHERWISE:
            continue
        said = sample(line)
        raw = {name: value for name, value in whole.items() if name.rsplit("/", 1)[-1] != line.question}
        raw |= {line.repeat: [ROWS[line.repeat] | {line.question: said}]} if line.repeat else {line.question: said}
        mapped = map_submission("k", form, raw)
        records = [mapped.event, *mapped.victims, *mapped.identities, *mapped.perpetrators, *mapped.migrants,
                   *mapped.tallies]  # fmt: skip
        held = [getattr(record, line.target, None) for record in (records[1:] if line.repeat else records[:1])]
        assert READ_AS.get(line.kind, said) in held, line


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
