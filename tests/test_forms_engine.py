"""The forms as a phone runs them: JavaRosa, the engine of ODK Collect and KoboCollect."""

import itertools
import re
from datetime import date, timedelta
from typing import Any

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import MIGRANT, PERPETRATOR, TRAFIC, TRAITE, VICTIM, blank, with_victim
from transforms import places
from transforms.determination import truth_table

TOMORROW = (date.today() + timedelta(days=1)).isoformat()


def filled(form: str, answers: dict[str, Any], *, unmet: tuple[str, ...] = ()) -> Form:
    """The form filled without a refusal; `unmet` names the answers whose questions must stay hidden."""
    opened = blank(form)
    report = opened.fill(answers)
    assert report.refused == {}
    assert tuple(report.unmet) == unmet
    return opened


# -- core path ---------------------------------------------------------------------------------------------------


def test_a_case_with_one_victim_takes_few_screens_and_can_be_sent() -> None:
    form = blank("traite")
    report = form.fill(TRAITE)
    assert (report.refused, report.unmet, form.problem()) == ({}, [], None)
    assert report.screens <= 12
    assert form.value("region_decl") == "NE008"
    assert form.value("famille_entite") == "justice_securite"
    assert form.value("nominatif") == "oui"
    assert form.value("resume") == "1 V : 1F/0H, 0 enf. ; 0 A ; Traite présumée"
    assert form.value("form_release").startswith("traite-")


def test_the_case_code_is_eight_unambiguous_characters_and_each_person_keeps_a_suffix() -> None:
    answers = {**TRAITE, "victime": [VICTIM] * 3, "auteurs_connus": "oui", "auteur": [PERPETRATOR] * 2}
    form = filled("traite", answers)
    code = form.value("code_evenement")
    assert re.fullmatch("[23456789ABCDEFGHJKMNPQRSTUVWXYZ]{8}", code)
    assert [form.value("v_code", row) for row in (1, 2, 3)] == [f"{code}-V1", f"{code}-V2", f"{code}-V3"]
    assert [form.value("a_code", row) for row in (1, 2)] == [f"{code}-A1", f"{code}-A2"]
    form.set("observations", "rien")
    assert form.value("code_evenement") == code
    assert blank("traite").value("code_evenement") != code


def test_places_cascade_from_the_attached_list() -> None:
    form = filled("traite", TRAITE)
    assert form.labels("det_region") == places.regions()
    form.set("det_region", "NE004")
    assert "NE004007" in form.labels("det_departement")
    form.set("det_departement", "NE004007")
    assert list(form.labels("det_commune")) == ["NE004007001", "NE004007002", "NE004007003"]


def test_the_main_exploitation_is_asked_only_among_several_ticked() -> None:
    form = filled("traite", {**TRAITE, "exploitation": ["begging", "wahaya"], "exploitation_princ": "wahaya"})
    assert list(form.labels("exploitation_princ")) == ["wahaya", "begging"]
    assert form.set("exploitation", ["begging"]) == "ok"
    assert not form.relevant("exploitation_princ")


def test_questions_are_put_in_english_too() -> None:
    form = blank("traite")
    assert form.text("entite") == "Organisme qui déclare"
    form.language("English (en)")
    assert form.text("entite") == "Reporting body"
    assert form.labels("actes")["recruitment"] == "The perpetrator recruited the person"


# -- consent -----------------------------------------------------------------------------------------------------

NAMES = ("victime[1]/v_nom", "victime[1]/v_prenom")


def test_recording_refused_keeps_no_name_and_no_detail() -> None:
    form = blank("traite")
    form.fill(TRAITE)  # all given first, then refused: nothing may linger
    form.set("v_c_enreg", "non")
    form.set("v_majorite", "0-17")
    assert form.problem() is None
    sent = form.xml()
    for kept_out in ("Zouleymata", "Exemple", "v_age>", "v_nationalite", "v_statut", "v_c_partage", "v_lien"):
        assert kept_out not in sent
    assert form.value("v_enfant") == "oui"
    assert form.value("v_c_orient") == "oui"  # refusing to be recorded is not refusing help


def test_names_need_the_persons_agreement_to_share() -> None:
    form = filled("traite", with_victim(v_c_partage="non"), unmet=NAMES)
    assert form.problem() is None
    assert "Zouleymata" not in form.xml()


def test_names_need_a_provider_entitled_to_them() -> None:
    form = filled("traite", {**TRAITE, "entite": "ONG_NIA"}, unmet=NAMES)
    assert form.value("famille_entite") == "protection"
    assert "Zouleymata" not in form.xml()


def test_a_mandate_stands_in_for_recording_but_not_for_sharing() -> None:
    assert filled("traite", with_victim(v_c_enreg="mandat")).value("v_prenom") == "Zouleymata"
    filled("traite", with_victim(v_c_enreg="mandat", v_c_partage="non"), unmet=NAMES)


# -- traite or trafic --------------------------------------------------------------------------------------------


