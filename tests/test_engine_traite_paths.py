"""The form from its first screen to its last, on four ways through it: JavaRosa."""

import pytest

from tests.engines.javarosa import Form
from tests.forms_fixture import CHILD, KEY_CHILD, PERPETRATOR, TRAITE, VICTIM, blank, with_details
from tests.forms_fixture_other import SAFE, filled
from transforms import case_code, codelists, places

TOP = ["n_avant", "entite", "points"]
EVENT = ["date_connue", "date_detection", "det_region", "det_departement", "portee"]
FACTS = ["actes", "moyens", "exploitation", "saisine"]
IDENTITY = ["v_sexe", "v_age_connu", "v_age", "v_nationalite"]
SUPPORT = ["v_statut", "v_assistance", "v_orientation", "n_v_traite", "n_v_p_enfant"]
END = ["n_code", "code_recopie", "n_traite_presumee"]


def sendable(form: Form) -> bool:
    """Nothing keeps the form from being sent."""
    return form.problem() is None


# -- four ways through -------------------------------------------------------------------------------------------


def test_the_core_case_meets_these_questions_in_this_order() -> None:
    form = filled(blank("traite"), KEY_CHILD)
    consent = ["n_v_code", "v_majorite", "v_c_enreg", "v_c_adulte", "v_c_partage", "v_c_orient", "v_nom_efface"]
    assert form.met() == [*TOP, *EVENT, *FACTS, "ajouts", *consent, *IDENTITY, *SUPPORT, *END]
    assert sendable(form)
    assert form.value("region_decl") == "NE008"
    assert form.value("famille_entite") == "protection"
    assert form.value("type_entite") == "ngo"
    assert form.value("nominatif") == "non"
    assert form.value("mode") == "telephone"
    assert form.value("resume") == "1 V : 1F/0H, 1 enf. ; 0 A ; Traite présumée"
    assert form.value("form_release").startswith("traite-")


def test_a_border_crossed_and_every_detail_known() -> None:
    convicted = {"a_stade": "convicted", "a_infraction": "cp270", "a_peine": "prison", "a_peine_mois": 48}
    second = {"v_meme_situation": "non", "v_actes": "receipt", "v_moyens": "payment", "v_exploitation": "marriage"}
    case = with_details()
    answers = {
        **case,
        "ajouts": ["victimes", "auteurs", "details"],
        "exploitation": ["sexual", "forced_labour"],
        "exploitation_princ": "forced_labour",
        "type_travail": ["goldmining"],
        "secteur": ["B"],
        "code_lie": case_code.issue(),
        "victime": [*case["victime"], {**VICTIM, **second, "v_statut": "unk"}],
        "auteur": [
            {**PERPETRATOR, **convicted},
            {"a_type": "legal", "a_nationalite": "NER", "a_role": "unk", "a_stade": "unk"},
        ],
    }
    form = filled(blank("traite"), answers)
    assert sendable(form)
    assert form.value("resume") == "2 V : 2F/0H, 0 enf. ; 2 A ; Traite présumée"
    for question in ("a_sexe", "a_age", "a_date_stade", "a_infraction", "a_peine"):
        assert form.relevant(question, 1) and not form.relevant(question, 2)
    assert form.labels("exploitation_princ").keys() == {"sexual", "forced_labour"}
    form.set("a_peine", "fine")
    assert not form.relevant("a_peine_mois")
    form.set("v_statut", "ActualVictimOfTrafficking")
    assert form.relevant("v_statut_organe") and not sendable(form)
    form.set("v_statut_organe", "court")
    assert sendable(form)


def test_the_date_of_the_decision_is_asked_of_an_identified_victim_without_details() -> None:
    form = filled(blank("traite"), TRAITE)
    assert not form.relevant("v_date_ident")
    form.set("v_statut", "ActualVictimOfTrafficking")
    form.set("v_statut_organe", "court")
    assert form.relevant("v_date_ident") and sendable(form)  # asked, never required
    assert form.set("v_date_ident", "2026-03-12") == "ok"
    assert form.value("v_ident") == "2026-03-12"


def test_victims_counted_and_none_described() -> None:
    counts = {"nb_f_mineures": 0, "nb_h_mineurs": 12, "nb_f_adultes": 0, "nb_h_adultes": 0, "nb_inconnus": 1}
    answers = {**KEY_CHILD, **counts, "ajouts": ["nombres"]}
    del answers["victime"]
    form = filled(blank("traite"), answers)
    assert form.met() == [
        *TOP,
        *EVENT,
        *FACTS,
        "ajouts",
        "n_nombres",
        *counts,
        "n_code",
        "code_recopie",
        "n_a_verifier",
    ]
    assert sendable(form)
    assert form.value("nb_autres") == "13"
    form.set("ajouts", ["rien"])
    assert form.value("nb_autres") == "0"
    assert form.met() == [*TOP, *EVENT, *FACTS, "ajouts", "n_sans_victime", "n_code", "code_recopie", "n_a_verifier"]
    assert sendable(form)


