"""Answers that a worker gives on the two case forms, and the blank forms to give them on. Nobody is real."""

from functools import cache
from pathlib import Path
from tempfile import mkdtemp
from typing import Any

from kobo_sync import forms
from tests.engines import javarosa
from tests.forms_fixture_other import MIGRANT as MIGRANT
from tests.forms_fixture_other import TRAFIC as TRAFIC

VICTIM: dict[str, Any] = {
    "v_c_enreg": "oui",
    "v_c_partage": "oui",
    "v_c_orient": "oui",
    "v_prenom": "Zouleymata",
    "v_nom": "N’Exemple",
    "v_sexe": "F",
    "v_age_connu": "age",
    "v_age": 30,
    "v_mineur_faits": "non",
    "v_nationalite": "NGA",
    "v_statut": "PossibleVictimOfTrafficking",
    "v_statut_organe": "police",
    "v_meme_situation": "oui",
    "v_lien_auteur": "Unacquainted",
    "v_handicap": "ref",
}
TRAITE: dict[str, Any] = {
    "entite": "POL_NIA",
    "date_connue": "oui",
    "date_detection": "2026-03-10",
    "comment_connu": "patrol",
    "det_region": "NE001",
    "portee": "cross_border",
    "entree_irreguliere": "non",
    "avantage": "nsp",
    "actes": ["recruitment", "harbouring"],
    "moyens": ["deception"],
    "exploitation": ["sexual"],
    "recrutement": "unk",
    "pays_recrutement": "NGA",
    "exp_pays": "NER",
    "saisine": "none",
    "victimes_connues": "oui",
    "autres_victimes": "non",
    "auteurs_connus": "non",
    "victime": [VICTIM],
}
PERPETRATOR: dict[str, Any] = {
    "a_type": "natural",
    "a_sexe": "M",
    "a_nationalite": "unk",
    "a_role": ["Exploiter"],
    "a_stade": "arrested",
    "a_date_stade": "2026-03-11",
}


@cache
def _compiled(form: str) -> Path:
    media = {name: (forms.FOLDER / name).read_bytes() for name in ("providers.csv", "places.csv", "contacts.csv")}
    return javarosa.compile_form(forms.xlsx_path(form), media, Path(mkdtemp(prefix="forms-")))


def blank(form: str) -> javarosa.Form:
    """The committed form, opened blank in the phone's engine."""
    return javarosa.Form(_compiled(form))


def with_victim(**changes: Any) -> dict[str, Any]:
    """The trafficking case with its one victim changed; None leaves a question without an answer."""
    return {**TRAITE, "victime": [{**VICTIM, **changes}]}
