"""The follow-up form as a phone runs it: JavaRosa, the engine of ODK Collect and KoboCollect."""

from typing import Any

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import blank
from tests.forms_fixture_other import CODE, SUIVI, TOMORROW, filled, screens, typing_slips
from transforms import case_code, codelists

ABOUT = {name: SUIVI[name] for name in ("entite", "code_cas", "fiche", "ligne", "ligne_no", "c_sexe", "c_tranche")}
"""The follow-up up to what happened."""


JUSTICE_KINDS = {"investigation", "prosecution", "judgment"}


def about(types: list[str]) -> dict[str, Any]:
    """Second victim of the case, or its second perpetrator for what justice did."""
    return ABOUT | ({"ligne": "auteur", "c_tranche": "25-34"} if JUSTICE_KINDS & set(types) else {})


def followed(types: list[str], **answers: Any) -> Form:
    """A follow-up of a victim or a perpetrator of the case."""
    return filled(blank("suivi"), {**about(types), "c_mois": "2026-02-01", "suivi_types": types, **answers})


def test_one_fact_takes_six_screens_and_can_be_sent() -> None:
    form = blank("suivi")
    assert screens(form, SUIVI) == 6
    assert form.value("region_decl") == "NE004"
    assert form.value("famille_entite") == "protection"
    assert form.value("type_entite") == "social"
    assert form.value("code_normal") == CODE
    assert form.value("resume") == f"{case_code.shown_code(CODE)} V2 : aide"
    assert form.value("form_release").startswith("suivi-")


# -- the right case ----------------------------------------------------------------------------------------------


def test_a_mistyped_code_is_refused() -> None:
    form = filled(blank("suivi"), SUIVI)
    slips = typing_slips(CODE)
    assert len(slips) > 250
    assert {slip for slip in slips if form.set("code_cas", slip) == "ok"} == set()
    for other in (CODE[:8], CODE + "2", f"{CODE}V2", "ABCDEFGH", "0" * 9):
        assert "reprenez-le dans le registre, signe par signe" in form.set("code_cas", other), other
    assert form.value("code_normal") == CODE  # what is refused is not kept


@pytest.mark.parametrize("typed", [CODE.lower(), case_code.shown_code(CODE), "-".join((CODE[:3], CODE[3:6], CODE[6:]))])
def test_a_code_may_be_typed_as_people_type(typed: str) -> None:
    form = filled(blank("suivi"), SUIVI | {"code_cas": typed})
    assert form.value("code_normal") == CODE
    assert case_code.shown_code(CODE) in form.text("n_confirmer")


def test_every_code_that_a_phone_draws_is_taken() -> None:
    form = filled(blank("suivi"), SUIVI)
    for _ in range(200):
        assert form.set("code_cas", case_code.issue()) == "ok"


def test_the_person_is_confirmed_by_sex_age_and_month() -> None:
    form = filled(blank("suivi"), SUIVI)
    assert list(form.labels("c_tranche")) == [*codelists.codes("age_band_ne"), "unk"]
    assert list(form.labels("c_sexe")) == ["F", "M", "U"]
    assert "dans le futur" in form.set("c_mois", TOMORROW)
    assert not form.relevant("n_sans_mois")
    form.set("c_mois", None)
    assert "vérifier ce suivi avec vous" in form.text("n_sans_mois")
    assert form.problem() is None


def test_the_whole_case_has_neither_number_nor_sex() -> None:
    unmet = ("ligne_no", "c_sexe", "c_tranche")
    form = filled(blank("suivi"), SUIVI | {"ligne": "cas"}, unmet=unmet)
    assert form.problem() is None
    assert form.value("resume") == f"{case_code.shown_code(CODE)} : aide"


def test_a_smuggling_case_has_no_victim_and_its_perpetrators_are_smugglers() -> None:
    form = filled(blank("suivi"), SUIVI)
    assert list(form.labels("ligne")) == codelists.codes("follow_subject")
    form.set("fiche", "trafic")
    assert list(form.labels("ligne")) == ["cas", "auteur"]
    form.set("ligne", "auteur")
    assert form.set("suivi_types", "prosecution") == "ok"
    assert form.value("resume") == f"{case_code.shown_code(CODE)} S2 : poursuites"


def test_what_can_happen_depends_on_whom_it_is_about() -> None:
    form = filled(blank("suivi"), SUIVI)
    help_ = ["assistance", "return", "reintegration"]
    assert list(form.labels("suivi_types")) == [*help_, "withdrawal"]
    form.set("ligne", "auteur")
    assert list(form.labels("suivi_types")) == ["investigation", "prosecution", "judgment"]
    assert form.problem() is not None  # the support ticked for the victim
    form.set("ligne", "cas")
    assert list(form.labels("suivi_types")) == [*help_, "investigation", "prosecution", "judgment"]
    assert form.set("suivi_types", ["judgment", "return"]) == "ok"


def test_what_is_ticked_for_another_is_found_before_sending() -> None:
    form = followed(["judgment"], stade="convicted", stade_date="2026-09-01", peine="fine")
    assert form.problem() is None
    form.set("ligne", "victime")
    reference, message = form.problem() or ("", "")
    assert "suivi_types" in reference and "Cochez une réponse au moins, qui aille avec" in message


def test_a_perpetrator_is_not_a_small_child() -> None:
    form = followed(["investigation"], **FACTS["investigation"])
    for band in ("0-4", "5-9"):
        assert "moins de 10 ans" in form.set("c_tranche", band)
    assert form.set("c_tranche", "10-14") == "ok"
    assert filled(blank("suivi"), SUIVI | {"c_tranche": "5-9"}).problem() is None


