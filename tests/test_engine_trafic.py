"""The smuggling form as a phone runs it: JavaRosa, the engine of ODK Collect and KoboCollect."""

import itertools
from typing import Any

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import blank
from tests.forms_fixture_other import (
    CODE,
    MIGRANT,
    REMARKED,
    SAFE,
    SMUGGLER,
    TOMORROW,
    TRAFIC,
    filled,
    screens,
    typing_slips,
)
from transforms import case_code
from transforms.determination import truth_table

TRUCK = {name: value for name, value in TRAFIC.items() if name != "migrant"} | {"detail_connu": "non"}
"""Sixty migrants of two nationalities, nobody described one by one."""


def truck(**changes: Any) -> Form:
    """The truck filled, with some answers changed."""
    return filled(blank("trafic"), TRUCK | changes)


# -- a truck of sixty --------------------------------------------------------------------------------------------


def test_a_truck_of_sixty_takes_few_screens() -> None:
    assert screens(blank("trafic"), TRUCK) == 11
    form = blank("trafic")
    assert screens(form, TRAFIC) <= 13  # two of them described besides
    assert form.value("region_decl") == "NE001"
    assert form.value("famille_entite") == "justice_securite"
    assert form.value("type_entite") == "police"
    assert form.value("total_migrants") == "60"
    assert [form.value("g_total", row) for row in (1, 2)] == ["33", "27"]
    assert form.value("resume") == "60 M : 12F/47H, 3 enf. ; 2 morts ; 1 P ; Trafic illicite de migrants"
    assert set(form.labels("m_nationalite")) == {"NGA", "GMB"}
    assert form.value("form_release").startswith("trafic-")


def test_nobody_counted_asks_for_no_group() -> None:
    hidden = ("detail_connu", *(f"groupe[{n}]/{q}" for n in (1, 2) for q in TRAFIC["groupe"][n - 1]))
    form = filled(blank("trafic"), TRUCK | {"groupes_connus": "non"}, unmet=hidden)
    assert form.problem() is None
    assert form.value("total_migrants") == "0"
    assert not form.relevant("enfants_seuls")


def test_more_details_than_counted_block_the_form() -> None:
    form = filled(blank("trafic"), {**TRAFIC, "migrant": [MIGRANT] * 3})  # two girls were counted
    reference, message = form.problem() or ("", "")
    assert "n_m_trop" in reference
    assert message == "required: Corrigez les nombres pour continuer."
    form.set("g_f_min", 3)
    assert form.problem() is None


def test_a_detail_row_may_know_the_age_that_the_count_left_open() -> None:
    boy = {**MIGRANT, "m_nationalite": "GMB", "m_sexe": "M"}
    assert filled(blank("trafic"), {**TRAFIC, "migrant": [boy]}).problem() is None
    form = filled(blank("trafic"), {**TRAFIC, "migrant": [boy, boy]})
    assert "n_m_trop" in (form.problem() or ("", ""))[0]


def test_more_details_than_all_of_a_nationality_block_the_form() -> None:
    """Each fits the one whose sex and age nobody knew; both do not."""
    girl, boy = MIGRANT, {**MIGRANT, "m_sexe": "M"}
    one = {"groupe": [{"g_nationalite": "NGA", "g_inconnu": 1}]}
    assert filled(blank("trafic"), {**TRAFIC, **one, "migrant": [girl]}).problem() is None
    form = filled(blank("trafic"), {**TRAFIC, **one, "migrant": [girl, boy]})
    assert "n_m_trop" in (form.problem() or ("", ""))[0]


def test_a_group_of_nobody_is_no_group() -> None:
    form = truck(groupe=[TRAFIC["groupe"][0], {"g_nationalite": "GMB"}])
    reference, message = form.problem() or ("", "")
    assert "n_g_vide" in reference and "au moins un nombre" in message
    form.set("g_h_adu", 0, row=2)
    assert "n_g_vide" in (form.problem() or ("", ""))[0]
    form.set("g_h_adu", 1, row=2)
    assert form.problem() is None


def test_children_described_alone_are_not_more_than_were_counted() -> None:
    form = filled(blank("trafic"), TRAFIC | {"enfants_seuls": 1})  # two girls alone are described
    reference, message = form.problem() or ("", "")
    assert "n_m_seuls" in reference and "enfants seuls" in message
    assert "décrivez 2 enfants" in form.text("n_m_seuls")
    form.set("m_non_accompagne", "non", row=2)
    assert form.problem() is None
    form.set("m_non_accompagne", "oui", row=2)
    form.clear("enfants_seuls")  # nobody counted them
    assert form.problem() is None


