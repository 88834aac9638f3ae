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
