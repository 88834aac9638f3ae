"""Answers on the forms other than `traite`, and how a test fills a form. Nobody is real."""

from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from tests.engines.javarosa import Form
from transforms import case_code

TOMORROW = (date.today() + timedelta(days=1)).isoformat()
CODE = case_code.complete("K7M4XQ2", 5)
"""A valid case code."""
SAFE = ["prive", "sure", "soins", "langue"]
"""Every safety point ticked."""


def copied(form: Form) -> str:
    """The code as a worker types it back from the register: in lower case, with spaces."""
    return case_code.shown_code(form.value("code_evenement")).lower()


MIGRANT: dict[str, Any] = {
    "m_nationalite": "NGA",
    "m_sexe": "F",
    "m_age_connu": "age",
    "m_age": 15,
    "m_non_accompagne": "oui",
    "m_indice_exploitation": "non",
}
SMUGGLER: dict[str, Any] = {
    "s_type": "natural",
    "s_sexe": "M",
    "s_nationalite": "NER",
    "s_role": ["Transporter"],
    "s_stade": "arrested",
}
TRAFIC: dict[str, Any] = {
    "entite": "DST_AGZ",
    "points": SAFE,
    "date_connue": "oui",
    "date_detection": "2026-04-02",
    "det_region": "NE001",
    "autorite": "police",
    "sens": "transit",
    "pays_depart": "NGA",
    "frontiere": "DZA",
    "pays_destination": "unk",
    "transport": ["truck"],
    "entree_irreguliere": "oui",
    "avantage": "oui",
    "infractions": ["som"],
    "aggravantes": ["none"],
    "deces": 2,
    "condition": ["dehydrated", "exhausted"],
    "groupes_connus": "oui",
    "groupe": [
        {"g_nationalite": "NGA", "g_f_min": 2, "g_h_min": 1, "g_f_adu": 10, "g_h_adu": 20},
        {"g_nationalite": "GMB", "g_h_adu": 26, "g_inconnu": 1},
    ],
    "detail_connu": "oui",
    "migrant": [MIGRANT, MIGRANT],
    "indice_exploitation": "non",
    "saisine": "investigation",
    "passeurs_connus": "oui",
    "passeur": [SMUGGLER],
    "code_recopie": copied,
}
REMARKED: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "n_sens": ({"sens": "entering", "pays_depart": "NER"}, {"pays_depart": "NGA"}),
    "n_paiement": ({"montant_fcfa": 5000, "mode_paiement": "none"}, {"montant_fcfa": 0}),
    "n_som": ({"entree_irreguliere": "non", "avantage": "non"}, {"avantage": "nsp"}),
    "n_mort": ({"aggravantes": ["death"], "deces": 0}, {"deces": 1}),
    "n_deces_grand": ({"deces": 101}, {"deces": 100}),
    "n_g_grand": ({"groupe": [{"g_nationalite": "NGA", "g_h_adu": 301}]}, {"g_h_adu": 300}),
    "n_enfants_grave": ({"aggravantes": ["none"]}, {"aggravantes": ["child"]}),
}
"""Note: the answers that show it, and what makes it go."""
SUIVI: dict[str, Any] = {
    "entite": "SOC_MAR",
    "code_cas": CODE,
    "fiche": "traite",
    "ligne": "victime",
    "ligne_no": 2,
    "c_sexe": "F",
    "c_tranche": "10-14",
    "c_mois": "2026-02-01",
    "suivi_types": ["assistance"],
    "aide": ["SocialCare", "Education"],
    "aide_date": "2026-05-04",
}
FOURNISSEUR: dict[str, Any] = {
    "org_connu": "oui",
    "org_code": "GEN_DIF",
    "org_type": "gendarmerie",
    "org_region": "NE002",
    "pf_fonction": "Chef du bureau des statistiques",
    "donnees": ["cases", "perpetrators"],
    "outil": ["paper"],
    "depuis": 2015,
    "base": "mandate",
    "noms": "oui",
    "frequence": "irregular",
    "me_etat": "signed",
    "me_date": "2025-03-04",
    "toujours_vrai": "oui",
}
DECLARATION: dict[str, Any] = {
    "entite": "ONG_ZIN",
    "mode_decl": "self",
    "annee": 2026,
    "trimestre": "T1",
    "neant": "non",
    "nb_traite": 2,
    "nb_victimes": 5,
    "nb_trafic": 0,
    "nb_migrants": 0,
    "certifie": "oui",
}
NIL_BY_PHONE: dict[str, Any] = {
    "entite": "ONG_ZIN",
    "mode_decl": "phone",
    "date_appel": "2026-04-20",
    "annee": 2026,
    "trimestre": "T1",
    "neant": "oui",
    "certifie": "oui",
}


def filled(form: Form, answers: Mapping[str, Any], *, unmet: tuple[str, ...] = ()) -> Form:
    """The blank form filled without a refusal; `unmet` names the answers whose questions must stay hidden."""
    report = form.fill(answers)
    assert report.refused == {}
    assert tuple(report.unmet) == tuple(sorted(unmet))
    return form


def screens(form: Form, answers: Mapping[str, Any]) -> int:
    """Screens met on the way through a form that can then be sent."""
    report = form.fill(answers)
    assert (report.refused, report.unmet, form.problem()) == ({}, [], None)
    return report.screens


def typing_slips(code: str) -> set[str]:
    """Every code that one wrong character, or two neighbours exchanged, makes of a good one."""
    wrong = {code[:at] + letter + code[at + 1 :] for at in range(len(code)) for letter in case_code.ALPHABET}
    swapped = {code[:at] + code[at + 1] + code[at] + code[at + 2 :] for at in range(len(code) - 1)}
    return (wrong | swapped) - {code}