def test_a_child_needs_no_means_and_the_worker_is_told_how_to_use_it() -> None:
    answers = with_victim(v_age=12) | {"moyens": ["none"]}
    form = filled("traite", answers, unmet=("victime[1]/v_mineur_faits",))
    assert form.value("v_classement") == form.value("classement_evt") == "traite_presumee"
    for told in (form.text("n_v_traite"), form.text("n_traite_presumee")):
        for part in ("Indice", "pas une qualification", "e pas lire à haute voix", "rienter dans tous les cas"):
            assert part in told
    assert not form.relevant("n_v_sans")


def test_child_labour_alone_is_not_trafficking() -> None:
    form = filled(
        "traite", with_victim(v_age=12) | {"exploitation": ["child_labour"]}, unmet=("victime[1]/v_mineur_faits",)
    )
    assert form.value("classement_evt") == "aucun"


def test_domestic_movement_is_never_smuggling() -> None:
    form = filled("traite", TRAITE)
    form.set("entree_irreguliere", "oui")
    form.set("avantage", "oui")
    assert form.value("classement_evt") == "les_deux"
    form.set("portee", "domestic")
    assert not form.relevant("entree_irreguliere")
    assert form.value("classement_evt") == "traite_presumee"
    form.set("moyens", "none")
    assert form.value("classement_evt") == "aucun"


def test_the_event_takes_the_strongest_of_its_victims() -> None:
    other = {"v_meme_situation": "non", "v_actes": "none", "v_moyens": "none", "v_exploitation": "none"}
    answers = {**TRAITE, "victime": [{**VICTIM, **other}, VICTIM]}
    form = filled("traite", answers)
    assert [form.value("v_classement", row) for row in (1, 2)] == ["aucun", "traite_presumee"]
    assert form.value("classement_evt") == "traite_presumee"


def test_victims_known_by_number_alone_leave_the_childs_age_open() -> None:
    counts = {"nb_f_mineures": 1, "nb_h_mineurs": 0, "nb_f_adultes": 4, "nb_h_adultes": 0, "nb_inconnus": 0}
    answers = {**TRAITE, "victimes_connues": "non", "autres_victimes": "oui", **counts}
    del answers["victime"]
    form = filled("traite", answers)
    assert form.problem() is None
    assert form.value("resume") == "0 V : 0F/0H, 0 enf. ; +5 sans détail ; 0 A ; Traite présumée"
    form.set("moyens", "none")
    assert form.value("classement_evt") == "a_verifier"


def kleene(*terms: str) -> str:
    """And of oui, non, nsp."""
    return "non" if "non" in terms else "nsp" if "nsp" in terms else "oui"


def expected(act: str, means: str, purpose: str, child: str, border: str, benefit: str) -> str:
    means_or_child = "oui" if "oui" in (means, child) else "nsp" if "nsp" in (means, child) else "non"
    traite, trafic = kleene(act, purpose, means_or_child), kleene(border, benefit)
    if traite == "oui":
        return "les_deux" if trafic == "oui" else "traite_presumee"
    if trafic == "oui":
        return "trafic_illicite"
    return "a_verifier" if "nsp" in (traite, trafic) else "aucun"


ANSWERS = ("oui", "non", "nsp")
CODES = {
    "actes": {"oui": "transfer", "non": "none", "nsp": "unk"},
    "moyens": {"oui": "fraud", "non": "none", "nsp": "unk"},
    "exploitation": {"oui": "armed", "non": "none", "nsp": "unk"},
}
TRAITE_FACTS = ("actes", "moyens", "exploitation", "v_mineur_faits", "entree_irreguliere", "avantage")


def walk(form: Form, questions: tuple[str, ...]) -> list[tuple[tuple[str, ...], str, str]]:
    """(facts, classification by the form, classification by logic) over all combinations of the answers."""
    seen = []
    current: tuple[str, ...] = ("",) * len(questions)
    for facts in itertools.product(ANSWERS, repeat=len(questions)):
        for question, before, now in zip(questions, current, facts, strict=True):
            if before != now:
                assert form.set(question, CODES.get(question, {}).get(now, now)) == "ok"
        current = facts
        seen.append((facts, form.value("classement_evt"), expected(*facts)))
    return seen


def test_the_form_follows_the_whole_truth_table() -> None:
    rows = walk(filled("traite", TRAITE), TRAITE_FACTS)
    assert len(rows) == 729
    assert [row for row in rows if row[1] != row[2]] == []
    assert {facts: result for facts, result, _ in rows} == {k: v.result for k, v in truth_table().items()}


def test_the_smuggling_form_follows_the_truth_table() -> None:
    signs = {"indice_exploitation": "oui", "indice_acte": "oui", "indice_moyen": "oui", "indice_mineur": "oui"}
    form = filled("trafic", {**TRAFIC, **signs})
    questions = ("indice_acte", "indice_moyen", "indice_mineur", "entree_irreguliere", "avantage")
    for facts in itertools.product(ANSWERS, repeat=5):
        for question, answer in zip(questions, facts, strict=True):
            form.set(question, answer)
        act, means, child, border, benefit = facts
        assert form.value("classement_evt") == expected(act, means, "oui", child, border, benefit), facts
    for purpose, border, benefit in itertools.product(("non", "nsp"), ANSWERS, ANSWERS):
        form.set("indice_exploitation", purpose)
        form.set("entree_irreguliere", border)
        form.set("avantage", benefit)
        assert form.value("classement_evt") == expected("nsp", "nsp", purpose, "nsp", border, benefit)


