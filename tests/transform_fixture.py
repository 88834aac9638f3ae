"""Received submissions for the tests of the transforms, in the flat JSON of Kobo."""

from __future__ import annotations

from typing import Any

from transforms.derive import Received, Settings
from transforms.mapping import map_submission
from transforms.register import Provider

SETTINGS = Settings(
    identified_by=("police", "gendarmerie", "court", "anltp"),
    deadline_days=30,
    no_status_counts=True,
    sync_account="sync",
)
REGISTER = {
    p.code: p
    for p in (
        Provider("POL", "Police", "NE008", "justice_securite", "police", "2024-01-01"),
        Provider("TGI", "Tribunal", "NE008", "justice_securite", "court", "2024-01-01"),
        Provider("OIM", "OIM", "NE001", "protection", "io_iom", "2024-01-01"),
        Provider("ONG", "ONG", "NE007", "protection", "ngo", "2024-01-01"),
    )
}


def traite(code: str = "ABCD2345", victims: list[dict[str, Any]] | None = None, **answers: Any) -> dict[str, Any]:
    """A trafficking submission: a child begging in Niamey, unless told otherwise. An answer of None is left out."""
    raw: dict[str, Any] = {
        "_id": 1, "_uuid": "u", "meta/instanceID": "uuid:u", "formhub/uuid": "f", "__version__": "v",
        "form_release": "traite-0123456789", "region_decl": "NE008", "declaration/entite": "POL",
        "code_evenement": code,
        "fait/date_connue": "oui", "fait/date_detection": "2026-04-03", "lieu/det_region": "NE008",
        "fait/portee": "domestic", "fait/actes": "recruitment harbouring", "fait/moyens": "deception",
        "fait/exploitation": "begging",
    }  # fmt: skip
    raw |= {f"fait/{name}" if f"fait/{name}" in raw else name: value for name, value in answers.items()}
    rows = [{}] if victims is None else victims
    if rows:
        raw["victime"] = [
            {f"victime/{name}": value for name, value in (victim(code, n) | row).items() if value is not None}
            for n, row in enumerate(rows, start=1)
        ]
    return {name: value for name, value in raw.items() if value is not None}


def victim(code: str, number: int) -> dict[str, Any]:
    """The answers of one victim: a girl of twelve, identified by the police."""
    return {
        "v_code": f"{code}-V{number}", "v_c_enreg": "oui", "v_c_partage": "oui", "v_c_nom": "oui", "v_sexe": "F",
        "v_age_connu": "age", "v_age": "12", "v_nationalite": "NER", "v_statut": "ActualVictimOfTrafficking",
        "v_statut_organe": "police", "v_meme_situation": "oui",
    }  # fmt: skip


def trafic(code: str = "TRUC2345", groups: list[dict[str, Any]] | None = None, **answers: Any) -> dict[str, Any]:
    """A smuggling submission: a truck intercepted at Arlit."""
    raw: dict[str, Any] = {
        "form_release": "trafic-0123456789", "entite": "POL", "code_evenement": code, "date_connue": "oui",
        "date_detection": "2026-04-10", "det_region": "NE001", "entree_irreguliere": "oui", "avantage": "oui",
        "transport": "truck", "indice_exploitation": "non",
    }  # fmt: skip
    raw |= answers
    raw["groupe"] = [
        {f"groupe/{name}": value for name, value in row.items()}
        for row in (groups or [{"g_nationalite": "NGA", "g_f_adu": "10", "g_h_adu": "20"}])
    ]
    return {name: value for name, value in raw.items() if value is not None}


def received(raw: dict[str, Any], form: str = "traite", key: str = "s/traite/1", **meta: Any) -> Received:
    """A submission as the store hands it over, sent the day after the facts unless told otherwise."""
    defaults: dict[str, Any] = {
        "received": "2026-04-15", "submission_time": "2026-04-15T10:00:00", "order": 1, "instance": "u",
    }  # fmt: skip
    return Received(mapped=map_submission(key, form, raw), **(defaults | meta))


def suivi(code: str = "ABCD2345", **answers: Any) -> dict[str, Any]:
    """A follow-up of the girl of `traite`: support given. An answer of None is left out."""
    raw: dict[str, Any] = {
        "form_release": "suivi-0123456789", "g_entite/entite": "ONG", "g_cas/code_cas": code.lower(),
        "code_normal": code, "g_cas/fiche": "traite", "g_cas/ligne": "victime", "g_cas/ligne_no": "1",
        "g_confirmer/c_sexe": "F", "g_confirmer/c_tranche": "10-14", "g_confirmer/c_mois": "2026-04-01",
        "suivi_types": "assistance", "g_aide/aide": "shelter Health", "g_aide/aide_date": "2026-05-02",
    }  # fmt: skip
    return _changed(raw, answers)


def fournisseur(**answers: Any) -> dict[str, Any]:
    """A sheet of the register: a body that has signed, and whom to call there."""
    raw: dict[str, Any] = {
        "form_release": "fournisseur-0123456789", "g_org/org_connu": "oui", "g_org/org_code": "ONG",
        "g_org/org_type": "ngo", "g_org/org_region": "NE007", "region_decl": "NE007",
        "g_points/pf_nom": "Zinariya Exemple", "g_points/pf_fonction": "point focal",
        "g_points/pf_tel": "+227 00 00 00 00", "g_points/pf_courriel": "point@exemple.invalid",
        "g_donnees/services": "shelter", "g_donnees/donnees": "cases victims", "g_donnees/outil": "paper spreadsheet",
        "g_donnees/depuis": "2019", "g_donnees/base": "consent", "g_donnees/noms": "non",
        "g_donnees/frequence": "quarterly", "g_accord/me_etat": "signed", "g_accord/me_date": "2026-02-01",
        "g_accord/toujours_vrai": "oui",
    }  # fmt: skip
    return _changed(raw, answers)


def declaration(**answers: Any) -> dict[str, Any]:
    """A declaration of the third quarter of 2026."""
    raw: dict[str, Any] = {
        "form_release": "declaration-0123456789", "g_entite/entite": "POL", "g_entite/mode_decl": "self",
        "g_periode/annee": "2026", "g_periode/trimestre": "T3", "g_nombres/neant": "non", "g_nombres/nb_traite": "2",
        "g_nombres/nb_victimes": "3", "g_nombres/nb_trafic": "0", "g_nombres/nb_migrants": "0", "g_fin/certifie": "oui",
    }  # fmt: skip
    return _changed(raw, answers)


def _changed(raw: dict[str, Any], answers: dict[str, Any]) -> dict[str, Any]:
    """The submission with some answers changed, wherever they stand; an answer of None is left out."""
    kept = {path: value for path, value in raw.items() if path.rsplit("/", 1)[-1] not in answers}
    return kept | {name: value for name, value in answers.items() if value is not None}
