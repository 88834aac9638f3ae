"""The sheet of a data provider as a phone runs it: JavaRosa, the engine of ODK Collect and KoboCollect."""

from typing import Any

import pytest

from tests.forms_fixture import blank
from tests.forms_fixture_other import FOURNISSEUR, TOMORROW, filled, screens
from transforms import codelists, places

NEW = {name: answer for name, answer in FOURNISSEUR.items() if name != "org_code"} | {
    "org_connu": "non",
    "org_nom": "ONG Exemple, Arlit",
    "org_type": "ngo",
    "org_region": "NE001",
    "org_departement": "NE001002",
}


def test_a_sheet_takes_five_screens_and_can_be_sent() -> None:
    form = blank("fournisseur")
    assert screens(form, FOURNISSEUR) == 5
    assert form.value("region_decl") == "NE002"
    assert form.value("famille_entite") == "justice_securite"
    assert form.value("type_entite") == "gendarmerie"
    assert form.value("resume") == "GEN_DIF : Signé"
    assert form.value("form_release").startswith("fournisseur-")


def test_a_body_that_is_not_listed_gives_its_name() -> None:
    form = blank("fournisseur")
    assert screens(form, NEW) == 5
    assert not form.relevant("org_code")
    assert form.value("resume") == "ONG Exemple, Arlit : Signé"
    assert list(form.labels("org_departement")) == [
        place.pcode for place in places.all_places() if place.parent == "NE001"
    ]
    assert "3 à 200 signes" in form.set("org_nom", "OE")


def test_the_family_follows_from_the_kind_of_body() -> None:
    form = filled(blank("fournisseur"), NEW)
    kinds = [kind for kind in codelists.codes("ent_type") if codelists.family(kind)]
    assert list(form.labels("org_type")) == kinds
    for kind in kinds:
        form.set("org_type", kind)
        assert form.value("famille_entite") == codelists.family(kind)


def test_a_body_without_data_is_asked_nothing_about_them() -> None:
    about = ("outil", "depuis", "base", "noms", "frequence")
    form = blank("fournisseur")
    answers = {name: answer for name, answer in FOURNISSEUR.items() if name not in about}
    assert screens(form, answers | {"services": ["none"], "donnees": "none"}) == 4
    assert not any(form.relevant(name) for name in about)
    assert "Aucun" in form.labels("services")["none"]
    assert "va seule" in form.set("services", ["none", "Legal"])
    assert "va seule" in form.set("donnees", ["none", "cases"])


@pytest.mark.parametrize(
    ("question", "good", "bad", "message"),
    [
        (
            "pf_tel",
            ["20 00 00 00", "+227 20 00 00 00"],
            ["2000", "20 00 00 0 ", "vingt mille", "20.00.00.00"],
            "8 chiffres au moins",
        ),
        ("pf_courriel", ["point.focal@organisme.example"], ["organisme.example", "a@b", "a b@c.example"], "complète"),
        ("pf_nom", ["x" * 80], ["x" * 81], "80 signes au plus"),
        ("depuis", [1960], [1959, 2999], "entre 1960 et"),
        ("me_date", ["2025-01-01"], [TOMORROW], "ni dans le futur"),
        ("outil", [["none"]], [["none", "paper"]], "va seule"),
    ],
)
def test_an_impossible_answer_is_refused_with_what_to_do(
    question: str, good: list[Any], bad: list[Any], message: str
) -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR)
    for value in good:
        assert form.set(question, value) == "ok", value
    for value in bad:
        assert message in form.set(question, value), value


def test_a_post_is_enough_and_a_name_is_not_required() -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR)
    assert form.problem() is None and "<pf_nom>" not in form.xml()
    form.clear("pf_fonction")
    assert "pf_fonction" in (form.problem() or ("", ""))[0]


def test_names_are_not_passed_on_without_a_written_basis() -> None:
    form = blank("fournisseur")
    (refusal,) = form.fill(FOURNISSEUR | {"base": "none"}).refused.values()
    assert "Sans base écrite" in refusal
    assert form.set("noms", "non") == "ok"
    assert form.problem() is None


def test_of_a_shelter_only_the_region_stays() -> None:
    form = filled(blank("fournisseur"), NEW)
    assert "NE001002" in form.xml()
    form.set("services", ["shelter", "Legal"])
    assert not form.relevant("org_departement") and "NE001002" not in form.xml()
    assert "seule la région" in form.text("n_abri")
    assert form.problem() is None


def test_a_paper_sheet_has_the_day_it_came() -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR | {"recue_papier_le": "2026-05-06"})
    assert form.problem() is None
    assert "dans le futur" in form.set("recue_papier_le", TOMORROW)


def test_a_deputys_number_needs_a_deputy() -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR)
    assert not form.relevant("ps_tel")
    form.set("ps_nom", "Personne d’Exemple")
    assert form.set("ps_tel", "20 00 00 00") == "ok"


def test_the_reason_of_a_refusal_and_the_date_of_a_state() -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR)
    assert not form.relevant("me_motif")
    form.set("me_etat", "refused")
    assert form.set("me_motif", "x" * 200) == "ok"
    assert "200 signes" in form.set("me_motif", "x" * 201)
    form.set("me_etat", "to_approach")
    assert not form.relevant("me_date") and not form.relevant("me_motif")
    assert form.problem() is None
    assert form.value("resume") == "GEN_DIF : À approcher"


def test_the_copy_of_the_memorandum_is_asked_for_once_signed_and_never_required() -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR)
    asked = form.met()
    assert asked.index("mou_scan") == asked.index("me_date") + 1
    assert form.problem() is None, "the signature counts before its copy is there"
    assert form.set("mou_scan", "protocole.pdf") == "ok"
    assert form.problem() is None and "<mou_scan>protocole.pdf</mou_scan>" in form.xml()
    for state in form.labels("me_etat"):
        form.set("me_etat", state)
        assert form.relevant("mou_scan") == (state == "signed")
        assert ("protocole.pdf" in form.xml()) == (state == "signed")


def test_a_sheet_not_read_over_can_be_sent_and_says_so() -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR | {"toujours_vrai": "non"})
    assert form.problem() is None
    assert "dès que possible" in form.text("n_relire")


def test_questions_are_put_in_english_too() -> None:
    form = filled(blank("fournisseur"), FOURNISSEUR)
    form.language("English (en)")
    assert form.text("donnees") == "What data does it hold?"
    assert form.labels("me_etat")["signed"] == "Signed"