def test_one_group_a_nationality() -> None:
    form = truck(groupe=[TRAFIC["groupe"][0]] * 2)
    assert "n_g_double" in (form.problem() or ("", ""))[0]
    assert "additionnez-les" in form.text("n_g_double")


def test_children_alone_are_among_the_children_counted() -> None:
    form = truck(enfants_seuls=4)  # three under 18, one of unknown age
    assert "Service régional de protection de l’enfance d’Agadez" in form.text("n_enfants_seuls").replace("'", "’")
    assert "entre 0 et le nombre de moins de 18 ans" in form.set("enfants_seuls", 5)
    grown = {"groupe": [{"g_nationalite": "NGA", "g_h_adu": 60}]}
    assert not truck(**grown).relevant("enfants_seuls")


def test_migrants_who_suffer_are_cared_for_first() -> None:
    form = truck()
    for condition in form.labels("condition"):
        form.set("condition", condition)
        assert form.relevant("n_soins") is (condition not in ("well", "unk"))
    assert form.set("condition", ["ill", "injured"]) == "ok"
    assert "soins" in form.text("n_soins")
    assert "va seule" in form.set("condition", ["well", "ill"])


def test_a_migrant_may_prefer_not_to_answer() -> None:
    silent = {"m_nationalite": "NGA", "m_sexe": "F", "m_age_connu": "ref", "m_non_accompagne": "ref"}
    form = filled(blank("trafic"), {**TRAFIC, "migrant": [{**silent, "m_indice_exploitation": "nsp"}]})
    assert form.problem() is None
    assert form.value("m_mineur") == "nsp"


# -- safety ------------------------------------------------------------------------------------------------------


def test_what_is_missing_shows_whom_to_call_and_that_one_may_stop() -> None:
    form = blank("trafic")
    form.set("entite", "DST_AGZ")
    assert form.set("points", SAFE) == "ok"
    assert not any(form.relevant(note) for note in ("n_prive", "n_contacts", "n_arret"))
    form.set("points", ["sure", "soins", "langue"])
    assert form.relevant("n_prive") and form.relevant("n_arret")
    assert form.text("n_contacts").startswith("À appeler d") and "ANLTP/TIM d’Agadez" in form.text("n_contacts")
    assert "Centre hospitalier" not in form.text("n_contacts")
    form.set("points", ["prive", "sure", "langue"])
    told = form.text("n_contacts")
    assert "Centre hospitalier régional d’Agadez" in told and "ANLTP/TIM d’Agadez" in told
    assert "Police ou" not in told and "Interprètes" not in told
    form.set("points", "aucun")
    for service in ("Police ou gendarmerie", "Centre hospitalier", "Interprètes"):
        assert service in form.text("n_contacts")
    assert "enregistrer le brouillon" in form.text("n_arret")
    for other in ("prive", "papier"):
        assert "va seule" in form.set("points", ["aucun", other])


def test_what_is_missing_has_a_screen_of_its_own() -> None:
    assert screens(blank("trafic"), TRUCK | {"points": ["prive", "sure"]}) == screens(blank("trafic"), TRUCK) + 1


def test_the_contacts_are_those_of_the_bodys_region() -> None:
    form = blank("trafic")
    form.set("points", "aucun")
    assert not any(form.relevant(note) for note in ("n_prive", "n_contacts", "n_arret"))  # whose region is not known
    form.set("entite", "ONG_ZIN")
    assert "Zinder" in form.text("n_contacts") and "Agadez" not in form.text("n_contacts")


def test_a_paper_form_brings_its_code_and_the_date_it_came() -> None:
    paper = {**TRUCK, "points": "papier", "code_papier": CODE.lower(), "date_reception": "2026-04-09"}
    form = filled(blank("trafic"), paper, unmet=("code_recopie",))  # it stands on the sheet already
    assert form.problem() is None
    assert form.value("mode") == "papier"
    assert form.value("code_evenement") == CODE
    assert form.value("s_code") == f"{CODE}-S1"
    assert not form.relevant("n_arret")
    refused = {slip for slip in typing_slips(CODE) if form.set("code_papier", slip) == "ok"}
    assert refused == set()
    assert "dans le futur" in form.set("date_reception", TOMORROW)
    form.set("points", SAFE)
    assert form.value("mode") == "telephone"
    assert form.value("code_evenement") != CODE and "code_papier" not in form.xml()


# -- the code ----------------------------------------------------------------------------------------------------


