"""Answers that a worker gives on the two case forms, and the blank forms to give them on. Nobody is real."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kobo_sync import forms
from tests.engines import javarosa
from tests.forms_fixture_other import MIGRANT as MIGRANT
from tests.forms_fixture_other import SAFE, copied
from tests.forms_fixture_other import TRAFIC as TRAFIC

VICTIM: dict[str, Any] = {
    "v_majorite": "18+",
    "v_c_enreg": "oui",
    "v_c_partage": "oui",
    "v_c_nom": "oui",
    "v_c_orient": "oui",
    "v_prenom": "Zouleymata",
    "v_nom": "N’Exemple",
    "v_sexe": "F",
    "v_age_connu": "age",
    "v_age": 30,
    "v_mineur_faits": "non",
    "v_nationalite": "NGA",
    "v_statut": "PossibleVictimOfTrafficking",
}
"""A woman whose name may be passed on."""
CHILD: dict[str, Any] = {
    "v_majorite": "0-17",
    "v_c_enreg": "oui",
    "v_c_adulte": "service",
    "v_c_partage": "oui",
    "v_c_orient": "oui",
    "v_nom_entier": "Zouleymata N’Exemple",
    "v_nom_efface": "oui",
    "v_sexe": "F",
    "v_age_connu": "age",
    "v_age": 12,
    "v_nationalite": "NER",
    "v_statut": "PossibleVictimOfTrafficking",
}
"""A girl of whose name a key stays."""
SITUATION: dict[str, Any] = {
    "v_debut_exploitation": "2025-11-01",
    "v_age_entree": 29,
    "v_residence_pays": "NGA",
    "v_instruction": "primary",
    "v_matrimonial": "ref",
    "v_handicap": "ref",
    "v_papiers": "withheld",
    "v_sante": "care_needed",
    "v_lien_recruteur": "Acquainted",
    "v_lien_auteur": "Unacquainted",
    "v_besoins": ["Health", "Legal"],
}
"""What is asked of a victim besides when details are ticked."""
TRAITE: dict[str, Any] = {
    "entite": "POL_NIA",
    "points": SAFE,
    "date_connue": "oui",
    "date_detection": "2026-03-10",
    "det_region": "NE001",
    "portee": "cross_border",
    "entree_irreguliere": "non",
    "avantage": "nsp",
    "actes": ["recruitment", "harbouring"],
    "moyens": ["deception"],
    "exploitation": ["sexual"],
    "saisine": "none",
    "ajouts": ["victimes"],
    "victime": [VICTIM],
    "code_recopie": copied,
}
DETAILS: dict[str, Any] = {
    "comment_connu": "patrol",
    "det_lieu_type": "road",
    "date_faits": "2026-03-01",
    "recrutement": "unk",
    "pays_recrutement": "NGA",
    "rec_lieu_type": "street",
    "pays_transit": ["BEN"],
    "exp_pays": "NER",
    "exp_region": "NE001",
    "exp_departement": "NE001003",
    "exp_lieu_type": "mine",
    "type_sexuel": ["Prostitution"],
    "controle": ["WithholdsDocuments"],
}
"""What is asked of the event besides when details are ticked."""
PERPETRATOR: dict[str, Any] = {
    "a_type": "natural",
    "a_sexe": "M",
    "a_nationalite": "unk",
    "a_role": ["Exploiter"],
    "a_stade": "arrested",
    "a_date_stade": "2026-03-11",
}
KEY_CHILD: dict[str, Any] = {**TRAITE, "entite": "ONG_NIA", "portee": "domestic", "victime": [CHILD]}
"""The commonest case: a child begging in Niger, reported by a body that passes on no name."""
del KEY_CHILD["entree_irreguliere"], KEY_CHILD["avantage"]
KEY_CHILD |= {"exploitation": ["begging"], "moyens": ["none"]}


@cache
def compiled(form: str) -> Path:
    """The committed form as an XForm, its attachments beside it."""
    media = {name: (forms.FOLDER / name).read_bytes() for name in ("providers.csv", "places.csv", "contacts.csv")}
    return javarosa.compile_form(forms.xlsx_path(form), media, Path(mkdtemp(prefix="forms-")))


def blank(form: str) -> javarosa.Form:
    """The committed form, opened blank in the phone's engine."""
    return javarosa.Form(compiled(form))


def with_victim(**changes: Any) -> dict[str, Any]:
    """The trafficking case with its one victim changed; None leaves a question without an answer."""
    return {**TRAITE, "victime": [{**VICTIM, **changes}]}


def with_details(**changes: Any) -> dict[str, Any]:
    """The trafficking case with all its details, its one victim changed."""
    return {**TRAITE, **DETAILS, "ajouts": ["victimes", "details"], "victime": [{**VICTIM, **SITUATION, **changes}]}
