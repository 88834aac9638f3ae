"""Impossible answers are refused with what to do, improbable ones are pointed at: JavaRosa."""

from datetime import date, timedelta

import pytest

from tests.forms_fixture import (
    DETAILS,
    KEY_CHILD,
    PERPETRATOR,
    TRAITE,
    blank,
    with_details,
    with_victim,
)
from tests.forms_fixture_other import TOMORROW, filled
from transforms import case_code

AGE = ("victime[1]/v_age",)


@pytest.mark.parametrize(
    ("question", "value", "message"),
    [
        ("points", ["prive", "aucun"], "Cette réponse va seule"),
        ("points", ["papier", "sure"], "Cette réponse va seule"),
        ("date_detection", TOMORROW, "La date ne peut être ni dans le futur"),
        ("date_detection", "1999-12-31", "ni avant 2000"),
        ("actes", ["none", "transfer"], "Cette réponse va seule"),
        ("moyens", ["unk", "fraud"], "Cette réponse va seule"),
        ("exploitation", ["unk", "begging"], "Cette réponse va seule"),
        ("ajouts", ["rien", "victimes"], "Cette réponse va seule"),
        ("actes", ["ref", "transfer"], "Cette réponse va seule"),
        ("moyens", ["ref", "fraud"], "Cette réponse va seule"),
        ("exploitation", ["ref", "begging"], "Cette réponse va seule"),
        ("type_sexuel", ["ref", "Pornography"], "Cette réponse va seule"),
        ("controle", ["ref", "Threats"], "Cette réponse va seule"),
        ("date_faits", TOMORROW, "dans le futur"),
        ("date_faits", "2026-04-01", "ni après la date où le cas a été connu"),
        ("pays_transit", ["unk", "BEN"], "Cette réponse va seule"),
        ("controle", ["NotSpecified", "Threats"], "Cette réponse va seule"),
        ("v_age", 121, "entre 0 et 120"),
        ("v_age", 17, "qui aille avec « enfant ou adulte »"),
        ("v_prenom", "Z0uleymata", "sans chiffre"),
        ("v_nom", "زينب", "lettres latines"),
        ("v_date_ident", TOMORROW, "ni dans le futur"),
        ("v_debut_exploitation", "2026-04-01", "ne peut commencer ni après"),
        ("v_debut_exploitation", "1994-05-01", "ni avant la naissance"),
        ("v_age_entree", 31, "ne peut pas dépasser"),
        ("v_besoins", ["none", "Legal"], "Cette réponse va seule"),
        ("v_assistance", ["unk", "Legal"], "Cette réponse va seule"),
    ],
)
def test_an_impossible_answer_is_refused_with_what_to_do(question: str, value: object, message: str) -> None:
    form = filled(blank("traite"), with_details())
    assert form.problem() is None
    assert message in form.set(question, value)


@pytest.mark.parametrize(
    ("question", "value", "message"),
    [
        ("a_age", 9, "entre 10 et 110"),
        ("a_role", ["unk", "Exploiter"], "Cette réponse va seule"),
        ("a_date_stade", TOMORROW, "dans le futur"),
        ("a_peine_mois", 601, "entre 1 et 600"),
    ],
)
def test_an_impossible_answer_about_a_perpetrator_too(question: str, value: object, message: str) -> None:
    sentenced = {**PERPETRATOR, "a_stade": "convicted", "a_infraction": "ord2010_86", "a_peine": "prison_fine"}
    answers = {**TRAITE, "ajouts": ["victimes", "auteurs"], "auteur": [{**sentenced, "a_peine_mois": 60}]}
    form = filled(blank("traite"), answers)
    assert form.problem() is None
    assert message in form.set(question, value)


def test_a_birth_date_agrees_with_the_other_dates() -> None:
    born = {"v_age_connu": "birth_date", "v_date_naissance": "2008-03-10", "v_age": None, "v_age_entree": 17}
    form = filled(blank("traite"), with_details(**born), unmet=AGE)
    assert form.value("v_age_ident") == "18"
    assert "enfant ou adulte" in form.set("v_date_naissance", "2008-03-11")  # 17 that day, and yet an adult
    assert "ni après l’identification" in form.set("v_date_naissance", "2026-03-11").replace("'", "’")
    assert "ni avant la naissance" in form.set("v_debut_exploitation", "2008-02-01")
    assert "ni avant la naissance" in form.set("v_date_ident", "2008-03-09")
    assert form.set("v_debut_exploitation", "2008-03-01") == "ok"  # the month of birth: only months are asked


@pytest.mark.parametrize(
    ("majority", "age", "answer"),
    [
        ("0-17", {"v_age_connu": "age"}, ("v_age", 18)),
        ("18+", {"v_age_connu": "age"}, ("v_age", 17)),
        ("0-17", {"v_age_connu": "band"}, ("v_tranche", "18-24")),
        ("18+", {"v_age_connu": "band"}, ("v_tranche", "15-17")),
        ("0-17", {"v_age_connu": "birth_date"}, ("v_date_naissance", "2008-03-10")),
        ("18+", {"v_age_connu": "birth_date"}, ("v_date_naissance", "2008-03-11")),
    ],
)
def test_age_and_child_or_adult_agree(majority: str, age: dict[str, str], answer: tuple[str, object]) -> None:
    question, value = answer
    form = blank("traite")
    form.fill(with_victim(v_c_enreg="mandat", v_majorite=majority, **age))
    assert "corrigez l’un des deux" in form.set(question, value).replace("'", "’")
    other = {"0-17": "18+", "18+": "0-17"}[majority]
    form.set("v_majorite", other)
    assert form.set(question, value) == "ok"
    form.set("v_majorite", majority)  # changed afterwards: found when the form is closed
    form.set("code_recopie", form.value("code_evenement"))
    assert question in (form.problem() or ("",))[0]