# -- impossible values -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "value", "message"),
    [
        ("date_detection", TOMORROW, "La date ne peut être ni dans le futur"),
        ("date_detection", "1999-12-31", "ni avant 2000"),
        ("actes", ["none", "transfer"], "Cette réponse va seule"),
        ("exploitation", ["unk", "begging"], "Cette réponse va seule"),
        ("v_age", 121, "entre 0 et 120"),
        ("v_prenom", "Z0uleymata", "sans chiffre"),
        ("v_date_ident", TOMORROW, "ni dans le futur"),
        ("v_debut_exploitation", "2026-04-01", "ne peut commencer ni après"),
        ("v_debut_exploitation", "1994-05-01", "ni avant la naissance"),
    ],
)
def test_an_impossible_answer_is_refused_with_what_to_do(question: str, value: object, message: str) -> None:
    form = filled("traite", TRAITE)
    assert message in form.set(question, value)


def test_a_birth_date_agrees_with_the_other_dates() -> None:
    born = {"v_age_connu": "birth_date", "v_date_naissance": "2008-03-10", "v_age": None}
    unmet = ("victime[1]/v_age",)
    assert filled("traite", with_victim(**born), unmet=unmet).value("v_age_ident") == "18"
    day_before = with_victim(**born | {"v_date_naissance": "2008-03-11"})
    form = filled("traite", day_before, unmet=(*unmet, "victime[1]/v_mineur_faits"))
    assert form.value("v_age_ident") == "17"
    assert "La naissance ne peut pas venir après" in form.set("v_date_naissance", "2026-03-11")
    assert "ni avant la naissance" in form.set("v_debut_exploitation", "2008-02-01")
    assert form.set("v_debut_exploitation", "2008-03-01") == "ok"  # the month of birth: only months are asked


def test_an_empty_required_answer_keeps_the_form_from_being_sent() -> None:
    form = blank("traite")
    form.fill(with_victim(v_sexe=None))
    reference, message = form.problem() or ("", "")
    assert reference.endswith("v_sexe[1]")
    assert "« Ne sait pas » est une réponse" in message


# -- smuggling ---------------------------------------------------------------------------------------------------


def test_groups_are_totalled_and_details_stay_within_them() -> None:
    form = filled("trafic", TRAFIC)
    assert form.problem() is None
    assert form.value("total_migrants") == "60"
    assert [form.value("g_total", row) for row in (1, 2)] == ["33", "27"]
    assert form.value("resume") == "60 M : 12F/47H, 3 enf. ; 2 morts ; 1 P ; Trafic illicite de migrants"
    assert set(form.labels("m_nationalite")) == {"NGA", "GMB"}


def test_more_details_than_counted_block_the_form() -> None:
    form = filled("trafic", {**TRAFIC, "migrant": [MIGRANT] * 3})  # two girls were counted
    reference, message = form.problem() or ("", "")
    assert "n_m_trop" in reference
    assert message == "required: Corrigez les nombres pour continuer."
    form.set("g_f_min", 3)
    assert form.problem() is None


def test_a_detail_row_may_know_the_age_that_the_count_left_open() -> None:
    boy = {**MIGRANT, "m_nationalite": "GMB", "m_sexe": "M"}
    assert filled("trafic", {**TRAFIC, "migrant": [boy]}).problem() is None
    form = filled("trafic", {**TRAFIC, "migrant": [boy, boy]})
    assert "n_m_trop" in (form.problem() or ("", ""))[0]


def test_one_group_a_nationality() -> None:
    form = filled("trafic", {**TRAFIC, "groupe": [TRAFIC["groupe"][0]] * 2})
    assert "n_g_double" in (form.problem() or ("", ""))[0]
    assert "additionnez-les" in form.text("n_g_double")


def test_nobody_counted_asks_for_no_group() -> None:
    answers = {**TRAFIC, "groupes_connus": "non"}
    hidden = ("detail_connu", *(f"groupe[{n}]/{q}" for n in (1, 2) for q in TRAFIC["groupe"][n - 1]))
    hidden += tuple(f"migrant[{n}]/{q}" for n in (1, 2) for q in MIGRANT)
    form = filled("trafic", answers, unmet=tuple(sorted(hidden)))
    assert form.problem() is None
    assert form.value("total_migrants") == "0"


def test_a_sign_noted_for_one_migrant_cannot_be_denied_for_all() -> None:
    form = blank("trafic")
    report = form.fill({**TRAFIC, "migrant": [{**MIGRANT, "m_indice_exploitation": "oui"}]})
    (refusal,) = report.refused.values()
    assert refusal.endswith("pour un migrant décrit : répondez « Oui », ou corrigez ce migrant.")
    assert form.set("indice_exploitation", "oui") == "ok"
    assert "8 lettres ou chiffres" in form.set("code_traite", "ABC")