def test_the_country_of_a_return_goes_with_its_kind() -> None:
    form = followed(["return"], **FACTS["return"])
    assert form.set("retour_pays", "NER") == "ok"  # a Nigerien who comes home from abroad
    form.set("retour_pays", "NGA")
    form.set("retour_type", "family")
    reference, message = form.problem() or ("", "")
    assert "retour_pays" in reference and "choisissez le Niger" in message
    assert form.set("retour_pays", "NER") == "ok"
    form.set("retour_type", "other")
    assert [form.set("retour_pays", country) for country in ("NER", "NGA", None)] == ["ok"] * 3


def test_a_paper_sheet_has_the_day_it_came() -> None:
    form = filled(blank("suivi"), SUIVI | {"recue_papier_le": "2026-05-06"})
    assert form.problem() is None
    assert "<recue_papier_le>2026-05-06<" in form.xml()
    assert "dans le futur" in form.set("recue_papier_le", TOMORROW)


# -- each kind of fact -------------------------------------------------------------------------------------------

JUSTICE = {"stade": "convicted", "stade_date": "2026-09-01", "infraction": "ord2010_86", "peine": "prison"}
FACTS: dict[str, dict[str, Any]] = {
    "assistance": {"aide": ["Health", "shelter"], "aide_date": "2026-05-04"},
    "return": {"retour_type": "repatriation", "retour_pays": "NGA", "retour_date": "2026-06-01"},
    "reintegration": {"reint_aide": ["Livelihood"], "reint_date": "2026-07-01"},
    "investigation": {"stade": "suspected", "stade_date": "2026-03-01"},
    "prosecution": {"stade": "prosecuted", "stade_date": "2026-04-01"},
    "judgment": {**JUSTICE, "peine_mois": 60},
    "withdrawal": {"retrait": "partage", "retrait_date": "2026-08-01"},
}
DATES = {
    "assistance": "aide_date",
    "return": "retour_date",
    "reintegration": "reint_date",
    "withdrawal": "retrait_date",
}


@pytest.mark.parametrize("kind", codelists.codes("follow_up"))
def test_each_fact_has_its_questions_and_its_date(kind: str) -> None:
    form = followed([kind], **FACTS[kind])
    assert form.problem() is None
    for other, answers in FACTS.items():
        if not {kind, other} <= {"investigation", "prosecution", "judgment"}:
            assert [name for name in answers if form.relevant(name)] == (list(answers) if other == kind else [])
    date = DATES.get(kind, "stade_date")
    assert "ni dans le futur" in form.set(date, TOMORROW)
    undated = blank("suivi")
    undated.fill({**about([kind]), "suivi_types": [kind], **FACTS[kind], date: None})
    reference, message = undated.problem() or ("", "")
    assert date in reference and "Indiquez la date" in message


def test_all_the_facts_at_once() -> None:
    kinds = [kind for kind in FACTS if kind != "withdrawal"]
    answers = {name: value for kind in kinds for name, value in FACTS[kind].items()}
    unmet = ("ligne_no", "c_sexe", "c_tranche")
    form = filled(blank("suivi"), {**SUIVI, "ligne": "cas", "suivi_types": kinds, **answers}, unmet=unmet)
    assert form.problem() is None
    assert form.value("resume").endswith(" : aide, retour, réintégration, enquête, poursuites, jugement")


def test_nothing_ticked_is_no_follow_up() -> None:
    form = blank("suivi")
    form.fill({**ABOUT, "c_mois": "2026-02-01"})
    assert form.problem() == ("/data/g_suivi[1]/suivi_types[1]", "required: Cochez une réponse au moins.")


def test_months_of_prison_are_asked_of_prison_alone() -> None:
    form = followed(["judgment"], **JUSTICE, peine_mois=60)
    assert "entre 1 et 600" in form.set("peine_mois", 0)
    form.set("peine", "fine")
    assert not form.relevant("peine_mois")
    form.set("stade", "acquitted")
    assert not form.relevant("peine")
    assert "peine" not in form.xml().replace("peine_mois", "peine").split("<g_fin>")[0].split("<stade_date>")[1]


def test_a_later_law_may_erase_a_conviction() -> None:
    assert followed(["judgment"], stade="erased", stade_date="2026-09-01").problem() is None


def test_support_refused_goes_alone() -> None:
    form = filled(blank("suivi"), SUIVI)
    assert form.set("aide", "ref") == "ok"
    assert "va seule" in form.set("aide", ["ref", "Health"])


def test_who_withdraws_is_told_that_help_goes_on() -> None:
    form = followed(["withdrawal"], **FACTS["withdrawal"])
    assert "l'aide continue" in form.text("n_retrait")
    assert list(form.labels("retrait")) == ["partage", "tout"]
    for kind, told in (("partage", "V2 : retrait du partage"), ("tout", "V2 : retrait complet")):
        form.set("retrait", kind)
        assert form.value("resume").endswith(told)


def test_an_improbable_answer_is_only_remarked() -> None:
    form = followed(["judgment"], stade="arrested", stade_date="2026-01-31")
    assert "vient avant un jugement" in form.text("n_stade")
    assert "avant le mois où le cas a été connu" in form.text("n_avant_cas")
    assert form.problem() is None
    form.set("stade_date", "2026-02-01")
    form.set("stade", "dismissed")
    assert not form.relevant("n_stade") and not form.relevant("n_avant_cas")


def test_questions_are_put_in_english_too() -> None:
    form = filled(blank("suivi"), SUIVI)
    form.language("English (en)")
    assert form.text("code_cas") == "Case code"
    assert form.labels("c_tranche")["unk"] == "Does not know"
    assert form.set("code_cas", CODE[::-1]).startswith("constraint: This code is miscopied")