def test_a_child_who_refuses_copied_from_paper() -> None:
    refused = {"v_majorite": "0-17", "v_c_enreg": "non", "v_c_orient": "oui", "v_sexe": "M"}
    answers = {
        **KEY_CHILD,
        "points": ["papier"],
        "code_papier": case_code.issue(),
        "date_reception": "2026-03-20",
        "victime": [refused],
    }
    form = filled(blank("traite"), answers, unmet=("code_recopie",))
    consent = ["n_v_code", "v_majorite", "v_c_enreg", "n_v_refus", "v_c_orient", "v_sexe"]
    paper = [*TOP, "code_papier", "date_reception"]
    assert form.met() == [*paper, *EVENT, *FACTS, "ajouts", *consent, "n_code", "n_traite_presumee"]
    assert sendable(form)
    assert form.value("mode") == "papier"


# -- the first screen --------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("ticked", "named", "shown"),
    [
        (SAFE, (), ()),
        (["sure", "soins", "langue"], ("orientation",), ("n_prive", "n_contacts", "n_arret")),
        (["prive", "soins", "langue"], ("securite", "orientation"), ("n_contacts", "n_arret")),
        (["prive", "sure", "langue"], ("soins", "orientation"), ("n_contacts", "n_arret")),
        (["prive", "sure", "soins"], ("interprete", "orientation"), ("n_contacts", "n_arret")),
        (["aucun"], ("securite", "soins", "interprete", "orientation"), ("n_prive", "n_contacts", "n_arret")),
        (["papier"], (), ()),
    ],
)
def test_what_is_not_safe_names_the_regions_contacts_and_lets_stop(
    ticked: list[str], named: tuple[str, ...], shown: tuple[str, ...]
) -> None:
    contacts = {
        "securite": "brigade des mineurs de Diffa",
        "soins": "Centre hospitalier régional de Diffa",
        "interprete": "Interprètes connus du service social de Diffa",
        "orientation": "Bureau régional de l’ANLTP/TIM de Diffa",
    }
    form = blank("traite")
    form.fill({"entite": "ONG_DIF", "points": ticked})
    assert [note for note in ("n_prive", "n_contacts", "n_arret") if form.relevant(note)] == list(shown)
    text = form.text("n_contacts") if named else ""
    assert [what for what, words in contacts.items() if words in text] == list(named)
    assert form.relevant("date_connue")  # told, never barred


def test_what_is_not_safe_takes_a_screen_of_its_own_that_nobody_misses() -> None:
    screens = [blank("traite").fill({**KEY_CHILD, "points": points}).screens for points in (SAFE, SAFE[:3])]
    assert screens[1] == screens[0] + 1


def test_no_region_no_contacts() -> None:
    form = blank("traite")
    form.fill({"points": ["aucun"]})
    assert form.relevant("n_arret") and not form.relevant("n_contacts")


# -- places, lists, languages ------------------------------------------------------------------------------------


def test_places_cascade_from_the_attached_list() -> None:
    form = filled(blank("traite"), TRAITE)
    assert form.labels("det_region") == places.regions()
    form.set("det_region", "NE004")
    assert "NE004007" in form.labels("det_departement")
    form.set("det_departement", "NE004007")
    assert list(form.labels("det_commune")) == ["NE004007001", "NE004007002", "NE004007003"]


def test_the_main_exploitation_is_asked_only_among_several_ticked() -> None:
    form = filled(blank("traite"), {**KEY_CHILD, "exploitation": ["begging", "wahaya"], "exploitation_princ": "wahaya"})
    assert list(form.labels("exploitation_princ")) == ["wahaya", "begging"]
    assert form.set("exploitation", ["begging"]) == "ok"
    assert not form.relevant("exploitation_princ")


def test_every_form_of_exploitation_known_in_niger_can_be_ticked() -> None:
    form = filled(blank("traite"), TRAITE)
    assert {"mining", "domestic", "herding"} <= set(form.labels("exploitation"))
    assert {"wahaya", "slavery_hereditary", "begging", "servitude", "marriage"} <= set(form.labels("exploitation"))
    assert list(form.labels("exploitation")) == codelists.codes("evt_exploitation")
    details = filled(blank("traite"), with_details(), unmet=())
    details.set("exploitation", ["forced_labour"])
    assert {"goldmining", "herding", "DomesticWork"} <= set(details.labels("type_travail"))


def test_questions_are_put_in_english_too() -> None:
    form = blank("traite")
    assert form.text("entite") == "Organisme qui déclare"
    form.language("English (en)")
    assert form.text("entite") == "Reporting body"
    assert form.labels("actes")["recruitment"] == "The perpetrator recruited the person"


def test_nothing_lingers_of_what_is_ticked_off() -> None:
    form = filled(blank("traite"), with_details())
    form.set("ajouts", ["victimes"])
    for gone in ("comment_connu", "WithholdsDocuments", "v_lien_recruteur", "withheld", "care_needed"):
        assert gone not in form.xml()
    form.set("ajouts", ["rien"])
    assert "Zouleymata" not in form.xml()
    assert CHILD["v_nom_entier"] not in form.draft()
