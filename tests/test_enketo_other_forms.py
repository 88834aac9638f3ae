"""The follow-up, the register of providers and the quarterly declaration in Enketo, held against JavaRosa."""

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest

from tests.engines import javarosa
from tests.enketo_fixture import blank, compiled, filled, needs_browser, same_in_both
from tests.forms_fixture_other import DECLARATION, FOURNISSEUR, SUIVI, TOMORROW, typing_slips
from transforms.case_code import complete, shown_code

pytestmark = needs_browser

SINCE = (date.today() - timedelta(days=30)).isoformat()

CORE = {"suivi": SUIVI, "fournisseur": FOURNISSEUR, "declaration": DECLARATION}
BRANCHES = [
    (
        "suivi",
        {
            "suivi_types": ["investigation", "judgment"],
            "ligne": "auteur",
            "fiche": "trafic",
            "c_tranche": "25-34",
            "stade": "convicted",
            "stade_date": SINCE,
            "peine": "prison",
            "peine_mois": 24,
        },
    ),
    ("suivi", {"ligne": "cas", "suivi_types": ["return"], "retour_type": "family", "retour_date": SINCE}),
    ("suivi", {"suivi_types": ["withdrawal"], "retrait": "tout", "retrait_date": SINCE}),
    ("fournisseur", {"org_connu": "non", "org_nom": "Brigade d’Essai", "org_type": "ngo", "donnees": ["none"]}),
    (
        "fournisseur",
        {"me_etat": "refused", "me_motif": "Attend un texte.", "ps_nom": "Nul", "ps_tel": "+227 20 00 00 00"},
    ),
    (
        "fournisseur",
        {
            "recue_papier_le": SINCE,
            "services": ["shelter"],
            "org_departement": "NE002001",
            "pf_nom": "Personne d’Essai",
        },
    ),
    ("declaration", {"neant": "oui", "mode_decl": "phone", "date_appel": SINCE}),
    ("declaration", {"mode_decl": "paper", "date_appel": SINCE, "nb_victimes": 1}),
    ("declaration", {"nb_traite": 0, "nb_victimes": 0, "nb_trafic": 1, "nb_migrants": 60}),
]


@pytest.mark.parametrize("form", CORE)
def test_the_core_path_is_the_same_in_both_engines(form: str) -> None:
    filled_form = same_in_both(form, CORE[form])
    assert filled_form.problem() is None
    assert filled_form.value("form_release").startswith(f"{form}-")


@pytest.mark.parametrize(("form", "changes"), BRANCHES)
def test_a_branch_is_the_same_in_both_engines(form: str, changes: dict[str, Any]) -> None:
    same_in_both(form, CORE[form] | changes)


@pytest.mark.parametrize("form", CORE)
def test_the_questions_and_the_choices_are_those_of_the_phone_in_both_languages(form: str) -> None:
    here, phone = blank(form), javarosa.Form(compiled(form))
    for language in ("English (en)", "Français (fr)"):
        here.language(language)
        phone.language(language)
        for question, answer in CORE[form].items():
            here.set(question, answer)
            phone.set(question, answer)
            assert here.text(question) == phone.text(question)
            if isinstance(answer, list):
                assert here.labels(question) == phone.labels(question)


@pytest.mark.parametrize(
    ("form", "question", "value", "message"),
    [
        ("suivi", "code_cas", "K7M4XQ2P", "mal recopié"),
        ("suivi", "aide_date", TOMORROW, "ni dans le futur"),
        ("suivi", "aide", ["unk", "Health"], "va seule"),
        ("suivi", "recue_papier_le", TOMORROW, "ni dans le futur"),
        ("fournisseur", "pf_tel", "20 00 00 0", "8 chiffres au moins"),
        ("fournisseur", "me_date", TOMORROW, "ni dans le futur"),
        ("fournisseur", "depuis", 1850, "entre 1960"),
        ("declaration", "annee", date.today().year + 1, "année en cours"),
        ("declaration", "nb_migrants", 100_000, "entre 0 et 99999"),
        ("declaration", "certifie", "non", "brouillon"),
    ],
)
def test_an_impossible_answer_is_refused_with_what_to_do(form: str, question: str, value: Any, message: str) -> None:
    opened = filled(form, CORE[form])
    assert message in opened.set(question, value)
    reference, why = opened.problem() or ("", "")
    assert reference.endswith(f"/{question}") and message in why
    assert opened.set(question, CORE[form].get(question)) == "ok"
    assert opened.problem() is None


def test_what_is_ticked_for_another_is_found_before_sending() -> None:
    form = filled("suivi", SUIVI)
    form.set("ligne", "auteur")
    form.set("c_tranche", "25-34")
    reference, _ = form.problem() or ("", "")
    assert reference.endswith("suivi_types")
    assert form.set("suivi_types", ["judgment"]) == "ok"


def test_the_country_of_a_return_goes_with_its_kind() -> None:
    changes = {"suivi_types": ["return"], "retour_type": "family", "retour_pays": "NER", "retour_date": SINCE}
    form = filled("suivi", {n: v for n, v in SUIVI.items() if not n.startswith("aide")} | changes)
    assert form.problem() is None
    assert "choisissez le Niger" in form.set("retour_pays", "NGA")


def test_names_are_not_passed_on_without_a_written_basis() -> None:
    form = filled("fournisseur", FOURNISSEUR)
    form.set("base", "none")
    assert "Sans base écrite" in (form.problem() or ("", ""))[1]


def test_a_quarter_is_not_declared_before_it_begins() -> None:
    form = filled("declaration", DECLARATION | {"mode_decl": "phone", "date_appel": "2026-01-01"})
    assert form.problem() is None
    form.set("date_appel", "2025-12-31")
    reference, why = form.problem() or ("", "")
    assert reference.endswith("trimestre") and "commence après" in why


@pytest.mark.parametrize("typed", [shown_code, lambda code: shown_code(code).lower(), lambda code: "-".join(code)])
def test_the_code_of_a_case_may_be_typed_as_it_is_read(typed: Callable[[str], str]) -> None:
    code = SUIVI["code_cas"]
    form = filled("suivi", SUIVI | {"code_cas": typed(code)})
    assert form.value("code_normal") == code
    assert shown_code(code) in form.text("n_confirmer")
    assert form.value("resume") == f"{shown_code(code)} V2 : aide"


def test_no_slip_in_the_code_of_a_case_passes() -> None:
    form = blank("suivi")
    good = complete("K7M4XQ2", 11)
    slips = sorted(typing_slips(good))
    assert len(slips) > 200
    assert form.walk(["code_cas"], [[good], *([slip] for slip in slips)], "!code_cas") == [
        "",
        *["constraint"] * len(slips),
    ]


def test_a_quarter_with_four_zeros_is_declared_by_its_own_answer() -> None:
    form = filled("declaration", DECLARATION)
    form.set("nb_traite", 0)
    form.set("nb_victimes", 0)
    reference, why = form.problem() or ("", "")
    assert reference.endswith("nb_migrants") and "état néant" in why
    form.set("neant", "oui")
    assert form.problem() is None
    assert form.value("resume") == f"{DECLARATION['annee']}-T1 : état néant"
    assert "nb_traite" not in form.xml()