def test_the_code_is_drawn_once_bears_its_check_and_is_typed_back() -> None:
    form = truck()
    code = form.value("code_evenement")
    assert case_code.is_case_code(code)
    assert form.text("n_code").startswith(f"# {case_code.shown_code(code)}\n")
    form.set("entite", "ONG_AGZ")
    assert form.value("code_evenement") == code
    assert blank("trafic").value("code_evenement") != code
    for typed in (code, code.lower(), case_code.shown_code(code), "-".join((code[:3], code[3:6], code[6:]))):
        assert form.set("code_recopie", typed) == "ok", typed
    for slip in sorted(typing_slips(code))[:40]:
        assert "corrigez le registre" in form.set("code_recopie", slip)
    form = blank("trafic")
    form.fill({name: answer for name, answer in TRUCK.items() if name != "code_recopie"})
    assert form.problem() == (
        "/data/g_fin[1]/code_recopie[1]",
        "required: Tapez le code écrit dans votre registre.",
    )


def test_a_reopened_draft_keeps_its_code_and_its_numbers() -> None:
    answers = {**TRAFIC, "migrant": [MIGRANT], "passeur": [SMUGGLER, SMUGGLER]}
    form = filled(blank("trafic"), answers)
    again = Form.reopen(form.xform, form.draft())
    for name, row in (("code_evenement", 1), ("m_code", 1), ("s_code", 1), ("s_code", 2)):
        assert again.value(name, row) == form.value(name, row) != ""
    assert again.add("passeur")
    assert again.value("s_code", 3) == f"{form.value('code_evenement')}-S3"


def test_a_number_is_given_once() -> None:
    answers = {**TRAFIC, "migrant": [MIGRANT, {**MIGRANT, "m_sexe": "M"}, MIGRANT], "passeur": [SMUGGLER] * 3}
    form = filled(blank("trafic"), answers)
    code = form.value("code_evenement")
    for repeat, letter, name in (("migrant", "M", "m_code"), ("passeur", "S", "s_code")):
        assert [form.value(name, row) for row in (1, 2, 3)] == [f"{code}-{letter}{n}" for n in (1, 2, 3)]
        form.delete(repeat, 2)
        assert form.add(repeat)
        assert [form.value(name, row) for row in (1, 2, 3)] == [f"{code}-{letter}{n}" for n in (1, 3, 4)]


# -- traite or trafic --------------------------------------------------------------------------------------------

ANSWERS = ("oui", "non", "nsp")


def test_the_form_follows_the_truth_table() -> None:
    signs = {"indice_exploitation": "oui", "indice_acte": "oui", "indice_moyen": "oui", "indice_mineur": "oui"}
    form, table = truck(**signs), truth_table()
    questions = ("indice_acte", "indice_moyen", "indice_mineur", "entree_irreguliere", "avantage")
    seen = set()
    for facts in itertools.product(ANSWERS, repeat=5):
        for question, answer in zip(questions, facts, strict=True):
            form.set(question, answer)
        act, means, child, border, benefit = facts
        seen.add(form.value("classement_evt"))
        assert form.value("classement_evt") == table[act, means, "oui", child, border, benefit].result, facts
    for purpose, border, benefit in itertools.product(("non", "nsp"), ANSWERS, ANSWERS):
        form.set("indice_exploitation", purpose)
        form.set("entree_irreguliere", border)
        form.set("avantage", benefit)
        seen.add(form.value("classement_evt"))
        assert form.value("classement_evt") == table["nsp", "nsp", purpose, "nsp", border, benefit].result
    assert seen == {"les_deux", "traite_presumee", "trafic_illicite", "a_verifier", "aucun"}


@pytest.mark.parametrize(
    ("note", "answers"),
    [
        ("n_trafic_illicite", {}),
        ("n_aucun", {"avantage": "non"}),
        ("n_a_verifier", {"avantage": "nsp"}),
        ("n_les_deux", {"indice_exploitation": "oui"} | dict.fromkeys(("indice_acte", "indice_moyen"), "oui")),
    ],
)
def test_the_worker_is_told_what_it_is_worth(note: str, answers: dict[str, str]) -> None:
    form = truck(**{"indice_mineur": "nsp"} | answers if "indice_exploitation" in answers else answers)
    for part in ("Indice, pas une qualification", "Ne pas lire à haute voix", "Orienter dans tous les cas"):
        assert part in form.text(note)
    notes = {f"n_{kind}" for kind in ("les_deux", "traite_presumee", "trafic_illicite", "a_verifier", "aucun")}
    assert [other for other in notes if form.relevant(other)] == [note]


def test_a_sign_noted_for_one_migrant_cannot_be_denied_for_all() -> None:
    form = blank("trafic")
    report = form.fill({**TRAFIC, "migrant": [{**MIGRANT, "m_indice_exploitation": "oui"}]})
    (refusal,) = report.refused.values()
    assert refusal.endswith("pour un migrant décrit : répondez « Oui », ou corrigez ce migrant.")
    assert form.set("indice_exploitation", "oui") == "ok"