def test_an_empty_required_answer_keeps_the_form_from_being_sent() -> None:
    form = blank("traite")
    form.fill(with_victim(v_sexe=None))
    reference, message = form.problem() or ("", "")
    assert reference.endswith("v_sexe[1]")
    assert "« Ne sait pas » est une réponse" in message


def test_no_detail_is_required() -> None:
    answers = {**TRAITE, "ajouts": ["victimes", "details"]}
    form = filled(blank("traite"), answers)
    assert form.relevant("comment_connu") and form.relevant("v_sante")
    assert form.problem() is None


@pytest.mark.parametrize(
    ("note", "changes"),
    [
        ("n_v_age", {"v_age": 81, "v_age_entree": 75}),
        ("n_v_longtemps", {"v_age": 60, "v_age_entree": 30}),
        ("n_v_longtemps", {"v_age": 60, "v_age_entree": None, "v_debut_exploitation": "2004-01-01"}),
        ("n_v_age_debut", {"v_age": 30, "v_age_entree": 20}),
        ("n_v_ident_ancien", {"v_age": 32, "v_date_ident": "2024-03-01", "v_debut_exploitation": None}),
        ("n_v_marie", {"v_age": 11, "v_age_entree": 9, "v_matrimonial": "Married"}),
    ],
)
def test_an_improbable_answer_is_pointed_at_and_let_pass(note: str, changes: dict[str, object]) -> None:
    assert not filled(blank("traite"), with_details()).relevant(note)
    form = blank("traite")
    young = {"v_majorite": "0-17", "v_c_adulte": "service"} if changes["v_age"] == 11 else {}
    report = form.fill(with_details(**changes, **young))
    assert report.refused == {}
    assert form.relevant(note)
    assert form.problem() is None


def test_an_old_date_is_pointed_at() -> None:
    form = filled(blank("traite"), TRAITE)
    assert not form.relevant("n_ancien")
    assert form.set("date_detection", (date.today() - timedelta(days=732)).isoformat()) == "ok"
    assert form.relevant("n_ancien")


def test_a_conviction_needs_its_sentence() -> None:
    convicted = {**PERPETRATOR, "a_stade": "convicted", "a_infraction": "ord2010_86"}
    form = blank("traite")
    form.fill({**TRAITE, "ajouts": ["victimes", "auteurs"], "auteur": [convicted]})
    assert "a_peine" in (form.problem() or ("",))[0]
    assert form.set("a_peine", "unk") == "ok"
    assert form.problem() is None


def test_five_zeros_count_nobody() -> None:
    names = ("nb_f_mineures", "nb_h_mineurs", "nb_f_adultes", "nb_h_adultes", "nb_inconnus")
    form = blank("traite")
    form.fill({**TRAITE, "ajouts": ["victimes", "nombres"], **dict.fromkeys(names, 0)})
    assert "nb_inconnus" in (form.problem() or ("",))[0]
    form.set("nb_h_mineurs", 1)
    assert form.set("nb_inconnus", 0) == "ok"
    assert form.problem() is None


def test_a_case_without_victims_is_pointed_at() -> None:
    form = filled(blank("traite"), TRAITE)
    for ticked, shown in ((["auteurs"], True), (["rien"], True), (["nombres"], False), (["victimes"], False)):
        form.set("ajouts", ticked)
        assert form.relevant("n_sans_victime") == shown


def test_a_foreign_country_where_no_border_was_crossed_is_pointed_at() -> None:
    form = filled(blank("traite"), with_details())
    assert not form.relevant("n_rec_pays")
    form.set("portee", "domestic")
    assert form.relevant("n_rec_pays") and not form.relevant("n_exp_pays")
    form.set("pays_recrutement", "unk")
    form.set("exp_pays", "DZA")
    assert not form.relevant("n_rec_pays") and form.relevant("n_exp_pays")


def test_a_paper_form_does_not_come_before_the_case() -> None:
    paper = {"points": ["papier"], "code_papier": case_code.issue(), "date_reception": "2026-03-10"}
    form = filled(blank("traite"), {**TRAITE, **paper}, unmet=("code_recopie",))
    assert form.problem() is None
    assert "ni après la réception" in form.set("date_detection", "2026-03-11")
    form.set("points", ["prive"])
    assert form.set("date_detection", "2026-03-11") == "ok"


def test_the_code_of_the_case_itself_is_not_that_of_its_smuggling_form() -> None:
    form = filled(blank("traite"), TRAITE)
    assert "pas celui de cette fiche" in form.set("code_lie", form.value("code_evenement"))


def test_a_small_child_is_pointed_at() -> None:
    form = filled(blank("traite"), KEY_CHILD)
    assert not form.relevant("n_v_age")
    form.set("v_age", 4)
    assert form.relevant("n_v_age")


def test_sex_and_work_are_asked_only_of_the_exploitation_ticked() -> None:
    form = filled(blank("traite"), with_details())
    assert form.relevant("type_sexuel") and not form.relevant("type_travail") and not form.relevant("secteur")
    form.set("exploitation", ["wahaya"])
    assert not form.relevant("type_sexuel") and form.relevant("type_travail") and form.relevant("secteur")
    assert "Prostitution" not in form.xml()
    assert DETAILS["type_sexuel"] == ["Prostitution"]
