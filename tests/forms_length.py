"""How long the case forms are, counted in the phone's engine on whole cases that could be sent.

    python -m tests.forms_length        # the table, in French, for the documentation

*Screens* are what a worker swipes through, the last one included. *Answers* are all that the worker gave, optional ones
too. *Prompts* are the times that the phone asks whether to add one more victim, perpetrator, group or migrant: ODK
Collect shows them between screens, Enketo does not.
"""

from dataclasses import dataclass
from typing import Any

from tests.forms_fixture import (
    CHILD,
    DETAILS,
    KEY_CHILD,
    PERPETRATOR,
    SITUATION,
    TRAFIC,
    TRAITE,
    VICTIM,
    blank,
    with_details,
)

KEY_ADULT: dict[str, Any] = {
    **KEY_CHILD,
    "moyens": ["deception"],
    "victime": [
        {name: answer for name, answer in CHILD.items() if name != "v_c_adulte"}
        | {"v_majorite": "18+", "v_age": 30, "v_mineur_faits": "non"}
    ],
}
NEXT = {"v_meme_situation": "oui"}
THREE_AND_TWO: dict[str, Any] = {
    **KEY_CHILD,
    "ajouts": ["victimes", "auteurs"],
    "victime": [CHILD, {**CHILD, **NEXT}, {**CHILD, **NEXT}],
    "auteur": [PERPETRATOR] * 2,
}
ALL_THE_REST: dict[str, Any] = {
    **TRAITE,
    **DETAILS,
    "ajouts": ["victimes", "auteurs", "details"],
    "victime": [{**VICTIM, **SITUATION}, {**VICTIM, **SITUATION, **NEXT}, {**VICTIM, **SITUATION, **NEXT}],
    "auteur": [PERPETRATOR] * 2,
}
TRUCK = {name: answer for name, answer in TRAFIC.items() if name != "migrant"} | {"detail_connu": "non"}

CASES: tuple[tuple[str, str, dict[str, Any]], ...] = (
    ("Un enfant, au Niger, avec la clé de son nom", "traite", KEY_CHILD),
    ("Un adulte, au Niger, avec la clé de son nom", "traite", KEY_ADULT),
    ("Un adulte, frontière passée, avec son nom", "traite", TRAITE),
    ("Le même, avec tous les détails", "traite", with_details()),
    ("Trois enfants et deux auteurs", "traite", THREE_AND_TWO),
    ("Trois adultes nommés, deux auteurs, tous les détails", "traite", ALL_THE_REST),
    ("Un camion de 60 migrants, un passeur", "trafic", TRUCK),
)


@dataclass(frozen=True)
class Length:
    """What one case costs the worker."""

    case: str
    form: str
    screens: int
    answers: int
    prompts: int


def measure(case: str, form: str, answers: dict[str, Any]) -> Length:
    """Fill a case and count. Raises AssertionError where it could not be sent."""
    opened = blank(form)
    report = opened.fill(answers)
    assert (report.refused, report.unmet, opened.problem()) == ({}, [], None), case
    return Length(case, form, report.screens, report.answered, report.prompts)


def lengths() -> list[Length]:
    """All cases, in the order of `CASES`."""
    return [measure(*case) for case in CASES]


def table() -> str:
    """The lengths as a table in Markdown."""
    lines = ["| Cas | Fiche | Écrans | Réponses | « En ajouter ? » |", "|---|---|---|---|---|"]
    lines += [f"| {one.case} | {one.form} | {one.screens} | {one.answers} | {one.prompts} |" for one in lengths()]
    return "\n".join(lines)


if __name__ == "__main__":
    print(table())