def test_a_child_described_with_a_sign_is_a_child_among_them() -> None:
    signs = {"indice_exploitation": "oui", "indice_acte": "oui", "indice_moyen": "nsp", "indice_mineur": "non"}
    child = {**MIGRANT, "m_indice_exploitation": "oui"}
    form = blank("trafic")
    (refusal,) = form.fill({**TRAFIC, **signs, "migrant": [child]}).refused.values()
    assert "décrit un enfant avec un signe d" in refusal
    assert [form.set("indice_mineur", answer) for answer in ("oui", "nsp")] == ["ok", "ok"]
    adult = {name: value for name, value in child.items() if name != "m_non_accompagne"} | {"m_age": 30}
    assert filled(blank("trafic"), {**TRAFIC, **signs, "migrant": [adult]}).problem() is None


def test_a_sign_of_exploitation_leads_to_the_other_form_by_checked_codes() -> None:
    form = truck(indice_exploitation="oui", indice_acte="oui", indice_moyen="oui", indice_mineur="non")
    code = form.value("code_evenement")
    assert case_code.shown_code(code) in form.text("n_fiche_traite")
    assert form.problem() is None  # the other form may come later
    assert form.set("code_traite", case_code.shown_code(CODE).lower()) == "ok"
    assert "signe par signe" in form.set("code_traite", code)  # its own
    assert {slip for slip in typing_slips(CODE) if form.set("code_traite", slip) == "ok"} == set()


# -- impossible and improbable values ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("question", "value", "message"),
    [
        ("date_detection", TOMORROW, "ni dans le futur"),
        ("date_faits", "2026-05-01", "ni après l'interception"),
        ("transport", ["unk", "truck"], "va seule"),
        ("condition", ["unk", "ill"], "va seule"),
        ("frontiere", "NER", "autre côté de la frontière"),
        ("infractions", ["none", "som"], "va seule"),
        ("montant_fcfa", -1, "entre 0 et 20 000 000"),
        ("deces", 1000, "entre 0 et 999"),
        ("g_f_min", -1, "entre 0 et 9999"),
        ("s_age", 6, "entre 7 et 110"),
        ("s_date_stade", TOMORROW, "ni dans le futur"),
    ],
)
def test_an_impossible_answer_is_refused_with_what_to_do(question: str, value: object, message: str) -> None:
    assert message in truck().set(question, value)


def test_an_improbable_answer_is_only_remarked() -> None:
    form = truck(date_detection="2019-04-02")
    assert "plus de deux ans" in form.text("n_ancien")
    assert "Vérifiez" in form.text("n_deces")
    assert form.problem() is None


@pytest.mark.parametrize("note", REMARKED)
def test_answers_that_contradict_each_other_are_remarked(note: str) -> None:
    shown, mended = REMARKED[note]
    form = truck(**shown)
    assert "Attention" in form.text(note)
    assert form.problem() is None
    for question, value in mended.items():
        assert form.set(question, value) == "ok"
    assert not form.relevant(note)


def test_deaths_left_empty_are_not_none() -> None:
    form = truck(aggravantes=["death"])
    form.clear("deces")
    assert form.relevant("n_mort") and "morts ?" in form.value("resume")
    form.set("deces", 0)
    assert "morts" not in form.value("resume")


def test_a_case_came_to_light_before_its_paper_came() -> None:
    paper = {**TRUCK, "points": "papier", "code_papier": CODE, "date_reception": "2026-04-09"}
    form = filled(blank("trafic"), paper, unmet=("code_recopie",))
    assert form.set("date_detection", "2026-04-09") == "ok"
    assert "après la réception" in form.set("date_detection", "2026-04-10")


def test_the_month_of_the_facts_may_be_that_of_the_interception() -> None:
    form = truck()
    assert form.set("date_faits", "2026-04-01") == "ok"
    form.set("date_connue", "non")
    assert form.set("date_faits", "2026-05-01") == "ok"


def test_a_sentence_is_asked_of_the_convicted_and_months_of_prison_alone() -> None:
    convicted = {
        **SMUGGLER,
        "s_stade": "convicted",
        "s_peine": "prison",
        "s_peine_mois": 24,
        "s_infraction": "ord2025_02",
    }
    form = truck(passeur=[convicted])
    assert form.problem() is None
    form.set("s_peine", "fine")
    assert not form.relevant("s_peine_mois")
    form.set("s_stade", "arrested")
    assert not any(form.relevant(name) for name in ("s_peine", "s_infraction"))


def test_questions_are_put_in_english_too() -> None:
    form = truck()
    form.language("English (en)")
    assert form.text("condition").startswith("In what condition")
    assert form.labels("points")["aucun"] == "None of these"
